"""The pixels of a tile at the scale that it is looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.tiles.tiling import cut_tile, pad_square, scaled_size


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
        (tile_px, tile_px, 3): as `cut_tile` at full scale, else a copy.
    """
    if scale == 1.0:
        return cut_tile(image, tile, tile_px)
    left, top, right, bottom = (int(value) for value in tile)
    size = scaled_size(right - left, bottom - top, scale, tile_px)
    # Area averaging: plain interpolation skips pixels where it reduces much, and aliases.
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    part = np.asarray(cv2.resize(image[top:bottom, left:right], size, interpolation=way), np.uint8)
    return part if part.shape[:2] == (tile_px, tile_px) else pad_square(part, tile_px)
