"""The audit over both dialects: whole or not at all, in one line, and never changed unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.audit_chain import AuditBrokenError, AuditHead, ChainCheck
from service.audit_heads import AuditHeads
from service.errors import AlreadyExistsError, NotFoundError
from service.ledger.audit_entries import AuditNote, noting
from service.ledger.records import PledgeRecord
from service.ledger.store import Ledger

CHAIN = "missions/unmiss"


@pytest.fixture
def note(now: datetime) -> Callable[..., AuditNote]:
    def make(number: int = 0, **changes: Any) -> AuditNote:
        values: dict[str, Any] = {
            "chain": CHAIN,
            "at": now + timedelta(microseconds=number),
            "actor": "lt-berg",
            "role": "operator",
            "action": "PledgeService.CreatePledge",
            "subject": f"{CHAIN}/pledges/p-{number}",
            "detail": '{"reason":"Büsche ⚠"}',
        }
        return AuditNote(**values | changes)

    return make


def verified(ledger: Ledger, chain: str = CHAIN, anchors: dict[int, str] | None = None) -> int:
    check = ChainCheck(chain=chain, anchors=anchors or {})
    while entries := ledger.audit_entries(chain, after=check.head.sequence):
        for entry in entries:
            check.add(entry)
    check.end()
    return check.head.sequence


def test_an_entry_comes_with_what_it_tells_or_not_at_all(
    ledger: Ledger, pledge: PledgeRecord, note: Callable[..., AuditNote], now: datetime
) -> None:
    with noting(first := note(1)):
        ledger.create_pledge(pledge)
    assert first.written
    (entry,) = ledger.audit_entries(CHAIN)
    assert (entry.sequence, entry.actor, entry.action) == (
        1,
        "lt-berg",
        "PledgeService.CreatePledge",
    )
    assert entry.time_us == round(now.timestamp() * 1_000_000) + 1
    other = replace(pledge, capability="another")
    with noting(second := note(2)), pytest.raises(AlreadyExistsError):
        ledger.create_pledge(other)
    # What is refused within its transaction is not told as done.
    assert not second.written
    with noting(third := note(3)), pytest.raises(NotFoundError):
        ledger.revoke_credential("nobody", revoked_by="x", now=now)
    assert not third.written
    assert len(ledger.audit_entries(CHAIN)) == 1
    assert ledger.get_pledge(pledge.mission_id, pledge.pledge_id) == pledge


def test_one_note_is_one_entry_however_much_is_written_under_it(
    ledger: Ledger, pledge: PledgeRecord, note: Callable[..., AuditNote]
) -> None:
    with noting(note()):
        ledger.create_pledge(pledge)
        ledger.create_pledge(pledge)
        ledger.list_pledges(pledge.mission_id)
    ledger.create_pledge(pledge)
    assert verified(ledger) == 1


def test_work_of_other_threads_is_not_told_under_a_note(
    ledger: Ledger, pledge: PledgeRecord, note: Callable[..., AuditNote]
) -> None:
    with noting(waiting := note()):
        thread = threading.Thread(target=ledger.create_pledge, args=(pledge,))
        thread.start()
        thread.join()
    assert not waiting.written
    assert ledger.audit_entries(CHAIN) == ()


def test_writers_at_once_make_one_chain_of_each_mission(
    ledger: Ledger, ledger_url: str, note: Callable[..., AuditNote], tmp_path: Path
) -> None:
    other = Ledger.open(ledger_url)
    ledger.note_heads_in(heads := AuditHeads(tmp_path / "heads.json"))
    chains = (CHAIN, "missions/minusca")
    failures: list[BaseException] = []

    def write(which: Ledger, worker: int) -> None:
        try:
            for number in range(12):
                which.append_audit(note(number, chain=chains[number % 2], actor=f"w-{worker}"))
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(each, worker))
        for worker, each in enumerate([ledger, other, ledger, other])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for chain in chains:
        assert verified(ledger, chain) == 24
        last = ledger.audit_entries(chain, after=23)[0]
        assert ledger.audit_heads()[chain] == AuditHead(sequence=24, hash=last.hash)
        # What this service noted is in the chain, wherever the other one got in between.
        noted = heads.chains[chain].head
        assert verified(ledger, chain, {noted.sequence: noted.hash}) == 24
    other.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'nobody' WHERE sequence = 2",
        "DELETE FROM audit_entries WHERE sequence = 3",
    ],
)
def test_the_database_itself_refuses_a_change(
    ledger: Ledger, note: Callable[..., AuditNote], statement: str
) -> None:
    for number in range(3):
        ledger.append_audit(note(number))
    with pytest.raises(DBAPIError, match="never changed"), ledger._engine.begin() as connection:
        connection.execute(text(statement))
    assert verified(ledger) == 3


def without_guards(ledger: Ledger, *statements: str) -> None:
    """What somebody may do who owns the database."""
    guards = {
        "sqlite": [
            "DROP TRIGGER audit_entries_no_update",
            "DROP TRIGGER audit_entries_no_delete",
        ],
        "postgresql": ["DROP TRIGGER audit_entries_no_change ON audit_entries"],
    }
    with ledger._engine.begin() as connection:
        for statement in (*guards[ledger._engine.dialect.name], *statements):
            connection.execute(text(statement))


COLUMNS = ("actor", "role", "action", "subject", "outcome", "detail", "previous", "hash")


@pytest.mark.parametrize("column", [*COLUMNS, "occurred_at"])
def test_one_changed_byte_in_the_database_is_found(
    ledger: Ledger, note: Callable[..., AuditNote], column: str
) -> None:
    for number in range(4):
        ledger.append_audit(note(number))
    assert verified(ledger) == 4
    old = getattr(ledger.audit_entries(CHAIN)[1], "time_us" if column == "occurred_at" else column)
    new = old + 1 if isinstance(old, int) else f"'{old[:-1]}{chr(ord(old[-1]) ^ 1)}'"
    without_guards(ledger, f"UPDATE audit_entries SET {column} = {new} WHERE sequence = 2")  # noqa: S608 - a column of the test
    with pytest.raises(AuditBrokenError) as told:
        verified(ledger)
    assert told.value.sequence == 2


def test_a_cut_is_found_by_what_was_noted_outside(
    ledger: Ledger,
    note: Callable[..., AuditNote],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "audit-heads.json"
    ledger.note_heads_in(AuditHeads(file))
    for number in range(5):
        ledger.append_audit(note(number))
    kept = ledger.audit_entries(CHAIN)[3]
    without_guards(
        ledger,
        "DELETE FROM audit_entries WHERE sequence > 3",
        "UPDATE audit_heads SET sequence = 3, "
        "hash = (SELECT hash FROM audit_entries WHERE sequence = 3)",
    )
    # Within the database nothing is wrong; the file knows of more.
    assert verified(ledger) == 3
    noted = AuditHeads(file).chains[CHAIN].head
    assert noted.sequence == 5
    with pytest.raises(AuditBrokenError, match="entry 4 of missions/unmiss is missing") as told:
        verified(ledger, anchors={noted.sequence: noted.hash})
    assert told.value.sequence == kept.sequence
    # The next start finds it out, and what is added after does not cover it up.
    heads = AuditHeads(file)
    heads.compare(ledger.audit_hash)
    assert "entry 5 of the audit of missions/unmiss" in caplog.text
    ledger.note_heads_in(heads)
    for number in range(5):
        ledger.append_audit(note(number))
    after = AuditHeads(file).chains[CHAIN]
    assert (after.head.sequence, after.lost) == (8, [noted])
    with pytest.raises(AuditBrokenError, match="entry 5 of missions/unmiss is not the one"):
        verified(ledger, anchors={each.sequence: each.hash for each in after.lost})
