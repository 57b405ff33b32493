"""What a tile at another scale shows, against means worked out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.tiles.tile_pixels import scaled_tile


def mean_of_areas(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float64]:
    """Each pixel the mean of the area that it covers: shares of pixels as two matrices."""

    def shares(have: int, wanted: int) -> NDArray[np.float64]:
        edges = np.arange(wanted + 1) * have / wanted
        begin, end = edges[:-1, None], edges[1:, None]
        pixel = np.arange(have)
        covered = np.minimum(end, pixel + 1) - np.maximum(begin, pixel)
        return np.asarray(np.clip(covered, 0, None) * wanted / have, np.float64)

    rows, columns = shares(image.shape[0], height), shares(image.shape[1], width)
    return np.asarray(
        np.einsum("yr,rcb,xc->yxb", rows, image.astype(np.float64), columns, optimize=True)
    )


def waves(height: int, width: int) -> NDArray[np.uint8]:
    """Detail of all sizes from 5 pixels on, of another kind in each band."""
    down, across = np.mgrid[:height, :width].astype(np.float64)
    bands = [
        np.sin(across / (2 + across / 200)) + np.sin(down / (2 + down / 150) + band)
        for band in range(3)
    ]
    return (np.stack(bands, axis=2) * 60.0 + 128.0).round().astype(np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "limit"),
    [
        (300, 400, 0.6),  # reduced once, by 3.1: rounding alone
        (602, 800, 1.5),  # by 6.25: halved first
        (1200, 1600, 1.5),  # by 12.5: twice
        (1201, 1601, 0.6),  # odd sides cannot be halved
    ],
)
def test_a_reduced_view_shows_the_mean_of_what_it_covers(
    height: int, width: int, limit: float
) -> None:
    image = waves(height, width)
    view = np.array([0, 0, width, height], np.int32)
    found = scaled_tile(image, view, 128 / width, 128)
    rows = round(height * 128 / width)
    expected = mean_of_areas(image, 128, rows)
    assert np.abs(found[:rows].astype(np.float64) - expected).mean() < limit
    # Nothing is moved: detail is where it was.
    assert np.corrcoef(found[:rows].ravel(), expected.ravel())[0, 1] > 0.99
    assert (found[rows:] == 114).all()


def test_a_view_at_full_scale_is_the_image_itself() -> None:
    image = waves(300, 400)
    found = scaled_tile(image, np.array([100, 50, 228, 178], np.int32), 1.0, 128)
    assert np.shares_memory(found, image)
    assert np.array_equal(found, image[50:178, 100:228])
