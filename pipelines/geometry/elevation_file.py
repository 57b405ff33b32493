"""One elevation model on disk: its grid, its datum, its heights in tiles."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from models.errors import InvalidInputError
from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.heights import EGM96_EPSG, EGM2008_EPSG, has_grid, undulation_m
from pipelines.imagery.raster import RasterGrid, read_grid, read_values

Floats = NDArray[np.float64]

_TILE = 256
_TILES_KEPT = 256
"""Of some 260 kB each."""

_SCANNED_POSTS = 60_000_000
"""A larger file is not read through for its extremes."""

_DEEPEST_M, _HIGHEST_M = -600.0, 9000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class VerticalReference:
    """What the heights of a model are measured from.

    Attributes:
        epsg: vertical reference by which they are read; None for heights above the ellipsoid.
        metres: metres in one unit of them.
        assumed: the file did not say, or said what cannot be converted here.
        stated: what the file says; empty when nothing.
    """

    epsg: int | None
    metres: float
    assumed: bool
    stated: str


def vertical_reference(crs: pyproj.CRS) -> VerticalReference:
    """What a coordinate reference system says of heights; EGM96 where it says nothing."""
    if crs.is_compound:
        vertical = crs.sub_crs_list[1]
        epsg = vertical.to_epsg()
        if epsg is None:
            named = vertical.name.upper().replace(" ", "")
            epsg = EGM2008_EPSG if "EGM2008" in named else EGM96_EPSG if "EGM96" in named else None
        known = epsg is not None and has_grid(epsg)
        return VerticalReference(
            epsg=epsg if known else EGM96_EPSG,
            metres=vertical.axis_info[0].unit_conversion_factor if vertical.axis_info else 1.0,
            assumed=not known,
            stated=vertical.name,
        )
    if crs.is_geographic and len(crs.axis_info) == 3:
        return VerticalReference(
            epsg=None,
            metres=crs.axis_info[2].unit_conversion_factor,
            assumed=False,
            stated="height above the ellipsoid",
        )
    return VerticalReference(epsg=EGM96_EPSG, metres=1.0, assumed=True, stated="")


class ElevationFile:
    """One elevation model on disk, read in tiles.

    Attributes:
        path: the GeoTIFF.
        reference: what its heights are measured from.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._grid: RasterGrid = read_grid(path)
        if self._grid.bands != 1 or self._grid.data_type == "uint8":
            raise InvalidInputError(f"{path.name} is an image, not an elevation model")
        if not self._grid.crs_wkt:
            raise InvalidInputError(f"{path.name} names no coordinate reference system")
        try:
            crs = pyproj.CRS.from_wkt(self._grid.crs_wkt)
        except CRSError as error:
            raise InvalidInputError(f"{path.name}: {error}") from error
        self.reference = vertical_reference(crs)
        horizontal = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
        self._plain = horizontal.equals(pyproj.CRS.from_epsg(4326), ignore_axis_order=True)
        self._to_file = pyproj.Transformer.from_crs("EPSG:4326", horizontal, always_xy=True)
        a, b, c, d, e, f = self._grid.transform
        inverse = np.linalg.inv(np.array([[a, b, c], [d, e, f], [0, 0, 1]]))
        self._to_grid = inverse
        self._from_grid = np.array([[a, b, c], [d, e, f]])

    @cached_property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north, from points along the edge."""
        width, height = self._grid.width, self._grid.height
        share = np.linspace(0.0, 1.0, 21)
        column = np.concatenate([share, share, np.zeros(21), np.ones(21)]) * width
        row = np.concatenate([np.zeros(21), np.ones(21), share, share]) * height
        latitude, longitude = self._places(column, row)
        return (
            float(longitude.min()),
            float(latitude.min()),
            float(longitude.max()),
            float(latitude.max()),
        )

    @cached_property
    def post_m(self) -> float:
        """Distance of neighbouring posts at the middle, the shorter of both ways."""
        column, row = self._grid.width / 2, self._grid.height / 2
        latitude, longitude = self._places(
            np.array([column, column + 1, column]), np.array([row, row, row + 1])
        )
        north, east = metres_per_degree(latitude[0])
        distance = np.hypot(
            (latitude[1:] - latitude[0]) * north, (longitude[1:] - longitude[0]) * east
        )
        return float(distance.min())

    @cached_property
    def extremes_m(self) -> tuple[float, float]:
        """Bounds of the heights above the ellipsoid."""
        width, height = self._grid.width, self._grid.height
        if width * height > _SCANNED_POSTS:
            return _DEEPEST_M, _HIGHEST_M
        low, high = np.inf, -np.inf
        rows = max(1, 4_000_000 // width)
        for row in range(0, height, rows):
            values = read_values(
                self.path, column=0, row=row, width=width, height=min(rows, height - row)
            )
            known = values[np.isfinite(values)]
            if known.size:
                low, high = min(low, float(known.min())), max(high, float(known.max()))
        if low > high:
            return 0.0, 0.0
        low, high = low * self.reference.metres, high * self.reference.metres
        if self.reference.epsg is not None:
            west, south, east, north = self.bounds_deg
            step = max(2, int(max(east - west, north - south) / 0.25) + 2)
            latitude, longitude = np.meshgrid(
                np.linspace(max(south, -90), min(north, 90), step), np.linspace(west, east, step)
            )
            raised = undulation_m(latitude, longitude, vertical_epsg=self.reference.epsg)
            # The geoid bends by less than this between those places.
            low, high = low + float(raised.min()) - 5.0, high + float(raised.max()) + 5.0
        return low, high

    def _places(self, column: Floats, row: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude of grid coordinates (from the outer corner)."""
        (a, b, c), (d, e, f) = self._from_grid
        x, y = a * column + b * row + c, d * column + e * row + f
        if self._plain:
            return y, x
        longitude, latitude = self._to_file.transform(x, y, direction="INVERSE")
        return np.asarray(latitude), np.asarray(longitude)

    def grid_of(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """Column and row (N,) counted from the centre of the first post."""
        if self._plain:
            x, y = self.unwrapped(longitude_deg), latitude_deg
        else:
            x, y = (
                np.asarray(value) for value in self._to_file.transform(longitude_deg, latitude_deg)
            )
        (a, b, c), (d, e, f), _ = self._to_grid
        return a * x + b * y + (c - 0.5), d * x + e * y + (f - 0.5)

    def unwrapped(self, longitude_deg: Floats) -> Floats:
        """Longitudes (N,) within half a turn of the middle of the file."""
        west, _, east, _ = self.bounds_deg
        turns = np.round((longitude_deg - (west + east) / 2) / 360.0)
        return longitude_deg - 360.0 * turns if turns.any() else longitude_deg

    def inside(self, column: Floats, row: Floats) -> NDArray[np.bool_]:
        """Whether grid coordinates (N,) lie within the outer edge."""
        result: NDArray[np.bool_] = (
            (column >= -0.5)
            & (row >= -0.5)
            & (column <= self._grid.width - 0.5)
            & (row <= self._grid.height - 0.5)
        )
        return result

    @property
    def columns(self) -> int:
        """Posts in a row."""
        return self._grid.width

    @property
    def rows(self) -> int:
        """Posts in a column."""
        return self._grid.height

    def tile(self, tile_column: int, tile_row: int) -> NDArray[np.float32]:
        """Heights above the ellipsoid of one tile and the first posts of the next ones."""
        column, row = tile_column * _TILE, tile_row * _TILE
        width = min(_TILE + 1, self._grid.width - column)
        height = min(_TILE + 1, self._grid.height - row)
        values = read_values(self.path, column=column, row=row, width=width, height=height)
        values *= self.reference.metres
        if self.reference.epsg is not None:
            columns, rows = np.meshgrid(
                np.arange(column, column + width) + 0.5, np.arange(row, row + height) + 0.5
            )
            latitude, longitude = self._places(columns.ravel(), rows.ravel())
            values += undulation_m(latitude, longitude, vertical_epsg=self.reference.epsg).reshape(
                values.shape
            )
        # Past the last post the edge's own height goes on for half a post.
        padding = ((0, _TILE + 1 - height), (0, _TILE + 1 - width))
        return np.pad(values, padding, mode="edge").astype(np.float32)


class TileCache:
    """Tiles of elevation files in bounded memory, the least recently used dropped first."""

    def __init__(self, capacity: int = _TILES_KEPT) -> None:
        self._capacity = capacity
        self._tiles: OrderedDict[tuple[Path, int, int], NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, file: ElevationFile, tile_column: int, tile_row: int) -> NDArray[np.float32]:
        """A tile, read when it is not kept."""
        key = (file.path, tile_column, tile_row)
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
                return tile
        tile = file.tile(tile_column, tile_row)
        with self._lock:
            self._tiles[key] = tile
            while len(self._tiles) > self._capacity:
                self._tiles.popitem(last=False)
        return tile


def bilinear(file: ElevationFile, cache: TileCache, column: Floats, row: Floats) -> Floats:
    """Heights (N,) at grid coordinates inside a file; NaN where one of the four posts is a gap."""
    column = np.clip(column, 0.0, file.columns - 1)
    row = np.clip(row, 0.0, file.rows - 1)
    left, top = column.astype(np.intp), row.astype(np.intp)
    right_share, down_share = column - left, row - top
    across = -(-file.columns // _TILE)
    number = (top // _TILE) * across + left // _TILE
    heights = np.empty(len(column))
    numbers = np.unique(number) if np.ptp(number) else number[:1]
    for one in numbers:
        tile = cache.get(file, int(one) % across, int(one) // across).ravel()
        members = slice(None) if len(numbers) == 1 else np.flatnonzero(number == one)
        post = (top[members] % _TILE) * (_TILE + 1) + left[members] % _TILE
        x, y = right_share[members], down_share[members]
        upper = tile[post] * (1 - x) + tile[post + 1] * x
        lower = tile[post + _TILE + 1] * (1 - x) + tile[post + _TILE + 2] * x
        heights[members] = upper * (1 - y) + lower * y
    return heights
