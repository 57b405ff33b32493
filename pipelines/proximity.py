"""How likely an object is near a position."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipelines.ground import GroundPoint


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
