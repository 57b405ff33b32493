"""Elevation models of a folder as one field of heights above the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import InvalidInputError
from pipelines.geometry.elevation_file import ElevationFile, TileCache, bilinear
from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.ray_march import meet_field
from pipelines.geometry.terrain import Crossings
from pipelines.outcome import Finding, Severity

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class DemTerrain:
    """The elevation models of a folder as one terrain, the finest first.

    Attributes:
        label: for example "dem:srtm.tif".
        files: finest posts first.
        cache: of their tiles.
    """

    label: str
    files: tuple[ElevationFile, ...]
    cache: TileCache = field(default_factory=TileCache)

    @property
    def post_m(self) -> float:
        """Distance of the closest posts."""
        return min(file.post_m for file in self.files)

    @property
    def lowest_m(self) -> float:
        """No height is lower."""
        return min(file.extremes_m[0] for file in self.files)

    @property
    def highest_m(self) -> float:
        """No height is higher."""
        return max(file.extremes_m[1] for file in self.files)

    def height_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Heights (N,) above the ellipsoid, bilinear; NaN in a gap and outside."""
        heights = np.full(len(latitude_deg), np.nan)
        open_ = np.arange(len(latitude_deg))
        for file in self.files:
            column, row = file.grid_of(latitude_deg[open_], longitude_deg[open_])
            within = file.inside(column, row)
            if within.any():
                members = open_[within]
                heights[members] = bilinear(file, self.cache, column[within], row[within])
            open_ = open_[np.isnan(heights[open_])]
            if not open_.size:
                break
        return heights

    def plane(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """The grid of the only file, else degrees; see `ray_march.HeightField`."""
        if len(self.files) == 1:
            return self.files[0].grid_of(latitude_deg, longitude_deg)
        return latitude_deg, self.files[0].unwrapped(longitude_deg)

    def plane_height_m(self, u: Floats, v: Floats) -> Floats:
        """Heights (N,) at coordinates of `plane`; NaN in a gap and outside."""
        if len(self.files) > 1:
            return self.height_m(u, v)
        (file,) = self.files
        within = file.inside(u, v)
        if within.all():
            return bilinear(file, self.cache, u, v)
        heights = np.full(len(u), np.nan)
        if within.any():
            heights[within] = bilinear(file, self.cache, u[within], v[within])
        return heights

    def covers(self, latitude_deg: Floats, longitude_deg: Floats) -> NDArray[np.bool_]:
        """Whether places (N,) lie inside the bounds of a file."""
        covered = np.zeros(len(latitude_deg), np.bool_)
        for file in self.files:
            covered |= file.inside(*file.grid_of(latitude_deg, longitude_deg))
        return covered

    def meet(self, origin_ecef: Floats, direction_ecef: Floats) -> Crossings:
        """First crossings; see `pipelines.geometry.terrain.Terrain.meet`."""
        return meet_field(self, origin_ecef, direction_ecef)

    def normal_enu(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Upward unit normals (N, 3) from heights half a post to every side; up beside a gap."""
        metres_north, metres_east = metres_per_degree(latitude_deg)
        half = self.post_m / 2
        d_lat, d_lon = half / metres_north, half / metres_east
        count = len(latitude_deg)
        heights = self.height_m(
            np.concatenate([latitude_deg] * 2 + [latitude_deg - d_lat, latitude_deg + d_lat]),
            np.concatenate([longitude_deg - d_lon, longitude_deg + d_lon] + [longitude_deg] * 2),
        ).reshape(4, count)
        east_slope = np.nan_to_num((heights[1] - heights[0]) / (2 * half))
        north_slope = np.nan_to_num((heights[3] - heights[2]) / (2 * half))
        normal = np.stack([-east_slope, -north_slope, np.ones(count)], axis=1)
        unit: Floats = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        return unit

    def relief_m(self, latitude_deg: float, longitude_deg: float, radius_m: float) -> float:
        """One standard deviation of the heights around a place; NaN where none is known."""
        offset = np.linspace(-radius_m, radius_m, 9)
        north, east = np.meshgrid(offset, offset)
        near = north**2 + east**2 <= radius_m**2
        metres_north, metres_east = metres_per_degree(latitude_deg)
        heights = self.height_m(
            latitude_deg + north[near] / metres_north, longitude_deg + east[near] / metres_east
        )
        known = heights[np.isfinite(heights)]
        return float(known.std()) if known.size else float("nan")


class TerrainSource:
    """The elevation models of a folder, indexed once; without a folder there is no terrain.

    Attributes:
        findings: files that could not be used, and datums that were assumed.
    """

    def __init__(self, folder: Path | None) -> None:
        self.findings: tuple[Finding, ...] = ()
        self._files: tuple[ElevationFile, ...] = ()
        self._cache = TileCache()
        self._terrains: dict[tuple[str, tuple[ElevationFile, ...]], DemTerrain] = {}
        if folder is None:
            return
        if not folder.is_dir():
            raise InvalidInputError(f"{folder} is not a folder of elevation models", field="dem")
        files: list[ElevationFile] = []
        findings: list[Finding] = []
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() not in {".tif", ".tiff"}:
                continue
            try:
                file = ElevationFile(path)
            except InvalidInputError as error:
                findings.append(
                    Finding(code="DEM_UNUSABLE", severity=Severity.WARNING, message=str(error))
                )
                continue
            files.append(file)
        self._files = tuple(sorted(files, key=lambda file: file.post_m))
        if not self._files:
            findings.append(
                Finding(
                    code="DEM_UNUSABLE",
                    severity=Severity.WARNING,
                    message=f"no elevation model (GeoTIFF) lies in {folder}",
                )
            )
        self.findings = tuple(findings)

    @property
    def has_files(self) -> bool:
        """Whether there is any elevation model."""
        return bool(self._files)

    def near(
        self, latitude_deg: float, longitude_deg: float, within_m: float = 20_000.0
    ) -> DemTerrain | None:
        """The terrain of the files whose bounds come within a distance of a place; None without."""
        metres_north, metres_east = metres_per_degree(latitude_deg)
        chosen = []
        for file in self._files:
            west, south, east, north = file.bounds_deg
            place_deg = float(file.unwrapped(np.array([longitude_deg]))[0])
            north_m = max(south - latitude_deg, latitude_deg - north, 0.0) * metres_north
            east_m = max(west - place_deg, place_deg - east, 0.0) * metres_east
            if np.hypot(north_m, east_m) <= within_m:
                chosen.append((float(np.hypot(north_m, east_m)), file))
        if not chosen:
            return None
        nearest = min(chosen, key=lambda pair: pair[0])[1]
        label, files = f"dem:{nearest.path.name}", tuple(file for _, file in chosen)
        # One object for all cameras over it, so that their rays are met together.
        return self._terrains.setdefault(
            (label, files), DemTerrain(label=label, files=files, cache=self._cache)
        )


def datum_findings(terrain: DemTerrain) -> tuple[Finding, ...]:
    """What had to be assumed of the heights of a terrain's files."""
    findings = []
    for file in terrain.files:
        if file.reference.assumed:
            said = (
                f"says {file.reference.stated}, for which no grid lies on this machine"
                if file.reference.stated
                else "does not say what its heights are measured from"
            )
            findings.append(
                Finding(
                    code="DEM_DATUM_ASSUMED",
                    severity=Severity.NOTE,
                    message=f"{file.path.name} {said}; read as EGM96 mean sea level",
                )
            )
    return tuple(findings)
