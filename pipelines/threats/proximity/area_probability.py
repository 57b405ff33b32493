"""How likely an uncertain point lies within a range of a polygon or a line, and how far away it is.

What lies within a range of a shape is its Minkowski sum with a disc: the buffered shape, which GEOS
makes with arcs cut into chords, as fine as the error of the point asks. Over a polygon a Gaussian
is integrated exactly, edge by edge: with the mean at the origin and the covariance made the
identity, the triangle of the mean and an edge at distance h that runs from tan a to tan b (seen
from the foot of the perpendicular) holds `(b - a) / 2 pi - (T(h, tan b) - T(h, tan a))` with Owen's
T (D. B. Owen, "Tables for computing bivariate normal probabilities", Annals of Mathematical
Statistics 27 (1956); A. R. DiDonato and R. K. Hageman, "A method for computing the integral of the
bivariate normal distribution over arbitrary polygons", SIAM J. Sci. Stat. Comput. 3 (1982)). The
angles add up to a whole turn where the mean is inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.shapes import PlaneShape

Floats = NDArray[np.float64]

CHORD_ERROR = 1e-4
"""No probability is wrong by more for arcs being cut into chords."""

# Edges farther from the mean than so many sigmas hold less than 1e-9 of it.
_FAR_SIGMAS = 6.5
_FINEST, _COARSEST = 4096, 16
# Off every edge and vertex by a billionth of a sigma, where the formula has no value.
_NUDGE = np.array([1.0e-9, 1.7e-9])
_SAMPLES = 256
_NORMAL_95 = 1.6448536269514722
# Of a sigma, three sigmas out: it is an eighth of that where the quantiles are.
_STRAIGHT = 0.1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """Rings of a region of the plane, its inside on the left of each edge.

    Attributes:
        vertices_m: (K, 2) east and north, the rings one after the other, each closed.
        joined: (K - 1,) whether a vertex and its next are an edge, and not two rings.
        corners: (K,) whether the outline turns at a vertex by more than arcs do.
    """

    vertices_m: Floats
    joined: NDArray[np.bool_]
    corners: NDArray[np.bool_]


def probability_near(
    shape: PlaneShape, offset_enu_m: Floats, covariance_m2: Floats, range_m: float
) -> Floats:
    """Probability that each of some uncertain points lies within a range of a shape.

    Absolute error under 1.1e-4 where the smaller sigma is above 7e-5 of range and buffer, and
    under 1e-3 above a tenth of that (4 mm at 500 m); a smaller sigma is taken as that large.

    Args:
        shape: in the plane; a line reaches as far to each side as its buffer, and the range more.
        offset_enu_m: (N, 2) means, east and north in that plane, metres.
        covariance_m2: (N, 2, 2) symmetric covariances, square metres.
        range_m: from the edge of the shape; not negative.

    Returns:
        (N,) probabilities, 0 to 1.

    Raises:
        ValueError: when shapes disagree, or anything is not finite or the range is negative.
    """
    offset = np.asarray(offset_enu_m, np.float64)
    covariance = np.asarray(covariance_m2, np.float64)
    if offset.ndim != 2 or covariance.shape != (len(offset), 2, 2) or offset.shape[1:] != (2,):
        raise ValueError(f"shapes disagree: offset {offset.shape}, covariance {covariance.shape}")
    if not (np.isfinite(offset).all() and np.isfinite(covariance).all()):
        raise ValueError("offsets and covariances must be finite")
    if not (math.isfinite(range_m) and range_m >= 0.0):
        raise ValueError("the range must be finite and not negative")
    if not len(offset):
        return np.zeros(0)
    reach = shape.margin_m + range_m
    variances, axes = np.linalg.eigh(covariance)
    floor = _least_sigma_m(reach, shape.extent_m)
    sigmas = np.sqrt(np.maximum(variances, floor**2))
    # Symmetric, so that it turns nothing and edges keep their inside on the left.
    whitening = np.einsum("nij,nj,nkj->nik", axes, 1.0 / sigmas, axes)
    import shapely

    # A distance changes no faster than the place: where all within 6.5 sigmas is near, or nothing,
    # there is no more to find out.
    away = np.asarray(shapely.distance(shape.core, shapely.points(offset)), np.float64)
    spread = _FAR_SIGMAS * sigmas[:, 1]
    probability = np.where(away + spread <= reach, 1.0, 0.0)
    for row in np.flatnonzero((away + spread > reach) & (away - spread <= reach)).tolist():
        mean, sigma = offset[row], sigmas[row]
        level = _segments(reach, float(sigma[0]))
        region = outline(shape, reach, level)
        if region is None:
            continue
        if level > _COARSEST:
            far_m = _FAR_SIGMAS * float(sigma[1]) + _sagitta_m(reach, _COARSEST)
            region = _thinned(region, mean, far_m, level // _COARSEST)
        probability[row] = probability_inside(region, mean, whitening[row])
    return np.clip(probability, 0.0, 1.0)


def settled_near(
    shapes: Sequence[PlaneShape], offset_enu_m: Floats, covariance_m2: Floats, range_m: Floats
) -> Floats:
    """As `probability_near`, of each point its own shape and range; NaN where it is not certain.

    Args:
        shapes: N, each in the plane of its offset.
        offset_enu_m: (N, 2) means, metres.
        covariance_m2: (N, 2, 2) symmetric covariances, square metres.
        range_m: (N,) from the edge of each shape.

    Returns:
        (N,) 1, 0 or NaN.
    """
    import shapely

    reach = np.array([it.margin_m for it in shapes]) + range_m
    extent = np.array([it.extent_m for it in shapes])
    floor = _least_sigma_m(reach, extent)
    widest = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance_m2)[:, 1], floor**2))
    cores = np.array([it.core for it in shapes], object)
    away = np.asarray(shapely.distance(cores, shapely.points(offset_enu_m)), np.float64)
    # By a millionth of a sigma more than there, so that what is certain here is certain there.
    spread = (_FAR_SIGMAS + 1e-6) * widest
    return np.where(away + spread <= reach, 1.0, np.where(away - spread > reach, 0.0, np.nan))


def _least_sigma_m(reach_m: Any, extent_m: Any) -> Any:
    """As which a smaller sigma is taken, of one shape or of each of several."""
    return np.maximum(np.maximum(7.4e-6 * reach_m, 1e-9 * extent_m), 1e-6)


def _sagitta_m(radius_m: float, segments: int) -> float:
    """How far a chord is from its arc at most, of so many a quadrant."""
    return radius_m * math.pi**2 / (32.0 * segments**2)


def _thinned(region: Outline, mean_m: Floats, far_m: float, step: int) -> Outline:
    """An outline with all of its vertices near a point, and elsewhere as few as if cut coarsely."""
    away = region.vertices_m - mean_m
    kept = np.einsum("ni,ni->n", away, away) <= far_m**2
    # The neighbours of what is near, and of the rest every so manieth; no ring loses its ends.
    kept[1:] |= kept[:-1]
    kept[:-1] |= kept[1:]
    kept[::step] = True
    kept[0] = kept[-1] = True
    kept[:-1] |= ~region.joined
    kept[1:] |= ~region.joined
    kept |= region.corners
    index = np.flatnonzero(kept)
    # Two that are kept are an edge unless a ring ends at the first of them.
    joined = np.append(region.joined, np.array([False]))[index[:-1]]
    return Outline(
        vertices_m=region.vertices_m[index], joined=joined, corners=region.corners[index]
    )


def _segments(radius_m: float, sigma_m: float) -> int:
    """Chords a quadrant, a power of two: a chord is no farther from its arc than the error bears.

    Between chord and arc of n a quadrant lie at most `R pi^2 / (32 n^2)`; a strip so wide holds at
    most that over `sigma sqrt(2 pi)`.
    """
    if radius_m == 0.0:
        return _COARSEST
    sagitta = CHORD_ERROR * math.sqrt(2.0 * math.pi) * sigma_m
    wanted = math.sqrt(radius_m * math.pi**2 / (32.0 * sagitta))
    return int(min(max(2 ** math.ceil(math.log2(wanted)), _COARSEST), _FINEST))


@lru_cache(maxsize=512)
def outline(shape: PlaneShape, reach_m: float, segments: int) -> Outline | None:
    """What lies within a reach of a shape's core; None where that is nothing (a bare line).

    Args:
        shape: in the plane.
        reach_m: from its core, metres.
        segments: chords a quadrant of a circle.
    """
    import shapely

    region = shape.core
    if reach_m > 0.0:
        region = shapely.buffer(region, reach_m, quad_segs=segments)
    polygons = [part for part in shapely.get_parts(region) if part.geom_type == "Polygon"]
    rings = [
        np.array(ring.coords, np.float64)[:, :2]
        for polygon in polygons
        for ring in _rings(shapely.orient_polygons(polygon, exterior_cw=False))
    ]
    if not rings:
        return None
    joined = np.concatenate([np.append(np.ones(len(ring) - 1, np.bool_), False) for ring in rings])
    corners = np.concatenate([_corners(ring, segments) for ring in rings])
    return Outline(vertices_m=np.concatenate(rings), joined=joined[:-1], corners=corners)


def _corners(ring: Floats, segments: int) -> NDArray[np.bool_]:
    """(K,) which vertices of a closed ring are not between two chords of one arc.

    Such chords are short and turn by a quarter over their number; all else is kept as it is.
    """
    edges = np.diff(ring, axis=0)
    before, after = np.roll(edges, 1, axis=0), edges
    lengths = np.linalg.norm(edges, axis=1)
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turn = np.abs(np.arctan2(cross, np.einsum("ni,ni->n", before, after)))
    one = math.pi / (2.0 * segments)
    even = np.abs(np.roll(lengths, 1) - lengths) <= 1e-3 * lengths
    sharp = (turn > 1.5 * one) | ~even
    return np.append(sharp, sharp[0])


def _rings(polygon: Any) -> list[Any]:
    return [polygon.exterior, *polygon.interiors]


def probability_inside(region: Outline, mean_m: Floats, whitening: Floats) -> float:
    """Probability that a point lies inside an outline, to 1e-8.

    Args:
        region: the outline.
        mean_m: (2,) east and north.
        whitening: (2, 2) matrix of positive determinant that makes the error a unit one.
    """
    x, y = ((region.vertices_m - mean_m) @ whitening.T + _NUDGE).T
    x0, x1 = x[:-1][region.joined], x[1:][region.joined]
    y0, y1 = y[:-1][region.joined], y[1:][region.joined]
    cross = x0 * y1 - x1 * y0
    turns = float(np.arctan2(cross, x0 * x1 + y0 * y1).sum()) / (2.0 * math.pi)
    east, north = x1 - x0, y1 - y0
    length = np.hypot(east, north)
    length = np.where(length > 0.0, length, 1.0)
    height = cross / length
    # Where the edge starts and ends, counted from the foot of the perpendicular.
    start = (x0 * east + y0 * north) / length
    end = (x1 * east + y1 * north) / length
    beside = np.maximum(np.maximum(start, -end), 0.0)
    near = height**2 + beside**2 <= _FAR_SIGMAS**2
    if not near.any():
        return turns
    h, first, last = height[near], start[near], end[near]
    return turns - float((_owens_t(h, last) - _owens_t(h, first)).sum())


def _owens_t(height: Floats, along: Floats) -> Floats:
    """Owen's T of a height and the slope `along / height`, odd in both signs taken together.

    Beyond a slope of one by `T(h, a) = (1 - erf(h / sqrt 2) erf(a h / sqrt 2)) / 4 - T(a h, 1 / a)`
    (Owen 1956, 2.3): scipy's own value loses seven digits of its fifteen where h is tiny.
    """
    from scipy.special import erf, owens_t

    h, reach = np.abs(height), np.abs(along)
    low, high = np.minimum(h, reach), np.maximum(h, reach)
    slope = low / np.where(high > 0.0, high, 1.0)
    inner = owens_t(high, slope)
    outer = 0.25 * (1.0 - erf(h / math.sqrt(2.0)) * erf(reach / math.sqrt(2.0))) - inner
    value = np.where(reach > h, outer, inner)
    return np.asarray(np.copysign(value, along) * np.where(height < 0.0, -1.0, 1.0), np.float64)


def distances(shape: PlaneShape, places_m: Floats) -> Floats:
    """How far places (N, 2) in the plane are from the edge of a shape; 0 inside; (N,) metres."""
    import shapely

    away = shapely.distance(shape.core, shapely.points(places_m))
    return np.asarray(np.maximum(away - shape.margin_m, 0.0), np.float64)


def range_interval_of_shape(
    shape: PlaneShape, offset_enu_m: Floats, covariance_m2: Floats
) -> tuple[Floats, Floats]:
    """The interval that holds 90 % of the distance to a shape: its 5 % and 95 % quantiles.

    Where the shape looks like a straight edge from everywhere within three sigmas the distance is
    normal. Elsewhere they are quantiles of the distances of 256 points that are spread evenly
    over the Gaussian: the share that they cut off is right to one percent.

    Args:
        shape: in the plane.
        offset_enu_m: (N, 2) means, east and north in that plane, metres.
        covariance_m2: (N, 2, 2) symmetric covariances, square metres.

    Returns:
        (N,) lower and (N,) upper bounds, metres; 0 inside the shape.
    """
    variances, axes = np.linalg.eigh(covariance_m2)
    spread = axes * np.sqrt(np.maximum(variances, 0.0))[:, None, :]
    probes = np.einsum("nij,kj->nki", spread, _probes())
    count, around = probes.shape[:2]
    away = _beyond_edge(shape, (offset_enu_m[:, None] + probes).reshape(-1, 2))
    away = away.reshape(count, around)
    # The plane that goes best through the distances: for a straight edge through all of them.
    flat = _slope() @ (away - away[:, :1]).T
    sigma = np.hypot(*flat)
    wrong = np.abs(away - away[:, :1] - (_probes() @ flat).T).max(axis=1)
    low = np.maximum(away[:, 0] - _NORMAL_95 * sigma, 0.0)
    high = np.maximum(away[:, 0] + _NORMAL_95 * sigma, 0.0)
    straight = wrong <= _STRAIGHT * np.where(sigma > 0.0, sigma, 1.0)
    # Inside all around, it does not matter how the edges run.
    straight |= away.max(axis=1) <= 0.0
    high = np.where(away.max(axis=1) <= 0.0, 0.0, high)
    bent = np.flatnonzero(~straight)
    if len(bent):
        places = offset_enu_m[bent, None] + np.einsum("nij,kj->nki", spread[bent], _spiral())
        sampled = distances(shape, places.reshape(-1, 2)).reshape(len(bent), -1)
        sampled.sort(axis=1)
        low[bent], high[bent] = _in_order(sampled, 0.05), _in_order(sampled, 0.95)
    return low, high


def _beyond_edge(shape: PlaneShape, places_m: Floats) -> Floats:
    """How far places (N, 2) are outside the edge of a shape, negative inside; (N,) metres."""
    import shapely

    points = shapely.points(places_m)
    away = np.asarray(shapely.distance(shape.core, points), np.float64) - shape.margin_m
    inside = np.flatnonzero(away == 0.0)
    if shape.margin_m == 0.0 and len(inside):
        away[inside] = -shapely.distance(_edge(shape), points[inside])
    return away


@lru_cache(maxsize=512)
def _edge(shape: PlaneShape) -> Any:
    import shapely

    edge = shapely.boundary(shape.core)
    shapely.prepare(edge)
    return edge


@lru_cache(maxsize=1)
def _probes() -> Floats:
    """(17, 2) the middle, and eight directions at 1.6 and at 3 sigmas."""
    turns = np.arange(16) * (math.pi / 8.0)
    radius = np.where(np.arange(16) % 2 == 0, 3.0, 1.6)
    circle = np.column_stack([radius * np.cos(turns), radius * np.sin(turns)])
    return np.concatenate([np.zeros((1, 2)), circle])


@lru_cache(maxsize=1)
def _slope() -> Floats:
    """(2, 17) what makes the slope of the plane that fits best of values at the probes."""
    return np.asarray(np.linalg.pinv(_probes()), np.float64)


def _in_order(values: Floats, share: float) -> Floats:
    """(N,) quantile of values (N, K) that are sorted, linear between two of them."""
    place = share * (values.shape[1] - 1)
    below = int(place)
    return np.asarray(
        values[:, below] + (place - below) * (values[:, below + 1] - values[:, below]), np.float64
    )


@lru_cache(maxsize=1)
def _spiral() -> Floats:
    """(256, 2) points spread over a unit Gaussian: radii by quantile, turned by the golden angle.

    H. Vogel, "A better way to construct the sunflower head", Mathematical Biosciences 44 (1979).
    """
    index = np.arange(_SAMPLES)
    radius = np.sqrt(-2.0 * np.log1p(-(index + 0.5) / _SAMPLES))
    turn = index * math.pi * (3.0 - math.sqrt(5.0))
    return np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])
