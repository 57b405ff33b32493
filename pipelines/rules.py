"""What counts as a threat to a position."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.positions import PositionKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One versioned rule of a mission.

    Attributes:
        rule_id: its identifier within the mission.
        revision: counts up with each change; 0 is the built-in default.
        categories: taxonomy categories it weighs.
        position_kinds: kinds of position it guards; empty for all.
        radius_m: distance that counts as near.
        min_confidence: detections below it are not weighed, 0 to 1.
        possible_probability: probability of being within the radius from which an incident is
            "possible".
        alert_probability: probability from which it is an alert.
    """

    rule_id: str
    revision: int
    categories: frozenset[str]
    position_kinds: frozenset[PositionKind]
    radius_m: float
    min_confidence: float
    possible_probability: float = 0.1
    alert_probability: float = 0.5
