"""Which squares of an image a model looks at, and at which scale each.

Every place is looked at more than once, at scales somewhat apart: a network that errs at one seldom
errs in the same way at another (`models.tiles.agreement` weighs what they say).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.tiles.tiling import tile_grid, tile_starts

OVERVIEW_LEAST_PX = 48.0
"""What is shorter than this, at the scale asked for, a reduced view leaves to the others.

On 39 VisDrone frames, reduced 2 to 3 times, smaller boxes of the whole frame added no average
precision (person 0.588 with, 0.590 without; vehicle 0.772 both) and cost 3 to 5 points of precision
at confidence 0.25.
"""

MAGNIFIED_TOO = 1.25
"""A view may magnify this much beyond what a place asks for and still be listened to there."""

OVERVIEW_LARGEST_PX = 64_000_000
"""In a larger image nothing that is looked for fills as much of the reduced whole as is needed."""

LARGEST_OVERLAP = 0.5
"""Overlap is not grown beyond it: what is larger still is for the view of the whole frame."""


class Look(NamedTuple):
    """One of the looks at each place.

    Attributes:
        factor: its scale as a multiple of what the place asks for.
        again: whether it looks once more, reduced, at what another look shows.
    """

    factor: float
    again: bool


_ONE_TILE = (Look(0.7, False), Look(1.25, False))
"""An image that fits one tile, on 120 thermal frames of 640 x 512 and 46 of 416 x 416 pixels.

Three tiles of the first and two of the second instead of one: average precision of people 0.707 to
0.764, of vehicles 0.729 to 0.761 and 0.762 to 0.796. Scales 1 and 0.7, two tiles each, give 0.718,
0.764 and 0.797, too little for people.
"""

_FEW_TILES = (Look(1.0, False),)
"""The whole frame, reduced to a tile, is the second scale."""

_MANY_TILES = (Look(1.0, False), Look(0.5, True))
"""A quarter more tiles: on the second 39 of 77 VisDrone frames people are found to 0.46 instead of
0.41 at precision 0.75, and average precision is 0.573 instead of 0.554, of vehicles 0.802 instead
of 0.794. Scale 0.7 instead of a half costs half more tiles and adds 0.007 and 0.005.
"""


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
        least_px: (T,) float64, of tiles that look once more, reduced, at what others show at the
            scale that is asked for: boxes that are shorter in the image are left to those; 0 for
            the others.
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

    What a view magnifies well beyond what its place asks for is left to the coarser one: a car that
    is too large is found in parts. A box is kept where any corner of its middle half lies in a cell
    that asks for about the scale or a larger one, so that two views that draw it a little apart do
    not both leave it.

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
    enough = (MAGNIFIED_TOO * asking >= np.reshape(scale, (-1, 1))).any(axis=1)
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


def looks(width: float, height: float, tile_px: int) -> tuple[Look, ...]:
    """How often an image of this size, at the scale that it asks for, is looked at.

    Frames that are a tile or little more gain most and cost least.
    """
    longer = max(width, height)
    if longer <= tile_px:
        return _ONE_TILE
    return _FEW_TILES if longer <= 2 * tile_px else _MANY_TILES


def plan_full_scale(width: int, height: int, tile_px: int, overlap: float) -> TilePlan:
    """The whole image as it is.

    Raises:
        ValueError: a value is outside its range.
    """
    grid = tile_grid(width, height, tile_px, overlap)
    return TilePlan(
        views=grid, scale=np.ones(len(grid), np.float64), least_px=np.zeros(len(grid), np.float64)
    )


def plan_unknown_scale(width: int, height: int, tile_px: int, overlap: float) -> TilePlan:
    """The whole image, of which nobody knows how large a pixel is on the ground, at two scales.

    Args:
        width: image width, pixels.
        height: image height, pixels.
        tile_px: side of the squares that the model takes.
        overlap: least share of a tile that its neighbour repeats, 0 to 0.9.

    Raises:
        ValueError: a value is outside its range.
    """
    grids = [
        (tile_grid(width, height, round(tile_px / factor), overlap), factor, again)
        for factor, again in looks(width, height, tile_px)
    ]
    return TilePlan(
        views=np.concatenate([grid for grid, _, _ in grids]),
        scale=np.concatenate([np.full(len(grid), factor) for grid, factor, _ in grids]),
        least_px=np.concatenate(
            [np.full(len(grid), OVERVIEW_LEAST_PX if again else 0.0) for grid, _, again in grids]
        ),
    )


def with_whole(plan: TilePlan, width: int, height: int, tile_px: int, place: int) -> TilePlan:
    """A plan with one view more: the whole image, its longer side as long as a tile.

    Args:
        plan: a plan of the image; it is returned as it is where it shows nothing, where a view of
            it is the whole image already, and where the image is too large for that to tell
            anything.
        width: image width, pixels.
        height: image height, pixels.
        tile_px: side of the squares that the model takes.
        place: before which of the views; at the end of fewer.
    """
    whole = np.array([0, 0, width, height], np.int32)
    if (
        not len(plan.views)
        or (plan.views == whole).all(axis=1).any()
        or width * height > OVERVIEW_LARGEST_PX
    ):
        return plan
    at = min(place, len(plan.views))
    return replace(
        plan,
        views=np.insert(plan.views, at, whole, axis=0),
        scale=np.insert(plan.scale, at, tile_px / max(width, height)),
        least_px=np.insert(plan.least_px, at, OVERVIEW_LEAST_PX),
    )


def plan_tiles(
    width: int, height: int, tile_px: int, overlap: float, demand: ScaleField
) -> TilePlan:
    """The fewest tiles of a regular grid for each scale that show every place as it asks.

    Each place is looked at about the scale that it asks for, as often as `looks` says.

    An object not longer than `ScaleField.object_px` in the cell of its middle lies whole in a tile
    of each look at that cell: tiles share the largest such object of their scale, up to
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
    views, scales, least = [], [], []
    for asked in np.unique(demand.scale[demand.scale > 0])[::-1].tolist():
        cells = demand.scale == asked
        for factor, again in looks(width * asked, height * asked, tile_px):
            scale = asked * factor
            side = max(1, round(tile_px / scale))
            largest = float(demand.object_px[cells].max()) / side
            shared = max(overlap, min(largest, LARGEST_OVERLAP))
            left, top = (tile_starts(length, side, shared) for length in (width, height))
            across = _core_cells(left, side, width, demand.cell_px, columns)
            down = _core_cells(top, side, height, demand.cell_px, rows)
            taken = _meets(down, cells, across)
            views.append(tile_grid(width, height, side, shared)[taken])
            scales.append(np.full(int(taken.sum()), scale))
            least.append(np.full(int(taken.sum()), OVERVIEW_LEAST_PX / asked if again else 0.0))
    across, down = (
        _cells_within(tile_starts(length, tile_px, overlap), tile_px, demand.cell_px, cells)
        for length, cells in ((width, columns), (height, rows))
    )
    searched = _meets(down, demand.scale > 0, across)
    chosen = np.concatenate(views) if views else np.zeros((0, 4), np.int32)
    return TilePlan(
        views=chosen,
        scale=np.concatenate(scales) if scales else np.zeros(0, np.float64),
        least_px=np.concatenate(least) if least else np.zeros(0, np.float64),
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
