"""Imagery accepted by the service."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from pipelines.imagery.media import MediaKind
from pipelines.outcome import Outcome
from service.access import EVERYTHING, Sight
from service.errors import AlreadyExistsError, NotFoundError
from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.documents import finding_document, finding_value
from service.ledger.pages import Order, Page, read_page
from service.ledger.pledges import read_pledge
from service.ledger.records import Acceptance, ImageryRecord, ImageryState, Marking
from service.ledger.sight import seen_imagery
from service.ledger.tables import imagery, jobs, submissions


class ImageryRegister(Database):
    """Imagery of every mission and the submissions it came by."""

    def accept_imagery(
        self, record: ImageryRecord, request_id: str, now: datetime
    ) -> tuple[ImageryRecord, Acceptance]:
        """Record imagery, its job and the submission that brought it, all or nothing.

        Bytes that the mission has stay one imagery. A pose or time that differs from what was
        stated of them before takes its place, and a worker looks at the imagery anew.

        Returns:
            The imagery, and what it was: where the mission had its bytes, the one it had.

        Raises:
            NotFoundError: the mission has no such pledge.
            AlreadyExistsError: the mission has these bytes under another pledge.
        """
        with self._writing() as connection:
            read_pledge(connection, record.mission_id, record.pledge_id)
            acceptance = Acceptance.KNOWN
            if insert_if_absent(connection, imagery, _row_values(record)):
                acceptance = Acceptance.NEW
                connection.execute(
                    insert(jobs).values(
                        mission_id=record.mission_id,
                        imagery_id=record.imagery_id,
                        state="queued",
                        fence=0,
                        attempt=0,
                        worker_id="",
                        reason="",
                        created_at=now,
                        not_before=now,
                        expires_at=None,
                    )
                )
            kept = _find(connection, record.mission_id, imagery.c.sha256 == record.sha256)
            if kept is None:
                raise NotFoundError(f"imagery {record.imagery_id!r} has other bytes")
            require_pledge(kept, record.pledge_id)
            restated = _restated(kept, record)
            if restated != kept:
                acceptance, kept = Acceptance.LOOKED_AT_AGAIN, restated
                _look_again(connection, kept, now)
            insert_if_absent(
                connection,
                submissions,
                {
                    "mission_id": record.mission_id,
                    "request_id": request_id,
                    "imagery_id": kept.imagery_id,
                    "finished_at": now,
                },
            )
        return kept, acceptance

    def imagery_of_bytes(self, mission_id: str, sha256: str) -> ImageryRecord | None:
        """The imagery of these bytes; None where the mission has none."""
        with self._reading() as connection:
            return _find(connection, mission_id, imagery.c.sha256 == sha256)

    def imagery_of_request(self, mission_id: str, request_id: str) -> ImageryRecord | None:
        """The imagery that a finished submission became; None where none is finished."""
        with self._reading() as connection:
            return _find(
                connection,
                mission_id,
                imagery.c.imagery_id
                == select(submissions.c.imagery_id)
                .where(
                    submissions.c.mission_id == mission_id,
                    submissions.c.request_id == request_id,
                )
                .scalar_subquery(),
            )

    def get_imagery(
        self, mission_id: str, imagery_id: str, *, sight: Sight = EVERYTHING
    ) -> ImageryRecord:
        """One imagery.

        Raises:
            NotFoundError: the mission has none of that name that the reader may see.
        """
        with self._reading() as connection:
            return read_imagery(connection, mission_id, imagery_id, sight)

    def list_imagery(
        self,
        mission_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        sortie_id: str | None = None,
        sight: Sight = EVERYTHING,
    ) -> Page[ImageryRecord]:
        """Imagery of a mission that a reader may see, newest first; only of one sortie if named.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        statement = select(imagery).where(imagery.c.mission_id == mission_id, *seen_imagery(sight))
        if sortie_id:
            statement = statement.where(imagery.c.sortie_id == sortie_id)
        with self._reading() as connection:
            return read_page(
                connection,
                statement,
                [
                    Order(column=imagery.c.received_at, descending=True),
                    Order(column=imagery.c.imagery_id),
                ],
                scope=["imagery", mission_id, sortie_id or "", sight],
                page_size=page_size,
                page_token=page_token,
                to_item=_imagery,
            )


def read_imagery(
    connection: Connection, mission_id: str, imagery_id: str, sight: Sight = EVERYTHING
) -> ImageryRecord:
    """One imagery within a transaction.

    Raises:
        NotFoundError: the mission has none of that name that the reader may see.
    """
    row = connection.execute(
        _read_seen(sight), {"asked_mission": mission_id, "asked_imagery": imagery_id}
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"this mission has no imagery {imagery_id!r}", field="name")
    return _imagery(row)


@functools.lru_cache(maxsize=256)
def _read_seen(sight: Sight) -> Select[Any]:
    """One imagery, if a reader of some sight may see it."""
    return select(imagery).where(
        imagery.c.mission_id == bindparam("asked_mission"),
        imagery.c.imagery_id == bindparam("asked_imagery"),
        *seen_imagery(sight),
    )


def require_pledge(kept: ImageryRecord, pledge_id: str) -> None:
    """Refuse bytes that come under another pledge: its marking may be another.

    Raises:
        AlreadyExistsError: the mission has these bytes under another pledge.
    """
    if kept.pledge_id != pledge_id:
        raise AlreadyExistsError(
            f"the mission has these bytes under pledge {kept.pledge_id!r} and keeps them there",
            field="header.pledge",
        )


def _restated(kept: ImageryRecord, record: ImageryRecord) -> ImageryRecord:
    """The imagery with what a submission states; what it does not state stays."""
    restated = replace(
        kept,
        stated_pose=record.stated_pose or kept.stated_pose,
        stated_captured_at=record.stated_captured_at or kept.stated_captured_at,
    )
    if restated == kept:
        return kept
    return replace(restated, state=ImageryState.QUEUED, failure="")


def _look_again(connection: Connection, image: ImageryRecord, now: datetime) -> None:
    """Put imagery back in the queue; a worker that has it loses its lease."""
    mission_id, imagery_id = image.mission_id, image.imagery_id
    # The job first, as workers do: two transactions then wait for each other in one order. The
    # fence stays, so that the next lease is above every lease there was.
    connection.execute(
        update(jobs)
        .where(jobs.c.mission_id == mission_id, jobs.c.imagery_id == imagery_id)
        .values(
            state="queued",
            attempt=0,
            worker_id="",
            reason="",
            created_at=now,
            not_before=now,
            expires_at=None,
        )
    )
    connection.execute(
        update(imagery)
        .where(imagery.c.mission_id == mission_id, imagery.c.imagery_id == imagery_id)
        .values(
            state=image.state.value,
            failure=image.failure,
            stated_pose=image.stated_pose,
            stated_captured_at=image.stated_captured_at,
        )
    )
    # An earlier request is no longer what the imagery is: given again, it is a statement again.
    connection.execute(
        delete(submissions).where(
            submissions.c.mission_id == mission_id, submissions.c.imagery_id == imagery_id
        )
    )


def _find(connection: Connection, mission_id: str, condition: Any) -> ImageryRecord | None:
    row = connection.execute(
        select(imagery).where(imagery.c.mission_id == mission_id, condition)
    ).one_or_none()
    return None if row is None else _imagery(row)


def _row_values(record: ImageryRecord) -> dict[str, Any]:
    return {
        "mission_id": record.mission_id,
        "imagery_id": record.imagery_id,
        "pledge_id": record.pledge_id,
        "sortie_id": record.sortie_id,
        "file_name": record.file_name,
        "size_bytes": record.size_bytes,
        "sha256": record.sha256,
        "media_kind": record.media_kind.value,
        "state": record.state.value,
        "failure": record.failure,
        "received_at": record.received_at,
        "stated_pose": record.stated_pose,
        "stated_captured_at": record.stated_captured_at,
        "captured_at": record.captured_at,
        "width_px": record.width_px,
        "height_px": record.height_px,
        "outcome": None if record.outcome is None else record.outcome.value,
        "findings": [finding_document(finding) for finding in record.findings],
        "footprint_lonlat": None,
        "detection_count": record.detection_count,
        "model_name": record.model_name,
        "marking": record.marking.value,
    }


def _imagery(row: Row[Any]) -> ImageryRecord:
    return ImageryRecord(
        mission_id=row.mission_id,
        imagery_id=row.imagery_id,
        pledge_id=row.pledge_id,
        sortie_id=row.sortie_id,
        file_name=row.file_name,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        media_kind=MediaKind(row.media_kind),
        state=ImageryState(row.state),
        failure=row.failure,
        received_at=row.received_at,
        stated_pose=row.stated_pose,
        stated_captured_at=row.stated_captured_at,
        captured_at=row.captured_at,
        width_px=row.width_px,
        height_px=row.height_px,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        findings=tuple(finding_value(document) for document in row.findings),
        detection_count=row.detection_count,
        model_name=row.model_name,
        marking=Marking(row.marking),
    )
