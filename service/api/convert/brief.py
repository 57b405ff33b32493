"""Incidents in few bytes: everything once, then what has changed."""

from __future__ import annotations

import math
from typing import Any

from vedette.v1 import incident_pb2

from service.api.convert.incident import (
    CHANGES,
    INCIDENT_STATES,
    LEVELS,
    SEVERITIES,
    VERDICTS,
)
from service.api.convert.pledge import MARKINGS
from service.api.convert.values import timestamp
from service.api.pacing import Summary
from service.ledger.records import IncidentEventRecord, IncidentRecord

MOST_BYTES = 500
_FRAME_BYTES = 5
"""What gRPC puts before each message."""
_PER_DEGREE = 1e7
_REMEMBERED = 10_000


class BriefWriter:
    """What one stream has been told of each incident."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, Any]] = {}

    def event(self, event: IncidentEventRecord, resume_after: int) -> incident_pb2.IncidentEvent:
        """A brief event: at most `MOST_BYTES` with its gRPC frame.

        Args:
            event: what happened.
            resume_after: the sequence after which whoever has this event goes on.
        """
        incident_id = event.record.incident.incident_id
        fields = _fields(event.record)
        before = self._told.get(incident_id, {})
        changed = {name: value for name, value in fields.items() if before.get(name) != value}
        message = incident_pb2.IncidentEvent(
            sequence=event.sequence,
            kind=CHANGES[event.kind],
            event_time=timestamp(event.occurred_at.replace(microsecond=0)),
            resume_after=resume_after,
            brief=incident_pb2.IncidentBrief(
                incident_id=incident_id, revision=event.record.incident.revision, **changed
            ),
        )
        _fit(message)
        if len(self._told) >= _REMEMBERED:
            # What is forgotten is told in full again.
            self._told.pop(next(iter(self._told)))
        self._told[incident_id] = fields
        return message


def _fields(record: IncidentRecord) -> dict[str, Any]:
    """What a brief tells of an incident; what is not known is left out."""
    incident, best = record.incident, record.incident.best
    fields: dict[str, Any] = {
        "state": INCIDENT_STATES[incident.state],
        "level": LEVELS[best.level],
        "severity": SEVERITIES[incident.severity],
        "category": best.category,
        "object_count": incident.object_count,
        "latitude_e7": _e7(best.ground.latitude_deg),
        "longitude_e7": _e7(best.ground.longitude_deg),
        "ce90_m": best.ground.ce90_m,
        "position_id": best.position_id,
        "others_near_count": incident.others_near,
        "range_m": best.range_m,
        "range_low_m": best.range_low_m,
        "range_high_m": best.range_high_m,
        "bearing_deg": best.bearing_deg,
        "probability": best.probability,
        "confidence": best.confidence,
        "reason": record.reason or None,
        "sighting_count": incident.sighting_count,
        "last_seen_unix_s": None
        if incident.last_seen_at is None
        else int(incident.last_seen_at.timestamp()),
        "imagery_id": incident.imagery_id,
        "marking": MARKINGS[record.marking],
        "verdict": None if record.decision is None else VERDICTS[record.decision.verdict],
    }
    if incident.velocity_m_s is not None:
        east, north = (float(value) for value in incident.velocity_m_s)
        fields["speed_m_s"] = math.hypot(east, north)
        fields["heading_deg"] = math.degrees(math.atan2(east, north)) % 360.0
    return {name: value for name, value in fields.items() if value is not None}


def _e7(degrees: float | None) -> int | None:
    return None if degrees is None else round(degrees * _PER_DEGREE)


def _fit(message: incident_pb2.IncidentEvent) -> None:
    """Cut the reason, between words, until the message fits."""
    over = message.ByteSize() + _FRAME_BYTES - MOST_BYTES
    if over <= 0:
        return
    words = message.brief.reason.encode()[: -(over + len(" ..."))].decode(errors="ignore")
    cut = words.rpartition(" ")[0]
    if cut:
        message.brief.reason = f"{cut} ..."
    else:
        message.brief.ClearField("reason")


def summary_event(summary: Summary, resume_after: int) -> incident_pb2.IncidentEvent:
    """Events that were not told one by one."""
    return incident_pb2.IncidentEvent(
        sequence=summary.last_sequence,
        resume_after=resume_after,
        summary=incident_pb2.EventSummary(
            first_sequence=summary.first_sequence,
            last_sequence=summary.last_sequence,
            event_count=sum(summary.kinds.values()),
            incident_count=summary.incidents,
            kinds=[
                incident_pb2.CountedKind(kind=CHANGES[kind], count=count)
                for kind, count in summary.kinds.items()
            ],
            severity=SEVERITIES[summary.severity],
        ),
    )
