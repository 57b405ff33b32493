from __future__ import annotations

import math
from dataclasses import fields, replace
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from pipelines.threats.positions.patrols import PatrolReport, aged_sigma_m, patrol_at, report_faults
from pipelines.threats.positions.position import DEFAULT_AGING, Aging, Position, PositionKind
from pipelines.threats.positions.shapes import Line
from pipelines.threats.rules.requirements import Hours

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGING = Aging(speed_m_s=2.0, max_sigma_m=500.0, max_age_s=1800.0)
PATROL = Position(
    position_id="patrol-3",
    display_name="Patrol 3",
    kind=PositionKind.PATROL,
    latitude_deg=4.0,
    longitude_deg=31.0,
    sigma_m=150.0,
    aging=AGING,
)


def report(minutes: float, east_m: float = 0.0, sigma_m: float = 10.0) -> PatrolReport:
    longitude, latitude, _ = GEOD.fwd(31.0, 4.0, 90.0, east_m)
    return PatrolReport(
        reported_at=NOON + timedelta(minutes=minutes),
        latitude_deg=latitude,
        longitude_deg=longitude,
        sigma_m=sigma_m,
    )


def at(minutes: float, *reports: PatrolReport, patrol: Position = PATROL) -> Position | None:
    return patrol_at(patrol, reports, NOON + timedelta(minutes=minutes))


def east_m(position: Position) -> float:
    *_, distance = GEOD.inv(31.0, 4.0, position.longitude_deg, position.latitude_deg)
    return float(distance)


def test_without_reports_it_is_where_the_position_says() -> None:
    assert at(0.0) == PATROL
    assert patrol_at(PATROL, (), None) == PATROL


def test_wherever_it_is_it_stays_what_it_is_but_for_its_place() -> None:
    patrol = replace(
        PATROL,
        radius_m=321.0,
        shape=Line(vertices_lonlat=((31.0, 4.0), (31.1, 4.0)), buffer_m=5.0),
        reported_at=NOON - timedelta(days=1),
        valid_from=NOON - timedelta(days=2),
        valid_until=NOON + timedelta(days=2),
        use_times=(Hours(start=time(6), end=time(18)),),
        revision=7,
    )
    # One that had its default here would show nothing.
    assert all(getattr(patrol, it.name) != it.default for it in fields(Position))
    place = {"latitude_deg", "longitude_deg", "sigma_m", "reported_at"}
    rest = [it.name for it in fields(Position) if it.name not in place]
    for reports in ([report(0.0)], [report(0.0), report(2.0, 50.0)]):
        found = at(1.0, *reports, patrol=patrol)
        assert [getattr(found, name) for name in rest] == [getattr(patrol, name) for name in rest]


def test_after_the_last_report_the_error_grows_to_its_cap_until_nobody_knows() -> None:
    found = [at(minutes, report(0.0)) for minutes in (0.0, 1.0, 5.0, 29.0, 31.0)]
    assert found[4] is None
    # 60 s at 2 m/s are 120 m in an unknown direction: 85 m on each axis.
    wanted = [10.0, math.hypot(10.0, 84.8528), math.hypot(10.0, 424.264), 500.0]
    assert [it.sigma_m for it in found if it is not None] == pytest.approx(wanted, rel=1e-5)
    assert all(it.reported_at == NOON for it in found if it is not None)
    # Before the first it is the same.
    before = at(-1.0, report(0.0))
    assert before is not None
    assert before.sigma_m == pytest.approx(wanted[1], rel=1e-5)


def test_who_moves_by_a_step_in_any_direction_has_that_error() -> None:
    turn = np.random.default_rng(4).uniform(0.0, 2.0 * math.pi, 200_000)
    east = np.random.default_rng(5).normal(0.0, 10.0, 200_000) + 240.0 * np.cos(turn)
    assert aged_sigma_m(10.0, 120.0, AGING) == pytest.approx(float(east.std()), rel=0.01)


def test_between_two_reports_it_is_on_its_way() -> None:
    first, second = report(0.0, 0.0, 30.0), report(10.0, 900.0, 10.0)
    found = at(2.5, first, second)
    assert found is not None
    assert east_m(found) == pytest.approx(225.0, abs=1e-3)
    assert found.reported_at == NOON
    # 1,200 m it could have gone, 900 it had to.
    spare = 1.0 - (900.0 / 1200.0) ** 2
    detour = 2.0 / math.sqrt(2.0) * 150.0 * 450.0 / math.hypot(150.0, 450.0) * math.sqrt(spare)
    wanted = math.hypot(math.hypot(0.75 * 30.0, 0.25 * 10.0), detour)
    assert found.sigma_m == pytest.approx(wanted, rel=1e-6)
    later = at(9.0, first, second)
    assert later is not None
    assert later.reported_at == second.reported_at


def test_one_that_came_back_may_have_been_anywhere_in_between() -> None:
    # Evenly over the disc that it could have reached in half the time.
    found = at(5.0, report(0.0, sigma_m=1.0), report(10.0, sigma_m=1.0))
    assert found is not None
    rng = np.random.default_rng(6)
    radius = 600.0 * np.sqrt(rng.uniform(size=200_000))
    east = radius * np.cos(rng.uniform(0.0, 2.0 * math.pi, 200_000))
    assert found.sigma_m == pytest.approx(float(east.std()), rel=0.01)


def test_one_that_was_faster_than_it_is_said_to_be_came_straight() -> None:
    found = at(5.0, report(0.0, 0.0, 8.0), report(10.0, 5000.0, 8.0))
    assert found is not None
    assert found.sigma_m == pytest.approx(math.hypot(4.0, 4.0))
    assert east_m(found) == pytest.approx(2500.0, abs=1e-2)


def test_a_gap_is_unknown_where_it_is_farther_from_both_ends_than_reports_last() -> None:
    ends = (report(0.0), report(100.0))
    assert at(29.0, *ends) is not None
    assert at(50.0, *ends) is None
    assert at(75.0, *ends) is not None


def test_of_an_unknown_time_the_last_report_counts_with_the_largest_error() -> None:
    found = patrol_at(PATROL, (report(0.0), report(5.0, 400.0)), None)
    assert found is not None
    assert (round(east_m(found)), found.sigma_m) == (400, 500.0)


def test_a_patrol_that_states_no_aging_has_the_default() -> None:
    found = at(1.0, report(0.0), patrol=replace(PATROL, aging=None))
    assert found is not None
    assert found.sigma_m == pytest.approx(aged_sigma_m(10.0, 60.0, DEFAULT_AGING))


@given(
    minutes=st.floats(0.0, 10.0),
    apart=st.floats(0.0, 1500.0),
    sigmas=st.tuples(st.floats(0.1, 300.0), st.floats(0.1, 300.0)),
)
@settings(max_examples=200, deadline=None)
def test_knowing_the_next_report_never_makes_a_place_less_sure(
    minutes: float, apart: float, sigmas: tuple[float, float]
) -> None:
    first, second = report(0.0, 0.0, sigmas[0]), report(10.0, apart, sigmas[1])
    between, alone = at(minutes, first, second), at(minutes, first)
    assert between is not None
    assert alone is not None
    worst = max(alone.sigma_m, math.hypot(*sigmas))
    assert between.sigma_m <= worst + 1e-9
    assert between.sigma_m <= max(AGING.max_sigma_m, *sigmas) + 1e-9


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reported_at": NOON + timedelta(minutes=6)}, "report_time"),
        ({"latitude_deg": 91.0}, "latitude_deg"),
        ({"longitude_deg": math.nan}, "longitude_deg"),
        ({"sigma_m": 0.0}, "sigma_m"),
        ({"sigma_m": math.inf}, "sigma_m"),
    ],
)
def test_what_cannot_be_a_report_is_refused_by_field(change: dict[str, object], field: str) -> None:
    assert report_faults(report(4.0), NOON) == ()
    changed = replace(report(0.0), **change)  # type: ignore[arg-type]
    assert [told for told, _ in report_faults(changed, NOON)] == [field]
