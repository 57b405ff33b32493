"""Imagery as messages."""

from __future__ import annotations

from vedette.v1 import imagery_pb2

from pipelines.imagery.media import MediaKind
from pipelines.outcome import Finding, Severity
from service.access import EVERYTHING, Sight
from service.api import names
from service.api.convert.ground import OUTCOMES
from service.api.convert.pledge import MARKINGS
from service.api.convert.values import numbers, timestamp
from service.ledger.records import ImageryRecord, ImageryState

SEVERITIES = numbers(imagery_pb2.FindingSeverity, "FINDING_SEVERITY", Severity)
MEDIA_KINDS = numbers(imagery_pb2.MediaKind, "MEDIA_KIND", MediaKind)
IMAGERY_STATES = numbers(imagery_pb2.ImageryState, "IMAGERY_STATE", ImageryState)


# Tell how much of a frame was searched, and so how far from it positions may be, or that there are
# patrols.
_TELL_OF_POSITIONS = frozenset({"PARTLY_UNSEARCHED", "EMPTY_TILES", "PATROLS_UNKNOWN"})
# Stands on every frame, whatever was left out of it.
_SEARCHED = Finding(
    code="SEARCHED_BY_RULES",
    severity=Severity.NOTE,
    message="searched as the rules of the mission ask",
)


def imagery_message(record: ImageryRecord, sight: Sight = EVERYTHING) -> imagery_pb2.Imagery:
    """An imagery as a reader may see it: a contributor learns of no position by it."""
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
            for finding in _findings(record, sight)
        ],
    )
    if record.outcome is not None:
        message.outcome = OUTCOMES[record.outcome]
    return message


def _findings(record: ImageryRecord, sight: Sight) -> tuple[Finding, ...]:
    """What was found out of a frame, as far as a reader may know it."""
    if sight.contributor is None:
        return record.findings
    told = tuple(it for it in record.findings if it.code not in _TELL_OF_POSITIONS)
    return (*told, _SEARCHED) if record.state is ImageryState.PROCESSED else told
