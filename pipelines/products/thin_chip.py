"""A small picture of one object: what crosses a thin link before a frame does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.imagery.piece import read_piece

MOST_BYTES = 20_000
LEAST_BYTES = 2_000
_SURROUNDINGS = 4.0
"""Side of a chip in sides of the object: what it stands on and beside tells what it is."""
_LEAST_PX, _MOST_PX = 192, 480
_QUALITIES = (85, 75, 65, 55, 45, 35)
_SMALLER = 0.8
# White within black is seen on any ground.
_STROKES = (((0, 0, 0), 3), ((255, 255, 255), 1))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ThinChip:
    """A picture of one object.

    Attributes:
        jpeg: its bytes.
        width_px: of it.
        height_px: of it.
        box_px: left, top, right, bottom of the object in it.
    """

    jpeg: bytes
    width_px: int
    height_px: int
    box_px: tuple[int, int, int, int]


def thin_chip(
    data: bytes,
    path: Path | None,
    xyxy: tuple[float, float, float, float],
    *,
    max_bytes: int = MOST_BYTES,
) -> ThinChip:
    """Cut an object with what is around it, and mark it by the corners of a frame.

    The chip is at full scale where the object allows; larger ones are reduced. It is made coarser,
    then smaller, until it fits; the same bytes give the same chip.

    Args:
        data: the original; empty where it is at `path`.
        path: a local copy of the original; None where `data` holds it.
        xyxy: left, top, right, bottom of the object in pixels of the original.
        max_bytes: most that the JPEG may have, from `LEAST_BYTES`.

    Raises:
        UnreadableImageError: the original is no image, or is damaged there.
        ValueError: `max_bytes` is below `LEAST_BYTES`.
    """
    if max_bytes < LEAST_BYTES:
        raise ValueError(f"{max_bytes} bytes do not hold a picture; at least {LEAST_BYTES}")
    left, top, right, bottom = xyxy
    side = max(right - left, bottom - top, 1.0)
    half = max(side * _SURROUNDINGS, float(_LEAST_PX)) / 2
    # Of a large object less of the surroundings, rather than less of it.
    half = min(half, max(_MOST_PX, side * 1.3) / 2)
    x, y = (left + right) / 2, (top + bottom) / 2
    wanted = (round(x - half), round(y - half), round(x + half), round(y + half))
    rgb, (left_px, top_px) = read_piece(data, path, wanted)
    box = np.array([left - left_px, top - top_px, right - left_px, bottom - top_px])
    scale = min(1.0, _MOST_PX / max(rgb.shape[:2]))
    while True:
        picture, marked = _drawn(rgb, box, scale)
        for quality in _QUALITIES:
            jpeg = _encoded(picture, quality)
            if len(jpeg) <= max_bytes:
                height, width = picture.shape[:2]
                return ThinChip(jpeg=jpeg, width_px=width, height_px=height, box_px=marked)
        scale *= _SMALLER


def _drawn(
    rgb: NDArray[np.uint8], box: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """A picture at a scale with the object's corners marked, and the object in it."""
    height, width = (max(1, round(length * scale)) for length in rgb.shape[:2])
    picture = rgb.copy()
    if (height, width) != rgb.shape[:2]:
        picture = np.asarray(
            cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )
    per_pixel = np.array([width / rgb.shape[1], height / rgb.shape[0]] * 2)
    limits = np.array([width, height] * 2)
    left, top, right, bottom = (int(v) for v in np.clip(np.rint(box * per_pixel), 0, limits))
    arm = max(3, round(0.25 * min(right - left, bottom - top)))
    for colour, thickness in _STROKES:
        for x, step_x in ((left - 3, arm), (right + 2, -arm)):
            for y, step_y in ((top - 3, arm), (bottom + 2, -arm)):
                cv2.line(picture, (x, y), (x + step_x, y), colour, thickness)
                cv2.line(picture, (x, y), (x, y + step_y), colour, thickness)
    return picture, (left, top, right, bottom)


def _encoded(rgb: NDArray[np.uint8], quality: int) -> bytes:
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), settings)
    return data.tobytes()
