"""How fast an object comes nearer to a position, and when it will be at its perimeter."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.threats.positions.position import Position
from pipelines.threats.positions.shapes import plane_shape
from pipelines.threats.proximity.disc_probability import probability_within
from pipelines.threats.rules.requirements import MOTION_HORIZON_S

TELLING_M_S = 0.5
"""Slower than this, an object neither closes nor leaves to speak of."""
_GEOD = Geod(ellps="WGS84")
_DRAWS = 2048
# Of a point's, where what is left to draws is smooth.
_PLACES = 512
# Below this nothing is left to chance.
_NO_VARIANCE = 1e-18
_SIMPLE_M = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """What is closed on, in the plane around the position's reference point.

    Attributes:
        starts: (M, 2) where its edges begin, east and north in metres; a point is one edge without
            length.
        ends: (M, 2) where they end.
        margin_m: how far beyond its edges it reaches.
        core: the area (shapely), inside of which all is arrived; None where it is none.
    """

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    margin_m: float
    core: Any

    @property
    def is_point(self) -> bool:
        """Whether it is a point, with nothing to cross."""
        return len(self.starts) == 1 and bool((self.starts == self.ends).all())

    def holds(self, place_m: NDArray[np.float64]) -> bool:
        """Whether a place (2,) is inside the area; false where it is none."""
        return bool(_inside(self, place_m[None])[0])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Approach:
    """How an object moves toward a position, over equally likely places of it.

    At each place the speed toward the position is a normal variable. So is it, given the speed
    across, and there is a least one by which the object comes within the perimeter in time; what is
    left to draws is the place and the speed across.

    Attributes:
        closing_m_s: speed toward the nearest point of the position, in the mean; negative away.
        sigma_m_s: one sigma of it.
        toward_m_s: (N,) the mean of it at each place.
        toward_sigma_m_s: (N,) and one sigma.
        arrival_s: (N,) draws of the time until it is within the perimeter if it goes on as it does;
            0 where it is, infinite where it never will be or not within `MOTION_HORIZON_S`.
        to_point: what tells times to a point without draws of the speed; None toward an outline.
    """

    closing_m_s: float
    sigma_m_s: float
    toward_m_s: NDArray[np.float64]
    toward_sigma_m_s: NDArray[np.float64]
    arrival_s: NDArray[np.float64]
    to_point: ToPoint | None = None

    def faster_than(self, speed_m_s: float) -> float:
        """Probability that it closes faster."""
        return float(np.mean(_normal_cdf((self.toward_m_s - speed_m_s) / self.toward_sigma_m_s)))

    def slower_than(self, speed_m_s: float) -> float:
        """Probability that it closes more slowly, or goes away where the speed is negative."""
        return float(np.mean(_normal_cdf((speed_m_s - self.toward_m_s) / self.toward_sigma_m_s)))

    def within(self, seconds: float) -> float:
        """Probability that it is within the perimeter by then."""
        if self.to_point is not None:
            return self.to_point.within(min(seconds, MOTION_HORIZON_S))
        return float(np.mean(self.arrival_s <= seconds))

    def arrival_quantile(self, probability: float) -> float:
        """The time by which it is within the perimeter at this probability; may be infinite."""
        rank = min(math.ceil(probability * len(self.arrival_s)), len(self.arrival_s)) - 1
        return float(np.partition(self.arrival_s, max(rank, 0))[max(rank, 0)])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ToPoint:
    """What tells by when an object is within reach of a point, N equally likely places of it.

    Attributes:
        inside: probability that it is there already.
        distance_m: (N,) from the point.
        reach_m: of the perimeter.
        across_m_s: (N,) speed across the line to the point, without sign.
        toward_m_s: (N,) mean of the speed along it, given that across.
        sigma_m_s: (N,) and one sigma.
    """

    inside: float
    distance_m: NDArray[np.float64]
    reach_m: float
    across_m_s: NDArray[np.float64]
    toward_m_s: NDArray[np.float64]
    sigma_m_s: NDArray[np.float64]

    def within(self, seconds: float) -> float:
        """Probability that it is within reach by some time.

        The slowest way there in time t goes to the near side of the disc, (d - sqrt(R^2 - w^2 t^2))
        / t, until that is the tangent, after which more time does not help.
        """
        if seconds <= 0.0:
            return self.inside
        distance, reach, across = self.distance_m, self.reach_m, self.across_m_s
        gap = distance**2 - reach**2
        tangent = np.sqrt(np.maximum(gap, 0.0)) * reach / (across * distance)
        time = np.minimum(tangent, seconds)
        least = (distance - np.sqrt(np.maximum(reach**2 - (across * time) ** 2, 0.0))) / np.where(
            gap > 0.0, time, 1.0
        )
        comes = _normal_cdf((self.toward_m_s - least) / self.sigma_m_s)
        return max(float(np.mean(np.where(gap <= 0.0, 1.0, comes))), self.inside)


@functools.lru_cache(maxsize=4096)
def outline_of(position: Position) -> Outline:
    """The edges of a position in the plane around its reference point."""
    shape = position.shape
    if shape is None:
        origin = np.zeros((1, 2))
        return Outline(starts=origin, ends=origin, margin_m=0.0, core=None)
    import shapely

    plane = plane_shape(shape, position.latitude_deg, position.longitude_deg)
    # A metre is nothing to a perimeter, and much to a line that was traced on foot.
    core = plane.core.simplify(_SIMPLE_M)
    lines = [core] if core.geom_type == "LineString" else [core.exterior, *core.interiors]
    paths = [shapely.get_coordinates(line) for line in lines]
    return Outline(
        starts=np.concatenate([path[:-1] for path in paths]),
        ends=np.concatenate([path[1:] for path in paths]),
        margin_m=plane.margin_m,
        core=None if core.geom_type == "LineString" else core,
    )


def in_plane(
    position: Position, latitude_deg: float, longitude_deg: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A place in the plane around a position's reference point.

    Returns:
        (2,) east and north in metres, and the (2, 2) rotation that carries east and north at the
        place into those axes: the convergence of the meridians.
    """
    bearing, back, distance = _GEOD.inv(
        position.longitude_deg, position.latitude_deg, longitude_deg, latitude_deg
    )
    azimuth = math.radians(bearing)
    turn = azimuth - (math.radians(back) + math.pi) if distance > 0.0 else 0.0
    cos, sin = math.cos(turn), math.sin(turn)
    offset = distance * np.array([math.sin(azimuth), math.cos(azimuth)])
    return offset, np.array([[cos, sin], [-sin, cos]])


def approach(
    outline: Outline,
    place_m: NDArray[np.float64],
    place_covariance_m2: NDArray[np.float64],
    velocity_m_s: NDArray[np.float64],
    velocity_covariance: NDArray[np.float64],
    perimeter_m: float,
) -> Approach:
    """How an object of uncertain place and velocity moves toward a position.

    Place and velocity are taken as independent normal variables and the velocity as constant. The
    speed toward the position is integrated over; the draws of the rest are not random but a
    Hammersley set taken through the normal quantile, so that the same input gives the same answer,
    to a hundredth in probability (J. M. Hammersley, "Monte Carlo methods for solving multivariable
    problems", Annals of the New York Academy of Sciences 86, 1960).

    Args:
        outline: of the position.
        place_m: (2,) of the object in the plane of the outline.
        place_covariance_m2: (2, 2) of the object and the position together.
        velocity_m_s: (2,) in that plane.
        velocity_covariance: (2, 2) of it.
        perimeter_m: distance from the outline at which it has arrived.
    """
    reach = perimeter_m + outline.margin_m
    if outline.is_point:
        return _toward_a_point(
            place_m, place_covariance_m2, velocity_m_s, velocity_covariance, reach
        )
    normal = _normal_draws(_DRAWS)
    places = place_m + normal[:, :2] @ _root(place_covariance_m2).T
    velocities = velocity_m_s + normal[:, 2:4] @ _root(velocity_covariance).T
    nearest, distance = _nearest(outline, places)
    inside = _inside(outline, places) | (distance == 0.0)
    along = (nearest - places) / np.where(distance > 0.0, distance, 1.0)[:, None]
    # Whoever is inside has nowhere nearer to come to.
    along[inside] = 0.0
    arrival = _arrival(outline, places, velocities, reach)
    arrival = np.where(inside | (distance <= reach), 0.0, arrival)
    return _approach(
        along @ velocity_m_s,
        np.einsum("ni,ij,nj->n", along, velocity_covariance, along),
        np.where(arrival <= MOTION_HORIZON_S, arrival, np.inf),
    )


def _approach(
    toward: NDArray[np.float64],
    variance: NDArray[np.float64],
    arrival: NDArray[np.float64],
    to_point: ToPoint | None = None,
) -> Approach:
    mean = float(toward.mean())
    return Approach(
        closing_m_s=mean,
        sigma_m_s=math.sqrt(max(float(np.mean(variance + (toward - mean) ** 2)), 0.0)),
        toward_m_s=toward,
        toward_sigma_m_s=np.sqrt(np.maximum(variance, _NO_VARIANCE)),
        arrival_s=arrival,
        to_point=to_point,
    )


def _toward_a_point(
    place_m: NDArray[np.float64],
    place_covariance_m2: NDArray[np.float64],
    velocity_m_s: NDArray[np.float64],
    velocity_covariance: NDArray[np.float64],
    reach_m: float,
) -> Approach:
    """The same for the origin, which is what almost every position is."""
    normal = _normal_draws(_PLACES).T
    root = _root(place_covariance_m2)
    x, y = place_m[:, None] + root @ normal[:2]
    distance = np.maximum(np.hypot(x, y), 1e-9)
    # Unit vectors toward the origin, and across.
    e, n = -x / distance, -y / distance
    (u, v), ((a, b), (_, c)) = velocity_m_s.tolist(), velocity_covariance.tolist()
    toward, across = e * u + n * v, n * u - e * v
    ee, nn, en = e * e, n * n, e * n
    variance = a * ee + 2.0 * b * en + c * nn
    variance_across = np.maximum(a * nn - 2.0 * b * en + c * ee, _NO_VARIANCE)
    shared = (a - c) * en + b * (nn - ee)
    gone = np.sqrt(variance_across) * normal[2]
    slope = shared / variance_across
    given = toward + slope * gone
    sigma = np.sqrt(np.maximum(variance - slope * shared, _NO_VARIANCE))
    speed_across = np.maximum(np.abs(across + gone), 1e-9)
    speed = given + sigma * normal[3]
    return _approach(
        toward,
        variance,
        _time_to_disc(distance, speed, speed_across, reach_m),
        ToPoint(
            inside=float(np.mean(distance <= reach_m)),
            distance_m=distance,
            reach_m=reach_m,
            across_m_s=speed_across,
            toward_m_s=given,
            sigma_m_s=sigma,
        ),
    )


def _time_to_disc(
    distance: NDArray[np.float64],
    toward: NDArray[np.float64],
    across: NDArray[np.float64],
    reach_m: float,
) -> NDArray[np.float64]:
    """(N,) when each is within a disc around the origin: the lesser root of |p + v t| = reach."""
    way, gap = distance * toward, distance**2 - reach_m**2
    root = way * way - (toward**2 + across**2) * gap
    comes = (root >= 0.0) & (way > 0.0)
    # In the form that loses nothing where the root is near.
    time = gap / np.where(comes, way + np.sqrt(np.maximum(root, 0.0)), 1.0)
    soon = comes & (time <= MOTION_HORIZON_S)
    return np.where(gap <= 0.0, 0.0, np.where(soon, time, np.inf))


def probability_near(
    outline: Outline,
    place_m: NDArray[np.float64],
    place_covariance_m2: NDArray[np.float64],
    distance_m: float,
) -> float:
    """Probability that an object is within a distance of the outline; arguments as above."""
    if outline.is_point:
        radius = np.array([distance_m + outline.margin_m])
        return float(probability_within(place_m[None], place_covariance_m2[None], radius)[0])
    places = place_m + _normal_draws(_DRAWS)[:, :2] @ _root(place_covariance_m2).T
    _, distance = _nearest(outline, places)
    near = distance <= distance_m + outline.margin_m
    return float(np.mean(near | _inside(outline, places)))


def draws(mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K) equally likely draws of K jointly normal numbers, K at most 4, always the same."""
    return np.asarray(
        mean + _normal_draws(_DRAWS)[:, : len(mean)] @ _root(covariance).T, np.float64
    )


def _normal_cdf(value: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return np.asarray(ndtr(value), np.float64)


@functools.cache
def _normal_draws(count: int) -> NDArray[np.float64]:
    """(N, 4) standard normal draws of a Hammersley set: equal steps, and digits reversed."""
    number = np.arange(count)
    uniform = np.empty((count, 4))
    uniform[:, 0] = (number + 0.5) / count
    for axis, base in enumerate((2, 3, 5), start=1):
        left, part, reversed_ = number.copy(), 1.0, np.zeros(count)
        while left.any():
            part /= base
            reversed_ += part * (left % base)
            left //= base
        # The middles of what the digits tell apart.
        uniform[:, axis] = reversed_ + 0.5 * part
    quantile = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
    normal = quantile(np.clip(uniform, 1e-9, 1.0 - 1e-9))
    # Exact in mean and covariance, which the sequence alone is not quite.
    normal -= normal.mean(axis=0)
    spread = np.linalg.cholesky(np.cov(normal.T, bias=True))
    return np.asarray(np.linalg.solve(spread, normal.T).T, np.float64)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix whose square with its transpose is the covariance; singular ones are allowed."""
    values, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.maximum(values, 0.0)), np.float64)


def _nearest(
    outline: Outline, places: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each place (N, 2) the nearest point (N, 2) on any edge, and its distance (N,)."""
    best = np.full(len(places), np.inf)
    found = np.zeros_like(places)
    for index in _candidates(outline, places):
        start, end = outline.starts[index], outline.ends[index]
        edge = end - start
        square = float(edge @ edge)
        along = np.zeros(len(places))
        if square > 0.0:
            along = np.clip((places - start) @ edge / square, 0.0, 1.0)
        point = start + along[:, None] * edge
        distance = np.hypot(*(places - point).T)
        nearer = distance < best
        best = np.where(nearer, distance, best)
        found[nearer] = point[nearer]
    return found, best


def _candidates(outline: Outline, places: NDArray[np.float64]) -> NDArray[np.intp]:
    """Edges that may be the nearest of any of some places.

    None is that is farther from their middle than the nearest edge of that and twice the way from
    it to the outermost place.
    """
    middle = places.mean(axis=0)
    edges = outline.ends - outline.starts
    square = np.einsum("ni,ni->n", edges, edges)
    along = np.einsum("ni,ni->n", middle - outline.starts, edges)
    part = np.clip(along / np.where(square > 0.0, square, 1.0), 0.0, 1.0)
    away = np.hypot(*(outline.starts + part[:, None] * edges - middle).T)
    spread = float(np.hypot(*(places - middle).T).max())
    return np.flatnonzero(away <= away.min() + 2.0 * spread)


def _inside(outline: Outline, places: NDArray[np.float64]) -> NDArray[np.bool_]:
    if outline.core is None:
        return np.zeros(len(places), np.bool_)
    import shapely

    return np.asarray(shapely.contains_xy(outline.core, places[:, 0], places[:, 1]), np.bool_)


def _arrival(
    outline: Outline,
    places: NDArray[np.float64],
    velocities: NDArray[np.float64],
    reach_m: float,
) -> NDArray[np.float64]:
    """(N,) when each first comes within reach of any edge; infinite where never.

    What is within reach of an edge is a rectangle along it and a disc around each end.
    """
    first = np.full(len(places), np.inf)
    corners = np.unique(np.concatenate([outline.starts, outline.ends]), axis=0)
    for corner in corners:
        first = np.minimum(first, _into_disc(places - corner, velocities, reach_m))
    for start, end in zip(outline.starts, outline.ends, strict=True):
        length = float(np.hypot(*(end - start)))
        if length > 0.0:
            along = (end - start) / length
            turn = np.stack([along, np.array([-along[1], along[0]])])
            first = np.minimum(
                first,
                _into_rectangle((places - start) @ turn.T, velocities @ turn.T, length, reach_m),
            )
    return first


def _into_disc(
    places: NDArray[np.float64], velocities: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """(N,) when each enters a disc around the origin: the lesser root of |p + v t| = radius."""
    square = np.einsum("ni,ni->n", velocities, velocities)
    toward = -np.einsum("ni,ni->n", places, velocities)
    gap = np.einsum("ni,ni->n", places, places) - radius**2
    root = toward**2 - square * gap
    hits = (root >= 0.0) & (toward > 0.0) & (square > 0.0)
    time = (toward - np.sqrt(np.maximum(root, 0.0))) / np.where(square > 0.0, square, 1.0)
    return np.where(gap <= 0.0, 0.0, np.where(hits, time, np.inf))


def _into_rectangle(
    places: NDArray[np.float64], velocities: NDArray[np.float64], length: float, half_m: float
) -> NDArray[np.float64]:
    """(N,) when each enters 0 <= x <= length, |y| <= half: where both slabs are crossed."""
    enter = np.zeros(len(places))
    leave = np.full(len(places), np.inf)
    for axis, (low, high) in enumerate(((0.0, length), (-half_m, half_m))):
        place, speed = places[:, axis], velocities[:, axis]
        still = speed == 0.0
        safe = np.where(still, 1.0, speed)
        one, two = (low - place) / safe, (high - place) / safe
        between = (place >= low) & (place <= high)
        near = np.where(still, np.where(between, -np.inf, np.inf), np.minimum(one, two))
        far = np.where(still, np.where(between, np.inf, -np.inf), np.maximum(one, two))
        enter, leave = np.maximum(enter, near), np.minimum(leave, far)
    return np.where(enter <= leave, enter, np.inf)
