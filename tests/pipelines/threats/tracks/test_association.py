from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.threats.tracks.association import GATE_CHI2, Places, associate


def places(*points: tuple[float, float], sigma: float = 5.0) -> Places:
    return Places(
        enu_m=np.array(points, np.float64).reshape(-1, 2),
        covariance_m2=np.tile(np.eye(2) * sigma**2, (len(points), 1, 1)),
    )


def pairs(
    known: Sequence[tuple[float, float]],
    seen: Sequence[tuple[float, float]],
    *,
    sigma: float = 5.0,
    motion: float = 0.0,
) -> list[tuple[int, int]]:
    shape = len(known), len(seen)
    return associate(
        places(*known, sigma=sigma),
        places(*seen, sigma=sigma),
        np.full(shape, motion),
        np.ones(shape, np.bool_),
    )


def test_each_takes_its_own_whatever_the_order() -> None:
    assert pairs([(0, 0), (30, 0), (60, 0)], [(61, 1), (1, 0), (29, 0)]) == [(0, 1), (1, 2), (2, 0)]


def test_beyond_the_gate_nothing_is_the_same() -> None:
    # Two places of 5 m and boxes of 1.5 m: one sigma of the difference is 7.38 m on each axis.
    edge = np.sqrt(GATE_CHI2 * 2 * (25.0 + 1.5**2))
    assert pairs([(0, 0)], [(edge - 0.01, 0)]) == [(0, 0)]
    assert pairs([(0, 0)], [(edge + 0.01, 0)]) == []


def test_what_is_not_allowed_is_never_paired() -> None:
    allowed = np.array([[False, True]])
    found = associate(places((0, 0)), places((0, 0), (9, 0)), np.zeros((1, 2)), allowed)
    assert found == [(0, 1)]
    assert associate(places((0, 0)), places((0, 0)), np.zeros((1, 1)), np.zeros((1, 1), bool)) == []


def test_what_stands_still_keeps_its_name_beside_what_moves() -> None:
    # One parked, one driving: the parked one is where it was.
    assert pairs([(0, 0), (30, 0)], [(0.5, 0), (48, 0)], sigma=2.0, motion=7.0) == [
        (0, 0),
        (1, 1),
    ]


def test_a_new_one_does_not_take_the_place_of_a_parked_one() -> None:
    assert pairs([(0, 0)], [(15, 0), (0.3, 0.2)], sigma=2.0, motion=7.0) == [(0, 1)]


def test_one_gone_and_one_new_at_the_ends_of_a_shifted_row() -> None:
    row = [(10.0 * n, 0.0) for n in range(8)]
    shifted = [(east + 6.0, north) for east, north in row]
    # The first of the row is gone, a ninth has come.
    found = pairs(row, [*shifted[1:], (86.0, 0.0)], sigma=2.0)
    assert found == [(n, n - 1) for n in range(1, 8)]


@given(
    points=st.lists(
        st.tuples(st.floats(-80, 80), st.floats(-80, 80)), min_size=1, max_size=5, unique=True
    ),
    shift=st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
    noise=st.integers(0, 1000),
)
@settings(max_examples=80, deadline=None)
def test_the_assignment_is_no_worse_than_any_permutation(
    points: list[tuple[float, float]], shift: tuple[float, float], noise: int
) -> None:
    # Under a common shift the truth is the identity; whatever is found must fit as well, by the
    # sum of squared residuals around the best common shift (brute force over all permutations).
    rng = np.random.default_rng(noise)
    known = np.array(points)
    seen = known + np.array(shift) + rng.normal(0, 0.1, known.shape)
    found = pairs(points, [tuple(it) for it in seen])
    assert len(found) == len(points)

    def misfit(order: Sequence[int]) -> float:
        step = seen[list(order)] - known
        return float(
            ((step - step.mean(axis=0)) ** 2).sum() + 0.02 * (step.mean(axis=0) ** 2).sum()
        )

    chosen = misfit([column for _, column in sorted(found)])
    best = min(misfit(order) for order in itertools.permutations(range(len(points))))
    assert chosen <= best + 40.0


def test_a_crowd_is_paired_in_time() -> None:
    rng = np.random.default_rng(1)
    known = rng.uniform(-500, 500, (400, 2))
    seen = known[:60] + np.array([3.0, -2.0])
    found = pairs([tuple(it) for it in known], [tuple(it) for it in seen], sigma=3.0)
    own = sum(row == column for row, column in found)
    assert len(found) == 60
    assert own >= 58


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_what_is_seen_does_not_matter(order: tuple[int, ...]) -> None:
    known = [(0.0, 0.0), (6.0, 0.0), (12.0, 1.0)]
    seen = [(5.0, 1.0), (11.0, 1.0), (17.0, 2.0)]
    found = pairs(known, [seen[index] for index in order])
    assert sorted((row, order[column]) for row, column in found) == [(0, 0), (1, 1), (2, 2)]
