"""A frame laid on the map: a north-up picture on a grid of longitude and latitude.

Each cell of the grid asks the frame where it shows (inverse mapping), so that the overlay has no
holes. What the frame does not show stays transparent.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.geodesy import metres_per_degree
from pipelines.ground_view import GroundView

# Samples along each side of the frame that tell how far the ground it shows reaches.
_SAMPLES = 41
# Ground further away than this many times the nearest is smeared over the map and is left out.
_FARTHEST_TO_NEAREST = 8.0
# Cells between exact projections; between these, pixels are interpolated. Even in the foreground
# of a shallow oblique frame that stays below a twentieth of a cell.
_STRIDE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """A picture with the box of the map that it fills.

    Attributes:
        rgba: (height, width, 4) uint8, the first row in the north; alpha 0 where the frame shows
            nothing.
        west_deg: left edge of the first column, longitude.
        south_deg: lower edge of the last row, latitude.
        east_deg: right edge of the last column, longitude.
        north_deg: upper edge of the first row, latitude.
    """

    rgba: NDArray[np.uint8]
    west_deg: float
    south_deg: float
    east_deg: float
    north_deg: float


def frame_overlay(
    rgb: NDArray[np.uint8], view: GroundView, *, longest_px: int = 1200
) -> Overlay | None:
    """The frame as an overlay; None where it shows too little ground to lay out.

    Sky is cut, and so is ground more than eight times as far away as the nearest. Hills are not
    tested for what they hide: ground behind a crest takes the picture of the crest.

    Args:
        rgb: (height, width, 3) the frame.
        view: where its pixels are.
        longest_px: longer side of the overlay at most.
    """
    height_px, width_px = rgb.shape[:2]
    reach = _reach(view, width_px, height_px)
    if reach is None:
        return None
    west, south, east, north = reach
    per_latitude, per_longitude = (float(m) for m in metres_per_degree((south + north) / 2.0))
    breadth_m, length_m = (east - west) * per_longitude, (north - south) * per_latitude
    # No finer than the frame itself: its area over its pixels is a fair ground sample distance.
    finest_m = math.sqrt(breadth_m * length_m / (width_px * height_px))
    cell_m = max(max(breadth_m, length_m) / longest_px, finest_m)
    columns, rows = max(2, round(breadth_m / cell_m)), max(2, round(length_m / cell_m))
    pixels = _pixels(view, (west, south, east, north), columns, rows)
    inside = (
        (pixels[..., 0] >= 0.0)
        & (pixels[..., 0] <= width_px)
        & (pixels[..., 1] >= 0.0)
        & (pixels[..., 1] <= height_px)
    )
    if not inside.any():
        return None
    return Overlay(
        rgba=np.dstack([_resampled(rgb, pixels, inside), np.where(inside, 255, 0)]).astype(
            np.uint8
        ),
        west_deg=west,
        south_deg=south,
        east_deg=east,
        north_deg=north,
    )


def overlay_png(overlay: Overlay) -> bytes:
    """The overlay as a PNG with transparency."""
    stream = io.BytesIO()
    Image.fromarray(overlay.rgba).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def _reach(
    view: GroundView, width_px: int, height_px: int
) -> tuple[float, float, float, float] | None:
    """West, south, east and north of the ground that is near enough to be worth a map."""
    across, down = np.meshgrid(
        np.linspace(0.0, width_px, _SAMPLES), np.linspace(0.0, height_px, _SAMPLES)
    )
    points = view.locate(np.column_stack([across.ravel(), down.ravel()]))
    places = np.array(
        [
            (point.longitude_deg, point.latitude_deg, point.slant_range_m or 0.0)
            for point in points
            if point.longitude_deg is not None and point.latitude_deg is not None
        ]
    )
    if len(places) < 3:
        return None
    near = places[places[:, 2] <= _FARTHEST_TO_NEAREST * places[:, 2].min()]
    (west, south), (east, north) = near[:, :2].min(axis=0), near[:, :2].max(axis=0)
    # A frame over the antimeridian would wrap around the globe; no viewer lays that out.
    if not (south < north and west < east and east - west < 180.0):
        return None
    return float(west), float(south), float(east), float(north)


def _pixels(
    view: GroundView, bounds: tuple[float, float, float, float], columns: int, rows: int
) -> NDArray[np.float32]:
    """(rows, columns, 2) frame pixels of the centres of cells; NaN where there are none."""
    west, south, east, north = bounds
    coarse_columns, coarse_rows = -(-columns // _STRIDE) + 1, -(-rows // _STRIDE) + 1
    longitude = west + (np.arange(coarse_columns) * _STRIDE + 0.5) * (east - west) / columns
    latitude = north - (np.arange(coarse_rows) * _STRIDE + 0.5) * (north - south) / rows
    grid_longitude, grid_latitude = np.meshgrid(longitude, latitude)
    exact = view.project(grid_longitude.ravel(), grid_latitude.ravel())
    coarse = exact.reshape(coarse_rows, coarse_columns, 2).astype(np.float32)
    fine_x, fine_y = np.meshgrid(np.arange(columns) / _STRIDE, np.arange(rows) / _STRIDE)
    return _interpolated(coarse, fine_x, fine_y)


def _interpolated(
    coarse: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Bilinear values of a (rows, columns, 2) grid; NaN next to a NaN.

    Done here and not by `cv2.remap`, whose weights have only five bits.
    """
    column = np.minimum(x.astype(np.intp), coarse.shape[1] - 2)
    row = np.minimum(y.astype(np.intp), coarse.shape[0] - 2)
    right = (x - column)[..., None].astype(np.float32)
    down = (y - row)[..., None].astype(np.float32)
    upper = coarse[row, column] * (1 - right) + coarse[row, column + 1] * right
    lower = coarse[row + 1, column] * (1 - right) + coarse[row + 1, column + 1] * right
    values: NDArray[np.float32] = upper * (1 - down) + lower * down
    return values


def _resampled(
    rgb: NDArray[np.uint8], pixels: NDArray[np.float32], inside: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """(rows, columns, 3) colours of the frame at pixels; black outside it."""
    # Shrink first by as much as the overlay is coarser, or fine texture would sparkle.
    step = np.hypot(*np.moveaxis(np.diff(pixels, axis=1), -1, 0))[inside[:, 1:] & inside[:, :-1]]
    shrink = max(1.0, float(np.median(step))) if len(step) else 1.0
    source = rgb
    if shrink > 1.0:
        size = (max(1, round(rgb.shape[1] / shrink)), max(1, round(rgb.shape[0] / shrink)))
        source = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale = np.array([source.shape[1] / rgb.shape[1], source.shape[0] / rgb.shape[0]], np.float32)
    # OpenCV counts from the centre of the first pixel, Vedette from its outer corner.
    where = np.where(inside[..., None], pixels * scale - np.float32(0.5), np.float32(-1e4))
    sampled = cv2.remap(
        source,
        np.ascontiguousarray(where[..., 0]),
        np.ascontiguousarray(where[..., 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.where(inside[..., None], sampled, 0).astype(np.uint8)
