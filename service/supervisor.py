"""Worker processes: started, watched, started again when they die, ended with the service.

Settings, secrets among them, go to a worker's standard input, never to its arguments. That pipe is
also a lifeline: a worker that reads its end knows that the service is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Self

from service.settings import environment_of_children

_log = logging.getLogger("vedette.supervisor")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
# A worker that ran this long was healthy; its death is not the fault of its start.
HEALTHY_S = 60.0
# The exit status of a worker that cannot work at all, as sysexits.h calls it.
EXIT_CONFIG = 78
# Before any worker was ever ready, so many deaths without a word mean that none can work.
HOPELESS_DEATHS = 3
_POLL_S = 0.05
# A worker's linear algebra is of small matrices, which threads make slower: they mostly wait for
# each other, and for the engine, which keeps every core busy with threads of its own.
_ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerReady:
    """What a worker says when it is ready.

    Attributes:
        model: name of the model it loaded.
        engine: the engine, its version and device.
    """

    model: str
    engine: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Handed:
    """What a worker is handed on its standard input, one line of JSON.

    Attributes:
        settings: the settings with their secrets, JSON.
        embedded_store: the object store is the embedded one.
        log_format: of the log on standard error.
    """

    settings: str
    embedded_store: bool
    log_format: str

    def to_line(self) -> bytes:
        """As one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """What `to_line` wrote."""
        return cls(**json.loads(line))


class WorkerPool:
    """A number of worker processes.

    Must be used from the main thread: Linux ends a child with the thread that started it.

    Args:
        count: how many.
        handed: what each is told on its standard input.
        command: what to run instead of the worker, for tests.
    """

    def __init__(self, count: int, handed: Handed, *, command: tuple[str, ...] = ()) -> None:
        self._handed = handed.to_line()
        self._command = command or (sys.executable, "-P", "-m", "service.worker_process")
        self._slots = [_Slot(number) for number in range(1, count + 1)]
        self._stopping = False
        self._told = asyncio.Event()
        self._failure = ""
        self._early_deaths = 0
        self._ready: WorkerReady | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def live(self) -> int:
        """Workers that are ready for jobs now."""
        return sum(slot.ready for slot in self._slots)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process identifiers of the workers that run."""
        return tuple(slot.process.pid for slot in self._slots if slot.process is not None)

    @property
    def ready(self) -> WorkerReady | None:
        """What the last worker to get ready said; None before one did."""
        return self._ready

    @property
    def failure(self) -> str:
        """Why no worker can work at all; empty while one may."""
        return self._failure

    def start(self) -> None:
        """Start every worker."""
        self._tasks = [
            asyncio.create_task(self._keep(slot), name=f"worker-{slot.number}")
            for slot in self._slots
        ]

    async def wait_told(self) -> None:
        """Return when a worker is ready or has said that it cannot work."""
        await self._told.wait()

    async def stop(self, grace_s: float) -> None:
        """Ask every worker to end and kill those that do not within the grace."""
        self._stopping = True
        for slot in self._slots:
            if slot.process is not None and slot.process.poll() is None:
                slot.process.terminate()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=max(grace_s, 0.01))
            if late:
                _log.warning("%d workers did not end in time and are killed", len(late))
        self.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """End every worker at once; their jobs are taken up by others."""
        self._stopping = True
        for slot in self._slots:
            slot.wake.set()
            if slot.process is not None and slot.process.poll() is None:
                slot.process.kill()

    async def _keep(self, slot: _Slot) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping:
            started = time.monotonic()
            status = await self._run_once(slot)
            if self._stopping:
                return
            self._count_early_death(status)
            if time.monotonic() - started > HEALTHY_S:
                pause = FIRST_PAUSE_S
            _log.warning(
                "worker %d ended with status %s; started again in %.1f s",
                slot.number,
                status,
                pause,
            )
            try:
                async with asyncio.timeout(pause):
                    await slot.wake.wait()
            except TimeoutError:
                pause = min(pause * 2, LONGEST_PAUSE_S)

    def _count_early_death(self, status: int) -> None:
        if self._told.is_set():
            return
        self._early_deaths += 1
        if self._early_deaths >= HOPELESS_DEATHS:
            ended = f"signal {-status}" if status < 0 else f"status {status}"
            self._failure = (
                f"{self._early_deaths} times a worker ended before it was ready, the last with "
                f"{ended}; the lines above say why, or the machine has too little memory"
            )
            self._told.set()

    async def _run_once(self, slot: _Slot) -> int:
        """Run one worker to its end; returns its exit status.

        The end is that of the process, not of its pipes: a library may leave a child of its own
        behind that holds them open.
        """
        reading, writing = os.pipe()
        loop = asyncio.get_running_loop()
        heard = bytearray()

        def hear() -> None:
            piece = os.read(reading, 65536)
            if not piece:
                loop.remove_reader(reading)
            heard.extend(piece)
            while (end := heard.find(b"\n")) >= 0:
                line = bytes(heard[:end])
                del heard[: end + 1]
                self._hear(slot, line)

        try:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - quick, and our own program
                self._command,
                stdin=subprocess.PIPE,
                stdout=writing,
                # What an operator says of it counts.
                env=_ONE_BLAS_THREAD | environment_of_children(),
                # Ctrl-C on a terminal is for the service, which then tells its workers.
                start_new_session=True,
            )
        finally:
            os.close(writing)
        slot.process = process
        loop.add_reader(reading, hear)
        try:
            _hand_over(process, self._handed)
            while (status := process.poll()) is None:  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(_POLL_S)
            return status
        finally:
            slot.ready = False
            slot.process = None
            _end(process)
            loop.remove_reader(reading)
            os.close(reading)

    def _hear(self, slot: _Slot, line: bytes) -> None:
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            _log.info("worker %d: %s", slot.number, line.decode(errors="replace").rstrip())
            return
        if "ready" in said:
            self._ready = WorkerReady(**said["ready"])
            self._failure = ""
            slot.ready = True
            self._told.set()
        elif "failed" in said:
            self._failure = str(said["failed"])
            self._told.set()


def _hand_over(process: subprocess.Popen[bytes], handed: bytes) -> None:
    """Write what fits a pipe's buffer; the pipe stays open as the lifeline."""
    if process.stdin is None:
        return
    try:
        process.stdin.write(handed)
        process.stdin.flush()
    except BrokenPipeError:
        # It died at once; its exit status says so.
        return


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that it is gone, and reap it."""
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


class _Slot:
    """One place for a worker."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.wake = asyncio.Event()
