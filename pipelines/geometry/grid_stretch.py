"""A stretch of each ray over the grids of a field.

Where a stretch lies over a single grid, its column, row and height are quadratics of the distance,
and `PostWindow` finds where it meets the ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import geodetic_from_ecef
from pipelines.geometry.local_map import fit_local_map
from pipelines.geometry.post_window import PostWindow
from pipelines.geometry.ray_march import ALOFT, GAP, HeightField, PostGrid, Rays

Floats = NDArray[np.float64]

_WINDOW_POSTS = 9_000_000
"""A window of more posts is divided."""

_FEW = 48
"""So few rays are converted exactly rather than through a fitted map."""


def over_grids(
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
        The rays that lie over more than one grid, or over none where there is none.
    """
    state, where, single, armed = into
    start, stop = stretch
    left = np.arange(len(start))
    if not field.grids:
        return left
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
    if not np.isfinite(curves.sum()):
        # Where the map has no place for it, a ray is beside the grid.
        nowhere = ~np.isfinite(curves).all(axis=(0, 1))
        curves[:, :, nowhere] = 0.0
        curves[0, :2, nowhere] = -1e3
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
