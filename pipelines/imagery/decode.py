"""Decodes an image that a stranger sent, or refuses it with a reason.

The kind is told by the first bytes and one decoder is named for it. JPEG and PNG go to OpenCV:
three times as fast as GDAL on a 9 MP JPEG (43 against 142 ms on two cores), and it refuses a PNG
whose pixels end early, which GDAL fills with black in silence. TIFF and NITF each go to one driver
of GDAL's. What the header claims is held against limits before a pixel is decoded: some 2,000 bytes
can claim 3.6 gigapixels. A file that ends too early is refused: half a frame would be searched,
found empty and called quiet.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from models.errors import UnreadableImageError
from pipelines.imagery.media import MediaHeader, MediaKind, read_header
from pipelines.imagery.placement import Placement
from pipelines.imagery.raster import open_bytes
from pipelines.imagery.raster_source import RasterLimits, open_source, told

# Percentiles of the samples that become black and white of more than 8 bits.
_DARK, _BRIGHT = 2.0, 98.0
_SAMPLES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeLimits:
    """What an image may claim before it is decoded.

    Attributes:
        max_side_px: of width and of height; 65,500 is what a JPEG can be.
        max_pixels: width times height; the default holds the 151 MP of the largest aerial frame
            cameras.
        max_bands: bands of a TIFF.
        max_decoded_bytes: of all bands that are decoded, and of one block of the file.
    """

    max_side_px: int = 65_500
    max_pixels: int = 200_000_000
    max_bands: int = 16
    max_decoded_bytes: int = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedImage:
    """Pixels as they lie on disk: no orientation tag is applied.

    Attributes:
        rgb: (H, W, 3) uint8, C-contiguous. One band is repeated; more than 8 bits are stretched
            between their 2nd and 98th percentile; alpha is dropped.
        kind: what the file was.
        width_px: W.
        height_px: H.
        geotransform: a, b, c, d, e, f of x = a * column + b * row + c, y = d * column + e * row +
            f from the outer corner of the first pixel; None where the file is not georeferenced.
        crs: of x and y, as WKT; None where the file tells none.
        mask: (H, W) whether each pixel of a TIFF or NITF holds data; None where all do.
        placement: every way in which the file places its pixels.
    """

    rgb: NDArray[np.uint8]
    kind: MediaKind
    width_px: int
    height_px: int
    geotransform: tuple[float, float, float, float, float, float] | None = None
    crs: str | None = None
    mask: NDArray[np.bool_] | None = None
    placement: Placement = field(default_factory=Placement)


_DEFAULT_LIMITS = DecodeLimits()


def read_image(data: bytes, limits: DecodeLimits = _DEFAULT_LIMITS) -> DecodedImage:
    """Decode JPEG, PNG, TIFF or NITF bytes, whole.

    Raises:
        UnreadableImageError: not such an image, damaged, cut short, or beyond the limits; the
            message says which.
    """
    header = read_header(data)
    _check_size(header.width_px, header.height_px, 3, limits)
    if header.kind is MediaKind.JPEG:
        return _jpeg(data, header)
    if header.kind is MediaKind.PNG:
        return _png(data, header, limits)
    return _raster(data, limits)


def _raster(data: bytes, limits: DecodeLimits) -> DecodedImage:
    """A TIFF or NITF, whole."""
    bounds = RasterLimits(
        max_side_px=limits.max_side_px,
        max_pixels=limits.max_pixels,
        max_bands=limits.max_bands,
        max_block_bytes=limits.max_decoded_bytes,
    )
    with open_source(data, bounds) as source:
        width, height = source.width_px, source.height_px
        _check_size(width, height, source.bytes_per_pixel, limits)
        rgb, mask = source.read_window(0, 0, width, height)
        placement = source.placement
        return DecodedImage(
            rgb=rgb,
            kind=source.kind,
            width_px=width,
            height_px=height,
            geotransform=placement.geotransform,
            crs=placement.crs,
            mask=mask,
            placement=placement,
        )


def _check_size(width: int, height: int, bytes_per_pixel: int, limits: DecodeLimits) -> None:
    if max(width, height) > limits.max_side_px or width * height > limits.max_pixels:
        raise UnreadableImageError(
            f"the image says it has {width} x {height} pixels; the limit is "
            f"{limits.max_pixels / 1e6:g} megapixels and {limits.max_side_px} to a side"
        )
    if width * height * bytes_per_pixel > limits.max_decoded_bytes:
        raise UnreadableImageError(
            f"the image would take {width * height * bytes_per_pixel / 1e6:.0f} MB decoded; the "
            f"limit is {limits.max_decoded_bytes / 1e6:.0f} MB"
        )


def _jpeg(data: bytes, header: MediaHeader) -> DecodedImage:
    # Inside the coded pixels FF is always followed by 00 or a restart marker, so this marker is
    # the true end; a thumbnail's lies before the scan.
    scan = data.find(b"\xff\xda")
    if data.rfind(b"\xff\xd9") < max(scan, 2):
        raise UnreadableImageError("the JPEG is cut short: its end is missing")
    pixels = _opencv(data, header, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if _ends_flat(pixels) and _ends_early(data):
        raise UnreadableImageError("the JPEG is cut short: part of its pixels are missing")
    return DecodedImage(
        rgb=np.ascontiguousarray(pixels, dtype=np.uint8),
        kind=MediaKind.JPEG,
        width_px=header.width_px,
        height_px=header.height_px,
    )


def _png(data: bytes, header: MediaHeader, limits: DecodeLimits) -> DecodedImage:
    # 16 bits and four channels are what a PNG holds at most.
    _check_size(header.width_px, header.height_px, 8, limits)
    pixels = _opencv(data, header, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    # Blue, green, red and perhaps alpha; or one band of grey.
    colours = pixels[:, :, 2::-1] if pixels.shape[2] >= 3 else pixels[:, :, :1]
    samples = _to_bytes(np.moveaxis(colours, 2, 0), None)
    return DecodedImage(
        rgb=_spread(np.moveaxis(samples, 0, 2)),
        kind=MediaKind.PNG,
        width_px=header.width_px,
        height_px=header.height_px,
    )


def _opencv(data: bytes, header: MediaHeader, flags: int) -> NDArray[Any]:
    """Pixels by OpenCV, which picks its JPEG or PNG reader by the bytes that were sniffed."""
    name = header.kind.value.upper()
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise UnreadableImageError(f"the {name} cannot be decoded: {error.err}") from error
    if pixels is None:
        raise UnreadableImageError(f"the {name} is damaged or cut short")
    if pixels.shape[:2] != (header.height_px, header.width_px):
        raise UnreadableImageError(f"the {name}'s pixels are not of the size its header says")
    return pixels


def _spread(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 1 or 3) as (H, W, 3), C-contiguous."""
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def _ends_flat(rgb: NDArray[Any]) -> bool:
    """Whether the last coded block is one colour: so a decoder fills what is missing."""
    rows, columns = (min(4, (side - 1) % 8 + 1) for side in rgb.shape[:2])
    corner = rgb[-rows:, -columns:].astype(np.int16)
    return int(np.ptp(corner, axis=(0, 1)).max()) <= 2


def _ends_early(data: bytes) -> bool:
    """Whether the coded pixels stop before the image is full, an end marker or not.

    OpenCV does not pass on what libjpeg warns of; GDAL does. An eighth of the size costs a
    quarter of a full decode, and only images that end in one colour are asked.
    """
    try:
        with (
            warnings.catch_warnings(),
            rasterio.Env(GDAL_ERROR_ON_LIBJPEG_WARNING=True),
        ):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with open_bytes(data, "JPEG") as dataset:
                dataset.read(1, out_shape=(-(-dataset.height // 8), -(-dataset.width // 8)))
    except RasterioError as error:
        # Other warnings are of bytes between markers, which some cameras write.
        return "premature end" in told(error)
    return False


def _to_bytes(samples: NDArray[Any], nodata: float | None) -> NDArray[np.uint8]:
    """(B, H, W) of any number type to uint8; all bands by one scale, so that colours stay."""
    if samples.dtype == np.uint8:
        return samples
    step = max(1, int(np.sqrt(samples.size / _SAMPLES)))
    some = samples[:, ::step, ::step].astype(np.float64).ravel()
    some = some[np.isfinite(some)]
    if nodata is not None:
        some = some[some != nodata]
    if some.size == 0:
        return np.zeros(samples.shape, np.uint8)
    dark, bright = np.percentile(some, (_DARK, _BRIGHT))
    if bright <= dark:  # flat but for a few samples
        dark, bright = float(some.min()), float(some.max())
    scale = 255.0 / (bright - dark) if bright > dark else 0.0
    result = np.empty(samples.shape, np.uint8)
    for band in range(samples.shape[0]):  # one band at a time: floats are eight times as large
        stretched = (samples[band].astype(np.float32) - np.float32(dark)) * np.float32(scale)
        result[band] = np.clip(np.nan_to_num(stretched), 0, 255).round().astype(np.uint8)
    return result
