"""Chips: the object where it is said to be, in the bytes allowed, from any kind of original."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image

from pipelines.imagery.piece import read_piece
from pipelines.products.thin_chip import LEAST_BYTES, MOST_BYTES, thin_chip

SIZE = 1600, 1200
BOX = (700.0, 500.0, 748.0, 530.0)


def scene(box: tuple[float, float, float, float] = BOX) -> NDArray[np.uint8]:
    """Noise, which JPEG packs worst, and a red object."""
    rng = np.random.default_rng(7)
    rgb = rng.integers(60, 160, (SIZE[1], SIZE[0], 3), np.uint8)
    left, top, right, bottom = (int(value) for value in box)
    rgb[top:bottom, left:right] = (230, 20, 20)
    return rgb


def png(rgb: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG", compress_level=1)
    return out.getvalue()


def reds(jpeg: bytes) -> NDArray[np.int64]:
    """Left, top, right, bottom of what is red in a chip, read by another library."""
    rgb = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
    rows, columns = np.nonzero((rgb[..., 0] > 170) & (rgb[..., 1] < 90) & (rgb[..., 2] < 90))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize(
    "box",
    [
        BOX,
        # In a corner, over two edges, larger than a chip, a few pixels.
        (0.0, 0.0, 40.0, 30.0),
        (1560.0, 1160.0, 1600.0, 1200.0),
        (200.0, 100.0, 1400.0, 1000.0),
        (800.0, 600.0, 806.0, 609.0),
    ],
)
def test_the_object_is_where_the_chip_says(box: tuple[float, float, float, float]) -> None:
    chip = thin_chip(png(scene(box)), None, box)
    assert Image.open(io.BytesIO(chip.jpeg)).size == (chip.width_px, chip.height_px)
    assert len(chip.jpeg) <= MOST_BYTES
    # The strokes of the corners and JPEG take some of its rim.
    assert reds(chip.jpeg) == pytest.approx(np.array(chip.box_px), abs=4)
    left, top, right, bottom = chip.box_px
    wide, high = box[2] - box[0], box[3] - box[1]
    assert (right - left) / (bottom - top) == pytest.approx(wide / high, rel=0.1)


@pytest.mark.parametrize("max_bytes", [LEAST_BYTES, 5_000, 12_000])
def test_a_chip_fits_where_pixels_pack_worst(max_bytes: int) -> None:
    data = png(scene())
    chip = thin_chip(data, None, BOX, max_bytes=max_bytes)
    assert len(chip.jpeg) <= max_bytes
    assert thin_chip(data, None, BOX, max_bytes=max_bytes).jpeg == chip.jpeg


def test_no_picture_is_promised_in_too_few_bytes() -> None:
    with pytest.raises(ValueError, match="do not hold a picture"):
        thin_chip(png(scene()), None, BOX, max_bytes=LEAST_BYTES - 1)


def test_a_piece_is_the_same_pixels_from_png_tiff_and_file(tmp_path: Path) -> None:
    rgb = scene()
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=SIZE[0],
        height=SIZE[1],
        count=3,
        dtype="uint8",
        crs="EPSG:32736",
        transform=rasterio.Affine(0.1, 0, 500000, 0, -0.1, 400000),
    ) as file:
        file.write(rgb.transpose(2, 0, 1))
    wanted = (690, 490, 770, 540)
    for data, place in ((png(rgb), None), (path.read_bytes(), None), (b"", path)):
        piece, corner = read_piece(data, place, wanted)
        assert corner == (690, 490)
        np.testing.assert_array_equal(piece, rgb[490:540, 690:770])
    # Over the edge it is moved, not cut short.
    piece, corner = read_piece(png(rgb), None, (1580, -20, 1660, 40))
    assert corner == (1520, 0)
    np.testing.assert_array_equal(piece, rgb[0:60, 1520:1600])


def test_the_corners_are_seen_on_white_and_on_black() -> None:
    for value in (0, 255):
        rgb = np.full((400, 400, 3), value, np.uint8)
        chip = thin_chip(png(rgb), None, (180.0, 180.0, 220.0, 220.0))
        grey = np.asarray(Image.open(io.BytesIO(chip.jpeg)).convert("L"))
        assert abs(int(grey.max()) - int(grey.min())) > 150
