"""Which sightings of a new frame are which objects seen before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.motion import BOX_SIGMA_M, own_covariance

GATE_CHI2 = 13.82
"""Squared Mahalanobis distance that 99.9 % of true pairs stay within (chi-square, 2 degrees)."""
UNMATCHED_COST = 8.0
"""Of an object not seen again, and of a sighting of nothing seen before. The two together exceed
what the worst pair within the gate costs that did not move, so that such a pair is rather taken for
the same; one that moved is so only as long as it explains the frame better than a new object."""
_MAX_SHIFTS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Uncertain places in one plane frame.

    Attributes:
        enu_m: (N, 2) east and north, metres.
        covariance_m2: (N, 2, 2), square metres.
    """

    enu_m: NDArray[np.float64]
    covariance_m2: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """Where objects that drive should have come to since they were seen.

    Attributes:
        step_m: (N, 2) east and north; NaN for what is not expected to have driven.
        covariance_m2: (N, 2, 2) of it.
    """

    step_m: NDArray[np.float64]
    covariance_m2: NDArray[np.float64]


def associate(
    known: Places,
    seen: Places,
    motion_sigma_m: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    *,
    pair_cost: NDArray[np.float64] | None = None,
    move_cost: NDArray[np.float64] | None = None,
    own_m2: NDArray[np.float64] | None = None,
    drift: Drift | None = None,
) -> list[tuple[int, int]]:
    """One-to-one pairs of objects known and objects seen in one frame.

    A pair is possible where its distance lies within the gate of the summed covariances, the box
    noise and the allowance for motion. Among the possible pairs the assignment of least total cost
    is taken (S. S. Blackman and R. Popoli, Design and Analysis of Modern Tracking Systems, 1999,
    6.4: global nearest neighbour). Errors of pose shift all objects of a frame together, and a row
    of vehicles shifted by one gap would lie on itself: so common shifts that pairs suggest are
    tried, each paid for by its own improbability under the covariances, and residuals are weighed
    by what is left of the covariances without the common part. A pair that moved pays for the
    wider density it needs, so that what stands still keeps its name.

    Args:
        known: N objects.
        seen: M objects.
        motion_sigma_m: (N, M) how far they may have moved since, one sigma of each axis; 0: they
            stand still.
        allowed: (N, M) whether the two can be the same at all.
        pair_cost: (N, M) what else speaks against a pair, as twice the negative logarithm of its
            probability; None for nothing.
        move_cost: (N,) what speaks against each object having moved, in the same measure.
        own_m2: (N, 2, 2) what the places known err by, each on its own; None for those of one look.
        drift: of those that were driving; they may be where it tells as well.

    Returns:
        (index into known, index into seen), in order.
    """
    if not allowed.any():
        return []
    step = seen.enu_m[None, :, :] - known.enu_m[:, None, :]
    pair = known.covariance_m2[:, None] + seen.covariance_m2[None, :]
    box = 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    motion = motion_sigma_m[..., None, None] ** 2 * np.eye(2)
    reach = _squared(step, pair + box + motion)
    driving = np.full(step.shape, np.nan)
    spread = np.tile(np.eye(2), (*reach.shape, 1, 1))
    if drift is not None:
        driving = np.broadcast_to(drift.step_m[:, None, :], step.shape)
        spread = np.broadcast_to(drift.covariance_m2[:, None], spread.shape)
        reach = np.fmin(reach, _squared(step - driving, pair + box + spread))
    possible = allowed & (reach <= GATE_CHI2)
    # Most of many objects are far from what this frame shows.
    rows, columns = np.flatnonzero(possible.any(axis=1)), np.flatnonzero(possible.any(axis=0))
    if not len(rows):
        return []
    near = np.ix_(rows, columns)
    step, pair, motion, possible = step[near], pair[near], motion[near], possible[near]
    driving, spread = driving[near], spread[near]
    extra = np.zeros(possible.shape) if pair_cost is None else pair_cost[near]
    start = np.zeros(len(rows)) if move_cost is None else move_cost[rows]
    alone = own_covariance(known.covariance_m2) if own_m2 is None else own_m2
    own = alone[rows][:, None] + own_covariance(seen.covariance_m2)[columns][None]
    common = pair.mean(axis=(0, 1)) + box
    volume = np.log(np.linalg.det(own))
    moving = np.log(np.linalg.det(own + motion)) - volume + start[:, None]
    driven = np.log(np.linalg.det(own + spread)) - volume
    best: tuple[float, list[tuple[int, int]]] = (np.inf, [])
    for shift in _shifts(step, driving, own, possible):
        residual = step - shift
        still = _squared(residual, own)
        moved = _squared(residual, own + motion) + moving
        drove = _squared(residual - driving, own + spread) + driven
        cost, pairs = _assign(np.fmin(np.fmin(still, moved), drove) + extra, possible)
        cost += float(_squared(shift, common))
        # A tie keeps the earlier shift, and no shift at all comes first.
        if cost < best[0] - 1e-9:
            best = cost, pairs
    return [(int(rows[row]), int(columns[column])) for row, column in best[1]]


def _squared(step: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Mahalanobis length of (..., 2) under (..., 2, 2)."""
    solved = np.linalg.solve(covariance, step[..., None])[..., 0]
    return np.asarray(np.sum(step * solved, axis=-1), np.float64)


def _shifts(
    step: NDArray[np.float64],
    driving: NDArray[np.float64],
    own: NDArray[np.float64],
    possible: NDArray[np.bool_],
) -> list[NDArray[np.float64]]:
    """Common shifts worth trying: none, and those that most possible pairs agree on."""
    rows, columns = np.nonzero(possible)
    candidates = step[rows, columns]
    spread = own[rows, columns]
    driven = np.isfinite(driving[rows, columns, 0])
    if driven.any():
        expected = candidates[driven] - driving[rows, columns][driven]
        candidates, spread = np.vstack([candidates, expected]), np.vstack([spread, spread[driven]])
    if len(candidates) > 400:  # a crowd: a sample of it votes as well
        keep = np.linspace(0, len(candidates) - 1, 400).astype(np.intp)
        candidates, spread = candidates[keep], spread[keep]
    votes = (_squared(candidates[:, None] - candidates[None, :], spread[None, :]) <= 4.0).sum(
        axis=1
    )
    length = np.hypot(candidates[:, 0], candidates[:, 1])
    order = np.lexsort((candidates[:, 1], candidates[:, 0], np.round(length, 6), -votes))
    return [np.zeros(2), *candidates[order[:_MAX_SHIFTS]]]


def _assign(
    cost: NDArray[np.float64], possible: NDArray[np.bool_]
) -> tuple[float, list[tuple[int, int]]]:
    """The pairs of least total cost, where leaving one of either side out costs as well."""
    # Imported here: the value types beside it belong to the field client, which has no scipy.
    from scipy.optimize import linear_sum_assignment

    count_known, count_seen = cost.shape
    size = count_known + count_seen
    never = 1e6
    table = np.full((size, size), never)
    table[:count_known, :count_seen] = np.where(possible, cost, never)
    table[np.arange(count_known), count_seen + np.arange(count_known)] = UNMATCHED_COST
    table[count_known + np.arange(count_seen), np.arange(count_seen)] = UNMATCHED_COST
    table[count_known:, count_seen:] = 0.0
    rows, columns = linear_sum_assignment(table)
    pairs = [
        (int(row), int(column))
        for row, column in zip(rows, columns, strict=True)
        if row < count_known and column < count_seen
    ]
    return float(table[rows, columns].sum()), pairs
