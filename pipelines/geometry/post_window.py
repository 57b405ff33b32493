"""Rays over a window of posts, cell by cell.

Between four posts the ground is a bilinear patch, and along a ray over it the clearance is a
quadratic of the way, so that no crossing is missed and none needs a search. Blocks of cells that
lie wholly below (or above) the ray are skipped by their highest (lowest) post. Where a ray falls
more steeply than any patch of the window, it crosses the ground once, and Newton's method goes
there at once.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.ray_march import ALOFT, CROSSED, GAP

Floats = NDArray[np.float64]

_BLOCK = 8
_NUDGE = 1e-7
"""Posts by which a ray is looked up ahead, so that on a border it is in the cell it enters."""

_CLOSE = 2e-4
"""Metres over the ground at which Newton's method has arrived."""


class PostWindow:
    """Heights of posts, one step apart.

    Args:
        heights: (H, W), at least 2 by 2; NaN in gaps.
        column: of the first post, in the grid of the curves.
        row: of the first post.
    """

    def __init__(self, heights: NDArray[np.float32], *, column: int, row: int) -> None:
        self.column, self.row = column, row
        self._shape = heights.shape
        self._heights = heights
        self._flat = np.ascontiguousarray(heights).ravel()

    @cached_property
    def steepest(self) -> tuple[float, float]:
        """Greatest rise from post to post along rows and along columns; NaN beside gaps."""
        across, down = np.diff(self._heights, axis=1), np.diff(self._heights, axis=0)
        return (
            float(max(across.max(), -across.min())),
            float(max(down.max(), -down.min())),
        )

    @cached_property
    def _blocks(self) -> tuple[Floats, Floats, int]:
        """Lowest and highest post of each block, edges shared, and how many lie in a row."""
        rows, columns = (-(-(size - 1) // _BLOCK) for size in self._shape)
        padded = np.pad(
            self._heights,
            (
                (0, rows * _BLOCK + 1 - self._shape[0]),
                (0, columns * _BLOCK + 1 - self._shape[1]),
            ),
            mode="edge",
        )
        extremes = []
        for reduce in (np.minimum, np.maximum):
            ends = reduce(
                reduce.reduce(padded[:, :-1].reshape(-1, columns, _BLOCK), axis=2),
                padded[:, _BLOCK::_BLOCK],
            )
            both = reduce(
                reduce.reduce(ends[:-1].reshape(rows, _BLOCK, columns), axis=1),
                ends[_BLOCK::_BLOCK],
            )
            extremes.append(both.ravel().astype(np.float64))
        return extremes[0], extremes[1], columns

    def _posts(self, u: Floats, v: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """Column and row of the cells below places, a height, two slopes and the twist of each."""
        rows, columns = self._shape
        left = np.clip(np.floor(u), 0, columns - 2)
        top = np.clip(np.floor(v), 0, rows - 2)
        index = (top * columns + left).astype(np.intp)
        upper = self._flat.take(index).astype(np.float64)
        across = self._flat.take(index + 1) - upper
        index += columns
        down = self._flat.take(index) - upper
        twist = self._flat.take(index + 1) - upper - across - down
        return left, top, upper, across, down, twist

    def descend(self, curves: Floats) -> tuple[NDArray[np.bool_], NDArray[np.uint8], Floats]:
        """Rays that fall more steeply than the ground anywhere in the window rises.

        Args:
            curves: (3, 3, N) coefficients of 1, t and t^2 (first axis) of column, row and height.

        Returns:
            (N,) whether a ray is one of these, state and parameter of its only crossing.
        """
        count = curves.shape[2]
        state, where = np.full(count, ALOFT, np.uint8), np.full(count, np.nan)
        across, down = self.steepest
        slow, fast = curves[1], curves[1] + 2 * curves[2]
        speed = np.maximum(np.abs(slow), np.abs(fast))
        fall = -np.maximum(slow[2], fast[2])
        steep = fall > 1.01 * (across * speed[0] + down * speed[1])
        index = np.flatnonzero(steep)
        (u0, v0, h0), (u1, v1, h1), (u2, v2, h2) = curves[:, :, index]
        u0, v0 = u0 - self.column, v0 - self.row
        ends = curves.sum(axis=0)[:, index]
        start = h0 - self._height(u0, v0)
        stop = ends[2] - self._height(ends[0] - self.column, ends[1] - self.row)
        below = start <= 0
        state[index[below]], where[index[below]] = CROSSED, 0.0
        keep = (start > 0) & (stop <= 0)
        index, start, stop = index[keep], start[keep], stop[keep]
        parts = np.stack([u0, u1, u2, v0, v1, v2, h0, h1, h2])[:, keep]
        low, high = np.zeros(len(index)), np.ones(len(index))
        t = start / (start - stop)
        state[index] = CROSSED
        for _ in range(60):
            if not index.size:
                break
            u0, u1, u2, v0, v1, v2, h0, h1, h2 = parts
            u, v = u0 + t * (u1 + t * u2), v0 + t * (v1 + t * v2)
            left, top, upper, across_, down_, twist = self._posts(u, v)
            x, y = u - left, v - top
            along = across_ + y * twist
            clearance = h0 + t * (h1 + t * h2) - (upper + x * along + y * down_)
            slope = h1 + 2 * t * h2
            slope -= along * (u1 + 2 * t * u2) + (down_ + x * twist) * (v1 + 2 * t * v2)
            aloft = clearance > 0
            low, high = np.where(aloft, t, low), np.where(aloft, high, t)
            better = t - clearance / slope
            # One last step is taken from where it hardly matters.
            done = np.abs(clearance) <= _CLOSE
            where[index[done]] = np.clip(better[done], 0.0, 1.0)
            lost = ~((better > low) & (better < high))
            better[lost] = (low[lost] + high[lost]) / 2
            t = better
            if done.any():
                keep = ~done
                index, t, low, high = index[keep], t[keep], low[keep], high[keep]
                parts = parts[:, keep]
        # A patch of rounding: the bracket is far below a millimetre by now.
        where[index] = (low + high) / 2
        return steep, state, where

    def _height(self, u: Floats, v: Floats) -> Floats:
        left, top, upper, across, down, twist = self._posts(u, v)
        x, y = u - left, v - top
        return upper + x * (across + y * twist) + y * down

    def traverse(
        self, curves: Floats, limit: Floats, *, rising: bool, armed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint8], Floats, NDArray[np.bool_]]:
        """First places where rays go below the ground (or, rising, above it).

        Args:
            curves: (3, 3, N) coefficients of 1, t and t^2 (first axis) of column, row and height.
            limit: (N,) parameter up to which each is followed, at most 1.
            rising: look for the way out of the ground in place of the way in.
            armed: (N,) whether a ray has been seen on the side it starts from; another side is a
                change of side then also at t = 0.

        Returns:
            (N,) state, (N,) parameter of the change or the gap, and (N,) `armed` at the end.
        """
        count = curves.shape[2]
        state, where = np.full(count, ALOFT, np.uint8), np.full(count, np.nan)
        armed = armed.copy()
        lowest, highest, width = self._blocks
        steep = self.steepest
        margin = 0.01 + (0.01 * float(np.sum(steep)) if np.isfinite(steep).all() else 1.0)
        sign = -1.0 if rising else 1.0
        index = np.flatnonzero(limit > 0)
        parts = curves[:, :, index].reshape(9, -1)
        parts[0] -= self.column
        parts[1] -= self.row
        limit = limit[index]
        t = np.zeros(len(index))
        while index.size:
            u0, v0, h0, u1, v1, h1, u2, v2, h2 = parts
            u, v = u0 + t * (u1 + t * u2), v0 + t * (v1 + t * v2)
            u_rate, v_rate = u1 + 2 * t * u2, v1 + 2 * t * v2
            # A whole block first.
            leave = np.minimum(
                t + np.minimum(_way_out(u, u_rate, _BLOCK), _way_out(v, v_rate, _BLOCK)), limit
            )
            middle = (t + leave) / 2
            block = np.clip(
                np.floor((v0 + middle * (v1 + middle * v2)) / _BLOCK), 0, len(lowest) // width - 1
            ) * width + np.clip(np.floor((u0 + middle * (u1 + middle * u2)) / _BLOCK), 0, width - 1)
            number = block.astype(np.intp)
            here = h0 + t * (h1 + t * h2)
            there = h0 + leave * (h1 + leave * h2)
            if rising:
                clear = np.maximum(here, there) < lowest[number] - margin
            else:
                clear = np.minimum(here, there) > highest[number] + margin
            busy = np.flatnonzero(~clear)
            ahead = leave
            finished = leave >= limit
            armed[index[clear]] = True
            if busy.size:
                some = index[busy]
                own = parts[:, busy]
                begin = t[busy]
                stop = np.minimum(
                    begin
                    + np.minimum(
                        _way_out(u[busy], u_rate[busy], 1), _way_out(v[busy], v_rate[busy], 1)
                    ),
                    limit[busy],
                )
                at, value, gap, armed[some] = self._cell(own, begin, stop, sign, armed[some])
                state[some[gap]], where[some[gap]] = GAP, begin[gap]
                state[some[at]], where[some[at]] = CROSSED, value[at]
                ahead[busy] = stop
                finished[busy] = gap | at | (stop >= limit[busy])
            t = ahead
            if finished.any():
                keep = ~finished
                index, t, limit, parts = index[keep], t[keep], limit[keep], parts[:, keep]
        return state, where, armed

    def _cell(
        self,
        parts: Floats,
        begin: Floats,
        stop: Floats,
        sign: float,
        armed: NDArray[np.bool_],
    ) -> tuple[NDArray[np.bool_], Floats, NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether and where rays change sides in one cell, whether it is a gap, and `armed`."""
        u0, v0, h0, u1, v1, h1, u2, v2, h2 = parts
        middle = (begin + stop) / 2
        u, v = u0 + middle * (u1 + middle * u2), v0 + middle * (v1 + middle * v2)
        left, top, upper, across, down, twist = self._posts(u, v)
        gap = np.isnan(upper + across + down + twist)

        def clearance(t: Floats) -> Floats:
            x, y = u0 + t * (u1 + t * u2) - left, v0 + t * (v1 + t * v2) - top
            ground = upper + x * (across + y * twist) + y * down
            result: Floats = sign * (h0 + t * (h1 + t * h2) - ground)
            return result

        first, half, last = clearance(begin), clearance(middle), clearance(stop)
        linear = 4 * half - 3 * first - last
        square = 2 * (first + last) - 4 * half
        inner = linear * linear - 4 * square * first
        root = np.sqrt(np.where(inner >= 0, inner, np.nan))
        with np.errstate(divide="ignore", invalid="ignore"):
            # The root at which the quadratic falls, written so that nothing cancels.
            share = np.where(
                linear < 0, 2 * first / (root - linear), (-linear - root) / (2 * square)
            )
        within = (share >= 0) & (share <= 1)
        over = first <= 0
        # On the wrong side from the border on: the change lies on it.
        at_once = over & armed
        share[at_once] = 0.0
        changed = (within | at_once | ((first > 0) & (last <= 0))) & ~gap
        share = np.where(within | at_once, share, 1.0)
        return changed, begin + (stop - begin) * share, gap, armed | (first > 0) | (last > 0)


def _way_out(place: Floats, rate: Floats, size: int) -> Floats:
    """Parameter (N,) until a coordinate reaches the next multiple of a size."""
    forward = rate > 0
    ahead = place + np.where(forward, _NUDGE, -_NUDGE)
    border = np.where(forward, np.floor(ahead / size) + 1, np.ceil(ahead / size) - 1) * size
    with np.errstate(divide="ignore", invalid="ignore"):
        way = (border - place) / rate
    return np.where(np.abs(rate) > 1e-12, way, np.inf)
