"""Frames of 12, 20 and 48 megapixels made of real aerial photographs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZES = {"12MP": (4000, 3000), "20MP": (5472, 3648), "48MP": (8000, 6000)}
"""Width and height in pixels: the sensors of common small and survey drones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame to look at.

    Attributes:
        name: "12MP", "20MP" or "48MP".
        path: JPEG file.
        width_px: its width.
        height_px: its height.
    """

    name: str
    path: Path
    width_px: int
    height_px: int


def data_folder(stated: Path | None) -> Path:
    """The folder of real imagery: as stated, VEDETTE_DATA, or beside the clone."""
    named = os.environ.get("VEDETTE_DATA")
    folder = stated or (Path(named) if named else Path(__file__).parents[2] / "shared" / "data")
    if not (folder / "detection" / "visdrone" / "images").is_dir():
        sys.exit(f"no real imagery at {folder}: set VEDETTE_DATA to its folder")
    return folder


def make_frames(data: Path, into: Path) -> list[Frame]:
    """One JPEG of each size: aerial photographs side by side, mirrored so that edges meet."""
    largest = sorted(
        (data / "detection" / "visdrone" / "images").iterdir(),
        key=lambda path: (-path.stat().st_size, path.name),
    )
    frames = []
    for place, (name, (width, height)) in enumerate(SIZES.items()):
        with Image.open(largest[place]) as picture:
            part = np.asarray(picture.convert("RGB"))
        path = into / f"{name}.jpg"
        Image.fromarray(_mirrored(part, width, height)).save(path, quality=92)
        frames.append(Frame(name=name, path=path, width_px=width, height_px=height))
    return frames


def _mirrored(part: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    padding = ((0, max(0, height - part.shape[0])), (0, max(0, width - part.shape[1])), (0, 0))
    return np.pad(part, padding, mode="symmetric")[:height, :width]
