"""A worker as a process of `vedette serve`: settings come in on standard input, word goes out.

Word is one JSON object a line on standard output: {"ready": ...} or {"failed": ...}. Everything
else goes to the log on standard error.
"""

from __future__ import annotations

import ctypes
import functools
import json
import logging
import os
import signal
import sys
import threading
from types import FrameType

from models.catalogue import Catalogue
from models.detector import Detector
from models.errors import EngineGoneError, VedetteError
from pipelines.assess import assess
from pipelines.geometry.elevation import TerrainSource
from service.clock import utc_now
from service.ledger.store import Ledger
from service.parts import node_prefix, open_objects, software_version
from service.settings import Settings, parse_settings
from service.supervisor import EXIT_CONFIG, Handed
from service.worker import Worker

_log = logging.getLogger("vedette.worker")
_PR_SET_PDEATHSIG = 1
# A worker of a dead service ends; its lease then runs out and its job is taken up.
LEASE_SECONDS = 15.0


def main() -> None:
    """Run one worker until SIGTERM, or until the service is gone."""
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
        detector = Catalogue.shipped().open_detector(
            settings.model, settings.engine, max(1, (os.cpu_count() or 1) // settings.workers)
        )
        _work(settings, handed, detector, stop)
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


def _work(settings: Settings, handed: Handed, detector: Detector, stop: threading.Event) -> None:
    terrain = TerrainSource(settings.dem_dir)
    ledger = Ledger.open(settings.ledger)
    objects = open_objects(settings, embedded=handed.embedded_store)
    try:
        worker = Worker(
            ledger,
            objects,
            functools.partial(assess, detector=detector, terrain=terrain),
            f"{node_prefix()}{os.getpid()}/{utc_now():%Y%m%dT%H%M%S}",
            software_version(),
            settings.detection,
            lease_seconds=LEASE_SECONDS,
        )
        identity = detector.identity
        _say({"ready": {"model": identity.name, "engine": identity.engine}})
        worker.run(stop)
    finally:
        objects.close()
        ledger.close()


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
