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

from pipelines.threats.positions import Position
from pipelines.threats.requirements import MOTION_HORIZON_S
from pipelines.threats.shapes import plane_shape

TELLING_M_S = 0.5
"""Slower than this, an object neither closes nor leaves to speak of."""
_GEOD = Geod(ellps="WGS84")
_DRAWS = 2048
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
    """How an object moves toward a position, over equally likely draws of all that is uncertain.

    Attributes:
        closing_m_s: (N,) speed toward the nearest point of the position; negative away from it.
        arrival_s: (N,) time until it is within the perimeter if it goes on as it does; 0 where it
            is, infinite where it never will be or not within `MOTION_HORIZON_S`.
    """

    closing_m_s: NDArray[np.float64]
    arrival_s: NDArray[np.float64]

    def faster_than(self, speed_m_s: float) -> float:
        """Probability that it closes faster."""
        return float(np.mean(self.closing_m_s > speed_m_s))

    def slower_than(self, speed_m_s: float) -> float:
        """Probability that it closes more slowly, or goes away where the speed is negative."""
        return float(np.mean(self.closing_m_s < speed_m_s))

    def within(self, seconds: float) -> float:
        """Probability that it is within the perimeter by then."""
        return float(np.mean(self.arrival_s <= seconds))

    def arrival_quantile(self, probability: float) -> float:
        """The time by which it is within the perimeter at this probability; may be infinite."""
        rank = min(math.ceil(probability * len(self.arrival_s)), len(self.arrival_s)) - 1
        return float(np.sort(self.arrival_s)[max(rank, 0)])


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
    2,048 draws are not random: a Kronecker sequence in four dimensions, taken through the normal
    quantile, so that the same input gives the same answer, to a hundredth in probability (M.
    Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018).

    Args:
        outline: of the position.
        place_m: (2,) of the object in the plane of the outline.
        place_covariance_m2: (2, 2) of the object and the position together.
        velocity_m_s: (2,) in that plane.
        velocity_covariance: (2, 2) of it.
        perimeter_m: distance from the outline at which it has arrived.
    """
    normal = _normal_draws()
    places = place_m + normal[:, :2] @ _root(place_covariance_m2).T
    velocities = velocity_m_s + normal[:, 2:4] @ _root(velocity_covariance).T
    reach = perimeter_m + outline.margin_m
    if outline.is_point:
        return _toward_a_point(places.T.copy(), velocities.T.copy(), reach)
    nearest, distance = _nearest(outline, places)
    inside = _inside(outline, places)
    step = nearest - places
    length = np.where(distance > 0.0, distance, 1.0)
    closing = np.einsum("ni,ni->n", step, velocities) / length
    # Whoever is inside has nowhere nearer to come to.
    closing = np.where(inside | (distance == 0.0), 0.0, closing)
    arrival = _arrival(outline, places, velocities, reach)
    arrival = np.where(inside | (distance <= reach), 0.0, arrival)
    return Approach(
        closing_m_s=closing,
        arrival_s=np.where(arrival <= MOTION_HORIZON_S, arrival, np.inf),
    )


def _toward_a_point(
    places: NDArray[np.float64], velocities: NDArray[np.float64], reach_m: float
) -> Approach:
    """The same for the origin, over (2, N) draws: what almost every position is, done at once."""
    (x, y), (u, v) = places, velocities
    square, toward = x * x + y * y, -(x * u + y * v)
    closing = toward / np.sqrt(np.maximum(square, 1e-12))
    speed, gap = u * u + v * v, square - reach_m**2
    # |p + v t| = reach, the lesser root, in the form that loses nothing where it is near.
    root = toward * toward - speed * gap
    comes = (root >= 0.0) & (toward > 0.0)
    time = gap / np.where(comes, toward + np.sqrt(np.maximum(root, 0.0)), 1.0)
    soon = comes & (time <= MOTION_HORIZON_S)
    arrival = np.where(gap <= 0.0, 0.0, np.where(soon, time, np.inf))
    return Approach(closing_m_s=closing, arrival_s=arrival)


def probability_near(
    outline: Outline,
    place_m: NDArray[np.float64],
    place_covariance_m2: NDArray[np.float64],
    distance_m: float,
) -> float:
    """Probability that an object is within a distance of the outline; arguments as above."""
    places = place_m + _normal_draws()[:, :2] @ _root(place_covariance_m2).T
    _, distance = _nearest(outline, places)
    near = distance <= distance_m + outline.margin_m
    return float(np.mean(near | _inside(outline, places)))


def draws(mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K) equally likely draws of K jointly normal numbers, K at most 4, always the same."""
    return np.asarray(mean + _normal_draws()[:, : len(mean)] @ _root(covariance).T, np.float64)


@functools.cache
def _normal_draws() -> NDArray[np.float64]:
    """(N, 4) standard normal draws of a Kronecker sequence."""
    size = 4
    ratio = 2.0
    for _ in range(64):
        ratio = (1.0 + ratio) ** (1.0 / (size + 1.0))
    steps = np.array([ratio ** -(axis + 1.0) for axis in range(size)])
    uniform = np.mod(0.5 + np.arange(1, _DRAWS + 1)[:, None] * steps, 1.0)
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
