"""One place from two sightings of the same object, no better than it honestly is."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.threats.proximity.disc_probability import (
    distance_quantile,
    probability_within,
    range_interval,
)
from pipelines.threats.proximity.pairs import separation
from pipelines.threats.proximity.weighing import Sighting, weigh_again

_GEOD = Geod(ellps="WGS84")
# LE90 of one sigma of a normal error.
_LE90 = 1.645
_RATIOS = np.linspace(0.0, 1.0, 257)
_WEIGHTS = np.linspace(0.0, 1.0, 41)


def horizontal(point: GroundPoint) -> tuple[float, float, NDArray[np.float64]]:
    """Latitude, longitude (degrees) and horizontal covariance (2, 2) of a located point.

    Raises:
        ValueError: it is not located.
    """
    if point.latitude_deg is None or point.longitude_deg is None or point.covariance_enu_m2 is None:
        raise ValueError("a sighting has latitude, longitude and covariance")
    return point.latitude_deg, point.longitude_deg, point.covariance_enu_m2[:2, :2]


def intersect(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Covariance intersection of two estimates whose errors may be common to any degree.

    `P^-1 = w A^-1 + (1 - w) B^-1` with the weight of least trace never claims more than both
    estimates support, whatever their correlation (S. J. Julier and J. K. Uhlmann, "A non-divergent
    estimation algorithm in the presence of unknown correlations", American Control Conference
    1997). Two alike give no smaller ellipse than one: errors of boresight, camera position and
    terrain repeat from frame to frame, and averaging does not remove them. Two that are long in
    different directions, as from two sides, do.

    Args:
        first: (2, 2) covariance A, positive definite.
        second: (2, 2) covariance B, positive definite.

    Returns:
        (2, 2) covariance P and the (2, 2) gains of the first and the second estimate.
    """
    inverse_a, inverse_b = _inverse(first), _inverse(second)
    # Of the inverse of a matrix of two by two the trace is its own over its determinant.
    parts = np.outer(_WEIGHTS, (inverse_a - inverse_b).ravel()) + inverse_b.ravel()
    sums = parts[:, 0] + parts[:, 3]
    # Rounded, so that of two alike the first is always taken in the same share.
    trace = sums / (parts[:, 0] * parts[:, 3] - parts[:, 1] * parts[:, 2])
    trace = np.round(trace / trace[20], 9)
    ties = np.flatnonzero(trace == trace.min())
    weight = float(_WEIGHTS[ties[len(ties) // 2]])
    covariance = _inverse(weight * inverse_a + (1.0 - weight) * inverse_b)
    return covariance, weight * covariance @ inverse_a, (1.0 - weight) * covariance @ inverse_b


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a (2, 2) matrix, written out: a solver takes longer to be called than to solve it."""
    (a, b), (c, d) = matrix.tolist()
    determinant = a * d - b * c
    return np.array(
        [[d / determinant, -b / determinant], [-c / determinant, a / determinant]], np.float64
    )


def placed(
    point: GroundPoint,
    *,
    latitude_deg: float,
    longitude_deg: float,
    covariance_m2: NDArray[np.float64],
    older: GroundPoint | None = None,
) -> GroundPoint:
    """A located point moved to where its object is by all its looks.

    Args:
        point: as one look tells it; what it was seen with and from where are kept.
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        covariance_m2: (2, 2) east and north of the new place.
        older: another point of the object, whose height is taken where it is surer.
    """
    hae_m, vertical = _height(point if older is None else older, point)
    full = np.zeros((3, 3))
    full[:2, :2] = covariance_m2
    full[2, 2] = vertical
    return replace(
        point,
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        hae_m=hae_m,
        covariance_enu_m2=full,
        ce90_m=circular_error_90(covariance_m2),
        le90_m=None if hae_m is None else _LE90 * math.sqrt(vertical),
    )


def circular_error_90(covariance_m2: NDArray[np.float64]) -> float:
    """Radius that holds 90 % of a normal error with a (2, 2) covariance.

    By the ratio of the axes, from a table of exact quantiles: linear between, off by 1e-5 at most.
    """
    minor, major = np.linalg.eigvalsh(covariance_m2)
    if major <= 0.0:
        return 0.0
    ratio = math.sqrt(max(float(minor), 0.0) / float(major))
    return math.sqrt(float(major)) * float(np.interp(ratio, _RATIOS, _quantiles()))


@functools.cache
def _quantiles() -> NDArray[np.float64]:
    axes = np.zeros((len(_RATIOS), 2, 2))
    axes[:, 0, 0], axes[:, 1, 1] = 1.0, _RATIOS**2
    return distance_quantile(np.zeros((len(_RATIOS), 2)), axes, 0.9)


def _height(older: GroundPoint, newer: GroundPoint) -> tuple[float | None, float]:
    """Height over the ellipsoid and its variance: of the surer of both, the newer when alike."""
    known = [
        (float(point.covariance_enu_m2[2, 2]), order, point.hae_m)
        for order, point in enumerate((newer, older))
        if point.hae_m is not None and point.covariance_enu_m2 is not None
    ]
    if not known:
        variance = newer.covariance_enu_m2
        return None, 0.0 if variance is None else float(variance[2, 2])
    variance_m2, _, hae_m = min(known)
    return hae_m, variance_m2


def reweigh(sighting: Sighting, ground: GroundPoint) -> Sighting:
    """The same sighting with its object at another place: range, bearing, interval, probability.

    Against its position as it was weighed, where the sighting still has that; else the position is
    a point where the sighting's own range and bearing put it.
    """
    if sighting.position is not None:
        return weigh_again(sighting, ground, sighting.position)
    lat, lon, _ = horizontal(sighting.ground)
    position_lat, position_lon = _position(lat, lon, sighting.range_m, sighting.bearing_deg)
    new_lat, new_lon, covariance = horizontal(ground)
    distance, bearing, offset, turned = separation(
        np.array([position_lat]),
        np.array([position_lon]),
        np.array([new_lat]),
        np.array([new_lon]),
        covariance[None],
    )
    turned = turned + sighting.position_sigma_m**2 * np.eye(2)
    low, high = range_interval(offset, turned)
    probability = probability_within(offset, turned, np.array([sighting.radius_m]))
    return replace(
        sighting,
        ground=ground,
        range_m=float(distance[0]),
        bearing_deg=float(bearing[0]),
        range_low_m=float(low[0]),
        range_high_m=float(high[0]),
        probability=float(probability[0]),
    )


def place_seen_from(sighting: Sighting) -> tuple[float, float]:
    """Latitude and longitude from which a sighting's object lies at its range and bearing."""
    lat, lon, _ = horizontal(sighting.ground)
    return _position(lat, lon, sighting.range_m, sighting.bearing_deg)


def _position(lat: float, lon: float, range_m: float, bearing_deg: float) -> tuple[float, float]:
    """The point from which an object lies at a range and bearing, degrees.

    The azimuth at the object differs by the convergence of the meridians; each round leaves some
    range / earth radius times tan(latitude) of the error before.
    """
    if range_m == 0.0:
        return lat, lon
    back = bearing_deg + 180.0
    position_lon, position_lat = lon, lat
    for _ in range(6):
        position_lon, position_lat, _ = _GEOD.fwd(lon, lat, back, range_m)
        found, _, _ = _GEOD.inv(position_lon, position_lat, lon, lat)
        back += bearing_deg - found
    return float(position_lat), float(position_lon)
