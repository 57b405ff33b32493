"""How likely an uncertain point lies within a disc, and how far away it may be."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

REACH_SIGMAS = 8.5
"""Beyond so many sigmas a Gaussian holds less than 1e-16."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_CUTS = 16


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
    # Below this an axis has no width that a double could tell from a line.
    flat = minor <= 1e-9 * np.maximum(radius, 1.0)
    return np.clip(
        np.where(
            flat,
            _on_line(mean_minor, mean_major, major, radius),
            _on_plane(mean_minor, mean_major, np.where(flat, 1.0, minor), major, radius),
        ),
        0.0,
        1.0,
    )


def _normal_cdf(value: NDArray[np.float64]) -> NDArray[np.float64]:
    # Imported here: the value types beside it belong to the field client, which has no scipy.
    from scipy.special import ndtr

    return np.asarray(ndtr(value), np.float64)


def _on_line(
    across: NDArray[np.float64],
    along: NDArray[np.float64],
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
    """Distances at a probability each, all (N,): a bracket cut in `_CUTS` parts four times over.

    Many radii at once cost about as much as one, so that few rounds of many beat bisection.
    """
    spread = np.sqrt(np.maximum(np.trace(covariance, axis1=1, axis2=2), 0.0))
    mean = np.hypot(offset[:, 0], offset[:, 1])
    low = np.maximum(mean - REACH_SIGMAS * spread, 0.0)
    high = mean + REACH_SIGMAS * spread
    rows = np.arange(len(mean))
    share = np.linspace(0.0, 1.0, _CUTS + 1)
    below = above = np.zeros_like(mean)
    for _ in range(4):
        radius = low[:, None] + (high - low)[:, None] * share
        reached = probability_within(
            np.repeat(offset, _CUTS + 1, axis=0),
            np.repeat(covariance, _CUTS + 1, axis=0),
            radius.ravel(),
        ).reshape(radius.shape)
        last = np.clip(np.argmax(reached >= probability[:, None], axis=1), 1, _CUTS)
        low, high = radius[rows, last - 1], radius[rows, last]
        below, above = reached[rows, last - 1], reached[rows, last]
    rise = above - below
    part = np.where(rise > 0.0, (probability - below) / np.where(rise > 0.0, rise, 1.0), 1.0)
    return np.asarray(low + (high - low) * np.clip(part, 0.0, 1.0), np.float64)


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
