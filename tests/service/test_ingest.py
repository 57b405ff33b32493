"""Intake survives cuts and kills: one imagery, the right bytes, nothing acknowledged lost."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.errors import InvalidInputError, UnreadableImageError
from pipelines.imagery.media import MediaKind
from service.errors import (
    LeaseLostError,
    UnavailableError,
)
from service.ingest import Ingest, IngestLimits
from service.ledger.records import Acceptance, ImageryState, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.seaweedfs import SeaweedProcess
from service.spool import Spool
from tests.service.photographs import header_of, photograph, send


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
