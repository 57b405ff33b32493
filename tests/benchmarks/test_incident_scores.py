"""Alerts are counted against the truth as docs/incidents.md tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.incident_areas import Area, Site
from benchmarks.incident_days import HAE_M, LATITUDE_DEG, LONGITUDE_DEG, Day
from benchmarks.incident_looks import CLUTTER, Look, make_ground
from benchmarks.incident_rivals import Near, Setting, measured, point_in_circle, zones_with_cooldown
from benchmarks.incident_scores import Score, Told, score, sightings
from benchmarks.incident_world import Path, Thing, standing
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import PositionKind
from scenes.frame import LocalFrame

FRAME = LocalFrame(latitude_deg=LATITUDE_DEG, longitude_deg=LONGITUDE_DEG, hae_m=HAE_M)
NEAR, ALSO_NEAR, FAR = (10.0, 0.0), (40.0, 0.0), (400.0, 0.0)


def thing(number: int, path: Path) -> Thing:
    return Thing(number=number, category="car", behaviour="parked", path=path)


def look(time_s: float, *, truth: Sequence[int], in_view: Sequence[int], copy_of: str = "") -> Look:
    places = {0: NEAR, 1: ALSO_NEAR, 2: FAR, CLUTTER: (0.0, 50.0)}
    points = []
    for one in truth:
        latitude, longitude, _ = FRAME.to_geodetic([*places[one], 0.0])
        points.append(
            GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=float(latitude),
                longitude_deg=float(longitude),
                covariance_enu_m2=np.eye(3),
            )
        )
    return Look(
        imagery_id=f"{time_s}",
        flight="a-1",
        contributor="GHA",
        taken_s=time_s,
        arrives_s=time_s,
        tells_time=True,
        footprint_lonlat=None,
        ground=tuple(points),
        categories=("car",) * len(truth),
        confidence=np.full(len(truth), 0.8),
        xyxy=np.zeros((len(truth), 4)),
        truth=np.array(truth, np.intp),
        in_view=frozenset(in_view),
        copy_of=copy_of,
    )


def day(looks: Sequence[Look]) -> Day:
    things = [
        thing(number, standing(place, 0.0, 1e5))
        for number, place in enumerate((NEAR, ALSO_NEAR, FAR))
    ]
    site = Site(
        site_id="base", kind=PositionKind.BASE, path=standing((0.0, 0.0), 0.0, 1e5), radius_m=100.0
    )
    return Day(
        number=0,
        area=Area(name="test", sites=(site,), things=things, flights=()),
        ground=make_ground(np.random.default_rng(1), FRAME, 100.0, 0.0),
        looks=tuple(looks),
    )


def told(name: str, *truth: int, raised: bool = False) -> Told:
    return Told(alert_id=name, position_id="base", truth=truth, raised=raised)


def scored(played: Day, done: Sequence[tuple[int, Told]]) -> Score:
    seen = sightings(played, 0.4)
    return score(played, seen, [(played.looks[index], one) for index, one in done])


THREE = [look(time_s, truth=[0], in_view=[0]) for time_s in (10.0, 12.0, 14.0)]


def test_one_incident_of_one_thing_is_one_alert() -> None:
    found = scored(day(THREE), [(1, told("a", 0, raised=True)), (2, told("a", 0))])
    assert (found.alerts, found.alerted, found.missed) == (1, 1, 0)
    assert found.delays_s == [2.0]


def test_a_second_incident_of_one_thing_counts_twice() -> None:
    found = scored(day(THREE), [(0, told("a", 0, raised=True)), (2, told("b", 0, raised=True))])
    assert found.figures()["alerts_per_threat"] == 2.0


def test_an_incident_that_comes_back_alerts_again() -> None:
    found = scored(day(THREE), [(0, told("a", 0, raised=True)), (2, told("a", 0, raised=True))])
    assert (found.alerts, found.alerted) == (2, 1)


def test_three_detections_untold_are_a_miss_and_two_are_not() -> None:
    assert scored(day(THREE), []).missed == 1
    assert scored(day(THREE[:2]), []).missed == 0


def test_a_copy_of_a_frame_is_no_further_detection() -> None:
    twice = [*THREE[:2], replace(THREE[1], imagery_id="again", copy_of=THREE[1].imagery_id)]
    assert scored(day(twice), []).missed == 0


def test_what_is_outside_the_radius_is_no_threat_and_no_false_incident() -> None:
    outside = [look(time_s, truth=[2], in_view=[2]) for time_s in (10.0, 12.0, 14.0)]
    found = scored(day(outside), [(0, told("a", 2, raised=True))])
    assert (found.missed, found.alerts, found.outside, found.false_alerts) == (0, 0, 1, 0)


def test_an_incident_of_nothing_is_false() -> None:
    empty = [look(10.0, truth=[CLUTTER], in_view=[])]
    found = scored(day(empty), [(0, told("a", CLUTTER, raised=True))])
    assert (found.false_alerts, found.alerts) == (1, 0)


def test_what_is_taken_for_something_three_times_is_counted() -> None:
    empty = [look(time_s, truth=[CLUTTER], in_view=[]) for time_s in (10.0, 12.0, 14.0)]
    played = day(empty)
    near = replace(
        played.ground,
        clutter_m=np.array([[0.0, 50.0]]),
        clutter_group=np.array(["vehicle"]),
        clutter_logit=np.zeros(1),
    )
    assert scored(replace(played, ground=near), []).clutter == 1
    assert scored(replace(played, ground=near, looks=played.looks[:2]), []).clutter == 0


def test_one_incident_does_not_tell_of_two_things() -> None:
    both = [look(time_s, truth=[0, 1], in_view=[0, 1]) for time_s in (10.0, 12.0, 14.0, 16.0)]
    one = [(0, told("a", 0, raised=True)), *[(index, told("a", 0, 1)) for index in (1, 2, 3)]]
    assert scored(day(both), one).missed == 1
    swapped = [
        (0, told("a", 0, raised=True)),
        (0, told("b", 0, raised=True)),
        *[(index, told("a", 0)) for index in (1, 2)],
        *[(index, told("b", 1)) for index in (1, 2, 3)],
    ]
    assert scored(day(both), swapped).missed == 0


def test_a_point_in_a_circle_alerts_on_every_detection() -> None:
    near = measured(day(THREE))
    found = list(point_in_circle(near, Setting(min_confidence=0.4, margin_m=0.0)))
    assert len(found) == 3
    assert not list(point_in_circle(near, Setting(min_confidence=0.9, margin_m=0.0)))
    outside = measured(day([look(10.0, truth=[2], in_view=[2])]))
    assert not list(point_in_circle(outside, Setting(min_confidence=0.4, margin_m=299.0)))
    assert list(point_in_circle(outside, Setting(min_confidence=0.4, margin_m=301.0)))


@pytest.mark.parametrize(("cooldown_s", "alerts"), [(0.0, 3), (3.0, 2), (60.0, 1)])
def test_a_zone_is_quiet_while_it_cools_down(cooldown_s: float, alerts: int) -> None:
    near: list[Near] = measured(day(THREE))
    setting = Setting(min_confidence=0.4, margin_m=0.0, cooldown_s=cooldown_s)
    assert len(list(zones_with_cooldown(near, setting))) == alerts
