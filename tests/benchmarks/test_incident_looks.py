"""The simulated frames hold what they claim: places, errors, recalls and false alarms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import incident_rates as rates
from benchmarks.incident_areas import RTK
from benchmarks.incident_flights import TELE, WIDE, Course, Flight, mapping, stare, transit
from benchmarks.incident_looks import CLUTTER, Ground, Look, look_at, make_ground
from benchmarks.incident_world import Cast, standing
from pipelines.ground import GroundPoint
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from scenes.frame import LocalFrame

FRAME = LocalFrame(latitude_deg=13.6, longitude_deg=2.1, hae_m=220.0)


def flight(course: Course, **changed: Any) -> Flight:
    kind: dict[str, Any] = {"lens": WIDE, "thermal": False, **changed}
    return Flight(
        name="flight",
        contributor="GHA",
        time_s=course.time_s,
        place_m=course.place_m,
        yaw_deg=course.yaw_deg,
        pitch_deg=course.pitch_deg,
        **kind,
    )


def enu_m(ground: Ground, point: GroundPoint) -> NDArray[np.float64]:
    """(2,) east and north of a place."""
    place = np.array([point.latitude_deg, point.longitude_deg, FRAME.hae_m], np.float64)
    return ground.frame.from_geodetic(place)[:2]


def bare(seed: int = 1) -> Ground:
    """Level ground on which nothing is taken for anything."""
    ground = make_ground(np.random.default_rng(seed), FRAME, 400.0, 0.0)
    return replace(
        ground,
        clutter_m=ground.clutter_m[:0],
        clutter_group=ground.clutter_group[:0],
        clutter_logit=ground.clutter_logit[:0],
    )


def parked(category: str, places: list[tuple[float, float]]) -> Cast:
    cast = Cast(chance=np.random.default_rng(3))
    for place in places:
        cast.add(category, "parked", standing(place, 0.0, 90_000.0))
    return cast


def errors_m(ground: Ground, cast: Cast, looks: list[Look]) -> np.ndarray:
    """(N, 2) distance of each placed detection from its thing, and its CE90."""
    rows = []
    for look in looks:
        for point, truth in zip(look.ground, look.truth, strict=True):
            away = enu_m(ground, point) - cast.things[truth].path.at(look.taken_s)
            rows.append((float(np.hypot(*away)), point.ce90_m))
    return np.array(rows)


GRID = [(float(east), float(north)) for east in (-60, 0, 60) for north in (-60, 0, 60)]


def test_without_errors_every_place_is_that_of_its_thing() -> None:
    exact = replace(
        DEFAULT_SIGMAS,
        horizontal_m=0.0,
        vertical_m=0.0,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
    )
    ground, cast = bare(), parked("car", GRID)
    course = stare((0.0, 0.0), 100.0, 60.0, from_deg=120.0, away_m=200.0, height_m=100.0)
    looks = look_at(
        ground,
        cast.things,
        flight(course, lens=TELE, sigmas=exact, error_scale=0.0),
        np.random.default_rng(1),
    )
    first = [look for look in looks if len(set(look.truth)) == len(look.truth)]
    away = errors_m(ground, cast, first)[:, 0]
    assert len(away) > 50
    assert away.max() < 0.02


@pytest.mark.parametrize(("scale", "low", "high"), [(1.0, 0.86, 0.95), (1.5, 0.60, 0.77)])
def test_true_errors_are_as_large_as_stated_or_as_much_larger_as_asked(
    scale: float, low: float, high: float
) -> None:
    # Each flight has one error for all its frames: many short ones tell, one long one does not.
    inside = []
    course = mapping((0.0, 0.0), 120.0, 100.0, height_m=100.0, lines_m=60.0)
    for seed in range(40):
        ground, cast = bare(seed), parked("car", GRID)
        terrain = make_ground(np.random.default_rng(seed), FRAME, 10.0, DEFAULT_SIGMAS.terrain_m)
        ground = replace(ground, waves=terrain.waves)
        looks = look_at(
            ground, cast.things, flight(course, error_scale=scale), np.random.default_rng(seed)
        )
        away, ce90 = errors_m(ground, cast, looks).T
        inside.append(np.mean(away <= ce90))
    assert low < np.mean(inside) < high


def test_recall_follows_what_was_measured_for_the_size() -> None:
    # From 90 m a car is 94 pixels long: vehicles of 64 pixels and more were found
    # 0.93 of the time at 0.15, 0.90 at 0.25.
    ground, cast = bare(), parked("car", GRID * 20)
    course = stare((0.0, 0.0), 100.0, 40.0, from_deg=0.0, away_m=5.0, height_m=90.0)
    looks = look_at(ground, cast.things, flight(course), np.random.default_rng(1))
    shown = sum(len(look.in_view) for look in looks)
    found = [set(look.truth.tolist()) for look in looks]
    sure = [set(look.truth[look.confidence >= 0.25].tolist()) for look in looks]
    assert shown > 800
    assert sum(map(len, found)) / shown == pytest.approx(0.93, abs=0.06)
    assert sum(map(len, sure)) / shown == pytest.approx(0.90, abs=0.04)


def test_false_alarms_a_square_kilometre_are_those_measured() -> None:
    looks, area_km2 = [], 0.0
    course = mapping((0.0, 0.0), 600.0, 100.0, height_m=40.0, lines_m=600.0)
    for seed in range(30):
        ground = make_ground(np.random.default_rng(seed), FRAME, 400.0, 0.0)
        person = Cast(chance=np.random.default_rng(3))
        person.add("person", "parked", standing((5000.0, 0.0), 0.0, 90_000.0))
        looks += look_at(ground, person.things, flight(course), np.random.default_rng(seed))
        area_km2 += len(course.time_s) * (40.0 / 3000.0) ** 2 * 4000 * 3000 / 1e6
    truth = np.concatenate([look.truth for look in looks])
    confidence = np.concatenate([look.confidence for look in looks])
    assert (truth <= CLUTTER).all()
    density = sum(rates.FALSE_PER_KM2.values())
    assert len(truth) / area_km2 == pytest.approx(density, rel=0.15)
    assert np.mean(confidence >= 0.25) == pytest.approx(0.48, abs=0.06)
    assert np.mean(confidence >= 0.4) == pytest.approx(0.16, abs=0.06)


def test_false_alarms_come_back_at_the_same_places() -> None:
    ground = make_ground(np.random.default_rng(1), FRAME, 400.0, 0.0)
    there_and_back = np.array([(-300.0, 0.0), (300.0, 0.0)] * 3)
    course = transit(there_and_back, 100.0, height_m=80.0, speed_m_s=10.0, pitch_deg=-90.0)
    far = Cast(chance=np.random.default_rng(3))
    far.add("person", "parked", standing((5000.0, 0.0), 0.0, 90_000.0))
    quiet = flight(course, sigmas=RTK, error_scale=0.0)
    looks = look_at(ground, far.things, quiet, np.random.default_rng(1))
    truth = np.concatenate([look.truth for look in looks])
    places = np.array([enu_m(ground, point) for look in looks for point in look.ground])
    away = np.linalg.norm(places - ground.clutter_m[CLUTTER - truth], axis=1)
    assert np.median(away) < 0.3
    _, counts = np.unique(truth, return_counts=True)
    assert len(places) > 30
    # Five passes with some five frames each: were they drawn anew, hardly any would come back.
    assert len(counts) < len(places) / 3
    assert counts.max() >= 10


def test_the_same_seed_is_the_same_flight() -> None:
    ground, cast = bare(), parked("van", GRID)
    course = stare((0.0, 0.0), 100.0, 20.0, from_deg=30.0, away_m=150.0, height_m=80.0)
    first, second = (
        look_at(ground, cast.things, flight(course), np.random.default_rng(5)) for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        assert one.categories == other.categories
        assert one.confidence.tolist() == other.confidence.tolist()
        assert [it.latitude_deg for it in one.ground] == [it.latitude_deg for it in other.ground]
