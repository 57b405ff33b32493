"""Incidents and the stream of what happens to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from pipelines.threats.incidents.incident import (
    DISMISSAL_HOLD,
    INCIDENT_HOLD,
    ChangeKind,
    IncidentState,
)
from service.access import EVERYTHING, Sight
from service.errors import NotFoundError
from service.ledger.database import Database, set_event_sequence
from service.ledger.dialect import write_rows
from service.ledger.documents import incident_document, incident_value
from service.ledger.pages import Order, Page, read_page
from service.ledger.pledge_states import Caveat
from service.ledger.records import IncidentEventRecord, IncidentRecord
from service.ledger.sight import seen_incidents
from service.ledger.tables import incident_events, incidents, missions

_AT_ONCE = 500


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


def incidents_of_tracks(
    connection: Connection,
    mission_id: str,
    track_ids: Collection[str],
    *,
    captured_at: datetime | None,
    now: datetime,
) -> tuple[IncidentRecord, ...]:
    """The incidents of some tracks, oldest first, in any state.

    The hold of a dismissal is measured by capture times. Where one is unknown it runs from the
    decision, since what is absorbed does not count as a change; then the incident is left out.
    """
    names = sorted(track_ids)
    found: list[IncidentRecord] = []
    for start in range(0, len(names), _AT_ONCE):
        rows = connection.execute(
            select(incidents).where(
                incidents.c.mission_id == mission_id,
                incidents.c.track_id.in_(names[start : start + _AT_ONCE]),
            )
        )
        for row in rows:
            timed = captured_at is not None and row.last_seen_at is not None
            over = row.changed_at < now - DISMISSAL_HOLD
            if row.state == IncidentState.DISMISSED.value and not timed and over:
                continue
            found.append(_incident(row))
    return tuple(sorted(found, key=lambda it: (it.raised_at, it.incident.incident_id)))


def incidents_without_track(
    connection: Connection, mission_id: str, position_ids: Collection[str], *, now: datetime
) -> tuple[IncidentRecord, ...]:
    """The incidents of some positions from before there were tracks that may still be held."""
    if not position_ids:
        return ()
    rows = connection.execute(
        select(incidents).where(
            incidents.c.mission_id == mission_id,
            incidents.c.track_id == "",
            incidents.c.position_id.in_(sorted(position_ids)),
            incidents.c.changed_at >= now - INCIDENT_HOLD,
        )
    )
    return tuple(_incident(row) for row in rows)


def write_events(
    connection: Connection, mission_id: str, events: list[IncidentEventRecord]
) -> None:
    """Write incidents as they are after some events, the events, and the last sequence.

    The mission is locked by the caller, who numbered the events from its last sequence on.
    """
    latest: dict[str, dict[str, Any]] = {}
    told: list[dict[str, Any]] = []
    for event in events:
        record, incident = event.record, event.record.incident
        document = incident_document(record)
        latest[incident.incident_id] = {
            "mission_id": mission_id,
            "incident_id": incident.incident_id,
            "position_id": incident.best.position_id,
            "track_id": incident.track_id,
            "state": incident.state.value,
            "revision": incident.revision,
            "raised_at": record.raised_at,
            "changed_at": event.occurred_at,
            "last_seen_at": incident.last_seen_at,
            "marking": record.marking.value,
            "is_kept_inside": Caveat.NO_RELEASE in record.caveats,
            "record": document,
        }
        told.append(
            {
                "mission_id": mission_id,
                "sequence": event.sequence,
                "incident_id": incident.incident_id,
                "kind": event.kind.value,
                "record": document,
                "occurred_at": event.occurred_at,
            }
        )
    if events:
        write_rows(connection, incidents, list(latest.values()))
        connection.execute(insert(incident_events), told)
        set_event_sequence(connection, mission_id, events[-1].sequence)


def write_quietly(connection: Connection, records: Sequence[IncidentRecord]) -> None:
    """Write incidents whose books changed; they count as unchanged, and have no event."""
    if not records:
        return
    connection.execute(
        update(incidents).where(
            incidents.c.mission_id == bindparam("of_mission"),
            incidents.c.incident_id == bindparam("of_incident"),
        ),
        [
            {
                "of_mission": record.mission_id,
                "of_incident": record.incident.incident_id,
                "track_id": record.incident.track_id,
                "marking": record.marking.value,
                "is_kept_inside": Caveat.NO_RELEASE in record.caveats,
                "record": incident_document(record),
            }
            for record in records
        ],
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
