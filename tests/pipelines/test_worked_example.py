"""The worked example that a public tool's manual computes over its elevation model of Rome.

OpenAthena's README (mkrupczak3/OpenAthena, "getTarget.py" and "example_script.py") gives every
input, a place, and two heights there. The tool steps down the ray metre by metre, reads the nearest
post, and ends while its line is still above the ground: by its own words at 149.087 m, over terrain
of 146.627 m. So the place it prints lies 6.8 m before the place where its own line meets its own
terrain. That meeting point is the example's true end.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Geod

from pipelines.camera import Intrinsics
from pipelines.geometry.camera_height import decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import georeference
from pipelines.geometry.heights import undulation_m
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose

POSE = Pose(
    latitude_deg=41.801,
    longitude_deg=12.6483,
    height_m=500.0,
    height_reference=HeightReference.MSL,
    yaw_deg=315.0,
    pitch_deg=-20.0,
    roll_deg=0.0,
)
PRINTED = (41.807133, 12.640073)
LINE_M, TERRAIN_M, RANGE_M = 149.087333, 146.626879, 1026.024958
CAMERA = Intrinsics(width_px=100, height_px=100, fx_px=100.0, fy_px=100.0, cx_px=50.0, cy_px=50.0)
GEOD = Geod(ellps="WGS84")


def model(data_dir: Path, folder: Path) -> Path:
    """A folder that holds the model alone."""
    return Path(shutil.copy(data_dir / "photos" / "openathena" / "Rome-30m-DEM.tif", folder))


def test_the_example_ends_where_its_line_meets_its_terrain(data_dir: Path, tmp_path: Path) -> None:
    model(data_dir, tmp_path)
    height = decide_height(stated_heights(POSE, DEFAULT_SIGMAS), TerrainSource(tmp_path))
    viewpoint = set_up(POSE, CAMERA, DEFAULT_SIGMAS, height)
    assert isinstance(viewpoint, Viewpoint)
    (point,) = georeference(viewpoint, np.array([[50.0, 50.0]]))
    assert point.latitude_deg is not None
    assert point.longitude_deg is not None
    # The printed heights and range are of one line that leaves 500 m at 20 degrees.
    assert 500.0 - RANGE_M * math.sin(math.radians(20.0)) == pytest.approx(LINE_M, abs=0.1)
    onwards = (LINE_M - TERRAIN_M) / math.tan(math.radians(20.0))
    longitude, latitude, _ = GEOD.fwd(PRINTED[1], PRINTED[0], POSE.yaw_deg, onwards)
    _, _, apart = GEOD.inv(point.longitude_deg, point.latitude_deg, longitude, latitude)
    _, _, printed = GEOD.inv(point.longitude_deg, point.latitude_deg, PRINTED[1], PRINTED[0])
    print(
        f"ours {point.latitude_deg:.6f}, {point.longitude_deg:.6f}: {apart:.1f} m from where the "
        f"example's line meets its terrain, {printed:.1f} m from the place it prints"
    )
    assert apart < 5.0
    assert printed < apart + onwards
    # What is left is the nearest post against the surface between posts.
    assert point.slant_range_m == pytest.approx(
        RANGE_M + onwards / math.cos(math.radians(20)), abs=7
    )


def test_at_the_height_where_the_example_stops_its_place_comes_out() -> None:
    """Its position, direction and heights, over level ground as high as the end of its line."""
    sea = float(undulation_m(*PRINTED))
    height = decide_height(
        stated_heights(POSE, DEFAULT_SIGMAS), TerrainSource(None), ground_hae_m=LINE_M + sea
    )
    viewpoint = set_up(POSE, CAMERA, DEFAULT_SIGMAS, height)
    assert isinstance(viewpoint, Viewpoint)
    (point,) = georeference(viewpoint, np.array([[50.0, 50.0]]))
    assert point.latitude_deg is not None
    assert point.longitude_deg is not None
    _, _, apart = GEOD.inv(point.longitude_deg, point.latitude_deg, PRINTED[1], PRINTED[0])
    print(f"{apart:.1f} m from the printed place")
    assert apart < 5.0
    assert point.slant_range_m == pytest.approx(RANGE_M, abs=1.0)


def test_the_end_is_that_of_a_march_in_steps_of_five_centimetres(
    data_dir: Path, tmp_path: Path
) -> None:
    """A judge of its own: bilinear posts, geodesics, and a line that drops with the Earth."""
    path = model(data_dir, tmp_path)
    with rasterio.open(path) as file:
        posts, (column_0, row_0) = file.read(1).astype(float), (file.transform.c, file.transform.f)
        step_x, step_y = file.transform.a, file.transform.e
    along = np.arange(0.0, 1200.0, 0.05)
    longitude, latitude, _ = GEOD.fwd(
        np.full_like(along, POSE.longitude_deg),
        np.full_like(along, POSE.latitude_deg),
        np.full_like(along, POSE.yaw_deg),
        along,
    )
    column = (longitude - column_0) / step_x - 0.5
    row = (latitude - row_0) / step_y - 0.5
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    u, v = column - left, row - top
    ground = (
        posts[top, left] * (1 - u) * (1 - v)
        + posts[top, left + 1] * u * (1 - v)
        + posts[top + 1, left] * (1 - u) * v
        + posts[top + 1, left + 1] * u * v
    )
    line = 500.0 - along * math.tan(math.radians(20.0)) + along**2 / (2 * 6_371_000.0)
    first = int(np.argmax(line <= ground))
    height = decide_height(stated_heights(POSE, DEFAULT_SIGMAS), TerrainSource(tmp_path))
    viewpoint = set_up(POSE, CAMERA, DEFAULT_SIGMAS, height)
    assert isinstance(viewpoint, Viewpoint)
    (point,) = georeference(viewpoint, np.array([[50.0, 50.0]]))
    assert point.latitude_deg is not None
    assert point.longitude_deg is not None
    _, _, apart = GEOD.inv(
        point.longitude_deg, point.latitude_deg, longitude[first], latitude[first]
    )
    assert apart < 0.3
