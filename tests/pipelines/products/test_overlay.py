"""The frame on the map: known ground on the right cell."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines.products.overlay import Overlay, frame_overlay, overlay_png
from tests.pipelines.analytic_frame import PlaneView


def _cell(overlay: Overlay, longitude_deg: float, latitude_deg: float) -> tuple[float, float]:
    """Column and row from the outer corner of the first cell."""
    height, width = overlay.rgba.shape[:2]
    across = (longitude_deg - overlay.west_deg) / (overlay.east_deg - overlay.west_deg)
    down = (overlay.north_deg - latitude_deg) / (overlay.north_deg - overlay.south_deg)
    return across * width, down * height


def _spotted(view: PlaneView, pixels: NDArray[np.float64], radius: int) -> NDArray[np.uint8]:
    """A dark frame with a bright disc around each pixel."""
    rows, columns = np.mgrid[: view.height_px, : view.width_px] + 0.5
    bright = np.zeros(rows.shape, np.bool_)
    for x, y in pixels:
        bright |= (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    return np.repeat(np.where(bright, 255, 40)[..., None], 3, axis=2).astype(np.uint8)


def _centroid(overlay: Overlay, column: float, row: float, reach: float) -> NDArray[np.float64]:
    """The middle of what is bright near a cell."""
    rows, columns = np.mgrid[: overlay.rgba.shape[0], : overlay.rgba.shape[1]] + 0.5
    near = np.hypot(columns - column, rows - row) < reach
    weight = np.where(near, np.clip(overlay.rgba[..., 0].astype(float) - 40, 0, None), 0)
    middle: NDArray[np.float64] = np.array([(weight * columns).sum(), (weight * rows).sum()])
    middle /= weight.sum()
    return middle


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "longest_px"),
    [(0.0, -90.0, 1200), (33.0, -90.0, 500), (140.0, -55.0, 900)],
)
def test_known_ground_lands_on_its_cell(yaw_deg: float, pitch_deg: float, longest_px: int) -> None:
    view = PlaneView(yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    pixels = np.array([[200.0, 150.0], [600.0, 420.0], [420.0, 500.0]])
    overlay = frame_overlay(_spotted(view, pixels, 6), view, longest_px=longest_px)
    assert overlay is not None
    assert max(overlay.rgba.shape) <= longest_px
    for point in view.locate(pixels):
        column, row = _cell(overlay, point.longitude_deg or 0.0, point.latitude_deg or 0.0)
        assert overlay.rgba[int(row), int(column), 3] == 255
        # Half a pixel of the frame or a third of a cell: a shift by either convention would show.
        assert np.abs(_centroid(overlay, column, row, 22) - (column, row)).max() < 0.45


def test_box_of_a_nadir_frame_is_its_analytic_footprint() -> None:
    view = PlaneView(height_m=120.0, focal_px=1500.0)
    overlay = frame_overlay(np.full((600, 800, 3), 90, np.uint8), view)
    assert overlay is not None
    # Half of 800 and 600 pixels, each 120 / 1500 m, in degrees.
    east_m, north_m = view.metres_per_degree
    assert overlay.east_deg - view.longitude_deg == pytest.approx(32.0 / east_m, rel=1e-6)
    assert view.longitude_deg - overlay.west_deg == pytest.approx(32.0 / east_m, rel=1e-6)
    assert overlay.north_deg - view.latitude_deg == pytest.approx(24.0 / north_m, rel=1e-6)
    assert view.latitude_deg - overlay.south_deg == pytest.approx(24.0 / north_m, rel=1e-6)
    assert overlay.rgba.shape == (600, 800, 4)
    assert np.all(overlay.rgba[..., 3] == 255)


def test_sky_and_far_ground_are_clear() -> None:
    view = PlaneView(pitch_deg=-5.0)
    rgb = np.full((600, 800, 3), 200, np.uint8)
    overlay = frame_overlay(rgb, view)
    assert overlay is not None
    nearest = min(p.slant_range_m or 1e9 for p in view.locate(np.array([[400.0, 600.0]])))
    east_m, north_m = view.metres_per_degree
    rows, columns = np.nonzero(overlay.rgba[..., 3])
    step_north = (overlay.north_deg - overlay.south_deg) / overlay.rgba.shape[0]
    step_east = (overlay.east_deg - overlay.west_deg) / overlay.rgba.shape[1]
    north = (overlay.north_deg - (rows + 0.5) * step_north - view.latitude_deg) * north_m
    east = (overlay.west_deg + (columns + 0.5) * step_east - view.longitude_deg) * east_m
    slant = np.sqrt(north**2 + east**2 + view.height_m**2)
    assert slant.max() <= 5.1 * nearest
    assert slant.max() >= 3.0 * nearest
    assert frame_overlay(rgb, PlaneView(pitch_deg=70.0)) is None


def test_png_keeps_shape_transparency_and_colour() -> None:
    view = PlaneView(yaw_deg=45.0)
    rgb = np.zeros((600, 800, 3), np.uint8)
    rgb[:, :400] = (200, 30, 30)
    rgb[:, 400:] = (30, 30, 200)
    overlay = frame_overlay(rgb, view)
    assert overlay is not None
    stored = np.asarray(Image.open(io.BytesIO(overlay_png(overlay))).convert("RGBA"))
    assert np.array_equal(stored[..., 3], overlay.rgba[..., 3])
    seen = overlay.rgba[..., 3] == 255
    off = np.abs(stored[seen][:, :3].astype(int) - overlay.rgba[seen][:, :3])
    assert np.percentile(off, 99) <= 4
