"""What a worker found, written together with the end of its job or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from pipelines.assessment import Assessment
from pipelines.threats.positions.position import Position
from pipelines.threats.rules.rule import Rule
from service.ledger.database import Database, lock_mission
from service.ledger.detections import delete_detections, insert_detections
from service.ledger.documents import finding_document
from service.ledger.imagery import read_imagery
from service.ledger.jobs import end_job
from service.ledger.models import delete_shadow_look, write_shadow_look
from service.ledger.products import delete_products, insert_products
from service.ledger.records import (
    ImageryRecord,
    ImageryState,
    IncidentEventRecord,
    Lease,
    ProductRecord,
)
from service.ledger.tables import imagery
from service.ledger.watch import take_in

_DESCRIBE = update(imagery).where(
    imagery.c.mission_id == bindparam("of_mission"), imagery.c.imagery_id == bindparam("of_imagery")
)


class Results(Database):
    """Ends of jobs."""

    def finish_job(
        self,
        lease: Lease,
        assessment: Assessment,
        products: Sequence[ProductRecord],
        *,
        now: datetime,
        positions: Sequence[Position] = (),
        rules: Sequence[Rule] = (),
    ) -> list[IncidentEventRecord]:
        """Write detections, tracks, products, incidents and their events, and end the job, as one.

        Args:
            lease: of the job.
            assessment: what was found.
            products: what was stored of it.
            now: the time now.
            positions: what the detections were weighed against; where one is not given, a fused
                place is weighed as its sighting was.
            rules: what they were weighed by.

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
            if image.looked_before:
                # What an earlier look at it found is not what it shows.
                delete_detections(connection, image)
                delete_products(connection, image)
                delete_shadow_look(connection, image)
            insert_detections(connection, image, assessment)
            insert_products(connection, products)
            write_shadow_look(connection, image, assessment.detector.label, assessment.shadow, now)
            return take_in(
                connection,
                image,
                assessment,
                positions=positions,
                rules=rules,
                sequence=sequence,
                now=now,
            )


def _describe(connection: Connection, image: ImageryRecord, assessment: Assessment) -> None:
    capture, footprint = assessment.capture, assessment.footprint_lonlat
    connection.execute(
        _DESCRIBE,
        {
            "of_mission": image.mission_id,
            "of_imagery": image.imagery_id,
            "state": ImageryState.PROCESSED.value,
            "failure": "",
            "captured_at": capture.captured_at,
            "width_px": int(capture.width_px),
            "height_px": int(capture.height_px),
            "outcome": capture.outcome.value,
            "findings": [finding_document(finding) for finding in capture.findings],
            "footprint_lonlat": None if footprint is None else footprint.tolist(),
            "detection_count": len(assessment.detections),
            "model_name": assessment.detector.label,
        },
    )
