"""How fast a file is taken in, against a plain put of the same bytes to the same object store.

`python -m benchmarks.ingest [--json FILE]`. Whole ingest is what `SubmitImagery` does behind the
wire: synced spool, put, read-back, ledger row and job. Both take turns, so that a busy moment of
the machine falls on both; medians are told.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from minio import Minio

from service.ingest import Ingest, IngestLimits, SubmissionHeader
from service.ledger.records import Marking, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess
from service.spool import Spool

_CHUNK = 256 << 10
_COMMIT_EVERY = 4 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One size of file.

    Attributes:
        size_mb: in millions of bytes.
        ingest_mb_s: median rate of whole ingest.
        put_mb_s: median rate of a plain put, neither synced nor read back.
        sync_mb_s: median rate of writing the same bytes to a file and syncing it.
        ratio: ingest over plain put.
    """

    size_mb: float
    ingest_mb_s: float
    put_mb_s: float
    sync_mb_s: float
    ratio: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--sizes-mb", type=float, nargs="+", default=[1, 6, 20])
    arguments = parser.parse_args()
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    rows = measure(arguments.sizes_mb, arguments.repeats)
    print(f"Ingest against a plain put, {machine}; medians of {arguments.repeats}")
    print(f"{'MB':>6} {'ingest MB/s':>12} {'put MB/s':>12} {'sync MB/s':>12} {'ratio':>6}")
    for row in rows:
        print(
            f"{row.size_mb:6.0f} {row.ingest_mb_s:12.1f} {row.put_mb_s:12.1f} "
            f"{row.sync_mb_s:12.1f} {row.ratio:6.2f}"
        )
    if arguments.json:
        document = {
            "benchmark": "ingest",
            "machine": machine,
            "repeats": arguments.repeats,
            "rows": [asdict(row) for row in rows],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def measure(sizes_mb: list[float], repeats: int) -> list[Row]:
    """Rates of both ways for each size, over a SeaweedFS of their own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vedette-bench-")))
        store = SeaweedProcess(folder / "seaweedfs")
        store.start()
        stack.callback(store.stop)
        objects = ObjectStore(store.endpoint, store.credentials, "bench", settle=store.settle)
        objects.ensure_bucket()
        stack.callback(objects.close)
        ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite3'}")
        ledger.migrate()
        stack.callback(ledger.close)
        ledger.create_pledge(
            PledgeRecord(
                mission_id="bench",
                pledge_id="bench",
                contributor="NOR",
                capability="",
                platform="",
                marking=Marking.UNCLASSIFIED,
                created_at=datetime.now(UTC),
            )
        )
        ingest = Ingest(ledger, objects, Spool(folder / "spool"), IngestLimits())
        stack.callback(ingest.close)
        plain = Minio(
            endpoint=store.endpoint.removeprefix("http://"),
            access_key=store.credentials.access_key,
            secret_key=store.credentials.secret_key,
            secure=False,
        )
        ways: dict[str, Callable[[bytes], None]] = {
            "ingest": lambda data: _ingest(ingest, data),
            "put": lambda data: _put(plain, data),
            "sync": lambda data: _sync(folder / "synced", data),
        }
        return [_row(ways, size_mb, repeats) for size_mb in sizes_mb]


def _row(ways: dict[str, Callable[[bytes], None]], size_mb: float, repeats: int) -> Row:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    # The first round warms volumes and connections up and is not counted.
    for turn in range(repeats + 1):
        names = list(ways) if turn % 2 else list(reversed(ways))
        for name in names:
            # Never the same bytes twice: neither way may find them there already.
            data = b"\xff\xd8\xff\xe0" + np.random.default_rng().bytes(int(size_mb * 1e6) - 4)
            started = time.perf_counter()
            ways[name](data)
            if turn:
                seconds[name].append(time.perf_counter() - started)
    rate = {name: size_mb / statistics.median(each) for name, each in seconds.items()}
    return Row(
        size_mb=size_mb,
        ingest_mb_s=rate["ingest"],
        put_mb_s=rate["put"],
        sync_mb_s=rate["sync"],
        ratio=rate["ingest"] / rate["put"],
    )


def _ingest(ingest: Ingest, data: bytes) -> None:
    now = datetime.now(UTC)
    header = SubmissionHeader(
        mission_id="bench",
        pledge_id="bench",
        sortie_id="bench",
        file_name="bench.jpg",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        request_id=str(uuid.uuid4()),
    )
    submission = ingest.open(header, now)
    for start in range(0, len(data), _CHUNK):
        ingest.append(submission, data[start : start + _CHUNK])
        if (start + _CHUNK) % _COMMIT_EVERY == 0:
            ingest.commit(submission)
    ingest.finish(submission, now)


def _put(client: Minio, data: bytes) -> None:
    client.put_object(
        bucket_name="bench",
        object_name=f"plain/{uuid.uuid4()}",
        data=BytesIO(data),
        length=len(data),
    )


def _sync(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
