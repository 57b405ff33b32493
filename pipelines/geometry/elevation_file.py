"""One elevation model: its grid, its datum, its heights."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from models.errors import InvalidInputError
from pipelines.geometry.elevation_store import ElevationRaster
from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.heights import undulation_m
from pipelines.geometry.vertical_reference import DemDatum, vertical_reference
from pipelines.imagery.raster import read_grid, read_values

Floats = NDArray[np.float64]

_SCANNED_POSTS = 60_000_000
"""A larger file is not read through for its extremes."""

_DEEPEST_M, _HIGHEST_M = -600.0, 9000.0


class ElevationFile:
    """One elevation model.

    Attributes:
        raster: what it is read from.
        reference: what its heights are measured from.
        crs: its horizontal coordinate reference system.
        plain: whether that is longitude and latitude of WGS 84.
        columns: posts in a row.
        rows: posts in a column.
        transform: (2, 3) of x and y from column, row and 1, from the outer corner.
    """

    def __init__(self, raster: ElevationRaster, datum: DemDatum | None = None) -> None:
        """Read the grid.

        Args:
            raster: what to read.
            datum: what the heights are measured from, where the file does not say.

        Raises:
            InvalidInputError: it is no elevation model.
        """
        self.raster = raster
        name = raster.name
        grid = read_grid(raster.source, raster.driver)
        if grid.bands != 1 or grid.data_type == "uint8":
            raise InvalidInputError(f"{name} is an image, not an elevation model")
        if not grid.crs_wkt:
            raise InvalidInputError(f"{name} names no coordinate reference system")
        try:
            crs = pyproj.CRS.from_wkt(grid.crs_wkt)
        except CRSError as error:
            raise InvalidInputError(f"{name}: {error}") from error
        self.reference = vertical_reference(crs, datum, by_format=raster.driver != "GTiff")
        self.crs = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
        self.plain = self.crs.equals(pyproj.CRS.from_epsg(4326), ignore_axis_order=True)
        self.columns, self.rows = grid.width, grid.height
        self.transform = np.array(grid.transform).reshape(2, 3)

    @cached_property
    def sha256(self) -> str | None:
        """Of its bytes, read once; None where an object is too large to be read whole."""
        return self.raster.sha256()

    @cached_property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north, from points along the edge."""
        share = np.linspace(0.0, 1.0, 21)
        column = np.concatenate([share, share, np.zeros(21), np.ones(21)]) * self.columns
        row = np.concatenate([np.zeros(21), np.ones(21), share, share]) * self.rows
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
        column, row = self.columns / 2, self.rows / 2
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
        if self.columns * self.rows > _SCANNED_POSTS:
            return _DEEPEST_M, _HIGHEST_M
        low, high = np.inf, -np.inf
        rows = max(1, 4_000_000 // self.columns)
        for row in range(0, self.rows, rows):
            values = self._values(0, row, self.columns, min(rows, self.rows - row))
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

    def _values(self, column: int, row: int, width: int, height: int) -> Floats:
        return read_values(
            self.raster.source,
            column=column,
            row=row,
            width=width,
            height=height,
            driver=self.raster.driver,
        )

    @cached_property
    def _projection(self) -> pyproj.Transformer:
        return pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)

    def projected(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """Map coordinates x and y (N,) of places."""
        if self.plain:
            return longitude_deg, latitude_deg
        x, y = self._projection.transform(longitude_deg, latitude_deg)
        return np.asarray(x), np.asarray(y)

    def _places(self, column: Floats, row: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude of grid coordinates (from the outer corner)."""
        (a, b, c), (d, e, f) = self.transform
        x, y = a * column + b * row + c, d * column + e * row + f
        if self.plain:
            return y, x
        longitude, latitude = self._projection.transform(x, y, direction="INVERSE")
        return np.asarray(latitude), np.asarray(longitude)

    def heights_m(self, column: int, row: int, width: int, height: int) -> Floats:
        """Heights (height, width) above the ellipsoid of posts inside the file; NaN in gaps."""
        values = self._values(column, row, width, height)
        values *= self.reference.metres
        if self.reference.epsg is not None:
            columns, rows = np.meshgrid(
                np.arange(column, column + width) + 0.5, np.arange(row, row + height) + 0.5
            )
            latitude, longitude = self._places(columns.ravel(), rows.ravel())
            values += undulation_m(latitude, longitude, vertical_epsg=self.reference.epsg).reshape(
                values.shape
            )
        return values
