"""The one place that opens rasters.

GDAL opens far more than images: VRT, archives, HTTP and database drivers read files and networks
of the file's choosing. So a raster is opened with one named driver, found by the caller from the
first bytes, never by the name of a file, with no sidecar files and no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import rasterio

Driver = Literal["JPEG", "PNG", "GTiff"]

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
