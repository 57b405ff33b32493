"""The ledger is durable, migrates under a lock, and tells of changes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from service.errors import StartupError, UnavailableError
from service.ledger.records import PledgeRecord
from service.ledger.store import Ledger
from service.ledger.tables import METADATA

_MIGRATE = "import sys; from service.ledger.store import Ledger; Ledger.open(sys.argv[1]).migrate()"
_ROOT = Path(__file__).resolve().parents[2]


def test_every_sqlite_connection_is_durable(sqlite_ledger: Ledger) -> None:
    connections = [sqlite_ledger._engine.connect() for _ in range(3)]
    try:
        for connection in connections:
            pragma = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            # https://sqlite.org/pragma.html: synchronous 2 is FULL.
            assert pragma == {
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "busy_timeout": 30_000,
            }
    finally:
        for connection in connections:
            connection.close()


def test_migrations_and_tables_say_the_same(ledger: Ledger) -> None:
    with ledger._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_processes_that_start_at_once_take_turns(ledger_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _MIGRATE, ledger_url], cwd=_ROOT, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, errors
    ledger = Ledger.open(ledger_url)
    assert ledger.list_pledges("m").items == ()
    ledger.close()


def test_migrating_again_keeps_what_is_there(ledger: Ledger, pledge: PledgeRecord) -> None:
    ledger.create_pledge(pledge)
    ledger.migrate()
    assert ledger.get_pledge(pledge.mission_id, pledge.pledge_id) == pledge


def test_the_token_changes_with_commits_of_anybody_and_with_nothing_else(
    ledger: Ledger, ledger_url: str, pledge: PledgeRecord
) -> None:
    other = Ledger.open(ledger_url)
    first = ledger.change_token()
    ledger.list_pledges("unmiss")
    other.list_pledges("unmiss")
    assert ledger.change_token() == first
    ledger.create_pledge(pledge)
    second = ledger.change_token()
    other.create_pledge(replace(pledge, pledge_id="other"))
    third = ledger.change_token()
    other.close()
    assert len({first, second, third}) == 3


def test_a_dialect_that_nobody_wrote_is_refused_by_name() -> None:
    with pytest.raises(StartupError, match="mysql"):
        Ledger.open("mysql://localhost/ledger")


def test_a_database_that_does_not_answer_is_an_error_of_ours(
    tmp_path: Path, pledge: PledgeRecord
) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'missing' / 'ledger.sqlite3'}")
    for call in (lambda: ledger.create_pledge(pledge), ledger.change_token):
        with pytest.raises(UnavailableError):
            call()
    (tmp_path / "missing").mkdir()
    ledger.migrate()
    ledger.create_pledge(pledge)
    assert ledger.change_token() is not None
    ledger.close()


def test_times_keep_their_microseconds(ledger: Ledger, pledge: PledgeRecord) -> None:
    odd = replace(pledge, created_at=pledge.created_at + timedelta(microseconds=1))
    assert ledger.create_pledge(odd).created_at == odd.created_at
    with pytest.raises(Exception, match="without a zone"):
        ledger.create_pledge(
            replace(pledge, pledge_id="naive", created_at=odd.created_at.replace(tzinfo=None))
        )
