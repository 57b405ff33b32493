"""What the watch in memory does not show, over further looks at one frame."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.incident import ChangeKind
from pipelines.threats.incidents.sentry import Watch
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.requirements import NewObject
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from pipelines.threats.tracks.tracker import Frame

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
METRE = 1.0 / 111_000.0
BASE = Position(
    position_id="base",
    display_name="Base",
    kind=PositionKind.BASE,
    latitude_deg=4.0,
    longitude_deg=18.0,
)
SEEN_OFTEN = replace(DEFAULT_RULE, rule_id="often", min_sightings=9)
RING = np.array([[17.99, 3.99], [18.01, 3.99], [18.01, 4.01], [17.99, 4.01], [17.99, 3.99]])


def frame(imagery_id: str, at: datetime, *north_m: float) -> Frame:
    return Frame(
        imagery_id=imagery_id,
        captured_at=at,
        ground=[
            GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=4.0 + metres * METRE,
                longitude_deg=18.0,
                hae_m=400.0,
                covariance_enu_m2=np.diag([9.0, 9.0, 9.0]),
                ce90_m=6.4,
            )
            for metres in north_m
        ],
        categories=["car"] * len(north_m),
        confidences=[0.9] * len(north_m),
        footprint_lonlat=RING,
        is_alone=True,
    )


def look(watch: Watch, seen: Frame, rule: Rule = SEEN_OFTEN) -> Watch:
    after, _ = watch.observe(seen, positions=[BASE], rules=[rule])
    return after


def test_a_second_look_takes_back_what_the_first_counted() -> None:
    later = NOON + timedelta(minutes=5)
    watch = look(Watch(), frame("a", NOON, 100.0, 160.0))
    watch = look(watch, frame("b", later, 100.0, 160.0))
    assert sorted(it.count for it in watch.suppressions.values()) == [2, 2]
    # The same frame once more, then with one object two metres beside, then without it.
    assert look(watch, frame("b", later, 100.0, 160.0)).suppressions == watch.suppressions
    moved = look(watch, frame("b", later, 100.0, 162.0))
    assert sorted(it.count for it in moved.suppressions.values()) == [2, 2]
    gone = look(moved, frame("b", later, 100.0))
    assert sorted((it.count, it.last_at, it.imagery_id) for it in gone.suppressions.values()) == [
        (1, NOON, "a"),
        (2, later, "b"),
    ]


def test_a_rule_that_asks_what_is_new_knows_the_frames_before() -> None:
    fresh = replace(DEFAULT_RULE, rule_id="fresh", new_object=NewObject(since_s=3600.0))
    watch = look(Watch(), frame("a", NOON), fresh)
    _, seen = watch.observe(
        frame("b", NOON + timedelta(minutes=5), 100.0), positions=[BASE], rules=[fresh]
    )
    assert [it.kind for it in seen.changes] == [ChangeKind.RAISED]
    assert "12:00" in seen.changes[0].incident.reason
    # An hour and more ago is too long, and a later frame tells nothing of what was before.
    for taken in (NOON - timedelta(hours=2), NOON + timedelta(hours=2)):
        _, unknown = look(Watch(), replace(frame("a", NOON), captured_at=taken), fresh).observe(
            frame("b", NOON + timedelta(minutes=5), 100.0), positions=[BASE], rules=[fresh]
        )
        told = [it.reason for it in unknown.suppressed] or [
            it.incident.reason for it in unknown.changes
        ]
        assert "12:00" not in told[0]
