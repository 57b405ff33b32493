from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyproj import Geod

from scenes.comparison import Claim, compare, pair, things_within
from scenes.outpost import LATITUDE_DEG, LONGITUDE_DEG, RADIUS_M, flight, outpost, phantom
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
