"""Which sightings of a new frame are which objects seen before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.tracks.motion import BOX_SIGMA_M, own_covariance, symmetric_root

GATE_CHI2 = 13.82
"""Squared Mahalanobis distance that 99.9 % of true pairs stay within (chi-square, 2 degrees)."""
UNMATCHED_COST = 8.0
"""Of an object not seen again, and of a sighting of nothing seen before. The two together exceed
what the worst pair within the gate costs that did not move, so that such a pair is rather taken for
the same; one that moved is so only as long as it explains the frame better than a new object."""
_MAX_SHIFTS = 24
_MAX_VOTERS = 160
_AGREES_CHI2 = 4.0


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
    same_flight: NDArray[np.bool_] | None = None,
    fresh_share: NDArray[np.float64] | None = None,
) -> list[tuple[int, int]]:
    """One-to-one pairs of objects known and objects seen in one frame.

    A pair is possible where its distance lies within the gate of the summed covariances, the box
    noise and the allowance for motion. Among the possible pairs the assignment of least total cost
    is taken (S. S. Blackman and R. Popoli, Design and Analysis of Modern Tracking Systems, 1999,
    6.4: global nearest neighbour). Errors of pose shift all objects of a frame together, the far
    ones farther, and a row of vehicles shifted by one gap would lie on itself: so common shifts
    that pairs suggest are tried, in sigmas of each pair's own covariance, each paid for by its own
    improbability, and residuals are weighed by what is left of the covariances without the common
    part. A pair that moved pays for the wider density it needs, so that what stands still keeps its
    name.

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
        same_flight: (N,) which places are as a frame of the same flight told them: these share one
            shift, and the others, which do not share the errors of that flight, another; None where
            all share one.
        fresh_share: (N,) how much of the variance of a pair is new since that place was told: on
            one flight little; None for all of it.

    Returns:
        (index into known, index into seen), in order.
    """
    if not allowed.any():
        return []
    step = seen.enu_m[None, :, :] - known.enu_m[:, None, :]
    pair = known.covariance_m2[:, None] + seen.covariance_m2[None, :]
    if fresh_share is not None:
        pair = fresh_share[:, None, None, None] * pair
    box = 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    motion = motion_sigma_m[..., None, None] ** 2 * np.eye(2)
    pair = pair + box
    reach = squared(step, pair + motion)
    driving = np.full(step.shape, np.nan)
    spread = np.tile(np.eye(2), (*reach.shape, 1, 1))
    if drift is not None:
        driving = np.broadcast_to(drift.step_m[:, None, :], step.shape)
        spread = np.broadcast_to(drift.covariance_m2[:, None], spread.shape)
        reach = np.fmin(reach, squared(step - driving, pair + spread))
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
    common = symmetric_root(pair)
    volume = _log_determinant(own)
    by_own, by_motion, by_spread = _inverse(own), _inverse(own + motion), _inverse(own + spread)
    moving = _log_determinant(own + motion) - volume + start[:, None]
    driven = _log_determinant(own + spread) - volume
    flight = np.ones(len(rows), np.bool_) if same_flight is None else same_flight[rows]

    def costs(shifts: NDArray[np.float64]) -> NDArray[np.float64]:
        residual = step - np.einsum("nmij,sj->snmi", common, shifts)
        still = _length(residual, by_own)
        moved = _length(residual, by_motion) + moving
        drove = _length(residual - driving, by_spread) + driven
        return np.asarray(np.fmin(np.fmin(still, moved), drove) + extra, np.float64)

    (table,) = costs(np.zeros((1, 2)))
    for part in (flight, ~flight):
        # The other part is first left out, then as it was found to be.
        counted = possible & (flight | part)[:, None]
        best: tuple[float, NDArray[np.float64]] | None = None
        shifts = _shifts(step, driving, common, by_own, possible & part[:, None])
        tables = np.where(part[:, None], costs(shifts), table)
        for tried, paid in zip(tables, (shifts**2).sum(axis=1).tolist(), strict=True):
            cost = _assign(tried, counted)[0] + paid
            # A tie keeps the earlier shift, and no shift at all comes first.
            if best is None or cost < best[0] - 1e-9:
                best = cost, tried
        if best is not None:
            table = best[1]
    _, pairs = _assign(table, possible)
    return [(int(rows[row]), int(columns[column])) for row, column in pairs]


def squared(step: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Mahalanobis length of (..., 2) under (..., 2, 2)."""
    return _length(step, _inverse(covariance))


def _length(step: NDArray[np.float64], inverse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared length of (..., 2) by the inverse (..., 2, 2) of a covariance."""
    east, north = step[..., 0], step[..., 1]
    return np.asarray(
        inverse[..., 0, 0] * east**2
        + 2.0 * inverse[..., 0, 1] * east * north
        + inverse[..., 1, 1] * north**2,
        np.float64,
    )


def _determinant(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of (..., 2, 2) symmetric matrices."""
    return np.asarray(matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] ** 2, np.float64)


def _log_determinant(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(_determinant(matrix)), np.float64)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of (..., 2, 2) symmetric, positive definite matrices."""
    found = np.empty_like(matrix)
    found[..., 0, 0], found[..., 1, 1] = matrix[..., 1, 1], matrix[..., 0, 0]
    found[..., 0, 1] = found[..., 1, 0] = -matrix[..., 0, 1]
    return np.asarray(found / _determinant(matrix)[..., None, None], np.float64)


def _shifts(
    step: NDArray[np.float64],
    driving: NDArray[np.float64],
    common: NDArray[np.float64],
    by_own: NDArray[np.float64],
    possible: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(S, 2) common shifts worth trying, in sigmas: none, and what most possible pairs agree on."""
    rows, columns = np.nonzero(possible)
    if not len(rows):
        return np.empty((0, 2))
    steps, root, inverse = step[rows, columns], common[rows, columns], by_own[rows, columns]
    driven = np.isfinite(driving[rows, columns, 0])
    if driven.any():
        expected = steps[driven] - driving[rows, columns][driven]
        steps = np.vstack([steps, expected])
        root = np.concatenate([root, root[driven]])
        inverse = np.concatenate([inverse, inverse[driven]])
    if len(steps) > _MAX_VOTERS:  # a crowd: a sample of it votes as well
        keep = np.linspace(0, len(steps) - 1, _MAX_VOTERS).astype(np.intp)
        steps, root, inverse = steps[keep], root[keep], inverse[keep]
    candidates = np.linalg.solve(root, steps[..., None])[..., 0]
    left = steps[None] - np.einsum("kij,cj->cki", root, candidates)
    votes = (_length(left, inverse[None]) <= _AGREES_CHI2).sum(axis=1)
    length = np.hypot(candidates[:, 0], candidates[:, 1])
    order = np.lexsort((candidates[:, 1], candidates[:, 0], np.round(length, 6), -votes))
    return np.vstack([np.zeros(2), candidates[order[:_MAX_SHIFTS]]])


def _assign(
    cost: NDArray[np.float64], possible: NDArray[np.bool_]
) -> tuple[float, list[tuple[int, int]]]:
    """The pairs of least total cost, where leaving one of either side out costs as well."""
    # Imported here: the value types beside it belong to the field client, which has no scipy.
    from scipy.optimize import linear_sum_assignment

    # To leave two out costs twice as much as one: a pair is worth what it costs less than that.
    gain = np.where(possible, np.minimum(cost - 2.0 * UNMATCHED_COST, 0.0), 0.0)
    rows, columns = linear_sum_assignment(gain)
    gained = gain[rows, columns]
    total = UNMATCHED_COST * sum(cost.shape) + float(gained.sum())
    worth = gained < 0.0
    return total, list(zip(rows[worth].tolist(), columns[worth].tolist(), strict=True))
