"""Incidents and the stream of what happens to them."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

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
from service.ledger.tables import (
    incident_events,
    incident_positions,
    incidents,
    missions,
    tracks,
)
from service.ledger.tracks import Around, AroundKind

_AT_ONCE = 500
# Those around a frame are read each time, of which a few have changed since.
_INCIDENTS_KEPT = 1024
_READ = select(
    incidents.c.mission_id,
    incidents.c.state,
    incidents.c.changed_at,
    incidents.c.last_seen_at,
    # The document as it was written: the text tells whether it was read before.
    cast(incidents.c.record, Text),
)
_READ_WITHOUT_TRACK = _READ.where(
    incidents.c.mission_id == bindparam("asked_mission"),
    incidents.c.track_id == "",
    incidents.c.position_id.in_(bindparam("asked_positions", expanding=True)),
    incidents.c.changed_at >= bindparam("asked_changed"),
)
_WRITE_QUIETLY = update(incidents).where(
    incidents.c.mission_id == bindparam("of_mission"),
    incidents.c.incident_id == bindparam("of_incident"),
)
_INSERT_EVENTS = insert(incident_events)


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
        position_id: str | None = None,
        sight: Sight = EVERYTHING,
    ) -> Page[IncidentRecord]:
        """Incidents of a mission that a reader may see, newest first.

        Args:
            mission_id: the mission.
            page_size: 0 for the usual one.
            page_token: of the page before.
            states: only those in these, where any are given.
            position_id: only those that are near it, at whichever position they are gravest.
            sight: what the reader may see; to whom an incident was released it is near the position
                that it was released for, which no filter looks at.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        wanted = sorted(state.value for state in states)
        statement = select(incidents).where(
            incidents.c.mission_id == mission_id, *seen_incidents(sight)
        )
        if wanted:
            statement = statement.where(incidents.c.state.in_(wanted))
        if position_id:
            statement = statement.where(_near(position_id))
        with self._reading() as connection:
            return read_page(
                connection,
                statement,
                [
                    Order(column=incidents.c.raised_at, descending=True),
                    Order(column=incidents.c.incident_id),
                ],
                scope=["incidents", mission_id, wanted, position_id or "", sight],
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


def incidents_around(
    connection: Connection, around: Around, *, captured_at: datetime | None, now: datetime
) -> list[IncidentRecord]:
    """The incidents of the tracks around a frame, in any state, as `incidents_of_tracks`."""
    rows = connection.execute(_read_around(around.kind), around.asked)
    return _still_held(rows.all(), captured_at, now)


def incidents_of_tracks(
    connection: Connection,
    mission_id: str,
    track_ids: Collection[str],
    *,
    captured_at: datetime | None,
    now: datetime,
) -> list[IncidentRecord]:
    """The incidents of some tracks, in any state, in no order.

    The hold of a dismissal is measured by capture times. Where one is unknown it runs from the
    decision, since what is absorbed does not count as a change; then the incident is left out.
    """
    names = sorted(track_ids)
    found: list[IncidentRecord] = []
    for start in range(0, len(names), _AT_ONCE):
        rows = connection.execute(
            _READ.where(
                incidents.c.mission_id == mission_id,
                incidents.c.track_id.in_(names[start : start + _AT_ONCE]),
            )
        )
        found += _still_held(rows.all(), captured_at, now)
    return found


def _still_held(
    rows: Iterable[Any], captured_at: datetime | None, now: datetime
) -> list[IncidentRecord]:
    found = []
    for mission_id, state, changed_at, last_seen_at, document in rows:
        timed = captured_at is not None and last_seen_at is not None
        over = changed_at < now - DISMISSAL_HOLD
        if state == IncidentState.DISMISSED.value and not timed and over:
            continue
        found.append(_known(mission_id, document))
    return found


def incidents_without_track(
    connection: Connection, mission_id: str, position_ids: Collection[str], *, now: datetime
) -> tuple[IncidentRecord, ...]:
    """The incidents of some positions from before there were tracks that may still be held."""
    if not position_ids:
        return ()
    rows = connection.execute(
        _READ_WITHOUT_TRACK,
        {
            "asked_mission": mission_id,
            "asked_positions": sorted(position_ids),
            "asked_changed": now - INCIDENT_HOLD,
        },
    )
    return tuple(_known(name, document) for name, *_, document in rows)


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
        _write_positions(connection, mission_id, events)
        connection.execute(_INSERT_EVENTS, told)
        set_event_sequence(connection, mission_id, events[-1].sequence)


def _write_positions(
    connection: Connection, mission_id: str, events: Sequence[IncidentEventRecord]
) -> None:
    """Write which further positions incidents are near as they are after some events."""
    latest = {event.record.incident.incident_id: event.record.incident for event in events}
    names = sorted(latest)
    for start in range(0, len(names), _AT_ONCE):
        connection.execute(
            delete(incident_positions).where(
                incident_positions.c.mission_id == mission_id,
                incident_positions.c.incident_id.in_(names[start : start + _AT_ONCE]),
            )
        )
    rows = [
        {"mission_id": mission_id, "incident_id": name, "position_id": position_id}
        for name, incident in latest.items()
        for position_id in incident.position_ids[1:]
    ]
    if rows:
        connection.execute(insert(incident_positions), rows)


def _near(position_id: str) -> ColumnElement[bool]:
    """Whether rows of incidents are near a position."""
    return or_(
        incidents.c.position_id == position_id,
        exists().where(
            incident_positions.c.mission_id == incidents.c.mission_id,
            incident_positions.c.incident_id == incidents.c.incident_id,
            incident_positions.c.position_id == position_id,
        ),
    )


def write_quietly(connection: Connection, records: Sequence[IncidentRecord]) -> None:
    """Write incidents whose books changed; they count as unchanged, and have no event."""
    if not records:
        return
    connection.execute(
        _WRITE_QUIETLY,
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


@functools.cache
def _read_around(kind: AroundKind) -> Select[Any]:
    return _READ.where(
        incidents.c.mission_id == bindparam("asked_mission"),
        incidents.c.track_id.in_(select(tracks.c.track_id).where(kind.condition)),
    )


@functools.lru_cache(maxsize=_INCIDENTS_KEPT)
def _known(mission_id: str, document: str) -> IncidentRecord:
    """The incident that a document tells; one object for all who read it."""
    return incident_value(mission_id, json.loads(document))


def _incident(row: Row[Any]) -> IncidentRecord:
    return incident_value(row.mission_id, row.record)
