"""A real taky on loopback, a reader of its stream, and events for it."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from defusedxml import ElementTree

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import Verdict, decide
from pipelines.threats.incidents.incident import ChangeKind, Incident, IncidentState
from pipelines.threats.proximity.weighing import Level, Sighting
from service.feeds.cot import cot_ping
from service.feeds.tak import TakFeed, TakServer
from service.ledger.audit_entries import AuditNote, pending_note
from service.ledger.records import (
    Decision,
    IncidentEventRecord,
    IncidentRecord,
    Marking,
)

_SCRIPTS = Path(sys.executable).parent
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
_PKG_RESOURCES = """
from importlib.metadata import PackageNotFoundError as DistributionNotFound
from importlib.metadata import distribution as get_distribution
"""


def _environment(folder: Path) -> dict[str, str]:
    (folder / "pkg_resources.py").write_text(_PKG_RESOURCES)
    return os.environ | {"PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}


def make_site(folder: Path, *clients: str) -> Path:
    """A taky site in a folder, with its own CA and a certificate for each client."""
    site = folder / "srv"
    address = ["--host", "localhost", "--bind-ip", "127.0.0.1", "--public-ip", "127.0.0.1"]
    _control(folder, folder, "setup", *address, str(site))
    for name in clients:
        _control(folder, site, "-c", "taky.conf", "build_client", "--dump_pem", name)
    return site


def _control(folder: Path, cwd: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, str(_SCRIPTS / "takyctl"), *arguments],
        check=True,
        capture_output=True,
        cwd=cwd,
        env=_environment(folder),
    )


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
                str(_SCRIPTS / "taky"),
                "-l",
                "info",
                "-c",
                str(self.config),
            ],
            cwd=self.site,
            env=_environment(self.site.parent),
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
