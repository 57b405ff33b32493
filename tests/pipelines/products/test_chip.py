from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.errors import UnreadableImageError
from pipelines.products.chip import CHIP_PX, cut_chip


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """Each pixel tells its own place: column / 8 in red, row / 8 in green."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns // 8, rows // 8, np.zeros_like(rows)], axis=2).astype(np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def pixels_of(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize(
    ("box", "corner"),
    [
        # In the middle, at each corner, and wider than a chip.
        ((1000.0, 800.0, 1040.0, 880.0), (700, 520)),
        ((0.0, 0.0, 20.0, 20.0), (0, 0)),
        ((1990.0, 1490.0, 2000.0, 1500.0), (1360, 860)),
        ((100.0, 100.0, 1900.0, 1400.0), (680, 430)),
    ],
)
def test_a_chip_is_a_piece_of_the_original_at_its_scale(
    box: tuple[float, float, float, float], corner: tuple[int, int]
) -> None:
    original = picture(2000, 1500)
    chip = cut_chip(png(original), box)
    assert (chip.left_px, chip.top_px) == corner
    assert (chip.width_px, chip.height_px) == (CHIP_PX, CHIP_PX)
    left, top = corner
    wanted = original[top : top + CHIP_PX, left : left + CHIP_PX].astype(int)
    seen = pixels_of(chip.jpeg).astype(int)
    # A shift by 8 pixels would show as 1 everywhere.
    assert np.abs(seen - wanted).mean() < 0.7
    assert np.abs(seen.mean(axis=(0, 1)) - wanted.mean(axis=(0, 1))).max() < 0.3
    assert cut_chip(png(original), box) == chip


def test_a_small_original_is_the_chip() -> None:
    chip = cut_chip(png(picture(300, 200)), (10.0, 10.0, 20.0, 20.0))
    assert (chip.left_px, chip.top_px, chip.width_px, chip.height_px) == (0, 0, 300, 200)


def test_a_raster_is_read_at_the_chip_alone(tmp_path: Path) -> None:
    original = picture(2000, 1500)
    file = tmp_path / "mosaic.tif"
    Image.fromarray(original).save(file, "TIFF")
    box = (1000.0, 800.0, 1040.0, 880.0)
    by_path, by_bytes = cut_chip(b"", box, path=file), cut_chip(file.read_bytes(), box)
    assert by_path == by_bytes == cut_chip(png(original), box)


def test_a_chip_carries_nothing_but_pixels() -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "DJI"
    Image.fromarray(picture(800, 800)).save(out, "JPEG", exif=exif)
    chip = Image.open(io.BytesIO(cut_chip(out.getvalue(), (1.0, 1.0, 9.0, 9.0)).jpeg))
    assert not chip.getexif()
    assert set(chip.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    "box", [(2500.0, 10.0, 2600.0, 20.0), (10.0, 10.0, 10.0, 20.0), (-50.0, 10.0, -20.0, 20.0)]
)
def test_a_box_outside_of_the_original_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(UnreadableImageError, match="does not lie in the image"):
        cut_chip(png(picture(2000, 1500)), box)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(UnreadableImageError):
        cut_chip(b"not an image at all", (0.0, 0.0, 1.0, 1.0))
