"""Cutting an image into the squares that a model looks at."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

PADDING = 114
"""Grey value beside an image that is smaller than a tile; the value that YOLO models train with."""


def tile_starts(length: int, tile_px: int, overlap: float) -> NDArray[np.int32]:
    """Where tiles begin along one axis.

    The fewest tiles whose neighbours share at least the asked part; they are spread evenly, so
    the overlap grows until every tile is full.

    Args:
        length: image size along the axis, pixels, at least 1.
        tile_px: side of a tile, pixels.
        overlap: least share of a tile that its neighbour repeats, 0 to 0.9.

    Returns:
        (n,) int32 ascending, the first 0; one tile where the image is not longer than a tile.

    Raises:
        ValueError: a value is outside its range.
    """
    if length < 1 or tile_px < 1:
        raise ValueError(f"image and tile sides start at 1 pixel, not {length} and {tile_px}")
    if not 0 <= overlap <= 0.9:  # written so that NaN is refused too
        raise ValueError(f"tile overlap is a share from 0 to 0.9, not {overlap}")
    span = length - tile_px
    if span <= 0:
        return np.zeros(1, np.int32)
    # The shared part is a whole number of pixels and never less than asked.
    stride = max(1, tile_px - math.ceil(tile_px * overlap - 1e-9))
    steps = math.ceil(span / stride)
    # Integer arithmetic: floor of evenly spaced starts differs by at most one pixel from even.
    starts = np.arange(steps + 1, dtype=np.int64) * span // steps
    return starts.astype(np.int32)


def tile_grid(width: int, height: int, tile_px: int, overlap: float) -> NDArray[np.int32]:
    """Tiles that cover an image, row by row.

    Args:
        width: image width, pixels.
        height: image height, pixels.
        tile_px: side of a tile, pixels.
        overlap: least share of a tile that its neighbour repeats, 0 to 0.9.

    Returns:
        (T, 4) int32 left, top, right, bottom of each tile in pixels of the image; a tile is only
        smaller than `tile_px` along an axis where the image is.

    Raises:
        ValueError: a value is outside its range.
    """
    left = tile_starts(width, tile_px, overlap)
    top = tile_starts(height, tile_px, overlap)
    grid = np.empty((len(top), len(left), 4), np.int32)
    grid[..., 0] = left
    grid[..., 1] = top[:, None]
    grid[..., 2] = np.minimum(left + tile_px, width)
    grid[..., 3] = np.minimum(top + tile_px, height)[:, None]
    return grid.reshape(-1, 4)


def cut_tile(image: NDArray[np.uint8], tile: NDArray[np.int32], tile_px: int) -> NDArray[np.uint8]:
    """One tile of an image.

    Args:
        image: (height, width, 3).
        tile: (4,) left, top, right, bottom in pixels of the image.
        tile_px: side of the square to return.

    Returns:
        (tile_px, tile_px, 3): a view of the image where the tile is full, else a copy with grey
        padding to the right and below.
    """
    left, top, right, bottom = (int(value) for value in tile)
    part = image[top:bottom, left:right]
    if part.shape[:2] == (tile_px, tile_px):
        return part
    return pad_square(part, tile_px)


def scaled_size(width: int, height: int, scale: float, tile_px: int) -> tuple[int, int]:
    """Width and height of a part of an image at a scale, whole pixels that fit a tile."""
    return (
        min(tile_px, max(1, round(width * scale))),
        min(tile_px, max(1, round(height * scale))),
    )


def pad_square(image: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """An image (h, w, 3) not larger than a square, with grey to its right and below."""
    square = np.full((side_px, side_px, 3), PADDING, np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    return square
