"""Scale and north against school geometry."""

from __future__ import annotations

import math

import pytest

from pipelines.products.frame_scale import frame_scale
from tests.pipelines.analytic_frame import PlaneView


@pytest.mark.parametrize("yaw_deg", [0.0, 37.0, 90.0, 200.0, 359.0])
def test_nadir_gsd_and_north_for_a_known_yaw(yaw_deg: float) -> None:
    view = PlaneView(yaw_deg=yaw_deg)
    scale = frame_scale(view, view.width_px, view.height_px)
    assert scale is not None
    assert scale.gsd_m == pytest.approx(view.height_m / view.focal_px, rel=1e-4)
    # The top of the image looks to `yaw`, so north lies as far to the left of it.
    assert (scale.north_deg + yaw_deg + 180.0) % 360.0 == pytest.approx(180.0, abs=0.02)
    assert not scale.oblique
    assert scale.at_centre


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(0.0, -30.0), (50.0, -30.0), (310.0, -45.0)])
def test_oblique_north_is_foreshortened(yaw_deg: float, pitch_deg: float) -> None:
    view = PlaneView(yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    scale = frame_scale(view, view.width_px, view.height_px)
    assert scale is not None
    depression = math.radians(-pitch_deg)
    slant = view.height_m / math.sin(depression)
    assert scale.gsd_m == pytest.approx(slant / view.focal_px, rel=1e-3)
    # On the image a step ahead shrinks by the sine of the depression, a step aside does not.
    expected = math.degrees(
        math.atan2(
            -math.sin(math.radians(yaw_deg)),
            math.cos(math.radians(yaw_deg)) * math.sin(depression),
        )
    )
    assert (scale.north_deg - expected + 180.0) % 360.0 == pytest.approx(180.0, abs=0.1)
    assert scale.oblique


def test_sky_at_the_centre_moves_the_scale_down() -> None:
    view = PlaneView(pitch_deg=2.0)
    scale = frame_scale(view, view.width_px, view.height_px)
    assert scale is not None
    assert not scale.at_centre
    assert scale.y_px > view.height_px / 2
    assert frame_scale(PlaneView(pitch_deg=60.0), 800, 600) is None
