"""How likely an object is near a position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.disc_probability import (
    REACH_SIGMAS,
    distance_quantile,
    probability_within,
    range_interval,
)
from pipelines.threats.positions import Position
from pipelines.threats.rules import Rule, weighed_categories

_GEOD = Geod(ellps="WGS84")
# Mean radius for the coarse filter alone; its error, under 0.6 %, is added to the reach.
_SPHERE_M = 6_371_000.0
_SPHERE_SLACK = 1.006

__all__ = [
    "Level",
    "Sighting",
    "distance_quantile",
    "probability_within",
    "range_interval",
    "separation",
    "weigh",
]


class Level(StrEnum):
    """How likely the object is within the rule's radius."""

    POSSIBLE = "possible"
    ALERT = "alert"


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
        range_m: distance from position to object.
        range_low_m: lower bound of the interval that holds 90 % of the distance.
        range_high_m: its upper bound.
        bearing_deg: from position to object, clockwise from true north.
        position_sigma_m: one sigma of each horizontal axis of the position when it was weighed.
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


def weigh(
    ground: Sequence[GroundPoint],
    categories: Sequence[str],
    confidences: Sequence[float] | NDArray[np.floating],
    positions: Sequence[Position],
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
        positions: in any order.
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
    if not chosen or not positions:
        return ()
    pairs = _near_pairs([ground[index] for index in chosen], positions, rules)
    sightings: list[Sighting] = []
    for rule in rules:
        weighed = weighed_categories(rule)
        kept = [
            (chosen[row], column)
            for row, column in pairs
            if categories[chosen[row]] in weighed
            and float(confidences[chosen[row]]) >= rule.min_confidence
            and (not rule.position_kinds or positions[column].kind in rule.position_kinds)
        ]
        sightings += _weigh_pairs(kept, ground, categories, confidences, positions, rule)
    return tuple(sorted(sightings, key=lambda it: (it.detection_index, it.position_id, it.rule_id)))


def _place(point: GroundPoint) -> tuple[float, float, NDArray[np.float64]]:
    """Latitude, longitude (degrees) and horizontal covariance (2, 2) of a located point."""
    if point.latitude_deg is None or point.longitude_deg is None or point.covariance_enu_m2 is None:
        raise ValueError("a located point has latitude, longitude and covariance")
    return point.latitude_deg, point.longitude_deg, point.covariance_enu_m2[:2, :2]


def _unit_vectors(
    lat_deg: NDArray[np.float64], lon_deg: NDArray[np.float64]
) -> NDArray[np.float64]:
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _near_pairs(
    points: Sequence[GroundPoint], positions: Sequence[Position], rules: Sequence[Rule]
) -> list[tuple[int, int]]:
    """Pairs (point, position) on a sphere that are not certainly too far for any rule."""
    places = [_place(point) for point in points]
    object_unit = _unit_vectors(
        np.array([lat for lat, _, _ in places]), np.array([lon for _, lon, _ in places])
    )
    object_sigma = np.array([math.sqrt(max(float(np.trace(cov)), 0.0)) for *_, cov in places])
    count = len(positions)
    position_unit = _unit_vectors(
        np.fromiter((it.latitude_deg for it in positions), np.float64, count),
        np.fromiter((it.longitude_deg for it in positions), np.float64, count),
    )
    widest = max(rule.radius_m for rule in rules)
    reach = np.fromiter(
        (
            (widest if it.radius_m is None else it.radius_m)
            + REACH_SIGMAS * math.sqrt(2.0) * it.sigma_m
            for it in positions
        ),
        np.float64,
        count,
    )
    # First one cone around the whole frame, then each pair of what is left.
    axis = object_unit.mean(axis=0)
    axis /= max(float(np.linalg.norm(axis)), 1e-12)
    spread = float(np.linalg.norm(object_unit - axis, axis=1).max())
    chord = np.linalg.norm(position_unit - axis, axis=1)
    largest = REACH_SIGMAS * float(object_sigma.max())
    columns = np.flatnonzero(
        (chord - spread) * _SPHERE_M <= (reach + largest) * _SPHERE_SLACK + 1.0
    )
    gap = np.linalg.norm(object_unit[:, None, :] - position_unit[None, columns, :], axis=2)
    limit = reach[columns][None, :] + REACH_SIGMAS * object_sigma[:, None]
    rows, near = np.nonzero(gap * _SPHERE_M <= limit * _SPHERE_SLACK + 1.0)
    return list(zip(rows.tolist(), columns[near].tolist(), strict=True))


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


def _weigh_pairs(
    pairs: Sequence[tuple[int, int]],
    ground: Sequence[GroundPoint],
    categories: Sequence[str],
    confidences: Sequence[float] | NDArray[np.floating],
    positions: Sequence[Position],
    rule: Rule,
) -> list[Sighting]:
    if not pairs:
        return []
    places = [_place(ground[index]) for index, _ in pairs]
    near = [positions[column] for _, column in pairs]
    distance, bearing, offset, covariance = separation(
        np.array([it.latitude_deg for it in near]),
        np.array([it.longitude_deg for it in near]),
        np.array([lat for lat, _, _ in places]),
        np.array([lon for _, lon, _ in places]),
        np.stack([cov for *_, cov in places]),
    )
    sigma = np.array([it.sigma_m for it in near])
    covariance = covariance + sigma[:, None, None] ** 2 * np.eye(2)
    radius = np.array([rule.radius_m if it.radius_m is None else it.radius_m for it in near])
    probability = probability_within(offset, covariance, radius)
    at_most = probability_within(np.zeros_like(offset), covariance, radius)
    alert = probability >= rule.alert_probability
    scale = np.where(at_most < rule.alert_probability, at_most, 1.0)
    # A probability of zero is never possible, however small what it is weighed against.
    possible = (probability >= rule.possible_probability * scale) & (probability > 0.0)
    hits = np.flatnonzero(alert | possible)
    if not len(hits):
        return []
    low, high = range_interval(offset[hits], covariance[hits])
    return [
        Sighting(
            detection_index=pairs[hit][0],
            category=categories[pairs[hit][0]],
            confidence=float(confidences[pairs[hit][0]]),
            ground=ground[pairs[hit][0]],
            position_id=near[hit].position_id,
            rule_id=rule.rule_id,
            rule_revision=rule.revision,
            radius_m=float(radius[hit]),
            probability=float(probability[hit]),
            level=Level.ALERT if alert[hit] else Level.POSSIBLE,
            range_m=float(distance[hit]),
            range_low_m=float(low[order]),
            range_high_m=float(high[order]),
            bearing_deg=float(bearing[hit]),
            position_sigma_m=float(sigma[hit]),
        )
        for order, hit in enumerate(hits.tolist())
    ]
