"""Elevation models whose posts lie on one lattice, as one grid without seams."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.elevation_file import ElevationFile

Floats = NDArray[np.float64]

_TILE = 256
_TILES_KEPT = 256
"""Of some 260 kB each."""

_OFF_LATTICE = 0.01
"""Posts by which a file may be off the lattice of another."""

_MANY = 400
"""So many places are projected by a fitted polynomial."""

_FIT_PRECISION = 2e-5
"""Posts that the polynomial may err by: less than a millimetre on 30 m posts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Placed:
    """A file with the column and row of its first post in the sheet."""

    file: ElevationFile
    column: int
    row: int


class ElevationSheet:
    """Posts of one or more files on one lattice; the files' own order decides where they overlap.

    Attributes:
        files: at least one.
        columns: posts in a row.
        rows: posts in a column.
    """

    def __init__(self, files: Sequence[ElevationFile]) -> None:
        self.files = tuple(files)
        first = self.files[0]
        offsets = np.array([lattice_offset(first, file) for file in self.files])
        start = offsets.min(axis=0)
        self._placed = tuple(
            _Placed(file=file, column=int(column - start[0]), row=int(row - start[1]))
            for file, (column, row) in zip(self.files, offsets, strict=True)
        )
        self.columns = max(one.column + one.file.columns for one in self._placed)
        self.rows = max(one.row + one.file.rows for one in self._placed)
        matrix = np.vstack([first.transform, [0.0, 0.0, 1.0]])
        inverse = np.linalg.inv(matrix)
        # From centres of posts, counted from the sheet's first.
        inverse[:2, 2] -= 0.5 + start
        self._to_grid = inverse[:2]
        self.key = tuple(file.raster.name for file in self.files)
        corners = matrix @ np.array(
            [[start[0], start[0] + self.columns], [start[1], start[1] + self.rows], [1, 1]]
        )
        self._middle = corners[:2].mean(axis=1)

    @property
    def post_m(self) -> float:
        """Distance of the closest posts."""
        return min(file.post_m for file in self.files)

    @property
    def extremes_m(self) -> tuple[float, float]:
        """Bounds of the heights above the ellipsoid."""
        return (
            min(file.extremes_m[0] for file in self.files),
            max(file.extremes_m[1] for file in self.files),
        )

    def grid_of(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """Column and row (N,) counted from the centre of the first post."""
        if self.files[0].plain:
            return self._grid_of(latitude_deg, longitude_deg)
        if len(latitude_deg) >= _MANY:
            fitted = self._fitted(latitude_deg, longitude_deg)
            if fitted is not None:
                return fitted
        return self._grid_of(latitude_deg, longitude_deg)

    def _grid_of(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        x, y = self.files[0].projected(latitude_deg, longitude_deg)
        if self.files[0].plain:
            turns = np.round((x - self._middle[0]) / 360.0)
            x = x - 360.0 * turns if turns.any() else x
        (a, b, c), (d, e, f) = self._to_grid
        return a * x + b * y + c, d * x + e * y + f

    def _fitted(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats] | None:
        """Grid coordinates by a polynomial of the fourth degree; None where it is not precise."""
        south, north = float(latitude_deg.min()), float(latitude_deg.max())
        west, east = float(longitude_deg.min()), float(longitude_deg.max())
        if not (north - south < 0.2 and east - west < 0.2):
            return None
        half = max((north - south) / 2, 1e-7), max((east - west) / 2, 1e-7)
        middle = (south + north) / 2, (west + east) / 2

        def exact(nodes: Floats) -> Floats:
            return np.stack(
                self._grid_of(middle[0] + half[0] * nodes[0], middle[1] + half[1] * nodes[1])
            )

        coefficients = exact(_FITTED) @ _SOLVE
        error = np.abs(coefficients @ _powers(_TRIED) - exact(_TRIED))
        if not error.max() <= _FIT_PRECISION:
            return None
        scaled = np.stack(
            [(latitude_deg - middle[0]) / half[0], (longitude_deg - middle[1]) / half[1]]
        )
        column, row = coefficients @ _powers(scaled)
        return column, row

    def inside(self, column: Floats, row: Floats) -> NDArray[np.bool_]:
        """Whether grid coordinates (N,) lie within the outer edge."""
        result: NDArray[np.bool_] = (
            (column >= -0.5)
            & (row >= -0.5)
            & (column <= self.columns - 0.5)
            & (row <= self.rows - 0.5)
        )
        return result

    def tile(self, tile_column: int, tile_row: int) -> NDArray[np.float32]:
        """Heights above the ellipsoid of one tile and the first posts of the next ones."""
        left, top = tile_column * _TILE, tile_row * _TILE
        width, height = min(_TILE + 1, self.columns - left), min(_TILE + 1, self.rows - top)
        values = np.full((height, width), np.nan)
        for one in self._placed:
            from_column, from_row = max(left, one.column), max(top, one.row)
            to_column = min(left + width, one.column + one.file.columns)
            to_row = min(top + height, one.row + one.file.rows)
            if from_column >= to_column or from_row >= to_row:
                continue
            part = values[from_row - top : to_row - top, from_column - left : to_column - left]
            if not np.isnan(part).any():
                continue
            heights = one.file.heights_m(
                from_column - one.column,
                from_row - one.row,
                to_column - from_column,
                to_row - from_row,
            )
            part[...] = np.where(np.isnan(part), heights, part)
        # Past the last post the edge's own height goes on for half a post.
        padding = ((0, _TILE + 1 - height), (0, _TILE + 1 - width))
        return np.pad(values, padding, mode="edge").astype(np.float32)


def lattice_offset(first: ElevationFile, other: ElevationFile) -> tuple[int, int] | None:
    """Columns and rows from the first post of one file to that of another on its lattice.

    None where their posts do not lie on one lattice, or their heights are of different references.
    """
    if first is other:
        return 0, 0
    if first.reference != other.reference or first.plain != other.plain:
        return None
    if not first.plain and not first.crs.equals(other.crs):
        return None
    steps = first.transform[:, :2]
    reach = max(other.columns, other.rows)
    moved = np.linalg.solve(steps, other.transform[:, :2]) - np.eye(2)
    if np.abs(moved).max() * reach > _OFF_LATTICE:
        return None
    shift = other.transform[:, 2] - first.transform[:, 2]
    if first.plain:
        shift = shift - [360.0 * np.round(shift[0] / 360.0), 0.0]
    offset = np.linalg.solve(steps, shift)
    whole = np.round(offset)
    # A step is known to some nine digits, which tell over the distance.
    if np.abs(offset - whole).max() > _OFF_LATTICE + 1e-7 * np.abs(whole).max():
        return None
    return int(whole[0]), int(whole[1])


def sheets_of(files: Sequence[ElevationFile]) -> tuple[ElevationSheet, ...]:
    """Files gathered into sheets, in the order of the first file of each."""
    groups: list[list[ElevationFile]] = []
    for file in files:
        for group in groups:
            if lattice_offset(group[0], file) is not None:
                group.append(file)
                break
        else:
            groups.append([file])
    return tuple(ElevationSheet(group) for group in groups)


class TileCache:
    """Tiles of sheets in bounded memory, the least recently used dropped first."""

    def __init__(self, capacity: int = _TILES_KEPT) -> None:
        self._capacity = capacity
        self._tiles: OrderedDict[tuple[tuple[str, ...], int, int], NDArray[np.float32]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    def get(self, sheet: ElevationSheet, tile_column: int, tile_row: int) -> NDArray[np.float32]:
        """A tile, read when it is not kept."""
        key = (sheet.key, tile_column, tile_row)
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
                return tile
        tile = sheet.tile(tile_column, tile_row)
        with self._lock:
            self._tiles[key] = tile
            while len(self._tiles) > self._capacity:
                self._tiles.popitem(last=False)
        return tile


def bilinear(sheet: ElevationSheet, cache: TileCache, column: Floats, row: Floats) -> Floats:
    """Heights (N,) at grid coordinates inside a sheet; NaN where one of the four posts is a gap."""
    column = np.clip(column, 0.0, sheet.columns - 1)
    row = np.clip(row, 0.0, sheet.rows - 1)
    left, top = column.astype(np.intp), row.astype(np.intp)
    right_share, down_share = column - left, row - top
    across = -(-sheet.columns // _TILE)
    number = (top // _TILE) * across + left // _TILE
    heights = np.empty(len(column))
    numbers = np.unique(number) if np.ptp(number) else number[:1]
    for one in numbers:
        tile = cache.get(sheet, int(one) % across, int(one) // across).ravel()
        members = slice(None) if len(numbers) == 1 else np.flatnonzero(number == one)
        post = (top[members] % _TILE) * (_TILE + 1) + left[members] % _TILE
        x, y = right_share[members], down_share[members]
        upper = tile[post] * (1 - x) + tile[post + 1] * x
        lower = tile[post + _TILE + 1] * (1 - x) + tile[post + _TILE + 2] * x
        heights[members] = upper * (1 - y) + lower * y
    return heights


def window(
    sheet: ElevationSheet, cache: TileCache, column: int, row: int, width: int, height: int
) -> NDArray[np.float32]:
    """Heights (height, width) of posts inside a sheet; NaN in gaps."""
    result = np.empty((height, width), np.float32)
    for tile_row in range(row // _TILE, (row + height - 1) // _TILE + 1):
        for tile_column in range(column // _TILE, (column + width - 1) // _TILE + 1):
            tile = cache.get(sheet, tile_column, tile_row)
            left, top = tile_column * _TILE, tile_row * _TILE
            from_row, to_row = max(row, top), min(row + height, top + _TILE)
            from_column, to_column = max(column, left), min(column + width, left + _TILE)
            result[from_row - row : to_row - row, from_column - column : to_column - column] = tile[
                from_row - top : to_row - top, from_column - left : to_column - left
            ]
    return result


def _powers(places: Floats) -> Floats:
    """Monomials (15, N) of two coordinates (2, N), up to the fourth degree."""
    x, y = places
    rows = [np.ones_like(x)]
    for _ in range(4):
        width = len(rows)
        level = 0
        while (level + 1) * (level + 2) // 2 < width:
            level += 1
        last = rows[-(level + 1) :]
        rows += [x * one for one in last] + [y * last[-1]]
    return np.stack(rows)


def _lattice(nodes: Floats) -> Floats:
    return np.stack([axis.ravel() for axis in np.meshgrid(nodes, nodes)])


_FITTED = _lattice(np.cos((np.arange(7) + 0.5) * np.pi / 7))
_TRIED = _lattice(np.array([-1.0, -0.55, 0.1, 0.6, 1.0]))
_SOLVE = np.linalg.pinv(_powers(_FITTED))
