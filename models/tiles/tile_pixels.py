"""The pixels of a tile at the scale that it is looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.tiles.tiling import cut_tile, pad_square, scaled_size

_HALVED = 5
"""From this reduction on an image is halved first."""


def scaled_tile(
    image: NDArray[np.uint8], tile: NDArray[np.int32], scale: float, tile_px: int
) -> NDArray[np.uint8]:
    """One tile of an image at a scale of its own.

    Args:
        image: (height, width, 3).
        tile: (4,) left, top, right, bottom in pixels of the image.
        scale: pixels to return for one of the image.
        tile_px: side of the square to return.

    Returns:
        (tile_px, tile_px, 3): as `cut_tile` where its size stays, else a copy.
    """
    if scale == 1.0:
        return cut_tile(image, tile, tile_px)
    left, top, right, bottom = (int(value) for value in tile)
    size = scaled_size(right - left, bottom - top, scale, tile_px)
    part = _reduced(image[top:bottom, left:right], size)
    return part if part.shape[:2] == (tile_px, tile_px) else pad_square(part, tile_px)


def _reduced(part: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A part of an image at another width and height."""
    # Means of two by two pixels are ten times as fast as areas of broken numbers of pixels. Where
    # much is reduced still after it, grey levels differ by one on average.
    while all(
        have % 2 == 0 and have >= _HALVED * wanted
        for have, wanted in zip(part.shape[1::-1], size, strict=True)
    ):
        half = part.shape[1] // 2, part.shape[0] // 2
        part = np.asarray(cv2.resize(part, half, interpolation=cv2.INTER_AREA), np.uint8)
    if part.shape[1::-1] == size:
        return part
    # Area averaging: plain interpolation skips pixels where it reduces much, and aliases.
    way = cv2.INTER_AREA if size[0] < part.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=way), np.uint8)
