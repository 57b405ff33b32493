"""What stands around the picture, measured in its pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.products.frame_scale import FrameScale
from pipelines.products.marginalia import FooterLine, framed, scale_bar

GREY = (128, 128, 128)


def _scale(**changes: object) -> FrameScale:
    facts: dict[str, object] = {
        "gsd_m": 0.05,
        "north_deg": 0.0,
        "oblique": False,
        "x_px": 600.0,
        "y_px": 450.0,
        "at_centre": True,
    }
    return FrameScale(**(facts | changes))  # type: ignore[arg-type]


def _grey(sheet: Image.Image, top: int) -> None:
    """A picture that runs over its upper and lower edge, which the margins must cover."""
    sheet.paste(GREY, (0, top - 20, sheet.width, sheet.height))


def _sheet(scale: FrameScale | None) -> np.ndarray:
    lines = [FooterLine(text="one"), FooterLine(text="two")]
    sheet = framed((1200, 900), _grey, size_px=16, marking="UNCLASSIFIED", lines=lines, scale=scale)
    return np.asarray(sheet)


@settings(deadline=None)
@given(st.floats(0.001, 50.0), st.floats(60.0, 900.0))
def test_scale_bar_is_round_and_true(gsd_m: float, longest_px: float) -> None:
    bar = scale_bar(gsd_m, longest_px)
    assert bar.length_px * gsd_m == pytest.approx(bar.length_m)
    assert bar.length_px <= longest_px * (1 + 1e-6)
    assert bar.length_px >= longest_px * 0.4 * (1 - 1e-6)
    mantissa = bar.length_m / 10 ** math.floor(math.log10(bar.length_m) + 1e-9)
    assert min(abs(mantissa - step) for step in (1, 2, 5)) < 1e-6


def test_drawn_bar_has_the_length_that_the_gsd_demands() -> None:
    # 12.5 m a bar of 10 m: at 0.05 m a pixel it must be 200 pixels long.
    sheet = _sheet(_scale())
    footer = sheet[900 + 29 + 2 : -29 - 2]
    white = np.all(footer[:, 400:] > 225, axis=2)
    # The bar's light half is the longest unbroken run of white in the footer.
    runs = [len(run) for row in white for run in "".join("x "[not dot] for dot in row).split()]
    assert max(runs) == pytest.approx(200, abs=2)


@pytest.mark.parametrize("north_deg", [0.0, 45.0, 120.0, 215.0, 300.0])
def test_needle_points_where_north_is(north_deg: float) -> None:
    with_arrow = _sheet(_scale(north_deg=north_deg)).astype(int)
    size, margin = 16, 16
    radius = size * 5 / 2
    row_of_centre = 29 + 900 + margin + radius
    column_of_centre = 1200 - margin - radius
    rows, columns = np.mgrid[: with_arrow.shape[0], : with_arrow.shape[1]]
    down, right = rows - row_of_centre, columns - column_of_centre
    # The needle's tip reaches 0.56 of the radius, its tails 0.85, and beyond the tip stands the N.
    distance = np.hypot(down, right)
    letter = (with_arrow.min(axis=2) > 200) & (distance > 0.6 * radius) & (distance < 0.94 * radius)
    bearing = np.radians(north_deg)
    ahead = right * np.sin(bearing) - down * np.cos(bearing)
    aside = right * np.cos(bearing) + down * np.sin(bearing)
    inside_cone = np.abs(aside) < 0.13 * radius
    assert (letter & inside_cone & (ahead > 0)).sum() >= 6, "the N stands at the tip"
    assert (letter & inside_cone & (ahead < 0)).sum() == 0, "nothing stands behind the needle"


def test_banners_stand_at_both_ends_and_the_frame_is_untouched() -> None:
    sheet = _sheet(None)
    assert tuple(sheet[2, 2]) == tuple(sheet[-3, 2]) == (0, 92, 52)
    assert np.all(sheet[29 : 29 + 900] == GREY)


def test_a_narrow_picture_keeps_everything_inside() -> None:
    lines = [FooterLine(text="a rather long line that must be broken into several " * 3)]
    sheet = framed(
        (320, 240), _grey, size_px=12, marking="CONFIDENTIAL", lines=lines, scale=_scale()
    )
    assert sheet.width == 320
    edge = np.asarray(sheet)[240 + 24 : -24, -3:]
    assert np.all(edge == (16, 18, 22)), "nothing runs over the edge"
