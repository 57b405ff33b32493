"""Incidents and the stream of what happens to them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from pipelines.threats.incidents import (
    DISMISSAL_HOLD,
    INCIDENT_HOLD,
    ChangeKind,
    IncidentState,
)
from service.access import EVERYTHING, Sight
from service.errors import NotFoundError
from service.ledger.database import Database, set_event_sequence
from service.ledger.dialect import insert_if_absent
from service.ledger.documents import incident_document, incident_value
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import IncidentEventRecord, IncidentRecord
from service.ledger.sight import seen_incidents
from service.ledger.tables import incident_events, incidents, missions


class Incidents(Database):
    """Incidents of every mission and their events."""

    def get_incident(
        self, mission_id: str, incident_id: str, *, sight: Sight = EVERYTHING
    ) -> IncidentRecord:
        """One incident.

        Raises:
            NotFoundError: the mission has none of that name that the reader may see.
        """
        with self._reading() as connection:
            return read_incident(connection, mission_id, incident_id, sight)

    def list_incidents(
        self,
        mission_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        states: Collection[IncidentState] = (),
        sight: Sight = EVERYTHING,
    ) -> Page[IncidentRecord]:
        """Incidents of a mission that a reader may see, newest first; only in some states if any.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        wanted = sorted(state.value for state in states)
        statement = select(incidents).where(
            incidents.c.mission_id == mission_id, *seen_incidents(sight)
        )
        if wanted:
            statement = statement.where(incidents.c.state.in_(wanted))
        with self._reading() as connection:
            return read_page(
                connection,
                statement,
                [
                    Order(column=incidents.c.raised_at, descending=True),
                    Order(column=incidents.c.incident_id),
                ],
                scope=["incidents", mission_id, wanted, sight],
                page_size=page_size,
                page_token=page_token,
                to_item=_incident,
            )

    def events_since(
        self, mission_id: str, since: int, limit: int
    ) -> tuple[IncidentEventRecord, ...]:
        """At most `limit` events of a mission after a sequence, in order and without a gap."""
        with self._reading() as connection:
            rows = connection.execute(
                select(incident_events)
                .where(
                    incident_events.c.mission_id == mission_id,
                    incident_events.c.sequence > since,
                )
                .order_by(incident_events.c.sequence)
                .limit(limit)
            )
            return tuple(
                IncidentEventRecord(
                    sequence=row.sequence,
                    kind=ChangeKind(row.kind),
                    record=incident_value(mission_id, row.record),
                    occurred_at=row.occurred_at,
                )
                for row in rows
            )

    def last_sequence(self, mission_id: str) -> int:
        """The sequence of a mission's last event; 0 where it has none."""
        with self._reading() as connection:
            last = connection.execute(
                select(missions.c.event_sequence).where(missions.c.mission_id == mission_id)
            ).scalar_one_or_none()
        return int(last or 0)


def seen_again_at(
    connection: Connection,
    mission_id: str,
    position_ids: Collection[str],
    *,
    captured_at: datetime | None,
    now: datetime,
) -> tuple[IncidentRecord, ...]:
    """The incidents of some positions that a frame may show again, oldest first.

    Where a capture time is unknown, what changed within the hold counts: else every incident there
    ever was would be loaded for good, and a dismissal would silence a place for as long. What is
    absorbed does not count as a change, so that the hold of a dismissal runs from the decision.
    """
    dismissed = incidents.c.state == IncidentState.DISMISSED.value
    recent = or_(
        incidents.c.changed_at >= now - DISMISSAL_HOLD,
        and_(~dismissed, incidents.c.changed_at >= now - INCIDENT_HOLD),
    )
    if captured_at is not None:
        near = incidents.c.last_seen_at.between(
            captured_at - INCIDENT_HOLD, captured_at + INCIDENT_HOLD
        )
        recent = or_(near, incidents.c.last_seen_at.is_(None) & recent)
    rows = connection.execute(
        select(incidents)
        .where(
            incidents.c.mission_id == mission_id,
            incidents.c.position_id.in_(sorted(position_ids)),
            recent,
        )
        .order_by(incidents.c.raised_at, incidents.c.incident_id)
    )
    return tuple(_incident(row) for row in rows)


def touched_by(
    connection: Connection, mission_id: str, imagery_id: str, incident_ids: Collection[str]
) -> tuple[IncidentRecord, ...]:
    """The incidents that were last seen in some imagery, and those of some identifiers."""
    last_seen_in = incidents.c.record["incident"]["imagery_id"].as_string()
    rows = connection.execute(
        select(incidents)
        .where(
            incidents.c.mission_id == mission_id,
            or_(
                last_seen_in == imagery_id,
                incidents.c.incident_id.in_(sorted(incident_ids)),
            ),
        )
        .order_by(incidents.c.raised_at, incidents.c.incident_id)
    )
    return tuple(_incident(row) for row in rows)


def write_events(
    connection: Connection, mission_id: str, events: list[IncidentEventRecord]
) -> None:
    """Write incidents as they are after some events, the events, and the last sequence.

    The mission is locked by the caller, who numbered the events from its last sequence on.
    """
    for event in events:
        record, incident = event.record, event.record.incident
        document = incident_document(record)
        values: dict[str, Any] = {
            "position_id": incident.best.position_id,
            "state": incident.state.value,
            "revision": incident.revision,
            "raised_at": record.raised_at,
            "changed_at": event.occurred_at,
            "last_seen_at": incident.last_seen_at,
            "marking": record.marking.value,
            "record": document,
        }
        key = {"mission_id": mission_id, "incident_id": incident.incident_id}
        if not insert_if_absent(connection, incidents, key | values):
            connection.execute(
                update(incidents)
                .where(
                    incidents.c.mission_id == mission_id,
                    incidents.c.incident_id == incident.incident_id,
                )
                .values(**values)
            )
        connection.execute(
            insert(incident_events).values(
                mission_id=mission_id,
                sequence=event.sequence,
                incident_id=incident.incident_id,
                kind=event.kind.value,
                record=document,
                occurred_at=event.occurred_at,
            )
        )
    if events:
        set_event_sequence(connection, mission_id, events[-1].sequence)


def count_sightings(connection: Connection, record: IncidentRecord) -> None:
    """Write how often a dismissed incident was seen; it counts as unchanged, and has no event."""
    connection.execute(
        update(incidents)
        .where(
            incidents.c.mission_id == record.mission_id,
            incidents.c.incident_id == record.incident.incident_id,
        )
        .values(marking=record.marking.value, record=incident_document(record))
    )


def read_incident(
    connection: Connection, mission_id: str, incident_id: str, sight: Sight = EVERYTHING
) -> IncidentRecord:
    """One incident within a transaction.

    Raises:
        NotFoundError: the mission has none of that name that the reader may see.
    """
    row = connection.execute(
        select(incidents).where(
            incidents.c.mission_id == mission_id,
            incidents.c.incident_id == incident_id,
            *seen_incidents(sight),
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"this mission has no incident {incident_id!r}", field="name")
    return _incident(row)


def _incident(row: Row[Any]) -> IncidentRecord:
    return incident_value(row.mission_id, row.record)
