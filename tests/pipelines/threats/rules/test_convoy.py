from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.threats.rules.convoy import Vehicle, columns
from pipelines.threats.rules.requirements import Convoy

ASKED = Convoy(min_count=3, max_spacing_m=60.0, max_offset_m=5.0)


def vehicles(
    places: Sequence[tuple[float, float]],
    velocity: tuple[float, float] | None = None,
    sigma: float = 0.5,
) -> list[Vehicle]:
    return [
        Vehicle(
            place_m=np.array(place),
            velocity_m_s=None if velocity is None else np.array(velocity),
            velocity_sigma_m_s=sigma,
        )
        for place in places
    ]


LINE = [(0.0, 0.0), (30.0, 2.0), (62.0, -1.0), (90.0, 1.0)]


def test_vehicles_on_a_straight_are_a_column_from_one_end_to_the_other() -> None:
    (found,) = columns(vehicles(LINE), ASKED)
    assert found.members in ((0, 1, 2, 3), (3, 2, 1, 0))
    assert found.moving is None


def test_two_are_none_and_a_gap_ends_it() -> None:
    assert columns(vehicles(LINE[:2]), ASKED) == ()
    assert columns(vehicles([(0, 0), (30, 0), (100, 0), (130, 0)]), ASKED) == ()
    (found,) = columns(vehicles([(0, 0), (30, 0), (55, 0), (120, 0), (150, 0)]), ASKED)
    assert sorted(found.members) == [0, 1, 2]


def test_a_scatter_is_none() -> None:
    # Corners of a wide triangle: any two of them are in line, the third never.
    assert columns(vehicles([(0, 0), (50, 0), (25, 43)]), ASKED) == ()


def test_a_bend_is_followed_and_a_hairpin_is_not() -> None:
    arc = [(200 * math.sin(a), 200 * math.cos(a)) for a in np.radians([0, 12, 24, 36, 48, 60])]
    (found,) = columns(vehicles(arc), ASKED)
    assert len(found.members) == 6
    assert columns(vehicles([(0, 0), (40, 0), (5, 20)]), ASKED) == ()


def test_a_known_route_is_followed_around_its_corners() -> None:
    route = np.array([(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)])
    around = [(60.0, 1.0), (95.0, 0.0), (100.0, 35.0), (101.0, 80.0)]
    (found,) = columns(vehicles(around), ASKED, [route])
    assert sorted(found.members) == [0, 1, 2, 3]
    # Without it the right angle is too sharp for all of them.
    assert all(len(it.members) < 4 for it in columns(vehicles(around), ASKED))


def test_who_stands_beside_the_line_is_not_part_of_it() -> None:
    (found,) = columns(vehicles([*LINE, (45.0, 25.0), (40.0, -70.0)]), ASKED)
    assert sorted(found.members) == [0, 1, 2, 3]


def test_two_columns_are_told_apart_and_the_longer_comes_first() -> None:
    other = [(0.0, 300.0), (0.0, 340.0), (0.0, 380.0)]
    first, second = columns(vehicles([*other, *LINE]), ASKED)
    assert sorted(first.members) == [3, 4, 5, 6]
    assert sorted(second.members) == [0, 1, 2]


def test_a_moving_column_moves_and_a_parked_row_is_none_unless_asked_for() -> None:
    (found,) = columns(vehicles(LINE, (9.0, 0.3)), ASKED)
    assert found.moving is True
    assert columns(vehicles(LINE, (0.1, 0.1)), ASKED) == ()
    (halted,) = columns(
        vehicles(LINE, (0.1, 0.1)), Convoy(min_count=3, max_spacing_m=60.0, moving=False)
    )
    assert halted.moving is False


def test_traffic_both_ways_is_no_column() -> None:
    east, west = vehicles(LINE[::2], (9.0, 0.0)), vehicles(LINE[1::2], (-9.0, 0.0))
    assert columns([*east, *west], ASKED) == ()


def test_a_row_side_by_side_is_a_car_park() -> None:
    assert columns(vehicles([(2.7 * at, 0.0) for at in range(12)]), ASKED) == ()


def test_a_large_car_park_is_searched_in_time() -> None:
    grid = [(5.5 * column, 11.0 * row) for column in range(15) for row in range(6)]
    found = columns(vehicles(grid, (0.0, 0.0)), ASKED)
    assert found == ()


@settings(max_examples=30, deadline=None)
@given(
    st.integers(3, 8),
    st.floats(0.0, 2 * math.pi),
    st.floats(10.0, 55.0),
    st.integers(0, 2**32 - 1),
)
def test_any_column_is_found_wherever_it_heads_and_in_whatever_order(
    count: int, heading: float, spacing: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    along = np.array([math.sin(heading), math.cos(heading)])
    across = np.array([along[1], -along[0]])
    places = [
        spacing * at * along + rng.uniform(-1.5, 1.5) * across for at in rng.permutation(count)
    ]
    (found,) = columns(vehicles([(float(e), float(n)) for e, n in places], tuple(7 * along)), ASKED)
    assert len(found.members) == count


@pytest.mark.parametrize("count", [4, 5])
def test_as_many_as_the_rule_asks(count: int) -> None:
    asked = Convoy(min_count=count, max_spacing_m=60.0)
    assert len(columns(vehicles(LINE), asked)) == (1 if count == 4 else 0)
