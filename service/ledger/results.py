"""What a worker found, written together with the end of its job or not at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select, update

from pipelines.assessment import Assessment
from pipelines.threats.incidents import ChangeKind, correct, fold, incident_id
from service.ledger.database import Database, lock_mission
from service.ledger.detections import delete_detections, insert_detections
from service.ledger.documents import finding_document
from service.ledger.imagery import read_imagery
from service.ledger.incidents import (
    count_sightings,
    seen_again_at,
    touched_by,
    write_events,
)
from service.ledger.jobs import end_job
from service.ledger.positions import position_names
from service.ledger.products import delete_products, insert_products
from service.ledger.records import (
    ImageryRecord,
    ImageryState,
    IncidentEventRecord,
    IncidentRecord,
    Lease,
    Marking,
    ProductRecord,
)
from service.ledger.tables import imagery

_STRICTNESS = list(Marking)


class Results(Database):
    """Ends of jobs."""

    def finish_job(
        self,
        lease: Lease,
        assessment: Assessment,
        products: Sequence[ProductRecord],
        *,
        now: datetime,
    ) -> list[IncidentEventRecord]:
        """Write detections, products, incidents and their events, and end the job, as one.

        Returns:
            The events, in the order of their sequences.

        Raises:
            LeaseLostError: another worker has the job, or it has ended; nothing was written.
        """
        with self._writing() as connection:
            # The mission first: every writer of incidents locks in this order.
            sequence = lock_mission(connection, lease.mission_id)
            end_job(connection, lease)
            image = read_imagery(connection, lease.mission_id, lease.imagery_id)
            _describe(connection, image, assessment)
            # What an earlier look at it found, where there was one, is not what it shows.
            delete_detections(connection, image)
            delete_products(connection, image)
            insert_detections(connection, image, assessment)
            insert_products(connection, products)
            events, quiet = _fold(connection, image, assessment, sequence, now)
            write_events(connection, image.mission_id, events)
            for record in quiet:
                count_sightings(connection, record)
        return events


def _fold(
    connection: Connection,
    image: ImageryRecord,
    assessment: Assessment,
    sequence: int,
    now: datetime,
) -> tuple[list[IncidentEventRecord], list[IncidentRecord]]:
    """The events of a frame, and the dismissed incidents that it shows again."""
    if not assessment.sightings:
        return [], []
    mission_id = image.mission_id
    position_ids = {sighting.position_id for sighting in assessment.sightings}
    known = {
        record.incident.incident_id: record
        for record in seen_again_at(
            connection,
            mission_id,
            position_ids,
            captured_at=assessment.capture.captured_at,
            now=now,
        )
    }
    alone: dict[tuple[str, int], IncidentRecord] = {}
    if image.outcome is not None:
        # Looked at before: what only this frame has shown is not seen again, but seen better.
        for record in touched_by(
            connection,
            mission_id,
            image.imagery_id,
            {incident_id(image.imagery_id, sighting) for sighting in assessment.sightings},
        ):
            incident = record.incident
            known[incident.incident_id] = record
            if incident.imagery_id == image.imagery_id and incident.sighting_count == 1:
                alone[incident.best.position_id, incident.best.detection_index] = record
    names = position_names(connection, mission_id, position_ids)
    apart = {record.incident.incident_id for record in alone.values()}
    changes = fold(
        tuple(record.incident for name, record in known.items() if name not in apart),
        assessment.sightings,
        imagery_id=image.imagery_id,
        captured_at=assessment.capture.captured_at,
        footprint_lonlat=assessment.footprint_lonlat,
        footprints=_footprints(
            connection, mission_id, {record.incident.imagery_id for record in known.values()}
        ),
    )
    events: list[IncidentEventRecord] = []
    quiet = []
    for found in changes:
        best = found.incident.best
        before = known.get(found.incident.incident_id)
        if found.kind is ChangeKind.RAISED:
            before = alone.get((best.position_id, best.detection_index), before)
        change = found
        if found.kind is ChangeKind.RAISED and before is not None:
            change = correct(
                before.incident,
                best,
                imagery_id=image.imagery_id,
                captured_at=assessment.capture.captured_at,
            )
        incident = change.incident
        position_id = best.position_id
        record = IncidentRecord(
            mission_id=mission_id,
            incident=incident,
            position_display_name=names.get(
                position_id, before.position_display_name if before else position_id
            ),
            raised_at=before.raised_at if before else now,
            # What is made of two sources bears the stricter marking.
            marking=_stricter(before.marking, image.marking) if before else image.marking,
            decision=before.decision if before else None,
            releases=before.releases if before else (),
        )
        known[incident.incident_id] = record
        if change.kind is ChangeKind.ABSORBED:
            quiet.append(record)
            continue
        sequence += 1
        events.append(
            IncidentEventRecord(sequence=sequence, kind=change.kind, record=record, occurred_at=now)
        )
    return events, quiet


def _footprints(
    connection: Connection, mission_id: str, imagery_ids: Collection[str]
) -> dict[str, NDArray[np.float64]]:
    """What some imagery shows of the ground, where that is known: (K, 2) rings by imagery."""
    rows = connection.execute(
        select(imagery.c.imagery_id, imagery.c.footprint_lonlat).where(
            imagery.c.mission_id == mission_id,
            imagery.c.imagery_id.in_(sorted(imagery_ids)),
            imagery.c.footprint_lonlat.is_not(None),
        )
    )
    return {row.imagery_id: np.array(row.footprint_lonlat, np.float64) for row in rows}


def _stricter(first: Marking, second: Marking) -> Marking:
    return max(first, second, key=_STRICTNESS.index)


def _describe(connection: Connection, image: ImageryRecord, assessment: Assessment) -> None:
    capture, footprint = assessment.capture, assessment.footprint_lonlat
    connection.execute(
        update(imagery)
        .where(imagery.c.mission_id == image.mission_id, imagery.c.imagery_id == image.imagery_id)
        .values(
            state=ImageryState.PROCESSED.value,
            failure="",
            captured_at=capture.captured_at,
            width_px=int(capture.width_px),
            height_px=int(capture.height_px),
            outcome=capture.outcome.value,
            findings=[finding_document(finding) for finding in capture.findings],
            footprint_lonlat=None if footprint is None else footprint.tolist(),
            detection_count=len(assessment.detections),
            model_name=assessment.detector.label,
        )
    )
