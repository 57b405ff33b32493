"""Footprints against the arithmetic of a plane."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.camera import Intrinsics
from pipelines.geometry.camera_height import Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.footprint import footprint
from pipelines.geometry.geodesy import range_and_bearing
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose

CAMERA = Intrinsics(width_px=4000, height_px=3000, fx_px=3000, fy_px=3000, cx_px=2000, cy_px=1500)


def viewpoint_of(pitch: float) -> Viewpoint:
    pose = Pose(
        latitude_deg=5.0,
        longitude_deg=6.0,
        height_m=100.0,
        height_reference=HeightReference.ABOVE_GROUND,
        yaw_deg=0.0,
        pitch_deg=pitch,
        roll_deg=0.0,
    )
    height = decide_height(stated_heights(pose, DEFAULT_SIGMAS), TerrainSource(None))
    viewpoint = set_up(pose, CAMERA, DEFAULT_SIGMAS, height)
    assert not isinstance(viewpoint, Unlocatable)
    return viewpoint


def east_north(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    distance, bearing = range_and_bearing(5.0, 6.0, ring[:, 1], ring[:, 0])
    turn = np.radians(bearing)
    return np.column_stack([distance * np.sin(turn), distance * np.cos(turn)])


def area(ring: NDArray[np.float64]) -> float:
    x, y = east_north(ring).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def test_straight_down_it_is_the_sensor_enlarged() -> None:
    ring = footprint(viewpoint_of(-90.0))
    assert ring is not None
    np.testing.assert_array_equal(ring[0], ring[-1])
    corners = east_north(ring)
    np.testing.assert_allclose(corners.max(axis=0), [100 * 2 / 3, 50], atol=0.01)
    np.testing.assert_allclose(corners.min(axis=0), [-100 * 2 / 3, -50], atol=0.01)
    # Counter-clockwise, as RFC 7946 asks.
    assert area(ring) == pytest.approx(100 * 100 * 4 / 3, rel=1e-3)


def test_the_horizon_cuts_it_at_the_range() -> None:
    ring = footprint(viewpoint_of(-10.0), max_range_m=2000.0)
    assert ring is not None
    distance = np.hypot(*east_north(ring).T)
    assert distance.max() == pytest.approx(2000.0, rel=1e-3)
    # The bottom edge looks 10 + atan(1500 / 3000) degrees down.
    nearest = 100 / np.tan(np.radians(10 + np.degrees(np.arctan(0.5))))
    assert distance.min() == pytest.approx(nearest, rel=1e-3)
    assert area(ring) > 0


def test_of_the_sky_there_is_none() -> None:
    assert footprint(viewpoint_of(60.0)) is None
