"""What counts as a threat to a position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.errors import InvalidInputError
from models.taxonomy import GROUPS, expand
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.positions.shapes import MAX_RADIUS_M
from pipelines.threats.rules.requirements import (
    Arrival,
    Closing,
    Cluster,
    Convoy,
    Crossing,
    Dwell,
    Hours,
    NewObject,
    Requirement,
    requirement_faults,
)
from pipelines.threats.rules.severity import Severity

_IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
MAX_DESCRIPTION = 500
MAX_SIGHTINGS = 100
_MAX_POSITIONS = 1000
PERIMETER_M = 50.0
"""Distance from a position, or from its outline, that counts as its perimeter."""

REQUIREMENTS: dict[str, type[Requirement]] = {
    "cluster": Cluster,
    "dwell": Dwell,
    "closing": Closing,
    "arrival": Arrival,
    "convoy": Convoy,
    "crossing": Crossing,
    "new_object": NewObject,
    "hours": Hours,
}
"""The conditions of a rule by the field that holds them, in the order they are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One versioned rule of a mission: all of what it asks must hold.

    Attributes:
        rule_id: its identifier within the mission.
        revision: counts up with each change; 0 is built in.
        categories: taxonomy categories, or groups of them, that it weighs.
        position_kinds: kinds of position it guards; empty for all.
        radius_m: distance that counts as near.
        min_confidence: detections below it are not weighed, 0 to 1.
        possible_probability: probability of being within the radius from which an incident is
            "possible".
        alert_probability: probability from which it is an alert.
        description: what it is for, in its author's words.
        enabled: whether it is in force.
        position_ids: positions it guards; empty for all of its kinds.
        perimeter_m: distance from a position, or its outline, at which an object has arrived.
        min_sightings: an object is shown from so many looks on.
        cluster: so many together; None to ask nothing of it, here as below.
        dwell: it stays.
        closing: it comes nearer.
        arrival: it will be at the perimeter soon.
        convoy: vehicles in line.
        crossing: it crossed a line.
        new_object: it was not there before.
        hours: it is seen at certain hours or days.
        severity_at_least: what it shows is no less severe.
        severity_at_most: what it shows is no more severe.
    """

    rule_id: str
    revision: int
    categories: frozenset[str]
    position_kinds: frozenset[PositionKind]
    radius_m: float
    min_confidence: float
    possible_probability: float = 0.1
    alert_probability: float = 0.5
    description: str = ""
    enabled: bool = True
    position_ids: frozenset[str] = frozenset()
    perimeter_m: float = PERIMETER_M
    min_sightings: int = 1
    cluster: Cluster | None = None
    dwell: Dwell | None = None
    closing: Closing | None = None
    arrival: Arrival | None = None
    convoy: Convoy | None = None
    crossing: Crossing | None = None
    new_object: NewObject | None = None
    hours: Hours | None = None
    severity_at_least: Severity = Severity.LOW
    severity_at_most: Severity = Severity.HIGH


# Of what is as sure as this some 85 people and 92 vehicles in a hundred are real (VisDrone, the
# delivered model), and each asks for a person's decision; what lies below stays among the
# detections of its frame.
DEFAULT_MIN_CONFIDENCE = 0.25

DEFAULT_RULE = Rule(
    rule_id="default",
    revision=0,
    description="Anybody or anything that may be within reach of aimed fire",
    # What can carry an attacker, a charge or a crowd to a position.
    categories=frozenset(GROUPS),
    position_kinds=frozenset({PositionKind.BASE, PositionKind.POST, PositionKind.PATROL}),
    # Aimed fire of rifles and unguided launchers, the usual weapons against bases and convoys,
    # reaches some 300 to 500 m; a vehicle at town speed needs over half a minute for the rest.
    radius_m=500.0,
    min_confidence=DEFAULT_MIN_CONFIDENCE,
)
"""The rule for bases, posts and patrols of a mission that has set none."""


def weighed_categories(rule: Rule) -> frozenset[str]:
    """The categories a rule weighs, with its groups spelt out."""
    return frozenset(category for name in rule.categories for category in GROUPS.get(name, (name,)))


def guards(rule: Rule, position: Position) -> bool:
    """Whether a rule speaks of a position at all."""
    return (not rule.position_kinds or position.kind in rule.position_kinds) and (
        not rule.position_ids or position.position_id in rule.position_ids
    )


def validate_rule(rule: Rule) -> None:
    """Refuse a rule that could not work as its author means it.

    Raises:
        InvalidInputError: naming the first field at fault.
    """
    for field, message in rule_faults(rule):
        raise InvalidInputError(message, field=field)


def rule_faults(rule: Rule) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with a rule, as (field, message), in the order of its fields.

    A field of a condition is named with it: "dwell.min_s".
    """
    if not _IDENTIFIER.fullmatch(rule.rule_id):
        yield "rule_id", "1 to 63 letters, digits and hyphens, no hyphen first or last"
    if rule.revision < 0:
        yield "revision", "counts up from 0"
    yield from _scope_faults(rule)
    yield from _figure_faults(rule)
    for field in REQUIREMENTS:
        asked = getattr(rule, field)
        if asked is not None:
            for inner, message in requirement_faults(asked):
                yield f"{field}.{inner}", message
    yield from _contradictions(rule)


def _scope_faults(rule: Rule) -> Iterator[tuple[str, str]]:
    if not rule.categories:
        yield "categories", "name at least one"
    try:
        expand(rule.categories)
    except ValueError as error:
        # A misspelt category would never be seen, and its rule would be silent.
        yield "categories", str(error)
    if len(rule.description) > MAX_DESCRIPTION or not rule.description.isprintable():
        yield "description", f"at most {MAX_DESCRIPTION} printable characters on one line"
    if len(rule.position_ids) > _MAX_POSITIONS:
        yield "position_ids", f"at most {_MAX_POSITIONS}"
    for position_id in sorted(rule.position_ids):
        if not _IDENTIFIER.fullmatch(position_id):
            yield "position_ids", f"{position_id[:80]!r} is no identifier of a position"
            break


def _figure_faults(rule: Rule) -> Iterator[tuple[str, str]]:
    for field in ("radius_m", "perimeter_m"):
        value = getattr(rule, field)
        if not 0.0 < value <= MAX_RADIUS_M:
            yield field, f"{value} is not above 0 and at most {MAX_RADIUS_M:.0f}"
    if not 0.0 <= rule.min_confidence <= 1.0:
        yield "min_confidence", f"{rule.min_confidence} is not between 0 and 1"
    for field in ("possible_probability", "alert_probability"):
        value = getattr(rule, field)
        if not 0.0 < value <= 1.0:
            yield field, f"{value} is not above 0 and at most 1"
    if rule.possible_probability > rule.alert_probability:
        yield "possible_probability", "above alert_probability: nothing would be possible only"
    if not 1 <= rule.min_sightings <= MAX_SIGHTINGS:
        yield "min_sightings", f"{rule.min_sightings} is not between 1 and {MAX_SIGHTINGS}"


def _contradictions(rule: Rule) -> Iterator[tuple[str, str]]:
    """What is right in itself, and together could never be."""
    if rule.severity_at_least.rank > rule.severity_at_most.rank:
        yield "severity_at_least", f"above severity_at_most, {rule.severity_at_most.value}"
    if rule.convoy is not None and not weighed_categories(rule) & frozenset(GROUPS["vehicle"]):
        yield "convoy", "the rule weighs no vehicles"
    if rule.crossing is not None and rule.position_kinds == {PositionKind.PATROL}:
        yield "crossing", "a patrol has no outline to cross"
