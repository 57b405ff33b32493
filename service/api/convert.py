"""Records of the ledger to messages of `vedette.v1`, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import (
    detection_pb2,
    ground_pb2,
    imagery_pb2,
    incident_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)

from models.errors import InvalidInputError
from pipelines.assessment import ProductKind
from pipelines.ground import GroundPoint
from pipelines.imagery.media import MediaKind
from pipelines.outcome import Outcome, Severity
from pipelines.products.grid_reference import mgrs
from pipelines.threats.incidents import ChangeKind, IncidentState
from pipelines.threats.positions import Position, PositionKind
from pipelines.threats.proximity import Level
from pipelines.threats.rules import Rule
from service.api import names
from service.ledger.records import (
    DetectionRecord,
    ImageryRecord,
    ImageryState,
    IncidentEventRecord,
    IncidentRecord,
    Marking,
    PledgeRecord,
    ProductRecord,
    Verdict,
)

Value = TypeVar("Value", bound=StrEnum)


def _numbers(enum: Any, prefix: str, values: Iterable[Value]) -> Mapping[Value, Any]:
    """The message's number of each value; the names agree but for the prefix."""
    return {value: enum.Value(f"{prefix}_{value.name}") for value in values}


MARKINGS = _numbers(pledge_pb2.Marking, "MARKING", Marking)
OUTCOMES = _numbers(ground_pb2.Outcome, "OUTCOME", Outcome)
SEVERITIES = _numbers(imagery_pb2.FindingSeverity, "FINDING_SEVERITY", Severity)
MEDIA_KINDS = _numbers(imagery_pb2.MediaKind, "MEDIA_KIND", MediaKind)
IMAGERY_STATES = _numbers(imagery_pb2.ImageryState, "IMAGERY_STATE", ImageryState)
POSITION_KINDS = _numbers(position_pb2.PositionKind, "POSITION_KIND", PositionKind)
INCIDENT_STATES = _numbers(incident_pb2.IncidentState, "INCIDENT_STATE", IncidentState)
LEVELS = _numbers(incident_pb2.IncidentLevel, "INCIDENT_LEVEL", Level)
# Nobody is told of an absorbed sighting, so the stream has no word for it.
CHANGES: Mapping[ChangeKind, Any] = _numbers(
    incident_pb2.IncidentEventKind,
    "INCIDENT_EVENT_KIND",
    [kind for kind in ChangeKind if kind is not ChangeKind.ABSORBED],
)
VERDICTS = _numbers(incident_pb2.Verdict, "VERDICT", Verdict)
PRODUCT_KINDS = _numbers(product_pb2.ProductKind, "PRODUCT_KIND", ProductKind)


def chosen(numbers: Mapping[Value, Any], number: int, field: str) -> Value:
    """The value of a message's number.

    Raises:
        InvalidInputError: it is unspecified or unknown.
    """
    for value, known in numbers.items():
        if known == number:
            return value
    wanted = ", ".join(value.name for value in numbers)
    raise InvalidInputError(f"must be one of {wanted}", field=field)


def timestamp(time: datetime | None) -> Timestamp | None:
    """A time as a message; None stays None, which leaves a field unset."""
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time.astimezone(UTC))
    return message


def time_of(message: Timestamp, field: str) -> datetime:
    """A message as aware UTC time.

    Raises:
        InvalidInputError: it is out of range.
    """
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"is not a time: {error}", field=field) from error


def pledge_message(record: PledgeRecord) -> pledge_pb2.Pledge:
    """A pledge."""
    return pledge_pb2.Pledge(
        name=names.pledge_name(record.mission_id, record.pledge_id),
        contributor=record.contributor,
        capability=record.capability,
        platform=record.platform,
        marking=MARKINGS[record.marking],
        create_time=timestamp(record.created_at),
    )


def ground_message(point: GroundPoint) -> ground_pb2.GroundPoint:
    """A place on the ground; without OUTCOME_LOCATED only the outcome."""
    message = ground_pb2.GroundPoint(outcome=OUTCOMES[point.outcome])
    if point.outcome is not Outcome.LOCATED:
        return message
    message.terrain = point.terrain
    message.occlusion_risk = point.occlusion_risk
    for field in ("latitude_deg", "longitude_deg", "hae_m", "ce90_m", "le90_m", "slant_range_m"):
        value = getattr(point, field)
        if value is not None:
            setattr(message, field, value)
    if point.covariance_enu_m2 is not None:
        message.covariance_enu_m2.extend(float(v) for v in point.covariance_enu_m2.ravel())
    if point.latitude_deg is not None and point.longitude_deg is not None:
        message.mgrs = mgrs(point.latitude_deg, point.longitude_deg)
    return message


def imagery_message(record: ImageryRecord) -> imagery_pb2.Imagery:
    """An imagery."""
    message = imagery_pb2.Imagery(
        name=names.imagery_name(record.mission_id, record.imagery_id),
        pledge=names.pledge_name(record.mission_id, record.pledge_id),
        sortie=record.sortie_id,
        file_name=record.file_name,
        size_bytes=record.size_bytes,
        sha256=record.sha256,
        media_kind=MEDIA_KINDS[record.media_kind],
        state=IMAGERY_STATES[record.state],
        failure=record.failure,
        receive_time=timestamp(record.received_at),
        capture_time=timestamp(record.captured_at),
        width_px=record.width_px,
        height_px=record.height_px,
        detection_count=record.detection_count,
        model=record.model_name,
        marking=MARKINGS[record.marking],
        findings=[
            imagery_pb2.Finding(
                code=finding.code, severity=SEVERITIES[finding.severity], message=finding.message
            )
            for finding in record.findings
        ],
    )
    if record.outcome is not None:
        message.outcome = OUTCOMES[record.outcome]
    return message


def position_message(mission_id: str, position: Position) -> position_pb2.Position:
    """A position."""
    message = position_pb2.Position(
        name=names.position_name(mission_id, position.position_id),
        display_name=position.display_name,
        kind=POSITION_KINDS[position.kind],
        latitude_deg=position.latitude_deg,
        longitude_deg=position.longitude_deg,
        sigma_m=position.sigma_m,
    )
    if position.radius_m is not None:
        message.radius_m = position.radius_m
    return message


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


def incident_message(record: IncidentRecord) -> incident_pb2.Incident:
    """An incident."""
    incident, best, mission_id = record.incident, record.incident.best, record.mission_id
    message = incident_pb2.Incident(
        name=names.incident_name(mission_id, incident.incident_id),
        state=INCIDENT_STATES[incident.state],
        level=LEVELS[best.level],
        category=best.category,
        confidence=best.confidence,
        ground=ground_message(best.ground),
        position=names.position_name(mission_id, best.position_id),
        position_display_name=record.position_display_name,
        range_m=best.range_m,
        range_low_m=best.range_low_m,
        range_high_m=best.range_high_m,
        bearing_deg=best.bearing_deg,
        probability=best.probability,
        radius_m=best.radius_m,
        rule=f"{names.rule_name(mission_id, best.rule_id)}@{best.rule_revision}",
        imagery=names.imagery_name(mission_id, incident.imagery_id),
        sighting_count=incident.sighting_count,
        first_seen_time=timestamp(incident.first_seen_at),
        last_seen_time=timestamp(incident.last_seen_at),
        raise_time=timestamp(record.raised_at),
        revision=incident.revision,
        marking=MARKINGS[record.marking],
    )
    if record.decision is not None:
        message.decision.CopyFrom(
            incident_pb2.Decision(
                verdict=VERDICTS[record.decision.verdict],
                reason=record.decision.reason,
                decided_by=record.decision.decided_by,
                decide_time=timestamp(record.decision.decided_at),
            )
        )
    return message


def event_message(record: IncidentEventRecord) -> incident_pb2.IncidentEvent:
    """An event of a mission's incident stream."""
    return incident_pb2.IncidentEvent(
        sequence=record.sequence,
        kind=CHANGES[record.kind],
        incident=incident_message(record.record),
        event_time=timestamp(record.occurred_at),
    )


def product_message(record: ProductRecord) -> product_pb2.Product:
    """A stored product of an imagery."""
    imagery = names.imagery_name(record.mission_id, record.imagery_id)
    return product_pb2.Product(
        name=f"{imagery}/products/{record.kind.value}",
        kind=PRODUCT_KINDS[record.kind],
        media_type=record.media_type,
        file_name=record.file_name,
        size_bytes=record.size_bytes,
        sha256=record.sha256,
        create_time=timestamp(record.created_at),
        marking=MARKINGS[record.marking],
    )


def detection_message(record: DetectionRecord) -> detection_pb2.Detection:
    """A detection."""
    left, top, right, bottom = record.xyxy
    imagery = names.imagery_name(record.mission_id, record.imagery_id)
    return detection_pb2.Detection(
        name=f"{imagery}/detections/{record.index}",
        category=record.category,
        confidence=record.confidence,
        box=detection_pb2.PixelBox(
            x_px=left, y_px=top, width_px=right - left, height_px=bottom - top
        ),
        ground=ground_message(record.ground),
        capture_time=timestamp(record.captured_at),
    )
