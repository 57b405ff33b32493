"""A frame laid out on a grid of the ground: the warp that every overlay shares.

Each cell of the grid is projected into the frame (inverse mapping), so that the picture has no
holes. What the frame does not show, and what a crest hides from it, stays transparent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.ground_view import GroundView

# Samples along each side of the frame that tell how far the ground it shows reaches.
_SAMPLES = 21
# Ground further away than this many times the nearest is a smear on the map and is left out.
_FARTHEST_TO_NEAREST = 5.0
# Cells between exact projections; between these, pixels are interpolated. Even in the foreground
# of a shallow oblique frame that stays below a twentieth of a cell.
_STRIDE = 4
# Rows of cells that are worked out at a time; a multiple of the stride.
_BAND = 256
# Nodes between those that are first asked whether anything hides them.
_SPARSE = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """A frame with its view.

    Attributes:
        rgb: (height, width, 3) uint8.
        mask: (height, width) whether each pixel holds data; None where all do.
        view: where its pixels are.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    view: GroundView
    _reach: list[Reach | None] = field(default_factory=list, init=False, repr=False)

    def reach(self) -> Reach | None:
        """`reach` of this picture, found once."""
        if not self._reach:
            self._reach.append(reach(self))
        return self._reach[0]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reach:
    """The ground that a frame shows.

    Attributes:
        sampled: (S, S, 3) longitude, latitude and range of pixels all over the frame, the range in
            units of the nearest; NaN for sky.
        west_deg: of what is near enough to lay out.
        south_deg: of what is near enough to lay out.
        east_deg: of what is near enough to lay out.
        north_deg: of what is near enough to lay out.
    """

    sampled: NDArray[np.float64]
    west_deg: float
    south_deg: float
    east_deg: float
    north_deg: float


def reach(picture: Picture) -> Reach | None:
    """The ground a frame shows, less what is more than five times as far away as the nearest.

    None where it is no area.
    """
    height_px, width_px = picture.rgb.shape[:2]
    sampled = _sampled(picture.view, width_px, height_px)
    bounds = _bounds(sampled)
    if bounds is None:
        return None
    west, south, east, north = bounds
    return Reach(sampled=sampled, west_deg=west, south_deg=south, east_deg=east, north_deg=north)


def laid_out(
    picture: Picture,
    seen: Reach,
    *,
    longitude_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    latitude_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    columns: int,
    rows: int,
) -> NDArray[np.uint8] | None:
    """(rows, columns, 4) the frame on a grid; alpha 0 where it shows nothing; None if nowhere.

    Args:
        picture: the frame.
        seen: what it shows.
        longitude_of: degrees at columns, counted from the outer edge of the first.
        latitude_of: degrees at rows, counted from the outer edge of the first.
        columns: of the grid.
        rows: of the grid.
    """
    height_px, width_px = picture.rgb.shape[:2]
    nodes = _nodes(
        picture.view, seen, longitude_of, latitude_of, columns, rows, (width_px, height_px)
    )
    pixels = np.empty((rows, columns, 2), np.float32)
    inside = np.empty((rows, columns), np.bool_)
    for band in _bands(rows):
        fine = _upsampled(nodes[band.start // _STRIDE :], columns, band.stop - band.start)
        pixels[band] = fine[..., :2]
        inside[band] = _shown(picture, fine)
    if not inside.any():
        return None
    rgba = np.empty((rows, columns, 4), np.uint8)
    _resample(picture.rgb, pixels, inside, rgba[..., :3])
    rgba[..., 3] = np.where(inside, np.uint8(255), np.uint8(0))
    return rgba


def _bands(rows: int) -> Iterator[slice]:
    """All rows in bands that begin at a node: what is worked out on the way is as small as one."""
    for top in range(0, rows, _BAND):
        yield slice(top, min(top + _BAND, rows))


def _shown(picture: Picture, fine: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(R, C) which cells show something of the frame; see `_nodes`."""
    height_px, width_px = picture.rgb.shape[:2]
    pixels = fine[..., :2]
    inside = np.all(
        (pixels >= 0.0) & (pixels <= np.array([width_px, height_px], np.float32)), axis=2
    )
    inside &= (fine[..., 2] >= 0.5) & (fine[..., 3] <= _FARTHEST_TO_NEAREST)
    if picture.mask is not None:
        column = np.clip(np.where(inside, pixels[..., 0], 0.0).astype(np.intp), 0, width_px - 1)
        row = np.clip(np.where(inside, pixels[..., 1], 0.0).astype(np.intp), 0, height_px - 1)
        inside &= picture.mask[row, column]
    return np.asarray(inside, np.bool_)


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
    sampled: NDArray[np.float64], pixels: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float64]:
    """(N,) range of the ground that pixels (N, 2) show, interpolated between samples.

    Outside the frame that of its edge; NaN where there is no pixel, and beside sky.
    """
    known = np.asarray(np.isfinite(pixels).all(axis=1), np.bool_)
    share = np.clip(np.where(known[:, None], pixels, 0.0) / size, 0.0, 1.0) * (_SAMPLES - 1)
    column = np.minimum(share[:, 0].astype(np.intp), _SAMPLES - 2)
    row = np.minimum(share[:, 1].astype(np.intp), _SAMPLES - 2)
    right, down = share[:, 0] - column, share[:, 1] - row
    ranges = sampled[..., 2]
    upper = ranges[row, column] * (1 - right) + ranges[row, column + 1] * right
    lower = ranges[row + 1, column] * (1 - right) + ranges[row + 1, column + 1] * right
    return np.where(known, upper * (1 - down) + lower * down, np.nan)


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


def _nodes(
    view: GroundView,
    seen: Reach,
    longitude_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    latitude_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    columns: int,
    rows: int,
    size: tuple[int, int],
) -> NDArray[np.float32]:
    """(R, C, 4) at every fourth cell: frame pixel, whether nothing hides it, and nearness.

    Pixels are NaN where there are none.
    """
    shape = (-(-rows // _STRIDE) + 1, -(-columns // _STRIDE) + 1)
    grids = np.meshgrid(
        longitude_of(np.arange(shape[1], dtype=np.float64) * _STRIDE + 0.5),
        latitude_of(np.arange(shape[0], dtype=np.float64) * _STRIDE + 0.5),
    )
    longitude, latitude = (np.asarray(grid, np.float64) for grid in grids)
    pixels = view.project(longitude.ravel(), latitude.ravel())
    shown: NDArray[np.bool_] = np.all((pixels >= 0.0) & (pixels <= np.array(size)), axis=1)
    # And the nodes around, between which and these the cells at the edge of the frame lie.
    around = cv2.dilate(shown.reshape(shape).astype(np.uint8), np.ones((3, 3), np.uint8))
    shown = np.asarray(around > 0, np.bool_)
    return np.dstack(
        [
            pixels.reshape(*shape, 2),
            _seen(view, longitude, latitude, shown),
            _nearness(seen.sampled, pixels, size).reshape(shape),
        ]
    ).astype(np.float32)


def _seen(
    view: GroundView,
    longitude: NDArray[np.float64],
    latitude: NDArray[np.float64],
    shown: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(R, C) which nodes of a grid nothing hides; those outside the frame count as seen.

    Every fourth node is asked along both axes, and the rest only where these disagree: an elevation
    model has no crest narrower than that.
    """
    seen = np.ones(shown.shape, np.bool_)
    asked = np.zeros(shown.shape, np.bool_)
    asked[::_SPARSE, ::_SPARSE] = True
    _ask(view, longitude, latitude, asked & shown, seen)
    few = seen[::_SPARSE, ::_SPARSE].astype(np.uint8)
    # Where the answer changes anywhere within one step, all nodes around are asked.
    ring = np.ones((3, 3), np.uint8)
    mixed = cv2.dilate(few, ring) != cv2.erode(few, ring)
    spread = np.repeat(np.repeat(mixed, _SPARSE, axis=0), _SPARSE, axis=1)
    spread = spread[: shown.shape[0], : shown.shape[1]]
    hidden = np.repeat(np.repeat(few == 0, _SPARSE, axis=0), _SPARSE, axis=1)
    seen &= ~hidden[: shown.shape[0], : shown.shape[1]]
    _ask(view, longitude, latitude, spread & shown, seen)
    return seen


def _ask(
    view: GroundView,
    longitude: NDArray[np.float64],
    latitude: NDArray[np.float64],
    asked: NDArray[np.bool_],
    seen: NDArray[np.bool_],
) -> None:
    if asked.any():
        seen[asked] = view.visible(longitude[asked], latitude[asked])


def _upsampled(nodes: NDArray[np.float32], columns: int, rows: int) -> NDArray[np.float32]:
    """(rows, columns, K) bilinear values between nodes (R, C, K); NaN next to a NaN.

    Done here and not by `cv2.remap`, whose weights have only five bits.
    """
    share = np.arange(_STRIDE, dtype=np.float32) / _STRIDE
    down, right = share[:, None, None], share[:, None]
    nodes = nodes[: -(-rows // _STRIDE) + 1]
    tall = nodes[:-1, None] * (1 - down) + nodes[1:, None] * down
    tall = tall.reshape(-1, *nodes.shape[1:])[:rows]
    wide = tall[:, :-1, None] * (1 - right) + tall[:, 1:, None] * right
    return np.ascontiguousarray(wide.reshape(rows, -1, nodes.shape[2])[:, :columns])


def _resample(
    rgb: NDArray[np.uint8],
    pixels: NDArray[np.float32],
    inside: NDArray[np.bool_],
    result: NDArray[np.uint8],
) -> None:
    """Put colours of the frame at pixels into (rows, columns, 3); black outside it."""
    # Shrink first by as much as the overlay is coarser, or fine texture would sparkle.
    step = np.concatenate([_steps(pixels[band], inside[band]) for band in _bands(len(pixels))])
    shrink = max(1.0, float(np.median(step))) if len(step) else 1.0
    del step
    source = rgb
    if shrink > 1.0:
        size = (max(1, round(rgb.shape[1] / shrink)), max(1, round(rgb.shape[0] / shrink)))
        source = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale = np.array([source.shape[1] / rgb.shape[1], source.shape[0] / rgb.shape[0]], np.float32)
    for band in _bands(len(pixels)):
        shown = inside[band, :, None]
        # OpenCV counts from the centre of the first pixel, Vedette from its outer corner.
        where = np.where(shown, pixels[band] * scale - np.float32(0.5), np.float32(-1e4))
        sampled = cv2.remap(
            source,
            np.ascontiguousarray(where[..., 0]),
            np.ascontiguousarray(where[..., 1]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        result[band] = np.where(shown, sampled, np.uint8(0))


def _steps(pixels: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N,) pixels of the frame between neighbouring cells that show it."""
    step = np.hypot(*np.moveaxis(np.diff(pixels, axis=1), -1, 0))
    return np.asarray(step[inside[:, 1:] & inside[:, :-1]], np.float32)
