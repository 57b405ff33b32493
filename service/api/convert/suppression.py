"""What operators were not shown, as messages."""

from __future__ import annotations

from vedette.v1 import incident_pb2

from service.api import names
from service.api.convert.values import timestamp
from service.ledger.suppressions import SuppressionRecord


def suppression_message(record: SuppressionRecord) -> incident_pb2.Suppression:
    """Sightings of one object that were not shown.

    Times are those of the captures; where no image tells one, when the service counted the latest.
    """
    mission_id, item = record.mission_id, record.suppression
    return incident_pb2.Suppression(
        track=names.track_name(mission_id, item.track_id) if item.track_id else "",
        position=names.position_name(mission_id, item.position_id),
        rule=names.rule_name(mission_id, item.rule_id),
        category=item.category,
        reason=item.reason,
        count=item.count,
        probability=item.probability,
        first_time=timestamp(item.first_at),
        last_time=timestamp(item.last_at or record.counted_at),
        imagery=names.imagery_name(mission_id, item.imagery_id),
    )
