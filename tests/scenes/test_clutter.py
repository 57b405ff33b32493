"""Clutter on pictures: where it may be, at which size, and where its shadow falls."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scenes import clutter
from scenes.clutter import paint

GROUND = 150


def plain(side: int = 200) -> NDArray[np.uint8]:
    return np.full((side, side, 3), GROUND, np.uint8)


def test_the_same_chance_paints_the_same_and_the_given_picture_stays() -> None:
    picture = plain()
    one, other, third = (
        paint(
            picture,
            gsd_m=0.05,
            sun_azimuth_deg=120,
            count=12,
            chance=np.random.default_rng(seed),
        )
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()
    assert (picture == GROUND).all()
    assert (one != GROUND).any(axis=2).mean() > 0.05


def test_what_is_to_be_found_is_left_clear() -> None:
    picture = plain()
    picture[80:120, 60:140] = (200, 10, 10)
    painted = paint(
        picture,
        gsd_m=0.05,
        sun_azimuth_deg=10,
        count=60,
        chance=np.random.default_rng(1),
        keep_clear=[(60, 80, 140, 120)],
    )
    np.testing.assert_array_equal(painted[80:120, 60:140], picture[80:120, 60:140])
    assert (painted != picture).any()


@pytest.mark.parametrize(("azimuth", "x", "y"), [(0, 0, 1), (90, -1, 0), (180, 0, -1), (270, 1, 0)])
def test_shadows_fall_away_from_the_sun(azimuth: float, x: int, y: int) -> None:
    # Many rocks; light ones on grey ground, so that only shadows are darker than the ground.
    dark = np.zeros(2)
    for seed in range(12):
        canvas = plain(120).astype(np.float32)
        away = np.radians(azimuth + 180)
        clutter._thing(
            canvas,
            "post",
            60,
            60,
            0.02,
            (float(np.sin(away)), float(-np.cos(away))),
            np.random.default_rng(seed),
        )
        rows, columns = np.nonzero(canvas[..., 0] < 0.6 * GROUND)
        if len(rows):
            dark += (columns.mean() - 60, rows.mean() - 60)
    assert dark @ np.array([x, y]) > 3 * abs(dark @ np.array([y, x]))


def test_things_have_the_size_that_the_ground_sampling_gives_them() -> None:
    def covered(gsd_m: float) -> float:
        total = 0
        for seed in range(10):
            canvas = plain(400).astype(np.float32)
            clutter._thing(
                canvas, "patch", 200, 200, gsd_m, (0.0, 1.0), np.random.default_rng(seed)
            )
            total += int((abs(canvas - GROUND).max(axis=2) > 2).sum())
        return total / 10

    # Twice the sampling is a quarter of the pixels.
    assert covered(0.05) / covered(0.1) == pytest.approx(4, rel=0.25)
