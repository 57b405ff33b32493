"""Workers end each job exactly once, whatever ends them."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.catalogue.catalogue import Catalogue
from models.detector import DetectionParameters
from models.engines.openvino_engine import OpenVinoEngine
from models.errors import EngineError, EngineGoneError, UnreadableImageError
from models.tiles.tiled_detector import TiledDetector
from pipelines.assessment import Assessment, AssessmentRequest
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule import DEFAULT_RULE
from service.errors import UnavailableError
from service.ledger.records import ImageryRecord, ImageryState, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess
from service.turns import Turns
from service.worker import Worker
from service.worker_process import run_lanes
from tests.service.assessed_frames import POST, assess_frame, frame, submit


@pytest.fixture
def one_frame(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
) -> None:
    sqlite_ledger.create_pledge(pledge)
    submit(sqlite_ledger, objects, make_imagery(0), frame(3))


def worker(
    ledger: Ledger,
    objects: ObjectStore,
    assess: Callable[[AssessmentRequest], Assessment],
    **options: object,
) -> Worker:
    return Worker(ledger, objects, assess, "w", "1.2.3", DetectionParameters(), **options)  # type: ignore[arg-type]


def state_of(ledger: Ledger) -> tuple[ImageryState, str]:
    record = ledger.get_imagery("unmiss", "image-0000")
    return record.state, record.failure


@pytest.mark.usefixtures("one_frame")
def test_a_job_becomes_detections_products_and_an_incident(
    sqlite_ledger: Ledger, objects: ObjectStore, now: datetime
) -> None:
    sqlite_ledger.create_position("unmiss", POST, now)
    asked: list[AssessmentRequest] = []

    def assess(request: AssessmentRequest) -> Assessment:
        asked.append(request)
        return assess_frame(request)

    alone = worker(sqlite_ledger, objects, assess)
    assert alone.run_once(threading.Event())
    assert not alone.run_once(threading.Event())
    (request,) = asked
    assert request.data == frame(3)
    assert request.position_source is not None
    assert request.position_source.at(None).positions == (POST,)
    assert request.rules == DEFAULT_RULES
    assert request.software_version == "1.2.3"
    assert (request.provenance.contributor, request.provenance.marking) == ("NOR", "UNCLASSIFIED")
    assert state_of(sqlite_ledger) == (ImageryState.PROCESSED, "")
    (product,) = sqlite_ledger.list_products("unmiss", "image-0000")
    assert objects.get(product.object_key) == frame(3)[::-1]
    assert product.sha256 == hashlib.sha256(frame(3)[::-1]).hexdigest()
    assert product.object_key.endswith(f"/image-0000/annotated-image/{product.sha256}")
    (event,) = sqlite_ledger.events_since("unmiss", 0, 10)
    assert event.record.position_display_name == "Post One"


@pytest.mark.usefixtures("one_frame")
def test_the_rules_that_a_mission_set_replace_the_default(
    sqlite_ledger: Ledger, objects: ObjectStore, now: datetime
) -> None:
    mine = sqlite_ledger.set_rule("unmiss", replace(DEFAULT_RULE, rule_id="mine"), now)
    asked: list[AssessmentRequest] = []

    def assess(request: AssessmentRequest) -> Assessment:
        asked.append(request)
        return assess_frame(request)

    worker(sqlite_ledger, objects, assess).run_once(threading.Event())
    assert asked[0].rules == (mine,)


@pytest.mark.usefixtures("one_frame")
@pytest.mark.parametrize(
    ("error", "state", "failure"),
    [
        (UnreadableImageError("the JPEG ends early"), ImageryState.FAILED, "the JPEG ends early"),
        (EngineError("the engine is gone"), ImageryState.QUEUED, ""),
        (ZeroDivisionError("a defect"), ImageryState.QUEUED, ""),
    ],
)
def test_a_failure_is_for_good_only_where_the_image_is_at_fault(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    error: Exception,
    state: ImageryState,
    failure: str,
) -> None:
    def assess(_request: AssessmentRequest) -> Assessment:
        raise error

    assert worker(sqlite_ledger, objects, assess).run_once(threading.Event())
    assert state_of(sqlite_ledger) == (state, failure)
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert (sqlite_ledger.lease_job("w", later, 30) is not None) == (state is ImageryState.QUEUED)


@pytest.mark.usefixtures("one_frame")
def test_a_large_original_is_a_local_copy_while_it_is_looked_at(
    sqlite_ledger: Ledger, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.worker.LARGE_BYTES", len(frame(3)) - 1)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    seen: list[bytes] = []

    def assess(request: AssessmentRequest) -> Assessment:
        assert request.data == b""
        assert request.path is not None
        assert request.path.parent == scratch
        seen.append(request.path.read_bytes())
        return assess_frame(replace(request, data=seen[-1]))

    assert worker(sqlite_ledger, objects, assess, scratch=scratch).run_once(threading.Event())
    assert seen == [frame(3)]
    assert state_of(sqlite_ledger) == (ImageryState.PROCESSED, "")
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("one_frame")
def test_without_room_for_a_copy_the_job_waits(
    sqlite_ledger: Ledger, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.worker.LARGE_BYTES", 0)
    idle = worker(sqlite_ledger, objects, assess_frame, scratch=tmp_path / "gone")
    with pytest.raises(UnavailableError, match=r"cannot be kept in .*gone"):
        idle.run_once(threading.Event())
    assert state_of(sqlite_ledger)[0] is ImageryState.QUEUED


@pytest.mark.usefixtures("one_frame")
def test_an_object_store_that_is_away_costs_no_attempt(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    s3: SeaweedProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.objects._PATIENCE_SECONDS", 0.0)
    away = ObjectStore("http://127.0.0.1:9", s3.credentials, "bucket")
    later = datetime.now(UTC)
    for _ in range(5):
        with pytest.raises(UnavailableError):
            worker(sqlite_ledger, away, assess_frame, clock=lambda: later).run_once(  # noqa: B023 - called at once
                threading.Event()
            )
        assert state_of(sqlite_ledger) == (ImageryState.QUEUED, "")
        later += timedelta(minutes=1)
    back = worker(sqlite_ledger, objects, assess_frame, clock=lambda: later)
    assert back.run_once(threading.Event())
    assert state_of(sqlite_ledger)[0] is ImageryState.PROCESSED


@pytest.mark.usefixtures("one_frame")
def test_a_long_assessment_keeps_its_lease(sqlite_ledger: Ledger, objects: ObjectStore) -> None:
    leased_meanwhile: list[object] = []

    def assess(request: AssessmentRequest) -> Assessment:
        for _ in range(8):
            time.sleep(0.1)
            leased_meanwhile.append(sqlite_ledger.lease_job("other", datetime.now(UTC), 30))
        return assess_frame(request)

    worker(sqlite_ledger, objects, assess, lease_seconds=0.4).run_once(threading.Event())
    assert leased_meanwhile == [None] * 8
    assert state_of(sqlite_ledger)[0] is ImageryState.PROCESSED


@pytest.mark.usefixtures("one_frame")
def test_an_engine_that_hangs_ends_its_worker_and_the_next_one_ends_the_job_once(
    sqlite_ledger: Ledger, objects: ObjectStore
) -> None:
    entry = Catalogue.shipped().entry("vedette-n")
    engine = OpenVinoEngine(
        name="hangs",
        graph=entry.read(".xml")[1],
        weights=entry.read(".bin")[1],
        sha256={},
        class_map=entry.card.class_map,
        input_px=640,
        timeout_s=0.0,  # the watchdog strikes in the middle of the frame, tiles in flight
    )
    pixels = np.zeros((1500, 2000, 3), np.uint8)

    def hangs(_request: AssessmentRequest) -> Assessment:
        TiledDetector(engine).detect(pixels, DetectionParameters())
        raise AssertionError("the watchdog slept")

    with pytest.raises(EngineGoneError, match="did not answer"):
        worker(sqlite_ledger, objects, hangs).run(threading.Event())
    assert state_of(sqlite_ledger) == (ImageryState.QUEUED, "")
    assert sqlite_ledger.list_detections("unmiss").items == ()
    # The supervisor starts another process; the job waits for its turn.
    later = datetime.now(UTC) + timedelta(minutes=1)
    heir = worker(sqlite_ledger, objects, assess_frame, clock=lambda: later)
    assert heir.run_once(threading.Event())
    assert state_of(sqlite_ledger)[0] is ImageryState.PROCESSED
    assert len(sqlite_ledger.list_detections("unmiss").items) == 1
    assert not heir.run_once(threading.Event())


@pytest.mark.usefixtures("one_frame")
def test_a_worker_that_lost_its_lease_writes_nothing(
    sqlite_ledger: Ledger, objects: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    def assess(request: AssessmentRequest) -> Assessment:
        future = datetime.now(UTC) + timedelta(hours=1)
        assert sqlite_ledger.lease_job("heir", future, 30) is not None
        return assess_frame(request)

    with caplog.at_level(logging.WARNING, "vedette.worker"):
        worker(sqlite_ledger, objects, assess).run_once(threading.Event())
    assert "another worker has it" in caplog.text
    assert state_of(sqlite_ledger)[0] is ImageryState.PROCESSING
    assert sqlite_ledger.list_detections("unmiss").items == ()
    assert sqlite_ledger.list_products("unmiss", "image-0000") == ()


@pytest.mark.usefixtures("one_frame")
def test_a_worker_told_to_stop_ends_its_job_and_takes_no_other(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    make_imagery: Callable[..., ImageryRecord],
) -> None:
    submit(sqlite_ledger, objects, make_imagery(1), frame(4))
    stop = threading.Event()

    def assess(request: AssessmentRequest) -> Assessment:
        stop.set()
        return assess_frame(request)

    worker(sqlite_ledger, objects, assess).run(stop)
    assert state_of(sqlite_ledger)[0] is ImageryState.PROCESSED
    assert sqlite_ledger.get_imagery("unmiss", "image-0001").state is ImageryState.QUEUED


def test_two_jobs_are_in_hand_at_once_and_end_in_their_order(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
    now: datetime,
) -> None:
    sqlite_ledger.create_pledge(pledge)
    sqlite_ledger.create_position("unmiss", POST, now)
    for number in range(2):
        submit(sqlite_ledger, objects, make_imagery(number), frame(number))
    second_looked_at, stop = threading.Event(), threading.Event()

    def assess(request: AssessmentRequest) -> Assessment:
        # The first is looked at until the second has been: one after the other it would never end.
        if request.data == frame(0):
            assert second_looked_at.wait(20)
            # Time for the second to overtake, were it not held back.
            time.sleep(0.3)
        else:
            second_looked_at.set()
        return assess_frame(request)

    turns = Turns()
    lanes = [worker(sqlite_ledger, objects, assess, turns=turns) for _ in range(2)]
    threading.Thread(target=run_lanes, args=(lanes, stop), daemon=True).start()
    deadline = time.monotonic() + 30
    while len(events := sqlite_ledger.events_since("unmiss", 0, 10)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stop.set()
    assert [event.record.incident.imagery_id for event in events] == ["image-0000", "image-0001"]


def test_an_engine_that_is_gone_ends_every_lane(
    sqlite_ledger: Ledger, objects: ObjectStore
) -> None:
    class Gone(Worker):
        def run(self, stop: threading.Event) -> None:
            del stop
            raise EngineGoneError("it hangs")

    idle = worker(sqlite_ledger, objects, assess_frame)
    gone = Gone(sqlite_ledger, objects, assess_frame, "g", "1", DetectionParameters())
    with pytest.raises(EngineGoneError, match="it hangs"):
        run_lanes([idle, gone], threading.Event())
