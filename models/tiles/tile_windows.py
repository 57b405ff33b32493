"""Reading the tiles of an image that is too large to be held whole, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.pixel_source import PixelSource
from models.tiles.tile_pixels import scaled_tile
from models.tiles.tile_plan import TilePlan
from models.tiles.tiling import PADDING

_WINDOW_PX = 4096
"""Longest side of a window that is read at once: its border, read twice, is 6 % of it."""

_LARGEST_PX = 2 * _WINDOW_PX**2
"""Pixels of a window of whole rows; where a row of tiles is more, it is read in parts."""

_MASK_STEP = 4
"""Masks of half-empty tiles are kept at this reduction until their detections come back."""

_LEAST_DATA = 0.5
"""Least share of a box that must hold data."""


@dataclass(kw_only=True, slots=True)
class TilesRead:
    """Which tiles of a plan have been read, in their order.

    Attributes:
        numbers: of each tile in the plan.
        masks: of each tile, which pixels hold data, at a reduction; None where all do.
        empty: tiles that hold no data and were left out.
    """

    numbers: list[int] = field(default_factory=list)
    masks: list[NDArray[np.bool_] | None] = field(default_factory=list)
    empty: int = 0


def read_tiles(
    source: PixelSource, plan: TilePlan, side_px: int, read: TilesRead
) -> Iterator[NDArray[np.uint8]]:
    """The tiles of a plan that hold data, from windows that do not grow with the image.

    Args:
        source: the image.
        plan: its tiles.
        side_px: side of the squares to return.
        read: what is read is noted here as it is drawn.

    Yields:
        (side_px, side_px, 3) squares; grey where the image holds no data.
    """
    for numbers in _windows(source, plan):
        views = plan.views[numbers]
        left, top = (int(value) for value in views[:, :2].min(axis=0))
        right, bottom = (int(value) for value in views[:, 2:].max(axis=0))
        rgb, mask = source.read_window(left, top, right, bottom)
        for number, view in zip(numbers.tolist(), views, strict=True):
            local = view - np.array([left, top, left, top], np.int32)
            kept: NDArray[np.bool_] | None = None
            pixels = rgb
            if mask is not None:
                part = slice(local[1], local[3]), slice(local[0], local[2])
                data = mask[part]
                if not data.any():
                    read.empty += 1
                    continue
                if not data.all():
                    pixels = np.where(data[..., None], rgb[part], np.uint8(PADDING))
                    local = local - np.array([*local[:2], *local[:2]], np.int32)
                    kept = data[::_MASK_STEP, ::_MASK_STEP].copy()
            read.numbers.append(number)
            read.masks.append(kept)
            yield scaled_tile(pixels, local, float(plan.scale[number]), side_px)


def with_data(
    part: Detections, view: NDArray[np.int32], mask: NDArray[np.bool_] | None
) -> Detections:
    """The detections of a view of which at least half the box holds data."""
    if mask is None:
        return part
    kept = np.ones(len(part), np.bool_)
    for index, box in enumerate(part.xyxy):
        left, top = ((box[:2] - view[:2]) / _MASK_STEP).astype(int)
        right, bottom = np.ceil((box[2:] - view[:2]) / _MASK_STEP).astype(int)
        inside = mask[top : max(bottom, top + 1), left : max(right, left + 1)]
        kept[index] = inside.size > 0 and bool(inside.mean() >= _LEAST_DATA)
    return part.select(kept)


def _windows(source: PixelSource, plan: TilePlan) -> Iterator[NDArray[np.intp]]:
    """The tiles of a plan, by number, that are read together; those of one scale at a time."""
    for scale in np.unique(plan.scale)[::-1]:
        numbers = np.flatnonzero(plan.scale == scale)
        high = int((plan.views[numbers][:, 3] - plan.views[numbers][:, 1]).max())
        wide = _WINDOW_PX
        if source.reads_whole_rows:
            wide = max(wide, min(source.width_px, _LARGEST_PX // high))
        tall = min(_WINDOW_PX, _WINDOW_PX * _WINDOW_PX // wide)
        for row in _runs(plan.views[numbers][:, 1], plan.views[numbers][:, 3], tall):
            of_row = numbers[row]
            for column in _runs(plan.views[of_row][:, 0], plan.views[of_row][:, 2], wide):
                yield of_row[column]


def _runs(
    begin: NDArray[np.int32], end: NDArray[np.int32], longest_px: int
) -> Iterator[NDArray[np.intp]]:
    """Neighbouring tiles along an axis, as many at a time as a window may hold, at least one row.

    Args:
        begin: (T,) where each tile begins.
        end: (T,) where it ends.
        longest_px: length of a window.
    """
    order = np.argsort(begin, kind="stable")
    first = 0
    for index in range(1, len(order) + 1):
        if index == len(order) or (
            begin[order[index]] != begin[order[index - 1]]
            and end[order[index]] - begin[order[first]] > longest_px
        ):
            yield np.sort(order[first:index])
            first = index
