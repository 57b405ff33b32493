"""Which tiles of a photograph to look at, and at which scale, from where the camera stood.

The ground sample distance of each place tells how long a car looks there; the model says which
cars it finds best. Where a frame shows sky, ground so far away that no car could be told, or
ground that no rule could weigh, there is nothing to look for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from models.detector import DetectionParameters, DetectorIdentity
from models.tiles.tile_plan import ScaleField, TilePlan, plan_tiles, plan_unknown_scale
from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.georeference import Places, locate
from pipelines.geometry.sightline import rays
from pipelines.geometry.terrain import ABOVE_HORIZON, LOCATED
from pipelines.geometry.viewpoint import Viewpoint

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CAR_M = 4.5
"""Length of a car."""

LARGEST_M = 12.0
"""Length of a bus or a truck, the largest that is looked for."""

SCALES = (0.25, 0.5, 1.0, 2.0)
"""From a quarter, for the near field, to twofold, beyond which magnifying shows nothing more."""

LEAST_CAR_PX = 5.0
"""A shorter car is not told from the ground at any magnification."""

SKY, TOO_FAR, OUT_OF_REACH = "sky", "too far", "out of reach"
"""Why a place is not looked at."""

_CELLS_A_SIDE = 48
_LEAST_CELL_PX = 32
_HORIZON_SIGMAS = 3.0
# Further from where it was placed no object is: as far as probabilities of nearness are worked out.
_PLACE_SIGMAS = 8.5
# Mean radius for a coarse filter alone; its error, under 0.6 %, is added to what it looks for.
_SPHERE_M, _SPHERE_SLACK = 6_371_000.0, 1.006
_GEOD = Geod(ellps="WGS84")


class Discs(Protocol):
    """Ground that is of interest: discs of P centres (WGS 84) and radii."""

    @property
    def latitude_deg(self) -> Floats:
        """(P,)."""
        ...

    @property
    def longitude_deg(self) -> Floats:
        """(P,)."""
        ...

    @property
    def radius_m(self) -> Floats:
        """(P,)."""
        ...


def plan_frame(
    viewpoint: Viewpoint | None,
    size_px: tuple[int, int],
    identity: DetectorIdentity,
    parameters: DetectionParameters,
    discs: Discs | None = None,
) -> TilePlan:
    """The tiles of one frame.

    Args:
        viewpoint: where the camera stood; None where that is not known: then everything is looked
            at as it is.
        size_px: width and height of the image.
        identity: the model's input and what it finds best.
        parameters: overlap, and whether to look everywhere.
        discs: ground outside of which nothing is looked for; all ground without them.
    """
    width, height = size_px
    side, overlap = identity.input_px, parameters.tile_overlap
    # Where metadata speak of another size the field would not lie on this image.
    if viewpoint is None or size_px != (
        viewpoint.intrinsics.width_px,
        viewpoint.intrinsics.height_px,
    ):
        return plan_unknown_scale(width, height, side, overlap)
    field = scale_field(
        viewpoint,
        car_px=identity.car_px,
        discs=discs,
        everywhere=parameters.everywhere,
    )
    return plan_tiles(width, height, side, overlap, field)


def scale_field(
    viewpoint: Viewpoint,
    *,
    car_px: tuple[int, int] | None,
    discs: Discs | None = None,
    everywhere: bool = False,
) -> ScaleField:
    """At which scale each place of a frame is looked at.

    The scale nearest to 1 of `SCALES` at which a car is as long as the model likes it. People are
    a tenth as long as a car from above, so that nothing is reduced before cars are too long.

    Args:
        viewpoint: where the camera stood.
        car_px: shortest and longest car that the model finds best; None leaves all at scale 1.
        discs: ground outside of which nothing is looked for; all ground without them.
        everywhere: leave nothing out.
    """
    width, height = viewpoint.intrinsics.width_px, viewpoint.intrinsics.height_px
    cell, x, y = cells(width, height)
    pixels = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    station = np.zeros(len(pixels), np.intp)
    places = locate([viewpoint], station, pixels, with_errors=discs is not None)
    direction, _ = rays([viewpoint], station, pixels)
    focal = math.sqrt(viewpoint.intrinsics.fx_px * viewpoint.intrinsics.fy_px)
    # Metres across the line of sight that one pixel spans.
    gsd = places.slant_range_m * (direction @ viewpoint.ecef_from_camera[:, 2]) / focal

    shape = (len(y), len(x))
    gsd_of_cell = _mean_of_corners(gsd.reshape(shape))
    car = CAR_M / gsd_of_cell
    scale = np.where(np.isnan(car), 1.0, scale_for(car, car_px))
    object_px = np.nan_to_num(LARGEST_M / gsd_of_cell)
    if everywhere:
        return ScaleField(cell_px=cell, scale=scale, object_px=object_px)

    on_ground = ~np.isnan(car)
    sky = ~on_ground & _all_corners((places.code == ABOVE_HORIZON).reshape(shape))
    far = on_ground & (car < LEAST_CAR_PX)
    beyond = np.zeros_like(sky)
    if discs is not None:
        ground = _ground_corners(places, shape)
        beyond = on_ground & ~far & ~within_reach(ground, discs)
    scale[sky | far | beyond] = 0.0
    # The camera may look lower than stated: the sky next to the horizon is as the ground there.
    tilt = math.radians(_HORIZON_SIGMAS * viewpoint.sigmas.pitch_deg)
    turn = math.radians(_HORIZON_SIGMAS * viewpoint.sigmas.roll_deg)
    margin = math.ceil((focal * math.tan(min(tilt, 1.0)) + width / 2 * math.sin(turn)) / cell)
    kernel = np.ones((2 * min(margin, len(y)) + 1,) * 2, np.uint8)
    near_ground = np.asarray(cv2.dilate(np.where(sky, 0.0, scale), kernel), np.float64)
    scale = np.where(sky, near_ground, scale)
    area = np.diff(y)[:, None] * np.diff(x)[None, :] / (width * height)
    reasons = ((SKY, sky & (scale == 0)), (TOO_FAR, far), (OUT_OF_REACH, beyond))
    return ScaleField(
        cell_px=cell,
        scale=scale,
        object_px=object_px,
        unsearched={
            reason: round(float(area[cells].sum()), 4) for reason, cells in reasons if cells.any()
        },
    )


def cells(width: int, height: int) -> tuple[int, Floats, Floats]:
    """Side of the cells that an image is divided into, and (C + 1,), (R + 1,) where they begin."""
    cell = max(_LEAST_CELL_PX, math.ceil(max(width, height) / _CELLS_A_SIDE))
    x = np.minimum(np.arange(math.ceil(width / cell) + 1) * float(cell), width)
    y = np.minimum(np.arange(math.ceil(height / cell) + 1) * float(cell), height)
    return cell, x, y


def scale_for(car: Floats, wanted: tuple[int, int] | None) -> Floats:
    """The scale nearest to 1 at which a car of these lengths has a wanted one; NaN goes to 1."""
    chosen = np.ones_like(car)
    if wanted is None:
        return chosen
    shortest, longest = wanted
    for scale in sorted((one for one in SCALES if one > 1), reverse=False):
        chosen[car * chosen < shortest] = scale
    for scale in sorted((one for one in SCALES if one < 1), reverse=True):
        chosen[car * chosen > longest] = scale
    return chosen


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroundCorners:
    """The ground at the corners of cells, each (R + 1, C + 1); NaN where a corner shows none.

    Attributes:
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        sigma_m: one sigma of the place in any direction.
    """

    latitude_deg: Floats
    longitude_deg: Floats
    sigma_m: Floats


def _ground_corners(places: Places, shape: tuple[int, int]) -> GroundCorners:
    located = places.code == LOCATED
    sigma = np.sqrt(np.trace(places.covariance_enu_m2[:, :2, :2], axis1=1, axis2=2))
    return GroundCorners(
        latitude_deg=np.where(located, places.latitude_deg, np.nan).reshape(shape),
        longitude_deg=np.where(located, places.longitude_deg, np.nan).reshape(shape),
        sigma_m=np.where(located, sigma, np.nan).reshape(shape),
    )


def within_reach(ground: GroundCorners, discs: Discs) -> Mask:
    """(R, C) cells that hold ground which may be inside a disc, as far wrong as places may be.

    The ground between the corners of a cell is no further from one of them than they are apart.
    """
    shape = ground.latitude_deg.shape
    located = np.flatnonzero(~np.isnan(ground.latitude_deg))
    latitude = ground.latitude_deg.ravel()[located]
    longitude = ground.longitude_deg.ravel()[located]
    sigma = ground.sigma_m.ravel()[located]
    span = _span_m(ground)
    # How far outside every disc each corner is; corners that show no ground say nothing, nor do
    # those that are farther from a disc than any cell is long.
    outside = np.full(shape[0] * shape[1], np.inf)
    error = _PLACE_SIGMAS * sigma
    longest = max(span[np.isfinite(span)], default=0.0)
    for disc, near, gap in _near_discs(latitude, longitude, error + longest, discs):
        at, radius = located[near], discs.radius_m[disc]
        # On a sphere first: what is inside by that, its error included, needs no better distance.
        beyond = gap * _SPHERE_SLACK + 1.0 - radius - error[near]
        outside[at] = np.minimum(outside[at], np.where(beyond <= 0.0, beyond, np.inf))
        unsure = beyond > 0.0
        corners, at = near[unsure], at[unsure]
        _, _, distance = _GEOD.inv(
            np.full(len(corners), discs.longitude_deg[disc]),
            np.full(len(corners), discs.latitude_deg[disc]),
            longitude[corners],
            latitude[corners],
        )
        outside[at] = np.minimum(outside[at], distance - radius - error[corners])
    return np.asarray(_least_of_corners(outside.reshape(shape)) <= span)


def _near_discs(
    latitude: Floats, longitude: Floats, margin_m: Floats, discs: Discs
) -> Iterator[tuple[int, NDArray[np.intp], Floats]]:
    """Discs with the places (N,) that may be within a margin (N,) of each, and how far these are.

    All on a sphere. Of ten thousand discs a frame meets a few: one cone around all places finds
    them.
    """
    if not len(latitude):
        return
    here = _directions(latitude, longitude)
    axis = here.mean(axis=0)
    axis /= max(float(np.linalg.norm(axis)), 1e-12)
    spread = float(np.linalg.norm(here - axis, axis=1).max())
    limit = (discs.radius_m + float(margin_m.max())) * _SPHERE_SLACK + 1.0
    # First by latitude alone, which costs nothing: an arc is a tenth longer than its chord at most.
    middle = math.degrees(math.asin(float(np.clip(axis[2], -1.0, 1.0))))
    band = np.degrees(1.1 * (spread + limit / _SPHERE_M))
    some = np.flatnonzero(np.abs(discs.latitude_deg - middle) <= band)
    there = _directions(discs.latitude_deg[some], discs.longitude_deg[some])
    away = np.linalg.norm(there - axis, axis=1) - spread
    for row in np.flatnonzero(away * _SPHERE_M <= limit[some]).tolist():
        disc = int(some[row])
        gap = np.linalg.norm(here - there[row], axis=1) * _SPHERE_M
        near = (discs.radius_m[disc] + margin_m) * _SPHERE_SLACK + 1.0
        corners = np.flatnonzero(gap <= near)
        if len(corners):
            yield disc, corners, gap[corners]


def _directions(latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """(N, 3) directions from the centre of a sphere."""
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _span_m(ground: GroundCorners) -> Floats:
    """(R, C) longest diagonal of a cell on the ground; infinite where a corner shows none.

    By the curvature of the ellipsoid at one end, and by a thousandth more than that: cells are
    short, and geodesics of all of them cost more than everything else that is done here.
    """
    a_latitude, a_longitude = metres_per_degree(ground.latitude_deg[:-1])
    here, right = slice(None, -1), slice(1, None)
    spans = []
    for first, second in ((here, right), (right, here)):
        turn = ground.longitude_deg[1:, second] - ground.longitude_deg[:-1, first]
        east = (np.mod(turn + 180.0, 360.0) - 180.0) * a_longitude[:, first]
        rise = ground.latitude_deg[1:, second] - ground.latitude_deg[:-1, first]
        spans.append(1.001 * np.hypot(east, rise * a_latitude[:, first]))
    # NaN where a corner shows no ground, which then bounds nothing.
    return np.nan_to_num(np.maximum(*spans), nan=np.inf)


def distances_m(
    ground: GroundCorners, first: tuple[slice, slice], second: tuple[slice, slice]
) -> Floats:
    """Distances between two equal parts of the corners; infinite where one shows no ground."""
    from_longitude, from_latitude = ground.longitude_deg[first], ground.latitude_deg[first]
    to_longitude, to_latitude = ground.longitude_deg[second], ground.latitude_deg[second]
    known = ~(np.isnan(from_latitude) | np.isnan(to_latitude))
    length = np.full(known.shape, np.inf)
    length[known] = _GEOD.inv(
        from_longitude[known], from_latitude[known], to_longitude[known], to_latitude[known]
    )[2]
    return length


def _corners(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """(4, R, C) the corners of each cell, of values (R + 1, C + 1)."""
    return np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]])


def _mean_of_corners(values: Floats) -> Floats:
    """(R, C) mean of the corners that are known; NaN where none is."""
    corners = np.asarray(_corners(values), np.float64)
    known = ~np.isnan(corners)
    total = np.where(known, corners, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _least_of_corners(values: Floats) -> Floats:
    return np.asarray(_corners(values).min(axis=0), np.float64)


def _all_corners(values: Mask) -> Mask:
    return np.asarray(_corners(values).all(axis=0), np.bool_)
