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
from pipelines.geometry.local_map import fit_local_map
from pipelines.geometry.post_window import PostWindow
from pipelines.geometry.ray_march import (
    ALOFT,
    CROSSED,
    GAP,
    PRECISION_M,
    STRETCH_M,
    HeightField,
    PostGrid,
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

_WINDOW_POSTS = 9_000_000
"""A window of more posts is divided."""

_STRETCH_STEPS = 3_000
_FEW = 48
"""So few rays are converted exactly rather than through a fitted map."""

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
        marched = _over_grids(
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


def _over_grids(
    field: HeightField,
    rays: Rays,
    stretch: tuple[Floats, Floats],
    *,
    rising: bool,
    into: tuple[NDArray[np.uint8], Floats, NDArray[np.bool_], NDArray[np.bool_]],
    index: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Follow a stretch of each ray over the one grid below it.

    Args:
        field: the heights.
        rays: N rays.
        stretch: (N,) distances from and to.
        rising: the way out of the ground in place of the way in.
        into: state, distance, single and armed, written at `index`.
        index: (N,) places of the rays in these.

    Returns:
        The rays that lie over more than one grid.
    """
    state, where, single, armed = into
    start, stop = stretch
    left = np.arange(len(start))
    marched = []
    for grid in field.grids:
        if not left.size:
            break
        some = rays.select(left) if left.size < len(start) else rays
        curves = _curves(grid, some, start[left], stop[left])
        low, high = _boxes(curves)
        last = grid is field.grids[-1]
        touches = (
            (high[0] >= -0.5)
            & (high[1] >= -0.5)
            & (low[0] <= grid.columns - 0.5)
            & (low[1] <= grid.rows - 0.5)
        )
        inside = (
            (low[0] >= -0.5)
            & (low[1] >= -0.5)
            & (high[0] <= grid.columns - 0.5)
            & (high[1] <= grid.rows - 0.5)
        )
        mine = np.flatnonzero(np.ones(left.size, np.bool_) if last else inside)
        if not last:
            marched.append(left[touches & ~inside])
        for part in _parts(mine, low, high, grid):
            own = curves[:, :, part] if part.size < curves.shape[2] else curves
            members = left[part]
            found, t, single[index[members]], armed[index[members]] = _in_window(
                field,
                grid,
                own,
                inside=inside[part],
                box=(low[:, part], high[:, part]),
                rising=rising,
                armed=armed[index[members]],
            )
            state[index[members]] = found
            where[index[members]] = start[members] + t * (stop[members] - start[members])
            if not last:
                holes = members[found == GAP]
                state[index[holes]], where[index[holes]] = ALOFT, np.nan
                marched.append(holes)
        if last:
            break
        left = left[~touches]
    return np.concatenate(marched) if marched else np.zeros(0, np.intp)


def _in_window(
    field: HeightField,
    grid: PostGrid,
    curves: Floats,
    *,
    inside: NDArray[np.bool_],
    box: tuple[Floats, Floats],
    rising: bool,
    armed: NDArray[np.bool_],
) -> tuple[NDArray[np.uint8], Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """State, parameter, single and armed of rays whose boxes fit into one window."""
    count = curves.shape[2]
    limit = np.ones(count)
    out = np.flatnonzero(~inside)
    limit[out] = _limit(curves[:, :, out], grid)
    window = _window(field, grid, box[0].min(axis=1), box[1].max(axis=1))
    steep = np.zeros(count, np.bool_)
    state, t = np.full(count, ALOFT, np.uint8), np.full(count, np.nan)
    if window is not None:
        if not rising and not out.size:
            steep, state, t = window.descend(curves)
        rest = np.flatnonzero(~steep)
        if rest.size:
            state[rest], t[rest], armed[rest] = window.traverse(
                curves[:, :, rest], limit[rest], rising=rising, armed=armed[rest]
            )
    gone = (state == ALOFT) & (limit < 1)
    state[gone], t[gone] = GAP, limit[gone]
    return state, t, steep, armed


def _window(field: HeightField, grid: PostGrid, low: Floats, high: Floats) -> PostWindow | None:
    """The posts around a box; past the outer ones their own heights go on. None outside."""
    left, top = max(int(low[0]) - 1, 0), max(int(low[1]) - 1, 0)
    right = min(int(np.ceil(high[0])) + 1, grid.columns - 1)
    bottom = min(int(np.ceil(high[1])) + 1, grid.rows - 1)
    if right < left or bottom < top:
        return None
    posts = field.posts(grid, left, top, right - left + 1, bottom - top + 1)
    edges = (
        (int(top == 0), int(bottom == grid.rows - 1)),
        (int(left == 0), int(right == grid.columns - 1)),
    )
    return PostWindow(
        np.pad(posts, edges, mode="edge"), column=left - edges[1][0], row=top - edges[0][0]
    )


def _limit(curves: Floats, grid: PostGrid) -> Floats:
    """Parameters (N,) at which rays leave a grid, half a post outside its outer posts."""
    result = np.ones(curves.shape[2])
    for axis, size in ((0, grid.columns), (1, grid.rows)):
        for sign, border in ((1.0, -0.5), (-1.0, size - 0.5)):
            first = sign * (curves[0, axis] - border)
            linear, square = sign * curves[1, axis], sign * curves[2, axis]
            last = first + linear + square
            leaves = np.flatnonzero((first >= 0) & (last < 0))
            some, slope, bend = first[leaves], linear[leaves], square[leaves]
            guess = some / (some - last[leaves])
            # One step of Newton's method on a curve that is all but straight.
            guess -= (some + guess * (slope + guess * bend)) / (slope + 2 * guess * bend)
            t = np.where(first < 0, 0.0, 1.0)
            t[leaves] = guess
            result = np.minimum(result, np.clip(t, 0.0, 1.0))
    return result


def _curves(grid: PostGrid, rays: Rays, start: Floats, stop: Floats) -> Floats:
    """Coefficients (3, 3, N) of 1, t, t^2 (first axis) of column, row, height over a stretch."""

    def exact(position: Floats) -> Floats:
        latitude, longitude, height = geodetic_from_ecef(position)
        return np.stack([*grid.grid_of(latitude, longitude), height])

    way, place = np.ascontiguousarray(rays.direction.T), rays.origin.T
    near, far = place + start * way, place + stop * way
    count = len(start)
    plane = None
    if count > _FEW:
        plane = fit_local_map(np.concatenate([near, far], axis=1), exact, grid.post_m)
    if plane is None:
        points = exact(np.concatenate([near, (near + far) / 2, far], axis=1).T)
        first, middle, last = np.split(points, 3, axis=1)
    else:
        ends = plane.box(near), plane.box(far)
        first, last = plane.grid(ends[0]), plane.grid(ends[1])
        middle = plane.grid((ends[0] + ends[1]) / 2)
    curves = np.empty((3, 3, count))
    curves[0] = first
    curves[2] = 2 * (first + last) - 4 * middle
    curves[1] = last - first - curves[2]
    return curves


def _boxes(curves: Floats) -> tuple[Floats, Floats]:
    """Least and greatest columns and rows (2, N) of rays."""
    first = curves[0, :2]
    last = first + curves[1, :2] + curves[2, :2]
    # A curve leaves the box of its ends by a quarter of its bend at most.
    bend = np.abs(curves[2, :2]) / 4
    return np.minimum(first, last) - bend, np.maximum(first, last) + bend


def _parts(
    members: NDArray[np.intp], low: Floats, high: Floats, grid: PostGrid
) -> list[NDArray[np.intp]]:
    """Rays in groups whose common window is not too large."""
    waiting, done = [members] if members.size else [], []
    while waiting:
        part = waiting.pop()
        size = np.minimum(high[:, part].max(axis=1), (grid.columns, grid.rows))
        size = np.maximum(size - np.maximum(low[:, part].min(axis=1), 0.0), 1.0)
        if part.size == 1 or size.prod() <= _WINDOW_POSTS:
            done.append(part)
            continue
        axis = int(size.argmax())
        order = part[np.argsort(low[axis, part] + high[axis, part], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return done
