"""Tiles that are read window by window, held against the same tiles of the whole image."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.detections import Detections
from models.tiles.tile_pixels import scaled_tile
from models.tiles.tile_plan import ScaleField, TilePlan, plan_tiles, plan_unknown_scale, with_whole
from models.tiles.tile_windows import TilesRead, read_tiles, with_data
from models.tiles.tiling import PADDING

SIDE, WIDTH, HEIGHT = 128, 2300, 1700


class Source:
    """An image in memory, read by windows."""

    reads_whole_rows = False
    width_px, height_px = WIDTH, HEIGHT

    def __init__(self, mask: NDArray[np.bool_] | None = None) -> None:
        self.rgb = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        self.mask = mask

    def read_window(
        self, left: int, top: int, right: int, bottom: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        part = slice(top, bottom), slice(left, right)
        return self.rgb[part], None if self.mask is None else self.mask[part]


def some_plans() -> list[TilePlan]:
    scale = np.zeros((17, 23))
    scale[:5, 3:9], scale[5:9], scale[9:, 10:] = 2.0, 1.0, 0.5
    field = ScaleField(cell_px=100, scale=scale, object_px=np.full(scale.shape, 30.0))
    unknown = plan_unknown_scale(WIDTH, HEIGHT, SIDE, 0.2)
    return [
        plan_tiles(WIDTH, HEIGHT, SIDE, 0.1, field),
        with_whole(unknown, WIDTH, HEIGHT, SIDE, 4),
    ]


@pytest.mark.parametrize("plan", some_plans(), ids=["by place", "unknown scale"])
@pytest.mark.parametrize("window_px", [300, 700, 4096])
def test_every_tile_is_read_once_as_it_is_in_the_whole(
    plan: TilePlan, window_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.tiles.tile_windows._WINDOW_PX", window_px)
    source, read = Source(), TilesRead()
    squares = list(read_tiles(source, plan, SIDE, read))
    assert sorted(read.numbers) == list(range(len(plan.views)))
    assert read.empty == 0
    for number, square in zip(read.numbers, squares, strict=True):
        expected = scaled_tile(source.rgb, plan.views[number], float(plan.scale[number]), SIDE)
        assert np.array_equal(square, expected)


def test_where_there_is_no_data_a_tile_is_grey_or_left_out() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[:, :1000] = True
    source, read = Source(mask), TilesRead()
    plan = plan_unknown_scale(WIDTH, HEIGHT, SIDE, 0.2)
    squares = list(read_tiles(source, plan, SIDE, read))
    right_of_data = plan.views[:, 0] >= 1000
    assert read.empty == right_of_data.sum() > 0
    assert sorted(read.numbers) == np.flatnonzero(~right_of_data).tolist()
    for number, kept, square in zip(read.numbers, read.masks, squares, strict=True):
        left, _, right, _ = plan.views[number].tolist()
        assert (kept is None) == (right <= 1000)
        if right > 1000 and plan.scale[number] == 1.0:
            assert (square[:, 1000 - left : right - left] == PADDING).all()
            assert not (square[:, : 1000 - left] == PADDING).all()


def test_a_box_needs_data_under_half_of_it() -> None:
    mask = np.zeros((40, 40), np.bool_)
    mask[:, :20] = True  # at a reduction of four: x under 80
    part = Detections(
        xyxy=np.array([[110, 10, 150, 40], [150, 10, 210, 40], [170, 10, 230, 40]], np.float32),
        confidence=np.full(3, 0.5, np.float32),
        class_id=np.zeros(3, np.int32),
    )
    view = np.array([100, 0, 260, 160], np.int32)
    # Up to x 180 there is data: all of the first, half of the second, a sixth of the third.
    assert with_data(part, view, mask).xyxy[:, 0].tolist() == [110, 150]
    assert len(with_data(part, view, None)) == 3
