"""How much memory the service takes while it processes frames, and how soon it is ready.

`python -m benchmarks.memory [--json FILE]`. One `vedette serve` with one worker and its embedded
object store; for each size of frame the kernel's high-water mark of every process is reset, frames
with a pose are submitted and processed, overlays and all, and the marks are read. Linux only.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from vedette.v1 import ground_pb2, pledge_pb2

from service.client import Client
from service.endpoint import Endpoint

# Looking down 60 degrees from 100 m: all of the frame is ground, and every overlay is made.
POSE = {
    "latitude_deg": 4.85,
    "longitude_deg": 31.57,
    "height_m": 100.0,
    "height_reference": "above_ground",
    "yaw_deg": 30.0,
    "pitch_deg": -60.0,
}
SIZES = ((4000, 3000), (5472, 3648), (8000, 6000))
SMALL_MACHINE_MIB = 4096
_START_TIMEOUT_S = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One size of frame.

    Attributes:
        megapixels: of the frame.
        decoded_mib: of its pixels, three bytes each.
        serve_mib: peak of the service's own process, resident.
        worker_mib: peak of the worker.
        store_mib: peak of SeaweedFS.
        total_mib: their sum, an upper bound: what they share counts more than once.
        worker_growth: what the worker took above its idle size, over `decoded_mib`.
        seconds: from submission to processed.
    """

    megapixels: float
    decoded_mib: float
    serve_mib: float
    worker_mib: float
    store_mib: float
    total_mib: float
    worker_growth: float
    seconds: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--repeats", type=int, default=3, help="frames of each size")
    arguments = parser.parse_args()
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    with _service() as (folder, process, ready_s):
        idle = _peaks(process.pid)
        with Client(Endpoint.read(folder / "endpoint.json")) as client:
            rows = [
                _row(client, process.pid, idle["worker"], size, arguments.repeats) for size in SIZES
            ]
    print(f"Peak resident memory in MiB, one worker, {machine}; ready after {ready_s:.1f} s")
    print(
        f"idle: serve {idle['serve']:.0f}, worker {idle['worker']:.0f}, store {idle['store']:.0f}"
    )
    print(
        f"{'MP':>5} {'pixels':>7} {'serve':>6} {'worker':>7} {'store':>6} {'total':>6} "
        f"{'growth/pixels':>14} {'s':>6}"
    )
    for row in rows:
        print(
            f"{row.megapixels:5.0f} {row.decoded_mib:7.0f} {row.serve_mib:6.0f} "
            f"{row.worker_mib:7.0f} {row.store_mib:6.0f} {row.total_mib:6.0f} "
            f"{row.worker_growth:14.1f} {row.seconds:6.1f}"
        )
    worst = max(row.total_mib for row in rows)
    fits = worst < SMALL_MACHINE_MIB / 2
    print(f"half of a 4 GB machine {'holds' if fits else 'DOES NOT hold'} it: {worst:.0f} MiB")
    if arguments.json:
        document = {
            "benchmark": "memory",
            "machine": machine,
            "ready_s": ready_s,
            "idle_mib": idle,
            "rows": [asdict(row) for row in rows],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


@contextmanager
def _service() -> Iterator[tuple[Path, subprocess.Popen[bytes], float]]:
    """A service over an empty folder, and the seconds until it was ready."""
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder, log = Path(name) / "data", Path(name) / "log"
        command = [sys.executable, "-m", "service.cli", "serve", "--data-dir", str(folder)]
        started = time.monotonic()
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*command, "--listen", "127.0.0.1:0", "--workers", "1"],
                stdout=stream,
                stderr=stream,
            )
        try:
            while "ready in" not in log.read_text():
                if process.poll() is not None or time.monotonic() > started + _START_TIMEOUT_S:
                    sys.exit(f"the service does not start:\n{log.read_text()}")
                time.sleep(0.02)
            yield folder, process, time.monotonic() - started
        finally:
            process.terminate()
            process.wait(60)


def _row(
    client: Client, serve_pid: int, idle_mib: float, size: tuple[int, int], repeats: int
) -> Row:
    pledge = client.call(
        client.pledges.CreatePledge,
        pledge_pb2.CreatePledgeRequest(
            parent="missions/bench",
            pledge_id="bench",
            pledge=pledge_pb2.Pledge(contributor="XXA", marking=pledge_pb2.MARKING_UNCLASSIFIED),
        ),
    ).name
    for pid in _processes(serve_pid).values():
        # Resets the high-water mark: proc(5), clear_refs, 5.
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            path = Path(folder) / f"{size[0]}-{number}.jpg"
            path.write_bytes(_frame(size, number))
            began = time.monotonic()
            sent = client.submit(path, pledge=pledge, sortie="bench", pose_json=_pose(size))
            name = sent.imagery.name
            *_, ended = client.watch_imagery(name)
            seconds.append(time.monotonic() - began)
            if ended.outcome != ground_pb2.OUTCOME_LOCATED:
                sys.exit(f"{path.name} was not processed and located: {ended.failure}")
    peaks = _peaks(serve_pid)
    decoded = size[0] * size[1] * 3 / 2**20
    return Row(
        megapixels=size[0] * size[1] / 1e6,
        decoded_mib=decoded,
        serve_mib=peaks["serve"],
        worker_mib=peaks["worker"],
        store_mib=peaks["store"],
        total_mib=sum(peaks.values()),
        worker_growth=(peaks["worker"] - idle_mib) / decoded,
        seconds=sorted(seconds)[len(seconds) // 2],
    )


def _pose(size: tuple[int, int]) -> str:
    """A pose file for a frame of a size."""
    camera = {"width_px": size[0], "height_px": size[1], "fx_px": size[0] * 0.75}
    return json.dumps({**POSE, "camera": camera})


def _frame(size: tuple[int, int], seed: int) -> bytes:
    """A JPEG of ground-like blotches, some 0.4 bytes a pixel, as a drone's camera writes."""
    chance = np.random.default_rng([seed, *size])
    coarse = chance.integers(60, 160, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _processes(serve_pid: int) -> dict[str, int]:
    """The service's process and its children, by what they are."""
    found = {"serve": serve_pid}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if parent == serve_pid:
            found["worker" if b"worker_process" in command else "store"] = int(folder.name)
    return found


def _peaks(serve_pid: int) -> dict[str, float]:
    """High-water marks of resident memory, MiB."""
    peaks = {}
    for name, pid in _processes(serve_pid).items():
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        peaks[name] = int(found.group(1)) / 1024 if found else 0.0
    return peaks


if __name__ == "__main__":
    main()
