"""Incidents that time ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from pipelines.threats.incidents.incident import LIVE, MOVING_HOLD
from pipelines.threats.incidents.incident_evidence import expired
from service.ledger.database import Database, lock_mission
from service.ledger.documents import incident_value
from service.ledger.incidents import write_events
from service.ledger.records import IncidentEventRecord
from service.ledger.tables import incidents


class Expiry(Database):
    """Ends of incidents that are not seen any more."""

    def expire_incidents(self, now: datetime) -> tuple[IncidentEventRecord, ...]:
        """End the incidents that were not seen for longer than they are held.

        Safe to call at any time and from several processes: each incident is looked at again under
        the lock of its mission.

        Returns:
            The events, by mission in the order of their sequences.
        """
        stale = (
            incidents.c.state.in_(sorted(state.value for state in LIVE)),
            incidents.c.changed_at < now - MOVING_HOLD,
        )
        with self._reading() as connection:
            due = [
                row.mission_id
                for row in connection.execute(select(incidents).where(*stale))
                if expired(incident_value(row.mission_id, row.record).incident, row.changed_at, now)
            ]
        written: list[IncidentEventRecord] = []
        for mission_id in sorted(set(due)):
            with self._writing() as connection:
                sequence = lock_mission(connection, mission_id)
                rows = connection.execute(
                    select(incidents)
                    .where(incidents.c.mission_id == mission_id, *stale)
                    .order_by(incidents.c.raised_at, incidents.c.incident_id)
                ).all()
                events = []
                for row in rows:
                    record = incident_value(mission_id, row.record)
                    change = expired(record.incident, row.changed_at, now)
                    if change is None:
                        continue
                    sequence += 1
                    events.append(
                        IncidentEventRecord(
                            sequence=sequence,
                            kind=change.kind,
                            record=replace(record, incident=change.incident),
                            occurred_at=now,
                        )
                    )
                write_events(connection, mission_id, events)
            written += events
        return tuple(written)
