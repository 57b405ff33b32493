"""What a person dismissed is held, and silences nothing else."""

from __future__ import annotations

from datetime import timedelta

from pipelines.threats.incidents.incident import (
    DISMISSAL_HOLD,
    ChangeKind,
    IncidentState,
)
from pipelines.threats.tracks.pairing import PINNED_REACH_M
from tests.pipelines.threats.incidents.watched_base import NOON, Book, see


def test_what_was_dismissed_is_taken_in_silently_and_counted_for_a_while() -> None:
    book = Book()
    (raised,) = book.add(see((100.0, 0.0)), "i0", NOON)
    dismissed = book.decide(raised.incident, "dismissed")
    for minute in range(10, 121, 10):
        changes = book.add(see((101.0, 1.0)), f"m{minute}", NOON + timedelta(minutes=minute))
        assert [(it.kind, it.incident.state) for it in changes] == [
            (ChangeKind.ABSORBED, IncidentState.DISMISSED)
        ]
    (known,) = book.incidents
    assert known.sighting_count == 13
    # Who holds what was dismissed can still correct it.
    assert known.revision == dismissed.revision
    assert known.best == dismissed.best
    (counted,) = book.watch.suppressions.values()
    assert (counted.reason, counted.count, counted.imagery_id) == ("DISMISSED", 12, "m120")
    assert counted.last_at == NOON + DISMISSAL_HOLD
    anew = book.add(see((101.0, 1.0)), "late", NOON + DISMISSAL_HOLD + timedelta(seconds=1))
    assert [it.kind for it in anew] == [ChangeKind.RAISED]


def test_a_dismissal_silences_nothing_else() -> None:
    def dismissed() -> Book:
        book = Book()
        (raised,) = book.add(see((100.0, 0.0), sigma=80.0), "i0", NOON)
        book.decide(raised.incident, "dismissed")
        return book

    at = NOON + timedelta(seconds=10)
    second = dismissed().add(see((100.0, 0.0), (110.0, 0.0)), "a", at)
    assert sorted(it.kind for it in second) == [ChangeKind.ABSORBED, ChangeKind.RAISED]
    far = see((100.0 + PINNED_REACH_M + 5.0, 0.0), sigma=80.0)
    assert [it.kind for it in dismissed().add(far, "b", at)] == [ChangeKind.RAISED]
    person = see((100.0, 0.0), category="person")
    assert [it.kind for it in dismissed().add(person, "c", at)] == [ChangeKind.RAISED]
