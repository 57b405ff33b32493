"""Which tiles are looked at, and at which scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.tiles.tile_plan import (
    OVERVIEW_LEAST_PX,
    ScaleField,
    TilePlan,
    asked_of,
    looks,
    plan_full_scale,
    plan_tiles,
    plan_unknown_scale,
    with_whole,
)
from models.tiles.tiling import tile_grid


def plan_of(seed: int) -> tuple[ScaleField, int, int, TilePlan]:
    random = np.random.default_rng(seed)
    width, height = (int(value) for value in random.integers(300, 5000, 2))
    cell = int(random.integers(32, 130))
    shape = (-(-height // cell), -(-width // cell))
    field = ScaleField(
        cell_px=cell,
        scale=random.choice([0.0, 0.25, 0.5, 1.0, 2.0], shape, p=[0.6, 0.1, 0.1, 0.1, 0.1]),
        object_px=random.uniform(10, 90, shape),
    )
    return field, width, height, plan_tiles(width, height, 640, 0.1, field)


@pytest.mark.parametrize("seed", range(12))
def test_an_object_lies_whole_in_a_tile_of_the_scale_that_its_place_asks_for(seed: int) -> None:
    field, width, height, plan = plan_of(seed)
    random = np.random.default_rng(seed)
    asked = 0
    for x, y in random.uniform(0, (width, height), (300, 2)):
        row, column = int(y // field.cell_px), int(x // field.cell_px)
        scale = field.scale[row, column]
        half = field.object_px[row, column] / 2
        box = np.array([x - half, y - half, x + half, y + half]).clip(0, [width, height] * 2)
        for look in looks(width * scale, height * scale, 640) if scale > 0 else ():
            asked += 1
            at_scale = plan.views[plan.scale == scale * look.factor]
            inside = (at_scale[:, :2] <= box[:2]) & (at_scale[:, 2:] >= box[2:])
            assert inside.all(axis=1).any()
    assert asked > 30
    assert (plan.views[:, 2:] - plan.views[:, :2] <= np.ceil(640 / plan.scale)[:, None]).all()


def test_a_box_is_left_to_the_scale_that_its_place_asks_for() -> None:
    # Left half twofold, right half as it is; nothing is looked for in the last column.
    field = ScaleField(
        cell_px=100,
        scale=np.array([[2.0, 2.0, 1.0, 1.0, 0.0]]),
        object_px=np.full((1, 5), 60.0),
    )
    boxes = np.array(
        [
            [20, 20, 60, 40],  # wholly in the left: what shows it smaller may tell of it too
            [260, 20, 300, 40],  # wholly in the right
            [190, 20, 215, 40],  # its middle half on both
            [170, 20, 290, 40],  # longer than what the place expects
            [430, 20, 460, 40],  # where nobody asks
        ],
        np.float32,
    )
    assert asked_of(field, boxes, 2.0).tolist() == [True, False, True, True, True]
    assert asked_of(field, boxes, 1.0).tolist() == [True, True, True, True, True]
    # A little more is what a second look may magnify, and each box may be of a view of its own.
    assert asked_of(field, boxes, 1.25).all()
    mixed = asked_of(field, boxes, np.array([2.0, 1.0, 2.0, 2.5, 2.0]))
    assert mixed.tolist() == [True, True, True, True, True]
    assert asked_of(field, boxes, np.full(5, 2.0)).tolist() == [True, False, True, True, True]


def test_tiles_that_show_nothing_but_what_is_left_out_are_counted() -> None:
    scale = np.zeros((15, 20))
    scale[:, :2] = 1.0  # the leftmost 400 pixels
    field = ScaleField(cell_px=200, scale=scale, object_px=np.full((15, 20), 30.0))
    plan = plan_tiles(4000, 3000, 640, 0.2, field)
    # Eight columns of six: the first reaches to 640, the second begins at 480.
    assert (plan.full_scale, plan.skipped) == (48, 42)
    assert (plan.scale == 1.0).sum() == 6


def test_a_frame_of_unknown_scale_is_looked_at_at_two_scales() -> None:
    plan = plan_unknown_scale(4000, 3000, 640, 0.2)
    assert (plan.scale == 1.0).sum() == 48
    # 4000 x 3000 in tiles of 1280 that share 256: 4 by 3, a quarter more.
    assert (plan.scale == 0.5).sum() == (plan.least_px == OVERVIEW_LEAST_PX).sum() == 12
    # Half of it is the whole frame, which is looked at anyway.
    small = plan_unknown_scale(1280, 960, 640, 0.2)
    assert small.scale.tolist() == [1.0] * len(tile_grid(1280, 960, 640, 0.2))
    whole = with_whole(small, 1280, 960, 640, 3)
    assert whole.views[3].tolist() == [0, 0, 1280, 960]
    assert (whole.scale[3], whole.least_px[3]) == (0.5, OVERVIEW_LEAST_PX)


@pytest.mark.parametrize(("size", "tiles"), [((640, 512), 3), ((416, 416), 2), ((640, 640), 5)])
def test_a_frame_of_one_tile_is_looked_at_reduced_and_magnified(
    size: tuple[int, int], tiles: int
) -> None:
    plan = plan_unknown_scale(*size, 640, 0.2)
    assert sorted(set(plan.scale.tolist())) == [0.7, 1.25]
    assert len(plan.views) == tiles
    assert (plan.least_px == 0).all()
    # The reduced one shows all of it, so the whole frame is no view of its own.
    assert with_whole(plan, *size, 640, 6) is plan


def test_the_whole_of_a_very_large_image_tells_nothing() -> None:
    plan = plan_full_scale(9000, 8000, 640, 0.2)
    assert with_whole(plan, 9000, 8000, 640, 6) is plan


def test_where_a_scale_is_asked_for_the_looks_are_about_it() -> None:
    field = ScaleField(cell_px=200, scale=np.full((10, 15), 0.5), object_px=np.full((10, 15), 90.0))
    plan = plan_tiles(3000, 2000, 640, 0.2, field)
    assert sorted(set(plan.scale.tolist())) == [0.25, 0.5]
    # What is 96 pixels long is 48 at half scale.
    assert set(plan.least_px[plan.scale == 0.25].tolist()) == {2 * OVERVIEW_LEAST_PX}
    # At a quarter it is little more than a tile: one look, and the whole frame; at an eighth, one.
    quarter = replace(field, scale=np.full((10, 15), 0.25))
    assert set(plan_tiles(3000, 2000, 640, 0.2, quarter).scale.tolist()) == {0.25}
    eighth = replace(field, scale=np.full((10, 15), 0.125))
    assert set(plan_tiles(3000, 2000, 640, 0.2, eighth).scale.tolist()) == {0.0875, 0.15625}
