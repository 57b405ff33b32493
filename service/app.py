"""The one place where the parts of the service are put together, and where they end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.catalogue.catalogue import Catalogue
from models.errors import VedetteError
from service.access_control import AccessControl
from service.api.access import AccessService
from service.api.audit import AuditService
from service.api.detection import DetectionService
from service.api.hard_negative import HardNegativeService
from service.api.health import HealthWatch
from service.api.imagery import ImageryService
from service.api.incident import IncidentService
from service.api.model import ModelService
from service.api.pledge import PledgeService
from service.api.position import PositionService
from service.api.product import ProductService
from service.api.rule import RuleService
from service.api.server import SERVICES, Servicers, bind, build_server, check_port
from service.audit_heads import AuditHeads
from service.chip_room import ChipRoom
from service.clock import utc_now
from service.endpoint import FILE_NAME, Endpoint, write_atomically
from service.errors import StartupError
from service.events import ChangeHub
from service.feeds.tak import TakFeed, TakServer
from service.housekeeping import Housekeeping
from service.identity import Identity, ensure_identity
from service.ingest import Ingest, IngestLimits
from service.ledger.records import Marking
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.parts import (
    node_prefix,
    open_elevation_objects,
    open_ledger,
    open_objects,
    with_store,
)
from service.seaweedfs import SeaweedProcess
from service.settings import Settings, dump_settings
from service.spool import Spool
from service.supervisor import Handed, WorkerPool

_log = logging.getLogger("vedette.app")

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# Blocking calls of the API: a thread each while they last.
_THREADS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """What a person is told at the start.

    Attributes:
        address: where the API listens.
        endpoint_file: what scripts read.
        identity: where the CA and the token lie.
        settings: in force.
    """

    address: str
    endpoint_file: Path
    identity: Identity
    settings: Settings


class Announcer:
    """Tells a person how the start goes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._began = time.monotonic()

    def listening(self, started: Started) -> None:
        """The port is bound."""
        settings, identity = started.settings, started.identity
        store = settings.s3_endpoint or "embedded SeaweedFS"
        self._say(f"listening on {started.address} (TLS)")
        self._say(f"  endpoint   {started.endpoint_file}")
        self._say(f"  CA         {identity.ca_file}")
        self._say(f"  token      {identity.token_file}")
        self._say(f"  engine     {settings.engine}, model {settings.model}")
        self._say(f"  workers    {settings.workers}")
        self._say(f"  objects    {store}")
        self._say(f"  terrain    {settings.dem_dir or 'flat ground (no --dem-dir)'}")
        if settings.tak_url is not None:
            self._say(f"  TAK        {settings.tak_url}, mission {settings.tak_mission}")

    def ready(self) -> None:
        """Every part works."""
        self._say(f"ready in {time.monotonic() - self._began:.1f} s")

    def draining(self, seconds: float) -> None:
        """The end begins."""
        self._say(f"draining (up to {seconds:g} s; once more to end at once)")

    def stopped(self) -> None:
        """Everything has ended."""
        self._say("stopped")


async def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run the service until SIGTERM or SIGINT.

    Raises:
        StartupError: it cannot start; the message says what to do.
    """
    # Where peacekeepers are is in the ledger: no other user of the machine reads what is kept.
    os.umask(0o077)
    announcer = Announcer(say)
    stop, at_once = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "vedette"))

    def on_signal() -> None:
        (at_once if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    _check_parts(settings)
    folder = settings.data_dir
    with _locked(folder):
        # Before the disk is measured: copies that killed workers left.
        shutil.rmtree(settings.scratch, ignore_errors=True)
        settings.scratch.mkdir(mode=0o700, exist_ok=True)
        _check_disk(folder, settings.min_free_bytes)
        endpoint_file = folder / FILE_NAME
        # What an earlier, killed service left there would send clients to a dead port.
        endpoint_file.unlink(missing_ok=True)
        check_port(settings.host, settings.port)
        identity = ensure_identity(folder / "identity", settings.names, utc_now())
        async with AsyncExitStack() as stack:
            parts = await _open(stack, settings, folder)
            service = _Service(parts, identity)
            stack.push_async_callback(service.end)
            port = await service.begin(settings)
            shown = f"[{settings.host}]" if ":" in settings.host else settings.host
            address = f"{_reachable(shown)}:{port}"
            Endpoint(
                address=address, ca_file=identity.ca_file, token_file=identity.token_file
            ).write(endpoint_file)
            stack.callback(endpoint_file.unlink, missing_ok=True)
            announcer.listening(
                Started(
                    address=f"{shown}:{port}",
                    endpoint_file=endpoint_file,
                    identity=identity,
                    settings=settings,
                )
            )
            if await service.wait_ready(stop):
                announcer.ready()
            await service.wait_end(stop)
            announcer.draining(settings.drain_seconds)
            await service.drain(settings.drain_seconds, at_once)
    announcer.stopped()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    settings: Settings
    embedded: bool
    ledger: Ledger
    objects: ObjectStore
    ingest: Ingest


async def _open(stack: AsyncExitStack, settings: Settings, folder: Path) -> _Parts:
    """Open ledger and stores; the stack closes them in reverse order."""
    embedded = settings.s3_endpoint is None
    if embedded:
        store = SeaweedProcess(folder / "seaweedfs")
        stack.callback(store.stop)
        await asyncio.to_thread(store.start)
        settings = with_store(settings, store)
    ledger = await asyncio.to_thread(open_ledger, settings)
    stack.callback(ledger.close)
    objects = await asyncio.to_thread(open_objects, settings, embedded=embedded)
    stack.callback(objects.close)
    # The workers read them; a wrong name is told before anything listens.
    elevation = await asyncio.to_thread(open_elevation_objects, settings)
    if elevation is not None:
        elevation.close()
    ingest = Ingest(
        ledger,
        objects,
        Spool(folder / "spool", max_open=settings.max_open_submissions),
        IngestLimits(
            max_bytes=settings.max_upload_bytes,
            max_open_submissions=settings.max_open_submissions,
            min_free_bytes=settings.min_free_bytes,
        ),
    )
    stack.push_async_callback(asyncio.to_thread, ingest.close)
    return _Parts(
        settings=settings, embedded=embedded, ledger=ledger, objects=objects, ingest=ingest
    )


class _Service:
    """The running service: API, workers, health and feeds."""

    def __init__(self, parts: _Parts, identity: Identity) -> None:
        self._parts = parts
        settings, ledger, objects = parts.settings, parts.ledger, parts.objects
        self._hub = ChangeHub(ledger.change_token)
        self._pool = WorkerPool(
            settings.workers,
            Handed(
                settings=dump_settings(settings),
                embedded_store=parts.embedded,
                log_format=LOG_FORMAT,
            ),
        )
        self._health = HealthWatch(
            {"ledger": ledger.change_token, "objects": objects.ensure_bucket},
            lambda: self._pool.live,
            SERVICES,
        )
        self._identity = identity
        self._heads = AuditHeads(identity.ca_file.with_name("audit-heads.json"))
        self._heads.compare(ledger.audit_hash)
        ledger.note_heads_in(self._heads)
        self._access = AccessControl(identity, ledger, utc_now())
        self._housekeeping = Housekeeping(ledger, parts.ingest, self._access, settings)
        self._server: Any = None
        self._chips = ChipRoom()
        self._tak = _tak_feed(settings, ledger)
        self._feeds_stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, settings: Settings) -> int:
        """Start everything; returns the port."""
        parts = self._parts
        self._server = build_server(
            Servicers(
                access=AccessService(parts.ledger),
                audit=AuditService(parts.ledger, self._heads),
                detection=DetectionService(parts.ledger),
                hard_negative=HardNegativeService(parts.ledger, parts.objects),
                health=self._health,
                imagery=ImageryService(parts.ledger, parts.ingest, self._hub),
                incident=IncidentService(parts.ledger, parts.objects, self._hub, self._chips),
                model=ModelService(parts.ledger, settings.models_dir, settings.model, self._engine),
                pledge=PledgeService(parts.ledger),
                position=PositionService(parts.ledger),
                product=ProductService(parts.ledger, parts.objects),
                rule=RuleService(parts.ledger),
            ),
            self._access,
        )
        port = bind(self._server, self._identity, settings.host, settings.port)
        await self._health.refresh()
        # Before a worker looks: originals the spool still has go back to the store, and what the
        # workers of a killed run held is free at once. Only an embedded ledger is ours alone.
        await asyncio.to_thread(parts.ingest.tidy, utc_now())
        if settings.ledger_url is None:
            await asyncio.to_thread(parts.ledger.release_jobs_of, node_prefix(), utc_now())
        self._pool.start()
        self._tasks = [
            asyncio.create_task(self._hub.run(), name="events"),
            asyncio.create_task(self._health.run(), name="health"),
            *self._housekeeping.begin(),
        ]
        if self._tak is not None:
            self._tasks.append(
                asyncio.create_task(self._tak.run(self._feeds_stop, self._hub), name="tak")
            )
        await self._server.start()
        return port

    async def wait_ready(self, stop: asyncio.Event) -> bool:
        """Whether every part works, before somebody asked to stop.

        Raises:
            StartupError: no worker can work.
        """
        await _first(self._pool.wait_told(), stop.wait())
        if self._pool.failure:
            raise StartupError(f"the workers cannot start: {self._pool.failure}")
        if stop.is_set():
            return False
        await self._health.refresh()
        return True

    async def wait_end(self, stop: asyncio.Event) -> None:
        """Return when somebody asked to stop; a defect of the service's own ends it as well."""
        asked = asyncio.create_task(stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({asked, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
        for task in done:
            # Raises what ended a task that should have gone on.
            task.result()

    async def drain(self, seconds: float, at_once: asyncio.Event) -> None:
        """Finish what runs, take nothing new."""
        await self._health.drain()
        self._feeds_stop.set()
        self._hub.close()

        async def in_good_order() -> None:
            await asyncio.gather(self._server.stop(seconds), self._pool.stop(seconds))

        await _first(in_good_order(), at_once.wait())

    async def end(self) -> None:
        """End whatever still runs, at once."""
        self._hub.close()
        self._pool.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.stop(0)
        await self._pool.stop(5.0)
        await asyncio.to_thread(self._chips.close)
        try:
            await asyncio.to_thread(self._housekeeping.tell_reads, everything=True)
        except VedetteError as error:
            _log.warning("the last reads were not told to the audit: %s", error)

    def _engine(self) -> str:
        ready = self._pool.ready
        return ready.engine if ready is not None else ""


async def _first(*waits: Any) -> None:
    """Return when the first of some waits is over, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _tak_feed(settings: Settings, ledger: Ledger) -> TakFeed | None:
    """The feed to the TAK server of the settings; they check that all of it is given."""
    if (
        settings.tak_url is None
        or settings.tak_client_cert is None
        or settings.tak_client_key is None
        or settings.tak_ca is None
        or settings.tak_mission is None
    ):
        return None
    server = TakServer(
        url=settings.tak_url,
        client_cert_file=settings.tak_client_cert,
        client_key_file=settings.tak_client_key,
        ca_file=settings.tak_ca,
        mission_id=settings.tak_mission.removeprefix("missions/"),
        check_hostname=settings.tak_check_hostname,
        clearance=Marking(settings.tak_clearance.replace("-", " ").upper()),
    )
    return TakFeed(ledger, server)


def _reachable(host: str) -> str:
    """Where a client on this machine finds a service that listens everywhere."""
    return {"0.0.0.0": "127.0.0.1", "[::]": "localhost"}.get(host, host)  # noqa: S104 - compared


def _check_parts(settings: Settings) -> None:
    # What auto takes without a GPU; with one, the worker finds the other.
    named = settings.engine.partition("-")[0]
    module = "openvino" if named == "auto" else named
    if find_spec(module) is None and not (named == "auto" and find_spec("ultralytics")):
        extra = "service" if module == "openvino" else "ultralytics"
        raise StartupError(
            f"the engine {module} is not installed; install it with pip install 'vedette[{extra}]'"
        )
    try:
        Catalogue.installed(settings.models_dir).standing(settings.model)
    except VedetteError as error:
        raise StartupError(f"model: {error}") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a data folder: two services in one would undo each other's work."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(folder)
        descriptor = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartupError(
            f"the data folder {folder} cannot be written: {error.strerror}; set --data-dir"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartupError(
                f"another 'vedette serve' runs on {folder}; stop it, or choose another --data-dir"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _close_to_others(folder: Path) -> None:
    """Let nobody else into a data folder that was made before; what it held may be open to all."""
    if folder.stat().st_mode & 0o077 == 0:
        return
    try:
        folder.chmod(0o700)
    except PermissionError as error:
        raise StartupError(
            f"the data folder {folder} is open to other users and belongs to one of them; give it "
            "to the user who runs the service (chown), or set --data-dir"
        ) from error


def _check_disk(folder: Path, min_free_bytes: int) -> None:
    try:
        write_atomically(folder / ".writable", b"ok\n")
        (folder / ".writable").unlink()
    except OSError as error:
        raise StartupError(
            f"the data folder {folder} cannot be written: {error.strerror}; set --data-dir"
        ) from error
    free = shutil.disk_usage(folder).free
    if free < min_free_bytes:
        raise StartupError(
            f"the disk of {folder} has {free >> 20} MiB left, less than the {min_free_bytes >> 20} "
            "MiB of min_free_bytes; make room or choose another --data-dir"
        )
