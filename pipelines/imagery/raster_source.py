"""TIFF and NITF rasters, read window by window as eight-bit colour.

One scale turns the samples of every window into bytes; it is found once, from overviews or a
decimated read. What alpha, a mask or nodata hides holds no data, and says so.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from models.errors import UnreadableImageError
from pipelines.imagery.media import MediaKind, sniff
from pipelines.imagery.placement import ControlPoint, Placement, RationalCoefficients
from pipelines.imagery.raster import Driver, open_bytes, open_path

# Percentiles of the samples that become black and white of more than 8 bits.
_DARK, _BRIGHT = 2.0, 98.0
_SAMPLES = 1_000_000
_MEMORY_NAME = re.compile(r"(/vsimem/)?([0-9a-f-]{36}/)?[0-9a-f-]{36}(\.\w+)?:? ?")
_DRIVERS: dict[MediaKind, Driver] = {MediaKind.TIFF: "GTiff", MediaKind.NITF: "NITF"}
# A file of absent blocks claims any number of pixels in a few bytes. Deflate's best is 1,032
# bytes for one; beyond twice that a file is a claim and not an image.
_PIXELS_PER_BYTE = 2_000
_SMALL_PIXELS = 200_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RasterLimits:
    """What a raster that is read window by window may claim.

    Attributes:
        max_side_px: of width and of height.
        max_pixels: width times height.
        max_bands: all of them, read or not.
        max_block_bytes: of one block of the file, decoded.
    """

    max_side_px: int = 1_000_000
    max_pixels: int = 10_000_000_000
    max_bands: int = 16
    max_block_bytes: int = 1 << 28


_DEFAULT_LIMITS = RasterLimits()


class RasterSource:
    """An open raster as a `models.pixel_source.PixelSource`."""

    def __init__(self, dataset: Any, kind: MediaKind) -> None:
        self._dataset = dataset
        self.kind = kind
        self.width_px: int = dataset.width
        self.height_px: int = dataset.height
        # One band of grey, or the first three as red, green and blue.
        self._bands = [1, 2, 3] if dataset.count - _alphas(dataset) >= 3 else [1]
        self._palette = _palette(dataset) if self._bands == [1] else None
        self._masked = any(
            MaskFlags.all_valid not in dataset.mask_flag_enums[band - 1] for band in self._bands
        )
        self._float = any(np.dtype(dataset.dtypes[b - 1]).kind == "f" for b in self._bands)
        self._range: tuple[float, float] | None = None
        if any(dataset.dtypes[band - 1] != "uint8" for band in self._bands):
            self._range = self._stretch()

    @property
    def bytes_per_pixel(self) -> int:
        """Of the bands that are read, decoded."""
        return sum(np.dtype(self._dataset.dtypes[band - 1]).itemsize for band in self._bands)

    @property
    def placement(self) -> Placement:
        """What the file says of its place."""
        return _placement(self._dataset)

    @property
    def reads_whole_rows(self) -> bool:
        """Whether the file is kept in strips, so that a narrow window costs a wide one."""
        _, columns = self._dataset.block_shapes[0]
        return bool(columns >= self.width_px)

    def read_window(
        self, left: int, top: int, right: int, bottom: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """A window as (h, w, 3) RGB and (h, w) whether each pixel holds data; None where all do.

        Raises:
            UnreadableImageError: the file is damaged there.
        """
        return self._read(Window(left, top, right - left, bottom - top), None)

    def read_reduced(self, longest_px: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """The whole image with its longer side at most so long, from overviews where there are any.

        Raises:
            UnreadableImageError: the file is damaged.
        """
        width, height = self.width_px, self.height_px
        factor = max(width, height) / longest_px
        if factor <= 1.0:
            return self.read_window(0, 0, width, height)
        size = max(1, round(height / factor)), max(1, round(width / factor))
        return self._read(Window(0, 0, width, height), size)

    def _read(
        self, window: Window, size: tuple[int, int] | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        smooth = Resampling.nearest
        if size is not None and self._palette is None:
            smooth = Resampling.average
        shape = None if size is None else (len(self._bands), *size)
        with _readable(self.kind):
            samples = self._dataset.read(
                self._bands, window=window, out_shape=shape, resampling=smooth
            )
            mask = self._mask(window, size)
        if self._float:
            finite = np.isfinite(samples).any(axis=0)
            mask = finite if mask is None else mask & finite
        if self._palette is not None and samples.dtype == np.uint8:
            rgb = self._palette[samples[0]]
        else:
            rgb = self._spread(samples)
        return np.ascontiguousarray(rgb), None if mask is None or mask.all() else mask

    def _mask(self, window: Window, size: tuple[int, int] | None) -> NDArray[np.bool_] | None:
        if not self._masked:
            return None
        mask = self._dataset.dataset_mask(window=window, out_shape=size)
        return np.asarray(mask > 0, np.bool_)

    def _spread(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """(B, h, w) of any number type as (h, w, 3) uint8."""
        if self._range is None:
            bytes_ = samples
        else:
            dark, bright = self._range
            scale = 255.0 / (bright - dark) if bright > dark else 0.0
            bytes_ = np.empty(samples.shape, np.uint8)
            for band in range(len(samples)):  # one at a time: floats are up to eight times as large
                stretched = (samples[band].astype(np.float32) - np.float32(dark)) * np.float32(
                    scale
                )
                bytes_[band] = np.clip(np.nan_to_num(stretched), 0, 255).round()
        if len(bytes_) == 1:
            return np.asarray(cv2.merge([bytes_[0]] * 3), np.uint8)
        return np.asarray(cv2.merge(list(bytes_)), np.uint8)

    def _stretch(self) -> tuple[float, float]:
        """Black and white for all bands, so that colours stay."""
        width, height = self.width_px, self.height_px
        step = max(1, int(np.sqrt(width * height * len(self._bands) / _SAMPLES)))
        size = -(-height // step), -(-width // step)
        window = Window(0, 0, width, height)
        with _readable(self.kind):
            some = self._dataset.read(self._bands, out_shape=(len(self._bands), *size))
            mask = self._mask(window, size)
        some = some.astype(np.float64)
        usable = np.isfinite(some)
        if mask is not None:
            usable &= mask
        values = some[usable]
        if values.size == 0:
            return 0.0, 0.0
        dark, bright = (float(value) for value in np.percentile(values, (_DARK, _BRIGHT)))
        if bright <= dark:  # flat but for a few samples
            dark, bright = float(values.min()), float(values.max())
        return dark, bright


@contextmanager
def open_source(
    data: bytes | Path, limits: RasterLimits = _DEFAULT_LIMITS
) -> Iterator[RasterSource]:
    """A TIFF or NITF as a source of windows; its claims are held against the limits first.

    Args:
        data: its bytes, or a trusted path of the service's own making where it lies.
        limits: what it may claim.

    Raises:
        UnreadableImageError: neither, damaged, or beyond the limits; the message says which.
    """
    if isinstance(data, Path):
        with data.open("rb") as file:
            kind = sniff(file.read(16))
        length = data.stat().st_size
    else:
        kind, length = sniff(data[:16]), len(data)
    if kind not in _DRIVERS:
        raise UnreadableImageError(f"a {kind.value.upper()} is not read by windows")
    driver = _DRIVERS[kind]
    opened = open_path(data, driver) if isinstance(data, Path) else open_bytes(data, driver)
    with ExitStack() as stack:
        with warnings.catch_warnings(), _readable(kind):
            # A photograph has no georeference; that is no news.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = stack.enter_context(opened)
            _check(dataset, kind, length, limits)
            source = RasterSource(dataset, kind)
        yield source


@contextmanager
def _readable(kind: MediaKind) -> Iterator[None]:
    try:
        yield
    except (RasterioError, ValueError, OverflowError) as error:
        raise UnreadableImageError(
            f"the {kind.value.upper()} is damaged or of a form not read here: {told(error)}"
        ) from error


def told(error: BaseException) -> str:
    """What an error and those behind it say, without names of files in memory."""
    said = []
    link: BaseException | None = error
    while link is not None:
        said.append(_MEMORY_NAME.sub("", str(link)))
        link = link.__cause__ or link.__context__
    return "; ".join(dict.fromkeys(part for part in said if part)) or type(error).__name__


def _check(dataset: Any, kind: MediaKind, length: int, limits: RasterLimits) -> None:
    width, height, bands = dataset.width, dataset.height, dataset.count
    name = kind.value.upper()
    if bands < 1 or bands > limits.max_bands:
        raise UnreadableImageError(f"the {name} has {bands} bands; the limit is {limits.max_bands}")
    if max(width, height) > limits.max_side_px or width * height > limits.max_pixels:
        raise UnreadableImageError(
            f"the image says it has {width} x {height} pixels; the limit is "
            f"{limits.max_pixels / 1e6:g} megapixels and {limits.max_side_px} to a side"
        )
    if width * height > max(_SMALL_PIXELS, length * _PIXELS_PER_BYTE):
        raise UnreadableImageError(
            f"the image says it has {width} x {height} pixels, too many for {length} bytes"
        )
    types = [np.dtype(name) for name in dataset.dtypes]
    if any(sample.kind == "c" for sample in types):
        raise UnreadableImageError("the image holds complex numbers, not brightness")
    widest = max(sample.itemsize for sample in types)
    for rows, columns in dataset.block_shapes:
        # Pixel-interleaved blocks hold all bands at once.
        if rows * columns * widest * bands > limits.max_block_bytes:
            raise UnreadableImageError(f"the image comes in blocks of {columns} x {rows} pixels")


def _alphas(dataset: Any) -> int:
    return sum(one is ColorInterp.alpha for one in dataset.colorinterp)


def _palette(dataset: Any) -> NDArray[np.uint8] | None:
    """(256, 3) colours of a palette image; None for one without."""
    try:
        colours = dataset.colormap(1)
    except ValueError:
        return None
    table = np.zeros((256, 3), np.uint8)
    for index, colour in colours.items():
        if 0 <= index < 256:
            table[index] = colour[:3]
    return table


def _placement(dataset: Any) -> Placement:
    transform, crs = dataset.transform, dataset.crs
    points, points_crs = dataset.gcps
    return Placement(
        geotransform=None
        if transform.is_identity and crs is None
        else (transform.a, transform.b, transform.c, transform.d, transform.e, transform.f),
        crs=crs.to_wkt() if crs else None,
        control=tuple(
            ControlPoint(
                column_px=float(one.col),
                row_px=float(one.row),
                x=float(one.x),
                y=float(one.y),
                z=float(one.z or 0.0),
            )
            for one in points
        ),
        control_crs=points_crs.to_wkt() if points and points_crs else None,
        rational=_rational(dataset.rpcs),
    )


def _rational(rpc: Any) -> RationalCoefficients | None:
    if rpc is None:
        return None
    families = [rpc.line_num_coeff, rpc.line_den_coeff, rpc.samp_num_coeff, rpc.samp_den_coeff]
    if any(len(family) != 20 for family in families):
        return None
    line_numerator, line_denominator, sample_numerator, sample_denominator = (
        tuple(float(value) for value in family) for family in families
    )
    return RationalCoefficients(
        line_offset=rpc.line_off,
        sample_offset=rpc.samp_off,
        latitude_offset=rpc.lat_off,
        longitude_offset=rpc.long_off,
        height_offset=rpc.height_off,
        line_scale=rpc.line_scale,
        sample_scale=rpc.samp_scale,
        latitude_scale=rpc.lat_scale,
        longitude_scale=rpc.long_scale,
        height_scale=rpc.height_scale,
        line_numerator=line_numerator,
        line_denominator=line_denominator,
        sample_numerator=sample_numerator,
        sample_denominator=sample_denominator,
        bias_m=_error(rpc.err_bias),
        random_m=_error(rpc.err_rand),
    )


def _error(value: float | None) -> float | None:
    """RPC00B writes an unknown error as a negative number, some writers as zero."""
    return float(value) if value is not None and value > 0 else None
