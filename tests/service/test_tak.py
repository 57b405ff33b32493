from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.threats.incidents.decisions import Verdict
from service.feeds import tak
from service.feeds.cot import cot_uid
from service.feeds.tak import TakFeed
from service.ledger.pledge_states import Caveat
from service.ledger.records import (
    Marking,
)
from tests.service.tak_server import (
    HAE,
    LATITUDE,
    LONGITUDE,
    Events,
    Taky,
    decided,
    feeding,
    followed,
    raised,
    reading,
    until,
)


async def test_an_operator_sees_raise_update_confirmation_and_cancellation(taky: Taky) -> None:
    events = Events()
    feed = TakFeed(events, taky.server())
    first = raised(1)
    uid = cot_uid(first.record)
    async with reading(taky) as reader, feeding(feed, events):
        events.add(first)
        marker = await reader.next(uid)
        assert (marker.get("type"), marker.get("how")) == ("a-u-G-E-V", "m-p")
        point = marker.find("point")
        # One sigma of CE90 10.73 m and LE90 8.225 m; taky itself rounds what it passes on.
        assert float(point.get("ce")) == pytest.approx(5.0, abs=0.051)
        assert float(point.get("le")) == pytest.approx(5.0, abs=0.051)
        assert float(point.get("lat")) == pytest.approx(LATITUDE, abs=5.1e-7)
        own = marker.find("detail/__vedette")
        assert float(own.get("latitude_deg")) == pytest.approx(LATITUDE, abs=1e-12)
        assert float(own.get("longitude_deg")) == pytest.approx(LONGITUDE, abs=1e-12)
        assert float(own.get("hae_m")) == pytest.approx(HAE, abs=1e-9)
        assert float(own.get("ce90_m")) == 10.73
        assert "Base <&> Ñ" in marker.find("detail/contact").get("callsign")

        second = followed(first, 2, sighting_count=2)
        third = decided(second, 3, Verdict.CONFIRMED)
        fourth = decided(third, 4, Verdict.DISMISSED)
        events.add(second, third)
        update = await reader.next(uid)
        assert update.find("detail/__vedette").get("revision") == "2"
        confirmed = await reader.next(uid)
        assert (confirmed.get("type"), confirmed.get("how")) == ("a-u-G-E-V", "h-e")
        events.add(fourth)
        withdrawn = await reader.next(uid)
        assert withdrawn.find("detail/contact").get("callsign").startswith("DISMISSED")
        removal = await reader.event()
        assert removal.get("type") == "t-x-d-d"
        assert removal.find("detail/link").get("uid") == uid
        assert removal.find("detail/__forcedelete") is not None
        await until(lambda: events.cursors == {feed.name: 4})

    # Who connects now gets what the server keeps: the last word, and soon not even that.
    async with reading(taky) as late:
        kept = await late.next(uid)
        assert kept.find("detail/contact").get("callsign").startswith("DISMISSED")
        stale = datetime.fromisoformat(kept.get("stale"))
        assert stale - datetime.now(UTC) < timedelta(minutes=1, seconds=1)


async def test_what_is_marked_beyond_the_clearance_stays_here_and_what_leaves_is_told(
    taky: Taky,
) -> None:
    events = Events()
    server = replace(taky.server(), clearance=Marking.UNCLASSIFIED)
    feed = TakFeed(events, server)
    secret = raised(1)
    secret = replace(secret, record=replace(secret.record, marking=Marking.CONFIDENTIAL))
    async with reading(taky) as reader, feeding(feed, events):
        events.add(secret)
        await until(lambda: events.cursors == {feed.name: 1})
        assert events.notes == []
        events.add(raised(2))
        # The first that comes is the second: the one before was not sent.
        assert (await reader.event()).get("uid") == "vedette.m1.i2"
        await until(lambda: events.cursors == {feed.name: 2})
    (note,) = events.notes
    assert (note.chain, note.actor, note.action) == ("missions/m1", "tak", "feed.tak")
    assert '"events":1' in note.detail
    assert '"after":1' in note.detail
    assert '"through":2' in note.detail


async def test_what_a_pledge_keeps_from_feeds_is_not_sent(taky: Taky) -> None:
    events = Events()
    feed = TakFeed(events, taky.server())
    kept = raised(1)
    kept = replace(kept, record=replace(kept.record, caveats=frozenset({Caveat.NO_FEEDS})))
    async with reading(taky) as reader, feeding(feed, events):
        events.add(kept)
        await until(lambda: events.cursors == {feed.name: 1})
        events.add(raised(2))
        assert (await reader.event()).get("uid") == "vedette.m1.i2"


async def test_nothing_is_lost_while_the_server_is_away(
    taky: Taky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tak, "_FIRST_BACKOFF_S", 0.1)
    monkeypatch.setattr(tak, "_LAST_BACKOFF_S", 0.3)
    events = Events()
    feed = TakFeed(events, taky.server())
    async with feeding(feed, events):
        async with reading(taky) as reader:
            events.add(raised(1))
            await reader.next("vedette.m1.i1")
            await until(lambda: events.cursors == {feed.name: 1})
        taky.stop()
        events.add(*(raised(number) for number in range(2, 102)))
        await asyncio.sleep(0.5)
        assert events.cursors == {feed.name: 1}
        taky.start()
        async with reading(taky) as reader:
            seen = []
            while "vedette.m1.i101" not in seen:
                seen.append((await reader.event()).get("uid"))
        await until(lambda: events.cursors == {feed.name: 101})
    unique = list(dict.fromkeys(seen))
    expected = [f"vedette.m1.i{number}" for number in range(2, 102)]
    # What was sent before this reader connected reached the server, which keeps it for readers.
    assert sorted(unique) == sorted(expected)
