"""Intake survives cuts and kills: one imagery, the right bytes, nothing acknowledged lost.

Run as a program this file is the service that the tests kill: `test_ingest.py FOLDER ENDPOINT`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.errors import InvalidInputError, UnreadableImageError
from pipelines.imagery.media import MediaKind
from service.errors import (
    AlreadyExistsError,
    ChecksumMismatchError,
    LeaseLostError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
)
from service.ingest import Ingest, IngestLimits, SubmissionHeader
from service.ledger.records import Acceptance, ImageryRecord, ImageryState, Marking, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, S3Credentials, original_key
from service.reconcile import reconcile
from service.seaweedfs import SeaweedProcess
from service.spool import Spool

_ROOT = Path(__file__).resolve().parents[2]
JPEG = b"\xff\xd8\xff\xe1"
# How often the service is killed before it may go on to its end.
KILLS = 7


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


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", max_open=4)


@pytest.fixture
def ingest(
    sqlite_ledger: Ledger, objects: ObjectStore, spool: Spool, pledge: PledgeRecord
) -> Iterator[Ingest]:
    sqlite_ledger.create_pledge(pledge)
    made = Ingest(sqlite_ledger, objects, spool, IngestLimits(max_bytes=4 << 20))
    yield made
    made.close()


def send(ingest: Ingest, header: SubmissionHeader, data: bytes, now: datetime) -> ImageryRecord:
    submission = ingest.open(header, now)
    for start in range(header.offset, len(data), 65536):
        ingest.append(submission, data[start : start + 65536])
    return ingest.finish(submission, now)[0]


def test_a_file_becomes_imagery(
    ingest: Ingest, sqlite_ledger: Ledger, objects: ObjectStore, spool: Spool, now: datetime
) -> None:
    data = photograph(1_000_000)
    header = header_of(data, stated_captured_at=now - timedelta(hours=1))
    record = send(ingest, header, data, now)
    assert record == sqlite_ledger.get_imagery("unmiss", record.imagery_id)
    assert (record.sha256, record.size_bytes) == (header.sha256, 1_000_000)
    assert (record.media_kind, record.state) == (MediaKind.JPEG, ImageryState.QUEUED)
    assert record.stated_captured_at == now - timedelta(hours=1)
    assert objects.get(f"missions/unmiss/originals/{header.sha256}") == data
    assert ingest.status("unmiss", header.request_id).imagery_id == record.imagery_id
    assert sqlite_ledger.lease_job("w", now, 30) is not None
    # The copy stays until the object store is durable.
    assert len(spool.kept()) == 1
    ingest.tidy(now)
    assert list(spool.folder.iterdir()) == []


def test_twenty_cuts_at_random_bytes_make_one_imagery(
    ingest: Ingest, sqlite_ledger: Ledger, objects: ObjectStore, now: datetime
) -> None:
    data = photograph(500_000, seed=7)
    header = header_of(data)
    cuts = sorted(np.random.default_rng(20).choice(len(data), 20, replace=False).tolist())
    offset = 0
    for cut in cuts:
        submission = ingest.open(replace(header, offset=offset), now)
        ingest.append(submission, data[offset:cut])
        ingest.suspend(submission)
        status = ingest.status("unmiss", header.request_id)
        assert (status.committed_bytes, status.imagery_id) == (cut, None)
        offset = status.committed_bytes
    record = send(ingest, replace(header, offset=offset), data, now)
    assert sqlite_ledger.list_imagery("unmiss").items == (record,)
    assert record.sha256 == hashlib.sha256(data).hexdigest()
    assert objects.get(original_key("unmiss", record.sha256)) == data


def test_the_same_bytes_again_are_the_same_imagery(
    ingest: Ingest, sqlite_ledger: Ledger, now: datetime
) -> None:
    data = photograph(70_000)
    first = header_of(data)
    record = send(ingest, first, data, now)
    # The acknowledgement was lost: the same request asks again, and need not send a byte.
    again = ingest.open(replace(first, offset=len(data)), now)
    assert again.finished == record
    assert ingest.finish(again, now) == (record, Acceptance.KNOWN)
    # Another request with the same bytes.
    other = ingest.open(header_of(data, file_name="copy.jpg"), now)
    ingest.append(other, data)
    assert ingest.finish(other, now) == (record, Acceptance.KNOWN)
    assert len(sqlite_ledger.list_imagery("unmiss").items) == 1


POSES = [
    json.dumps(
        {
            "latitude_deg": 4.0,
            "longitude_deg": 30.0,
            "height_m": 120.0,
            "height_reference": "above_ground",
            "yaw_deg": yaw_deg,
            "pitch_deg": -90.0,
        }
    )
    for yaw_deg in (10.0, 20.0)
]


def test_a_pose_stated_later_has_known_bytes_looked_at_again(
    ingest: Ingest, sqlite_ledger: Ledger, now: datetime
) -> None:
    data = photograph(70_000)
    plain = header_of(data)
    first = send(ingest, plain, data, now)
    lease = sqlite_ledger.lease_job("w", now, 30)
    assert lease is not None
    posed = header_of(data, stated_pose=POSES[0], stated_captured_at=now)
    for header in (posed, header_of(data, stated_pose=POSES[1]), posed):
        submission = ingest.open(header, now)
        ingest.append(submission, data)
        record, acceptance = ingest.finish(submission, now)
        assert acceptance is Acceptance.LOOKED_AT_AGAIN
        assert record == sqlite_ledger.get_imagery("unmiss", first.imagery_id)
        assert (record.imagery_id, record.state) == (first.imagery_id, ImageryState.QUEUED)
        assert record.stated_pose == header.stated_pose
        # What is not stated again stays.
        assert record.stated_captured_at == now
        # Until its bytes are durable a finished request is told to come back.
        ingest.tidy(now)
    # Who holds the old job can no longer end it, and the next lease is above his.
    with pytest.raises(LeaseLostError):
        sqlite_ledger.heartbeat(lease, now, 30)
    anew = sqlite_ledger.lease_job("w", now, 30)
    assert anew is not None
    assert (anew.fence, anew.attempt) == (lease.fence + 1, 1)
    # Nothing stated, and the same stated: nothing to look at.
    for header in (header_of(data), header_of(data, stated_pose=POSES[0])):
        submission = ingest.open(header, now)
        ingest.append(submission, data)
        assert ingest.finish(submission, now)[1] is Acceptance.KNOWN
    assert sqlite_ledger.get_imagery("unmiss", first.imagery_id).state is ImageryState.PROCESSING
    # One request cannot state two things.
    for changes, field in (
        ({"stated_pose": POSES[1]}, "header.pose_json"),
        ({"stated_captured_at": now + timedelta(1)}, "header.capture_time"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            ingest.open(replace(posed, offset=len(data), **changes), now)
        assert caught.value.field == field


def test_bytes_under_another_pledge_are_refused_before_they_come(
    ingest: Ingest, sqlite_ledger: Ledger, spool: Spool, pledge: PledgeRecord, now: datetime
) -> None:
    sqlite_ledger.create_pledge(
        replace(pledge, pledge_id="strict-1", marking=Marking.STRICTLY_CONFIDENTIAL)
    )
    data = photograph(1000)
    strict = header_of(data, pledge_id="strict-1")
    begun = ingest.open(strict, now)
    ingest.append(begun, data)
    record = send(ingest, header_of(data), data, now)
    # Begun before the bytes were known: refused at its end, and forgotten.
    for refused in (
        lambda: ingest.finish(begun, now),
        lambda: ingest.open(strict, now),
    ):
        with pytest.raises(AlreadyExistsError, match="under pledge 'nor-uas-1'") as caught:
            refused()
        assert caught.value.field == "header.pledge"
        assert spool.unfinished() == []
    # Another sortie of the pledge is no other imagery.
    other = ingest.open(header_of(data, sortie_id="other"), now)
    ingest.append(other, data)
    assert ingest.finish(other, now) == (record, Acceptance.KNOWN)


def test_the_client_that_comes_back_takes_over(ingest: Ingest, now: datetime) -> None:
    data = photograph(100_000)
    header = header_of(data)
    hanging = ingest.open(header, now)
    ingest.append(hanging, data[:40_000])
    assert ingest.commit(hanging) == 40_000
    assert ingest.status("unmiss", header.request_id).committed_bytes == 40_000
    record = send(ingest, replace(header, offset=40_000), data, now)
    assert record.sha256 == header.sha256
    with pytest.raises(UnavailableError):
        ingest.append(hanging, b"late")


WRONG: list[tuple[dict[str, object], str]] = [
    ({"mission_id": "un/miss"}, "header.pledge"),
    ({"pledge_id": "../x"}, "header.pledge"),
    ({"sortie_id": ""}, "header.sortie"),
    ({"sortie_id": "a" * 64}, "header.sortie"),
    ({"file_name": ""}, "header.file_name"),
    ({"file_name": "../../etc/passwd"}, "header.file_name"),
    ({"file_name": "a\nb.jpg"}, "header.file_name"),
    ({"size_bytes": 0}, "header.size_bytes"),
    ({"size_bytes": -1}, "header.size_bytes"),
    ({"size_bytes": (4 << 20) + 1}, "header.size_bytes"),
    ({"sha256": "AB" * 32}, "header.sha256"),
    ({"sha256": "ab"}, "header.sha256"),
    ({"request_id": "1"}, "header.request_id"),
    ({"request_id": str(uuid.UUID(int=1)).replace("-", "")}, "header.request_id"),
    ({"offset": 1}, "header.offset"),
    ({"offset": -1}, "header.offset"),
    ({"stated_pose": "{"}, "header.pose_json"),
    ({"stated_pose": '{"latitude_deg": 91}'}, "header.pose_json"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG, ids=lambda value: str(value)[:40])
def test_a_refusal_names_the_field_and_leaves_nothing(
    ingest: Ingest, spool: Spool, now: datetime, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ingest.open(header_of(photograph(1000), **changes), now)
    assert caught.value.field.startswith(field)
    assert list(spool.folder.iterdir()) == []


def test_an_unknown_pledge_is_refused(ingest: Ingest, now: datetime) -> None:
    with pytest.raises(NotFoundError) as caught:
        ingest.open(header_of(photograph(10), pledge_id="other"), now)
    assert caught.value.field == "header.pledge"


def test_a_request_cannot_become_another(ingest: Ingest, now: datetime) -> None:
    data = photograph(1000)
    header = header_of(data)
    submission = ingest.open(header, now)
    ingest.append(submission, data[:500])
    ingest.suspend(submission)
    for changes, field in (
        ({"sortie_id": "other"}, "header.sortie"),
        ({"file_name": "other.jpg"}, "header.file_name"),
        ({"sha256": "0" * 64}, "header.sha256"),
        ({"size_bytes": 2000}, "header.size_bytes"),
        ({"stated_captured_at": now}, "header.capture_time"),
        ({"offset": 499}, "header.offset"),
        ({"offset": 501}, "header.offset"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            ingest.open(replace(header, **{"offset": 500, **changes}), now)  # type: ignore[arg-type]
        assert caught.value.field == field
    assert send(ingest, replace(header, offset=500), data, now).sha256 == header.sha256
    with pytest.raises(InvalidInputError) as caught:
        ingest.open(replace(header, sha256="0" * 64), now)
    assert caught.value.field == "header.sha256"


def test_other_bytes_than_announced_leave_nothing(
    ingest: Ingest, spool: Spool, objects: ObjectStore, now: datetime
) -> None:
    data = photograph(1000)
    header = header_of(data)
    flipped = data[:500] + bytes([data[500] ^ 1]) + data[501:]
    with pytest.raises(ChecksumMismatchError):
        send(ingest, header, flipped, now)
    assert list(spool.folder.iterdir()) == []
    assert objects.size(original_key("unmiss", header.sha256)) is None
    with pytest.raises(NotFoundError):
        ingest.status("unmiss", header.request_id)
    # The same request may begin anew with the right bytes.
    assert send(ingest, header, data, now).sha256 == header.sha256


def test_more_bytes_than_announced_leave_nothing(
    ingest: Ingest, spool: Spool, now: datetime
) -> None:
    data = photograph(1000)
    submission = ingest.open(header_of(data), now)
    with pytest.raises(InvalidInputError) as caught:
        ingest.append(submission, data + b"x")
    assert caught.value.field == "chunk"
    assert list(spool.folder.iterdir()) == []


def test_a_stream_that_ends_early_can_go_on(ingest: Ingest, now: datetime) -> None:
    data = photograph(1000)
    header = header_of(data)
    submission = ingest.open(header, now)
    ingest.append(submission, data[:10])
    with pytest.raises(InvalidInputError, match="10 of 1000"):
        ingest.finish(submission, now)
    assert ingest.status("unmiss", header.request_id).committed_bytes == 10
    assert send(ingest, replace(header, offset=10), data, now).sha256 == header.sha256


@pytest.mark.parametrize("name", ["photo.jpg", "photo.tif"])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_kind_is_told_by_the_bytes_and_at_once(
    ingest: Ingest, spool: Spool, now: datetime, name: str, step: int
) -> None:
    data = b"%PDF-1.7 " + bytes(2000)
    submission = ingest.open(header_of(data, file_name=name), now)
    chunks = [data[start : start + step] for start in range(0, 1000, step)]
    # The sixteenth byte tells.
    before = -(-16 // step) - 1
    for chunk in chunks[:before]:
        ingest.append(submission, chunk)
    with pytest.raises(UnreadableImageError, match="PDF"):
        ingest.append(submission, chunks[before])
    assert list(spool.folder.iterdir()) == []


def test_open_submissions_are_limited(ingest: Ingest, now: datetime) -> None:
    data = photograph(1000)
    for _ in range(4):
        ingest.suspend(ingest.open(header_of(data), now))
    with pytest.raises(LimitExceededError):
        ingest.open(header_of(data), now)
    # A day later nobody has come back for them.
    assert ingest.open(header_of(data), datetime.now(UTC) + timedelta(hours=25)) is not None


def test_a_full_disk_is_refused_before_a_byte_is_taken(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    spool: Spool,
    pledge: PledgeRecord,
    now: datetime,
) -> None:
    sqlite_ledger.create_pledge(pledge)
    ingest = Ingest(sqlite_ledger, objects, spool, IngestLimits(min_free_bytes=1 << 60))
    with pytest.raises(LimitExceededError):
        ingest.open(header_of(photograph(10)), now)


def test_an_object_store_that_is_away_costs_only_time(
    sqlite_ledger: Ledger,
    s3: SeaweedProcess,
    objects: ObjectStore,
    spool: Spool,
    pledge: PledgeRecord,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.objects._PATIENCE_SECONDS", 0.3)
    sqlite_ledger.create_pledge(pledge)
    data = photograph(1000)
    header = header_of(data)
    away = ObjectStore("http://127.0.0.1:9", s3.credentials, "bucket")
    with pytest.raises(UnavailableError):
        send(Ingest(sqlite_ledger, away, spool, IngestLimits()), header, data, now)
    assert sqlite_ledger.list_imagery("unmiss").items == ()
    back = Ingest(sqlite_ledger, objects, spool, IngestLimits())
    assert back.status("unmiss", header.request_id).committed_bytes == 1000
    assert send(back, replace(header, offset=1000), data, now).sha256 == header.sha256
    back.close()


def test_streams_at_once_do_not_disturb_each_other(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    tmp_path: Path,
    pledge: PledgeRecord,
    now: datetime,
) -> None:
    sqlite_ledger.create_pledge(pledge)
    ingest = Ingest(sqlite_ledger, objects, Spool(tmp_path / "many"), IngestLimits())
    files = [photograph(200_000, seed) for seed in range(6)]
    done: list[str] = []

    def submit(data: bytes) -> None:
        done.append(send(ingest, header_of(data), data, now).sha256)

    # Every file twice, at once.
    threads = [threading.Thread(target=submit, args=(data,)) for data in files * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ingest.close()
    expected = [hashlib.sha256(data).hexdigest() for data in files]
    assert sorted(done) == sorted(expected * 2)
    held = sqlite_ledger.list_imagery("unmiss").items
    assert sorted(record.sha256 for record in held) == sorted(expected)


def start_service(
    folder: Path, s3: SeaweedProcess, bucket: str, acknowledged: set[str]
) -> subprocess.Popen[bytes]:
    key = s3.credentials
    told = json.dumps([s3.endpoint, key.access_key, key.secret_key, bucket, sorted(acknowledged)])
    service = subprocess.Popen(
        [sys.executable, __file__, folder],
        cwd=_ROOT,
        env={"PYTHONPATH": str(_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert service.stdin is not None
    service.stdin.write(told.encode() + b"\n")
    service.stdin.flush()
    return service


def test_killed_at_any_moment_it_loses_nothing_acknowledged(
    sqlite_ledger: Ledger,
    s3: SeaweedProcess,
    objects: ObjectStore,
    tmp_path: Path,
    pledge: PledgeRecord,
) -> None:
    """The service is killed with -9 at random moments until its twenty frames are in."""
    sqlite_ledger.create_pledge(pledge)
    acknowledged: set[str] = set()
    dice = np.random.default_rng(9)
    kills = 0
    finished = False
    while not finished:
        with start_service(tmp_path, s3, objects.bucket, acknowledged) as service:
            assert service.stdout is not None
            assert service.stdout.readline() == b"ready\n"
            killer = threading.Timer(dice.uniform(0, 0.4), service.kill)
            if kills < KILLS:
                killer.start()
            # A line that the kill cut is no acknowledgement.
            acknowledged |= {line.decode().strip() for line in service.stdout if b"\n" in line}
            killer.cancel()
            finished = service.wait() == 0
            kills += not finished
    assert kills >= 3
    expected = {hashlib.sha256(photograph(150_000, seed)).hexdigest() for seed in range(20)}
    assert acknowledged == expected
    held = sqlite_ledger.list_imagery("unmiss", page_size=100).items
    assert sorted(record.sha256 for record in held) == sorted(expected)
    for sha256 in expected:
        assert objects.sha256(original_key("unmiss", sha256)) == sha256
    leased: Callable[[], object] = lambda: sqlite_ledger.lease_job(  # noqa: E731 - a counter
        "w", datetime.now(UTC), 60
    )
    assert sum(1 for _ in iter(leased, None)) == 20
    reconcile(sqlite_ledger, objects, Spool(tmp_path / "spool"), datetime.now(UTC))
    assert list((tmp_path / "spool").iterdir()) == []


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
