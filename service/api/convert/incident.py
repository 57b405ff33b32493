"""Incidents and their events as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vedette.v1 import incident_pb2

from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.incidents.incident import QUIET, ChangeKind, Incident, IncidentState, Nearby
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.track import heading, speed
from service.access import EVERYTHING, Sight
from service.api import names
from service.api.convert.ground import ground_message
from service.api.convert.pledge import CAVEATS, MARKINGS
from service.api.convert.values import numbers, timestamp
from service.ledger.records import IncidentEventRecord, IncidentRecord
from service.released import as_seen

INCIDENT_STATES = numbers(incident_pb2.IncidentState, "INCIDENT_STATE", IncidentState)
LEVELS = numbers(incident_pb2.IncidentLevel, "INCIDENT_LEVEL", Level)
# Of some changes nobody is told, so the stream has no word for them.
CHANGES: Mapping[ChangeKind, Any] = numbers(
    incident_pb2.IncidentEventKind,
    "INCIDENT_EVENT_KIND",
    [kind for kind in ChangeKind if kind not in QUIET],
)
SEVERITIES = numbers(incident_pb2.IncidentSeverity, "INCIDENT_SEVERITY", Severity)
VERDICTS = numbers(incident_pb2.Verdict, "VERDICT", Verdict)
REASON_CODES = numbers(incident_pb2.ReasonCode, "REASON_CODE", ReasonCode)


def incident_message(record: IncidentRecord, sight: Sight = EVERYTHING) -> incident_pb2.Incident:
    """An incident as a reader may see it: a recipient of a release learns of no other's."""
    record = as_seen(record, sight)
    incident, best, mission_id = record.incident, record.incident.best, record.mission_id
    message = incident_pb2.Incident(
        name=names.incident_name(mission_id, incident.incident_id),
        state=INCIDENT_STATES[incident.state],
        level=LEVELS[best.level],
        category=best.category,
        confidence=best.confidence,
        ground=ground_message(best.ground),
        position=names.position_name(mission_id, best.position_id) if best.position_id else "",
        position_display_name=record.position_display_name,
        range_m=best.range_m,
        range_low_m=best.range_low_m,
        range_high_m=best.range_high_m,
        bearing_deg=best.bearing_deg,
        probability=best.probability,
        radius_m=best.radius_m,
        rule=_rule_name(mission_id, best) if best.rule_id else "",
        imagery=names.imagery_name(mission_id, incident.imagery_id),
        sighting_count=incident.sighting_count,
        first_seen_time=timestamp(incident.first_seen_at),
        last_seen_time=timestamp(incident.last_seen_at),
        raise_time=timestamp(record.raised_at),
        revision=incident.revision,
        marking=MARKINGS[record.marking],
        caveats=[CAVEATS[caveat] for caveat in sorted(record.caveats)],
        severity=SEVERITIES[incident.severity],
        severity_reason=record.reason,
        near=[_near_message(record, near) for near in incident.near],
        more_near_count=incident.more_near,
        track=names.track_name(mission_id, incident.track_id) if incident.track_id else "",
        object_count=incident.object_count,
        merged_into=names.incident_name(mission_id, incident.merged_into)
        if incident.merged_into
        else "",
    )
    _set_motion(message, incident)
    if record.decision is not None:
        message.decision.CopyFrom(
            incident_pb2.Decision(
                verdict=VERDICTS[record.decision.verdict],
                reason=record.decision.reason,
                decided_by=record.decision.decided_by,
                decide_time=timestamp(record.decision.decided_at),
                reason_code=None
                if record.decision.reason_code is None
                else REASON_CODES[record.decision.reason_code],
            )
        )
    message.releases.extend(
        incident_pb2.Release(
            recipient=release.recipient,
            reason=release.reason,
            proposed_by=release.proposed_by,
            propose_time=timestamp(release.proposed_at),
            approved_by=release.approved_by,
            approve_time=timestamp(release.approved_at),
            position=names.position_name(mission_id, release.position_id)
            if release.position_id
            else "",
        )
        for release in record.releases
        if sight.recipient in (None, release.recipient)
    )
    return message


def _near_message(record: IncidentRecord, near: Nearby) -> incident_pb2.NearPosition:
    seen, mission_id = near.sighting, record.mission_id
    return incident_pb2.NearPosition(
        position=names.position_name(mission_id, seen.position_id),
        position_display_name=record.near_display_names.get(seen.position_id, seen.position_id),
        level=LEVELS[seen.level],
        severity=SEVERITIES[near.severity],
        severity_reason=near.reason,
        range_m=seen.range_m,
        range_low_m=seen.range_low_m,
        range_high_m=seen.range_high_m,
        bearing_deg=seen.bearing_deg,
        probability=seen.probability,
        radius_m=seen.radius_m,
        rule=_rule_name(mission_id, seen),
        last_near_time=timestamp(near.last_near_at),
    )


def _rule_name(mission_id: str, sighting: Sighting) -> str:
    return f"{names.rule_name(mission_id, sighting.rule_id)}@{sighting.rule_revision}"


def _set_motion(message: incident_pb2.Incident, incident: Incident) -> None:
    if incident.velocity_m_s is None or incident.velocity_covariance is None:
        return
    motion = incident.velocity_m_s, incident.velocity_covariance
    message.speed_m_s, message.speed_sigma_m_s = speed(*motion)
    direction = heading(*motion)
    if direction is not None:
        message.heading_deg, message.heading_sigma_deg = direction


def event_message(
    record: IncidentEventRecord, sight: Sight = EVERYTHING
) -> incident_pb2.IncidentEvent:
    """An event of a mission's incident stream as a reader may see it."""
    return incident_pb2.IncidentEvent(
        sequence=record.sequence,
        kind=CHANGES[record.kind],
        incident=incident_message(record.record, sight),
        event_time=timestamp(record.occurred_at),
    )
