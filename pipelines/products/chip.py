"""The chip of a hard negative: a piece of an original around one box, at full scale."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import UnreadableImageError
from pipelines.imagery.piece import read_piece

CHIP_PX = 640
"""Longest side: what a tile of the shipped model measures."""
_QUALITY = 92


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A chip and where it was cut.

    Attributes:
        left_px: where it begins in the original, whole pixels.
        top_px: the same, down the image.
        width_px: how wide it is.
        height_px: how high it is.
        jpeg: its bytes; the same original and box give the same bytes.
    """

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    jpeg: bytes


def cut_chip(
    data: bytes, xyxy: tuple[float, float, float, float], *, path: Path | None = None
) -> Chip:
    """Cut the square of `CHIP_PX` around the middle of a box, moved and cut to lie in the image.

    Args:
        data: the original's bytes; empty where it is at `path`.
        xyxy: left, top, right, bottom of the box in pixels of the original as stored. Of one that
            is larger than a chip, the middle is shown.
        path: a local copy of it, which is read by windows where it is a raster.

    Raises:
        UnreadableImageError: the original cannot be read, or the box does not lie in it.
    """
    left, top, right, bottom = xyxy
    around = tuple(
        round((low + high) / 2) + side * (CHIP_PX // 2)
        for side in (-1, 1)
        for low, high in ((left, right), (top, bottom))
    )
    rgb, (chip_left, chip_top) = read_piece(
        data, path, (around[0], around[1], around[2], around[3])
    )
    height, width = rgb.shape[:2]
    if not (
        left < right
        and top < bottom
        and _meet(left, right, chip_left, width)
        and _meet(top, bottom, chip_top, height)
    ):
        raise UnreadableImageError(f"the box {xyxy} does not lie in the image")
    return Chip(
        left_px=chip_left, top_px=chip_top, width_px=width, height_px=height, jpeg=_jpeg(rgb)
    )


def _meet(low: float, high: float, start: int, length: int) -> bool:
    return low < start + length and high > start


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) RGB as JPEG without any metadata."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return out.getvalue()
