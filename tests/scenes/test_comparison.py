from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyproj import Geod

from scenes.comparison import Claim, compare, pair, things_within
from scenes.outpost import LATITUDE_DEG, LONGITUDE_DEG, RADIUS_M, flight, outpost, phantom
from scenes.scorecard import Alarm, Scorecard
from scenes.sortie import Frame, Sortie
from scenes.truth import boxes_of

WORLD, CAMERA = outpost(), phantom(640)
GEOD = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def sortie() -> Sortie:
    shots = flight(WORLD, datetime(2026, 11, 24, tzinfo=UTC))[:1]
    frames = [
        Frame(
            shot=shot,
            written=shot.viewpoint,
            jpeg=b"",
            boxes=boxes_of(WORLD, CAMERA, shot.viewpoint),
        )
        for shot in shots
    ]
    return Sortie(world=WORLD, camera=CAMERA, frames=tuple(frames))


def claim_of(sortie: Sortie, thing_id: str, off_m: float, ce90_m: float) -> Claim:
    (box,) = (one for one in sortie.frames[0].boxes if one.thing_id == thing_id)
    (thing,) = (one for one in sortie.things if one.thing_id == thing_id)
    longitude, latitude, _ = GEOD.fwd(thing.longitude_deg, thing.latitude_deg, 77.0, off_m)
    return Claim(
        file_name=sortie.frames[0].shot.file_name,
        category=thing.category,
        confidence=0.8,
        xyxy_px=box.xyxy_px,
        latitude_deg=latitude,
        longitude_deg=longitude,
        ce90_m=ce90_m,
    )


def test_errors_misses_and_inventions_are_told_apart(sortie: Sortie) -> None:
    good = claim_of(sortie, "near-2-car", 0.7, 3.0)
    bad = claim_of(sortie, "near-3-truck", 5.0, 3.0)
    again = replace(good, confidence=0.5)
    invented = replace(good, xyxy_px=(5.0, 5.0, 40.0, 30.0))
    comparison = compare(sortie, [again, invented, bad, good])
    by_id = {case.thing.thing_id: case for case in comparison.cases}
    assert by_id["near-2-car"].error_m == pytest.approx(0.7, abs=1e-3)
    assert by_id["near-2-car"].inside is True
    assert by_id["near-3-truck"].error_m == pytest.approx(5.0, abs=1e-3)
    assert by_id["near-3-truck"].inside is False
    assert by_id["near-1-car"].claim is None
    assert comparison.false_claims == (invented,)
    assert comparison.cut == (again,)
    assert comparison.inside_share == 0.5
    assert comparison.median_error_m == pytest.approx(2.85, abs=1e-3)
    assert comparison.of(frozenset({"near-2-car"})).inside_share == 1.0


def test_nothing_located_meets_no_goal(sortie: Sortie) -> None:
    empty = compare(sortie, [])
    assert empty.inside_share == 0.0
    assert empty.median_error_m == float("inf")


def test_the_planted_threats_are_those_near_the_post(sortie: Sortie) -> None:
    threats = things_within(sortie, LATITUDE_DEG, LONGITUDE_DEG, RADIUS_M)
    assert {thing.thing_id for thing in threats} == {
        thing.thing_id for thing in WORLD.things if thing.thing_id.startswith("near")
    }
    assert len(threats) == 7


def test_places_pair_one_to_one_with_things(sortie: Sortie) -> None:
    threats = things_within(sortie, LATITUDE_DEG, LONGITUDE_DEG, RADIUS_M)
    places = [(one.latitude_deg, one.longitude_deg, 3.0) for one in threats]
    assert pair(threats, places) == {index: thing.thing_id for index, thing in enumerate(threats)}
    # A second place at the first thing finds it taken, and one far off finds nothing.
    doubled = pair(threats, [places[0], places[0], (LATITUDE_DEG + 0.01, LONGITUDE_DEG, 3.0)])
    assert list(doubled.values()) == [threats[0].thing_id]


def card(sortie: Sortie, claims: list[Claim], alarms: tuple[Alarm, ...]) -> Scorecard:
    return Scorecard(
        sortie=sortie,
        post=(LATITUDE_DEG, LONGITUDE_DEG),
        radius_m=RADIUS_M,
        comparison=compare(sortie, claims),
        alarms=alarms,
    )


def test_goals_are_met_by_the_truth_and_missed_by_what_falls_short(sortie: Sortie) -> None:
    near = [thing.thing_id for thing in WORLD.things if thing.thing_id.startswith("near")]
    good = [claim_of(sortie, thing_id, 0.4, 3.0) for thing_id in near]
    alarms = tuple(
        Alarm(
            latitude_deg=one.latitude_deg or 0.0,
            longitude_deg=one.longitude_deg or 0.0,
            ce90_m=3.0,
            level="alert",
        )
        for one in good
    )
    assert [goal.met for goal in card(sortie, good, alarms).goals] == [True, True, True]
    # One incident too few, and one too many.
    assert [goal.met for goal in card(sortie, good, alarms[1:]).goals] == [True, True, False]
    assert not card(sortie, good, (*alarms, alarms[0])).goals[2].met
    # Ellipses too small for the errors, then errors too large.
    boastful = [replace(one, ce90_m=0.2) for one in good]
    assert [goal.met for goal in card(sortie, boastful, alarms).goals] == [False, True, True]
    far_off = [claim_of(sortie, thing_id, 1.5, 3.0) for thing_id in near]
    assert [goal.met for goal in card(sortie, far_off, alarms).goals] == [True, False, True]
    assert not any(goal.met for goal in card(sortie, [], ()).goals)


def test_the_table_has_a_row_for_each_thing_and_says_what_was_raised(sortie: Sortie) -> None:
    claims = [claim_of(sortie, "near-2-car", 0.4, 3.0)]
    alarm = Alarm(
        latitude_deg=claims[0].latitude_deg or 0.0,
        longitude_deg=claims[0].longitude_deg or 0.0,
        ce90_m=3.0,
        level="alert",
    )
    scored = card(sortie, claims, (alarm,))
    lines = scored.markdown_lines()
    assert len(lines) == 2 + len(WORLD.things)
    (row,) = (line for line in lines if line.startswith("| near-2-car "))
    # 1.8 m right of the road's middle line, 12 m along it; the post lies 9 m north of that line.
    assert row == "| near-2-car | 10.8 | 1 | 1 | 0.40 | 0.40 | 3.0-3.0 | 1/1 | alert |"
    assert len({len(line) for line in scored.text_lines()}) == 1
    assert scored.figures()["threats_raised"] == ["near-2-car"]
