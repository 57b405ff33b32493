"""What counts as a threat to a position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.errors import InvalidInputError
from models.taxonomy import CATEGORIES, GROUPS, expand
from pipelines.threats.positions import MAX_RADIUS_M, PositionKind

_IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One versioned rule of a mission.

    Attributes:
        rule_id: its identifier within the mission.
        revision: counts up with each change; 0 is the built-in default.
        categories: taxonomy categories, or groups of them, that it weighs.
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


# Lower scores of a small model on small objects are false more often than true, and each would ask
# for a person's decision; what lies below stays among the detections of its frame.
DEFAULT_MIN_CONFIDENCE = 0.4

DEFAULT_RULE = Rule(
    rule_id="default",
    revision=0,
    # What can carry an attacker, a charge or a crowd to a position.
    categories=frozenset(CATEGORIES),
    position_kinds=frozenset(),
    # Aimed fire of rifles and unguided launchers, the usual weapons against bases and convoys,
    # reaches some 300 to 500 m; a vehicle at town speed needs over half a minute for the rest.
    radius_m=500.0,
    min_confidence=DEFAULT_MIN_CONFIDENCE,
)
"""The rule of a mission that has set none."""


def weighed_categories(rule: Rule) -> frozenset[str]:
    """The categories a rule weighs, with its groups spelt out."""
    return frozenset(category for name in rule.categories for category in GROUPS.get(name, (name,)))


def validate_rule(rule: Rule) -> None:
    """Refuse a rule that could not work as its author means it.

    Raises:
        InvalidInputError: naming the first field at fault.
    """
    for field, message in _faults(rule):
        raise InvalidInputError(f"{field}: {message}", field=field)


def _faults(rule: Rule) -> Iterator[tuple[str, str]]:
    if not _IDENTIFIER.fullmatch(rule.rule_id):
        yield "rule_id", "1 to 63 letters, digits and hyphens, no hyphen first or last"
    if rule.revision < 0:
        yield "revision", "counts up from 0"
    if not rule.categories:
        yield "categories", "name at least one"
    try:
        expand(rule.categories)
    except ValueError as error:
        # A misspelt category would never be seen, and its rule would be silent.
        yield "categories", str(error)
    if not 0.0 < rule.radius_m <= MAX_RADIUS_M:
        yield "radius_m", f"{rule.radius_m} is not above 0 and at most {MAX_RADIUS_M:.0f}"
    if not 0.0 <= rule.min_confidence <= 1.0:
        yield "min_confidence", f"{rule.min_confidence} is not between 0 and 1"
    for field in ("possible_probability", "alert_probability"):
        value = getattr(rule, field)
        if not 0.0 < value <= 1.0:
            yield field, f"{value} is not above 0 and at most 1"
    if rule.possible_probability > rule.alert_probability:
        yield "possible_probability", "above alert_probability: nothing would be possible only"
