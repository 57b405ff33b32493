"""Transactions: the ground on which every part of the ledger stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, bindparam, select, update

from service.audit_chain import AuditHead
from service.audit_heads import AuditHeads
from service.errors import UnavailableError
from service.ledger import dialect
from service.ledger.audit_entries import append_note, pending_note
from service.ledger.tables import missions

_LOCK_MISSION = (
    select(missions.c.event_sequence)
    .where(missions.c.mission_id == bindparam("asked_mission"))
    .with_for_update()
)
_COUNT_EVENTS = (
    update(missions)
    .where(missions.c.mission_id == bindparam("of_mission"))
    .values(event_sequence=bindparam("event_sequence"))
)


class Database:
    """An engine and the two kinds of transaction: reads see one state, writes happen whole."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._heads: AuditHeads | None = None

    def note_heads_in(self, heads: AuditHeads) -> None:
        """Note outside the ledger, from now on, where each chain of the audit ends."""
        self._heads = heads

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as bare:
                connection = dialect.for_reading(bare)
                with connection.begin():
                    yield connection
        except dialect.NO_ANSWER as error:
            raise UnavailableError(f"the ledger does not answer: {_cause(error)}") from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as bare:
                connection = dialect.for_writing(bare)
                note, entry = pending_note(), None
                with connection.begin():
                    yield connection
                    if note is not None:
                        entry = append_note(connection, note)
        except dialect.NO_ANSWER as error:
            raise UnavailableError(f"the ledger does not answer: {_cause(error)}") from error
        if note is not None and entry is not None:
            note.written = True
            if self._heads is not None:
                self._heads.note(entry.chain, AuditHead(sequence=entry.sequence, hash=entry.hash))


def _cause(error: Exception) -> object:
    # The driver's words alone: SQLAlchemy's would add the statement and what was in it.
    return getattr(error, "orig", error)


def lock_mission(connection: Connection, mission_id: str) -> int:
    """Lock a mission's row until the transaction ends; returns its last event sequence."""
    asked = {"asked_mission": mission_id}
    found = connection.execute(_LOCK_MISSION, asked).scalar_one_or_none()
    if found is None:
        dialect.insert_if_absent(
            connection, missions, {"mission_id": mission_id, "event_sequence": 0}
        )
        found = connection.execute(_LOCK_MISSION, asked).scalar_one()
    return int(found)


def set_event_sequence(connection: Connection, mission_id: str, sequence: int) -> None:
    """Write the last event sequence of a locked mission."""
    connection.execute(_COUNT_EVENTS, {"of_mission": mission_id, "event_sequence": sequence})
