"""A refused submission is told why, and leaves nothing."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.errors import InvalidInputError
from service.errors import (
    AlreadyExistsError,
    ChecksumMismatchError,
    LimitExceededError,
    NotFoundError,
)
from service.ingest import Ingest, IngestLimits
from service.ledger.records import Acceptance, Marking, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.spool import Spool
from tests.service.photographs import header_of, photograph, send


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
