from __future__ import annotations

import math

import pytest

from pipelines.geometry.ground_extent import ground_extent
from tests.pipelines.analytic_frame import PlaneView


def test_a_frame_from_straight_above() -> None:
    view = PlaneView(height_m=100.0, focal_px=1000.0)
    extent = ground_extent(view, view.width_px, view.height_px)
    assert extent is not None
    # 100 m over a plane, a pixel spans 100 / 1000 of a metre.
    assert extent.gsd_m == pytest.approx(0.1, rel=1e-3)
    assert extent.area_km2 == pytest.approx(80 * 60 / 1e6, rel=2e-3)


def test_an_oblique_frame_has_an_area_and_no_one_scale() -> None:
    view = PlaneView(height_m=100.0, focal_px=1000.0, pitch_deg=-45.0)
    extent = ground_extent(view, view.width_px, view.height_px)
    assert extent is not None
    assert extent.gsd_m is None
    # A trapezoid: rows at depressions of 45 degrees and more or less half the field of view.
    half = math.atan(0.3)
    near, far = (100 / math.tan(math.radians(45) + side * half) for side in (1, -1))
    slant = [math.hypot(100, reach) * math.cos(half) for reach in (near, far)]
    wide = [0.8 * one for one in slant]
    assert extent.area_km2 == pytest.approx((wide[0] + wide[1]) / 2 * (far - near) / 1e6, rel=5e-3)


def test_a_frame_with_sky_shows_no_measured_ground() -> None:
    view = PlaneView(pitch_deg=-5.0)
    assert ground_extent(view, view.width_px, view.height_px) is None
