from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import numpy as np
import pytest

from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.conditions import judge
from pipelines.threats.rules.looks import Look
from pipelines.threats.rules.requirements import (
    Arrival,
    Closing,
    Cluster,
    Convoy,
    Crossing,
    Dwell,
    Hours,
    NewObject,
    WhenUnknown,
)
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.rules.severity import Severity
from tests.pipelines.threats.rules.small_world import (
    COLUMN,
    CROWD,
    NOON,
    POST,
    Thing,
    World,
    lonlat,
    point,
    rule,
    track,
)


def test_a_rule_without_conditions_shows_all_that_it_sees_as_the_default_does() -> None:
    things = [Thing(at=(100.0 * at, 40.0), sigma=60.0) for at in range(9)]
    found = World(things=things).judged()
    assert found.withheld == ()
    assert [it.sighting.detection_index for it in found.shown] == list(range(6))
    assert {it.object_count for it in found.shown} == {1}
    assert [it.track_ids for it in found.shown] == [(f"t{at}",) for at in range(6)]
    assert {it.severity for it in found.shown[1:5]} == {Severity.MEDIUM}


def test_without_tracks_everything_is_shown_all_the_same() -> None:
    told, severity = World(things=[Thing(at=(200.0, 0.0), tracked=False)]).only()
    assert severity is Severity.MEDIUM
    assert told == (
        "A car, over 99 % within 500 m of Post Alpha (range 190 to 210 m). Medium because being "
        "this near is likely."
    )


def test_a_truck_that_comes_is_high_and_one_that_leaves_is_low() -> None:
    # 240 m at 8 m/s, 50 m of perimeter: 190 m, 23.75 s.
    coming = Thing(at=(240.0, 0.0), category="truck", velocity=(-8.0, 0.0), seconds_before=[2, 4])
    told, severity = World(things=[coming]).only()
    assert severity is Severity.HIGH
    assert "closing at 8.0 +- 0.5 m/s: at the perimeter in 0:2" in told
    assert told.endswith("High because it closes and arrives within 3 minutes and a truck closes.")
    going, severity = World(things=[replace(coming, velocity=(8.0, 0.0))]).only()
    assert severity is Severity.LOW
    assert "moving away at 8.0 +- 0.5 m/s" in going
    assert going.endswith("Low because it moves away.")


def test_what_is_at_the_perimeter_is_high_without_a_velocity() -> None:
    told, severity = World(things=[Thing(at=(20.0, 10.0))]).only()
    assert severity is Severity.HIGH
    assert told.endswith("High because it is at the perimeter.")


@pytest.mark.parametrize(
    ("minutes", "code"), [(-60, "OUTSIDE_HOURS"), (0, None), (59, None), (60, "OUTSIDE_HOURS")]
)
def test_hours(minutes: float, code: str | None) -> None:
    night = rule(hours=Hours(start=time(12), end=time(13)))
    world = World(
        things=[Thing(at=(100.0, 0.0))],
        rules=[night],
        captured_at=NOON + timedelta(minutes=minutes),
    )
    assert [it.reason for it in world.judged().withheld] == ([] if code is None else [code])


def test_a_zone_that_this_machine_does_not_know_silences_nothing() -> None:
    lost = rule(hours=Hours(start=time(1), end=time(2), zone="Atlantis/Capital"))
    told, _ = World(things=[Thing(at=(200.0, 0.0))], rules=[lost]).only()
    assert "time zone not known here" in told


UNKNOWABLE = [
    ("hours", Hours(start=time(12), end=time(13)), "TIME_UNKNOWN", "time of day not known"),
    ("dwell", Dwell(min_s=60.0), "DWELL_UNKNOWN", "length of stay not known"),
    ("closing", Closing(min_speed_m_s=2.0), "SPEED_UNKNOWN", "speed not known"),
    ("arrival", Arrival(within_s=60.0), "SPEED_UNKNOWN", "speed not known"),
    ("crossing", Crossing(), "CROSSING_UNKNOWN", "crossing not known"),
    ("new_object", NewObject(), "NEWNESS_UNKNOWN", "no earlier look at the place"),
]


@pytest.mark.parametrize(("name", "asked", "code", "remark"), UNKNOWABLE)
def test_what_is_not_known_is_shown_and_said_unless_the_rule_withholds_it(
    name: str, asked: Hours, code: str, remark: str
) -> None:
    world = World(things=[Thing(at=(200.0, 0.0))], rules=[rule(**{name: asked})], captured_at=None)
    told, severity = world.only()
    assert remark in told
    assert severity is Severity.MEDIUM
    strict = rule(**{name: replace(asked, when_unknown=WhenUnknown.WITHHOLD)})
    assert replace(world, rules=[strict]).withheld() == [code]


def test_an_object_is_shown_from_so_many_looks_on() -> None:
    thing = Thing(at=(200.0, 0.0), seconds_before=[2.0])
    assert World(things=[thing], rules=[rule(min_sightings=2)]).only()
    assert World(things=[thing], rules=[rule(min_sightings=3)]).withheld() == ["SEEN_TOO_SELDOM"]
    untracked = replace(thing, tracked=False)
    assert World(things=[untracked], rules=[rule(min_sightings=2)]).withheld() == [
        "SEEN_TOO_SELDOM"
    ]


def test_loitering() -> None:
    stays = rule(radius_m=150.0, dwell=Dwell(min_s=600.0))
    person = Thing(at=(100.0, 20.0), category="person", seconds_before=[725, 300, 60])
    told, severity = World(things=[person], rules=[stays]).only()
    assert "there for 12:05 or more" in told
    assert severity is Severity.HIGH
    assert told.endswith("High because it stays.")
    short = replace(person, seconds_before=[590, 60])
    assert World(things=[short], rules=[stays]).withheld() == ["DWELL_TOO_SHORT"]


def test_a_stay_of_which_only_bounds_are_known_is_told_with_them() -> None:
    # Sixteen looks are kept of a hundred; the first of all was ten minutes ago.
    asked = Dwell(min_s=300.0)
    person = Thing(at=(100.0, 20.0), category="person", seconds_before=[2.0 * k for k in range(16)])
    world = World(things=[person], rules=[rule(dwell=asked)])
    (weighed,) = world.judged().withheld
    assert weighed.reason == "DWELL_TOO_SHORT"
    long = replace(
        track(person, "0", NOON), sighting_count=100, first_seen_at=NOON - timedelta(minutes=10)
    )
    found = judge(
        [weighed.sighting],
        track_of={0: long},
        tracks=[long],
        positions={"alpha": POST},
        rules=world.rules,
        captured_at=NOON,
    )
    assert "there for 0:30 to 10:00" in found.shown[0].reason
    assert "stays" not in found.shown[0].reason


def test_closing_speed() -> None:
    fast = rule(closing=Closing(min_speed_m_s=3.0, probability=0.8))

    def at(speed: float) -> World:
        thing = Thing(at=(300.0, 0.0), velocity=(-speed, 0.0), velocity_sigma=1.0)
        return World(things=[thing], rules=[fast])

    # P(v > 3) = 0.8 for a sigma of 1 at 3.84 m/s.
    assert at(3.95).only()
    assert at(3.7).withheld() == ["NOT_CLOSING"]
    assert at(-9.0).withheld() == ["NOT_CLOSING"]


def test_time_to_the_perimeter() -> None:
    soon = rule(radius_m=2000.0, perimeter_m=100.0, arrival=Arrival(within_s=120.0))
    thing = Thing(at=(1000.0, 0.0), velocity=(-8.0, 0.0), velocity_sigma=0.2)
    # 900 m at 8 m/s are 112 s; at 7 m/s, 129 s.
    assert World(things=[thing], rules=[soon]).only()
    slower = replace(thing, velocity=(-7.0, 0.0))
    assert World(things=[slower], rules=[soon]).withheld() == ["NOT_ARRIVING"]
    # What is there has arrived, whatever its speed.
    there, _ = World(things=[Thing(at=(40.0, 0.0))], rules=[soon]).only()
    assert "speed not known" not in there


def route(kind: PositionKind, buffer_m: float = 10.0) -> Position:
    shape = Line(vertices_lonlat=(lonlat(-800.0, 0.0), lonlat(800.0, 0.0)), buffer_m=buffer_m)
    return placed(
        Position(
            position_id="line",
            display_name="The line",
            kind=kind,
            latitude_deg=0.0,
            longitude_deg=0.0,
            shape=shape,
        )
    )


def test_a_line_that_is_crossed() -> None:
    line = route(PositionKind.CEASEFIRE_LINE, 0.0)
    crossing = rule(position_kinds=frozenset({line.kind}), crossing=Crossing())
    over = Thing(at=(100.0, 30.0), velocity=(0.0, 4.0), seconds_before=[5, 10, 15])
    world = World(things=[over], positions=[line], rules=[crossing])
    told, severity = world.only()
    assert "over 99 % to have crossed it" in told
    assert severity is Severity.HIGH
    along = replace(over, velocity=(4.0, 0.0))
    assert replace(world, things=[along]).withheld() == ["NOT_CROSSED"]


def test_what_is_new_on_a_route() -> None:
    road = route(PositionKind.ROUTE)
    fresh = rule(radius_m=25.0, position_kinds=frozenset({road.kind}), new_object=NewObject())
    corners = [(-200, -200), (200, -200), (200, 200), (-200, 200), (-200, -200)]
    ring = np.array([lonlat(*corner) for corner in corners])
    earlier = Look(imagery_id="l", captured_at=NOON - timedelta(hours=2), footprint_lonlat=ring)
    world = World(things=[Thing(at=(50.0, 3.0))], positions=[road], rules=[fresh], looks=[earlier])
    told, severity = world.only()
    assert "not there on 2026-03-01 10:00 UTC" in told
    assert told.endswith("High because it was not there before.")
    assert severity is Severity.HIGH
    passing = Thing(at=(50.0, 3.0), velocity=(9.0, 0.0))
    assert replace(world, things=[passing]).withheld() == ["NOT_NEW"]


def test_a_route_has_no_perimeter_to_arrive_at() -> None:
    road = route(PositionKind.ROUTE)
    plain = rule(radius_m=25.0, position_kinds=frozenset({road.kind}))
    told, severity = World(
        things=[Thing(at=(50.0, 3.0), velocity=(9.0, 0.0))], positions=[road], rules=[plain]
    ).only()
    assert severity is Severity.MEDIUM
    assert "closing" not in told


def test_a_position_that_is_gone_has_its_identifier_for_a_name() -> None:
    told, _ = World(things=[Thing(at=(100.0, 0.0))], named={}).only()
    assert "of alpha (range" in told


def test_the_order_of_what_is_given_changes_nothing() -> None:
    columns = rule(radius_m=600.0, convoy=Convoy())
    world = World(things=[*COLUMN, *CROWD], rules=[columns, DEFAULT_RULE])
    first = world.judged()
    again = replace(world, rules=[DEFAULT_RULE, columns]).judged()
    assert [(it.sighting.rule_id, it.reason) for it in first.shown] == [
        (it.sighting.rule_id, it.reason) for it in again.shown
    ]
    assert len(first.withheld) == len(again.withheld)


def test_every_sighting_is_shown_or_withheld_once() -> None:
    rules = [
        DEFAULT_RULE,
        rule(radius_m=600.0, convoy=Convoy()),
        replace(rule(cluster=Cluster(min_count=4, radius_m=30.0)), rule_id="crowd"),
        replace(rule(closing=Closing(min_speed_m_s=2.0)), rule_id="fast"),
    ]
    things = [*COLUMN, *CROWD, Thing(at=(20.0, 0.0)), Thing(at=(0.0, 495.0), sigma=80.0)]
    world = World(things=things, rules=rules)
    found = world.judged()
    seen = [*(it.sighting for it in found.shown), *(it.sighting for it in found.withheld)]
    keys = [(it.detection_index, it.rule_id) for it in seen]
    assert len(keys) == len(set(keys))
    weighed = weigh(
        [point(it) for it in things],
        [it.category for it in things],
        [it.confidence for it in things],
        [POST],
        rules,
    )
    assert {(it.detection_index, it.rule_id) for it in weighed} == set(keys)


def test_a_naive_time_is_a_defect() -> None:
    with pytest.raises(ValueError, match="aware"):
        judge(
            [],
            track_of={},
            tracks=[],
            positions={},
            rules=[],
            captured_at=NOON.replace(tzinfo=None),
        )


def test_nothing_seen_is_nothing_judged() -> None:
    found = World(things=[]).judged()
    assert (found.shown, found.withheld) == ((), ())
