"""Pledges, positions, rules and imagery: what is registered is what is given back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from models.errors import InvalidInputError
from pipelines.assessment import ProductKind
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.rule import DEFAULT_RULE
from service.errors import AlreadyExistsError, NotFoundError
from service.ledger.records import Acceptance, ImageryRecord, PledgeRecord
from service.ledger.store import Ledger

MakeImagery = Callable[..., ImageryRecord]

POST = Position(
    position_id="post-1",
    display_name="Post «Å»",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=30.0,
    sigma_m=2.5,
    radius_m=None,
)


def test_a_pledge_is_created_once(ledger: Ledger, pledge: PledgeRecord) -> None:
    assert ledger.create_pledge(pledge) == pledge
    later = replace(pledge, created_at=pledge.created_at + timedelta(days=1))
    assert ledger.create_pledge(later) == pledge
    with pytest.raises(AlreadyExistsError):
        ledger.create_pledge(replace(pledge, contributor="SWE"))
    assert ledger.get_pledge("unmiss", "nor-uas-1") == pledge


def test_nothing_crosses_from_one_mission_to_another(
    ledger: Ledger, accept: MakeImagery, now: datetime
) -> None:
    mine = accept(1)
    ledger.create_position("unmiss", POST, now)
    for ask in (
        lambda: ledger.get_pledge("minusca", "nor-uas-1"),
        lambda: ledger.get_imagery("minusca", mine.imagery_id),
        lambda: ledger.get_position("minusca", "post-1"),
        lambda: ledger.delete_position("minusca", "post-1"),
        lambda: ledger.get_product("minusca", mine.imagery_id, ProductKind.GEOJSON),
    ):
        with pytest.raises(NotFoundError):
            ask()
    assert ledger.list_imagery("minusca").items == ()
    assert ledger.all_positions("minusca") == ()
    assert ledger.imagery_of_bytes("minusca", mine.sha256) is None
    assert ledger.imagery_of_bytes("unmiss", mine.sha256) == mine


def test_pages_give_everything_once_while_rows_are_added(
    ledger: Ledger, pledge: PledgeRecord
) -> None:
    # Pairs share their time, so that the second column of the order decides.
    made = [
        replace(
            pledge,
            pledge_id=f"p-{number:02}",
            created_at=pledge.created_at + timedelta(seconds=number // 2),
        )
        for number in range(9)
    ]
    for each in reversed(made):
        ledger.create_pledge(each)
    seen: list[PledgeRecord] = []
    token = ""
    while True:
        page = ledger.list_pledges("unmiss", page_size=2, page_token=token)
        seen += page.items
        token = page.next_page_token
        # Older than every page that is still to come: it must not shift them.
        earlier = pledge.created_at - timedelta(days=len(seen))
        ledger.create_pledge(replace(pledge, pledge_id=f"x-{len(seen)}", created_at=earlier))
        if not token:
            break
    assert seen == made


def test_a_token_of_another_list_is_refused(ledger: Ledger, pledge: PledgeRecord) -> None:
    for number in range(3):
        ledger.create_pledge(replace(pledge, pledge_id=f"p-{number}"))
    ledger.create_pledge(replace(pledge, mission_id="minusca"))
    token = ledger.list_pledges("unmiss", page_size=1).next_page_token
    assert token
    wrong: list[Callable[[], object]] = [
        partial(ledger.list_pledges, "unmiss", page_token=text)
        for text in ("nonsense", "W10", "ä", token[:-4], token + "AAAA")
    ]
    wrong += [
        partial(ledger.list_pledges, "minusca", page_token=token),
        partial(ledger.list_imagery, "unmiss", page_token=token),
    ]
    for call in wrong:
        with pytest.raises(InvalidInputError) as caught:
            call()
        assert caught.value.field == "page_token"
    with pytest.raises(InvalidInputError) as caught:
        ledger.list_pledges("unmiss", page_size=-1)
    assert caught.value.field == "page_size"


def test_positions_come_and_go(ledger: Ledger, now: datetime) -> None:
    wide = replace(POST, position_id="base-1", kind=PositionKind.BASE, radius_m=1500.0)
    assert ledger.create_position("unmiss", POST, now) == POST
    assert ledger.create_position("unmiss", POST, now + timedelta(1)) == POST
    with pytest.raises(AlreadyExistsError):
        ledger.create_position("unmiss", replace(POST, latitude_deg=4.1), now)
    ledger.create_position("unmiss", wide, now)
    assert ledger.all_positions("unmiss") == (wide, POST)
    first = ledger.list_positions("unmiss", page_size=1)
    rest = ledger.list_positions("unmiss", page_size=1, page_token=first.next_page_token)
    assert (first.items, rest.items, rest.next_page_token) == ((wide,), (POST,), "")
    ledger.delete_position("unmiss", "post-1")
    assert ledger.all_positions("unmiss") == (wide,)
    with pytest.raises(NotFoundError):
        ledger.delete_position("unmiss", "post-1")


def test_a_rule_counts_its_revisions(ledger: Ledger, now: datetime) -> None:
    assert ledger.rules_in_force("unmiss") == ()
    guard = replace(
        DEFAULT_RULE,
        rule_id="guard",
        revision=99,
        position_kinds=frozenset({PositionKind.BASE, PositionKind.PATROL}),
    )
    assert ledger.set_rule("unmiss", guard, now) == replace(guard, revision=1)
    wider = replace(guard, radius_m=800.0)
    assert ledger.set_rule("unmiss", wider, now).revision == 2
    ledger.set_rule("unmiss", replace(DEFAULT_RULE, rule_id="all"), now)
    ledger.set_rule("minusca", replace(guard, radius_m=1.0), now)
    assert ledger.rules_in_force("unmiss") == (
        replace(DEFAULT_RULE, rule_id="all", revision=1),
        replace(wider, revision=2),
    )


def test_rules_set_at_once_each_get_their_revision(ledger: Ledger, now: datetime) -> None:
    revisions: list[int] = []

    def set_one(number: int) -> None:
        rule = replace(DEFAULT_RULE, min_confidence=0.3 + number / 100)
        revisions.append(ledger.set_rule("m", rule, now).revision)

    threads = [threading.Thread(target=set_one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(revisions) == list(range(1, 9))


def test_the_same_bytes_are_one_imagery_and_one_job(
    ledger: Ledger, accept: MakeImagery, make_imagery: MakeImagery, now: datetime
) -> None:
    first = accept(1)
    again = replace(make_imagery(1), imagery_id="another", file_name="copy.jpg")
    assert ledger.accept_imagery(again, "request-2", now) == (first, Acceptance.KNOWN)
    assert ledger.imagery_of_request("unmiss", "request-2") == first
    assert ledger.imagery_of_request("unmiss", "request-3") is None
    later = now + timedelta(minutes=1)
    assert ledger.lease_job("w", later, 30) is not None
    assert ledger.lease_job("w", later, 30) is None


def test_threads_with_the_same_bytes_make_one_imagery(
    ledger: Ledger, accept: MakeImagery, make_imagery: MakeImagery, now: datetime
) -> None:
    accept(0)
    results: list[tuple[ImageryRecord, Acceptance]] = []
    barrier = threading.Barrier(8)

    def submit(number: int) -> None:
        record = replace(make_imagery(7), imagery_id=f"try-{number}")
        barrier.wait()
        results.append(ledger.accept_imagery(record, f"request-{number}", now))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({record.imagery_id for record, _ in results}) == 1
    assert sorted(what for _, what in results) == ["known"] * 7 + ["new"]


def test_imagery_of_an_unknown_pledge_leaves_nothing_behind(
    ledger: Ledger, make_imagery: MakeImagery, now: datetime
) -> None:
    with pytest.raises(NotFoundError):
        ledger.accept_imagery(make_imagery(1), "request", now)
    assert ledger.list_imagery("unmiss").items == ()
    assert ledger.lease_job("w", now, 30) is None


def test_imagery_is_listed_newest_first_and_by_sortie(ledger: Ledger, accept: MakeImagery) -> None:
    made = [accept(number) for number in range(3)]
    assert ledger.list_imagery("unmiss").items == tuple(reversed(made))
    assert ledger.list_imagery("unmiss", sortie_id="sortie-1", page_size=1).items == (made[2],)
    assert ledger.list_imagery("unmiss", sortie_id="other").items == ()


def test_a_feed_never_goes_back(ledger: Ledger) -> None:
    assert ledger.feed_cursor("tak/unmiss") == 0
    ledger.set_feed_cursor("tak/unmiss", 7)
    ledger.set_feed_cursor("tak/unmiss", 3)
    assert ledger.feed_cursor("tak/unmiss") == 7
    assert ledger.feed_cursor("tak/minusca") == 0
