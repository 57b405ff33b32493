from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ncx2, norm

from pipelines.threats.proximity.disc_probability import (
    distance_quantile,
    probability_within,
    range_interval,
)


def covariance(major: float, minor: float, turn_deg: float) -> NDArray[np.float64]:
    turn = math.radians(turn_deg)
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.asarray(axes @ np.diag([major**2, minor**2]) @ axes.T, np.float64)


def one(offset: tuple[float, float], cov: NDArray[np.float64], radius: float) -> float:
    return float(probability_within(np.array([offset]), cov[None], np.array([radius]))[0])


@given(
    distance=st.floats(0.0, 3000.0),
    azimuth=st.floats(0.0, 2 * math.pi),
    sigma=st.floats(0.01, 3000.0),
    radius=st.floats(0.1, 2000.0),
)
@settings(max_examples=300, deadline=None)
def test_circular_errors_agree_with_the_noncentral_chi_square(
    distance: float, azimuth: float, sigma: float, radius: float
) -> None:
    truth = float(ncx2.cdf((radius / sigma) ** 2, 2, (distance / sigma) ** 2))
    if not math.isfinite(truth) or (distance / sigma) ** 2 > 1e5:
        # scipy's series gives up far out; there the circle is a straight edge to one part in 300.
        truth = float(norm.cdf((radius - distance) / sigma))
        tolerance = 5e-3
    else:
        tolerance = 1e-6
    offset = (distance * math.sin(azimuth), distance * math.cos(azimuth))
    assert one(offset, np.eye(2) * sigma**2, radius) == pytest.approx(truth, abs=tolerance)


@pytest.mark.parametrize("major", [1.0, 40.0, 900.0])
@pytest.mark.parametrize("ratio", [1.0, 0.2, 0.001])
@pytest.mark.parametrize("turn", [0.0, 33.0, 90.0])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (480.0, 150.0), (-20.0, 505.0), (900.0, 0.0)])
def test_ellipses_agree_with_monte_carlo(
    major: float, ratio: float, turn: float, offset: tuple[float, float]
) -> None:
    cov = covariance(major, major * ratio, turn)
    draws = np.random.default_rng(7).standard_normal((100_000, 2))
    turned = draws @ np.diag([major, major * ratio])
    angle = math.radians(turn)
    east = turned[:, 0] * math.cos(angle) - turned[:, 1] * math.sin(angle) + offset[0]
    north = turned[:, 0] * math.sin(angle) + turned[:, 1] * math.cos(angle) + offset[1]
    share = float(np.mean(np.hypot(east, north) <= 500.0))
    found = one(offset, cov, 500.0)
    noise = 4.5 * math.sqrt(max(share * (1 - share), 1e-6) / 100_000)
    assert found == pytest.approx(share, abs=noise + 1e-6)


@given(
    major=st.floats(0.1, 5000.0),
    ratio=st.floats(1e-4, 1.0),
    turn=st.floats(0.0, 180.0),
    east=st.floats(-2000.0, 2000.0),
    north=st.floats(-2000.0, 2000.0),
    radius=st.floats(0.5, 1500.0),
)
@settings(max_examples=150, deadline=None)
def test_any_ellipse_agrees_with_a_brute_sum_of_strips(
    major: float, ratio: float, turn: float, east: float, north: float, radius: float
) -> None:
    # Independent: in the principal axes, equal-probability strips of the minor axis (its quantiles
    # at 20,000 midpoints), each with the exact chord of the disc.
    minor = major * ratio
    angle = math.radians(turn)
    along = east * math.cos(angle) + north * math.sin(angle)
    across = north * math.cos(angle) - east * math.sin(angle)
    level = (np.arange(20_000) + 0.5) / 20_000
    y = across + minor * norm.ppf(level)
    chord = np.sqrt(np.maximum(radius**2 - y**2, 0.0))
    strips = norm.cdf((chord - along) / major) - norm.cdf((-chord - along) / major)
    truth = float(np.mean(np.where(np.abs(y) <= radius, strips, 0.0)))
    found = one((east, north), covariance(major, minor, turn), radius)
    assert found == pytest.approx(truth, abs=2e-4)


def test_covariances_without_width_are_exact() -> None:
    zero = np.zeros((2, 2))
    assert one((300.0, 400.0), zero, 500.0) == 1.0
    assert one((300.0, 400.1), zero, 500.0) == 0.0
    # A line through the centre of the disc, one sigma 500 m: the two-sided one sigma of a normal.
    line = covariance(500.0, 0.0, 25.0)
    assert one((0.0, 0.0), line, 500.0) == pytest.approx(0.682689492, abs=1e-9)
    assert one((0.0, 501.0), covariance(500.0, 0.0, 0.0), 500.0) == 0.0
    assert one((0.0, 0.0), np.eye(2), 0.0) == 0.0


def test_far_tails_keep_their_size() -> None:
    # Seven sigma outside: the noncentral chi-square's own value, to a part in a million.
    truth = float(ncx2.cdf(100.0**2 / 25.0, 2, 135.0**2 / 25.0))
    assert 1e-13 < truth < 1e-11
    assert one((135.0, 0.0), np.eye(2) * 25.0, 100.0) == pytest.approx(truth, rel=1e-6)


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        probability_within(np.zeros((2, 2)), np.zeros((1, 2, 2)), np.ones(2))
    with pytest.raises(ValueError, match="finite"):
        probability_within(np.array([[np.nan, 0.0]]), np.eye(2)[None], np.ones(1))
    with pytest.raises(ValueError, match="negative"):
        probability_within(np.zeros((1, 2)), np.eye(2)[None], -np.ones(1))
    with pytest.raises(ValueError, match="between 0 and 1"):
        distance_quantile(np.zeros((1, 2)), np.eye(2)[None], 1.0)


@pytest.mark.parametrize(
    ("ratio", "factor"), [(0.0, 1.645), (0.25, 1.665), (0.5, 1.737), (0.75, 1.903), (1.0, 2.146)]
)
def test_the_ninety_percent_radius_is_the_published_ce90(ratio: float, factor: float) -> None:
    cov = covariance(10.0, 10.0 * ratio, 70.0)[None]
    assert distance_quantile(np.zeros((1, 2)), cov, 0.9)[0] == pytest.approx(
        10.0 * factor, abs=0.006
    )


def test_the_range_interval_holds_ninety_percent_of_distances() -> None:
    cov = covariance(80.0, 15.0, 40.0)
    draws = np.random.default_rng(3).multivariate_normal([300.0, -120.0], cov, 200_000)
    distance = np.hypot(draws[:, 0], draws[:, 1])
    low, high = range_interval(np.array([[300.0, -120.0]]), cov[None])
    assert low[0] == pytest.approx(np.quantile(distance, 0.05), abs=0.8)
    assert high[0] == pytest.approx(np.quantile(distance, 0.95), abs=0.8)


@pytest.mark.parametrize("distance", [0.0, 3.0, 30.0, 81.0, 300.0, 4000.0])
def test_quantiles_of_circular_errors_are_those_of_the_noncentral_chi_square(
    distance: float,
) -> None:
    sigma = 10.0
    offset, cov = np.array([[0.6 * distance, 0.8 * distance]]), np.eye(2)[None] * sigma**2
    for probability in (0.05, 0.5, 0.9, 0.95):
        truth = sigma * math.sqrt(ncx2.ppf(probability, 2, (distance / sigma) ** 2))
        told = distance_quantile(offset, cov, probability)[0]
        assert told == pytest.approx(truth, abs=1e-3)


@given(
    major=st.floats(0.5, 800.0),
    ratio=st.floats(1e-3, 1.0),
    turn=st.floats(0.0, 180.0),
    east=st.floats(-2000.0, 2000.0),
    north=st.floats(-2000.0, 2000.0),
    probability=st.floats(0.02, 0.98),
)
@settings(max_examples=150, deadline=None)
def test_a_quantile_is_exact_to_a_millimetre(
    major: float, ratio: float, turn: float, east: float, north: float, probability: float
) -> None:
    cov = covariance(major, major * ratio, turn)
    told = float(distance_quantile(np.array([[east, north]]), cov[None], probability)[0])
    # A millimetre to either side; where distance hardly varies, that is much in probability.
    least, most = (one((east, north), cov, max(told + by, 0.0)) for by in (-1e-3, 1e-3))
    assert least - 1e-6 <= probability <= most + 1e-6


def test_many_quantiles_at_once_are_those_of_each_alone() -> None:
    rng = np.random.default_rng(9)
    offset = rng.normal(0.0, 300.0, (50, 2))
    drawn = rng.uniform([2.0, 2.0, 0.0], [60.0, 60.0, 180.0], (50, 3)).tolist()
    cov = np.stack([covariance(major, minor, turn) for major, minor, turn in drawn])
    low, high = range_interval(offset, cov)
    for at in range(len(offset)):
        alone = range_interval(offset[at : at + 1], cov[at : at + 1])
        assert (alone[0][0], alone[1][0]) == pytest.approx((low[at], high[at]), abs=1e-6)


def test_without_width_the_interval_is_the_distance_itself() -> None:
    low, high = range_interval(np.array([[300.0, 400.0], [0.0, 0.0]]), np.zeros((2, 2, 2)))
    assert low == pytest.approx([500.0, 0.0], abs=1e-3)
    assert high == pytest.approx([500.0, 0.0], abs=1e-3)
    assert range_interval(np.zeros((0, 2)), np.zeros((0, 2, 2)))[0].shape == (0,)
