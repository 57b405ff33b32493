"""What goes over the wire to a TAK server, and what it is not told."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.errors import StartupError
from service.feeds import tak
from service.feeds.tak import TakFeed, TakServer
from tests.service.tak_server import (
    HAE,
    LATITUDE,
    LONGITUDE,
    Events,
    Taky,
    feeding,
    fromstring,
    pem,
    plain,
    raised,
    until,
)


async def test_the_wire_carries_every_digit_and_nothing_twice(taky: Taky) -> None:
    events = Events()
    async with plain(taky) as (server, config):
        feed = TakFeed(events, config)
        async with feeding(feed, events):
            events.add(*(raised(number) for number in range(1, 131)))
            await until(lambda: events.cursors == {feed.name: 130})
    documents = server.received.split(b"<?xml")[1:]
    markers = [
        root for it in documents if (root := fromstring(b"<?xml" + it)).get("type") != "t-x-c-t"
    ]
    assert [it.get("uid") for it in markers] == [f"vedette.m1.i{n}" for n in range(1, 131)]
    for root in markers:
        point = root.find("point")
        assert float(point.get("lat")) == pytest.approx(LATITUDE, abs=1e-12)
        assert float(point.get("lon")) == pytest.approx(LONGITUDE, abs=1e-12)
        assert float(point.get("hae")) == pytest.approx(HAE, abs=1e-9)
        assert float(point.get("ce")) == pytest.approx(5.0, abs=1e-9)


async def test_what_was_not_answered_for_is_sent_again(
    taky: Taky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tak, "_FIRST_BACKOFF_S", 0.05)
    events = Events()
    async with plain(taky) as (server, config):
        server.cut_after = b"vedette.m1.i1"
        feed = TakFeed(events, config)
        async with feeding(feed, events):
            events.add(raised(1))
            await until(lambda: events.cursors == {feed.name: 1})
    assert server.connections == 2
    assert len(re.findall(rb'uid="vedette\.m1\.i1"', server.received)) == 2


async def test_a_server_that_knows_no_ping_is_served_as_well(
    taky: Taky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tak, "_PONG_S", 0.1)
    events = Events()
    async with plain(taky) as (server, config):
        server.answer = False
        feed = TakFeed(events, config)
        async with feeding(feed, events):
            events.add(raised(1))
            await until(lambda: events.cursors == {feed.name: 1})
            events.add(raised(2))
            await until(lambda: events.cursors == {feed.name: 2})
        assert server.connections == 1


async def test_an_idle_link_is_kept_warm_and_a_closed_waker_makes_no_storm(
    taky: Taky, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plain(taky) as (server, config):
        events = Events()
        monkeypatch.setattr(tak, "_IDLE_S", 0.1)
        async with feeding(TakFeed(events, config), events):
            await until(lambda: server.received.count(b"t-x-c-t") >= 3)
        monkeypatch.setattr(tak, "_IDLE_S", 30.0)
        server.received = b""
        closed = Events()
        monkeypatch.setattr(closed, "wait_beyond", lambda *_: asyncio.sleep(0))
        async with feeding(TakFeed(closed, config), closed):
            await asyncio.sleep(0.4)
        assert server.received.count(b"t-x-c-t") == 0


async def test_a_server_of_another_ca_gets_nothing_and_no_secret_is_logged(
    taky: Taky, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tak, "_FIRST_BACKOFF_S", 0.05)
    caplog.set_level(logging.DEBUG)
    events = Events()
    async with plain(taky) as (server, config):
        # The reader's certificate is no CA of the server.
        stranger = replace(config, ca_file=pem(taky.site, "reader", "crt"))
        feed = TakFeed(events, stranger)
        async with feeding(feed, events):
            events.add(raised(1))
            await until(lambda: sum("again in" in it for it in caplog.messages) >= 2)
        strict = replace(config, check_hostname=True)
        async with feeding(TakFeed(events, strict), events):
            await until(
                lambda: any(
                    "Hostname mismatch" in it or "IP address mismatch" in it
                    for it in caplog.messages
                )
            )
    assert server.received == b""
    assert events.cursors == {}
    key = config.client_key_file.read_text()
    assert not any(line in caplog.text for line in key.splitlines() if len(line) > 20)


@pytest.mark.parametrize(
    "url", ["http://h:1", "tls://", "tls://h:99999", "h:8089", "tls://user:secret@h:8089"]
)
def test_a_wrong_url_is_a_clear_sentence(url: str, site: Path) -> None:
    server = TakServer(
        url=url,
        client_cert_file=pem(site, "vedette", "crt"),
        client_key_file=pem(site, "vedette", "key"),
        ca_file=site / "ssl" / "ca.crt",
        mission_id="m1",
    )
    with pytest.raises(StartupError, match="tls://host:port") as caught:
        TakFeed(SimpleNamespace(), server)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ("client_cert_file", "missing"),
        ("client_cert_file", "rubbish"),
        ("client_cert_file", "strange"),
        ("client_key_file", "missing"),
        ("client_key_file", "rubbish"),
        ("client_key_file", "strange"),
        ("ca_file", "missing"),
        ("ca_file", "rubbish"),
    ],
)
def test_a_wrong_file_is_a_clear_sentence(
    part: str, fault: str, site: Path, tmp_path: Path
) -> None:
    files = {
        "client_cert_file": pem(site, "vedette", "crt"),
        "client_key_file": pem(site, "vedette", "key"),
        "ca_file": site / "ssl" / "ca.crt",
    }
    if fault == "strange":
        files[part] = pem(site, "reader", "crt" if part == "client_cert_file" else "key")
    else:
        files[part] = tmp_path / "file.pem"
        if fault == "rubbish":
            files[part].write_text("rubbish")
    with pytest.raises(StartupError, match=r"^TAK: .*\.(pem|crt|key)"):
        TakFeed(
            SimpleNamespace(),
            TakServer(
                url="tls://localhost",
                client_cert_file=files["client_cert_file"],
                client_key_file=files["client_key_file"],
                ca_file=files["ca_file"],
                mission_id="m1",
            ),
        )
