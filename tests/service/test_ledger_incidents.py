"""Which incident the ledger has of what is seen again, and when one ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from pipelines.assessment import Assessment
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.incidents.incident import (
    DISMISSAL_HOLD,
    INCIDENT_HOLD,
    ChangeKind,
    IncidentState,
)
from pipelines.threats.tracks.track import Mobility
from service.ledger.records import (
    IncidentEventRecord,
)
from service.ledger.store import Ledger
from service.ledger.tables import incidents, track_looks, tracks
from tests.service.ended_jobs import LATER, MakeAssessment, MakeImagery, process


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
