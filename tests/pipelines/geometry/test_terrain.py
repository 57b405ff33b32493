"""Rays against surfaces of constant height."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray

from pipelines.geometry.geodesy import ecef_from_geodetic, ecef_from_ned
from pipelines.geometry.terrain import (
    ABOVE_HORIZON,
    LOCATED,
    NO_INTERSECTION,
    FlatTerrain,
    meet_height,
)

TO_GEODETIC = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


def rays_down(
    latitude: float,
    longitude: float,
    hae_m: float,
    depression_deg: NDArray[np.float64],
    azimuth_deg: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    down, azimuth = np.radians(depression_deg), np.radians(azimuth_deg)
    ned = np.stack(
        [np.cos(down) * np.cos(azimuth), np.cos(down) * np.sin(azimuth), np.sin(down)], axis=1
    )
    origin = np.tile(ecef_from_geodetic(latitude, longitude, hae_m), (len(ned), 1))
    return origin, ned @ ecef_from_ned(latitude, longitude).T


@pytest.mark.parametrize("ground", [-300.0, 0.0, 4200.0])
@pytest.mark.parametrize("azimuth", [0.0, 63.0, 270.0])
def test_the_crossing_lies_on_the_surface(ground: float, azimuth: float) -> None:
    depression = np.linspace(0.8, 90, 200)
    origin, direction = rays_down(47.0, 8.0, ground + 500.0, depression, azimuth)
    crossings = FlatTerrain(hae_m=ground, label="flat:test").meet(origin, direction)
    assert (crossings.code == LOCATED).all()
    places = origin + crossings.range_m[:, None] * direction
    height = TO_GEODETIC.transform(places[:, 0], places[:, 1], places[:, 2])[2]
    np.testing.assert_allclose(height, ground, rtol=0, atol=1e-5)
    # The first of the two crossings of the globe.
    assert (np.diff(crossings.range_m) < 0).all()
    assert crossings.range_m[-1] == pytest.approx(500.0, abs=1e-6)


def test_the_horizon_is_the_curved_earths() -> None:
    height = 120.0
    # Dip of the horizon over a sphere of the mean radius: acos(R / (R + h)).
    dip = np.degrees(np.arccos(6_371_000 / (6_371_000 + height)))
    origin, direction = rays_down(10.0, 30.0, height, np.array([dip * 0.98, dip * 1.02, -5.0]), 45)
    codes = FlatTerrain(hae_m=0.0, label="flat:test").meet(origin, direction).code
    assert codes.tolist() == [ABOVE_HORIZON, LOCATED, ABOVE_HORIZON]


def test_a_camera_below_the_ground_sees_nothing() -> None:
    origin, direction = rays_down(10.0, 30.0, 90.0, np.array([45.0]), 0)
    assert FlatTerrain(hae_m=100.0, label="flat:test").meet(origin, direction).code == [
        NO_INTERSECTION
    ]


def test_the_way_out_through_a_surface() -> None:
    origin, direction = rays_down(10.0, 30.0, 90.0, np.array([-90.0, -30.0]), 0)
    distance = meet_height(origin, direction, 190.0, outward=True)
    assert distance[0] == pytest.approx(100.0, abs=1e-6)
    assert distance[1] == pytest.approx(200.0, abs=0.01)
