"""What a recipient of a release sees of an incident: near the position that was released alone."""

from __future__ import annotations

from dataclasses import replace

from pipelines.threats.incidents.facets import facets
from pipelines.threats.incidents.incident import ChangeKind
from pipelines.threats.proximity.weighing import Level
from pipelines.threats.rules.severity import Severity
from service.access import Sight
from service.ledger.records import IncidentEventRecord, IncidentRecord

NOT_NEAR = "It is not near the position that it was released for any more."
"""What a recipient is told then instead of a reason."""


def as_seen(record: IncidentRecord, sight: Sight) -> IncidentRecord:
    """An incident as a reader may see it.

    Who belongs to the mission sees all of it. Two persons released it to a recipient as near one
    position: whoever that is learns of no other position that its object comes near later on, nor
    of how many there are. Where it is not near that one any more no position is told at all: its
    identifier is empty.
    """
    if sight.recipient is None:
        return record
    allowed = next(
        (it.position_id for it in record.releases if it.recipient == sight.recipient), ""
    )
    part = facets(record.incident).get(allowed) if allowed else None
    if part is not None:
        name = record.position_name(allowed)
        return replace(record, incident=part, position_display_name=name, near_display_names={})
    best = replace(
        record.incident.best,
        position_id="",
        rule_id="",
        rule_revision=0,
        radius_m=0.0,
        probability=0.0,
        level=Level.POSSIBLE,
        range_m=0.0,
        range_low_m=0.0,
        range_high_m=0.0,
        bearing_deg=0.0,
        position_sigma_m=0.0,
    )
    incident = replace(
        record.incident,
        best=best,
        severity=Severity.LOW,
        severity_held=False,
        reason=NOT_NEAR,
        near=(),
        more_near=0,
    )
    return replace(record, incident=incident, position_display_name="", near_display_names={})


def event_as_seen(event: IncidentEventRecord, sight: Sight) -> IncidentEventRecord:
    """An event as a reader may see it: that it is graver elsewhere is not told to a recipient."""
    if sight.recipient is None:
        return event
    seen = as_seen(event.record, sight)
    kind = event.kind
    alone = not event.record.incident.others_near and seen.incident.best.position_id
    if not alone and kind in {ChangeKind.ESCALATED, ChangeKind.DE_ESCALATED}:
        kind = ChangeKind.UPDATED
    return replace(event, record=seen, kind=kind)
