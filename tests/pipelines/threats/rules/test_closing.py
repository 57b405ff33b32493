from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line, Polygon, plane_shape
from pipelines.threats.proximity.disc_probability import probability_within
from pipelines.threats.rules.closing import (
    Approach,
    approach,
    draws,
    in_plane,
    outline_of,
    probability_near,
)

GEOD = Geod(ellps="WGS84")
POST = Position(
    position_id="alpha",
    display_name="Post Alpha",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=18.0,
)
NOTHING = np.zeros((2, 2))


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        18.0, 4.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


def shaped(shape: Line | Polygon, kind: PositionKind) -> Position:
    return placed(
        Position(
            position_id="s",
            display_name="Shape",
            kind=kind,
            latitude_deg=0.0,
            longitude_deg=0.0,
            shape=shape,
        )
    )


def moves(
    position: Position,
    place: tuple[float, float],
    velocity: tuple[float, float],
    covariance: NDArray[np.float64] = NOTHING,
    velocity_covariance: NDArray[np.float64] = NOTHING,
    perimeter_m: float = 50.0,
) -> Approach:
    lon, lat = lonlat(*place)
    offset, turn = in_plane(position, lat, lon)
    return approach(
        outline_of(position),
        offset,
        turn @ covariance @ turn.T,
        turn @ np.array(velocity),
        velocity_covariance,
        perimeter_m,
    )


def test_a_car_of_known_speed_arrives_when_it_must() -> None:
    # 450 m east, 8 m/s due west: 50 s to the perimeter at 50 m.
    found = moves(POST, (450.0, 0.0), (-8.0, 0.0))
    assert found.closing_m_s == pytest.approx(8.0, abs=1e-3)
    assert found.sigma_m_s == pytest.approx(0.0, abs=1e-9)
    assert found.arrival_quantile(0.1) == pytest.approx(50.0, abs=0.01)
    assert found.arrival_quantile(0.9) == pytest.approx(50.0, abs=0.01)
    assert found.within(49.9) == 0.0
    assert found.within(50.1) == 1.0


def test_what_passes_by_closes_and_never_arrives() -> None:
    # Northward on a line 200 m east of the post: abreast after 30 s, never nearer than 200 m.
    found = moves(POST, (200.0, -300.0), (0.0, 10.0))
    assert found.closing_m_s == pytest.approx(10.0 * 300.0 / math.hypot(200, 300), rel=1e-3)
    assert found.within(1800.0) == 0.0
    assert math.isinf(found.arrival_quantile(0.1))


def test_what_leaves_closes_by_a_negative_speed() -> None:
    found = moves(POST, (200.0, 0.0), (3.0, 0.0))
    assert found.closing_m_s == pytest.approx(-3.0, abs=1e-3)
    assert found.slower_than(-2.0) == 1.0
    assert found.faster_than(0.0) == 0.0


def test_what_is_slower_than_half_an_hour_is_not_foretold() -> None:
    assert moves(POST, (1050.0, 0.0), (-0.6, 0.0)).within(1800.0) == 1.0
    assert moves(POST, (1050.0, 0.0), (-0.5, 0.0)).within(1800.0) == 0.0


@pytest.mark.parametrize("case", range(6))
def test_probabilities_and_times_are_those_of_a_monte_carlo(case: int) -> None:
    rng = np.random.default_rng(case)
    place = rng.uniform(150.0, 600.0) * _unit(rng)
    velocity = -place / np.hypot(*place) * rng.uniform(1.0, 9.0) + rng.normal(0.0, 0.5, 2)
    covariance = _covariance(rng, 8.0, 40.0)
    velocity_covariance = _covariance(rng, 0.3, 1.5)
    found = approach(outline_of(POST), place, covariance, velocity, velocity_covariance, 50.0)
    count = 200_000
    places = rng.multivariate_normal(place, covariance, count)
    velocities = rng.multivariate_normal(velocity, velocity_covariance, count)
    closing = -np.sum(places * velocities, axis=1) / np.hypot(*places.T)
    arrival = _marched(places[:20_000], velocities[:20_000], 50.0)
    for speed in (0.5, 2.0, 4.0):
        assert found.faster_than(speed) == pytest.approx(np.mean(closing > speed), abs=0.01)
    assert found.closing_m_s == pytest.approx(closing.mean(), abs=0.03)
    assert found.sigma_m_s == pytest.approx(closing.std(), rel=0.02)
    for seconds in (30.0, 60.0, 120.0, 300.0):
        assert found.within(seconds) == pytest.approx(np.mean(arrival <= seconds), abs=0.015)


@pytest.mark.parametrize("case", range(8, 20))
def test_times_to_a_point_are_those_of_the_paths_of_many_draws(case: int) -> None:
    rng = np.random.default_rng(case)
    place = rng.uniform(150.0, 600.0) * _unit(rng)
    velocity = -place / np.hypot(*place) * rng.uniform(1.0, 9.0) + rng.normal(0.0, 0.5, 2)
    covariance, velocity_covariance = _covariance(rng, 8.0, 40.0), _covariance(rng, 0.3, 1.5)
    found = approach(outline_of(POST), place, covariance, velocity, velocity_covariance, 50.0)
    places = rng.multivariate_normal(place, covariance, 100_000)
    velocities = rng.multivariate_normal(velocity, velocity_covariance, 100_000)
    # The nearest that each path comes until then, against the perimeter.
    for seconds in (30.0, 60.0, 90.0, 120.0, 200.0, 1000.0):
        square = np.sum(velocities**2, axis=1)
        nearest = np.clip(-np.sum(places * velocities, axis=1) / square, 0.0, seconds)
        there = np.hypot(*(places + velocities * nearest[:, None]).T) <= 50.0
        assert found.within(seconds) == pytest.approx(there.mean(), abs=0.012)
        assert np.mean(found.arrival_s <= seconds) == pytest.approx(there.mean(), abs=0.025)


def _unit(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0.0, 2.0 * math.pi)
    return np.array([math.cos(angle), math.sin(angle)])


def _covariance(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float64]:
    first = _unit(rng)
    axes = np.stack([first, np.array([-first[1], first[0]])], axis=1)
    return np.asarray(axes @ np.diag(rng.uniform(low, high, 2) ** 2) @ axes.T)


def _marched(
    places: NDArray[np.float64], velocities: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """When each is first within a disc, by walking along in steps of a quarter of a second."""
    first = np.full(len(places), np.inf)
    for seconds in np.arange(0.0, 320.0, 0.25):
        near = np.hypot(*(places + velocities * seconds).T) <= radius
        first[near & np.isinf(first)] = seconds
    return first


def test_the_perimeter_of_a_base_is_around_its_outline() -> None:
    corners = [(-100.0, -100.0), (100.0, -100.0), (100.0, 100.0), (-100.0, 100.0)]
    ring = tuple(lonlat(*corner) for corner in corners)
    base = shaped(Polygon(rings_lonlat=(ring,)), PositionKind.BASE)
    # From 400 m east at 10 m/s: 300 m to the fence, 250 m to 50 m before it.
    found = moves(base, (400.0, 20.0), (-10.0, 0.0))
    assert found.arrival_quantile(0.5) == pytest.approx(25.0, abs=0.05)
    assert found.closing_m_s == pytest.approx(10.0, abs=0.01)
    # Inside, it has arrived, and there is nowhere nearer to come to.
    inside = moves(base, (30.0, -20.0), (5.0, 5.0))
    assert inside.within(0.0) == 1.0
    assert inside.closing_m_s == 0.0
    # A corner is rounded: from the diagonal it is 50 m from the corner, not from the sides.
    diagonal = moves(base, (300.0, 300.0), (-10.0, -10.0))
    gap = (200.0 * math.sqrt(2.0) - 50.0) / (10.0 * math.sqrt(2.0))
    assert diagonal.arrival_quantile(0.5) == pytest.approx(gap, abs=0.05)


def test_a_line_is_reached_over_its_nearest_stretch_and_its_buffer() -> None:
    bent = Line(
        vertices_lonlat=(lonlat(-500.0, 0.0), lonlat(0.0, 0.0), lonlat(0.0, 500.0)), buffer_m=20.0
    )
    route = shaped(bent, PositionKind.ROUTE)
    # From the east at 5 m/s toward the stretch that runs north: 300 m less 20 m and 50 m.
    found = moves(route, (300.0, 250.0), (-5.0, 0.0))
    assert found.arrival_quantile(0.5) == pytest.approx(46.0, abs=0.1)
    assert found.closing_m_s == pytest.approx(5.0, abs=0.01)


def test_nearness_to_a_point_is_that_of_the_exact_integral() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        place, covariance = rng.normal(0.0, 80.0, 2), _covariance(rng, 5.0, 60.0)
        exact = probability_within(place[None], covariance[None], np.array([60.0]))[0]
        told = probability_near(outline_of(POST), place, covariance, 60.0)
        assert told == pytest.approx(exact, abs=0.01)


def test_the_plane_keeps_range_and_bearing_and_turns_with_the_meridians() -> None:
    north = Position(
        position_id="n",
        display_name="North",
        kind=PositionKind.POST,
        latitude_deg=70.0,
        longitude_deg=20.0,
    )
    lon, lat, _ = GEOD.fwd(20.0, 70.0, 90.0, 5000.0)
    offset, turn = in_plane(north, lat, lon)
    assert np.hypot(*offset) == pytest.approx(5000.0, abs=1e-6)
    # What drives due west there, along the geodesic back, comes straight toward the position.
    toward, _, _ = GEOD.inv(lon, lat, 20.0, 70.0)
    course = np.array([math.sin(math.radians(toward)), math.cos(math.radians(toward))])
    turned = turn @ course
    assert turned == pytest.approx(-offset / 5000.0, abs=1e-9)
    # And the turn is not nothing here: north, east of the position, leans to the west of it by the
    # difference in longitude times the sine of the latitude.
    lean = math.degrees(math.atan2(turn[0, 1], turn[1, 1]))
    assert lean == pytest.approx(-(lon - 20.0) * math.sin(math.radians(70.0)), abs=1e-4)


def test_draws_of_all_outlines_are_the_same_each_time() -> None:
    covariance, speed = np.diag([400.0, 90.0]), np.diag([1.0, 0.5])
    args = (np.array([300.0, 40.0]), covariance, np.array([-3.0, 0.0]), speed, 50.0)
    first, second = (approach(outline_of(POST), *args) for _ in range(2))
    for one, two in itertools.pairwise((first, second)):
        assert np.array_equal(one.arrival_s, two.arrival_s)


def test_a_long_line_is_measured_as_shapely_does() -> None:
    rng = np.random.default_rng(11)
    steps = rng.normal(0.0, 60.0, (150, 2)) + np.array([40.0, 0.0])
    vertices = np.cumsum(steps, axis=0) - np.array([3000.0, 0.0])
    line = Line(vertices_lonlat=tuple(lonlat(float(e), float(n)) for e, n in vertices))
    route = shaped(line, PositionKind.ROUTE)
    outline = outline_of(route)
    core = plane_shape(line, route.latitude_deg, route.longitude_deg).core
    for _ in range(5):
        place, covariance = rng.uniform(-1500.0, 1500.0, 2), _covariance(rng, 20.0, 200.0)
        places = draws(place, covariance)
        away = shapely.distance(core, shapely.points(places))
        # The outline is simplified by a metre.
        for reach in np.quantile(away, [0.2, 0.7]):
            told = probability_near(outline, place, covariance, float(reach))
            low, high = np.mean(away <= reach - 1.0), np.mean(away <= reach + 1.0)
            assert low <= told <= high


def test_arrival_at_an_outline_is_that_of_a_monte_carlo() -> None:
    rng = np.random.default_rng(4)
    corners = [(-150.0, -60.0), (150.0, -60.0), (150.0, 80.0), (0.0, 140.0), (-150.0, 80.0)]
    shape = Polygon(rings_lonlat=(tuple(lonlat(*corner) for corner in corners),))
    base = shaped(shape, PositionKind.BASE)
    core = plane_shape(shape, base.latitude_deg, base.longitude_deg).core
    place, covariance = np.array([420.0, 260.0]), _covariance(rng, 20.0, 60.0)
    velocity, velocity_covariance = np.array([-5.0, -3.0]), _covariance(rng, 0.5, 1.2)
    found = approach(outline_of(base), place, covariance, velocity, velocity_covariance, 40.0)
    places = rng.multivariate_normal(place, covariance, 4000)
    velocities = rng.multivariate_normal(velocity, velocity_covariance, 4000)
    first = np.full(len(places), np.inf)
    for seconds in np.arange(0.0, 150.0, 0.5):
        near = shapely.distance(core, shapely.points(places + velocities * seconds)) <= 40.0
        first[near & np.isinf(first)] = seconds
    for seconds in (30.0, 50.0, 70.0, 120.0):
        assert found.within(seconds) == pytest.approx(np.mean(first <= seconds), abs=0.03)
