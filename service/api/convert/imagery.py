"""Imagery as messages."""

from __future__ import annotations

from vedette.v1 import imagery_pb2

from pipelines.imagery.media import MediaKind
from pipelines.outcome import Severity
from service.access import EVERYTHING, Sight
from service.api import names
from service.api.convert.ground import OUTCOMES
from service.api.convert.pledge import MARKINGS
from service.api.convert.values import numbers, timestamp
from service.ledger.records import ImageryRecord, ImageryState

SEVERITIES = numbers(imagery_pb2.FindingSeverity, "FINDING_SEVERITY", Severity)
MEDIA_KINDS = numbers(imagery_pb2.MediaKind, "MEDIA_KIND", MediaKind)
IMAGERY_STATES = numbers(imagery_pb2.ImageryState, "IMAGERY_STATE", ImageryState)


# Tells how much of a frame lies out of the reach of every position, and so where they may be.
_TELLS_OF_POSITIONS = frozenset({"PARTLY_UNSEARCHED"})


def imagery_message(record: ImageryRecord, sight: Sight = EVERYTHING) -> imagery_pb2.Imagery:
    """An imagery as a reader may see it: a contributor learns of no position by it."""
    hidden = frozenset() if sight.contributor is None else _TELLS_OF_POSITIONS
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
            if finding.code not in hidden
        ],
    )
    if record.outcome is not None:
        message.outcome = OUTCOMES[record.outcome]
    return message
