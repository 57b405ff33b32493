"""Reads are told at once or counted, and no caller's reading is without a trace."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from service.audit_chain import ChainCheck
from service.errors import UnavailableError
from service.ledger.audit_entries import AuditNote
from service.ledger.store import Ledger
from service.read_book import PERIOD, ReadBook

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME = "missions/unmiss"


def read(seconds: float, image: int = 0, actor: str = "nor-cell") -> AuditNote:
    return AuditNote(
        chain=HOME,
        at=NOON + timedelta(seconds=seconds),
        actor=actor,
        role="contributor",
        action="ImageryService.GetImagery",
        subject=f"{HOME}/imagery/{image}",
        detail="{}",
    )


class Chain:
    """Keeps what is appended; or fails, as a ledger that is away."""

    def __init__(self) -> None:
        self.notes: list[AuditNote] = []
        self.is_away = False

    def append(self, note: AuditNote) -> None:
        if self.is_away:
            raise UnavailableError("away")
        self.notes.append(note)

    def told(self) -> list[tuple[str, str, str]]:
        return [(note.actor, note.subject, note.detail) for note in self.notes]


def test_the_first_read_is_an_entry_and_the_rest_of_its_hour_are_one() -> None:
    chain = Chain()
    book = ReadBook(chain.append)
    for number in range(1000):
        book.write_down(read(number, image=number % 2))
        book.write_down(read(number, actor="swe-cell"))
    first = [("nor-cell", f"{HOME}/imagery/0", "{}"), ("swe-cell", f"{HOME}/imagery/0", "{}")]
    assert chain.told() == first
    book.tell(NOON + PERIOD - timedelta(seconds=1))
    assert chain.told() == first
    book.tell(NOON + PERIOD)
    ours, theirs = chain.notes[2:]
    assert json.loads(ours.detail) == {
        "further_reads": 999,
        "since": "2026-03-01T12:00:00+00:00",
        "until": "2026-03-01T12:16:39+00:00",
        "subjects": [f"{HOME}/imagery/1", f"{HOME}/imagery/0"],
    }
    assert (ours.actor, ours.role, ours.action) == ("nor-cell", "contributor", read(0).action)
    assert (ours.at, ours.subject, ours.outcome) == (NOON + PERIOD, "", "done")
    assert (theirs.actor, theirs.subject) == ("swe-cell", f"{HOME}/imagery/0")
    # The next hour begins with an entry; a lone read is told once.
    book.write_down(read(3700))
    book.tell(NOON + 3 * PERIOD, everything=True)
    assert len(chain.notes) == 5


def test_a_read_after_the_hour_begins_another_before_anybody_tells() -> None:
    chain = Chain()
    book = ReadBook(chain.append)
    for seconds in (0, 1, 3600, 3601):
        book.write_down(read(seconds))
    assert [note.at for note in chain.notes] == [NOON, NOON + PERIOD]
    book.tell(NOON + PERIOD + timedelta(minutes=1))
    assert [json.loads(note.detail).get("further_reads") for note in chain.notes] == [None, None, 1]
    book.tell(NOON + PERIOD + timedelta(minutes=1), everything=True)
    assert json.loads(chain.notes[-1].detail)["until"] == "2026-03-01T13:00:01+00:00"
    assert len(chain.notes) == 4


def test_what_was_read_is_named_as_far_as_an_entry_has_room() -> None:
    chain = Chain()
    book = ReadBook(chain.append)
    for number in range(5000):
        book.write_down(read(number / 10, image=number))
    book.tell(NOON, everything=True)
    (_, count) = chain.notes
    assert len(count.detail) <= 4096
    detail = json.loads(count.detail)
    assert detail["further_reads"] == 4999
    assert detail["subjects"][:2] == [f"{HOME}/imagery/1", f"{HOME}/imagery/2"]
    assert len(detail["subjects"]) + detail["reads_of_others"] == 4999


def test_nobody_is_answered_while_the_ledger_is_away_and_no_count_is_lost() -> None:
    chain = Chain()
    book = ReadBook(chain.append)
    chain.is_away = True
    for seconds in (0, 1):
        with pytest.raises(UnavailableError):
            book.write_down(read(seconds))
    chain.is_away = False
    book.write_down(read(2, actor="swe-cell"))
    book.write_down(read(3, actor="swe-cell"))
    chain.is_away = True
    with pytest.raises(UnavailableError):
        book.tell(NOON, everything=True)
    chain.is_away = False
    book.tell(NOON, everything=True)
    assert json.loads(chain.notes[-1].detail)["further_reads"] == 1


def test_readers_at_once_are_all_told(sqlite_ledger: Ledger) -> None:
    book = ReadBook(sqlite_ledger.append_audit)

    def work(worker: int) -> None:
        for number in range(50):
            book.write_down(read(number, image=worker))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book.tell(NOON, everything=True)
    entries = sqlite_ledger.audit_entries(HOME)
    check = ChainCheck(chain=HOME)
    for entry in entries:
        check.add(entry)
    counts = [json.loads(entry.detail).get("further_reads", 1) for entry in entries]
    assert sum(counts) == 400
    # Those that came while the first was still being written have entries of their own.
    assert len(entries) <= 1 + 7 + 1
