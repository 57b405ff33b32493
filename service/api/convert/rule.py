"""Rules as messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

from vedette.v1 import incident_pb2, position_pb2, rule_pb2

from models.errors import InvalidInputError
from pipelines.threats.positions.position import PositionKind
from pipelines.threats.rules.requirements import (
    Arrival,
    Closing,
    Cluster,
    Convoy,
    Crossing,
    Day,
    Dwell,
    Hours,
    NewObject,
    WhenUnknown,
)
from pipelines.threats.rules.rule import PERIMETER_M, Rule, rule_faults
from pipelines.threats.rules.severity import Severity
from service.api import names
from service.api.convert.values import chosen, numbers, timestamp

# Messages of positions come with the ledger, which a field client does not have.
POSITION_KINDS = numbers(position_pb2.PositionKind, "POSITION_KIND", PositionKind)
SEVERITIES = numbers(incident_pb2.IncidentSeverity, "INCIDENT_SEVERITY", Severity)
WHEN_UNKNOWN = numbers(rule_pb2.WhenUnknown, "WHEN_UNKNOWN", WhenUnknown)
# Fields of the contract whose names differ from the value's.
_FIELDS = {"rule_id": "name"}


def rule_message(
    mission_id: str,
    rule: Rule,
    *,
    set_at: datetime | None = None,
    set_by: str = "",
    deleted: bool = False,
) -> rule_pb2.Rule:
    """A rule, with every figure."""
    message = rule_pb2.Rule(
        name=names.rule_name(mission_id, rule.rule_id),
        revision=rule.revision,
        categories=sorted(rule.categories),
        position_kinds=[POSITION_KINDS[kind] for kind in sorted(rule.position_kinds)],
        radius_m=rule.radius_m,
        min_confidence=rule.min_confidence,
        possible_probability=rule.possible_probability,
        alert_probability=rule.alert_probability,
        description=rule.description,
        disabled=not rule.enabled,
        position_ids=sorted(rule.position_ids),
        perimeter_m=rule.perimeter_m,
        min_sightings=rule.min_sightings,
        severity_at_least=SEVERITIES[rule.severity_at_least],
        severity_at_most=SEVERITIES[rule.severity_at_most],
        set_time=timestamp(set_at),
        set_by=set_by,
        deleted=deleted,
    )
    for field, part in _condition_messages(rule).items():
        getattr(message, field).CopyFrom(part)
    return message


def rule_value(message: rule_pb2.Rule) -> Rule:
    """The valid rule of a message, with revision 0; unset figures are the defaults.

    Raises:
        InvalidInputError: naming the field at fault, as "rule.dwell.min_s".
    """
    rule = told_rule(message)
    for field, text in rule_faults(rule):
        raise InvalidInputError(text, field=f"rule.{_FIELDS.get(field, field)}")
    return rule


def told_rule(message: rule_pb2.Rule) -> Rule:
    """The same of a message that the service gave, which judges by the zones that it knows.

    Raises:
        InvalidInputError: it is not the message of a rule at all.
    """
    _, rule_id = names.parse(message.name, "missions/*/rules/*", "rule.name")
    return Rule(
        rule_id=rule_id,
        revision=0,
        categories=frozenset(names.categories(message.categories, "rule.categories")),
        position_kinds=frozenset(
            chosen(POSITION_KINDS, kind, "rule.position_kinds") for kind in message.position_kinds
        ),
        radius_m=message.radius_m,
        min_confidence=message.min_confidence,
        possible_probability=message.possible_probability,
        alert_probability=message.alert_probability,
        description=message.description,
        enabled=not message.disabled,
        position_ids=frozenset(message.position_ids),
        perimeter_m=message.perimeter_m if message.HasField("perimeter_m") else PERIMETER_M,
        min_sightings=message.min_sightings if message.HasField("min_sightings") else 1,
        severity_at_least=_severity(message, "severity_at_least", Severity.LOW),
        severity_at_most=_severity(message, "severity_at_most", Severity.HIGH),
        **_conditions(message),
    )


def _condition_messages(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if (cluster := rule.cluster) is not None:
        found["cluster"] = rule_pb2.RuleCluster(
            min_count=cluster.min_count, radius_m=cluster.radius_m
        )
    if (dwell := rule.dwell) is not None:
        found["dwell"] = rule_pb2.RuleDwell(
            min_s=dwell.min_s,
            probability=dwell.probability,
            max_gap_s=dwell.max_gap_s,
            when_unknown=WHEN_UNKNOWN[dwell.when_unknown],
        )
    if (closing := rule.closing) is not None:
        found["closing"] = rule_pb2.RuleClosing(
            min_speed_m_s=closing.min_speed_m_s,
            probability=closing.probability,
            when_unknown=WHEN_UNKNOWN[closing.when_unknown],
        )
    if (arrival := rule.arrival) is not None:
        found["arrival"] = rule_pb2.RuleArrival(
            within_s=arrival.within_s,
            probability=arrival.probability,
            when_unknown=WHEN_UNKNOWN[arrival.when_unknown],
        )
    if (convoy := rule.convoy) is not None:
        found["convoy"] = rule_pb2.RuleConvoy(
            min_count=convoy.min_count,
            max_spacing_m=convoy.max_spacing_m,
            max_offset_m=convoy.max_offset_m,
            max_heading_spread_deg=convoy.max_heading_spread_deg,
            halted=not convoy.moving,
            when_unknown=WHEN_UNKNOWN[convoy.when_unknown],
        )
    if (crossing := rule.crossing) is not None:
        found["crossing"] = rule_pb2.RuleCrossing(
            probability=crossing.probability, when_unknown=WHEN_UNKNOWN[crossing.when_unknown]
        )
    if (new := rule.new_object) is not None:
        found["new_object"] = rule_pb2.RuleNewObject(
            since_s=new.since_s, when_unknown=WHEN_UNKNOWN[new.when_unknown]
        )
    if (hours := rule.hours) is not None:
        found["hours"] = rule_pb2.RuleHours(
            start="" if hours.start is None else hours.start.isoformat(),
            end="" if hours.end is None else hours.end.isoformat(),
            zone=hours.zone,
            days=[day.value for day in Day if day in hours.days],
            when_unknown=WHEN_UNKNOWN[hours.when_unknown],
        )
    return found


def _conditions(message: rule_pb2.Rule) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if message.HasField("cluster"):
        found["cluster"] = Cluster(
            min_count=message.cluster.min_count, **_given(message.cluster, ("radius_m",))
        )
    if message.HasField("dwell"):
        found["dwell"] = Dwell(
            min_s=message.dwell.min_s,
            **_given(message.dwell, ("probability", "max_gap_s")),
            **_unknown(message.dwell, "dwell"),
        )
    if message.HasField("closing"):
        found["closing"] = Closing(
            min_speed_m_s=message.closing.min_speed_m_s,
            **_given(message.closing, ("probability",)),
            **_unknown(message.closing, "closing"),
        )
    if message.HasField("arrival"):
        found["arrival"] = Arrival(
            within_s=message.arrival.within_s,
            **_given(message.arrival, ("probability",)),
            **_unknown(message.arrival, "arrival"),
        )
    if message.HasField("convoy"):
        figures = ("min_count", "max_spacing_m", "max_offset_m", "max_heading_spread_deg")
        found["convoy"] = Convoy(
            moving=not message.convoy.halted,
            **_given(message.convoy, figures),
            **_unknown(message.convoy, "convoy"),
        )
    if message.HasField("crossing"):
        found["crossing"] = Crossing(
            **_given(message.crossing, ("probability",)), **_unknown(message.crossing, "crossing")
        )
    if message.HasField("new_object"):
        found["new_object"] = NewObject(
            **_given(message.new_object, ("since_s",)), **_unknown(message.new_object, "new_object")
        )
    if message.HasField("hours"):
        found["hours"] = Hours(
            start=_clock(message.hours.start, "rule.hours.start"),
            end=_clock(message.hours.end, "rule.hours.end"),
            zone=message.hours.zone or "UTC",
            days=frozenset(_day(day) for day in message.hours.days),
            **_unknown(message.hours, "hours"),
        )
    return found


def _given(message: Any, fields: Iterable[str]) -> dict[str, Any]:
    """The fields that are set: the rest are the value's own defaults."""
    return {field: getattr(message, field) for field in fields if message.HasField(field)}


def _unknown(message: Any, field: str) -> dict[str, Any]:
    if message.when_unknown == rule_pb2.WHEN_UNKNOWN_UNSPECIFIED:
        return {}
    path = f"rule.{field}.when_unknown"
    return {"when_unknown": chosen(WHEN_UNKNOWN, message.when_unknown, path)}


def _severity(message: rule_pb2.Rule, field: str, default: Severity) -> Severity:
    number = getattr(message, field)
    if number == incident_pb2.INCIDENT_SEVERITY_UNSPECIFIED:
        return default
    return chosen(SEVERITIES, number, f"rule.{field}")


def _clock(text: str, field: str) -> time | None:
    if not text:
        return None
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f'{text[:40]!r} is no time of day such as "18:30"', field=field
        ) from error


def _day(text: str) -> Day:
    try:
        return Day(text)
    except ValueError as error:
        words = ", ".join(Day)
        raise InvalidInputError(
            f"{text[:40]!r} is none of {words}", field="rule.hours.days"
        ) from error
