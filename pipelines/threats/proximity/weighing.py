"""How likely an object is near a position."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position
from pipelines.threats.positions.position_index import (
    SPHERE_M,
    SPHERE_SLACK,
    PositionIndex,
    indexed,
    unit_vectors,
)
from pipelines.threats.positions.shapes import nearest_places, plane_shape
from pipelines.threats.proximity.area_probability import probability_near, range_interval_of_shape
from pipelines.threats.proximity.disc_probability import (
    REACH_SIGMAS,
    distance_quantile,
    probability_within,
    range_interval,
)
from pipelines.threats.rules.rule import Rule, guards, weighed_categories

Floats = NDArray[np.float64]

_GEOD = Geod(ellps="WGS84")

__all__ = [
    "Level",
    "Sighting",
    "distance_quantile",
    "probability_within",
    "range_interval",
    "separation",
    "weigh",
    "weigh_again",
]


class Level(StrEnum):
    """How likely the object is within the rule's radius."""

    POSSIBLE = "possible"
    ALERT = "alert"

    @property
    def rank(self) -> int:
        """Sorts them, the least first."""
        return tuple(Level).index(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One detection that a rule weighs as near one position.

    Attributes:
        detection_index: index into the detections of the frame.
        category: taxonomy category.
        confidence: of the detection, 0 to 1.
        ground: its place, always located.
        position_id: the position it may be near.
        rule_id: the rule that says so.
        rule_revision: and its revision.
        radius_m: the radius that was weighed.
        probability: that the object is within the radius, 0 to 1.
        level: possible or alert.
        range_m: distance from position to object: of a shape from its nearest edge, buffer
            included, and 0 inside.
        range_low_m: lower bound of the interval that holds 90 % of the distance.
        range_high_m: its upper bound.
        bearing_deg: from position to object, clockwise from true north: of a shape from its nearest
            edge, inside from its reference point.
        position_sigma_m: one sigma of each horizontal axis of the position when it was weighed.
        position: the position as it was weighed; None where only the ledger tells of the sighting.
    """

    detection_index: int
    category: str
    confidence: float
    ground: GroundPoint
    position_id: str
    rule_id: str
    rule_revision: int
    radius_m: float
    probability: float
    level: Level
    range_m: float
    range_low_m: float
    range_high_m: float
    bearing_deg: float
    position_sigma_m: float = 0.0
    position: Position | None = field(default=None, compare=False, repr=False)

    @property
    def inside(self) -> bool:
        """Whether the object is most likely inside the shape that the position is."""
        return self.range_m == 0.0

    @property
    def position_unknown(self) -> bool:
        """Whether nobody knows where the position is to speak of, as of a patrol long unheard of.

        With one sigma of each axis above the radius the position is in two cases of five at most
        within the radius of where it is put: a range from there says nothing.
        """
        return self.position_sigma_m > self.radius_m

    @property
    def position_reported_at(self) -> datetime | None:
        """When the position was last reported; None where it does not report, or is not told."""
        return None if self.position is None else self.position.reported_at


def weigh(
    ground: Sequence[GroundPoint],
    categories: Sequence[str],
    confidences: Sequence[float] | NDArray[np.floating],
    positions: Sequence[Position] | PositionIndex,
    rules: Sequence[Rule],
) -> tuple[Sighting, ...]:
    """Weigh every located detection against every position by every rule.

    The covariance of the separation is the object's and the position's together. A sighting is an
    alert from the rule's `alert_probability` and possible from its `possible_probability`. An
    ellipse so wide that even an object standing on the position could not reach the alert is not
    allowed to silence it: there the probability is weighed against the highest that this ellipse
    could give, which for a very wide one asks whether the position lies in its 90 % region.

    Args:
        ground: place of each detection, N points; those without a place are passed over.
        categories: taxonomy category of each detection, N strings.
        confidences: of each detection, N numbers, 0 to 1.
        positions: in any order; of many an index, which is made once and used for every frame.
        rules: in any order.

    Returns:
        Sightings in order of detection, position and rule.

    Raises:
        ValueError: when the lengths disagree, or a located point lacks its covariance.
    """
    if not len(ground) == len(categories) == len(confidences):
        raise ValueError(
            f"{len(ground)} places, {len(categories)} categories, {len(confidences)} confidences"
        )
    wanted = frozenset[str]().union(*(weighed_categories(rule) for rule in rules))
    chosen = [
        index
        for index, point in enumerate(ground)
        if point.outcome is Outcome.LOCATED and categories[index] in wanted
    ]
    if not chosen or not len(positions):
        return ()
    places = [_place(ground[index]) for index in chosen]
    objects = _Objects(
        latitude_deg=np.array([lat for lat, _, _ in places]),
        longitude_deg=np.array([lon for _, lon, _ in places]),
        covariance_m2=np.stack([cov for *_, cov in places]),
    )
    index = indexed(positions)
    rows, columns = _near_pairs(objects, index, rules)
    near, columns = np.unique(columns, return_inverse=True)
    candidates = [index.positions[column] for column in near.tolist()]
    confidence = np.asarray(confidences, np.float64)[chosen]
    sightings: list[Sighting] = []
    for rule in rules:
        weighed = weighed_categories(rule)
        is_weighed = np.array([categories[at] in weighed for at in chosen], np.bool_)
        is_weighed &= confidence >= rule.min_confidence
        is_guarded = np.array([guards(rule, it) for it in candidates], np.bool_)
        if not is_weighed.any() or not is_guarded.any():
            continue
        kept = is_weighed[rows] & is_guarded[columns]
        for found in _weigh_pairs(objects, candidates, rows[kept], columns[kept], rule):
            at = chosen[found.row]
            position = candidates[found.column]
            sightings.append(
                Sighting(
                    detection_index=at,
                    category=categories[at],
                    confidence=float(confidences[at]),
                    ground=ground[at],
                    position_id=position.position_id,
                    rule_id=rule.rule_id,
                    rule_revision=rule.revision,
                    radius_m=found.radius_m,
                    probability=found.probability,
                    level=found.level,
                    range_m=found.range_m,
                    range_low_m=found.range_low_m,
                    range_high_m=found.range_high_m,
                    bearing_deg=found.bearing_deg,
                    position_sigma_m=position.sigma_m,
                    position=position,
                )
            )
    return tuple(sorted(sightings, key=lambda it: (it.detection_index, it.position_id, it.rule_id)))


def weigh_again(sighting: Sighting, ground: GroundPoint, position: Position) -> Sighting:
    """The same sighting with its object at another place: range, bearing, interval, probability.

    Args:
        sighting: its rule's radius is kept, and so is its level.
        ground: where the object is now, located.
        position: as it is to be weighed.

    Raises:
        ValueError: the place is not located.
    """
    latitude, longitude, covariance = _place(ground)
    objects = _Objects(
        latitude_deg=np.array([latitude]),
        longitude_deg=np.array([longitude]),
        covariance_m2=covariance[None],
    )
    only = np.zeros(1, np.intp)
    weighed = _weighed(objects, only, position, sighting.radius_m)
    ranges = _ranges(objects, only, position, weighed)
    return replace(
        sighting,
        ground=ground,
        probability=float(weighed.probability[0]),
        range_m=float(ranges.range_m[0]),
        range_low_m=float(ranges.low_m[0]),
        range_high_m=float(ranges.high_m[0]),
        bearing_deg=float(ranges.bearing_deg[0]),
        position_sigma_m=position.sigma_m,
        position=position,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Objects:
    """Located detections: N places in degrees, with (N, 2, 2) covariances."""

    latitude_deg: Floats
    longitude_deg: Floats
    covariance_m2: Floats


def _place(point: GroundPoint) -> tuple[float, float, NDArray[np.float64]]:
    """Latitude, longitude (degrees) and horizontal covariance (2, 2) of a located point."""
    if point.latitude_deg is None or point.longitude_deg is None or point.covariance_enu_m2 is None:
        raise ValueError("a located point has latitude, longitude and covariance")
    return point.latitude_deg, point.longitude_deg, point.covariance_enu_m2[:2, :2]


def _near_pairs(
    objects: _Objects, index: PositionIndex, rules: Sequence[Rule]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs (row of an object, column of a position) on a sphere that are not certainly too far."""
    unit = unit_vectors(objects.latitude_deg, objects.longitude_deg)
    sigma = np.sqrt(np.maximum(np.trace(objects.covariance_m2, axis1=1, axis2=2), 0.0))
    widest = max(rule.radius_m for rule in rules)
    reach = (
        np.where(np.isnan(index.radius_m), widest, index.radius_m)
        + index.extent_m
        + REACH_SIGMAS * math.sqrt(2.0) * index.sigma_m
    )
    # First one cone around the whole frame, then each pair of what is left.
    axis = unit.mean(axis=0)
    axis /= max(float(np.linalg.norm(axis)), 1e-12)
    spread = float(np.linalg.norm(unit - axis, axis=1).max())
    chord = np.linalg.norm(index.unit - axis, axis=1)
    largest = REACH_SIGMAS * float(sigma.max())
    columns = np.flatnonzero((chord - spread) * SPHERE_M <= (reach + largest) * SPHERE_SLACK + 1.0)
    gap = np.linalg.norm(unit[:, None, :] - index.unit[None, columns, :], axis=2)
    limit = reach[columns][None, :] + REACH_SIGMAS * sigma[:, None]
    rows, near = np.nonzero(gap * SPHERE_M <= limit * SPHERE_SLACK + 1.0)
    return rows, columns[near]


def separation(
    position_lat_deg: NDArray[np.float64],
    position_lon_deg: NDArray[np.float64],
    object_lat_deg: NDArray[np.float64],
    object_lon_deg: NDArray[np.float64],
    object_covariance_m2: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Where objects are as seen from positions, along the geodesic.

    Args:
        position_lat_deg: (N,) WGS 84.
        position_lon_deg: (N,) WGS 84.
        object_lat_deg: (N,) WGS 84.
        object_lon_deg: (N,) WGS 84.
        object_covariance_m2: (N, 2, 2) in east and north at the object.

    Returns:
        range (N,) metres; bearing (N,) degrees clockwise from true north, 0 to below 360; offset
        (N, 2) metres east and north at the position; covariance (N, 2, 2) in those axes, turned by
        the convergence of the meridians between the two places.
    """
    bearing, back, distance = _GEOD.inv(
        position_lon_deg, position_lat_deg, object_lon_deg, object_lat_deg
    )
    azimuth = np.radians(bearing)
    offset = np.stack([distance * np.sin(azimuth), distance * np.cos(azimuth)], axis=-1)
    turn = azimuth - (np.radians(back) + np.pi)
    turn = np.where(distance > 0.0, turn, 0.0)
    cos, sin = np.cos(turn), np.sin(turn)
    # Azimuths grow clockwise: a turn by t carries (east, north) to (e cos + n sin, n cos - e sin).
    rotation = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=-2)
    covariance = rotation @ object_covariance_m2 @ np.swapaxes(rotation, -1, -2)
    return np.asarray(distance), np.mod(bearing, 360.0), offset, covariance


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A pair that a rule weighs as near: row of the object, column of the position."""

    row: int
    column: int
    radius_m: float
    probability: float
    level: Level
    range_m: float
    range_low_m: float
    range_high_m: float
    bearing_deg: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Weighed:
    """N pairs: separations in the plane around the positions, and their probabilities."""

    distance_m: Floats
    bearing_deg: Floats
    offset_m: Floats
    covariance_m2: Floats
    probability: Floats
    at_most: Floats

    def chosen(self, rows: NDArray[np.intp]) -> _Weighed:
        """Some of the pairs."""
        return _Weighed(**{name: getattr(self, name)[rows] for name in _Weighed.__slots__})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Ranges:
    """N ranges with the intervals that hold 90 % of them, metres, and bearings."""

    range_m: Floats
    low_m: Floats
    high_m: Floats
    bearing_deg: Floats


def _weigh_pairs(
    objects: _Objects,
    positions: Sequence[Position],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    rule: Rule,
) -> Iterator[_Found]:
    """The pairs that a rule weighs as near: all points at once, shapes one after the other."""
    is_shape = np.array([it.shape is not None for it in positions], np.bool_)
    points = np.flatnonzero(~is_shape[columns])
    groups: list[tuple[NDArray[np.intp], Position | Sequence[Position]]] = []
    if len(points):
        groups.append((points, [positions[column] for column in columns[points].tolist()]))
    groups += [
        (np.flatnonzero(columns == column), positions[column])
        for column in np.flatnonzero(is_shape).tolist()
        if (columns == column).any()
    ]
    for pairs, near in groups:
        here = [near] * len(pairs) if isinstance(near, Position) else near
        radius = np.array([rule.radius_m if it.radius_m is None else it.radius_m for it in here])
        weighed = _weighed(objects, rows[pairs], near, radius, rule.alert_probability)
        alert = weighed.probability >= rule.alert_probability
        scale = np.where(weighed.at_most < rule.alert_probability, weighed.at_most, 1.0)
        # A probability of zero is never possible, however small what it is weighed against.
        possible = (weighed.probability >= rule.possible_probability * scale) & (
            weighed.probability > 0.0
        )
        hits = np.flatnonzero(alert | possible)
        if not len(hits):
            continue
        ranges = _ranges(objects, rows[pairs[hits]], near, weighed.chosen(hits))
        for order, hit in enumerate(hits.tolist()):
            yield _Found(
                row=int(rows[pairs[hit]]),
                column=int(columns[pairs[hit]]),
                radius_m=float(radius[hit]),
                probability=float(weighed.probability[hit]),
                level=Level.ALERT if alert[hit] else Level.POSSIBLE,
                range_m=float(ranges.range_m[order]),
                range_low_m=float(ranges.low_m[order]),
                range_high_m=float(ranges.high_m[order]),
                bearing_deg=float(ranges.bearing_deg[order]),
            )


def _weighed(
    objects: _Objects,
    rows: NDArray[np.intp],
    near: Position | Sequence[Position],
    radius_m: Floats | float,
    sure: float = 0.0,
) -> _Weighed:
    """Objects against one position, or each against its own point.

    How high the probability could be is not looked for any further where it could reach `sure`.
    """
    count = len(rows)
    here = [near] * count if isinstance(near, Position) else near
    distance, bearing, offset, covariance = separation(
        np.array([it.latitude_deg for it in here]),
        np.array([it.longitude_deg for it in here]),
        objects.latitude_deg[rows],
        objects.longitude_deg[rows],
        objects.covariance_m2[rows],
    )
    sigma = np.array([it.sigma_m for it in here])
    covariance = covariance + sigma[:, None, None] ** 2 * np.eye(2)
    radius = np.broadcast_to(np.asarray(radius_m, np.float64), (count,))
    still = np.zeros_like(offset)
    if isinstance(near, Position) and near.shape is not None:
        plane = plane_shape(near.shape, near.latitude_deg, near.longitude_deg)
        wide = float(radius[0])
        probability = probability_near(plane, offset, covariance, wide)
        at_most = np.ones(count)
        low = np.flatnonzero((probability > 0.0) & (probability < sure))
        # An object on the reference point is inside, and has at least the disc around it.
        at_most[low] = probability_within(still[low], covariance[low], radius[low])
        asked = low[at_most[low] < sure]
        highest = probability_near(plane, still[asked], covariance[asked], wide)
        at_most[asked] = np.maximum(probability[asked], highest)
    else:
        probability = probability_within(offset, covariance, radius)
        at_most = probability_within(still, covariance, radius)
    return _Weighed(
        distance_m=distance,
        bearing_deg=bearing,
        offset_m=offset,
        covariance_m2=covariance,
        probability=probability,
        at_most=at_most,
    )


def _ranges(
    objects: _Objects,
    rows: NDArray[np.intp],
    near: Position | Sequence[Position],
    weighed: _Weighed,
) -> _Ranges:
    if not isinstance(near, Position) or near.shape is None:
        low, high = range_interval(weighed.offset_m, weighed.covariance_m2)
        return _Ranges(
            range_m=weighed.distance_m, low_m=low, high_m=high, bearing_deg=weighed.bearing_deg
        )
    plane = plane_shape(near.shape, near.latitude_deg, near.longitude_deg)
    low, high = range_interval_of_shape(plane, weighed.offset_m, weighed.covariance_m2)
    latitude, longitude = nearest_places(
        plane, weighed.offset_m, near.latitude_deg, near.longitude_deg
    )
    bearing, _, distance = _GEOD.inv(
        longitude, latitude, objects.longitude_deg[rows], objects.latitude_deg[rows]
    )
    inside = np.isnan(latitude)
    return _Ranges(
        range_m=np.where(inside, 0.0, distance),
        low_m=low,
        high_m=high,
        bearing_deg=np.where(inside, weighed.bearing_deg, np.mod(bearing, 360.0)),
    )
