"""Rules as messages."""

from __future__ import annotations

from vedette.v1 import rule_pb2

from pipelines.threats.rules import Rule
from service.api import names
from service.api.convert.position import POSITION_KINDS


def rule_message(mission_id: str, rule: Rule) -> rule_pb2.Rule:
    """A rule."""
    return rule_pb2.Rule(
        name=names.rule_name(mission_id, rule.rule_id),
        revision=rule.revision,
        categories=sorted(rule.categories),
        position_kinds=[POSITION_KINDS[kind] for kind in sorted(rule.position_kinds)],
        radius_m=rule.radius_m,
        min_confidence=rule.min_confidence,
        possible_probability=rule.possible_probability,
        alert_probability=rule.alert_probability,
    )
