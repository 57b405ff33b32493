"""Cutting an image into the squares that a model looks at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PADDING = 114
"""Grey value beside an image that is smaller than a tile; the value that YOLO models train with."""


LARGEST_OVERLAP = 0.5
"""Overlap is not grown beyond it: what is larger still is for the view of the whole frame."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScaleField:
    """At which scale each place of an image is looked at.

    Attributes:
        cell_px: side of the square cells that the image is divided into, pixels of the image; the
            last column and row may reach beyond it.
        scale: (R, C) float64, pixels of a tile for one of the image; 0 where nothing is looked for.
            Few different values: each is a grid of its own.
        object_px: (R, C) float64, longer side of the largest expected object there, pixels of the
            image.
        unsearched: share of the image that is left out, by reason, 0 to 1.
    """

    cell_px: int
    scale: NDArray[np.float64]
    object_px: NDArray[np.float64]
    unsearched: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TilePlan:
    """The views of one image that a model looks at.

    Attributes:
        views: (T, 4) int32 left, top, right, bottom of each tile in pixels of the image.
        scale: (T,) float64, pixels of a tile for one of the image.
        least_px: (T,) float64, of tiles that look once more, reduced, at what others show at full
            scale: boxes that are shorter in the image are left to those; 0 for the others.
        demand: the scale that each place asks for; None where all ask for the same.
        full_scale: tiles that the whole image would be at full scale.
        skipped: how many of these show nothing but places that are left out.
        unsearched: share of the image that no tile need show, by reason, 0 to 1.
    """

    views: NDArray[np.int32]
    scale: NDArray[np.float64]
    least_px: NDArray[np.float64]
    demand: ScaleField | None = None
    full_scale: int = 0
    skipped: int = 0
    unsearched: Mapping[str, float] = field(default_factory=dict)


def asked_of(
    demand: ScaleField, xyxy: NDArray[np.float32], scale: float | NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(N,) which boxes (N, 4) in pixels of the image a view of a scale is asked for.

    What a view magnifies beyond what its place asks for is left to the coarser one: a car that is
    too large is found in parts. A box is kept where any corner of its middle half lies in a cell
    that asks for the scale or a larger one, so that two views that draw it a little apart do not
    both leave it.

    Args:
        demand: the scale that each place asks for.
        xyxy: (N, 4) boxes.
        scale: of the view, or (N,) of the view of each box.
    """
    middle, quarter = (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]) / 4
    x, y = (
        np.stack([middle[:, axis] - quarter[:, axis], middle[:, axis] + quarter[:, axis]], axis=1)
        for axis in (0, 1)
    )
    column, row = _cells_of(demand, x, y)
    asking = demand.scale[row[:, :, None], column[:, None, :]].reshape(-1, 4)
    largest = demand.object_px[row[:, :, None], column[:, None, :]].reshape(-1, 4).max(axis=1)
    longer = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1)
    enough = (asking >= np.reshape(scale, (-1, 1))).any(axis=1)
    return np.asarray(enough | (asking == 0).all(axis=1) | (longer > largest))


def scale_at(demand: ScaleField, xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) the scale that is asked for at the middle of each box (N, 4)."""
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    column, row = _cells_of(demand, middle[:, 0], middle[:, 1])
    return demand.scale[row, column]


def _cells_of(
    demand: ScaleField, x: NDArray[np.floating], y: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Column and row of the cell that each place lies in, the nearest for what lies outside."""
    rows, columns = demand.scale.shape
    column = (x // demand.cell_px).astype(np.intp).clip(0, columns - 1)
    row = (y // demand.cell_px).astype(np.intp).clip(0, rows - 1)
    return column, row


def plan_full_scale(width: int, height: int, tile_px: int, overlap: float) -> TilePlan:
    """The whole image as it is.

    Raises:
        ValueError: a value is outside its range.
    """
    grid = tile_grid(width, height, tile_px, overlap)
    return TilePlan(
        views=grid, scale=np.ones(len(grid), np.float64), least_px=np.zeros(len(grid), np.float64)
    )


def plan_two_scales(
    width: int, height: int, tile_px: int, overlap: float, least_px: float
) -> TilePlan:
    """The whole image as it is, and once more at half size where that is more than a tile.

    For frames of unknown scale: a model that has learned small objects misses large ones.

    Args:
        width: image width, pixels.
        height: image height, pixels.
        tile_px: side of the squares that the model takes.
        overlap: least share of a tile that its neighbour repeats, 0 to 0.9.
        least_px: the longest object that the model finds as well as any; at half size only what is
            longer is looked for.

    Raises:
        ValueError: a value is outside its range.
    """
    full = plan_full_scale(width, height, tile_px, overlap)
    if max(width, height) <= 2 * tile_px:
        return full
    half = tile_grid(width, height, 2 * tile_px, overlap)
    return TilePlan(
        views=np.concatenate([full.views, half]),
        scale=np.repeat([1.0, 0.5], [len(full.views), len(half)]),
        least_px=np.repeat([0.0, least_px], [len(full.views), len(half)]),
    )


def plan_tiles(
    width: int, height: int, tile_px: int, overlap: float, demand: ScaleField
) -> TilePlan:
    """The fewest tiles of a regular grid for each scale that show every place at the scale it asks.

    An object not longer than `ScaleField.object_px` in the cell of its middle lies whole in a tile
    of that cell's scale: tiles share the largest such object of their scale, up to
    LARGEST_OVERLAP, and a tile is taken where a cell of its scale meets the tile less half of what
    it shares with its neighbours.

    Args:
        width: image width, pixels.
        height: image height, pixels.
        tile_px: side of the squares that the model takes.
        overlap: least share of a tile that its neighbour repeats, 0 to 0.9.
        demand: the scale that each place asks for.

    Raises:
        ValueError: a value is outside its range, or the field does not cover the image.
    """
    rows, columns = demand.scale.shape
    if rows * demand.cell_px < height or columns * demand.cell_px < width:
        raise ValueError(f"{columns} x {rows} cells do not cover {width} x {height} pixels")
    views, scales = [], []
    for scale in np.unique(demand.scale[demand.scale > 0])[::-1].tolist():
        asked = demand.scale == scale
        side = max(1, round(tile_px / scale))
        largest = float(demand.object_px[asked].max()) / side
        shared = max(overlap, min(largest, LARGEST_OVERLAP))
        left, top = (tile_starts(length, side, shared) for length in (width, height))
        across = _core_cells(left, side, width, demand.cell_px, columns)
        down = _core_cells(top, side, height, demand.cell_px, rows)
        taken = _meets(down, asked, across)
        views.append(tile_grid(width, height, side, shared)[taken])
        scales.append(np.full(int(taken.sum()), scale))
    across, down = (
        _cells_within(tile_starts(length, tile_px, overlap), tile_px, demand.cell_px, cells)
        for length, cells in ((width, columns), (height, rows))
    )
    searched = _meets(down, demand.scale > 0, across)
    chosen = np.concatenate(views) if views else np.zeros((0, 4), np.int32)
    return TilePlan(
        views=chosen,
        scale=np.concatenate(scales) if scales else np.zeros(0, np.float64),
        least_px=np.zeros(len(chosen), np.float64),
        demand=demand,
        full_scale=len(searched),
        skipped=int((~searched).sum()),
        unsearched=dict(demand.unsearched),
    )


def _core_cells(
    starts: NDArray[np.int32], side: int, length: int, cell_px: int, cells: int
) -> NDArray[np.bool_]:
    """(tiles, cells) whether a cell along an axis meets the core of a tile.

    Cores divide the axis at the middle of what neighbours share.
    """
    middles = (starts[1:] + starts[:-1] + side) / 2.0
    begin = np.concatenate([[0.0], middles])
    end = np.concatenate([middles, [float(length)]])
    edge = np.arange(cells) * float(cell_px)
    return np.asarray((edge < end[:, None]) & (edge + cell_px > begin[:, None]))


def _cells_within(
    starts: NDArray[np.int32], side: int, cell_px: int, cells: int
) -> NDArray[np.bool_]:
    """(tiles, cells) whether a cell along an axis meets a tile."""
    edge = np.arange(cells) * cell_px
    return np.asarray((edge < starts[:, None] + side) & (edge + cell_px > starts[:, None]))


def _meets(
    down: NDArray[np.bool_], asked: NDArray[np.bool_], across: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(tops * lefts,) whether a tile, given by its rows and columns of cells, meets an asking one.

    Args:
        down: (tops, R) cells of each row of tiles.
        asked: (R, C) cells.
        across: (lefts, C) cells of each column of tiles.
    """
    count = down.astype(np.int64) @ asked.astype(np.int64) @ across.astype(np.int64).T
    return np.asarray((count > 0).ravel())


def tile_starts(length: int, tile_px: int, overlap: float) -> NDArray[np.int32]:
    """Where tiles begin along one axis.

    The fewest tiles whose neighbours share at least the asked part; they are spread evenly, so
    the overlap grows until every tile is full.

    Args:
        length: image size along the axis, pixels, at least 1.
        tile_px: side of a tile, pixels.
        overlap: least share of a tile that its neighbour repeats, 0 to 0.9.

    Returns:
        (n,) int32 ascending, the first 0; one tile where the image is not longer than a tile.

    Raises:
        ValueError: a value is outside its range.
    """
    if length < 1 or tile_px < 1:
        raise ValueError(f"image and tile sides start at 1 pixel, not {length} and {tile_px}")
    if not 0 <= overlap <= 0.9:  # written so that NaN is refused too
        raise ValueError(f"tile overlap is a share from 0 to 0.9, not {overlap}")
    span = length - tile_px
    if span <= 0:
        return np.zeros(1, np.int32)
    # The shared part is a whole number of pixels and never less than asked.
    stride = max(1, tile_px - math.ceil(tile_px * overlap - 1e-9))
    steps = math.ceil(span / stride)
    # Integer arithmetic: floor of evenly spaced starts differs by at most one pixel from even.
    starts = np.arange(steps + 1, dtype=np.int64) * span // steps
    return starts.astype(np.int32)


def tile_grid(width: int, height: int, tile_px: int, overlap: float) -> NDArray[np.int32]:
    """Tiles that cover an image, row by row.

    Args:
        width: image width, pixels.
        height: image height, pixels.
        tile_px: side of a tile, pixels.
        overlap: least share of a tile that its neighbour repeats, 0 to 0.9.

    Returns:
        (T, 4) int32 left, top, right, bottom of each tile in pixels of the image; a tile is only
        smaller than `tile_px` along an axis where the image is.

    Raises:
        ValueError: a value is outside its range.
    """
    left = tile_starts(width, tile_px, overlap)
    top = tile_starts(height, tile_px, overlap)
    grid = np.empty((len(top), len(left), 4), np.int32)
    grid[..., 0] = left
    grid[..., 1] = top[:, None]
    grid[..., 2] = np.minimum(left + tile_px, width)
    grid[..., 3] = np.minimum(top + tile_px, height)[:, None]
    return grid.reshape(-1, 4)


def cut_tile(image: NDArray[np.uint8], tile: NDArray[np.int32], tile_px: int) -> NDArray[np.uint8]:
    """One tile of an image.

    Args:
        image: (height, width, 3).
        tile: (4,) left, top, right, bottom in pixels of the image.
        tile_px: side of the square to return.

    Returns:
        (tile_px, tile_px, 3): a view of the image where the tile is full, else a copy with grey
        padding to the right and below.
    """
    left, top, right, bottom = (int(value) for value in tile)
    part = image[top:bottom, left:right]
    if part.shape[:2] == (tile_px, tile_px):
        return part
    return pad_square(part, tile_px)


def scaled_size(width: int, height: int, scale: float, tile_px: int) -> tuple[int, int]:
    """Width and height of a part of an image at a scale, whole pixels that fit a tile."""
    return (
        min(tile_px, max(1, round(width * scale))),
        min(tile_px, max(1, round(height * scale))),
    )


def pad_square(image: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """An image (h, w, 3) not larger than a square, with grey to its right and below."""
    square = np.full((side_px, side_px, 3), PADDING, np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    return square
