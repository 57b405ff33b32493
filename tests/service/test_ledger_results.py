"""Results are written whole; incident events are numbered in the order of their commits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from models.errors import InvalidInputError
from pipelines.assessment import Assessment, ProductKind
from pipelines.imagery.media import MediaKind
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.incidents.incident import (
    DISMISSAL_HOLD,
    INCIDENT_HOLD,
    ChangeKind,
    IncidentState,
)
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.requirements import NewObject, WhenUnknown
from pipelines.threats.rules.rule import Rule
from pipelines.threats.tracks.track import Mobility
from service.errors import NotFoundError, StaleRevisionError
from service.ledger.records import (
    Area,
    ImageryRecord,
    ImageryState,
    IncidentEventRecord,
    Marking,
    ProductRecord,
)
from service.ledger.store import Ledger
from service.ledger.tables import incidents, track_looks, tracks

MakeImagery = Callable[..., ImageryRecord]
MakeAssessment = Callable[..., Assessment]
LATER = timedelta(hours=1)
# About 11 km apart: nothing of one is anything of another.
FAR = [(4.0 + number / 10, 30.0) for number in range(12)]


def process(ledger: Ledger, assessment: Assessment, now: datetime) -> list[IncidentEventRecord]:
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    return ledger.finish_job(lease, assessment, [], now=now)


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


def test_an_object_of_long_ago_or_of_another_mission_is_another(
    ledger: Ledger,
    accept: MakeImagery,
    make_imagery: MakeImagery,
    make_assessment: MakeAssessment,
    now: datetime,
) -> None:
    accept(0)
    accept(1)
    pledge = ledger.get_pledge("unmiss", "nor-uas-1")
    ledger.create_pledge(replace(pledge, mission_id="minusca"))
    ledger.accept_imagery(make_imagery(2, mission_id="minusca"), "r", now + LATER)
    for days in (0, 1, 1):
        process(
            ledger,
            make_assessment((4.0, 30.0), captured_at=now + timedelta(days=days)),
            now + LATER + timedelta(days=days),
        )
    assert len(ledger.list_incidents("unmiss").items) == 2
    assert len(ledger.list_incidents("minusca").items) == 1
    assert [event.sequence for event in ledger.events_since("minusca", 0, 10)] == [1]


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


@pytest.mark.parametrize("timed", [True, False])
def test_what_was_dismissed_is_counted_without_a_word_until_the_hold_ends(
    ledger: Ledger,
    accept: MakeImagery,
    make_assessment: MakeAssessment,
    now: datetime,
    timed: bool,
) -> None:
    for number in range(5):
        accept(number)

    def see(passed: timedelta) -> list[IncidentEventRecord]:
        taken = now + passed if timed else None
        found = make_assessment((4.0, 30.0), captured_at=taken)
        return process(ledger, found, now + passed)

    (raised,) = see(timedelta(0))
    name = raised.record.incident.incident_id
    at = now + timedelta(seconds=1)
    ours = ReasonCode.OWN_FORCES
    held = ledger.decide_incident(
        "unmiss", name, Verdict.DISMISSED, "ours", 1, "Lt Berg", at, reason_code=ours
    )
    for minutes in (10, 60, 119):
        assert see(timedelta(minutes=minutes)) == []
    counted = ledger.get_incident("unmiss", name)
    assert counted.incident.sighting_count == 4
    assert counted.incident.best.confidence == held.incident.best.confidence
    assert (counted.incident.revision, counted.decision) == (held.incident.revision, held.decision)
    assert [event.sequence for event in ledger.events_since("unmiss", 0, 10)] == [1, 2]
    # What was absorbed does not lengthen the hold.
    (again,) = see(DISMISSAL_HOLD + timedelta(minutes=1))
    assert (again.sequence, again.kind) == (3, ChangeKind.RAISED)
    assert again.record.incident.incident_id != name
    # The operator looked at it before those sightings and may correct it all the same.
    mended = ledger.decide_incident(
        "unmiss", name, Verdict.CONFIRMED, "", held.incident.revision, "Lt Berg", at
    )
    assert mended.incident.state is IncidentState.CONFIRMED
    assert mended.incident.sighting_count == 4


def test_a_vehicle_that_the_frame_before_did_not_show_is_another(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    # About 17 m apart, four seconds: by distance alone the one could have become the other.
    first, second = (4.0, 30.0), (4.0, 30.00015)
    metre = 1.0 / 111_000.0

    def frame(place: tuple[float, float], half_m: float, seconds: int) -> Assessment:
        (north, east), half = place, half_m * metre
        ring = [
            [east + across * half, north + along * half]
            for across, along in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        ]
        found = make_assessment(place, captured_at=now + timedelta(seconds=seconds))
        return replace(found, footprint_lonlat=np.array(ring))

    for number in range(4):
        accept(number)
    # Neither frame shows the place of the other vehicle.
    process(ledger, frame(first, 8.0, 0), now + LATER)
    (other,) = process(ledger, frame(second, 8.0, 4), now + LATER)
    assert other.kind is ChangeKind.RAISED
    # Frames wide enough for both places: one that left its place and came to another drove there.
    place = (5.0, 30.0)
    process(ledger, frame(place, 60.0, 0), now + LATER)
    (moved,) = process(ledger, frame((5.0, 30.00015), 60.0, 4), now + LATER)
    assert moved.kind is ChangeKind.UPDATED
    assert moved.record.incident.mobility is Mobility.MOVING
    stored = ledger.get_incident("unmiss", moved.record.incident.incident_id)
    assert stored.incident.mobility is Mobility.MOVING


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


def test_what_is_not_seen_any_more_expires_once(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accept()
    (raised,) = process(ledger, make_assessment((4.0, 30.0)), now)
    assert ledger.expire_incidents(now + INCIDENT_HOLD) == ()
    late = now + INCIDENT_HOLD + timedelta(minutes=1)
    (ended,) = ledger.expire_incidents(late)
    assert (ended.kind, ended.sequence, ended.occurred_at) == (ChangeKind.EXPIRED, 2, late)
    assert ended.record.incident.incident_id == raised.record.incident.incident_id
    assert ended.record.incident.state is IncidentState.EXPIRED
    assert ledger.expire_incidents(late + LATER) == ()
    assert [event.sequence for event in ledger.events_since("unmiss", 0, 10)] == [1, 2]


def test_an_incident_from_before_there_were_tracks_is_seen_again(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accept(0)
    accept(1)
    (raised,) = process(ledger, make_assessment((4.0, 30.0)), now)
    with ledger._writing() as connection:
        row = connection.execute(select(incidents)).one()
        older = {
            name: value for name, value in row.record["incident"].items() if name in _FIRST_FIELDS
        }
        connection.execute(
            update(incidents).values(track_id="", record=row.record | {"incident": older})
        )
        connection.execute(delete(tracks))
        connection.execute(delete(track_looks))
    at = now + timedelta(seconds=4)
    (seen,) = process(ledger, make_assessment((4.0, 30.0), captured_at=at), at)
    assert seen.kind is ChangeKind.UPDATED
    assert seen.record.incident.incident_id == raised.record.incident.incident_id
    assert seen.record.incident.sighting_count == 2
    assert seen.record.incident.track_id


_FIRST_FIELDS = {
    "incident_id",
    "state",
    "best",
    "imagery_id",
    "sighting_count",
    "first_seen_at",
    "last_seen_at",
    "revision",
    "mobility",
}
