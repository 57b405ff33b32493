"""Passes incidents on to a TAK server as Cursor on Target over mutual TLS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from models.errors import VedetteError
from service.access import Sight
from service.audit_chain import canonical
from service.clock import utc_now
from service.errors import StartupError
from service.feeds.cot import cot_messages, cot_ping
from service.ledger.audit_entries import AuditNote, noting
from service.ledger.pledge_states import Caveat
from service.ledger.records import IncidentEventRecord, Marking

_log = logging.getLogger("vedette.tak")

_DEFAULT_PORT = 8089
_BATCH = 64
_CONNECT_S = 20.0
_PONG_S = 10.0
# An idle link is pinged so often: firewalls forget sooner or later, and a server that died without
# a word is found out.
_IDLE_S = 30.0
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 1.0, 60.0
_PONG = b"t-x-c-t-r"


class EventSource(Protocol):
    """What the feed needs of the ledger; called in threads."""

    def events_since(
        self, mission_id: str, since: int, limit: int
    ) -> Sequence[IncidentEventRecord]:
        """At most `limit` events of a mission after a sequence, in order."""

    def feed_cursor(self, name: str) -> int:
        """The last sequence that a feed has passed on."""

    def set_feed_cursor(self, name: str, sequence: int) -> None:
        """Note that a feed has passed on everything up to a sequence."""


class Wake(Protocol):
    """What tells the feed to look into the ledger again; `service.events.ChangeHub` is one."""

    @property
    def generation(self) -> int:
        """Counts up with each change."""

    async def wait_beyond(self, generation: int, timeout_s: float) -> None:
        """Return when something changed after that generation, or the time is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TakServer:
    """A TAK server and who Vedette is there.

    Attributes:
        url: "tls://host:port"; port 8089 when left out.
        client_cert_file: client certificate, PEM.
        client_key_file: its private key, PEM without a pass phrase.
        ca_file: CA that signed the server's certificate, PEM.
        mission_id: the mission whose incidents it gets.
        check_hostname: whether the certificate must name the host of the URL. Its signature is
            verified in any case.
        clearance: the highest marking of what it gets.
    """

    url: str
    client_cert_file: Path
    client_key_file: Path
    ca_file: Path
    mission_id: str
    check_hostname: bool = True
    clearance: Marking = Marking.STRICTLY_CONFIDENTIAL

    @property
    def address(self) -> tuple[str, int]:
        """Host and port.

        Raises:
            StartupError: the URL is not of the form tls://host:port.
        """
        parts = urlsplit(self.url)
        try:
            port = parts.port or _DEFAULT_PORT
        except ValueError:
            port = 0
        if parts.scheme not in {"tls", "ssl"} or not parts.hostname or not port or "@" in self.url:
            raise StartupError("the TAK server's URL must be tls://host:port", field="tak_url")
        return parts.hostname, port

    def tls_context(self) -> ssl.SSLContext:
        """Mutual TLS, 1.2 or newer, with the default ciphers.

        Raises:
            StartupError: a file is missing or is not what it should be.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.check_hostname
        for path in (self.client_cert_file, self.client_key_file, self.ca_file):
            if not path.is_file():
                raise StartupError(f"TAK: there is no file {path}", field="tak_url")
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.client_cert_file, self.client_key_file, password="")
            context.load_verify_locations(self.ca_file)
        except (OSError, ValueError) as error:
            raise StartupError(
                f"TAK: {self.client_cert_file}, {self.client_key_file} or {self.ca_file} is not "
                "PEM, or the key is not that of the certificate, or has a pass phrase",
                field="tak_url",
            ) from error
        return context


class TakFeed:
    """One mission's incidents on their way to one TAK server.

    Events go in the order of the ledger. The cursor moves only after their bytes were written and
    drained and the server has answered a ping sent behind them, so that nothing is lost with a
    connection; a server that answers no ping is taken at the word of the socket. What is sent twice
    replaces itself under the same uid.
    """

    def __init__(self, events: EventSource, server: TakServer) -> None:
        """Check the configuration.

        Raises:
            StartupError: it cannot work.
        """
        self._events = events
        self._server = server
        self._host, self._port = server.address
        self._context = server.tls_context()
        self._pytak = _import_pytak()
        self._markings = Sight(clearance=server.clearance).markings
        self.name = f"tak:{self._host}:{self._port}:{server.mission_id}"

    async def run(self, stop: asyncio.Event, wake: Wake) -> None:
        """Pass events on until stopped, over as many connections as it takes."""
        backoff_s = _FIRST_BACKOFF_S
        while not stop.is_set():
            try:
                async with self._connected() as link:
                    _log.info("connected to the TAK server %s:%d", self._host, self._port)
                    await self._pass_on(link, stop, wake)
            except (OSError, VedetteError) as error:
                if isinstance(error, _LinkLostError):
                    # It worked before: start with patience anew.
                    backoff_s = _FIRST_BACKOFF_S
                # Messages of OSError and of TLS name addresses and reasons, never keys.
                _log.warning(
                    "TAK server %s:%d: %s; again in %.0f s",
                    self._host,
                    self._port,
                    error or type(error).__name__,
                    backoff_s,
                )
                await _either(stop.wait(), timeout_s=backoff_s)
                backoff_s = min(2.0 * backoff_s, _LAST_BACKOFF_S)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Link]:
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._context, server_hostname=self._host
                )
        except TimeoutError as error:
            raise TimeoutError("no answer") from error
        link = _Link(self._pytak, reader, writer)
        try:
            yield link
        finally:
            await link.close()

    async def _pass_on(self, link: _Link, stop: asyncio.Event, wake: Wake) -> None:
        """Send what there is, then wait for more, until stopped or cut off."""
        mission_id = self._server.mission_id
        cursor = await asyncio.to_thread(self._events.feed_cursor, self.name)
        while not stop.is_set():
            generation = wake.generation
            events = await asyncio.to_thread(self._events.events_since, mission_id, cursor, _BATCH)
            sent = [
                event
                for event in events
                if event.record.marking in self._markings
                and Caveat.NO_FEEDS not in event.record.caveats
            ]
            for event in sent:
                for message in cot_messages(event, sent_at=utc_now()):
                    await link.send(message)
            if events:
                await link.settle()
                note = self._note(cursor, events, sent)
                cursor = events[-1].sequence
                # What has left the mission is told where it is noted as sent.
                with noting(note) if sent else contextlib.nullcontext():
                    await asyncio.to_thread(self._events.set_feed_cursor, self.name, cursor)
                continue
            started = asyncio.get_running_loop().time()
            changed = wake.wait_beyond(generation, _IDLE_S)
            await _either(changed, stop.wait(), link.lost.wait(), timeout_s=_IDLE_S)
            if link.lost.is_set():
                raise _LinkLostError("the server closed the connection")
            if wake.generation != generation or stop.is_set():
                continue
            if asyncio.get_running_loop().time() - started >= 0.9 * _IDLE_S:
                await link.settle()
            else:
                # What wakes has closed and does not wait any more: the stop is near.
                await _either(stop.wait(), link.lost.wait(), timeout_s=0.5)

    def _note(
        self,
        after: int,
        events: Sequence[IncidentEventRecord],
        sent: Sequence[IncidentEventRecord],
    ) -> AuditNote:
        detail = {
            "after": after,
            "events": len(sent),
            "server": f"{self._host}:{self._port}",
            "through": events[-1].sequence,
        }
        return AuditNote(
            chain=f"missions/{self._server.mission_id}",
            at=utc_now(),
            actor="tak",
            role="feed",
            action="feed.tak",
            subject=f"missions/{self._server.mission_id}",
            detail=canonical(detail),
        )


class _LinkLostError(ConnectionError):
    """An established connection ended."""


class _Link:
    """One connection: pytak's sender on the way out, and an ear for pongs and the end."""

    def __init__(
        self, pytak: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.lost = asyncio.Event()
        self._pong = asyncio.Event()
        self._answers: bool | None = None
        self._writer = writer
        # "0" is plain XML, whatever the environment says.
        self._sender: Any = pytak.TXWorker(asyncio.Queue(), {"TAK_PROTO": "0"}, writer)
        self._listener = asyncio.create_task(self._listen(reader))

    async def send(self, message: bytes) -> None:
        """Write one message and wait until the socket has taken it."""
        if self.lost.is_set():
            raise _LinkLostError("the server closed the connection")
        try:
            await self._sender.send_data(message)
        except OSError as error:
            raise _LinkLostError(str(error)) from error

    async def settle(self) -> None:
        """Return when the server has answered for everything sent so far."""
        self._pong.clear()
        await self.send(cot_ping(utc_now()))
        if self._answers is False:
            return
        await _either(self._pong.wait(), self.lost.wait(), timeout_s=_PONG_S)
        if self._pong.is_set():
            self._answers = True
        elif self.lost.is_set() or self._answers:
            raise _LinkLostError("the server does not answer any more")
        else:
            self._answers = False
            _log.warning("the TAK server answers no ping: what its socket takes counts as sent")

    async def close(self) -> None:
        """End the connection."""
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        self._writer.close()
        try:
            async with asyncio.timeout(2.0):
                await self._writer.wait_closed()
        except OSError as error:  # it is gone already, or does not say goodbye
            _log.debug("closing the connection: %s", error)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Take in what others send, so that it does not dam up, and look for pongs in it."""
        tail = b""
        try:
            while data := await reader.read(65536):
                tail += data
                if _PONG in tail:
                    self._pong.set()
                    tail = b""
                tail = tail[-len(_PONG) :]
        except OSError as error:
            _log.debug("reading from the TAK server: %s", error)
        finally:
            self.lost.set()


def _import_pytak() -> Any:
    """The library, imported only where a TAK server is configured.

    It reads its defaults from the environment when imported and warns of a missing aiohttp, which
    it needs for enrolment alone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        import pytak
    return pytak


async def _either(*waits: Any, timeout_s: float) -> None:
    """Return when one of the coroutines does, or the time is over; the others are cancelled."""
    tasks = [asyncio.ensure_future(it) for it in waits]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
