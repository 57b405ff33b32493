"""What a kill or a power cut left open is closed at the next start."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from minio import Minio

from service.ingest import Ingest, IngestLimits, SubmissionHeader
from service.ledger.records import ImageryRecord, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.reconcile import reconcile
from service.seaweedfs import SeaweedProcess
from service.spool import Spool

DATA = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()
HEADER = SubmissionHeader(
    mission_id="unmiss",
    pledge_id="nor-uas-1",
    sortie_id="s",
    file_name="a.jpg",
    size_bytes=len(DATA),
    sha256=SHA256,
    request_id=str(uuid.UUID(int=1)),
)
KEY = original_key("unmiss", SHA256)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def ingest(
    sqlite_ledger: Ledger, objects: ObjectStore, spool: Spool, pledge: PledgeRecord
) -> Ingest:
    sqlite_ledger.create_pledge(pledge)
    return Ingest(sqlite_ledger, objects, spool, IngestLimits())


def submit(ingest: Ingest, now: datetime) -> ImageryRecord:
    submission = ingest.open(HEADER, now)
    ingest.append(submission, DATA)
    return ingest.finish(submission, now)[0]


def plain_client(s3: SeaweedProcess) -> Minio:
    return Minio(
        endpoint=s3.endpoint.removeprefix("http://"),
        access_key=s3.credentials.access_key,
        secret_key=s3.credentials.secret_key,
        secure=False,
    )


def test_an_original_that_the_store_lost_is_put_again(
    ingest: Ingest,
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    spool: Spool,
    s3: SeaweedProcess,
    now: datetime,
) -> None:
    submit(ingest, now)
    plain_client(s3).remove_object(bucket_name=objects.bucket, object_name=KEY)
    assert objects.size(KEY) is None
    report = reconcile(sqlite_ledger, objects, spool, now)
    assert (report.restored, report.resumable) == (1, 0)
    assert objects.get(KEY) == DATA
    assert list(spool.folder.iterdir()) == []


def test_an_original_with_a_hole_is_put_again(
    ingest: Ingest,
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    spool: Spool,
    now: datetime,
) -> None:
    submit(ingest, now)
    hole = DATA[:4096] + bytes(4096) + DATA[8192:]
    digest = hashlib.sha256(hole).hexdigest()
    objects.put_verified(KEY, hole, sha256=digest, content_type="image/jpeg")
    assert reconcile(sqlite_ledger, objects, spool, now).restored == 1
    assert objects.get(KEY) == DATA


def test_a_submission_recorded_just_before_the_end_is_not_offered_again(
    ingest: Ingest,
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    spool: Spool,
    now: datetime,
) -> None:
    record = submit(ingest, now)
    # As if killed between the ledger's commit and the spool's.
    spool.reopen(HEADER.key)
    report = reconcile(sqlite_ledger, objects, spool, now)
    assert (report.recorded, report.restored, report.resumable) == (1, 0, 0)
    assert list(spool.folder.iterdir()) == []
    assert ingest.status("unmiss", HEADER.request_id).imagery_id == record.imagery_id


def test_what_was_never_acknowledged_waits_for_its_client(
    ingest: Ingest,
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    spool: Spool,
    now: datetime,
) -> None:
    submission = ingest.open(HEADER, now)
    ingest.append(submission, DATA)
    ingest.suspend(submission)
    # A ledger that was set back to yesterday's copy does not know what was finished since.
    spool.keep(HEADER.key)
    report = reconcile(sqlite_ledger, objects, spool, now)
    assert (report.reopened, report.resumable, report.swept) == (1, 1, 0)
    assert ingest.status("unmiss", HEADER.request_id).committed_bytes == len(DATA)
    assert sqlite_ledger.list_imagery("unmiss").items == ()
    late = reconcile(sqlite_ledger, objects, spool, datetime.now(UTC) + timedelta(hours=25))
    assert (late.resumable, late.swept) == (0, 1)
    assert list(spool.folder.iterdir()) == []


def test_the_first_tidying_reconciles_before_it_forgets(
    ingest: Ingest,
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    spool: Spool,
    s3: SeaweedProcess,
    now: datetime,
) -> None:
    submit(ingest, now)
    plain_client(s3).remove_object(bucket_name=objects.bucket, object_name=KEY)
    # A new service over the same folders, as after a power cut.
    Ingest(sqlite_ledger, objects, spool, IngestLimits()).tidy(now)
    assert objects.get(KEY) == DATA
    assert list(spool.folder.iterdir()) == []
