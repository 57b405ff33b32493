"""P within a range of polygons and lines: Monte Carlo, closed forms, another quadrature."""

from __future__ import annotations

import itertools
import math
import re
import time
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from pipelines.threats.positions.shapes import PlaneShape
from pipelines.threats.proximity.area_probability import (
    distances,
    probability_near,
    range_interval_of_shape,
)
from pipelines.threats.proximity.disc_probability import probability_within

Floats = NDArray[np.float64]


def plane(core: object, margin_m: float = 0.0) -> PlaneShape:
    places = shapely.get_coordinates(core)
    shapely.prepare(core)
    return PlaneShape(
        core=core, margin_m=margin_m, extent_m=float(np.hypot(*places.T).max()) + margin_m
    )


def covariance(sigma_along: float, sigma_across: float, turn_deg: float) -> Floats:
    turn = math.radians(turn_deg)
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.asarray(axes @ np.diag([sigma_along**2, sigma_across**2]) @ axes.T, np.float64)


SQUARE = plane(shapely.box(-150.0, -150.0, 150.0, 150.0))
NOTCHED = plane(
    shapely.Polygon([(-150, -100), (150, -100), (150, 100), (0, -20), (-150, 100)]).normalize()
)
YARD = plane(
    shapely.Polygon(
        [(-200, -200), (200, -200), (200, 200), (-200, 200)],
        [[(-120, -120), (120, -120), (120, 120), (-120, 120)]],
    )
)
ROAD = plane(shapely.LineString([(-2000, -300), (-200, 0), (200, 40), (500, 900)]), 30.0)
BORDER = plane(shapely.LineString([(-5000, 0), (0, 100), (5000, -200)]))
CASES = [
    # shape, range, sigmas along and across, turn, mean
    ("square", SQUARE, 0.0, (40.0, 40.0), 0.0, (150.0, 150.0)),
    ("square", SQUARE, 500.0, (8.0, 5.0), 20.0, (655.0, 0.0)),
    ("square, at a rounded corner", SQUARE, 500.0, (12.0, 12.0), 0.0, (505.0, 505.0)),
    ("square, mean inside", SQUARE, 100.0, (60.0, 20.0), 45.0, (20.0, 30.0)),
    ("square, needle", SQUARE, 500.0, (900.0, 0.2), 33.0, (700.0, 300.0)),
    ("square, huge ellipse", SQUARE, 500.0, (4000.0, 2500.0), 70.0, (3000.0, -500.0)),
    ("notched", NOTCHED, 0.0, (30.0, 10.0), 80.0, (0.0, 10.0)),
    ("notched, in the notch", NOTCHED, 50.0, (15.0, 15.0), 0.0, (0.0, 90.0)),
    ("notched, needle", NOTCHED, 0.0, (300.0, 0.05), 5.0, (10.0, 0.0)),
    ("yard with a hole", YARD, 0.0, (50.0, 50.0), 0.0, (0.0, 0.0)),
    ("yard with a hole", YARD, 30.0, (100.0, 25.0), 15.0, (60.0, -60.0)),
    ("yard, hole closed by the range", YARD, 130.0, (20.0, 20.0), 0.0, (0.0, 0.0)),
    ("road, on it", ROAD, 0.0, (25.0, 25.0), 0.0, (0.0, 20.0)),
    ("road", ROAD, 300.0, (20.0, 60.0), 10.0, (300.0, -280.0)),
    ("road, needle along it", ROAD, 100.0, (1500.0, 1.0), 6.0, (0.0, 140.0)),
    ("road, huge ellipse", ROAD, 200.0, (3000.0, 3000.0), 0.0, (2000.0, 2000.0)),
    ("border", BORDER, 250.0, (40.0, 200.0), 30.0, (1000.0, 400.0)),
]


@pytest.fixture(scope="module")
def draws() -> Floats:
    """Four million draws of two normal numbers: a share errs by 2.5e-4 at most, one sigma."""
    return np.random.default_rng(19).standard_normal((4_000_000, 2))


def monte_carlo(
    shape: PlaneShape, mean: Floats, cov: Floats, range_m: float, draws: Floats
) -> float:
    """Share of draws within a range of a shape, by nothing but distances to its edges."""
    root, reach = np.linalg.cholesky(cov), shape.margin_m + range_m
    rings = [np.array(it.coords) for it in shapely.get_rings(shape.core)]
    paths = rings or [np.array(shape.core.coords)]
    hits = 0
    for block in np.split(draws, len(draws) // 100_000):
        x, y = (mean + block @ root.T).T
        within, inside = np.zeros(len(x), np.bool_), np.zeros(len(x), np.bool_)
        for path in paths:
            for (x0, y0), (x1, y1) in itertools.pairwise(path):
                east, north = x1 - x0, y1 - y0
                along = ((x - x0) * east + (y - y0) * north) / (east**2 + north**2)
                along = np.clip(along, 0.0, 1.0)
                away = (x - x0 - along * east) ** 2 + (y - y0 - along * north) ** 2
                within |= away <= reach**2
                if rings and north != 0.0:
                    ray = x < x0 + (y - y0) * (east / north)
                    inside ^= ((y0 > y) != (y1 > y)) & ray
        hits += int(np.sum(within | inside))
    return hits / len(draws)


@pytest.mark.parametrize(
    ("name", "shape", "range_m", "sigmas", "turn", "mean"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_monte_carlo_agrees_to_a_thousandth(
    name: str,
    shape: PlaneShape,
    range_m: float,
    sigmas: tuple[float, float],
    turn: float,
    mean: tuple[float, float],
    draws: Floats,
) -> None:
    cov, at = covariance(*sigmas, turn), np.array(mean)
    share = monte_carlo(shape, at, cov, range_m, draws)
    (found,) = probability_near(shape, at[None], cov[None], range_m)
    assert found == pytest.approx(share, abs=1e-3), name


def test_the_table_in_the_documents_is_this_one() -> None:
    text = (Path(__file__).parents[4] / "docs" / "probability.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| .* \| (\d\.\d+) \| (\d\.\d+) \|", text, re.MULTILINE)
    assert len(rows) == len(CASES)
    for (number, told, drawn), case in zip(rows, CASES, strict=True):
        _, shape, range_m, sigmas, turn, mean = case
        cov = covariance(*sigmas, turn)
        (found,) = probability_near(shape, np.array([mean]), cov[None], range_m)
        assert float(told) == pytest.approx(found, abs=5e-6), number
        assert float(told) == pytest.approx(float(drawn), abs=1e-3), number


@given(
    sigma=st.floats(0.1, 2000.0),
    ratio=st.floats(0.001, 1.0),
    turn=st.floats(0.0, 180.0),
    east=st.floats(-800.0, 800.0),
    north=st.floats(-800.0, 800.0),
    range_m=st.floats(1.0, 800.0),
)
@settings(max_examples=150, deadline=None)
def test_a_point_with_a_range_is_the_disc(
    sigma: float, ratio: float, turn: float, east: float, north: float, range_m: float
) -> None:
    # The disc has a quadrature of its own (`disc_probability`), along other axes.
    cov, at = covariance(sigma, sigma * ratio, turn)[None], np.array([[east, north]])
    point = plane(shapely.Polygon([(0, 0), (1e-7, 0), (0, 1e-7)]))
    (found,) = probability_near(point, at, cov, range_m)
    (truth,) = probability_within(at, cov, np.array([range_m]))
    finest = sigma * ratio / range_m > 7.4e-5
    assume(sigma * ratio / range_m > 7.4e-6)
    assert found == pytest.approx(truth, abs=1.1e-4 if finest else 1e-3)


@given(
    sigma=st.tuples(st.floats(0.1, 900.0), st.floats(0.1, 900.0)),
    mean=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    half=st.tuples(st.floats(1.0, 900.0), st.floats(1.0, 900.0)),
)
@settings(max_examples=150, deadline=None)
def test_a_box_is_a_product_of_normal_distributions(
    sigma: tuple[float, float], mean: tuple[float, float], half: tuple[float, float]
) -> None:
    box = plane(shapely.box(-half[0], -half[1], half[0], half[1]))
    (found,) = probability_near(box, np.array([mean]), np.diag(np.square(sigma))[None], 0.0)
    truth = math.prod(
        norm.cdf((h - m) / s) - norm.cdf((-h - m) / s)
        for h, m, s in zip(half, mean, sigma, strict=True)
    )
    # The mean is moved by some 1e-9 sigma, off every edge.
    assert found == pytest.approx(truth, abs=1e-8)


def test_ground_and_its_hole_share_what_is_there() -> None:
    whole = plane(shapely.box(-200, -200, 200, 200))
    hole = plane(shapely.box(-120, -120, 120, 120))
    cov, at = covariance(80.0, 30.0, 25.0)[None], np.array([[10.0, -50.0]])
    parts = [float(probability_near(it, at, cov, 0.0)[0]) for it in (YARD, hole)]
    assert sum(parts) == pytest.approx(float(probability_near(whole, at, cov, 0.0)[0]), abs=1e-9)


@pytest.mark.parametrize("place", [(150.0, 0.0), (150.0, 150.0), (-150.0, 20.0)])
def test_a_mean_exactly_on_an_edge_or_vertex_is_no_gap(place: tuple[float, float]) -> None:
    sigma = 5.0
    (found,) = probability_near(SQUARE, np.array([place]), np.eye(2)[None] * sigma**2, 0.0)
    assert found == pytest.approx(0.25 if place == (150.0, 150.0) else 0.5, abs=1e-7)


def test_without_width_inside_is_one_and_outside_is_zero() -> None:
    at = np.array([[0.0, 649.9], [0.0, 650.1]])
    found = probability_near(SQUARE, at, np.zeros((2, 2, 2)), 500.0)
    assert found == pytest.approx([1.0, 0.0], abs=1e-12)


def test_a_bare_line_without_a_range_holds_nothing() -> None:
    assert probability_near(BORDER, np.zeros((1, 2)), np.eye(2)[None], 0.0) == [0.0]


@pytest.mark.parametrize(
    ("offset", "cov", "range_m"),
    [
        (np.zeros((1, 3)), np.eye(2)[None], 1.0),
        (np.zeros((2, 2)), np.eye(2)[None], 1.0),
        (np.array([[math.nan, 0.0]]), np.eye(2)[None], 1.0),
        (np.zeros((1, 2)), np.eye(2)[None], -1.0),
        (np.zeros((1, 2)), np.eye(2)[None], math.inf),
    ],
)
def test_what_makes_no_sense_is_refused(offset: Floats, cov: Floats, range_m: float) -> None:
    with pytest.raises(ValueError, match=r"disagree|finite"):
        probability_near(SQUARE, offset, cov, range_m)


def test_ranges_hold_nine_tenths_of_the_distance() -> None:
    draws = np.random.default_rng(3).standard_normal((200_000, 2))
    for shape, mean, cov in (
        (SQUARE, (400.0, 0.0), covariance(40.0, 20.0, 30.0)),
        (NOTCHED, (0.0, 90.0), covariance(25.0, 25.0, 0.0)),
        (ROAD, (300.0, -280.0), covariance(60.0, 20.0, 70.0)),
    ):
        away = distances(shape, np.array(mean) + draws @ np.linalg.cholesky(cov).T)
        low, high = range_interval_of_shape(shape, np.array([mean]), cov[None])
        assert np.mean(away <= low[0]) == pytest.approx(0.05, abs=0.012)
        assert np.mean(away <= high[0]) == pytest.approx(0.95, abs=0.012)
    # Well inside, all of the interval is nothing.
    low, high = range_interval_of_shape(SQUARE, np.zeros((1, 2)), np.eye(2)[None])
    assert (low[0], high[0]) == (0.0, 0.0)


def test_thousands_a_second() -> None:
    rng = np.random.default_rng(2)
    at = rng.uniform(-900.0, 900.0, (2_000, 2))
    cov = np.broadcast_to(covariance(12.0, 6.0, 20.0), (2_000, 2, 2))
    probability_near(SQUARE, at[:1], cov[:1], 500.0)
    start = time.process_time()
    probability_near(SQUARE, at, cov, 500.0)
    assert time.process_time() - start < 1.0
