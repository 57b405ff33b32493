"""Transactions: the ground on which every part of the ledger stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, select, update

from service.errors import UnavailableError
from service.ledger import dialect
from service.ledger.tables import missions


class Database:
    """An engine and the two kinds of transaction: reads see one state, writes happen whole."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
                with connection.begin():
                    yield connection
        except dialect.NO_ANSWER as error:
            raise UnavailableError(f"the ledger does not answer: {_cause(error)}") from error


def _cause(error: Exception) -> object:
    # The driver's words alone: SQLAlchemy's would add the statement and what was in it.
    return getattr(error, "orig", error)


def lock_mission(connection: Connection, mission_id: str) -> int:
    """Lock a mission's row until the transaction ends; returns its last event sequence."""
    dialect.insert_if_absent(connection, missions, {"mission_id": mission_id, "event_sequence": 0})
    row = connection.execute(
        select(missions.c.event_sequence)
        .where(missions.c.mission_id == mission_id)
        .with_for_update()
    )
    return int(row.scalar_one())


def set_event_sequence(connection: Connection, mission_id: str, sequence: int) -> None:
    """Write the last event sequence of a locked mission."""
    connection.execute(
        update(missions).where(missions.c.mission_id == mission_id).values(event_sequence=sequence)
    )
