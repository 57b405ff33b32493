"""What an incident that has ended says of why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.incident import Incident, IncidentState
from pipelines.threats.incidents.incident_evidence import expired
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.tracks.track import Mobility

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mobility", "hours", "told"),
    [
        (Mobility.MOVING, 1, "It was not seen for 1 hour."),
        (Mobility.UNKNOWN, 12, "It was not seen for 12 hours."),
    ],
)
def test_what_is_not_seen_for_long_ends_and_says_how_long(
    mobility: Mobility, hours: int, told: str
) -> None:
    sighting = Sighting(
        detection_index=0,
        category="car",
        confidence=0.8,
        ground=GroundPoint(outcome=Outcome.LOCATED, latitude_deg=4.0, longitude_deg=30.0),
        position_id="post-1",
        rule_id="default",
        rule_revision=0,
        radius_m=500.0,
        probability=0.9,
        level=Level.ALERT,
        range_m=100.0,
        range_low_m=90.0,
        range_high_m=110.0,
        bearing_deg=10.0,
    )
    incident = Incident(
        incident_id="a",
        state=IncidentState.OPEN,
        best=sighting,
        imagery_id="m1",
        sighting_count=1,
        first_seen_at=NOON,
        last_seen_at=NOON,
        revision=1,
        mobility=mobility,
    )
    assert expired(incident, NOON, NOON + timedelta(hours=hours)) is None
    change = expired(incident, NOON, NOON + timedelta(hours=hours, seconds=1))
    assert change is not None
    assert change.incident.reason == told
