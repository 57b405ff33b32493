from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tiling import (
    PADDING,
    ScaleField,
    TilePlan,
    asked_of,
    cut_tile,
    plan_tiles,
    plan_two_scales,
    tile_grid,
    tile_starts,
)


@given(
    length=st.integers(1, 20_000),
    tile=st.integers(16, 1_280),
    overlap=st.floats(0, 0.9),
)
def test_full_tiles_cover_an_axis_with_the_asked_overlap_and_no_tile_too_many(
    length: int, tile: int, overlap: float
) -> None:
    starts = tile_starts(length, tile, overlap).tolist()
    assert starts[0] == 0
    if length <= tile:
        assert starts == [0]
        return
    assert starts[-1] + tile == length  # the last is full and reaches the end
    strides = np.diff(starts)
    assert (strides > 0).all()
    assert (tile - strides >= math.floor(tile * overlap)).all()
    # With one tile fewer some neighbours would share less than asked.
    if len(starts) > 1:
        fewer = (length - tile) / max(1, len(starts) - 2) if len(starts) > 2 else math.inf
        assert fewer > tile - math.ceil(tile * overlap - 1e-9)


def test_a_frame_of_12_megapixels_is_48_tiles() -> None:
    # The figure that the throughput of other tools is stated for.
    assert len(tile_grid(4000, 3000, 640, 0.2)) == 48


def test_tiles_show_their_part_of_the_image_without_copying_it() -> None:
    image = np.random.default_rng(3).integers(0, 256, (1000, 1500, 3), np.uint8)
    grid = tile_grid(1500, 1000, 640, 0.2)
    seen = np.zeros((1000, 1500), np.bool_)
    for tile in grid:
        left, top, right, bottom = tile.tolist()
        part = cut_tile(image, tile, 640)
        assert part.shape == (640, 640, 3)
        assert np.shares_memory(part, image)
        assert np.array_equal(part[0, 0], image[top, left])
        assert np.array_equal(part[-1, -1], image[bottom - 1, right - 1])
        seen[top:bottom, left:right] = True
    assert seen.all()


def test_a_small_image_is_padded_with_grey_and_keeps_its_scale() -> None:
    image = np.full((50, 700, 3), 7, np.uint8)
    grid = tile_grid(700, 50, 640, 0.2)
    assert grid.tolist() == [[0, 0, 640, 50], [60, 0, 700, 50]]
    part = cut_tile(image, grid[1], 640)
    assert (part[:50] == 7).all()
    assert (part[50:] == PADDING).all()


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
        at_scale = plan.views[plan.scale == scale]
        inside = (at_scale[:, :2] <= box[:2]) & (at_scale[:, 2:] >= box[2:])
        if scale > 0:
            asked += 1
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


def test_tiles_that_show_nothing_but_what_is_left_out_are_counted() -> None:
    scale = np.zeros((15, 20))
    scale[:, :2] = 1.0  # the leftmost 400 pixels
    field = ScaleField(cell_px=200, scale=scale, object_px=np.full((15, 20), 30.0))
    plan = plan_tiles(4000, 3000, 640, 0.2, field)
    # Eight columns of six: the first reaches to 640, the second begins at 480.
    assert (plan.full_scale, plan.skipped) == (48, 42)
    assert len(plan.views) == 6


def test_a_frame_of_unknown_scale_is_looked_at_once_more_at_half_size() -> None:
    plan = plan_two_scales(4000, 3000, 640, 0.2, 90.0)
    assert (plan.scale == 1.0).sum() == 48
    # 4000 x 3000 in tiles of 1280 that share 256: 4 by 3.
    assert (plan.scale == 0.5).sum() == (plan.least_px == 90).sum() == 12
    assert len(plan_two_scales(1280, 960, 640, 0.2, 90.0).views) == len(
        tile_grid(1280, 960, 640, 0.2)
    )


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(0, 640, 0.2), (9, 0, 0.2), (9, 640, 1.0), (9, 640, math.nan)]
)
def test_impossible_tilings_are_refused(length: int, tile: int, overlap: float) -> None:
    with pytest.raises(ValueError, match="not"):
        tile_starts(length, tile, overlap)
