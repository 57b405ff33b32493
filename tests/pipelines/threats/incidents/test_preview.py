from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.preview import MAX_EXAMPLES, Replay
from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.requirements import Cluster
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.tracker import Frame

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POST = Position(
    position_id="post",
    display_name="Post",
    kind=PositionKind.POST,
    latitude_deg=35.0,
    longitude_deg=33.0,
)


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        33.0, 35.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


CORNERS = [(-600, -600), (600, -600), (600, 600), (-600, 600), (-600, -600)]
FOOTPRINT = np.array([lonlat(*corner) for corner in CORNERS])


def frame(hours: float, things: Sequence[tuple[str, float, float]]) -> Frame:
    ground = []
    for _, east, north in things:
        lon, lat = lonlat(east, north)
        ground.append(
            GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=lat,
                longitude_deg=lon,
                covariance_enu_m2=np.diag([4.0, 4.0, 9.0]),
            )
        )
    return Frame(
        imagery_id=f"at-{hours:09.4f}",
        captured_at=NOON + timedelta(hours=hours),
        ground=ground,
        categories=[category for category, _, _ in things],
        confidences=[0.8] * len(things),
        footprint_lonlat=FOOTPRINT,
    )


def test_days_of_frames_are_counted_and_forgotten() -> None:
    replay = Replay({"default": [DEFAULT_RULE]})
    # A car at another place each day, looked at every half hour of half of it.
    days, looks = 5, 24
    for day in range(days):
        for look in range(looks):
            things = [("car", 60.0 * day + 80.0, 30.0)]
            replay.take(frame(24.0 * day + look / 2.0, things), [POST])
    found = replay.preview("default")
    assert (replay.frame_count, replay.detection_count) == (days * looks, days * looks)
    assert found.incident_count == days
    assert found.by_position == {"post": days}
    assert sum(found.by_severity.values()) == days
    assert [it.captured_at for it in found.examples] == [
        NOON + timedelta(days=day) for day in range(days)
    ]
    # What no frame of today can show again is no longer held.
    assert len(replay._tracks) <= 2
    assert len(replay._branches["default"]._incidents) <= 2
    assert len(replay._footprints) <= 2 * looks


def test_several_sets_of_rules_are_tried_at_once_and_apart() -> None:
    pairs = replace(DEFAULT_RULE, rule_id="pairs", cluster=Cluster(min_count=2))
    replay = Replay({"one": [DEFAULT_RULE], "two": [pairs], "both": [DEFAULT_RULE, pairs], "": []})
    things = [("car", 100.0, 0.0), ("car", 120.0, 0.0), ("car", -200.0, 0.0)]
    replay.take(frame(0.0, things), [POST])
    told = {name: replay.preview(name) for name in ("one", "two", "both", "")}
    assert {name: it.incident_count for name, it in told.items()} == {
        "one": 3,
        "two": 1,
        "both": 2,
        "": 0,
    }
    assert told["two"].withheld == {"IN_GROUP": 1, "TOO_FEW": 1}
    assert told["two"].examples[0].reason.startswith("2 cars, ")


def test_the_most_severe_are_shown_first_and_not_all_of_many() -> None:
    replay = Replay({"default": [DEFAULT_RULE]})
    things = [("person", 25.0 * at - 400.0, 180.0) for at in range(30)] + [("car", 10.0, 0.0)]
    replay.take(frame(0.0, things), [POST])
    found = replay.preview("default")
    assert found.incident_count == 31
    assert len(found.examples) == MAX_EXAMPLES
    assert found.examples[0].severity is Severity.HIGH
    assert found.by_severity[Severity.HIGH] == 1


def test_what_is_new_on_a_route_is_told_since_the_last_look() -> None:
    line = Line(vertices_lonlat=(lonlat(-900, 0), lonlat(900, 0)), buffer_m=4.0)
    route = placed(
        Position(
            position_id="blue",
            display_name="Route Blue",
            kind=PositionKind.ROUTE,
            latitude_deg=0.0,
            longitude_deg=0.0,
            shape=line,
        )
    )
    replay = Replay({"built in": DEFAULT_RULES})
    old, new = ("car", 300.0, 5.0), ("truck", -100.0, 3.0)
    replay.take(frame(0.0, [old]), [route])
    replay.take(frame(0.01, [old]), [route])
    assert replay.preview("built in").incident_count == 0
    replay.take(frame(3.0, [old, new]), [route])
    # One look does not tell what stands from what drives by.
    assert replay.preview("built in").incident_count == 0
    replay.take(frame(3.01, [old, new]), [route])
    (found,) = replay.preview("built in").examples
    assert found.severity is Severity.HIGH
    assert found.reason == (
        "A truck, over 99 % within 25 m of Route Blue (range 0 to 2 m), not there on 2026-03-01 "
        "12:00 UTC. High because it was not there before."
    )


def test_a_position_that_is_not_in_use_raises_nothing() -> None:
    later = replace(POST, valid_from=NOON + timedelta(hours=2))
    replay = Replay({"default": [DEFAULT_RULE]})
    replay.take(frame(0.0, [("car", 100.0, 0.0)]), [later])
    assert replay.preview("default").incident_count == 0
    replay.take(frame(2.0, [("car", 100.0, 0.0)]), [later])
    assert replay.preview("default").incident_count == 1


def test_a_frame_without_a_time_cannot_be_replayed() -> None:
    with pytest.raises(ValueError, match="time"):
        Replay({}).take(replace(frame(0.0, []), captured_at=None), [POST])
