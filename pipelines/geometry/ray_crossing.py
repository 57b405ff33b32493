"""Where rays cross a field of heights.

A ray is followed from the highest to the lowest ground there can be. Where it lies over a single
grid, its column, row and height are quadratics of the distance, and `PostWindow` finds crossings in
closed form; where grids overlap, it is marched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import SEMI_MAJOR_M, geodetic_from_ecef
from pipelines.geometry.grid_stretch import over_grids
from pipelines.geometry.ray_march import (
    ALOFT,
    CROSSED,
    GAP,
    PRECISION_M,
    STRETCH_M,
    HeightField,
    Rays,
    march,
)
from pipelines.geometry.terrain import (
    ABOVE_HORIZON,
    DEM_GAP,
    LOCATED,
    NO_INTERSECTION,
    Crossings,
    meet_shell,
)

Floats = NDArray[np.float64]

MAX_RANGE_M = 60_000.0
"""No photograph of a drone shows more of the ground than haze beyond it."""

OCCLUSION_SHARE = 0.5
"""How far behind a crossing, as a share of its range, another counts as close behind."""

_STRETCH_STEPS = 3_000

_BEYOND_EDGE_M = 0.05
"""A ray is looked up so far behind the edge of the model where it leaves it."""

_SAME_M = 0.005
"""Crossings nearer to one another than this are one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Span:
    """The part of each of N rays that can meet the ground."""

    rays: Rays
    begin: Floats
    end: Floats
    climb: Floats
    overhead: NDArray[np.bool_]
    buried: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Changes:
    """Where N rays change sides, and which of them cannot do so again before their end."""

    state: NDArray[np.uint8]
    where: Floats
    single: NDArray[np.bool_]


def meet_field(field: HeightField, origin_ecef: Floats, direction_ecef: Floats) -> Crossings:
    """First crossings of N rays (N, 3) from N origins (N, 3) with a field; see `Crossings`."""
    span = _span(field, origin_ecef, direction_ecef)
    rays, end = span.rays, span.end
    found = _changes(field, rays, span.begin, end, rising=False)
    state, where = found.state, found.where
    code = np.full(len(state), NO_INTERSECTION, np.uint8)
    code[state == CROSSED] = LOCATED
    climbing = span.climb + np.where(np.isfinite(where), where, end) / SEMI_MAJOR_M > 0
    code[span.overhead | ((state == ALOFT) & climbing)] = ABOVE_HORIZON
    gaps = np.flatnonzero(state == GAP)
    if gaps.size:
        code[gaps] = DEM_GAP
        latitude, longitude, _ = rays.select(gaps).at(where[gaps] + _BEYOND_EDGE_M)
        # Over the edge of the model and rising: sky. A hole inside it may hide a summit.
        outside = ~field.covers(latitude, longitude)
        code[gaps[outside & climbing[gaps]]] = ABOVE_HORIZON
    code[span.buried] = NO_INTERSECTION

    range_m = np.where(code == LOCATED, where, np.nan)
    next_range_m = np.full(len(state), np.nan)
    again = np.flatnonzero((code == LOCATED) & ~found.single)
    if again.size:
        behind = np.minimum(range_m[again] * (1 + OCCLUSION_SHARE), end[again])
        later = _changes(
            field, rays.select(again), range_m[again] + 2 * PRECISION_M, behind, rising=True
        )
        next_range_m[again] = np.where(later.state == CROSSED, later.where, np.nan)
    return Crossings(code=code, range_m=range_m, next_range_m=next_range_m)


def every_crossing(
    field: HeightField, origin_ecef: Floats, direction_ecef: Floats
) -> tuple[Floats, ...]:
    """All crossings of N rays (N, 3) from N origins (N, 3), N arrays of distances in order.

    The first of an array is where the ray goes below the ground, the second where it comes out
    again, and so on. A ray that meets a gap, or starts below the ground, has none from there on.
    """
    span = _span(field, origin_ecef, direction_ecef)
    found: list[list[float]] = [[] for _ in range(len(span.begin))]
    active = np.flatnonzero(~span.buried)
    begin, rising = span.begin[active], False
    while active.size:
        some = _changes(field, span.rays.select(active), begin, span.end[active], rising=rising)
        crossed = some.state == CROSSED
        for index, where in zip(active[crossed], some.where[crossed], strict=True):
            found[index].append(float(where))
        more = crossed & ~some.single
        begin = some.where[more] + (_SAME_M if rising else 2 * PRECISION_M)
        active, rising = active[more], not rising
    return tuple(np.array(one) for one in found)


def _span(field: HeightField, origin: Floats, direction: Floats) -> _Span:
    one_camera = len(origin) > 1 and bool((origin == origin[0]).all())
    latitude, longitude, camera_hae = geodetic_from_ecef(origin[:1] if one_camera else origin)
    lat, lon = np.radians(latitude), np.radians(longitude)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    climb = np.einsum("ni,ni->n", np.broadcast_to(up, direction.shape), direction)
    ground = field.height_m(latitude, longitude)
    level = np.sqrt(np.clip(1 - climb**2, 0.0, None))
    # Just under half a post, for the climb changes a little along the way.
    rays = Rays(
        origin=origin,
        direction=direction,
        step_m=0.49 * field.post_m / np.maximum(level, 1e-3),
    )
    top, bottom = field.highest_m + 1.0, field.lowest_m - 1.0
    above = camera_hae > top
    entry, ceiling = meet_shell(origin, direction, top)
    begin = np.where(above, entry, 0.0)
    # Down to where no ground can be, or out through the highest of it.
    floor, _ = meet_shell(origin, direction, bottom)
    end = np.where(floor > 0, floor, ceiling)
    end = np.minimum(np.where(np.isfinite(end), end, 0.0), MAX_RANGE_M)
    overhead = ~(begin >= 0)
    return _Span(
        rays=rays,
        begin=np.where(overhead, 0.0, begin),
        end=np.where(overhead, 0.0, end),
        climb=climb,
        overhead=overhead,
        buried=np.broadcast_to(~above & (camera_hae <= ground), len(origin)),
    )


def _changes(
    field: HeightField, rays: Rays, begin: Floats, end: Floats, *, rising: bool
) -> _Changes:
    """Where rays (N) first go below the field (or, rising, above it) between two distances."""
    count = len(begin)
    state, where = np.full(count, ALOFT, np.uint8), np.full(count, np.nan)
    single = np.zeros(count, np.bool_)
    armed = np.full(count, not rising)
    reached = begin.copy()
    active = np.flatnonzero(end > begin)
    while active.size:
        start = reached[active]
        reach = np.minimum(STRETCH_M, _STRETCH_STEPS * rays.step_m[active])
        stop = np.minimum(end[active], start + reach)
        marched = over_grids(
            field,
            rays.select(active) if active.size < count else rays,
            (start, stop),
            rising=rising,
            into=(state, where, single, armed),
            index=active,
        )
        single[active[stop < end[active]]] = False
        if marched.size:
            rest = active[marched]
            state[rest], where[rest] = march(
                field, rays.select(rest), start[marched], end[rest], rising=rising
            )
            reached[rest] = end[rest]
        going = np.ones(active.size, np.bool_)
        going[marched] = False
        reached[active[going]] = stop[going]
        active = active[going & (state[active] == ALOFT) & (stop < end[active] - 1e-6)]
    return _Changes(state=state, where=where, single=single)
