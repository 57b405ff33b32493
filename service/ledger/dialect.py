"""Everything that differs between SQL dialects; the rest of the ledger cannot tell them apart."""

from __future__ import annotations

import functools
import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.errors import StartupError, UnavailableError

NO_ANSWER = (OperationalError, InterfaceError, PoolTimeoutError)
"""What a database raises that is away, busy for too long, or out of connections."""

_BUSY_SECONDS = 30.0
_WRITE = "vedette_write"
# Any number that no other user of the same PostgreSQL database takes for its own lock.
_MIGRATION_LOCK = 0x7ED_E77E


def open_engine(url: str) -> Engine:
    """An engine for a ledger's URL, durable at every commit.

    SQLite: write-ahead log, `synchronous=FULL` (a commit is on disk when it returns), foreign keys
    enforced, and writers queue for the lock at their start, so that none fails half-way.

    Raises:
        StartupError: the URL names a dialect that the ledger is not written for.
    """
    name = make_url(url).get_backend_name()
    if name == "sqlite":
        # Transactions are begun below, not by the driver: it would begin them too late.
        engine = create_engine(
            url, connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None}, pool_size=20
        )
        event.listen(engine, "connect", _set_sqlite_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if name == "postgresql":
        return create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    raise StartupError(f"the ledger knows SQLite and PostgreSQL, not {name!r}")


def for_writing(connection: Connection) -> Connection:
    """The connection, so marked that its next transaction takes the write lock at once."""
    return connection.execution_options(**{_WRITE: True})


def for_reading(connection: Connection) -> Connection:
    """The connection, so marked that its next transaction only reads."""
    return connection.execution_options(**{_WRITE: False})


def insert_if_absent(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row unless its key, or another unique value of it, is there; tell if it was not.

    Where another transaction is inserting the same key, this waits for its end.
    """
    # Drivers do not agree on the row count of an insert that did nothing; rows returned are sure.
    statement = _insert(connection.dialect.name, table).values(values).on_conflict_do_nothing()
    key = next(iter(table.primary_key))
    return connection.execute(statement.returning(key)).first() is not None


def insert_those_absent(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert those of some rows whose keys are not there, all by one statement."""
    if rows:
        connection.execute(_insert_absent(connection.dialect.name, table), rows)


def write_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows over those of the same primary keys, or as new ones, all by one statement.

    Every row names the same columns. Of several with one key the last one stays.
    """
    if rows:
        connection.execute(_write_over(connection.dialect.name, table, tuple(rows[0])), rows)


# Built once for each table: to build a statement costs more than to run it.
@functools.cache
def _insert_absent(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


@functools.cache
def _write_over(dialect: str, table: Table, columns: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    keys = {column.name for column in table.primary_key}
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: statement.excluded[name] for name in columns if name not in keys},
    )


def _insert(dialect: str, table: Table) -> Any:
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def lock_schema(connection: Connection) -> None:
    """Let no other process migrate until this transaction ends."""
    # A writing transaction on SQLite is alone already.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


class ChangeProbe:
    """Tells cheaply whether anybody has committed anything since it was last asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def token(self) -> object:
        """A value that differs after any commit by any process."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = for_reading(self._engine.connect())
                with self._connection.begin():
                    return self._read(self._connection)
            except NO_ANSWER as error:
                # The next call connects anew, and its value differs from all before.
                if self._connection is not None:
                    self._connection.invalidate()
                    self._connection.close()
                    self._connection = None
                raise UnavailableError("the ledger does not answer") from error

    def _read(self, connection: Connection) -> object:
        if connection.dialect.name == "sqlite":
            # Counts commits of every connection but this one, which never writes.
            statement = "PRAGMA data_version"
        else:
            # The set of transactions still running changes with every commit.
            statement = "SELECT pg_current_snapshot()::text"
        return connection.exec_driver_sql(statement).scalar()

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _set_sqlite_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    # Turning on the log does not wait for the lock as other statements do: ask again.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
