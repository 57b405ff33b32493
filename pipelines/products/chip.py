"""A chip: a piece of an original around one box, at full scale."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import UnreadableImageError
from pipelines.imagery.decode import read_image
from pipelines.imagery.media import MediaKind, sniff
from pipelines.imagery.raster_source import open_source

CHIP_PX = 640
"""Longest side: what a tile of the shipped model measures."""
_QUALITY = 92
_BY_WINDOWS = frozenset({MediaKind.TIFF, MediaKind.NITF})


@dataclass(frozen=True, kw_only=True, slots=True)
class ChipWindow:
    """Where a chip lies in its original, whole pixels."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A chip and where it was cut.

    Attributes:
        window: in pixels of the original as stored.
        jpeg: its bytes; the same original and box give the same bytes.
    """

    window: ChipWindow
    jpeg: bytes


def cut_chip(
    data: bytes, xyxy: tuple[float, float, float, float], *, path: Path | None = None
) -> Chip:
    """Cut a chip out of an original.

    Args:
        data: the original's bytes; not looked at where a path is given.
        xyxy: left, top, right, bottom of the box in pixels of the original as stored.
        path: a local copy of it, which is read by windows where it is a raster.

    Raises:
        UnreadableImageError: the original cannot be read, or the box does not lie in it.
    """
    if path is None:
        kind = sniff(data[:16])
    else:
        with path.open("rb") as file:
            kind = sniff(file.read(16))
    if kind in _BY_WINDOWS:
        with open_source(data if path is None else path) as source:
            window = chip_window(xyxy, source.width_px, source.height_px)
            pixels, _ = source.read_window(
                window.left_px,
                window.top_px,
                window.left_px + window.width_px,
                window.top_px + window.height_px,
            )
        return Chip(window=window, jpeg=_jpeg(pixels))
    image = read_image(data if path is None else path.read_bytes())
    window = chip_window(xyxy, image.width_px, image.height_px)
    rows = slice(window.top_px, window.top_px + window.height_px)
    columns = slice(window.left_px, window.left_px + window.width_px)
    return Chip(window=window, jpeg=_jpeg(image.rgb[rows, columns]))


def chip_window(
    xyxy: tuple[float, float, float, float], width_px: int, height_px: int
) -> ChipWindow:
    """The square of `CHIP_PX` around the middle of a box, moved and cut to lie in the image.

    Args:
        xyxy: left, top, right, bottom, pixels.
        width_px: of the image.
        height_px: of the image.

    Raises:
        UnreadableImageError: the box does not lie in the image.
    """
    left, top, right, bottom = xyxy
    if not (0.0 <= left < right <= width_px and 0.0 <= top < bottom <= height_px):
        raise UnreadableImageError(
            f"the box {xyxy} does not lie in an image of {width_px} x {height_px} pixels"
        )
    width, height = min(CHIP_PX, width_px), min(CHIP_PX, height_px)
    return ChipWindow(
        left_px=_begin(left, right, width, width_px),
        top_px=_begin(top, bottom, height, height_px),
        width_px=width,
        height_px=height,
    )


def _begin(low: float, high: float, length: int, whole: int) -> int:
    return min(max(math.floor((low + high - length) / 2), 0), whole - length)


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) RGB as JPEG without any metadata."""
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return out.getvalue()
