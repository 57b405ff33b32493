"""What models took for something and people dismissed as nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from pipelines.threats.incidents.decisions import NEGATIVE_REASONS, ReasonCode
from service.access import EVERYTHING, Sight
from service.errors import NotFoundError
from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import (
    ChipState,
    CutChip,
    HardNegativeRecord,
    IncidentRecord,
    Marking,
)
from service.ledger.tables import detections, hard_negatives

MOST_ATTEMPTS = 5
"""How often the cutting of a chip is tried."""


class HardNegatives(Database):
    """Hard negatives of every mission and their chips.

    A row is written with the dismissal, in one transaction: whatever is killed after, a worker
    finds it there and cuts the chip.
    """

    def list_negatives(
        self,
        mission_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        sight: Sight = EVERYTHING,
    ) -> Page[HardNegativeRecord]:
        """Hard negatives of a mission that a reader may see, oldest first.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        with self._reading() as connection:
            return read_page(
                connection,
                select(hard_negatives).where(
                    hard_negatives.c.mission_id == mission_id,
                    hard_negatives.c.marking.in_([it.value for it in sight.markings]),
                ),
                [
                    Order(column=hard_negatives.c.decided_at),
                    Order(column=hard_negatives.c.incident_id),
                ],
                scope=["negatives", mission_id, sight],
                page_size=page_size,
                page_token=page_token,
                to_item=_negative,
            )

    def get_negative(
        self, mission_id: str, incident_id: str, *, sight: Sight = EVERYTHING
    ) -> HardNegativeRecord:
        """One hard negative.

        Raises:
            NotFoundError: the mission has none of that incident that the reader may see.
        """
        with self._reading() as connection:
            row = connection.execute(
                select(hard_negatives).where(
                    hard_negatives.c.mission_id == mission_id,
                    hard_negatives.c.incident_id == incident_id,
                    hard_negatives.c.marking.in_([it.value for it in sight.markings]),
                )
            ).one_or_none()
        if row is None:
            raise NotFoundError(f"this mission has no hard negative {incident_id!r}", field="name")
        return _negative(row)

    def next_uncut(self) -> HardNegativeRecord | None:
        """The oldest whose chip is still to be cut, of any mission.

        Two workers may be given the same: the chip is the same bytes under the same key.
        """
        with self._reading() as connection:
            row = connection.execute(
                select(hard_negatives)
                .where(hard_negatives.c.state == ChipState.PENDING.value)
                .order_by(hard_negatives.c.attempt, hard_negatives.c.decided_at)
                .limit(1)
            ).one_or_none()
        return None if row is None else _negative(row)

    def note_chip(self, record: HardNegativeRecord, chip: CutChip) -> None:
        """Write where a chip lies and what it shows."""
        self._note(
            record,
            state=ChipState.READY.value,
            failure="",
            chip_left_px=chip.left_px,
            chip_top_px=chip.top_px,
            chip_width_px=chip.width_px,
            chip_height_px=chip.height_px,
            object_key=chip.object_key,
            size_bytes=chip.size_bytes,
            sha256=chip.sha256,
        )

    def fail_chip(self, record: HardNegativeRecord, failure: str, *, retry: bool) -> None:
        """Write that a chip could not be cut; it is tried again a few times where that may help."""
        again = retry and record.attempt + 1 < MOST_ATTEMPTS
        self._note(
            record,
            state=(ChipState.PENDING if again else ChipState.FAILED).value,
            failure=failure,
            attempt=record.attempt + 1,
        )

    def _note(self, record: HardNegativeRecord, **values: object) -> None:
        with self._writing() as connection:
            connection.execute(
                update(hard_negatives)
                .where(
                    hard_negatives.c.mission_id == record.mission_id,
                    hard_negatives.c.incident_id == record.incident_id,
                    # Dismissed again in the meantime, it may be another frame's.
                    hard_negatives.c.decided_at == record.decided_at,
                )
                .values(**values)
            )


def keep_negative(connection: Connection, record: IncidentRecord) -> None:
    """Make a hard negative of a dismissed incident, where its reason says that it is one."""
    incident, decision = record.incident, record.decision
    if decision is None or decision.reason_code not in NEGATIVE_REASONS:
        return
    box = connection.execute(
        select(detections).where(
            detections.c.mission_id == record.mission_id,
            detections.c.imagery_id == incident.imagery_id,
            detections.c.detection_index == incident.best.detection_index,
        )
    ).one_or_none()
    if box is None:
        # The frame was looked at again since and shows it no more: there is nothing to cut out.
        return
    forget_negative(connection, record.mission_id, incident.incident_id)
    insert_if_absent(
        connection,
        hard_negatives,
        {
            "mission_id": record.mission_id,
            "incident_id": incident.incident_id,
            "imagery_id": incident.imagery_id,
            "category": box.category,
            "confidence": box.confidence,
            "left_px": box.left_px,
            "top_px": box.top_px,
            "right_px": box.right_px,
            "bottom_px": box.bottom_px,
            "reason_code": decision.reason_code.value,
            "marking": record.marking.value,
            "decided_by": decision.decided_by,
            "decided_at": decision.decided_at,
            "state": ChipState.PENDING.value,
            "attempt": 0,
            "failure": "",
            "object_key": "",
            "size_bytes": 0,
            "sha256": "",
        },
    )


def forget_negative(connection: Connection, mission_id: str, incident_id: str) -> None:
    """What was confirmed after all teaches nothing false."""
    connection.execute(
        delete(hard_negatives).where(
            hard_negatives.c.mission_id == mission_id,
            hard_negatives.c.incident_id == incident_id,
        )
    )


def _negative(row: Row[Any]) -> HardNegativeRecord:
    chip = None
    if row.state == ChipState.READY.value:
        chip = CutChip(
            left_px=row.chip_left_px,
            top_px=row.chip_top_px,
            width_px=row.chip_width_px,
            height_px=row.chip_height_px,
            object_key=row.object_key,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
        )
    return HardNegativeRecord(
        mission_id=row.mission_id,
        incident_id=row.incident_id,
        imagery_id=row.imagery_id,
        category=row.category,
        confidence=row.confidence,
        xyxy=(row.left_px, row.top_px, row.right_px, row.bottom_px),
        reason_code=ReasonCode(row.reason_code),
        marking=Marking(row.marking),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        state=ChipState(row.state),
        attempt=row.attempt,
        failure=row.failure,
        chip=chip,
    )
