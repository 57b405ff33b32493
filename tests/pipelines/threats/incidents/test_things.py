"""One incident for one thing: whichever positions it is near, and however it goes from one on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import ReasonCode, decide
from pipelines.threats.incidents.incident import (
    MOST_NEAR,
    ChangeKind,
    Incident,
    IncidentChange,
    IncidentState,
)
from pipelines.threats.incidents.incident_merging import united
from pipelines.threats.incidents.sentry import Watch
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Level
from pipelines.threats.rules.requirements import Cluster
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.tracker import Frame

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RADIUS_M = DEFAULT_RULE.radius_m


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    azimuth = math.degrees(math.atan2(east_m, north_m))
    longitude, latitude, _ = GEOD.fwd(18.0, 4.0, azimuth, math.hypot(east_m, north_m))
    return longitude, latitude


def post(name: str, east_m: float, north_m: float = 0.0) -> Position:
    longitude, latitude = lonlat(east_m, north_m)
    return Position(
        position_id=name,
        display_name=name.title(),
        kind=PositionKind.POST,
        latitude_deg=latitude,
        longitude_deg=longitude,
    )


class Guard:
    """A watch over some posts, and the hands that decide."""

    def __init__(self, *posts: Position, rules: Sequence[Rule] = (DEFAULT_RULE,)) -> None:
        self.posts, self.rules = posts, rules
        self.watch = Watch()
        self.frames = 0

    def see(
        self, *places: tuple[float, float], seconds: float = 0.0, category: str = "truck"
    ) -> tuple[IncidentChange, ...]:
        """What a frame with vehicles at places (east and north, metres) does."""
        ground = []
        for place in places:
            longitude, latitude = lonlat(*place)
            ground.append(
                GroundPoint(
                    outcome=Outcome.LOCATED,
                    latitude_deg=latitude,
                    longitude_deg=longitude,
                    hae_m=400.0,
                    covariance_enu_m2=np.diag([9.0, 9.0, 9.0]),
                    ce90_m=6.4,
                    le90_m=4.9,
                )
            )
        self.frames += 1
        frame = Frame(
            imagery_id=f"i{self.frames}",
            captured_at=NOON + timedelta(seconds=seconds),
            ground=ground,
            categories=[category] * len(ground),
            confidences=[0.8] * len(ground),
        )
        self.watch, seen = self.watch.observe(frame, positions=self.posts, rules=self.rules)
        return seen.changes

    def drive(self, way: Sequence[float], *, step_s: float = 2.0) -> list[IncidentChange]:
        """A vehicle at places along the east axis, a frame every `step_s` seconds."""
        begin = self.frames * step_s
        return [
            change
            for number, east in enumerate(way)
            for change in self.see((east, 0.0), seconds=begin + number * step_s)
        ]

    def dismiss(self, incident: Incident, code: ReasonCode) -> Incident:
        decided = decide(incident, "dismissed", code).incident
        self.watch = replace(
            self.watch, incidents={**self.watch.incidents, decided.incident_id: decided}
        )
        return decided

    @property
    def only(self) -> Incident:
        (incident,) = self.watch.incidents.values()
        return incident

    def suppressed(self) -> dict[tuple[str, str], int]:
        """How often what was not shown near which position, by the reason."""
        counted: dict[tuple[str, str], int] = {}
        for item in self.watch.suppressions.values():
            key = item.position_id, item.reason
            counted[key] = counted.get(key, 0) + item.count
        return counted


def alerts(incident: Incident) -> set[str]:
    return {name for name, level in level_at(incident).items() if level is Level.ALERT}


def level_at(incident: Incident) -> dict[str, Level]:
    return {it.position_id: it.level for it in incident.sightings}


BASE = (
    post("north-gate", 0.0, 250.0),
    post("south-gate", 0.0, -250.0),
    post("tower", 60.0, 0.0),
    post("depot", -300.0, 0.0),
    post("far-post", 495.0, 0.0),
)


def test_a_vehicle_near_five_posts_is_one_incident_and_one_alert() -> None:
    guard = Guard(*BASE)
    (raised,) = guard.see((0.0, 0.0))
    assert raised.kind is ChangeKind.RAISED
    incident = raised.incident
    # Every post is told, the gravest first: at the perimeter of the tower, then the nearest.
    assert set(incident.position_ids) == {it.position_id for it in BASE}
    assert incident.best.position_id == "tower"
    assert [it.sighting.position_id for it in incident.near] == [
        "north-gate",
        "south-gate",
        "depot",
        "far-post",
    ]
    ranges = {it.position_id: it.range_m for it in incident.sightings}
    assert ranges == pytest.approx(
        {
            "tower": 60.0,
            "north-gate": 250.0,
            "south-gate": 250.0,
            "depot": 300.0,
            "far-post": 495.0,
        },
        abs=0.01,
    )
    for near in incident.near:
        sighting = near.sighting
        assert sighting.range_low_m < sighting.range_m < sighting.range_high_m
        assert sighting.position_id.title() in near.reason
        assert near.last_near_at == NOON
    # Later looks are updates of the same one; nothing else alerts.
    later = [change for n in range(1, 6) for change in guard.see((0.0, 0.0), seconds=4.0 * n)]
    assert {it.kind for it in later} == {ChangeKind.UPDATED}
    assert guard.only.sighting_count == 6
    assert guard.only.position_ids == incident.position_ids
    assert guard.suppressed() == {}


def test_two_things_near_the_same_posts_are_two_incidents() -> None:
    changes = Guard(*BASE).see((0.0, 0.0), (0.0, 40.0))
    assert [it.kind for it in changes] == [ChangeKind.RAISED] * 2
    assert all(len(it.incident.position_ids) == 5 for it in changes)
    assert len({it.incident.incident_id for it in changes}) == 2


def test_from_one_post_to_the_next_it_is_one_incident_whose_gravest_changes() -> None:
    west, east = post("west", 0.0), post("east", 1500.0)
    guard = Guard(west, east)
    # Ten metres a second, from the west post past both radii to the east post and beyond.
    changes = guard.drive([20.0 * n for n in range(140)])
    assert len({it.incident.incident_id for it in changes}) == 1
    raised, *later = changes
    assert raised.kind is ChangeKind.RAISED
    assert raised.incident.position_ids == ("west",)
    # Coming within reach of the second post is told as news of the same incident, once.
    reached = [
        after
        for before, after in itertools.pairwise(changes)
        if level_at(after.incident).get("east") is Level.ALERT
        and level_at(before.incident).get("east") is not Level.ALERT
    ]
    (news,) = reached
    assert news.kind is ChangeKind.ESCALATED
    east_m = next(it for it in news.incident.sightings if it.position_id == "east").range_m
    assert east_m == pytest.approx(RADIUS_M, abs=40.0)
    # It is told near the west post until looks have it outside for good, and then not any more.
    told = [it.incident.position_ids for it in later]
    assert ("west", "east") in told or ("east", "west") in told
    assert told[-1] == ("east",)
    assert told.index(("east",)) < len(told) - 10
    # The gravest was the west post, is the east post, and does not go back.
    named = [key for key, _ in itertools.groupby(ids[0] for ids in told)]
    assert named == ["west", "east"]
    # Gone from both, it is withdrawn: none is near.
    assert changes[-1].kind is ChangeKind.CANCELLED
    assert sum(it.kind is ChangeKind.RAISED for it in changes) == 1


def test_a_second_post_within_reach_escalates_even_where_it_is_not_the_gravest() -> None:
    here, there = post("here", 0.0), post("there", 560.0)
    guard = Guard(here, there)
    guard.drive([20.0, 40.0])
    before = guard.only
    assert before.position_ids == ("here",)
    assert before.severity is Severity.HIGH
    changes = guard.drive([60.0, 80.0, 100.0])
    at = next(n for n, it in enumerate(changes) if len(alerts(it.incident)) == 2)
    assert changes[at].kind is ChangeKind.ESCALATED
    assert changes[at].incident.best.position_id == "here"
    # The gravest is what it was: the news is the other post.
    assert changes[at].incident.severity is before.severity
    # Told once: the next look is no news.
    (again,) = guard.drive([102.0])
    assert again.kind is ChangeKind.UPDATED


def test_the_named_post_does_not_change_with_every_look() -> None:
    # Half-way between two posts, two metres to this and to that side.
    guard = Guard(post("here", -490.0), post("there", 490.0))
    named = {
        change.incident.best.position_id
        for n in range(12)
        for change in guard.see((2.0 * (-1) ** n, 0.0), seconds=3.0 * n)
    }
    assert len(named) == 1


@pytest.mark.parametrize("code", list(ReasonCode))
def test_a_dismissal_holds_near_other_posts_where_it_says_what_the_thing_is(
    code: ReasonCode,
) -> None:
    here, patrol = post("here", 0.0), post("patrol", 2000.0)
    guard = Guard(here, patrol)
    (raised,) = guard.see((0.0, 0.0))
    dismissed = guard.dismiss(raised.incident, code)
    assert dismissed.only_here is (code in {ReasonCode.CIVILIAN_ROUTINE, ReasonCode.OTHER})
    kinds = []
    for number in range(20):
        # The truck stands, and a patrol comes by.
        guard.posts = here, post("patrol", 2000.0 - 100.0 * number)
        kinds += [it.kind for it in guard.see((0.0, 0.0), seconds=20.0 + 20.0 * number)]
    others = [it for name, it in guard.watch.incidents.items() if name != dismissed.incident_id]
    if not dismissed.only_here:
        assert set(kinds) == {ChangeKind.ABSORBED}
        assert others == []
        assert guard.suppressed() == {("here", "DISMISSED"): 20, ("patrol", "DISMISSED"): 5}
        return
    # It was judged at one post: that it is near a patrol is told, once, and not that post again.
    assert kinds.count(ChangeKind.RAISED) == 1
    (told,) = others
    assert told.state is IncidentState.OPEN
    assert told.position_ids == ("patrol",)
    # Half a kilometre away the patrol was near it at best.
    assert guard.suppressed() == {("here", "DISMISSED"): 20, ("patrol", "DISMISSED"): 1}


def test_what_was_told_as_possible_and_dismissed_for_its_place_is_told_as_an_alert() -> None:
    here, there = post("here", 0.0), post("there", 502.5)
    guard = Guard(here, there)
    (raised,) = guard.see((0.0, 0.0))
    assert level_at(raised.incident) == {"here": Level.ALERT, "there": Level.POSSIBLE}
    guard.dismiss(raised.incident, ReasonCode.CIVILIAN_ROUTINE)
    assert [it.kind for it in guard.see((0.0, 0.0), seconds=4.0)] == [ChangeKind.ABSORBED]
    # The post is moved nearer.
    guard.posts = here, post("there", 300.0)
    (again,) = guard.see((0.0, 0.0), seconds=12.0)
    assert again.kind is ChangeKind.RAISED
    assert again.incident.position_ids == ("there",)


def test_one_group_near_two_posts_is_one_incident() -> None:
    rule = replace(DEFAULT_RULE, rule_id="group", cluster=Cluster(min_count=3, radius_m=50.0))
    guard = Guard(post("here", 0.0, 200.0), post("there", 0.0, -200.0), rules=(rule, DEFAULT_RULE))
    trucks = ((-20.0, 0.0), (0.0, 0.0), (20.0, 0.0))
    (raised,) = guard.see(*trucks)
    assert raised.kind is ChangeKind.RAISED
    assert raised.incident.object_count == 3
    assert set(raised.incident.position_ids) == {"here", "there"}
    assert len(raised.incident.group_ids) == 2
    (updated,) = guard.see(*trucks, seconds=5.0)
    assert updated.incident.incident_id == raised.incident.incident_id
    assert updated.incident.sighting_count == 2


def test_who_leaves_a_group_for_the_perimeter_is_told_as_news_of_it() -> None:
    rule = replace(
        DEFAULT_RULE,
        rule_id="group",
        cluster=Cluster(min_count=3, radius_m=50.0),
        severity_at_most=Severity.MEDIUM,
    )
    guard = Guard(post("here", 0.0, -200.0), rules=(rule, DEFAULT_RULE))
    stay = ((-20.0, 0.0), (0.0, 10.0), (20.0, 0.0))
    changes = [
        change
        for number in range(11)
        for change in guard.see((0.0, -10.0 - 18.0 * number), *stay, seconds=2.0 * number)
    ]
    assert {it.incident.incident_id for it in changes} == {guard.only.incident_id}
    assert changes[0].incident.severity is Severity.MEDIUM
    assert changes[-1].incident.severity is Severity.HIGH
    assert [it.kind for it in changes].count(ChangeKind.RAISED) == 1
    escalated = next(it for it in changes if it.kind is ChangeKind.ESCALATED)
    assert escalated.incident.object_count >= 3


def test_of_very_many_posts_the_gravest_are_told_and_the_rest_counted() -> None:
    ring = [
        post(f"p{n:02}", (100.0 + 5.0 * n) * math.sin(n), (100.0 + 5.0 * n) * math.cos(n))
        for n in range(MOST_NEAR + 8)
    ]
    guard = Guard(*ring)
    (raised,) = guard.see((0.0, 0.0))
    assert len(raised.incident.near) == MOST_NEAR
    assert raised.incident.more_near == 7
    assert raised.incident.others_near == MOST_NEAR + 7
    (again,) = guard.see((1.0, 0.0), seconds=4.0)
    # None of those that are only counted is news of the next look.
    assert again.kind is ChangeKind.UPDATED
    assert set(again.incident.position_ids) == set(raised.incident.position_ids)


def test_a_severity_that_a_person_set_stays_while_the_gravest_post_changes() -> None:
    west, east = post("west", 0.0), post("east", 700.0)
    guard = Guard(west, east)
    guard.see((300.0, 0.0))
    escalated = decide(guard.only, "escalated").incident
    guard.watch = replace(guard.watch, incidents={escalated.incident_id: escalated})
    changes = guard.drive([320.0 + 20.0 * n for n in range(18)])
    assert changes[-1].incident.best.position_id == "east"
    assert {it.incident.severity for it in changes} == {Severity.HIGH}
    assert all(it.incident.severity_held for it in changes)


def test_a_confirmed_incident_is_not_withdrawn_where_none_is_near() -> None:
    guard = Guard(post("here", 0.0), post("there", 100.0))
    guard.see((0.0, 0.0))
    confirmed = decide(guard.only, "confirmed").incident
    guard.watch = replace(guard.watch, incidents={confirmed.incident_id: confirmed})
    guard.drive([20.0 * n for n in range(1, 60)])
    kept = guard.watch.incidents[confirmed.incident_id]
    assert kept.state is IncidentState.CONFIRMED


def test_merged_incidents_are_near_the_positions_of_both() -> None:
    here, there = post("here", 0.0), post("there", 600.0)
    older, younger = (Guard(where).see((300.0, 0.0))[0].incident for where in (here, there))
    younger = replace(
        younger, incident_id="y", track_id="t2", first_seen_at=NOON + timedelta(seconds=9)
    )
    merged = united(older, younger, older.track_id)
    assert merged.gone.merged_into == older.incident_id
    assert merged.kept.incident_id == older.incident_id
    assert set(merged.kept.position_ids) == {"here", "there"}
    assert merged.kept.group_ids == ()
