"""How likely an uncertain point lies within a disc, and how far away it may be."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

REACH_SIGMAS = 8.5
"""Beyond so many sigmas a Gaussian holds less than 1e-16."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
# Where the minor axis stays within this part of the radius the chord is smooth.
_SMOOTH = 0.9
_STRIPS = np.linspace(-REACH_SIGMAS, REACH_SIGMAS, 45)
_STRIP_WEIGHTS = np.exp(-0.5 * _STRIPS**2)
_STRIP_WEIGHTS /= _STRIP_WEIGHTS.sum()
# Farther than so many sigmas a distance is smooth over what lies across the line of sight.
_FAR_SIGMAS = 8.0
_MOST_STEEP = 1.4
_FAR_NODES, _FAR_WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
_FAR_WEIGHTS = _FAR_WEIGHTS / _FAR_WEIGHTS.sum()
_ROUNDS = 60


def probability_within(
    offset_enu_m: NDArray[np.float64],
    covariance_m2: NDArray[np.float64],
    radius_m: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Probability that an uncertain point lies within a disc around the origin.

    In the principal axes of the covariance the integral over the major axis is a difference of two
    normal distribution functions, and what remains over the minor axis is integrated by
    Gauss-Legendre quadrature in the angle t of y = R sin t (in which the disc's edge is smooth),
    split where the edge passes the mean. Taking the narrow axis last leaves an integrand that
    varies no faster than its own weight. Absolute error under 1e-6; covariances without width in
    one axis or both are taken exactly.

    Args:
        offset_enu_m: (N, 2) mean, east and north of the disc's centre, metres.
        covariance_m2: (N, 2, 2) symmetric covariance, square metres.
        radius_m: (N,) radius of the disc, metres.

    Returns:
        (N,) probabilities, 0 to 1.

    Raises:
        ValueError: when shapes disagree, or anything is not finite or a radius is negative.
    """
    offset = np.asarray(offset_enu_m, np.float64)
    covariance = np.asarray(covariance_m2, np.float64)
    radius = np.asarray(radius_m, np.float64)
    count = len(radius)
    if offset.shape != (count, 2) or covariance.shape != (count, 2, 2) or radius.ndim != 1:
        raise ValueError(
            f"shapes disagree: offset {offset.shape}, covariance {covariance.shape}, "
            f"radius {radius.shape}"
        )
    if not (np.isfinite(offset).all() and np.isfinite(covariance).all()):
        raise ValueError("offsets and covariances must be finite")
    if not (np.isfinite(radius) & (radius >= 0.0)).all():
        raise ValueError("radii must be finite and not negative")
    variances, axes = np.linalg.eigh(covariance)
    minor, major = np.sqrt(np.maximum(variances, 0.0)).T
    # The disc is symmetric, so signs of the mean do not matter; positive ones keep the tails small
    # numbers instead of differences of numbers near one.
    mean_minor, mean_major = np.abs(np.einsum("ni,nij->nj", offset, axes)).T
    # Most objects are so far within or beyond that nothing is left to integrate.
    distance, widest = np.hypot(mean_minor, mean_major), REACH_SIGMAS * np.hypot(minor, major)
    found = (distance + widest <= radius).astype(np.float64)
    asked = np.flatnonzero((distance + widest > radius) & (distance - widest <= radius))
    if len(asked):
        found[asked] = _integrated(
            mean_minor[asked], mean_major[asked], minor[asked], major[asked], radius[asked]
        )
    return np.asarray(found, np.float64)


def _integrated(
    mean_minor: NDArray[np.float64],
    mean_major: NDArray[np.float64],
    minor: NDArray[np.float64],
    major: NDArray[np.float64],
    radius: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The same in principal axes, all (N,), each way of integrating where it is meant for."""
    # Below this an axis has no width that a double could tell from a line.
    flat = minor <= 1e-9 * np.maximum(radius, 1.0)
    smooth = ~flat & (mean_minor + REACH_SIGMAS * minor < _SMOOTH * radius)
    found = np.empty_like(radius)
    for rows, way in ((flat, _on_line), (smooth, _over_strips), (~flat & ~smooth, _on_plane)):
        if rows.any():
            found[rows] = way(
                mean_minor[rows], mean_major[rows], minor[rows], major[rows], radius[rows]
            )
    return np.asarray(np.clip(found, 0.0, 1.0), np.float64)


def _normal_cdf(value: NDArray[np.float64]) -> NDArray[np.float64]:
    # Imported here: the value types beside it belong to the field client, which has no scipy.
    from scipy.special import ndtr

    return np.asarray(ndtr(value), np.float64)


def _on_line(
    across: NDArray[np.float64],
    along: NDArray[np.float64],
    _: NDArray[np.float64],
    sigma: NDArray[np.float64],
    radius: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The same for a point that varies along one axis only, or not at all; all (N,)."""
    # The mean's own rounding decides nothing: an object exactly on the circle is inside.
    slack = 1e-12 * np.maximum(radius, 1.0)
    half = np.sqrt(np.maximum(radius**2 - across**2, 0.0))
    point = sigma <= 1e-9 * np.maximum(radius, 1.0)
    width = np.where(point, 1.0, sigma)
    line = _normal_cdf((half - along) / width) - _normal_cdf((-half - along) / width)
    exact = (np.hypot(across, along) <= radius + slack).astype(np.float64)
    return np.where(point, exact, np.where(across <= radius, line, 0.0))


def _over_strips(
    mean_minor: NDArray[np.float64],
    mean_major: NDArray[np.float64],
    minor: NDArray[np.float64],
    major: NDArray[np.float64],
    radius: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The same where the minor axis stays away from the rim; all (N,).

    There the chord varies slowly, and the integrand is nearly Gaussian: equal steps converge as
    fast as any rule does.
    """
    across = mean_minor[:, None] + minor[:, None] * _STRIPS
    chord = np.sqrt(radius[:, None] ** 2 - across**2)
    width = np.maximum(major, minor)[:, None]
    inside = _normal_cdf((chord - mean_major[:, None]) / width)
    inside -= _normal_cdf((-chord - mean_major[:, None]) / width)
    return np.asarray(inside @ _STRIP_WEIGHTS, np.float64)


def _on_plane(
    mean_minor: NDArray[np.float64],
    mean_major: NDArray[np.float64],
    minor: NDArray[np.float64],
    major: NDArray[np.float64],
    radius: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The same for a point that varies along both axes, `minor` above zero; all (N,)."""
    safe = np.where(radius > 0.0, radius, 1.0)
    low = np.clip((mean_minor - REACH_SIGMAS * minor) / safe, -1.0, 1.0)
    high = np.clip((mean_minor + REACH_SIGMAS * minor) / safe, -1.0, 1.0)
    start, stop = np.arcsin(low), np.arcsin(high)
    # Half chord equals the mean on the other axis: there the integrand steps.
    step = np.arccos(np.clip(mean_major / safe, 0.0, 1.0))
    centre = np.arcsin(np.clip(mean_minor / safe, -1.0, 1.0))
    bounds = np.sort(
        np.stack([start, *(np.clip(t, start, stop) for t in (-step, centre, step)), stop]), axis=0
    )
    total = np.zeros_like(radius)
    for first, last in itertools.pairwise(bounds):
        half = 0.5 * (last - first)
        angle = 0.5 * (first + last)[:, None] + half[:, None] * _NODES
        chord = radius[:, None] * np.cos(angle)
        scaled = (radius[:, None] * np.sin(angle) - mean_minor[:, None]) / minor[:, None]
        density = np.exp(-0.5 * scaled**2) / (math.sqrt(2.0 * math.pi) * minor[:, None])
        width = np.maximum(major, minor)[:, None]
        inside = _normal_cdf((chord - mean_major[:, None]) / width) - _normal_cdf(
            (-chord - mean_major[:, None]) / width
        )
        total += half * ((density * inside * chord) @ _WEIGHTS)
    return total


def distance_quantile(
    offset_enu_m: NDArray[np.float64],
    covariance_m2: NDArray[np.float64],
    probability: float,
) -> NDArray[np.float64]:
    """The distance from the origin that an uncertain point stays within at a given probability.

    With a mean of zero and a probability of 0.9 this is the CE90 of the covariance.

    Args:
        offset_enu_m: (N, 2) mean, east and north, metres.
        covariance_m2: (N, 2, 2) symmetric covariance, square metres.
        probability: strictly between 0 and 1.

    Returns:
        (N,) metres, exact to a millimetre or a millionth.

    Raises:
        ValueError: as `probability_within`, or when the probability is out of range.
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"{probability} is not strictly between 0 and 1")
    offset = np.asarray(offset_enu_m, np.float64)
    return _quantiles(
        offset, np.asarray(covariance_m2, np.float64), np.full(len(offset), probability)
    )


def _quantiles(
    offset: NDArray[np.float64], covariance: NDArray[np.float64], probability: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances at a probability each, all (N,)."""
    mean = np.hypot(offset[:, 0], offset[:, 1])
    along = offset / np.where(mean > 0.0, mean, 1.0)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    deep = np.einsum("ni,nij,nj->n", along, covariance, along)
    wide = np.einsum("ni,nij,nj->n", across, covariance, across)
    lean = np.einsum("ni,nij,nj->n", along, covariance, across)
    slope = lean / np.where(wide > 0.0, wide, 1.0)
    own = np.sqrt(np.maximum(deep - slope * lean, 0.0))
    far = (mean > _FAR_SIGMAS * np.sqrt(np.maximum(deep + wide, 0.0))) & (own > 0.0)
    # Elsewhere too little is left to chance along the line for the integrand across to be smooth.
    steep = np.abs(slope) * np.sqrt(np.maximum(wide, 0.0)) + wide / np.where(far, mean, 1.0)
    far &= steep <= _MOST_STEEP * own
    found = np.empty_like(mean)
    if far.any():
        found[far] = _far_quantiles(
            mean[far], np.sqrt(np.maximum(wide[far], 0.0)), slope[far], own[far], probability[far]
        )
    if not far.all():
        near = ~far
        found[near] = _near_quantiles(offset[near], covariance[near], probability[near])
    return found


def _far_quantiles(
    mean: NDArray[np.float64],
    wide: NDArray[np.float64],
    slope: NDArray[np.float64],
    own: NDArray[np.float64],
    probability: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The same far from the origin, all (N,): Gauss-Hermite across the line of sight, Newton.

    Given how far across the point lies, it is normal along the line of sight.

    Args:
        mean: distance of the mean.
        wide: one sigma across.
        slope: how the mean along the line moves with the place across.
        own: one sigma along the line, given the place across.
        probability: of each.
    """
    from scipy.special import ndtri

    side = wide[:, None] * _FAR_NODES
    centre = mean[:, None] + slope[:, None] * side
    total = np.hypot(own, slope * wide)
    found = mean + wide**2 / (2.0 * mean) + total * ndtri(probability)
    for _ in range(4):
        chord = np.sqrt(np.maximum(found[:, None] ** 2 - side**2, 1e-12))
        scaled = (chord - centre) / own[:, None]
        reached = _normal_cdf(scaled) @ _FAR_WEIGHTS
        density = np.exp(-0.5 * scaled**2) / math.sqrt(2.0 * math.pi) / own[:, None]
        rise = (density * found[:, None] / chord) @ _FAR_WEIGHTS
        step = (probability - reached) / np.maximum(rise, 1e-300)
        found = found + np.clip(step, -total, total)
    return np.asarray(found, np.float64)


def _near_quantiles(
    offset: NDArray[np.float64], covariance: NDArray[np.float64], probability: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The same anywhere: secants through normal quantiles, in which distance is nearly a line.

    Where a secant leaves the bracket, or the bracket does not shrink, it is halved.
    """
    from scipy.special import ndtri

    spread = np.sqrt(np.maximum(np.trace(covariance, axis1=1, axis2=2), 0.0))
    mean = np.hypot(offset[:, 0], offset[:, 1])
    low = np.maximum(mean - REACH_SIGMAS * spread, 0.0)
    high = mean + REACH_SIGMAS * spread
    goal = ndtri(probability)
    here = np.clip(np.hypot(mean, 0.7 * spread) + 0.7 * spread * goal, low, high)
    before, missed_before = here.copy(), np.zeros_like(here)
    rows = np.flatnonzero(high > low)
    for turn in range(_ROUNDS):
        at = here[rows]
        reached = probability_within(offset[rows], covariance[rows], at)
        missed = ndtri(np.clip(reached, 1e-300, 1.0 - 1e-16)) - goal[rows]
        low[rows] = np.where(missed < 0.0, at, low[rows])
        high[rows] = np.where(missed < 0.0, high[rows], at)
        change = missed - missed_before[rows]
        slope = (at - before[rows]) / np.where(change == 0.0, 1.0, change)
        # The first step goes by what the spread alone would make of it.
        following = at - missed * (slope if turn else 0.7 * spread[rows])
        middle = 0.5 * (low[rows] + high[rows])
        fits = (following > low[rows]) & (following < high[rows]) & (turn % 8 < 6)
        before[rows], missed_before[rows] = at, missed
        here[rows] = np.where(fits, following, middle)
        exact = 1e-4 + 1e-7 * at
        done = (np.abs(here[rows] - at) <= exact) | (high[rows] - low[rows] <= exact)
        rows = rows[~done]
        if not len(rows):
            break
    return np.asarray(here, np.float64)


def range_interval(
    offset_enu_m: NDArray[np.float64], covariance_m2: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The interval that holds 90 % of the distance from the origin: its 5 % and 95 % quantiles.

    Args:
        offset_enu_m: (N, 2) mean, east and north, metres.
        covariance_m2: (N, 2, 2) symmetric covariance, square metres.

    Returns:
        (N,) lower and (N,) upper bounds, metres.
    """
    offset = np.asarray(offset_enu_m, np.float64)
    count = len(offset)
    bounds = _quantiles(
        np.tile(offset, (2, 1)),
        np.tile(np.asarray(covariance_m2, np.float64), (2, 1, 1)),
        np.repeat([0.05, 0.95], count),
    )
    return bounds[:count], bounds[count:]
