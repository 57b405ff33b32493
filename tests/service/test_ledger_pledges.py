"""States of pledges, and accounts that add up to what was put in."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from models.errors import NotAllowedNowError
from pipelines.assessment import Assessment
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind
from service.access import Sight
from service.errors import AlreadyExistsError, NotFoundError, StaleRevisionError
from service.ledger.pledge_states import Caveat, PledgeState, require_delivering
from service.ledger.records import (
    ImageryRecord,
    ImageryState,
    IncidentRecord,
    Marking,
    PledgeRecord,
    Refusal,
)
from service.ledger.store import Ledger
from service.ledger.tables import imagery

POST = Position(
    position_id="post-1",
    display_name="Post 1",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=30.0,
)
START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 31, tzinfo=UTC)

# What may follow on what, written down from the register's rules and not from the code.
ALLOWED = {
    ("pledged", "registered"),
    ("pledged", "withdrawn"),
    ("registered", "deployed"),
    ("registered", "withdrawn"),
    ("deployed", "operational"),
    ("deployed", "suspended"),
    ("deployed", "withdrawn"),
    ("operational", "deployed"),
    ("operational", "suspended"),
    ("operational", "withdrawn"),
    ("suspended", "deployed"),
    ("suspended", "operational"),
    ("suspended", "withdrawn"),
}
# The shortest way from a promise to each state.
WAYS: dict[str, tuple[str, ...]] = {
    "pledged": (),
    "registered": ("registered",),
    "deployed": ("registered", "deployed"),
    "operational": ("registered", "deployed", "operational"),
    "suspended": ("registered", "deployed", "suspended"),
    "withdrawn": ("withdrawn",),
}


def move(ledger: Ledger, pledge: PledgeRecord, state: str, at: datetime) -> PledgeRecord:
    current = ledger.get_pledge(pledge.mission_id, pledge.pledge_id)
    return ledger.move_pledge(
        pledge.mission_id,
        pledge.pledge_id,
        PledgeState(state),
        reason=f"to {state}",
        revision=current.revision,
        moved_by="an officer",
        now=at,
    )


@pytest.mark.parametrize(("before", "after"), list(itertools.product(WAYS, WAYS)))
def test_every_move_is_allowed_or_refused_with_what_may_follow(
    sqlite_ledger: Ledger, pledge: PledgeRecord, now: datetime, before: str, after: str
) -> None:
    sqlite_ledger.create_pledge(pledge)
    for state in WAYS[before]:
        move(sqlite_ledger, pledge, state, now)
    steps = len(WAYS[before])
    if (before, after) in ALLOWED:
        moved = move(sqlite_ledger, pledge, after, now)
        assert (moved.state.value, moved.revision) == (after, steps + 2)
        assert sqlite_ledger.pledge_moves("unmiss", pledge.pledge_id)[-1].reason == f"to {after}"
        return
    with pytest.raises(NotAllowedNowError) as refused:
        move(sqlite_ledger, pledge, after, now)
    assert refused.value.field == "state"
    followers = [state for state in WAYS if (before, state) in ALLOWED]
    assert all(state in str(refused.value) for state in followers)
    assert sqlite_ledger.get_pledge("unmiss", pledge.pledge_id).state.value == before
    assert len(sqlite_ledger.pledge_moves("unmiss", pledge.pledge_id)) == steps


def test_two_people_do_not_overwrite_each_other(
    ledger: Ledger, pledge: PledgeRecord, now: datetime
) -> None:
    ledger.create_pledge(pledge)
    arguments = ("unmiss", pledge.pledge_id, PledgeState.REGISTERED)
    ledger.move_pledge(*arguments, reason="a", revision=1, moved_by="a", now=now)
    with pytest.raises(StaleRevisionError, match="registered at revision 2, not 1"):
        ledger.move_pledge(*arguments, reason="b", revision=1, moved_by="b", now=now)
    with pytest.raises(NotFoundError):
        ledger.move_pledge(
            "unmiss", "other", PledgeState.REGISTERED, reason="", revision=1, moved_by="", now=now
        )


def test_the_same_promise_again_gives_it_as_it_is_by_now(
    ledger: Ledger, pledge: PledgeRecord, now: datetime
) -> None:
    promised = replace(
        pledge,
        valid_from=now,
        valid_until=now + timedelta(days=90),
        monthly_hours=60.0,
        caveats=frozenset({Caveat.NO_FEEDS, Caveat.NO_RELEASE}),
    )
    assert ledger.create_pledge(promised) == promised
    move(ledger, pledge, "registered", now)
    again = ledger.create_pledge(promised)
    assert again == replace(promised, state=PledgeState.REGISTERED, revision=2)
    with pytest.raises(AlreadyExistsError):
        ledger.create_pledge(replace(promised, monthly_hours=61.0))


@pytest.mark.parametrize(
    ("state", "days", "words"),
    [
        (PledgeState.SUSPENDED, 0, "suspended"),
        (PledgeState.WITHDRAWN, 0, "withdrawn"),
        (PledgeState.OPERATIONAL, -11, "valid from 2026-03-04"),
        (PledgeState.OPERATIONAL, 10, "valid until 2026-03-24"),
        (PledgeState.OPERATIONAL, 9, ""),
        (PledgeState.PLEDGED, -10, ""),
    ],
)
def test_imagery_is_taken_of_pledges_that_deliver_now(
    now: datetime, state: PledgeState, days: int, words: str
) -> None:
    valid = now - timedelta(days=10), now + timedelta(days=10)
    at = now + timedelta(days=days)
    if words:
        with pytest.raises(NotAllowedNowError, match=words):
            require_delivering(state, *valid, at)
    else:
        require_delivering(state, *valid, at)


def test_a_refusal_told_twice_is_one(ledger: Ledger, pledge: PledgeRecord, now: datetime) -> None:
    ledger.create_pledge(pledge)
    told = Refusal(
        refused_by="host state",
        reason="no slot",
        planned_at=now,
        planned_hours=2.5,
        recorded_by="a",
        recorded_at=now,
    )
    request = str(uuid.uuid4())
    assert ledger.record_refusal("unmiss", pledge.pledge_id, request, told) == told
    later = replace(told, recorded_at=now + timedelta(hours=1))
    assert ledger.record_refusal("unmiss", pledge.pledge_id, request, later) == told
    with pytest.raises(AlreadyExistsError):
        ledger.record_refusal("unmiss", pledge.pledge_id, request, replace(told, planned_hours=3.0))
    (account,) = ledger.account_for_pledges("unmiss", START, END)
    assert (account.refusals, account.refused_hours) == ({"host state": 1}, 2.5)


def test_an_account_adds_up_to_what_was_put_in(
    ledger: Ledger, pledge: PledgeRecord, make_imagery: Callable[..., ImageryRecord]
) -> None:
    at = datetime(2026, 2, 19, tzinfo=UTC)
    ledger.create_pledge(replace(pledge, created_at=at, monthly_hours=30.436875))
    # Operational for 12 days of the period: 1 to 6 and 20 to 27 March; before it began does not
    # count.
    for day, state in (
        (0, "registered"),
        (1, "deployed"),
        (2, "operational"),
        (15, "suspended"),
        (29, "operational"),
        (36, "withdrawn"),
    ):
        move(ledger, pledge, state, at + timedelta(days=day))
    other = replace(
        pledge,
        pledge_id="swe-1",
        contributor="SWE",
        created_at=at,
        marking=Marking.CONFIDENTIAL,
    )
    ledger.create_pledge(other)
    minute = timedelta(minutes=1)
    taken = START + timedelta(days=5)
    # number, pledge, sortie, captured, state, outcome, findings
    pictures = [
        (0, pledge, "a", taken, ImageryState.PROCESSED, Outcome.LOCATED, []),
        (1, pledge, "a", taken + 30 * minute, ImageryState.PROCESSED, Outcome.LOCATED, []),
        (2, pledge, "a", taken + 90 * minute, ImageryState.FAILED, None, []),
        (3, pledge, "b", None, ImageryState.PROCESSED, Outcome.NO_ATTITUDE, ["NO_ATTITUDE"]),
        (4, pledge, "b", None, ImageryState.PROCESSED, Outcome.NO_HEIGHT, []),
        (5, pledge, "c", taken, ImageryState.QUEUED, None, []),
        # Taken before the period and received in it: not of the period.
        (6, pledge, "d", START - minute, ImageryState.PROCESSED, Outcome.LOCATED, []),
        (7, other, "a", END, ImageryState.PROCESSED, Outcome.LOCATED, []),
        (8, other, "a", END - minute, ImageryState.PROCESSED, Outcome.LOCATED, []),
    ]
    for number, of, sortie, captured, state, outcome, codes in pictures:
        record = replace(make_imagery(number), pledge_id=of.pledge_id, sortie_id=sortie)
        ledger.accept_imagery(record, str(uuid.uuid4()), record.received_at)
        with ledger._writing() as connection:
            connection.execute(
                update(imagery)
                .where(imagery.c.imagery_id == record.imagery_id)
                .values(
                    captured_at=captured,
                    state=state.value,
                    outcome=outcome,
                    findings=[
                        {"code": "A_WARNING", "severity": "warning", "message": ""},
                        *({"code": code, "severity": "error", "message": ""} for code in codes),
                    ],
                )
            )
    nor, swe = ledger.account_for_pledges("unmiss", START, END)
    assert (nor.contributor, nor.pledge_count) == ("NOR", 1)
    # One hour a day until it was withdrawn on 27 March, 26 days into the period.
    assert nor.pledged_hours == pytest.approx(26.0)
    assert nor.operational_days == pytest.approx(5 + 7)
    assert (nor.sortie_count, nor.sorties_without_time) == (3, 1)
    assert nor.flown_hours == pytest.approx(1.5)
    assert nor.delivered_count == 6
    assert nor.delivered_bytes == 6 * 1000 + 0 + 1 + 2 + 3 + 4 + 5
    assert (nor.usable_count, nor.waiting_count) == (2, 1)
    assert nor.unusable == {"NO_ATTITUDE": 1, "NO_HEIGHT": 1, "UNREADABLE": 1}
    assert (swe.contributor, swe.pledged_hours, swe.delivered_count) == ("SWE", None, 1)
    assert (nor.marking, swe.marking) == (Marking.UNCLASSIFIED, Marking.CONFIDENTIAL)
    before = START - timedelta(days=365)
    assert ledger.account_for_pledges("unmiss", before, before + timedelta(days=1)) == ()


@pytest.fixture
def seen(
    ledger: Ledger,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> Callable[[str, int], IncidentRecord]:
    """Shows one car at one place in a frame of a pledge; gives its incident afterwards."""
    caveats = {
        "plain": frozenset[Caveat](),
        "quiet": frozenset({Caveat.NO_FEEDS}),
        "kept": frozenset({Caveat.NO_RELEASE, Caveat.NO_IMAGERY}),
    }
    for name, values in caveats.items():
        ledger.create_pledge(replace(pledge, pledge_id=name, caveats=values))
    ledger.create_position("unmiss", POST, now)

    def show(pledge_id: str, number: int) -> IncidentRecord:
        record = replace(make_imagery(number), pledge_id=pledge_id)
        ledger.accept_imagery(record, str(uuid.uuid4()), record.received_at)
        lease = ledger.lease_job("w", record.received_at, 60)
        assert lease is not None
        assessment = make_assessment((4.001, 30.001))
        capture = replace(assessment.capture, captured_at=now + timedelta(seconds=number))
        ledger.finish_job(lease, replace(assessment, capture=capture), [], now=record.received_at)
        (incident,) = ledger.list_incidents("unmiss").items
        return incident

    return show


def test_an_incident_bears_the_caveats_of_all_it_comes_from(
    ledger: Ledger, seen: Callable[[str, int], IncidentRecord], now: datetime
) -> None:
    assert seen("plain", 0).caveats == frozenset()
    assert seen("quiet", 1).caveats == {Caveat.NO_FEEDS}
    incident = seen("plain", 2)
    assert incident.caveats == {Caveat.NO_FEEDS}
    name, revision = incident.incident.incident_id, incident.incident.revision

    def release(by: str, at: int) -> IncidentRecord:
        return ledger.release_incident("unmiss", name, "XYZ", "to warn them", at, by, now)

    release("first", revision)
    released = release("second", revision + 1)
    outside = Sight(clearance=Marking.UNCLASSIFIED, recipient="XYZ")
    assert released.recipients == {"XYZ"}
    assert len(ledger.list_incidents("unmiss", sight=outside).items) == 1
    # What must not be released comes to it: nobody outside sees it any more.
    kept = seen("kept", 3)
    assert kept.caveats == {Caveat.NO_FEEDS, Caveat.NO_RELEASE, Caveat.NO_IMAGERY}
    assert kept.recipients == frozenset()
    assert ledger.list_incidents("unmiss", sight=outside).items == ()
    with pytest.raises(NotFoundError):
        ledger.get_incident("unmiss", name, sight=outside)
    with pytest.raises(NotAllowedNowError, match="no-release"):
        ledger.release_incident("unmiss", name, "ABC", "why", kept.incident.revision, "a", now)
