"""Pixels to ground per second and metres from the truth, ours and orthority's.

    python -m benchmarks.georeference [--points 100000] [--rounds 3] [--json FILE]

A nadir frame from 3 km and an oblique one from 700 m over one synthetic elevation model of
30 m posts in a plane map grid: hills of sines. The judge is a march in steps of 5 cm over the same
bilinear posts, in that plane grid. Both run in one process, in turns, and the figures are medians
of the rounds. Orthority gives points, so points are what is compared: pixels to longitude, latitude
and height. With the covariance, which only ours gives, is told beside it. The Earth's curvature,
which ours has and the plane has not, is a part of our distance from the judge where rays graze the
hills.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from orthority.camera import PinholeCamera
from orthority.enums import Interp

from pipelines.camera import Intrinsics
from pipelines.geometry.camera_height import StatedHeights, Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import locate
from pipelines.geometry.viewpoint import Viewpoint, set_up
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose

Floats = NDArray[np.float64]

# A map of true scale where the camera stands, so that its plane is nearly the ground's.
GRID = "+proj=tmerc +lat_0=0 +lon_0=33 +k=1 +x_0=500000 +datum=WGS84 +units=m +type=crs"
POST_M, HALF = 30.0, 200
# On the central meridian, where grid north is true north.
EAST, NORTH = 500_000.0, 660_000.0
WIDTH, HEIGHT, FOCAL = 4000, 3000, 3000.0


def posts() -> Floats:
    """Heights above the sea, (401, 401)."""
    column, row = np.meshgrid(np.arange(2 * HALF + 1), np.arange(2 * HALF + 1))
    hills: Floats = 300 + 40 * np.sin(column * POST_M / 260) * np.cos(row * POST_M / 330)
    return hills


def surface(heights: Floats, x: Floats, y: Floats) -> Floats:
    """The posts, bilinear; the judge's own."""
    column, row = (x - EAST) / POST_M + HALF, (NORTH - y) / POST_M + HALF
    left = np.clip(np.floor(column).astype(int), 0, 2 * HALF - 1)
    top = np.clip(np.floor(row).astype(int), 0, 2 * HALF - 1)
    u, v = column - left, row - top
    upper = heights[top, left] * (1 - u) + heights[top, left + 1] * u
    lower = heights[top + 1, left] * (1 - u) + heights[top + 1, left + 1] * u
    result: Floats = upper * (1 - v) + lower * v
    return result


def in_turns(
    calls: dict[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, float], dict[str, object]]:
    """Medians in seconds of calls that take turns, and what they returned last."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    results: dict[str, object] = {}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            results[name] = call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}, results


def viewpoint_of(folder: Path, height_m: float, pitch_deg: float) -> Viewpoint:
    """Our camera over the model."""
    to_degrees = pyproj.Transformer.from_crs(GRID, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(EAST, NORTH)
    pose = Pose(
        latitude_deg=latitude,
        longitude_deg=longitude,
        height_m=height_m,
        height_reference=HeightReference.MSL,
        yaw_deg=0.0,
        pitch_deg=pitch_deg,
        roll_deg=0.0,
    )
    stated = StatedHeights(
        latitude_deg=latitude,
        longitude_deg=longitude,
        absolute_m=height_m,
        absolute_reference=HeightReference.MSL,
        absolute_sigma_m=5.0,
    )
    intrinsics = Intrinsics(
        width_px=WIDTH,
        height_px=HEIGHT,
        fx_px=FOCAL,
        fy_px=FOCAL,
        cx_px=WIDTH / 2,
        cy_px=HEIGHT / 2,
    )
    viewpoint = set_up(
        pose, intrinsics, DEFAULT_SIGMAS, decide_height(stated, TerrainSource(folder))
    )
    if isinstance(viewpoint, Unlocatable):
        raise SystemExit(f"no viewpoint: {viewpoint.findings}")
    return viewpoint


def march(heights: Floats, origin: Floats, ways: Floats, reach_m: float) -> Floats:
    """(2, N) first crossings in the plane grid."""
    steps = np.arange(0.0, reach_m, 0.05)
    result = np.full((2, ways.shape[1]), np.nan)
    for index in range(ways.shape[1]):
        track = origin + ways[:, index : index + 1] * steps
        below = np.flatnonzero(track[2] <= surface(heights, track[0], track[1]))
        if below.size:
            result[:, index] = track[:2, below[0]]
    return result


def measure(
    folder: Path, name: str, height_m: float, pitch_deg: float, *, points: int, rounds: int
) -> dict[str, object]:
    """One scene."""
    heights = posts()
    corner = (EAST - (HALF + 0.5) * POST_M, NORTH + (HALF + 0.5) * POST_M)
    transform = rasterio.Affine(POST_M, 0, corner[0], 0, -POST_M, corner[1])
    rng = np.random.default_rng(1)
    # The part of the frame that surely shows the model.
    ji = rng.uniform((0, HEIGHT * 0.3), (WIDTH - 1, HEIGHT - 1), (points, 2)).T
    theirs = PinholeCamera(
        im_size=(WIDTH, HEIGHT),
        focal_len=FOCAL / WIDTH,
        sensor_size=(1.0, HEIGHT / WIDTH),
        xyz=(EAST, NORTH, height_m),
        opk=(np.radians(90 + pitch_deg), 0.0, 0.0),
    )
    viewpoint = viewpoint_of(folder, height_m, pitch_deg)
    station = np.zeros(points, np.intp)
    locate([viewpoint], station[:100], ji.T[:100] + 0.5)
    pixels = ji.T + 0.5
    seconds, found = in_turns(
        {
            "ours": lambda: locate([viewpoint], station, pixels, with_errors=False),
            "ours_with_covariance": lambda: locate([viewpoint], station, pixels),
            "orthority": lambda: theirs._pixel_to_world_surf(  # noqa: SLF001 - its only way onto a DEM
                ji, heights, transform, interp=Interp.bilinear
            ),
        },
        rounds,
    )
    places, world = found["ours_with_covariance"], found["orthority"]
    some = slice(0, 200)
    position = np.array([[EAST], [NORTH], [height_m]])
    sea = theirs.pixel_to_world_z(ji[:, some], 0.0) - position
    truth = march(heights, position, sea / np.linalg.norm(sea, axis=0), 3 * height_m)
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", GRID, always_xy=True)
    x, y = to_grid.transform(places.longitude_deg[some], places.latitude_deg[some])  # type: ignore[attr-defined] # of `in_turns`
    ours_off = np.hypot(x - truth[0], y - truth[1])
    theirs_off = np.hypot(*(world[:2, some] - truth))  # type: ignore[index] # of `in_turns`
    return {
        "scene": name,
        "points": points,
        **{f"{who}_points_per_s": points / taken for who, taken in seconds.items()},
        "ratio": seconds["orthority"] / seconds["ours"],
        "ratio_with_covariance": seconds["orthority"] / seconds["ours_with_covariance"],
        "ours_median_m": float(np.nanmedian(ours_off)),
        "ours_max_m": float(np.nanmax(ours_off)),
        "orthority_median_m": float(np.nanmedian(theirs_off)),
        "orthority_max_m": float(np.nanmax(theirs_off)),
    }


def main() -> None:
    """Run, print, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corner = (EAST - (HALF + 0.5) * POST_M, NORTH + (HALF + 0.5) * POST_M)
        with rasterio.open(
            folder / "hills.tif",
            "w",
            driver="GTiff",
            width=2 * HALF + 1,
            height=2 * HALF + 1,
            count=1,
            dtype="float64",
            crs=GRID,
            transform=rasterio.Affine(POST_M, 0, corner[0], 0, -POST_M, corner[1]),
        ) as dem:
            dem.write(posts(), 1)
        results = [
            measure(folder, scene, height, pitch, points=arguments.points, rounds=arguments.rounds)
            for scene, height, pitch in [
                ("nadir from 3 km", 3300.0, -90.0),
                ("60 degrees off nadir from 700 m", 1000.0, -30.0),
            ]
        ]
    print(f"{platform.processor() or platform.machine()}, {platform.python_version()}")
    for result in results:
        for key, value in result.items():
            print(f"{key:36} {value:,.2f}" if isinstance(value, float) else f"{key:36} {value}")
        print()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
