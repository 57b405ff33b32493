from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tiles.tiling import PADDING, cut_tile, tile_grid, tile_starts


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


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(0, 640, 0.2), (9, 0, 0.2), (9, 640, 1.0), (9, 640, math.nan)]
)
def test_impossible_tilings_are_refused(length: int, tile: int, overlap: float) -> None:
    with pytest.raises(ValueError, match="not"):
        tile_starts(length, tile, overlap)
