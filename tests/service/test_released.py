"""A recipient of a release learns of the position that was released, and of no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.incident import ChangeKind, Incident, IncidentState, Nearby
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.severity import Severity
from service.access import EVERYTHING, Sight
from service.api.convert.incident import event_message, incident_message
from service.ledger.records import IncidentEventRecord, IncidentRecord, Marking, Release
from service.released import NOT_NEAR, as_seen, event_as_seen

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
HOST = Sight(clearance=Marking.CONFIDENTIAL, recipient="host state")


def sighting(position_id: str, level: Level = Level.ALERT, range_m: float = 100.0) -> Sighting:
    return Sighting(
        detection_index=3,
        category="truck",
        confidence=0.81,
        ground=GroundPoint(
            outcome=Outcome.LOCATED, latitude_deg=4.85, longitude_deg=31.6, ce90_m=6.5
        ),
        position_id=position_id,
        rule_id=f"rule-of-{position_id}",
        rule_revision=4,
        radius_m=500.0,
        probability=0.97,
        level=level,
        range_m=range_m,
        range_low_m=range_m - 10.0,
        range_high_m=range_m + 10.0,
        bearing_deg=271.0,
    )


def record(first: str, *others: str) -> IncidentRecord:
    near = tuple(
        Nearby(
            sighting=sighting(name, Level.POSSIBLE, 480.0),
            severity=Severity.LOW,
            reason=f"A truck near {name}.",
        )
        for name in others
    )
    return IncidentRecord(
        mission_id="unmiss",
        incident=Incident(
            incident_id="i",
            state=IncidentState.OPEN,
            best=sighting(first),
            imagery_id="a",
            sighting_count=5,
            first_seen_at=NOW,
            last_seen_at=NOW,
            revision=7,
            severity=Severity.HIGH,
            reason=f"A truck near {first}.",
            near=near,
            more_near=2,
        ),
        position_display_name=first.title(),
        near_display_names={name: name.title() for name in others},
        raised_at=NOW,
        marking=Marking.UNCLASSIFIED,
        decision=None,
        releases=(
            Release(
                recipient="host state",
                reason="their road",
                proposed_by="a",
                proposed_at=NOW,
                approved_by="b",
                approved_at=NOW + timedelta(minutes=1),
                position_id="alpha",
            ),
        ),
    )


def test_the_mission_sees_every_position() -> None:
    whole = record("alpha", "bravo")
    assert as_seen(whole, EVERYTHING) is whole
    assert [it.position for it in incident_message(whole).near] == [
        "missions/unmiss/positions/bravo"
    ]
    assert incident_message(whole).more_near_count == 2


@pytest.mark.parametrize(
    ("now", "level"),
    [
        (record("alpha", "bravo"), Level.ALERT),
        # It has gone on to another post, where it is graver.
        (record("bravo", "charlie", "alpha"), Level.POSSIBLE),
    ],
    ids=["gravest", "beside"],
)
def test_a_recipient_sees_it_near_the_released_position_alone(
    now: IncidentRecord, level: Level
) -> None:
    message = incident_message(now, HOST)
    assert message.position == "missions/unmiss/positions/alpha"
    assert message.position_display_name == "Alpha"
    assert message.severity_reason == "A truck near alpha."
    assert message.range_m == (100.0 if level is Level.ALERT else 480.0)
    assert (len(message.near), message.more_near_count) == (0, 0)
    assert as_seen(now, HOST).incident.best.level is level
    told = str(message).lower()
    assert "bravo" not in told
    assert "charlie" not in told


def test_where_it_left_the_released_position_no_position_is_told() -> None:
    gone = record("bravo", "charlie")
    message = incident_message(gone, HOST)
    assert (message.position, message.position_display_name, message.rule) == ("", "", "")
    assert message.severity_reason == NOT_NEAR
    assert message.state == incident_message(gone).state
    told = str(message).lower()
    assert "bravo" not in told
    assert "charlie" not in told
    # The object itself was released: where it is stays told.
    assert message.ground.latitude_deg == 4.85
    # Seen twice it is the same.
    once = as_seen(gone, HOST)
    assert incident_message(once, HOST) == message


@pytest.mark.parametrize("kind", [ChangeKind.ESCALATED, ChangeKind.DE_ESCALATED])
def test_that_it_is_graver_elsewhere_is_not_told_by_the_event(kind: ChangeKind) -> None:
    elsewhere = IncidentEventRecord(
        sequence=9, kind=kind, record=record("bravo", "alpha"), occurred_at=NOW
    )
    assert event_as_seen(elsewhere, HOST).kind is ChangeKind.UPDATED
    assert event_as_seen(elsewhere, EVERYTHING) is elsewhere
    here = record("alpha")
    here = replace(here, incident=replace(here.incident, more_near=0))
    there = replace(elsewhere, record=here)
    assert event_as_seen(there, HOST).kind is kind
    assert "bravo" not in str(event_message(event_as_seen(elsewhere, HOST), HOST))
