"""How objects on the ground move, filtered from what frames show of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.tracks.track import Mobility

BOX_SIGMA_M = 1.5
"""Where in a box the object stands, and which part of it was seen: half the length of a car."""
OWN_SHARE = 0.2**2
"""Share of a look's covariance that is not common to all looks of a frame: errors of pose move all
objects alike, but not quite by the same distance at different ranges."""

# Boresight, barometer and compass err alike for the whole of a flight; what is left wanders within
# a minute, and a little is drawn anew with every frame.
_FRAME_SHARE, _SLOW_SHARE, _SLOW_S = 0.04, 0.2, 60.0

# One sigma of the speed along each axis before anything is known, metres a second, and the spectral
# density of white acceleration, m2/s3: a car in a street, somebody on foot.
_SPEED_M_S = {"person": 1.2, "two-wheeler": 5.0, "vehicle": 6.0}
_ACCELERATION = {"person": 0.15, "two-wheeler": 1.0, "vehicle": 1.0}
_ANY_SPEED_M_S, _ANY_ACCELERATION = 3.0, 0.5
# After so long nobody drives on as before: the filter learns the velocity anew.
_MEMORY_S = 30.0
# What stands is not always photographed with the same wheel on the same spot.
CREEP_M = 0.3
_STILL_M_S = 0.1
# What an object may have moved since, one sigma of each axis: metres a second and at most metres.
# The gate is 3.7 sigma: somebody who walks is found again after a quarter of a minute, a vehicle of
# 15 m/s in the next frame. It ends there on purpose: farther apart, in frames that may not show the
# same ground, another object is likelier than the same, and to take it for the same would silence
# it. What drives farther between two looks is looked for where it was driving to.
_MOTION_M_S = {"person": 0.8, "two-wheeler": 4.0, "vehicle": 4.0}
_MAX_MOTION_M = {"person": 6.0, "two-wheeler": 7.0, "vehicle": 7.0}
LONGEST_WALK_S = 60.0
"""What was lost for longer may be anywhere, and is spread no wider."""
# What was seen to drive is looked for farther away: it is missed now and then on its way.
_DRIVING_REACH = 1.7
FARTHEST_MOTION_M = _DRIVING_REACH * max(_MAX_MOTION_M.values())
"""One sigma of the motion of anything that is not looked for where it was driving to."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Estimate:
    """A filtered place and velocity.

    Attributes:
        mean: (4,) east, north in metres, then metres a second.
        covariance: (4, 4) of it.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def own_covariance(look_covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2, 2) what a look errs by alone, without what all looks of its frame have in common."""
    return OWN_SHARE * look_covariance + BOX_SIGMA_M**2 * np.eye(2)


def fresh_share(gap_s: float | None) -> float:
    """Share of the variance of a pose that is new in a frame some time after another of its flight.

    Args:
        gap_s: seconds between the two; None where unknown.
    """
    if gap_s is None:
        return _FRAME_SHARE + _SLOW_SHARE
    return _FRAME_SHARE + _SLOW_SHARE * (1.0 - math.exp(-abs(gap_s) / _SLOW_S))


def symmetric_root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric square root of (..., 2, 2) symmetric, positive definite matrices."""
    side = np.sqrt(matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] ** 2)
    trace = matrix[..., 0, 0] + matrix[..., 1, 1]
    return np.asarray(
        (matrix + side[..., None, None] * np.eye(2)) / np.sqrt(trace + 2.0 * side)[..., None, None],
        np.float64,
    )


def begin(look_m: NDArray[np.float64], covariance: NDArray[np.float64], group: str) -> Estimate:
    """The estimate after one look at an object: its place, and any velocity of its kind."""
    full = np.zeros((4, 4))
    full[:2, :2] = covariance + BOX_SIGMA_M**2 * np.eye(2)
    full[2:, 2:] = _SPEED_M_S.get(group, _ANY_SPEED_M_S) ** 2 * np.eye(2)
    return Estimate(mean=np.array([*look_m, 0.0, 0.0]), covariance=full)


def transition(
    gap_s: float | None, group: str, mobility: Mobility
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transition and process noise of a near-constant velocity, (4, 4) each.

    White acceleration (Y. Bar-Shalom, X. R. Li and T. Kirubarajan, Estimation with Applications to
    Tracking and Navigation, 2001, 6.2.2). What stands keeps its place; where no time is known none
    has passed.

    Args:
        gap_s: seconds, 0 or more; None where unknown.
        group: of categories, see `pipelines.threats.tracks.track.category_group`.
        mobility: of the object.
    """
    matrix, noise = np.eye(4), np.zeros((4, 4))
    if mobility is Mobility.STILL or gap_s is None:
        matrix[2:, 2:] = 0.0 if mobility is Mobility.STILL else np.eye(2)
        noise[:2, :2] = CREEP_M**2 * np.eye(2)
        if mobility is Mobility.STILL:
            noise[2:, 2:] = _STILL_M_S**2 * np.eye(2)
        return matrix, noise
    gap = min(gap_s, _MEMORY_S)
    density = _ACCELERATION.get(group, _ANY_ACCELERATION)
    matrix[:2, 2:] = gap * np.eye(2)
    noise[:2, :2] = driven_variance_m2(group, gap_s) * np.eye(2)
    noise[:2, 2:] = noise[2:, :2] = density * gap**2 / 2.0 * np.eye(2)
    noise[2:, 2:] = density * gap * np.eye(2)
    if gap_s > _MEMORY_S:
        matrix[2:, 2:] = 0.0
        noise[2:, 2:] = _SPEED_M_S.get(group, _ANY_SPEED_M_S) ** 2 * np.eye(2)
        noise[:2, 2:] = noise[2:, :2] = 0.0
    return matrix, noise


def step(
    estimates: Sequence[Estimate],
    transitions: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    looks_m: NDArray[np.float64],
    look_covariance_m2: NDArray[np.float64],
    common_share: NDArray[np.float64] | None = None,
) -> list[Estimate]:
    """Take the looks of one frame into the estimates of the objects that it shows.

    They are one observation of one state: their own errors are independent, the error of the
    frame's pose is the same in all, and the filter lays to the frame what all have in common. What
    the estimates then have in common is dropped. The update of a Kalman filter over all of them,
    with the inverse of the whole observation's covariance by Woodbury's identity: linear in the
    number of objects, where a filter that takes matrices alone is cubic.

    Args:
        estimates: N, each as it was.
        transitions: N, of each since then: see `transition`.
        looks_m: (N, 2) east and north in the plane of the estimates.
        look_covariance_m2: (N, 2, 2) as stated for each look.
        common_share: (N,) how much of the variance of the frame's pose is new to each estimate;
            None for all of it.

    Returns:
        N estimates at the time of the frame.
    """
    share = np.ones(len(estimates)) if common_share is None else common_share
    return _joint(estimates, transitions, looks_m, look_covariance_m2, share) if estimates else []


def _joint(
    estimates: Sequence[Estimate],
    transitions: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    looks_m: NDArray[np.float64],
    look_covariance_m2: NDArray[np.float64],
    common_share: NDArray[np.float64],
) -> list[Estimate]:
    matrix = np.stack([it[0] for it in transitions])
    noise = np.stack([it[1] for it in transitions])
    turned = np.swapaxes(matrix, 1, 2)
    mean = (matrix @ np.stack([it.mean for it in estimates])[..., None])[..., 0]
    covariance = matrix @ np.stack([it.covariance for it in estimates]) @ turned + noise
    # What the pose errs by shifts all looks alike in sigmas: the far ones farther.
    sigmas = np.sqrt((1.0 - OWN_SHARE) * common_share)[:, None, None]
    roots = sigmas * symmetric_root(look_covariance_m2)
    # The covariance of all looks is one block for each object and, of rank two, the pose: by
    # Woodbury's identity only two by two matrices are inverted.
    alone = np.linalg.inv(covariance[:, :2, :2] + own_covariance(look_covariance_m2))
    weighed = alone @ roots
    pose = np.linalg.inv(np.eye(2) + np.einsum("nij,nik->jk", roots, weighed))
    missed = looks_m - mean[:, :2]
    shift = pose @ np.einsum("nij,ni->j", weighed, missed)
    gain = covariance[:, :, :2]
    explained = (alone @ missed[..., None])[..., 0] - weighed @ shift
    surer = alone - weighed @ pose @ np.swapaxes(weighed, 1, 2)
    mean = mean + (gain @ explained[..., None])[..., 0]
    covariance = covariance - gain @ surer @ np.swapaxes(gain, 1, 2)
    covariance = 0.5 * (covariance + np.swapaxes(covariance, 1, 2))
    return [Estimate(mean=m, covariance=c) for m, c in zip(mean, covariance, strict=True)]


def velocity_told(
    velocity_m_s: NDArray[np.float64], covariance: NDArray[np.float64], group: str
) -> bool:
    """Whether looks tell a velocity: its sigma is well under what any of its kind may have."""
    sigma = math.sqrt(float(np.trace(covariance)) / 2.0)
    usual = _SPEED_M_S.get(group, _ANY_SPEED_M_S)
    return sigma <= 0.5 * usual or float(np.hypot(*velocity_m_s)) > 3.0 * sigma


def motion_sigma_m(group: str, gap_s: float | None, *, driving: bool) -> float:
    """How far an object may have moved in some time, one sigma; nothing where it is unknown.

    Args:
        group: of categories.
        gap_s: seconds; None where unknown.
        driving: it was seen to drive.
    """
    if gap_s is None:
        return 0.0
    most = _MAX_MOTION_M.get(group, 0.0) * (_DRIVING_REACH if driving else 1.0)
    return min(_MOTION_M_S.get(group, 0.0) * gap_s, most)


def driven_variance_m2(group: str, gap_s: float) -> float:
    """Variance along each axis of where something has driven on to, from its acceleration alone."""
    return _ACCELERATION.get(group, _ANY_ACCELERATION) * min(gap_s, _MEMORY_S) ** 3 / 3.0


def lost_sigma_m(group: str, gap_s: float | None, *, stands: bool) -> float:
    """How far an object that was lost may be from where it was last seen, one sigma.

    Args:
        group: of categories.
        gap_s: seconds since; None where unknown.
        stands: it was seen to stand.
    """
    if stands or gap_s is None:
        return motion_sigma_m(group, gap_s, driving=False)
    return way_sigma_m(group, min(gap_s, LONGEST_WALK_S))


def way_sigma_m(group: str, gap_s: float) -> float:
    """How far what drives comes in some time, one sigma."""
    return _MOTION_M_S.get(group, 0.0) * gap_s
