"""The 90 % ellipse against its closed form and against drawn samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Geod
from shapely.geometry import Point, Polygon

from pipelines.geometry.error_ellipse import ellipse_ring, error_ellipse

COVARIANCE = np.array([[30.0, 12.0, 0.0], [12.0, 14.0, 0.0], [0.0, 0.0, 5.0]])


def test_area_is_pi_a_b() -> None:
    # a b = k^2 sqrt(det), with k^2 = -2 ln 0.1: independent of the eigenvalues used to draw it.
    expected = math.pi * 2 * math.log(10) * math.sqrt(30.0 * 14.0 - 12.0**2)
    ring = ellipse_ring(51.5, 7.1, COVARIANCE, vertices=720)
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(*ring.T)
    assert area == pytest.approx(expected, rel=1e-4)
    assert area > 0, "counter-clockwise"
    axes = error_ellipse(COVARIANCE)
    assert math.pi * axes.semi_major_m * axes.semi_minor_m == pytest.approx(expected)


def test_it_holds_nine_errors_in_ten() -> None:
    drawn = np.random.default_rng(7).multivariate_normal([0.0, 0.0], COVARIANCE[:2, :2], 20_000)
    latitude, longitude = -12.0, 30.0
    geod = Geod(ellps="WGS84")
    count = len(drawn)
    lon, lat, _ = geod.fwd(
        np.full(count, longitude),
        np.full(count, latitude),
        np.degrees(np.arctan2(drawn[:, 0], drawn[:, 1])),
        np.hypot(*drawn.T),
    )
    shape = Polygon(ellipse_ring(latitude, longitude, COVARIANCE))
    inside = sum(shape.contains(Point(*place)) for place in zip(lon, lat, strict=True))
    assert inside / count == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("azimuth_deg", [0.0, 37.0, 90.0, 151.0])
def test_azimuth_of_the_longer_axis(azimuth_deg: float) -> None:
    turn = math.radians(azimuth_deg)
    along = np.array([math.sin(turn), math.cos(turn)])
    across = np.array([math.cos(turn), -math.sin(turn)])
    covariance = 100.0 * np.outer(along, along) + 4.0 * np.outer(across, across)
    axes = error_ellipse(covariance)
    assert axes.azimuth_deg % 180.0 == pytest.approx(azimuth_deg, abs=1e-6)
    assert axes.semi_major_m / axes.semi_minor_m == pytest.approx(5.0)
