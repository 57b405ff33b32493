"""A worker as a process of `vedette serve`: settings come in on standard input, word goes out.

Word is one JSON object a line on standard output: {"ready": ...} or {"failed": ...}. Everything
else goes to the log on standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import FrameType

from models.errors import EngineGoneError, VedetteError
from pipelines.assess import assess
from pipelines.assessment import Assessment, AssessmentRequest
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.heights import use_grid_folder
from service.chip_cutter import ChipCutter
from service.clock import utc_now
from service.detector_rack import DetectorRack
from service.errors import StartupError
from service.ledger.store import Ledger
from service.parts import (
    node_prefix,
    open_elevation_objects,
    open_objects,
    software_version,
)
from service.settings import Settings, parse_settings
from service.supervisor import EXIT_CONFIG, Handed
from service.turns import Turns
from service.worker import Worker

_log = logging.getLogger("vedette.worker")
_PR_SET_PDEATHSIG = 1
# A worker of a dead service ends; its lease then runs out and its job is taken up.
LEASE_SECONDS = 15.0
LANES = 2
"""Images in hand at once: one that the engine looks at, one that is read, drawn or stored."""


def main() -> None:
    """Run one worker until SIGTERM, or until the service is gone."""
    # As the service itself: what a worker writes is nobody else's.
    os.umask(0o077)
    _die_with_parent()
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handed = Handed.from_line(_read_line())
    logging.basicConfig(level=logging.INFO, format=handed.log_format, stream=sys.stderr)
    threading.Thread(target=_watch_lifeline, name="lifeline", daemon=True).start()
    settings = parse_settings(handed.settings)
    try:
        _work(settings, handed, stop)
    except EngineGoneError as error:
        _log.error("this worker ends, another takes its place: %s", error)
        # At once: the engine's own threads may hang too, and would be waited for.
        os._exit(os.EX_SOFTWARE)
    except VedetteError as error:
        _say({"failed": str(error)})
        sys.exit(EXIT_CONFIG)
    except ImportError as error:
        # A library that is there but does not load: a wheel for another processor, half an install.
        _say({"failed": f"{error.name or 'a library'} does not load: {error}"})
        sys.exit(EXIT_CONFIG)


def _work(settings: Settings, handed: Handed, stop: threading.Event) -> None:
    with contextlib.ExitStack() as stack:
        ledger = Ledger.open(settings.ledger)
        stack.callback(ledger.close)
        rack = DetectorRack(
            ledger.models_in_force,
            settings.models_dir,
            settings.model,
            settings.engine,
            max(1, (os.cpu_count() or 1) // settings.workers),
        )
        identity = rack.current().visible.identity
        objects = open_objects(settings, embedded=handed.embedded_store)
        stack.callback(objects.close)
        turns = Turns()
        process = f"{node_prefix()}{os.getpid()}/{utc_now():%Y%m%dT%H%M%S}"
        lanes = [
            Worker(
                ledger,
                objects,
                functools.partial(
                    _assess,
                    rack=rack,
                    # What reads elevation models keeps state, which lanes do not share.
                    ground=stack.enter_context(open_ground(settings)),
                ),
                f"{process}/{lane}",
                software_version(),
                settings.detection,
                scratch=settings.scratch,
                turns=turns,
                lease_seconds=LEASE_SECONDS,
            )
            for lane in range(LANES)
        ]
        _say({"ready": {"model": identity.label, "engine": identity.engine}})
        cutter = ChipCutter(ledger, objects, lanes[0].original)
        threading.Thread(target=cutter.run, args=(stop,), name="chips", daemon=True).start()
        run_lanes(lanes, stop)


def run_lanes(lanes: Sequence[Worker], stop: threading.Event) -> None:
    """Run workers side by side until told to stop, or until one of them cannot go on.

    The engine takes one image at a time and keeps every core busy with it; what the others do
    meanwhile - reading, decoding, georeferencing, drawing, storing - costs it little.

    Raises:
        EngineGoneError: the detection engine hangs or is broken; the others have come to an end.
    """
    ended: list[BaseException] = []

    def run(lane: Worker) -> None:
        try:
            lane.run(stop)
        except BaseException as error:  # noqa: BLE001 - raised again where all have ended
            ended.append(error)
            stop.set()

    threads = [
        threading.Thread(target=run, args=(lane,), name=f"lane-{number}", daemon=True)
        for number, lane in enumerate(lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if ended:
        raise ended[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What the settings say of the ground.

    Attributes:
        terrain: elevation models.
        sigma_m: one standard deviation of their heights where a pose states none; None for the
            default.
        unbroken: raises UnavailableError when what ran inside could not read all it asked for.
    """

    terrain: TerrainSource
    sigma_m: float | None
    unbroken: Callable[[], AbstractContextManager[None]]


@contextlib.contextmanager
def open_ground(settings: Settings) -> Iterator[Ground]:
    """Index the elevation models of the settings.

    Raises:
        StartupError: they lie in an object store, which does not give them or has none there.
        UnavailableError: it stopped answering while they were indexed.
    """
    if settings.geoid_grid_dir is not None:
        # Before any model is opened: its heights may be over a geoid that lies there.
        use_grid_folder(settings.geoid_grid_dir)
    reader = open_elevation_objects(settings)
    unbroken = contextlib.nullcontext if reader is None else reader.unbroken
    try:
        with unbroken():
            terrain = TerrainSource(settings.dem_folder, reader=reader, datum=settings.dem_datum)
        if reader is not None and not terrain.has_files:
            told = "; ".join(finding.message for finding in terrain.findings)
            raise StartupError(f"dem_dir {settings.dem_dir}: {told}")
        yield Ground(terrain=terrain, sigma_m=settings.terrain_sigma_m, unbroken=unbroken)
    finally:
        if reader is not None:
            reader.close()


def _assess(request: AssessmentRequest, *, rack: DetectorRack, ground: Ground) -> Assessment:
    with ground.unbroken():
        return assess(
            replace(request, terrain_sigma_m=ground.sigma_m),
            detector=rack.current(),
            terrain=ground.terrain,
        )


def _say(word: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def _read_line() -> bytes:
    """The first line of standard input, and not a byte more."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
        line += byte
    return bytes(line)


def _watch_lifeline() -> None:
    """End at once when the service is gone, however it went; effects are keyed and repeatable."""
    # Not through sys.stdin: its lock, held here, would stop a library's forked child for ever.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(EXIT_CONFIG)


def _die_with_parent() -> None:
    """Ask Linux to end this process with the service; elsewhere the lifeline does."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
