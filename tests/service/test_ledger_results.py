"""Results are written whole; incident events are numbered in the order of their commits."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from models.errors import InvalidInputError
from pipelines.assessment import ProductKind
from pipelines.imagery.media import MediaKind
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.incidents.incident import (
    ChangeKind,
    IncidentState,
)
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.requirements import NewObject, WhenUnknown
from pipelines.threats.rules.rule import Rule
from service.errors import NotFoundError, StaleRevisionError
from service.ledger.records import (
    Area,
    ImageryState,
    IncidentEventRecord,
    Marking,
    ProductRecord,
)
from service.ledger.store import Ledger
from tests.service.ended_jobs import LATER, MakeAssessment, MakeImagery, process

# About 11 km apart: nothing of one is anything of another.
FAR = [(4.0 + number / 10, 30.0) for number in range(12)]


def test_everything_that_was_found_is_there(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accepted = accept()
    post = Position(
        position_id="post-1",
        display_name="Post One",
        kind=PositionKind.POST,
        latitude_deg=4.0,
        longitude_deg=30.0,
    )
    ledger.create_position("unmiss", post, now)
    assessment = make_assessment(*FAR[:2])
    product = ProductRecord(
        mission_id="unmiss",
        imagery_id=accepted.imagery_id,
        kind=ProductKind.ANNOTATED_IMAGE,
        media_type="image/jpeg",
        file_name="annotated.jpg",
        object_key="missions/unmiss/imagery/x/annotated-image/y",
        size_bytes=12,
        sha256="1" * 64,
        created_at=now,
        marking=Marking.UNCLASSIFIED,
    )
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    events = ledger.finish_job(lease, assessment, [product], now=now + LATER)

    image = ledger.get_imagery("unmiss", accepted.imagery_id)
    assert image == replace(
        accepted,
        state=ImageryState.PROCESSED,
        captured_at=now,
        width_px=4000,
        height_px=3000,
        outcome=Outcome.LOCATED,
        findings=assessment.capture.findings,
        detection_count=2,
        model_name="vedette-n",
    )
    assert ledger.list_products("unmiss", accepted.imagery_id) == (product,)
    assert ledger.get_product("unmiss", accepted.imagery_id, product.kind) == product
    with pytest.raises(NotFoundError):
        ledger.get_product("unmiss", accepted.imagery_id, ProductKind.KMZ)

    first, second = ledger.list_detections("unmiss").items
    assert (first.index, second.index) == (0, 1)
    assert first.xyxy == (0.0, 1.0, 4.0, 6.0)
    assert second.xyxy == (8.0, 9.0, 12.0, 14.0)
    assert first.confidence == pytest.approx(0.9)
    assert first.captured_at == now
    for found, told in zip((first, second), assessment.ground, strict=True):
        assert found.ground.covariance_enu_m2 is not None
        np.testing.assert_array_equal(
            found.ground.covariance_enu_m2, [[4.0, 1.0, 0.0], [1.0, 9.0, 0.0], [0.0, 0.0, 25.0]]
        )
        assert replace(found.ground, covariance_enu_m2=None) == replace(
            told, covariance_enu_m2=None
        )

    assert [event.kind for event in events] == [ChangeKind.RAISED] * 2
    assert [event.sequence for event in events] == [1, 2]
    read = ledger.events_since("unmiss", 0, 10)
    assert [event.sequence for event in read] == [1, 2]
    record = read[0].record
    assert record.position_display_name == "Post One"
    assert record.raised_at == now + LATER
    assert record.incident.state is IncidentState.OPEN
    assert record.incident.first_seen_at == now
    assert record.incident.best.ground.latitude_deg == 4.0
    assert record.incident.best.range_high_m == 205.0
    assert ledger.get_incident("unmiss", record.incident.incident_id).raised_at == now + LATER


def test_a_second_look_at_imagery_replaces_what_the_first_found(
    ledger: Ledger,
    accept: MakeImagery,
    make_imagery: MakeImagery,
    make_assessment: MakeAssessment,
    now: datetime,
) -> None:
    accepted = accept()
    picture = ProductRecord(
        mission_id="unmiss",
        imagery_id=accepted.imagery_id,
        kind=ProductKind.KMZ,
        media_type="application/vnd.google-earth.kmz",
        file_name="a.kmz",
        object_key="missions/unmiss/imagery/x/kmz/y",
        size_bytes=12,
        sha256="1" * 64,
        created_at=now,
        marking=Marking.UNCLASSIFIED,
    )
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    raised = ledger.finish_job(lease, make_assessment(*FAR[:3]), [picture], now=now)
    first, second, third = (event.record.incident for event in raised)
    ledger.decide_incident(
        "unmiss", second.incident_id, Verdict.CONFIRMED, "", 1, "Lt Berg", now + LATER
    )
    before = ledger.events_since("unmiss", 0, 100)[-1].sequence

    # Stated since: half a degree to the east of where it was, and a day earlier.
    taken = now - timedelta(days=1)
    posed = replace(make_imagery(0), stated_pose="{}", stated_captured_at=taken)
    ledger.accept_imagery(posed, "again", now + LATER)
    moved = [(latitude, longitude + 0.5) for latitude, longitude in FAR[:2]]
    anew = make_assessment(*moved, captured_at=taken)
    evidence = replace(picture, kind=ProductKind.EVIDENCE)
    lease = ledger.lease_job("w", now + LATER, 30)
    assert lease is not None
    events = ledger.finish_job(lease, anew, [evidence], now=now + LATER)

    found = sorted(ledger.list_detections("unmiss").items, key=lambda it: it.index)
    assert [(it.ground.latitude_deg, it.ground.longitude_deg) for it in found] == moved
    assert ledger.list_products("unmiss", accepted.imagery_id) == (evidence,)
    image = ledger.get_imagery("unmiss", accepted.imagery_id)
    assert (image.state, image.captured_at) == (ImageryState.PROCESSED, taken)
    assert image.detection_count == 2
    # The incidents that it raised are put right under their names, and none is raised twice.
    assert [(event.kind, event.record.incident.incident_id) for event in events] == [
        (ChangeKind.UPDATED, first.incident_id),
        (ChangeKind.UPDATED, second.incident_id),
        (ChangeKind.CANCELLED, third.incident_id),
    ]
    assert [event.sequence for event in events] == [before + 1, before + 2, before + 3]
    stand = {
        record.incident.incident_id: record for record in ledger.list_incidents("unmiss").items
    }
    assert len(stand) == 3
    for name, place in zip((first.incident_id, second.incident_id), moved, strict=True):
        incident = stand[name].incident
        assert (incident.best.ground.latitude_deg, incident.best.ground.longitude_deg) == place
        assert (incident.sighting_count, incident.last_seen_at) == (1, taken)
    # What a person decided stays; what the second look no longer shows is withdrawn.
    assert stand[second.incident_id].incident.state is IncidentState.CONFIRMED
    assert stand[second.incident_id].decision is not None
    withdrawn = stand[third.incident_id].incident
    assert (withdrawn.state, withdrawn.revision) == (IncidentState.CANCELLED, 2)
    assert "second look" in withdrawn.reason


def test_a_failure_in_the_middle_leaves_nothing(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accepted = accept()
    whole = make_assessment(*FAR[:2])
    broken = replace(whole, ground=(whole.ground[0], replace(whole.ground[1], hae_m=float("inf"))))
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    with pytest.raises(ValueError, match="hae_m is inf"):
        ledger.finish_job(lease, broken, [], now=now)
    assert ledger.list_detections("unmiss").items == ()
    assert ledger.get_imagery("unmiss", accepted.imagery_id).state is ImageryState.PROCESSING
    assert len(ledger.finish_job(lease, whole, [], now=now)) == 2


def test_a_second_frame_updates_the_incident_under_the_stricter_marking(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accept(0, marking="CONFIDENTIAL")
    accept(1)
    later = now + timedelta(seconds=5)
    raised = process(ledger, make_assessment((4.0, 30.0)), later)
    seen = process(ledger, make_assessment((4.0, 30.0), captured_at=later), later + LATER)
    assert [(event.sequence, event.kind) for event in raised + seen] == [
        (1, ChangeKind.RAISED),
        (2, ChangeKind.UPDATED),
    ]
    record = ledger.list_incidents("unmiss").items[0]
    assert len(ledger.list_incidents("unmiss").items) == 1
    assert record.incident.sighting_count == 2
    assert record.incident.revision == 2
    assert (record.incident.first_seen_at, record.incident.last_seen_at) == (now, later)
    assert record.raised_at == later
    assert record.marking is Marking.CONFIDENTIAL
    # A removed position keeps the name that the incident was raised with.
    assert record.position_display_name == "post-1"


def test_a_decision_is_an_event_and_needs_the_present_revision(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accept()
    (raised,) = process(ledger, make_assessment((4.0, 30.0)), now)
    name = raised.record.incident.incident_id

    def decide(
        verdict: Verdict, reason: str, revision: int, code: ReasonCode | None = None
    ) -> IncidentState:
        record = ledger.decide_incident(
            "unmiss", name, verdict, reason, revision, "Lt Berg", now + LATER, reason_code=code
        )
        return record.incident.state

    assert decide(Verdict.ACKNOWLEDGED, "", 1) is IncidentState.ACKNOWLEDGED
    with pytest.raises(StaleRevisionError):
        decide(Verdict.CONFIRMED, "", 1)
    with pytest.raises(InvalidInputError):
        decide(Verdict.DISMISSED, "a farmer's own", 2)
    routine = ReasonCode.CIVILIAN_ROUTINE
    assert decide(Verdict.DISMISSED, "a farmer's own", 2, routine) is IncidentState.DISMISSED
    with pytest.raises(NotFoundError):
        ledger.decide_incident("unmiss", "x", Verdict.CONFIRMED, "", 1, "Lt Berg", now)
    events = ledger.events_since("unmiss", 1, 10)
    assert [(event.sequence, event.kind) for event in events] == [
        (2, ChangeKind.DECIDED),
        (3, ChangeKind.DECIDED),
    ]
    decision = events[1].record.decision
    assert decision is not None
    assert (decision.verdict, decision.reason, decision.decided_by, decision.decided_at) == (
        Verdict.DISMISSED,
        "a farmer's own",
        "Lt Berg",
        now + LATER,
    )
    assert decision.reason_code is ReasonCode.CIVILIAN_ROUTINE
    # The first event still tells the incident as it was then.
    assert events[0].record.incident.state is IncidentState.ACKNOWLEDGED
    assert ledger.list_incidents("unmiss", states=[IncidentState.OPEN]).items == ()
    dismissed = ledger.list_incidents("unmiss", states=[IncidentState.DISMISSED]).items
    assert [record.incident.incident_id for record in dismissed] == [name]


def test_sequences_follow_commits_under_eight_threads(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    frames = 24
    for number in range(frames):
        accept(number)
    errors: list[BaseException] = []
    watched: list[int] = []
    done = threading.Event()

    def work(slot: int) -> None:
        try:
            while (lease := ledger.lease_job(f"w{slot}", now + LATER, 30)) is not None:
                number = int(lease.imagery_id.removeprefix("image-"))
                places = [(4.0 + number / 10, 30.0), (4.0 + number / 10, 31.0)]
                ledger.finish_job(lease, make_assessment(*places), [], now=now + LATER)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            errors.append(error)

    def watch() -> None:
        # A reader that goes on from its last sequence must miss nothing that commits later.
        ending = False
        while not ending:
            ending = done.is_set()
            last = watched[-1] if watched else 0
            watched.extend(event.sequence for event in ledger.events_since("unmiss", last, 100))
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    assert errors == []
    assert watched == list(range(1, 2 * frames + 1))


def test_detections_are_found_by_place_time_category_and_imagery(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accept(0)
    accept(1)
    accept(2)
    process(ledger, make_assessment((4.0, 179.9), (4.0, -179.9), (4.0, 0.0)), now + LATER)
    process(
        ledger,
        make_assessment((5.0, 30.0), category="person", captured_at=now + LATER),
        now + LATER,
    )
    process(ledger, make_assessment((6.0, 30.0), captured_at=None), now + LATER)

    def longitudes(**filters: object) -> list[float | None]:
        page = ledger.list_detections("unmiss", **filters)  # type: ignore[arg-type]
        return [item.ground.longitude_deg for item in page.items]

    assert longitudes() == [30.0, 30.0, 179.9, -179.9, 0.0]
    across = Area(south_deg=3, west_deg=179, north_deg=5, east_deg=-179)
    assert longitudes(area=across) == [179.9, -179.9]
    plain = Area(south_deg=3.9, west_deg=-1, north_deg=5.1, east_deg=31)
    assert longitudes(area=plain) == [30.0, 0.0]
    assert longitudes(categories=["person"]) == [30.0]
    assert longitudes(imagery_id="image-0000") == [179.9, -179.9, 0.0]
    assert longitudes(captured_since=now) == [30.0, 179.9, -179.9, 0.0]
    assert longitudes(captured_since=now + LATER) == [30.0]
    first = ledger.list_detections("unmiss", page_size=3)
    rest = ledger.list_detections("unmiss", page_size=3, page_token=first.next_page_token)
    assert [item.ground.longitude_deg for item in first.items + rest.items] == longitudes()
    with pytest.raises(InvalidInputError) as caught:
        longitudes(area=Area(south_deg=5, west_deg=0, north_deg=4, east_deg=1))
    assert caught.value.field == "area.south_deg"
    assert MediaKind.JPEG is ledger.get_imagery("unmiss", "image-0000").media_kind


def test_what_is_new_is_told_by_an_earlier_look_that_saw_nothing(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    rule = Rule(
        rule_id="default",
        revision=0,
        categories=frozenset({"vehicle"}),
        position_kinds=frozenset(),
        radius_m=500.0,
        min_confidence=0.1,
        new_object=NewObject(when_unknown=WhenUnknown.WITHHOLD),
    )
    metre = 1.0 / 111_000.0
    corners = 60.0 * metre * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])

    def raised(place: tuple[float, float], looks: int) -> list[str]:
        events: list[IncidentEventRecord] = []
        for number in range(looks):
            shown = () if number < looks - 1 else (place,)
            found = replace(
                make_assessment(*shown, captured_at=now + timedelta(minutes=number)),
                footprint_lonlat=corners + np.array(place[::-1]),
            )
            lease = ledger.lease_job("w", now + LATER, 30)
            assert lease is not None
            events += ledger.finish_job(lease, found, [], now=now + LATER, rules=[rule])
        return [event.record.incident.reason for event in events]

    for number in range(3):
        accept(number)
    assert raised(FAR[0], 1) == []
    (reason,) = raised(FAR[5], 2)
    assert f"not there on {now:%Y-%m-%d %H:%M} UTC" in reason
