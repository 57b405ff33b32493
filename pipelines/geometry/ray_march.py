"""Rays against a field of heights, by marching.

A ray is followed in steps of at most half a post until it dips below the field, and the crossing
is bisected. Between three exact points of a stretch the ray's plane coordinates and height are
taken as quadratics of the distance: over 5 km that errs by less than a tenth of a millimetre in
height, and the Earth's curvature is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import SEMI_MAJOR_M, ecef_from_enu, geodetic_from_ecef
from pipelines.geometry.terrain import (
    ABOVE_HORIZON,
    DEM_GAP,
    LOCATED,
    NO_INTERSECTION,
    Crossings,
    meet_height,
)

Floats = NDArray[np.float64]

MAX_RANGE_M = 60_000.0
"""No photograph of a drone shows more of the ground than haze beyond it."""

PRECISION_M = 0.002
"""Crossings are bisected until the ray's height over the ground is known to this."""

OCCLUSION_SHARE = 0.5
"""How far behind a crossing, as a share of its range, another counts as close behind."""

_STRETCH_M = 5_000.0
_SAMPLES_AT_ONCE = 400_000
_ALOFT, _CROSSED, _GAP = range(3)


class HeightField(Protocol):
    """Heights above the ellipsoid over some part of the Earth."""

    @property
    def post_m(self) -> float:
        """Distance of its closest posts."""
        ...

    @property
    def lowest_m(self) -> float:
        """No height is lower."""
        ...

    @property
    def highest_m(self) -> float:
        """No height is higher."""
        ...

    def height_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Heights (N,); NaN in a gap and outside."""
        ...

    def plane(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """Coordinates (N,) in which heights are looked up fastest, smooth in those given."""
        ...

    def plane_height_m(self, u: Floats, v: Floats) -> Floats:
        """Heights (N,) at coordinates of `plane`; NaN in a gap and outside."""
        ...

    def covers(self, latitude_deg: Floats, longitude_deg: Floats) -> NDArray[np.bool_]:
        """Whether places (N,) lie inside its bounds, in a gap or not."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rays:
    origin: Floats
    direction: Floats
    step_m: Floats

    def select(self, index: NDArray[np.intp]) -> _Rays:
        return _Rays(
            origin=self.origin[index], direction=self.direction[index], step_m=self.step_m[index]
        )

    def at(self, distance_m: Floats) -> tuple[Floats, Floats, Floats]:
        """Latitude, longitude, height at distances (N,)."""
        return geodetic_from_ecef(self.origin + distance_m[:, None] * self.direction)

    def quadratics(self, field: HeightField, begin: Floats, end: Floats) -> Floats:
        """Coefficients (3, 3, N) of plane coordinates and height over t from 0 (begin) to 1."""

        def point(distance: Floats) -> Floats:
            latitude, longitude, height = self.at(distance)
            return np.stack([*field.plane(latitude, longitude), height])

        first, middle, last = point(begin), point((begin + end) / 2), point(end)
        return np.stack([first, 4 * middle - 3 * first - last, 2 * (first + last) - 4 * middle])


def _clearance(field: HeightField, coefficients: Floats, t: Floats) -> Floats:
    """Height of rays over the field at parameters (N, K)."""
    constant, linear, square = coefficients[..., None]
    u, v, height = constant + t * (linear + t * square)
    ground = field.plane_height_m(u.ravel(), v.ravel())
    clearance: Floats = height - ground.reshape(height.shape)
    return clearance


def _first_change(
    field: HeightField, rays: _Rays, begin: Floats, end: Floats, *, rising: bool
) -> tuple[NDArray[np.uint8], Floats]:
    """Where rays (N) first go below the field (or, rising, above it) between two distances.

    Returns:
        (N,) state, and (N,) the distance of the crossing or the gap; NaN where there is neither.
    """
    state = np.full(len(begin), _ALOFT, np.uint8)
    where = np.full(len(begin), np.nan)
    sign = -1.0 if rising else 1.0
    reached = begin.copy()
    active = np.flatnonzero(end > begin)
    while active.size:
        count = int(np.clip(_SAMPLES_AT_ONCE // active.size, 4, 256))
        some = rays.select(active)
        start = reached[active]
        stretch = np.minimum(np.minimum(end[active] - start, count * some.step_m), _STRETCH_M)
        # As few samples as the longest of these stretches wants.
        count = max(1, int(np.ceil((stretch / some.step_m).max() - 1e-9)))
        coefficients = some.quadratics(field, start, start + stretch)
        t = np.broadcast_to(np.linspace(0.0, 1.0, count + 1), (active.size, count + 1))
        clearance = sign * _clearance(field, coefficients, t)
        event = ~(clearance > 0)
        # The first sample was the last of the stretch before; only a gap counts there.
        event[:, 0] = np.isnan(clearance[:, 0])
        found = event.any(axis=1)
        first = event.argmax(axis=1)
        gap = found & np.isnan(clearance[np.arange(active.size), first])
        crossed = np.flatnonzero(found & ~gap)
        state[active[gap]] = _GAP
        where[active[gap]] = (start + stretch * (first / count))[gap]
        if crossed.size:
            t_low, t_high = (first[crossed] - 1) / count, first[crossed] / count
            parts = coefficients[..., crossed]
            precision = PRECISION_M / max(float(stretch[crossed].max()), PRECISION_M)
            for _ in range(int(np.ceil(np.log2(max(1 / count / precision, 1.0))))):
                middle = (t_low + t_high) / 2
                over = sign * _clearance(field, parts, middle[:, None])[:, 0] > 0
                t_low, t_high = np.where(over, middle, t_low), np.where(over, t_high, middle)
            state[active[crossed]] = _CROSSED
            where[active[crossed]] = start[crossed] + stretch[crossed] * (t_low + t_high) / 2
        reached[active] = start + stretch
        active = active[~found & (reached[active] < end[active] - 1e-6)]
    return state, where


def meet_field(field: HeightField, origin_ecef: Floats, direction_ecef: Floats) -> Crossings:
    """First crossings of N rays (N, 3) from N origins (N, 3) with a field; see `Crossings`."""
    latitude, longitude, camera_hae = geodetic_from_ecef(origin_ecef)
    up = ecef_from_enu(latitude, longitude)[..., 2]
    climb = np.einsum("ni,ni->n", up, direction_ecef)
    level = np.sqrt(np.clip(1 - climb**2, 0.0, None))
    # Just under half a post, for the climb changes a little along the way.
    rays = _Rays(
        origin=origin_ecef,
        direction=direction_ecef,
        step_m=0.49 * field.post_m / np.maximum(level, 1e-3),
    )
    top, bottom = field.highest_m + 1.0, field.lowest_m - 1.0
    above = camera_hae > top
    entry = meet_height(origin_ecef, direction_ecef, top)
    begin = np.where(above, entry, 0.0)
    # Down to where no ground can be, or out through the highest of it.
    floor = meet_height(origin_ecef, direction_ecef, bottom)
    ceiling = meet_height(origin_ecef, direction_ecef, top, outward=True)
    end = np.where(floor > 0, floor, ceiling)
    end = np.minimum(np.where(np.isfinite(end), end, 0.0), MAX_RANGE_M)
    overhead = ~(begin >= 0)
    begin = np.where(overhead, 0.0, begin)
    end = np.where(overhead, 0.0, end)

    state, where = _first_change(field, rays, begin, end, rising=False)
    code = np.full(len(state), NO_INTERSECTION, np.uint8)
    code[state == _CROSSED] = LOCATED
    climbing = climb + np.where(np.isfinite(where), where, end) / SEMI_MAJOR_M > 0
    code[overhead | ((state == _ALOFT) & climbing)] = ABOVE_HORIZON
    gaps = np.flatnonzero(state == _GAP)
    if gaps.size:
        code[gaps] = DEM_GAP
        gap_latitude, gap_longitude, _ = rays.select(gaps).at(where[gaps])
        # Over the edge of the model and rising: sky. A hole inside it may hide a summit.
        outside = ~field.covers(gap_latitude, gap_longitude)
        code[gaps[outside & climbing[gaps]]] = ABOVE_HORIZON
    buried = ~above & ~(camera_hae > _ground(field, latitude, longitude, camera_hae))
    code[buried] = NO_INTERSECTION

    range_m = np.where(code == LOCATED, where, np.nan)
    next_range_m = np.full(len(state), np.nan)
    located = np.flatnonzero(code == LOCATED)
    if located.size:
        _, next_range_m[located] = _reappearance(
            field, rays.select(located), range_m[located], end[located]
        )
    return Crossings(code=code, range_m=range_m, next_range_m=next_range_m)


def _ground(field: HeightField, latitude: Floats, longitude: Floats, camera_hae: Floats) -> Floats:
    """Ground under cameras (N,); far below where it is not known."""
    if len(latitude) and np.ptp(latitude) == 0 and np.ptp(longitude) == 0:
        ground = np.full(len(latitude), field.height_m(latitude[:1], longitude[:1])[0])
    else:
        ground = field.height_m(latitude, longitude)
    return np.where(np.isnan(ground), camera_hae - 1.0, ground)


def _reappearance(
    field: HeightField, rays: _Rays, range_m: Floats, end: Floats
) -> tuple[NDArray[np.uint8], Floats]:
    """Where rays leave the ground again close behind their crossings."""
    behind = np.minimum(range_m * (1 + OCCLUSION_SHARE), end)
    state, where = _first_change(field, rays, range_m + 2 * PRECISION_M, behind, rising=True)
    return state, np.where(state == _CROSSED, where, np.nan)
