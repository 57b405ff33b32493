"""Made-up photographs, submissions of them, and a service that takes them in.

Run as a program this file is the service that a test kills: `photographs.py FOLDER`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from service.errors import NotFoundError
from service.ingest import Ingest, IngestLimits, SubmissionHeader
from service.ledger.records import ImageryRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, S3Credentials
from service.reconcile import reconcile
from service.spool import Spool

JPEG = b"\xff\xd8\xff\xe1"


def photograph(size: int, seed: int = 0) -> bytes:
    """Bytes that begin as a JPEG does; ingest looks at no more."""
    return JPEG + np.random.default_rng(seed).bytes(size - len(JPEG))


def header_of(data: bytes, **changes: object) -> SubmissionHeader:
    header = SubmissionHeader(
        mission_id="unmiss",
        pledge_id="nor-uas-1",
        sortie_id="sortie.1_a",
        file_name="DJI_0001.JPG",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        request_id=str(uuid.uuid4()),
    )
    return replace(header, **changes)  # type: ignore[arg-type]


def send(ingest: Ingest, header: SubmissionHeader, data: bytes, now: datetime) -> ImageryRecord:
    submission = ingest.open(header, now)
    for start in range(header.offset, len(data), 65536):
        ingest.append(submission, data[start : start + 65536])
    return ingest.finish(submission, now)[0]


def serve(folder: Path) -> None:
    """Submit twenty frames, as a client of a service in the same process that resumes by itself."""
    endpoint, access_key, secret_key, bucket, done = json.loads(sys.stdin.readline())
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite3'}")
    objects = ObjectStore(
        endpoint,
        S3Credentials(access_key=access_key, secret_key=secret_key),
        bucket,
        settle=os.sync,
    )
    spool = Spool(folder / "spool")
    now = datetime.now(UTC)
    reconcile(ledger, objects, spool, now)
    ingest = Ingest(ledger, objects, spool, IngestLimits())
    print("ready", flush=True)
    for seed in range(20):
        data = photograph(150_000, seed)
        header = header_of(data, request_id=str(uuid.UUID(int=seed)))
        if header.sha256 in done:
            # A client does not send again what was acknowledged: it must be safe.
            continue
        try:
            status = ingest.status("unmiss", header.request_id)
        except NotFoundError:
            offset = 0
        else:
            offset = status.committed_bytes
        submission = ingest.open(replace(header, offset=offset), now)
        for start in range(offset, len(data), 30_000):
            ingest.append(submission, data[start : start + 30_000])
            ingest.commit(submission)
            time.sleep(0.001)
        record, _ = ingest.finish(submission, now)
        print(record.sha256, flush=True)
    ingest.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
