"""Chips of hard negatives over a real object store: cut once, whoever is killed when."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.assessment import Assessment
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from service.chip_cutter import ChipCutter
from service.errors import NotFoundError, UnavailableError
from service.ledger.records import ChipState, ImageryRecord, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key


def frame() -> bytes:
    pixels = np.random.default_rng(7).integers(0, 255, (900, 1200, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def dismissed(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> str:
    """An incident that was dismissed as vegetation, with its original in the store."""
    data = frame()
    sha256 = hashlib.sha256(data).hexdigest()
    image = replace(make_imagery(), sha256=sha256, size_bytes=len(data))
    objects.put_verified(
        original_key("unmiss", sha256), data, sha256=sha256, content_type="image/png"
    )
    sqlite_ledger.create_pledge(pledge)
    sqlite_ledger.accept_imagery(image, "00000000-0000-0000-0000-000000000001", now)
    lease = sqlite_ledger.lease_job("w", now, 30)
    assert lease is not None
    (event,) = sqlite_ledger.finish_job(lease, make_assessment((4.0, 30.0)), [], now=now)
    name = event.record.incident.incident_id
    sqlite_ledger.decide_incident(
        "unmiss",
        name,
        Verdict.DISMISSED,
        "",
        1,
        "lt-berg",
        now,
        reason_code=ReasonCode.VEGETATION,
    )
    return name


@pytest.fixture
def cutter(sqlite_ledger: Ledger, objects: ObjectStore) -> ChipCutter:
    @contextmanager
    def original(image: ImageryRecord) -> Iterator[tuple[bytes, Path | None]]:
        yield objects.get(original_key(image.mission_id, image.sha256)), None

    return ChipCutter(sqlite_ledger, objects, original)


def test_a_dismissal_is_cut_out_of_its_original(
    sqlite_ledger: Ledger, objects: ObjectStore, cutter: ChipCutter, dismissed: str
) -> None:
    assert cutter.cut_one()
    assert not cutter.cut_one()
    ready = sqlite_ledger.get_negative("unmiss", dismissed)
    assert (ready.state, ready.failure) == (ChipState.READY, "")
    assert ready.chip is not None
    jpeg = objects.get(ready.chip.object_key)
    assert hashlib.sha256(jpeg).hexdigest() == ready.chip.sha256
    assert Image.open(io.BytesIO(jpeg)).size == (640, 640)
    # The box of the made detection lies in the chip's corner, as in that of the frame.
    assert ready.box_in_chip == (0.0, 1.0, 4.0, 6.0)


def test_a_cutter_killed_before_its_note_leaves_the_work_to_the_next(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    cutter: ChipCutter,
    dismissed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_ledger, "note_chip", killed)
        with pytest.raises(KeyboardInterrupt):
            cutter.cut_one()
    assert sqlite_ledger.get_negative("unmiss", dismissed).state is ChipState.PENDING
    before = {item.object_name for item in objects._client.list_objects(objects.bucket, None, True)}
    assert cutter.cut_one()
    after = {item.object_name for item in objects._client.list_objects(objects.bucket, None, True)}
    # The same bytes under the same key: nothing is there twice.
    assert before == after
    assert sqlite_ledger.get_negative("unmiss", dismissed).state is ChipState.READY


def test_a_store_that_is_away_costs_no_attempt(
    sqlite_ledger: Ledger, objects: ObjectStore, dismissed: str
) -> None:
    @contextmanager
    def away(_image: ImageryRecord) -> Iterator[tuple[bytes, Path | None]]:
        raise UnavailableError("the object store does not answer")
        yield b"", None

    with pytest.raises(UnavailableError):
        ChipCutter(sqlite_ledger, objects, away).cut_one()
    waiting = sqlite_ledger.get_negative("unmiss", dismissed)
    assert (waiting.state, waiting.attempt) == (ChipState.PENDING, 0)


@pytest.mark.parametrize(
    ("data", "tries"), [(b"no image whatsoever", 1), (None, 5)], ids=["damaged", "gone"]
)
def test_what_cannot_be_cut_says_why(
    sqlite_ledger: Ledger, objects: ObjectStore, dismissed: str, data: bytes | None, tries: int
) -> None:
    @contextmanager
    def original(_image: ImageryRecord) -> Iterator[tuple[bytes, Path | None]]:
        if data is None:
            raise NotFoundError("the object store has no such object")
        yield data, None

    cutter = ChipCutter(sqlite_ledger, objects, original)
    tried = 0
    while cutter.cut_one():
        tried += 1
    assert tried == tries
    failed = sqlite_ledger.get_negative("unmiss", dismissed)
    assert failed.state is ChipState.FAILED
    assert failed.failure
