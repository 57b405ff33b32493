from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.threats.incidents.incident import (
    INCIDENT_HOLD,
    ChangeKind,
    IncidentState,
    incident_id,
)
from pipelines.threats.proximity.weighing import Level, weigh
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from tests.pipelines.threats.incidents.watched_base import (
    BASE,
    NOON,
    Book,
    offset,
    play,
    point,
    see,
)


def test_the_first_sighting_raises_with_a_name_that_repeats() -> None:
    frame = see((100.0, 0.0))
    (change,) = Book().add(frame, "i0", NOON)
    again = Book().add(frame, "i0", NOON)
    assert change.kind is ChangeKind.RAISED
    assert repr(change.incident) == repr(again[0].incident)
    assert change.incident.state is IncidentState.OPEN
    assert (change.incident.sighting_count, change.incident.revision) == (1, 1)
    assert change.incident.first_seen_at == change.incident.last_seen_at == NOON
    other = Book().add(frame, "i1", NOON)
    assert other[0].incident.incident_id != change.incident.incident_id


@pytest.mark.parametrize("seconds", [2.0, None])
def test_one_object_in_many_frames_is_one_incident(seconds: float | None) -> None:
    frames = [see((100.0 + 3 * math.sin(n), 2 * math.cos(n))) for n in range(12)]
    (incident,) = play(*frames, seconds=seconds)
    assert incident.sighting_count == 12
    assert incident.revision == 12
    assert incident.imagery_id == "i11"
    east, north = offset(incident)
    assert math.hypot(east - 100.0, north) < 4.0
    if seconds:
        assert incident.first_seen_at == NOON
        assert incident.last_seen_at == NOON + timedelta(seconds=22)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (4.0, 0.0), (7.0, -6.0), (-9.0, 3.0)])
@pytest.mark.parametrize("gap", [4.0, 5.0, 8.0])
def test_a_row_shifted_by_a_common_pose_error_stays_as_many_as_it_was(
    shift: tuple[float, float], gap: float
) -> None:
    row = [(100.0 + gap * n, 50.0) for n in range(10)]
    moved = [(east + shift[0], north + shift[1]) for east, north in row]
    known = play(see(*row), see(*moved))
    assert len(known) == 10
    assert {it.sighting_count for it in known} == {2}
    # Each took its own: the detections of both frames stand in the same order.
    for incident in known:
        raised = next(
            n for n in range(10) if incident.incident_id == incident_id("i0", see(*row)[n])
        )
        assert incident.best.detection_index == raised


def test_a_row_shifted_by_exactly_one_gap_does_not_lie_on_itself() -> None:
    row = [(100.0 + 8.0 * n, 50.0) for n in range(10)]
    known = play(see(*row), see(*((east + 8.0, north) for east, north in row)))
    assert len(known) == 10
    assert {it.sighting_count for it in known} == {2}


def test_two_side_by_side_are_two_and_one_missed_does_not_cost_its_name() -> None:
    pair = ((100.0, 0.0), (103.0, 0.0))
    known = play(see(*pair), see(pair[0]), see(*((e + 2.0, n + 1.0) for e, n in pair)))
    assert len(known) == 2
    assert sorted(it.sighting_count for it in known) == [2, 3]


def test_a_new_object_beside_a_known_one_is_raised() -> None:
    known = play(see((100.0, 0.0)), see((100.0, 0.0), (108.0, 0.0)))
    assert sorted(it.sighting_count for it in known) == [1, 2]


def test_a_vehicle_by_another_name_is_the_same_and_a_person_is_not() -> None:
    known = play(
        see((100.0, 0.0), category="car", confidence=0.6),
        see((101.0, 0.0), category="truck", confidence=0.7),
        see((100.5, 0.0), category="van", confidence=0.5),
    )
    assert [(it.sighting_count, it.best.category, it.best.confidence) for it in known] == [
        (3, "truck", 0.7)
    ]
    assert len(play(see((100.0, 0.0)), see((100.0, 0.0), category="person"))) == 2


def test_a_moving_vehicle_is_followed() -> None:
    drive = [see((100.0 + 10.0 * 2 * n, 0.0), sigma=2.0) for n in range(6)]
    (incident,) = play(*drive)
    assert incident.sighting_count == 6
    assert offset(incident)[0] == pytest.approx(200.0, abs=2.0)
    walk = [see((100.0 + 1.5 * 2 * n, 0.0), category="person", sigma=1.0) for n in range(6)]
    assert len(play(*walk)) == 1


def test_what_nobody_could_have_walked_or_driven_is_another() -> None:
    apart = [see((100.0 + 30.0 * n, 0.0), category="person", sigma=2.0) for n in range(3)]
    assert len(play(*apart)) == 3
    # Frames along a road that do not show the same ground, minutes apart or at unknown times: a
    # parked vehicle in each is not one that drove on.
    for seconds in (2.0, 120.0, None):
        road = [see((100.0 + 40.0 * n, 0.0), sigma=2.0) for n in range(5)]
        assert len(play(*road, seconds=seconds)) == 5


def test_repeated_sightings_do_not_shrink_the_ellipse_below_one() -> None:
    known = play(*(see((100.0, 0.0)) for _ in range(30)))
    ground = known[0].best.ground
    assert ground.covariance_enu_m2 is not None
    assert ground.ce90_m == pytest.approx(2.1460 * 5.0, rel=1e-3)
    assert np.allclose(ground.covariance_enu_m2[:2, :2], 25.0 * np.eye(2))


def test_the_stated_ellipse_holds_its_share_when_errors_are_common() -> None:
    # Three frames with one constant bias of 5 m sigma and little of their own: the 90 % circle
    # must hold the truth in about 90 % of runs. Averaging as if independent would hold far fewer.
    rng = np.random.default_rng(2)
    held = 0
    runs = 60
    for _ in range(runs):
        bias = rng.normal(0.0, 5.0, 2)
        frames = [
            see(tuple(np.array([100.0, 0.0]) + bias + rng.normal(0.0, 1.0, 2))) for _ in range(3)
        ]
        (incident,) = play(*frames)
        east, north = offset(incident)
        ce90 = incident.best.ground.ce90_m
        assert ce90 is not None
        held += math.hypot(east - 100.0, north) <= ce90
    assert 0.80 <= held / runs <= 0.98


def test_two_long_ellipses_across_each_other_make_a_small_one() -> None:
    long_east, long_north = np.diag([400.0, 4.0]), np.diag([4.0, 400.0])
    frames = []
    for cov, place in ((long_east, (115.0, 0.5)), (long_north, (100.5, -12.0))):
        frames.append(weigh([point(*place, cov)], ["car"], [0.8], [BASE], [DEFAULT_RULE]))
    (incident,) = play(*frames, seconds=0.0)
    ground = incident.best.ground
    assert ground.covariance_enu_m2 is not None
    # Covariance intersection of equal weights: twice the parallel sum, here near 2 x 4 m2.
    assert np.all(np.diag(ground.covariance_enu_m2)[:2] < 15.0)
    east, north = offset(incident)
    assert abs(east - 100.5) < 1.0
    assert abs(north - 0.5) < 1.0


def test_range_bearing_and_probability_are_of_the_fused_place() -> None:
    patrol = replace(BASE, sigma_m=30.0)
    frames = [see((300.0, 390.0), positions=[patrol]), see((304.0, 396.0), positions=[patrol])]
    (incident,) = play(*frames, positions=[patrol])
    best = incident.best
    east, north = offset(incident)
    assert best.range_m == pytest.approx(math.hypot(east, north), abs=1e-4)
    assert best.bearing_deg == pytest.approx(math.degrees(math.atan2(east, north)), abs=1e-5)
    (again,) = weigh([best.ground], ["car"], [0.8], [patrol], [DEFAULT_RULE])
    assert best.probability == pytest.approx(again.probability, abs=1e-6)
    assert best.range_low_m == pytest.approx(again.range_low_m, abs=1e-3)
    assert best.range_high_m == pytest.approx(again.range_high_m, abs=1e-3)


def test_possible_becomes_alert_once_and_does_not_fall_by_a_few_looks_at_no_known_time() -> None:
    frames = [see((0.0, north)) for north in (505.0, 497.0, 504.0, 505.0)]
    assert [frame[0].level for frame in frames] == [
        Level.POSSIBLE,
        Level.ALERT,
        Level.POSSIBLE,
        Level.POSSIBLE,
    ]
    book = Book()
    kinds = [
        change.kind
        for index, frame in enumerate(frames)
        for change in book.add(frame, f"i{index}", None)
    ]
    assert kinds == [
        ChangeKind.RAISED,
        ChangeKind.ESCALATED,
        ChangeKind.UPDATED,
        ChangeKind.UPDATED,
    ]
    assert book.incidents[0].best.level is Level.ALERT


def test_several_rules_on_one_object_make_one_incident_of_the_highest() -> None:
    near = replace_rule(rule_id="near", radius_m=90.0)
    far = replace_rule(rule_id="far", radius_m=2000.0)
    (change,) = Book(rules=[near, far]).add(see((97.0, 0.0), rules=[near, far]), "i0", None)
    assert change.incident.best.rule_id == "far"
    assert change.incident.best.level is Level.ALERT


def replace_rule(**changes: object) -> Rule:
    return Rule(**({name: getattr(DEFAULT_RULE, name) for name in Rule.__slots__} | changes))


def test_one_object_near_two_positions_is_one_incident_that_tells_of_both() -> None:
    second = replace(BASE, position_id="second", latitude_deg=4.001)
    (known,) = play(
        *(see((100.0, 50.0), positions=[BASE, second]) for _ in range(3)), positions=[BASE, second]
    )
    # 100 m from the one and, 111 m further north, 117 m from the other.
    assert known.position_ids == ("base", "second")
    assert known.sighting_count == 3


def test_the_same_frame_again_changes_nothing() -> None:
    frame = see((100.0, 0.0), (104.0, 0.0), (200.0, 90.0))
    book = Book()
    assert len(book.add(frame, "i0", NOON)) == 3
    assert book.add(frame, "i0", NOON) == ()


def test_a_frame_that_arrives_late_keeps_the_newer_place() -> None:
    book = Book()
    book.add(see((100.0, 0.0), sigma=2.0), "i0", NOON)
    late = see((85.0, 0.0), sigma=2.0)
    (change,) = book.add(late, "late", NOON - timedelta(seconds=3))
    found = change.incident
    assert found.imagery_id == "i0"
    assert found.first_seen_at == NOON - timedelta(seconds=3)
    assert found.last_seen_at == NOON
    assert offset(found)[0] == pytest.approx(100.0, abs=1.0)


def test_after_the_hold_the_object_is_a_new_one() -> None:
    for gap, kind in (
        (INCIDENT_HOLD, ChangeKind.UPDATED),
        (INCIDENT_HOLD + timedelta(seconds=1), ChangeKind.RAISED),
    ):
        book = Book()
        book.add(see((100.0, 0.0)), "i0", NOON)
        (change,) = book.add(see((100.0, 0.0)), "x", NOON + gap)
        assert change.kind is kind


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Book().add((), "i", datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose


coordinate = st.tuples(
    st.floats(-400.0, 400.0, allow_nan=False), st.floats(-400.0, 400.0, allow_nan=False)
)
frames_of_objects = st.lists(
    # Nearer than that, two detections of one kind in one frame are one object.
    st.lists(coordinate, min_size=1, max_size=6).filter(
        lambda them: all(math.dist(*pair) > 2.5 for pair in itertools.combinations(them, 2))
    ),
    min_size=1,
    max_size=4,
)


@given(frames=frames_of_objects, seed=st.integers(0, 10_000))
# The second object of the second frame may be that of the first, which has to be somewhere.
@example(frames=[[(0.0, 0.0), (66.0, 0.0)], [(0.0, 0.0), (42.0, 0.0)]], seed=0)
@settings(max_examples=40, deadline=None)
def test_whatever_is_seen_the_invariants_hold(
    frames: list[list[tuple[float, float]]], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - an order that repeats, no secret
    book, shuffled = Book(), Book()
    for index, places in enumerate(frames):
        frame = see(*places)
        at = NOON + timedelta(seconds=2 * index)
        before = {it.incident_id: it for it in book.incidents}
        withheld_before = book.withheld
        changes = book.add(frame, f"i{index}", at)
        shuffled.watch = replace(
            shuffled.watch,
            tracks=shuffle(shuffled.watch.tracks, chance),
            incidents=shuffle(shuffled.watch.incidents, chance),
        )
        mixed = shuffled.add(chance.sample(frame, len(frame)), f"i{index}", at)
        # `==` of a change compares arrays inside; their text tells every field.
        assert repr(mixed) == repr(changes)
        # Every detection changed one incident, its own, or is counted once as not shown.
        withheld = book.withheld - withheld_before
        changed = {it.incident.incident_id for it in changes}
        assert len(changes) + withheld == len(frame)
        assert len(changed) == len(changes)
        # A look is held back only for an incident whose object the frame does not show elsewhere.
        assert withheld <= len(before.keys() - changed)
        for change in changes:
            old = before.get(change.incident.incident_id)
            assert (old is None) == (change.kind is ChangeKind.RAISED)
            if old is not None:
                assert change.incident.revision == old.revision + 1
                assert change.incident.sighting_count == old.sighting_count + 1
                assert not (old.best.level is Level.ALERT > change.incident.best.level)
        assert book.add(frame, f"i{index}", at) == ()
        assert book.withheld == withheld_before + withheld


Value = TypeVar("Value")


def shuffle(table: Mapping[str, Value], chance: random.Random) -> dict[str, Value]:
    return {name: table[name] for name in chance.sample(sorted(table), len(table))}


@given(
    count=st.integers(1, 12),
    seed=st.integers(0, 10_000),
    bias=st.tuples(st.floats(-8.0, 8.0), st.floats(-8.0, 8.0)),
)
@settings(max_examples=25, deadline=None)
def test_n_objects_are_n_incidents_under_any_common_pose_error(
    count: int, seed: int, bias: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    objects: list[NDArray[np.float64]] = []
    while len(objects) < count:
        spot = rng.uniform(-60.0, 60.0, 2)
        # Nearer than a vehicle is long, two detections of one frame are one vehicle.
        if all(np.hypot(*(spot - other)) > 4.5 for other in objects):
            objects.append(spot)
    frames = [
        see(*(tuple(it) for it in np.array(objects) + shift + rng.normal(0.0, 0.5, (count, 2))))
        for shift in ((0.0, 0.0), bias)
    ]
    assert len(play(*frames)) == count
