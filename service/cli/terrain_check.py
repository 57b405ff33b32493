"""Whether a folder of elevation models serves frames: coverage, posts, datum and gaps.

Reading rasters needs the service's extra; the field client is told so instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.markup import escape

from models.wording import counted
from pipelines.geometry.geodesy import metres_per_degree
from pipelines.outcome import Finding, Outcome
from pipelines.pose import HeightReference, Pose
from service.cli.examined import Examined
from service.cli.output import console, plain

# Around the camera gaps are looked for as far as a pixel at 11 degrees down sees.
_REACH_PER_HEIGHT, _LEAST_REACH_M, _REACH_M = 5.0, 100.0, 1_000.0
_STEPS = 21
_TOLD = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameTerrain:
    """The ground that an elevation model has of one frame.

    Attributes:
        path: of the image.
        covered: there is a model at the camera's position.
        model: the nearest model's file; None where none is near.
        ground_hae_m: ground below the camera above the ellipsoid; None in a gap, and uncovered.
        post_m: distance of the closest posts.
        reach_m: how far around gaps were looked for.
        gap_share: part of that ground without a height, 0 to 1.
    """

    path: Path
    covered: bool
    model: str | None = None
    ground_hae_m: float | None = None
    post_m: float | None = None
    reach_m: float | None = None
    gap_share: float | None = None

    @property
    def usable(self) -> bool:
        """Whether the ground below the camera is known."""
        return self.ground_hae_m is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class TerrainReport:
    """What an elevation folder has for frames.

    Attributes:
        frames: of the images that have a position to look at.
        findings: files that cannot be used, datums that had to be assumed.
        tiles: names of public 30 m tiles that would close what is missing.
    """

    frames: tuple[FrameTerrain, ...]
    findings: tuple[Finding, ...]
    tiles: tuple[str, ...]

    @property
    def missing(self) -> int:
        """How many frames have no ground."""
        return sum(not frame.usable for frame in self.frames)


def can_read_terrain() -> bool:
    """Whether what reads rasters is installed."""
    return find_spec("rasterio") is not None


def check_terrain(folder: Path, examined: Sequence[Examined]) -> TerrainReport:
    """Hold the positions of located frames against the elevation models of a folder.

    Raises:
        InvalidInputError: the folder is none.
    """
    # Asked for by --dem alone: the field client has no rasterio.
    from pipelines.geometry.elevation import (
        TerrainSource,
        datum_findings,
    )

    source = TerrainSource(folder)
    findings = list(source.findings)
    frames = []
    for one in examined:
        capture = one.capture
        if capture is None or capture.pose is None or capture.outcome is not Outcome.LOCATED:
            continue
        pose = capture.pose
        terrain = source.near(pose.latitude_deg, pose.longitude_deg, within_m=_REACH_M)
        if terrain is None:
            frames.append(FrameTerrain(path=one.path, covered=False))
            continue
        findings += [told for told in datum_findings(terrain) if told not in findings]
        reach = _reach(pose)
        latitude, longitude = _around(pose.latitude_deg, pose.longitude_deg, reach)
        heights = terrain.height_m(latitude, longitude)
        below = float(heights[0])
        frames.append(
            FrameTerrain(
                path=one.path,
                covered=bool(terrain.covers(latitude[:1], longitude[:1])[0]),
                model=terrain.label.removeprefix("dem:"),
                ground_hae_m=below if math.isfinite(below) else None,
                post_m=terrain.post_m,
                reach_m=reach,
                gap_share=float(np.isnan(heights).mean()),
            )
        )
    missing = {frame.path for frame in frames if not frame.usable}
    return TerrainReport(
        frames=tuple(frames),
        findings=tuple(findings),
        tiles=tiles_for([one for one in examined if one.path in missing]),
    )


def tiles_for(examined: Sequence[Examined]) -> tuple[str, ...]:
    """Names of the Copernicus GLO-30 tiles, a degree wide each, below the cameras."""
    names = set()
    for one in examined:
        pose = None if one.capture is None else one.capture.pose
        if pose is not None:
            south, west = math.floor(pose.latitude_deg), math.floor(pose.longitude_deg)
            names.add(
                f"Copernicus_DSM_COG_10_{'N' if south >= 0 else 'S'}{abs(south):02d}_00_"
                f"{'E' if west >= 0 else 'W'}{abs(west):03d}_00_DEM"
            )
    return tuple(sorted(names))


def tell_terrain(folder: Path, report: TerrainReport) -> None:
    """The report in words."""
    out = console()
    total = len(report.frames)
    out.print(f"[bold]Elevation models in {escape(plain(str(folder)))}[/bold]")
    covered = total - report.missing
    colour = "green" if covered == total else "red"
    out.print(
        f"  [{colour}]ground is known below {covered} of {counted(total, 'camera')}[/{colour}]"
    )
    posts = sorted({round(frame.post_m, 1) for frame in report.frames if frame.post_m is not None})
    if posts:
        spread = f"{posts[0]:g}" if len(posts) == 1 else f"{posts[0]:g} to {posts[-1]:g}"
        out.print(f"  posts are {spread} m apart")
    told = [line for frame in report.frames if (line := _frame_line(frame))]
    for line in told[:_TOLD]:
        out.print(f"  {line}")
    if len(told) > _TOLD:
        out.print(f"  and {len(told) - _TOLD} more (--json lists all)")
    for finding in report.findings:
        out.print(f"  [yellow]{finding.code}[/yellow]: {escape(plain(finding.message))}")
    if report.tiles:
        tell_where_to_get(report.tiles)
    out.print()


def _frame_line(frame: FrameTerrain) -> str:
    """What is missing below and around a frame; empty where nothing is."""
    name = escape(plain(str(frame.path)))
    if not frame.usable:
        why = "a gap below the camera" if frame.covered else "outside every model"
        return f"{name}  [red]{why}[/red]"
    if frame.gap_share and frame.reach_m:
        return (
            f"{name}  [yellow]{100 * frame.gap_share:.0f} % of the ground within "
            f"{frame.reach_m:.0f} m is missing[/yellow]"
        )
    return ""


def tell_where_to_get(tiles: Sequence[str]) -> None:
    """How to get terrain, as steps."""
    out = console()
    out.print("  To get the ground below them (Copernicus GLO-30, free, 30 m):")
    out.print("  on a machine with the internet, download of each tile the .tif file from")
    for tile in tiles:
        out.print(
            f"    https://copernicus-dem-30m.s3.amazonaws.com/{tile}/{tile}.tif", markup=False
        )
    out.print("  and put them into the folder that --dem (or the setting dem_dir) names.")


def terrain_document(report: TerrainReport) -> dict[str, Any]:
    """The report for programs."""
    return {
        "frames": [
            {
                "file_name": str(frame.path),
                "covered": frame.covered,
                "model": frame.model,
                "ground_hae_m": frame.ground_hae_m,
                "post_m": frame.post_m,
                "reach_m": frame.reach_m,
                "gap_share": frame.gap_share,
            }
            for frame in report.frames
        ],
        "missing": report.missing,
        "findings": [
            {"code": told.code, "severity": told.severity, "message": told.message}
            for told in report.findings
        ],
        "tiles": list(report.tiles),
    }


def _reach(pose: Pose) -> float:
    """How far around a camera its pictures show ground well."""
    if pose.height_reference is not HeightReference.ABOVE_GROUND:
        return _REACH_M
    return min(max(_REACH_PER_HEIGHT * pose.height_m, _LEAST_REACH_M), _REACH_M)


def _around(
    latitude_deg: float, longitude_deg: float, reach_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The camera's place first, then a grid over what lies within reach."""
    offset = np.linspace(-reach_m, reach_m, _STEPS)
    north, east = (grid.ravel() for grid in np.meshgrid(offset, offset))
    near = np.hypot(north, east) <= reach_m
    metres_north, metres_east = metres_per_degree(latitude_deg)
    return (
        np.concatenate([[latitude_deg], latitude_deg + north[near] / metres_north]),
        np.concatenate([[longitude_deg], longitude_deg + east[near] / metres_east]),
    )
