"""The one place that opens rasters.

GDAL opens far more than images: VRT, archives, HTTP and database drivers read files and networks
of the file's choosing. So a raster is opened with one named driver, found by the caller from the
first bytes, never by the name of a file, with no sidecar files and no network.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
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

Driver = Literal["JPEG", "PNG", "GTiff", "NITF", "DTED", "SRTMHGT"]

_HARDENED = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": False,
    "GDAL_SKIP": "VRT,WMS,WCS,HTTP,DERIVED,STACIT,STACTA,PLMOSAIC,DAAS,EEDAI",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_CACHEMAX": 64,
}

_RANGE_BYTES = 1 << 18


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
class RangedRaster:
    """A raster that is read in ranges of bytes, from wherever it lies.

    Attributes:
        name: the file's own, without a folder.
        size: in bytes.
        read: the bytes from an offset on, as many as told, less at the end.
    """

    name: str
    size: int
    read: Callable[[int, int], bytes]


class _Ranges(io.RawIOBase):
    """A `RangedRaster` as a file."""

    def __init__(self, raster: RangedRaster) -> None:
        self._raster, self._position = raster, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(
            whence, self._raster.size
        )
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = max(min(len(buffer), self._raster.size - self._position), 0)
        data = self._raster.read(self._position, length) if length else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


@contextmanager
def open_ranges(raster: RangedRaster, driver: Driver) -> Iterator[Any]:
    """A `rasterio.DatasetReader` over ranges of bytes, opened with one named driver.

    Raises:
        rasterio.errors.RasterioIOError: the driver refuses the bytes.
    """

    def opener(path: str, mode: str = "rb") -> Any:
        # No sidecar, and nothing else of any name.
        del mode
        if path == raster.name:
            return io.BufferedReader(_Ranges(raster), _RANGE_BYTES)
        if path == "test":  # rasterio's own question whether this is an opener
            return io.BytesIO()
        raise FileNotFoundError(path)

    with (
        rasterio.Env(**_HARDENED),
        rasterio.open(raster.name, driver=driver, opener=opener) as dataset,  # noqa: TID251
    ):
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


def _opened(source: Path | RangedRaster, driver: Driver) -> Any:
    return open_path(source, driver) if isinstance(source, Path) else open_ranges(source, driver)


def read_grid(source: Path | RangedRaster, driver: Driver = "GTiff") -> RasterGrid:
    """The grid of a trusted raster.

    Raises:
        UnreadableImageError: the driver does not know it as its own.
    """
    try:
        with _opened(source, driver) as dataset:
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
        kind = {"GTiff": "GeoTIFF"}.get(driver, driver)
        raise UnreadableImageError(f"{source.name} is not a {kind}: {error}") from error


def read_values(
    source: Path | RangedRaster,
    *,
    column: int,
    row: int,
    width: int,
    height: int,
    driver: Driver = "GTiff",
) -> NDArray[np.float64]:
    """A window (height, width) of a trusted raster's first band, with scale and offset applied.

    Cells without data are NaN.

    Raises:
        UnreadableImageError: the file is damaged.
    """
    try:
        with _opened(source, driver) as dataset:
            values = dataset.read(
                1,
                window=Window(column, row, width, height),
                masked=True,
            )
            scale, offset = dataset.scales[0], dataset.offsets[0]
    except RasterioIOError as error:
        raise UnreadableImageError(f"{source.name} is damaged: {error}") from error
    filled = values.astype(np.float64).filled(np.nan) * scale + offset
    return np.where(np.isfinite(filled), filled, np.nan)


def cog_bytes(
    rgba: NDArray[np.uint8],
    *,
    epsg: int,
    transform: tuple[float, float, float, float, float, float],
    tags: Mapping[str, str],
) -> bytes:
    """A cloud-optimised GeoTIFF: JPEG tiles of 256 pixels, a mask and overviews.

    Args:
        rgba: (rows, columns, 4); alpha becomes the mask.
        epsg: coordinate reference system.
        transform: a, b, c, d, e, f; see `RasterGrid`.
        tags: written into the file.
    """
    rows, columns = rgba.shape[:2]
    with rasterio.Env(**_HARDENED), rasterio.MemoryFile() as memory:  # noqa: TID251
        # Three bands and a mask: to make a mask of an alpha band GDAL wants its VRT driver, which
        # is not to be had here.
        with memory.open(
            driver="COG",
            width=columns,
            height=rows,
            count=3,
            dtype="uint8",
            crs=f"EPSG:{epsg}",
            transform=rasterio.Affine(*transform),
            compress="JPEG",
            quality=85,
            blocksize=256,
            overview_resampling="AVERAGE",
            overview_compress="JPEG",
            overview_quality=85,
        ) as dataset:
            dataset.update_tags(**tags)
            dataset.write(np.moveaxis(rgba[..., :3], 2, 0))
            dataset.write_mask(rgba[..., 3] > 0)
        return bytes(memory.read())
