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

from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.ground_view import GroundView

# Samples along each side of the frame that tell how far the ground it shows reaches.
_SAMPLES = 21
# Ground further away than this many times the nearest is a smear on the map and is left out.
_FARTHEST_TO_NEAREST = 5.0
# Cells between exact projections; between these, pixels are interpolated. Even in the foreground
# of a shallow oblique frame that stays below a twentieth of a cell.
_STRIDE = 4
# Of the palette of the stored picture; the index after them is the transparent one.
_COLOURS = 255


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

    Sky is cut, and so is ground more than five times as far away as the nearest. Hills are not
    tested for what they hide: ground behind a crest takes the picture of the crest.

    Args:
        rgb: (height, width, 3) the frame.
        view: where its pixels are.
        longest_px: longer side of the overlay at most.
    """
    height_px, width_px = rgb.shape[:2]
    sampled = _sampled(view, width_px, height_px)
    bounds = _bounds(sampled)
    if bounds is None:
        return None
    west, south, east, north = bounds
    per_latitude, per_longitude = (float(m) for m in metres_per_degree((south + north) / 2.0))
    breadth_m, length_m = (east - west) * per_longitude, (north - south) * per_latitude
    # No finer than the frame itself: its area over its pixels is a fair ground sample distance.
    finest_m = math.sqrt(breadth_m * length_m / (width_px * height_px))
    cell_m = max(max(breadth_m, length_m) / longest_px, finest_m)
    columns, rows = max(2, round(breadth_m / cell_m)), max(2, round(length_m / cell_m))
    pixels = _pixels(view, bounds, columns, rows)
    inside = (
        (pixels[..., 0] >= 0.0)
        & (pixels[..., 0] <= width_px)
        & (pixels[..., 1] >= 0.0)
        & (pixels[..., 1] <= height_px)
    )
    inside &= _nearness(sampled, pixels, inside, (width_px, height_px)) <= _FARTHEST_TO_NEAREST
    inside = _largest_piece(inside)
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
    """The overlay as a PNG of 255 colours and transparency: a fifth of the size of full colour.

    A field post's link carries 32 kB a second.
    """
    colours = Image.fromarray(np.ascontiguousarray(overlay.rgba[..., :3]))
    # Of a third of the side: a palette of the whole takes a second where texture is noisy.
    palette = colours.reduce(3).quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    indexed = colours.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    clear = Image.fromarray(np.where(overlay.rgba[..., 3] == 0, 255, 0).astype(np.uint8))
    # A frame of few colours has a short palette, which knows no such index.
    indexed.putpalette(bytes(indexed.getpalette() or []).ljust(3 * 256, b"\0"))
    indexed.paste(_COLOURS, mask=clear)
    stream = io.BytesIO()
    indexed.save(stream, "PNG", transparency=_COLOURS, compress_level=9)
    return stream.getvalue()


def _sampled(view: GroundView, width_px: int, height_px: int) -> NDArray[np.float64]:
    """(S, S, 3) longitude, latitude and range of pixels all over the frame; NaN for sky.

    The range is in units of the nearest; 1 where the view knows none.
    """
    across, down = np.meshgrid(
        np.linspace(0.0, width_px, _SAMPLES), np.linspace(0.0, height_px, _SAMPLES)
    )
    points = view.locate(np.column_stack([across.ravel(), down.ravel()]))
    places = np.full((_SAMPLES * _SAMPLES, 3), np.nan)
    for index, point in enumerate(points):
        if point.longitude_deg is not None and point.latitude_deg is not None:
            places[index] = (
                point.longitude_deg,
                point.latitude_deg,
                1.0 if point.slant_range_m is None else point.slant_range_m,
            )
    if np.isfinite(places[:, 2]).any():
        places[:, 2] /= np.nanmin(places[:, 2])
    return places.reshape(_SAMPLES, _SAMPLES, 3)


def _nearness(
    sampled: NDArray[np.float64],
    pixels: NDArray[np.float32],
    inside: NDArray[np.bool_],
    size: tuple[int, int],
) -> NDArray[np.float32]:
    """(rows, columns) range of the ground that cells show, interpolated between samples."""
    share = np.where(inside[..., None], pixels, 0.0) / size * (_SAMPLES - 1)
    ranges = sampled[..., 2:].astype(np.float32)
    return _interpolated(ranges, share[..., 0], share[..., 1])[..., 0]


def _largest_piece(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without the far islands where ground behind a crest takes the picture of near ground."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    if count <= 2:
        return inside
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.bool_)


def _bounds(sampled: NDArray[np.float64]) -> tuple[float, float, float, float] | None:
    """West, south, east and north of the ground that is near enough; None where it is no area."""
    near = sampled[sampled[..., 2] <= _FARTHEST_TO_NEAREST]
    if len(near) < 3:
        return None
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
    """Bilinear values of a (rows, columns, K) grid; NaN next to a NaN.

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
