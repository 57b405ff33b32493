"""The one place that opens rasters.

GDAL opens far more than images: VRT, archives, HTTP and database drivers read files and networks
of the file's choosing. So a raster is opened with one named driver, found by the caller from the
first bytes, never by the name of a file, with no sidecar files and no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from models.errors import UnreadableImageError

Driver = Literal["JPEG", "PNG", "GTiff", "NITF"]

_HARDENED = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": False,
    "GDAL_SKIP": "VRT,WMS,WCS,HTTP,GDALMultidimRaster,DERIVED,STACIT,STACTA,PLMOSAIC,DAAS,EEDAI",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_CACHEMAX": 64,
}


@contextmanager
def open_bytes(data: bytes, driver: Driver) -> Iterator[Any]:
    """A `rasterio.DatasetReader` over bytes in memory, opened with one named driver.

    Raises:
        rasterio.errors.RasterioIOError: the driver refuses the bytes.
    """
    with (
        rasterio.Env(**_HARDENED),
        rasterio.MemoryFile(data) as memory,  # noqa: TID251
        memory.open(driver=driver) as dataset,
    ):
        yield dataset


@contextmanager
def open_path(path: Path, driver: Driver) -> Iterator[Any]:
    """A `rasterio.DatasetReader` over a trusted local file, opened with one named driver.

    Raises:
        rasterio.errors.RasterioIOError: the driver refuses the file.
    """
    with rasterio.Env(**_HARDENED), rasterio.open(path, driver=driver) as dataset:  # noqa: TID251
        yield dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class RasterGrid:
    """The grid of a georeferenced raster.

    Attributes:
        width: columns.
        height: rows.
        crs_wkt: coordinate reference system as WKT 2; empty where the file names none.
        transform: a, b, c, d, e, f of x = a column + b row + c, y = d column + e row + f, from the
            outer corner of the first cell.
        bands: how many.
        data_type: of the first, for example "int16".
    """

    width: int
    height: int
    bands: int
    data_type: str
    crs_wkt: str
    transform: tuple[float, float, float, float, float, float]


def read_grid(path: Path) -> RasterGrid:
    """The grid of a trusted local GeoTIFF.

    Raises:
        UnreadableImageError: it is none.
    """
    try:
        with open_path(path, "GTiff") as dataset:
            crs = dataset.crs
            return RasterGrid(
                width=dataset.width,
                height=dataset.height,
                bands=dataset.count,
                data_type=dataset.dtypes[0],
                crs_wkt=crs.to_wkt() if crs else "",
                transform=tuple(dataset.transform)[:6],
            )
    except RasterioIOError as error:
        raise UnreadableImageError(f"{path.name} is not a GeoTIFF: {error}") from error


def read_values(
    path: Path, *, column: int, row: int, width: int, height: int
) -> NDArray[np.float64]:
    """A window (height, width) of a GeoTIFF's first band, with scale and offset applied.

    Cells without data are NaN.

    Raises:
        UnreadableImageError: the file is damaged.
    """
    try:
        with open_path(path, "GTiff") as dataset:
            values = dataset.read(
                1,
                window=Window(column, row, width, height),
                masked=True,
            )
            scale, offset = dataset.scales[0], dataset.offsets[0]
    except RasterioIOError as error:
        raise UnreadableImageError(f"{path.name} is damaged: {error}") from error
    filled = values.astype(np.float64).filled(np.nan) * scale + offset
    return np.where(np.isfinite(filled), filled, np.nan)
