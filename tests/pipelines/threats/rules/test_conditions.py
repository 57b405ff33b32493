from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.conditions import Judgement, judge
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
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.track import Track, TrackPoint

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POST = Position(
    position_id="alpha",
    display_name="Post Alpha",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=18.0,
)


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        18.0, 4.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something on the ground: where it is now, how it moves, and when it was seen."""

    at: tuple[float, float]
    category: str = "car"
    sigma: float = 5.0
    confidence: float = 0.8
    velocity: tuple[float, float] | None = None
    velocity_sigma: float = 0.5
    seconds_before: Sequence[float] = ()
    name: str = ""
    tracked: bool = True
    timed: bool = True


@dataclass(frozen=True, kw_only=True)
class World:
    things: Sequence[Thing]
    rules: Sequence[Rule] = (DEFAULT_RULE,)
    positions: Sequence[Position] = (POST,)
    unseen: Sequence[Thing] = ()
    looks: Sequence[Look] = ()
    captured_at: datetime | None = NOON
    named: Mapping[str, Position] | None = field(default=None)

    def judged(self) -> Judgement:
        ground = [point(thing) for thing in self.things]
        sightings = weigh(
            ground,
            [thing.category for thing in self.things],
            [thing.confidence for thing in self.things],
            self.positions,
            self.rules,
        )
        tracks = {
            index: track(thing, str(index), self.captured_at)
            for index, thing in enumerate(self.things)
            if thing.tracked
        }
        others = [track(thing, f"u{at}", self.captured_at) for at, thing in enumerate(self.unseen)]
        positions = self.named
        if positions is None:
            positions = {position.position_id: position for position in self.positions}
        return judge(
            sightings,
            track_of=tracks,
            tracks=[*tracks.values(), *others],
            positions=positions,
            rules=self.rules,
            captured_at=self.captured_at,
            looks=self.looks,
        )

    def only(self) -> tuple[str, Severity]:
        found = self.judged()
        assert len(found.shown) == 1
        assert found.withheld == ()
        return found.shown[0].reason, found.shown[0].severity

    def withheld(self) -> list[str]:
        found = self.judged()
        assert found.shown == ()
        return [it.reason for it in found.withheld]


def point(thing: Thing) -> GroundPoint:
    lon, lat = lonlat(*thing.at)
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=lat,
        longitude_deg=lon,
        covariance_enu_m2=np.diag([thing.sigma**2, thing.sigma**2, 9.0]),
    )


def track(thing: Thing, name: str, now: datetime | None) -> Track:
    velocity = np.array(thing.velocity or (0.0, 0.0))
    points = []
    for number, before in enumerate(sorted([0.0, *thing.seconds_before], reverse=True)):
        lon, lat = lonlat(*(np.array(thing.at) - before * velocity))
        seen_at = None if now is None or not thing.timed else now - timedelta(seconds=before)
        points.append(
            TrackPoint(
                imagery_id=f"i{number}",
                detection_index=0,
                captured_at=seen_at,
                latitude_deg=lat,
                longitude_deg=lon,
                covariance_m2=thing.sigma**2 * np.eye(2),
            )
        )
    known = thing.velocity is not None
    return Track(
        track_id=thing.name or f"t{name}",
        category=thing.category,
        confidence=thing.confidence,
        latitude_deg=points[-1].latitude_deg,
        longitude_deg=points[-1].longitude_deg,
        covariance_m2=points[-1].covariance_m2,
        velocity_m_s=velocity if known else None,
        velocity_covariance=thing.velocity_sigma**2 * np.eye(2) if known else None,
        sighting_count=len(points),
        first_seen_at=points[0].captured_at,
        last_seen_at=points[-1].captured_at,
        imagery_id=points[-1].imagery_id,
        points=tuple(points),
    )


def rule(**changes: object) -> Rule:
    return replace(DEFAULT_RULE, rule_id="mine", **changes)  # type: ignore[arg-type]


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


CROWD = [
    Thing(at=(300.0 + 6.0 * at, 4.0 * (at % 2)), category="person", name=f"p{at}")
    for at in range(4)
]


def test_a_cluster_is_one_incident_for_all_of_it() -> None:
    crowds = rule(cluster=Cluster(min_count=4, radius_m=30.0))
    found = World(things=CROWD, rules=[crowds]).judged()
    (shown,) = found.shown
    assert shown.object_count == 4
    assert set(shown.track_ids) == {"p0", "p1", "p2", "p3"}
    assert shown.track_ids[0] == f"p{shown.sighting.detection_index}"
    assert shown.reason.startswith("4 people, ")
    assert shown.reason.endswith("High because 4 are together.")
    assert [it.reason for it in found.withheld] == ["IN_GROUP"] * 3
    assert World(things=CROWD[:3], rules=[crowds]).withheld() == ["TOO_FEW"] * 3


def test_a_group_is_known_by_the_track_that_began_first() -> None:
    crowds = rule(cluster=Cluster(min_count=3, radius_m=30.0))
    older = replace(CROWD[2], seconds_before=[30.0])
    (shown,) = World(things=[CROWD[0], CROWD[1], older], rules=[crowds]).judged().shown
    assert shown.sighting.detection_index == 2


def test_what_another_frame_showed_just_now_counts_and_what_it_showed_long_ago_does_not() -> None:
    crowds = rule(cluster=Cluster(min_count=4, radius_m=30.0))
    unseen = replace(CROWD[3])
    (shown,) = World(things=CROWD[:3], unseen=[unseen], rules=[crowds]).judged().shown
    assert shown.object_count == 4
    # Without a time of the frame, only what it shows itself is known to be there at once.
    assert World(things=CROWD[:3], unseen=[unseen], rules=[crowds], captured_at=None).withheld()


def test_other_categories_and_what_stands_apart_do_not_count() -> None:
    crowds = rule(categories=frozenset({"person"}), cluster=Cluster(min_count=4, radius_m=30.0))
    other = [*CROWD[:3], Thing(at=(306.0, 8.0), category="car"), replace(CROWD[0], at=(380.0, 0.0))]
    assert World(things=other, rules=[crowds]).withheld() == ["TOO_FEW"] * 4


COLUMN = [
    Thing(
        at=(400.0 + 40.0 * at, 3.0 * (-1) ** at),
        category="truck",
        name=f"c{at}",
        velocity=(-10.0, 0.0),
        seconds_before=[2.0 + at, 4.0],
    )
    for at in range(3)
]


def test_a_convoy_is_told_with_when_it_arrives() -> None:
    columns = rule(
        radius_m=600.0, categories=frozenset({"vehicle"}), convoy=Convoy(), min_sightings=2
    )
    found = World(things=COLUMN, rules=[columns]).judged()
    (shown,) = found.shown
    assert shown.object_count == 3
    assert shown.severity is Severity.HIGH
    # From 400 m at 10 m/s to 50 m: 35 s.
    assert shown.reason.startswith("3 trucks in line, over 99 % within 600 m of Post Alpha")
    assert "closing at 10.0 +- 0.5 m/s: at the perimeter in 0:3" in shown.reason
    assert [it.reason for it in found.withheld] == ["IN_GROUP"] * 2


def test_members_of_a_convoy_beyond_the_radius_count() -> None:
    columns = rule(radius_m=415.0, categories=frozenset({"vehicle"}), convoy=Convoy())
    found = World(things=COLUMN, rules=[columns]).judged()
    (shown,) = found.shown
    assert shown.object_count == 3
    assert set(shown.track_ids) == {"c0", "c1", "c2"}


def test_vehicles_in_line_of_unknown_movement_are_shown_or_withheld_as_the_rule_says() -> None:
    still = [replace(it, velocity=None, seconds_before=()) for it in COLUMN]
    columns = rule(radius_m=600.0, convoy=Convoy())
    (shown,) = World(things=still, rules=[columns]).judged().shown
    assert "movement not known" in shown.reason
    strict = rule(radius_m=600.0, convoy=Convoy(when_unknown=WhenUnknown.WITHHOLD))
    assert World(things=still, rules=[strict]).withheld() == ["CONVOY_UNKNOWN"] * 3
    scattered = [replace(it, at=(it.at[0], 90.0 * at * at)) for at, it in enumerate(still)]
    assert World(things=scattered[:2], rules=[columns]).withheld() == ["NO_CONVOY"] * 2


def test_what_other_rules_show_of_a_group_is_part_of_it_with_the_highest_severity() -> None:
    columns = rule(radius_m=600.0, convoy=Convoy(), severity_at_most=Severity.LOW)
    wide = replace(DEFAULT_RULE, radius_m=600.0)
    apart = Thing(at=(0.0, -450.0), category="person", name="alone")
    found = World(things=[*COLUMN, apart], rules=[columns, wide]).judged()
    group, single = found.shown
    assert (group.object_count, group.severity) == (3, Severity.HIGH)
    assert group.reason.endswith(
        "High because it closes and arrives within 3 minutes and a truck closes."
    )
    assert single.track_ids == ("alone",)
    assert sorted(it.reason for it in found.withheld) == ["IN_GROUP"] * 5 + ["NO_CONVOY"]


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
