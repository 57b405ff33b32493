from __future__ import annotations

import asyncio
import configparser
import contextlib
import logging
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from defusedxml import ElementTree

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import Verdict, decide
from pipelines.threats.incidents.incident import ChangeKind, Incident, IncidentState
from pipelines.threats.proximity.weighing import Level, Sighting
from service.errors import StartupError
from service.feeds import tak
from service.feeds.cot import cot_ping, cot_uid
from service.feeds.tak import TakFeed, TakServer
from service.ledger.audit_entries import AuditNote, pending_note
from service.ledger.pledge_states import Caveat
from service.ledger.records import (
    Decision,
    IncidentEventRecord,
    IncidentRecord,
    Marking,
)

SCRIPTS = Path(sys.executable).parent
LATITUDE, LONGITUDE, HAE = 4.123456789012345, 18.987654321098765, 412.3456789012


def fromstring(document: bytes) -> Any:
    """The root; what it must hold is for the test to say."""
    return ElementTree.fromstring(document)


class Events:
    """A ledger of one mission, and what wakes its readers."""

    def __init__(self) -> None:
        self.records: list[IncidentEventRecord] = []
        self.cursors: dict[str, int] = {}
        self.notes: list[AuditNote] = []
        self.generation = 0
        self._changed = asyncio.Event()

    def add(self, *records: IncidentEventRecord) -> None:
        self.records += records
        self.generation += 1
        self._changed.set()

    def events_since(self, mission_id: str, since: int, limit: int) -> list[IncidentEventRecord]:
        return [
            it for it in self.records if it.record.mission_id == mission_id and it.sequence > since
        ][:limit]

    def feed_cursor(self, name: str) -> int:
        return self.cursors.get(name, 0)

    def set_feed_cursor(self, name: str, sequence: int) -> None:
        self.cursors[name] = sequence
        # As the ledger does in the transaction of the cursor.
        if (note := pending_note()) is not None:
            self.notes.append(note)

    async def wait_beyond(self, generation: int, timeout_s: float) -> None:
        if generation != self.generation:
            return
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)


def raised(number: int) -> IncidentEventRecord:
    now = datetime.now(UTC)
    best = Sighting(
        detection_index=0,
        category="truck",
        confidence=0.8,
        ground=GroundPoint(
            outcome=Outcome.LOCATED,
            latitude_deg=LATITUDE,
            longitude_deg=LONGITUDE,
            hae_m=HAE,
            covariance_enu_m2=np.eye(3) * 25.0,
            ce90_m=10.73,
            le90_m=8.225,
        ),
        position_id="base",
        rule_id="default",
        rule_revision=0,
        radius_m=500.0,
        probability=0.9,
        level=Level.ALERT,
        range_m=300.0,
        range_low_m=290.0,
        range_high_m=310.0,
        bearing_deg=45.0,
    )
    incident = Incident(
        incident_id=f"i{number}",
        state=IncidentState.OPEN,
        best=best,
        imagery_id="img",
        sighting_count=1,
        first_seen_at=now,
        last_seen_at=now,
        revision=1,
    )
    record = IncidentRecord(
        mission_id="m1",
        incident=incident,
        position_display_name="Base <&> Ñ",
        raised_at=now,
        marking=Marking.UNCLASSIFIED,
        decision=None,
    )
    return IncidentEventRecord(
        sequence=number, kind=ChangeKind.RAISED, record=record, occurred_at=now
    )


def followed(event: IncidentEventRecord, sequence: int, **changes: Any) -> IncidentEventRecord:
    incident = replace(
        event.record.incident, revision=event.record.incident.revision + 1, **changes
    )
    return replace(
        event,
        sequence=sequence,
        kind=ChangeKind.UPDATED,
        record=replace(event.record, incident=incident),
    )


def decided(event: IncidentEventRecord, sequence: int, verdict: Verdict) -> IncidentEventRecord:
    change = decide(event.record.incident, verdict)
    decision = Decision(
        verdict=verdict, reason="shrub", decided_by="op", decided_at=event.occurred_at
    )
    record = replace(event.record, incident=change.incident, decision=decision)
    return replace(event, sequence=sequence, kind=change.kind, record=record)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# taky 0.10 asks pkg_resources for its own version alone; setuptools 82 dropped that module.
PKG_RESOURCES = """
from importlib.metadata import PackageNotFoundError as DistributionNotFound
from importlib.metadata import distribution as get_distribution
"""


def taky_environment(folder: Path) -> dict[str, str]:
    (folder / "pkg_resources.py").write_text(PKG_RESOURCES)
    return os.environ | {"PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A taky site with its CA, and certificates for Vedette and a reader."""
    folder = tmp_path_factory.mktemp("taky") / "srv"
    takyctl = [sys.executable, str(SCRIPTS / "takyctl")]
    environment = taky_environment(folder.parent)
    subprocess.run(
        [
            *takyctl,
            "setup",
            "--host",
            "localhost",
            "--bind-ip",
            "127.0.0.1",
            "--public-ip",
            "127.0.0.1",
            str(folder),
        ],
        check=True,
        capture_output=True,
        cwd=folder.parent,
        env=environment,
    )
    for name in ("vedette", "reader"):
        subprocess.run(
            [*takyctl, "-c", "taky.conf", "build_client", "--dump_pem", name],
            check=True,
            capture_output=True,
            cwd=folder,
            env=environment,
        )
    return folder


def pem(site: Path, name: str, suffix: str) -> Path:
    (found,) = site.glob(f"**/{name}*.{suffix}")
    return found


class Taky:
    """A taky server that can be stopped and started on one port."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        config = configparser.ConfigParser(allow_no_value=True)
        config.read(site / "taky.conf")
        config.set("cot_server", "port", str(self.port))
        self.config = site / f"taky-{self.port}.conf"
        with self.config.open("w") as file:
            config.write(file)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(SCRIPTS / "taky"),
                "-l",
                "info",
                "-c",
                str(self.config),
            ],
            cwd=self.site,
            env=taky_environment(self.site.parent),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def server(self) -> TakServer:
        return TakServer(
            url=f"tls://localhost:{self.port}",
            client_cert_file=pem(self.site, "vedette", "crt"),
            client_key_file=pem(self.site, "vedette", "key"),
            ca_file=self.site / "ssl" / "ca.crt",
            mission_id="m1",
            # taky's certificate has a common name and no alternative name.
            check_hostname=False,
        )


@pytest.fixture
def taky(site: Path) -> Iterator[Taky]:
    server = Taky(site)
    server.start()
    yield server
    server.stop()


class Reader:
    """A second client of the server: what an operator's device receives."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._text = b""

    async def event(self) -> Any:
        """The next event that is not the server's own."""
        while True:
            async with asyncio.timeout(15):
                while b"</event>" not in self._text:
                    data = await self._reader.read(65536)
                    assert data, "the server closed the connection"
                    self._text += data
            first, _, self._text = self._text.partition(b"</event>")
            root = fromstring(first[first.index(b"<event") :] + b"</event>")
            if root.get("uid") != "takPong":
                return root

    async def next(self, uid: str) -> Any:
        while (root := await self.event()).get("uid") != uid:
            pass
        return root


@contextlib.asynccontextmanager
async def reading(taky: Taky) -> AsyncIterator[Reader]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(taky.site / "ssl" / "ca.crt")
    context.load_cert_chain(pem(taky.site, "reader", "crt"), pem(taky.site, "reader", "key"))
    for _ in range(150):
        with contextlib.suppress(OSError):
            streams = await asyncio.open_connection("127.0.0.1", taky.port, ssl=context)
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("taky does not start")
    reader = Reader(*streams)
    # Only a client that was registered gets what others send: its ping is answered then.
    reader.writer.write(cot_ping(datetime.now(UTC)))
    async with asyncio.timeout(15):
        while b"takPong" not in reader._text:
            reader._text += await reader._reader.read(65536)
    try:
        yield reader
    finally:
        reader.writer.close()
        with contextlib.suppress(OSError):
            await reader.writer.wait_closed()


@contextlib.asynccontextmanager
async def feeding(feed: TakFeed, events: Events) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(feed.run(stop, events))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - polls what other code sets
            await asyncio.sleep(0.02)


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


class Plain:
    """A TLS server that takes everything down and answers as it is told."""

    def __init__(self, taky: Taky) -> None:
        self.received = b""
        self.connections = 0
        self.answer = True
        self.cut_after = b""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(taky.site / "ssl/server.crt", taky.site / "ssl/server.key")
        self.context.load_verify_locations(taky.site / "ssl/ca.crt")
        self.context.verify_mode = ssl.CERT_REQUIRED

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.received += data
                if self.cut_after and self.cut_after in self.received:
                    self.cut_after = b""
                    break
                if self.answer and b"t-x-c-t" in data:
                    writer.write(b'<event uid="takPong" type="t-x-c-t-r"/>')
        writer.close()


@contextlib.asynccontextmanager
async def plain(taky: Taky) -> AsyncIterator[tuple[Plain, TakServer]]:
    taky.stop()
    server = Plain(taky)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", taky.port, ssl=server.context)
    try:
        yield server, replace(taky.server(), url=f"tls://127.0.0.1:{taky.port}")
    finally:
        listener.close()


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
