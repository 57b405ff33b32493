"""How likely an object is near a position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

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
from pipelines.threats.proximity.disc_probability import REACH_SIGMAS
from pipelines.threats.proximity.pairs import Objects, Pairs, Questions, Rows
from pipelines.threats.rules.rule import Rule, guards, weighed_categories

Floats = NDArray[np.float64]


class Level(StrEnum):
    """How likely the object is within the rule's radius."""

    POSSIBLE = "possible"
    ALERT = "alert"

    @property
    def rank(self) -> int:
        """Sorts them, the least first."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


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
    objects = Objects(
        latitude_deg=np.array([lat for lat, _, _ in places]),
        longitude_deg=np.array([lon for _, lon, _ in places]),
        covariance_m2=np.stack([cov for *_, cov in places]),
    )
    index = indexed(positions)
    rows, columns = _near_pairs(objects, index, rules)
    near, columns = np.unique(columns, return_inverse=True)
    candidates = [index.positions[column] for column in near.tolist()]
    asked, asked_by = _questions(
        rows,
        columns,
        candidates,
        rules,
        [categories[at] for at in chosen],
        np.asarray(confidences, np.float64)[chosen],
    )
    if not len(asked.pairs):
        return ()
    pairs = Pairs(objects, candidates, rows, columns)
    probability, at_most = pairs.probabilities(asked)
    alert = probability >= asked.sure
    scale = np.where(at_most < asked.sure, at_most, 1.0)
    least = np.array([rule.possible_probability for rule in rules])[asked_by]
    # A probability of zero is never possible, however small what it is weighed against.
    possible = (probability >= least * scale) & (probability > 0.0)
    hits = np.flatnonzero(alert | possible)
    if not len(hits):
        return ()
    told, place = np.unique(asked.pairs[hits], return_inverse=True)
    ranges = pairs.ranges(told)
    sightings = []
    for hit, order in zip(hits.tolist(), place.tolist(), strict=True):
        pair, rule = asked.pairs[hit], rules[asked_by[hit]]
        at, position = chosen[rows[pair]], candidates[columns[pair]]
        sightings.append(
            Sighting(
                detection_index=at,
                category=categories[at],
                confidence=float(confidences[at]),
                ground=ground[at],
                position_id=position.position_id,
                rule_id=rule.rule_id,
                rule_revision=rule.revision,
                radius_m=float(asked.radius_m[hit]),
                probability=float(probability[hit]),
                level=Level.ALERT if alert[hit] else Level.POSSIBLE,
                range_m=float(ranges.range_m[order]),
                range_low_m=float(ranges.low_m[order]),
                range_high_m=float(ranges.high_m[order]),
                bearing_deg=float(ranges.bearing_deg[order]),
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
    objects = Objects(
        latitude_deg=np.array([latitude]),
        longitude_deg=np.array([longitude]),
        covariance_m2=covariance[None],
    )
    only = np.zeros(1, np.intp)
    pairs = Pairs(objects, [position], only, only)
    probability, _ = pairs.probabilities(
        Questions(pairs=only, radius_m=np.array([sighting.radius_m]), sure=np.zeros(1))
    )
    ranges = pairs.ranges(only)
    return replace(
        sighting,
        ground=ground,
        probability=float(probability[0]),
        range_m=float(ranges.range_m[0]),
        range_low_m=float(ranges.low_m[0]),
        range_high_m=float(ranges.high_m[0]),
        bearing_deg=float(ranges.bearing_deg[0]),
        position_sigma_m=position.sigma_m,
        position=position,
    )


def _place(point: GroundPoint) -> tuple[float, float, NDArray[np.float64]]:
    """Latitude, longitude (degrees) and horizontal covariance (2, 2) of a located point."""
    if point.latitude_deg is None or point.longitude_deg is None or point.covariance_enu_m2 is None:
        raise ValueError("a located point has latitude, longitude and covariance")
    return point.latitude_deg, point.longitude_deg, point.covariance_enu_m2[:2, :2]


def _near_pairs(
    objects: Objects, index: PositionIndex, rules: Sequence[Rule]
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
    columns = index.around(unit, reach + REACH_SIGMAS * float(sigma.max()))
    gap = np.linalg.norm(unit[:, None, :] - index.unit(columns)[None], axis=2)
    limit = reach[columns][None, :] + REACH_SIGMAS * sigma[:, None]
    rows, near = np.nonzero(gap * SPHERE_M <= limit * SPHERE_SLACK + 1.0)
    return rows, columns[near]


def _questions(
    rows: Rows,
    columns: Rows,
    positions: Sequence[Position],
    rules: Sequence[Rule],
    categories: Sequence[str],
    confidence: Floats,
) -> tuple[Questions, Rows]:
    """Every pair by every rule that weighs it, and which rule asks each.

    Args:
        rows: (K,) the object of each pair.
        columns: (K,) its position.
        positions: P of them.
        rules: in force.
        categories: of N objects.
        confidence: (N,) of them.
    """
    own = np.array([np.nan if it.radius_m is None else it.radius_m for it in positions])
    kept, radius, asked_by = [], [], []
    for number, rule in enumerate(rules):
        weighed = weighed_categories(rule)
        is_weighed = np.array([it in weighed for it in categories], np.bool_)
        is_weighed &= confidence >= rule.min_confidence
        if not is_weighed.any():
            continue
        is_guarded = np.array([guards(rule, it) for it in positions], np.bool_)
        pairs = np.flatnonzero(is_weighed[rows] & is_guarded[columns])
        kept.append(pairs)
        radius.append(np.where(np.isnan(own), rule.radius_m, own)[columns[pairs]])
        asked_by.append(np.full(len(pairs), number))
    pairs = np.concatenate(kept) if kept else np.zeros(0, np.intp)
    by = np.concatenate(asked_by) if kept else np.zeros(0, np.intp)
    return (
        Questions(
            pairs=pairs,
            radius_m=np.concatenate(radius) if kept else np.zeros(0),
            sure=np.array([rule.alert_probability for rule in rules])[by],
        ),
        by,
    )
