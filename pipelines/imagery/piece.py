"""A rectangle cut out of an image as it is stored, at full scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.imagery.decode import read_image
from pipelines.imagery.media import MediaKind, sniff
from pipelines.imagery.original import mapped
from pipelines.imagery.raster_source import open_source


def read_piece(
    data: bytes, path: Path | None, xyxy: tuple[int, int, int, int]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A rectangle of an image; TIFF and NITF are read there alone.

    Args:
        data: the file; empty where it is at `path`.
        path: a local copy of it; None where `data` holds it.
        xyxy: left, top, right, bottom in pixels of the image, moved and cut to lie in it.

    Returns:
        (h, w, 3) RGB, and the pixel of the image that is its left upper one.

    Raises:
        UnreadableImageError: the bytes are no image, or are damaged there.
    """
    with mapped(data, path) as whole:
        if sniff(whole[:16]) in (MediaKind.TIFF, MediaKind.NITF):
            with open_source(data if path is None else path) as source:
                left, top, right, bottom = _within(xyxy, source.width_px, source.height_px)
                rgb, _ = source.read_window(left, top, right, bottom)
                return np.ascontiguousarray(rgb), (left, top)
        image = read_image(whole[:])
        left, top, right, bottom = _within(xyxy, image.width_px, image.height_px)
        return np.ascontiguousarray(image.rgb[top:bottom, left:right]), (left, top)


def _within(
    xyxy: tuple[int, int, int, int], width_px: int, height_px: int
) -> tuple[int, int, int, int]:
    """A rectangle of the same size that lies in the image, as far as the image is large enough."""
    left, right = _along(xyxy[0], xyxy[2], width_px)
    top, bottom = _along(xyxy[1], xyxy[3], height_px)
    return left, top, right, bottom


def _along(first: int, last: int, length: int) -> tuple[int, int]:
    size = min(max(last - first, 1), length)
    start = min(max(first, 0), length - size)
    return start, start + size
