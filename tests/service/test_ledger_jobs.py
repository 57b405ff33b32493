"""Jobs are leased to one worker at a time, come back from the dead, and are given up in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pipelines.assessment import Assessment
from service.errors import LeaseLostError
from service.ledger.records import ImageryRecord, ImageryState, Lease
from service.ledger.store import Ledger

MakeImagery = Callable[..., ImageryRecord]
MINUTE = timedelta(minutes=1)


def lease(ledger: Ledger, now: datetime, worker: str = "w") -> Lease:
    taken = ledger.lease_job(worker, now, 30)
    assert taken is not None
    return taken


def test_the_oldest_job_comes_first_and_each_once(
    ledger: Ledger, accept: MakeImagery, now: datetime
) -> None:
    for number in (2, 0, 1):
        accept(number)
    later = now + MINUTE
    taken = [lease(ledger, later) for _ in range(3)]
    assert [each.imagery_id for each in taken] == ["image-0000", "image-0001", "image-0002"]
    assert {(each.fence, each.attempt) for each in taken} == {(1, 1)}
    assert {each.expires_at for each in taken} == {later + timedelta(seconds=30)}
    assert ledger.lease_job("w", later, 30) is None
    assert ledger.get_imagery("unmiss", "image-0000").state is ImageryState.PROCESSING


def test_threads_never_lease_the_same_job(
    ledger: Ledger, accept: MakeImagery, now: datetime
) -> None:
    for number in range(24):
        accept(number)
    taken: list[str] = []

    def work() -> None:
        while (mine := ledger.lease_job("w", now + MINUTE, 30)) is not None:
            taken.append(mine.imagery_id)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [f"image-{number:04}" for number in range(24)]


def test_a_dead_worker_gives_its_job_back_and_cannot_end_it_any_more(
    ledger: Ledger,
    accept: MakeImagery,
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> None:
    accept()
    dead = lease(ledger, now, "dead")
    assert ledger.lease_job("heir", now + timedelta(seconds=29), 30) is None
    heir = lease(ledger, now + timedelta(seconds=30), "heir")
    assert (heir.fence, heir.attempt) == (2, 2)
    found = make_assessment((4.0, 30.0))
    for late in (
        lambda: ledger.finish_job(dead, found, [], now=now),
        lambda: ledger.heartbeat(dead, now, 30),
        lambda: ledger.release_job(dead, now),
        lambda: ledger.fail_job(dead, "late", now=now, retry=False),
    ):
        with pytest.raises(LeaseLostError):
            late()
    assert ledger.list_detections("unmiss").items == ()
    assert ledger.events_since("unmiss", 0, 10) == ()
    ledger.finish_job(heir, found, [], now=now)
    with pytest.raises(LeaseLostError):
        ledger.finish_job(heir, found, [], now=now)
    assert len(ledger.list_detections("unmiss").items) == 1
    assert [event.sequence for event in ledger.events_since("unmiss", 0, 10)] == [1]
    assert ledger.lease_job("w", now + timedelta(days=1), 30) is None


def test_a_heartbeat_keeps_the_job(ledger: Ledger, accept: MakeImagery, now: datetime) -> None:
    accept()
    held = lease(ledger, now)
    kept = ledger.heartbeat(held, now + timedelta(seconds=20), 30)
    assert kept == replace(held, expires_at=now + timedelta(seconds=50))
    assert ledger.lease_job("other", now + timedelta(seconds=49), 30) is None
    assert ledger.lease_job("other", now + timedelta(seconds=50), 30) is not None


def test_a_job_that_kills_its_workers_is_given_up(
    ledger: Ledger, accept: MakeImagery, now: datetime
) -> None:
    accept()
    for attempt in range(1, 4):
        assert lease(ledger, now + attempt * MINUTE).attempt == attempt
    assert ledger.lease_job("w", now + 5 * MINUTE, 30) is None
    failed = ledger.get_imagery("unmiss", "image-0000")
    assert failed.state is ImageryState.FAILED
    assert failed.failure == "given up after 3 attempts: its worker ended without a word"


def test_a_failed_attempt_is_repeated_after_a_while(
    ledger: Ledger, accept: MakeImagery, now: datetime
) -> None:
    accept()
    for attempt, reason in ((1, "one"), (2, "two")):
        held = lease(ledger, now)
        assert held.attempt == attempt
        ledger.fail_job(held, reason, now=now, retry=True)
        assert ledger.get_imagery("unmiss", "image-0000").state is ImageryState.QUEUED
        assert ledger.lease_job("w", now, 30) is None
        now += MINUTE
    ledger.fail_job(lease(ledger, now), "three", now=now, retry=True)
    failed = ledger.get_imagery("unmiss", "image-0000")
    assert (failed.state, failed.failure) == (
        ImageryState.FAILED,
        "given up after 3 attempts: three",
    )


def test_what_cannot_be_read_fails_at_once(
    ledger: Ledger, accept: MakeImagery, now: datetime
) -> None:
    accept()
    ledger.fail_job(lease(ledger, now), "this is a PDF", now=now, retry=False)
    failed = ledger.get_imagery("unmiss", "image-0000")
    assert (failed.state, failed.failure) == (ImageryState.FAILED, "this is a PDF")
    assert ledger.lease_job("w", now + timedelta(days=1), 30) is None


def test_jobs_of_a_killed_service_need_not_wait_and_lose_no_attempt(
    ledger: Ledger,
    accept: MakeImagery,
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> None:
    accept(0)
    accept(1)
    later = now + MINUTE
    killed, other = lease(ledger, later, "here/17/a"), lease(ledger, later, "there/17/a")
    assert ledger.release_jobs_of("her_/", later) == 0
    assert ledger.release_jobs_of("here/", later) == 1
    # One that is still alive against all expectation writes nothing.
    with pytest.raises(LeaseLostError):
        ledger.finish_job(killed, make_assessment((4.0, 30.0)), [], now=later)
    again = lease(ledger, later, "here/18/b")
    assert (again.imagery_id, again.fence, again.attempt) == ("image-0000", 2, 1)
    with pytest.raises(LeaseLostError):
        ledger.finish_job(killed, make_assessment((4.0, 30.0)), [], now=later)
    ledger.heartbeat(other, later, 30)


def test_a_drained_worker_costs_no_attempt(
    ledger: Ledger, accept: MakeImagery, now: datetime
) -> None:
    accept()
    for fence in range(1, 6):
        held = lease(ledger, now)
        assert (held.fence, held.attempt) == (fence, 1)
        ledger.release_job(held, now)
        assert ledger.get_imagery("unmiss", "image-0000").state is ImageryState.QUEUED
