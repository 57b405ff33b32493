from __future__ import annotations

import math
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod
from scipy.stats import ncx2, norm

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.positions import Position, PositionKind
from pipelines.proximity import (
    Level,
    distance_quantile,
    probability_within,
    range_interval,
    weigh,
)
from pipelines.rules import DEFAULT_RULE, Rule

GEOD = Geod(ellps="WGS84")


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


def place(
    east_m: float, north_m: float, cov: NDArray[np.float64], lat: float = 4.0, lon: float = 18.0
) -> GroundPoint:
    lon2, lat2, _ = GEOD.fwd(
        lon, lat, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    full = np.zeros((3, 3))
    full[:2, :2] = cov
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=lat2,
        longitude_deg=lon2,
        hae_m=400.0,
        covariance_enu_m2=full,
        ce90_m=1.0,
        le90_m=1.0,
    )


BASE = Position(
    position_id="base",
    display_name="Base",
    kind=PositionKind.BASE,
    latitude_deg=4.0,
    longitude_deg=18.0,
)


def rule(**changes: object) -> Rule:
    values = {name: getattr(DEFAULT_RULE, name) for name in Rule.__slots__} | changes
    return Rule(**values)


def test_range_and_bearing_are_geodesic() -> None:
    (found,) = weigh(
        [place(300.0, -400.0, np.eye(2))], ["car"], [0.9], [BASE], [rule(radius_m=600.0)]
    )
    assert found.range_m == pytest.approx(500.0, abs=1e-6)
    assert found.bearing_deg == pytest.approx(math.degrees(math.atan2(300, -400)), abs=1e-6)
    assert found.range_low_m < 500.0 < found.range_high_m
    assert found.level is Level.ALERT
    assert (found.position_id, found.rule_id, found.radius_m) == ("base", "default", 600.0)


def test_levels_follow_the_rules_thresholds() -> None:
    # On the edge of the disc, sigma 10 m: half inside; 2 sigma out about 2 %; 1 sigma out 16 %.
    cov = np.eye(2) * 100.0
    at = [place(0.0, north, cov) for north in (495.0, 510.0, 520.0)]
    found = weigh(at, ["car"] * 3, [0.9] * 3, [BASE], [DEFAULT_RULE])
    assert [(it.detection_index, it.level) for it in found] == [
        (0, Level.ALERT),
        (1, Level.POSSIBLE),
    ]
    assert found[1].probability == pytest.approx(ncx2.cdf(50.0**2, 2, 51.0**2), abs=1e-6)


def test_the_mode_outside_with_its_tail_inside_is_possible() -> None:
    (found,) = weigh([place(0.0, 850.0, np.eye(2) * 400.0**2)], ["car"], [0.9], [BASE], [rule()])
    truth = ncx2.cdf((500 / 400) ** 2, 2, (850 / 400) ** 2)
    assert found.level is Level.POSSIBLE
    assert found.probability == pytest.approx(truth, abs=1e-6)


def test_an_ellipse_too_large_to_ever_alert_does_not_silence() -> None:
    # Sigma 3 km around the position itself: P(500 m) is 1.4 %, below every threshold.
    wide = np.eye(2) * 3000.0**2
    (found,) = weigh([place(10.0, 0.0, wide)], ["person"], [0.9], [BASE], [rule()])
    assert found.probability < 0.02
    assert found.level is Level.POSSIBLE
    # Outside its 90 % region (2.146 sigma) it is not plausible any more.
    assert weigh([place(7000.0, 0.0, wide)], ["person"], [0.9], [BASE], [rule()]) == ()


def test_the_error_of_the_position_counts() -> None:
    surveyed = weigh([place(0.0, 560.0, np.eye(2))], ["car"], [0.9], [BASE], [rule()])
    patrol = Position(
        position_id="patrol",
        display_name="Patrol",
        kind=PositionKind.PATROL,
        latitude_deg=4.0,
        longitude_deg=18.0,
        sigma_m=60.0,
    )
    (found,) = weigh([place(0.0, 560.0, np.eye(2))], ["car"], [0.9], [patrol], [rule()])
    assert surveyed == ()
    variance = 60.0**2 + 1.0
    truth = ncx2.cdf(500.0**2 / variance, 2, 560.0**2 / variance)
    assert found.probability == pytest.approx(truth, abs=1e-6)
    assert found.position_sigma_m == 60.0


def test_a_positions_own_radius_replaces_the_rules() -> None:
    wide = Position(
        position_id="wide",
        display_name="Wide",
        kind=PositionKind.POST,
        latitude_deg=4.0,
        longitude_deg=18.0,
        radius_m=2000.0,
    )
    at = [place(0.0, 1500.0, np.eye(2))]
    found = weigh(at, ["car"], [0.9], [BASE, wide], [DEFAULT_RULE])
    assert [(it.position_id, it.radius_m) for it in found] == [("wide", 2000.0)]


def test_category_confidence_kind_and_outcome_are_filters() -> None:
    near = place(0.0, 10.0, np.eye(2))
    nowhere = GroundPoint(outcome=Outcome.ABOVE_HORIZON)
    assert weigh([near], ["boat"], [0.9], [BASE], [rule()]) == ()
    assert weigh([near], ["car"], [0.2], [BASE], [rule()]) == ()
    assert weigh([nowhere], ["car"], [0.9], [BASE], [rule()]) == ()
    posts = rule(position_kinds=frozenset({PositionKind.POST}))
    assert weigh([near], ["car"], [0.9], [BASE], [posts]) == ()
    group = rule(categories=frozenset({"vehicle"}))
    assert len(weigh([near] * 3, ["bus", "person", "car"], [0.9] * 3, [BASE], [group])) == 2
    assert len(weigh([nowhere, near], ["car", "car"], [0.9, 0.9], [BASE], [rule()])) == 1


def test_meridian_convergence_turns_the_ellipse() -> None:
    # At 89 degrees north, 60 km east along the parallel is 31 degrees of longitude: an ellipse long
    # in the object's north is long along the position's bearing plus that convergence.
    lat, far = 89.0, 60_000.0
    lon2, lat2, back = GEOD.fwd(18.0, lat, 90.0, far)
    convergence = (back + 180.0 - 90.0) % 360.0
    cov = np.zeros((3, 3))
    cov[1, 1] = 5000.0**2
    point = GroundPoint(
        outcome=Outcome.LOCATED, latitude_deg=lat2, longitude_deg=lon2, covariance_enu_m2=cov
    )
    arctic = Position(
        position_id="arctic",
        display_name="Arctic",
        kind=PositionKind.BASE,
        latitude_deg=lat,
        longitude_deg=18.0,
        radius_m=58_000.0,
    )
    (found,) = weigh([point], ["car"], [0.9], [arctic], [rule(possible_probability=0.01)])
    # The object's north has this azimuth in the position's frame.
    north = math.radians(-convergence)
    t = np.random.default_rng(5).standard_normal(400_000) * 5000.0
    share = np.mean(np.hypot(far + t * math.sin(north), t * math.cos(north)) <= 58_000.0)
    assert found.probability == pytest.approx(float(share), abs=4e-3)


def test_ten_thousand_positions_are_cheap_and_lose_nothing() -> None:
    rng = np.random.default_rng(11)
    positions = [
        Position(
            position_id=f"p{index}",
            display_name="p",
            kind=PositionKind.POST,
            latitude_deg=float(4.0 + lat),
            longitude_deg=float(18.0 + lon),
            sigma_m=float(sigma),
        )
        for index, (lat, lon, sigma) in enumerate(
            np.column_stack([rng.uniform(-2, 2, (10_000, 2)), rng.uniform(0, 100, 10_000)])
        )
    ]
    points = [
        place(float(x), float(y), np.eye(2) * 80.0**2) for x, y in rng.normal(0, 300, (40, 2))
    ]
    weigh(points, ["car"] * 40, [0.9] * 40, positions[:10], [rule()])
    start = time.perf_counter()
    found = weigh(points, ["car"] * 40, [0.9] * 40, positions, [rule(radius_m=8000.0)])
    elapsed = time.perf_counter() - start
    lons, lats = zip(*((p.longitude_deg, p.latitude_deg) for p in points), strict=True)
    expected = 0
    for position in positions:
        _, _, distance = GEOD.inv(
            [position.longitude_deg] * 40, [position.latitude_deg] * 40, lons, lats
        )
        variance = 80.0**2 + position.sigma_m**2
        near = np.asarray(distance) < 8000.0 + 10 * math.sqrt(variance)
        for d in np.asarray(distance)[near]:
            edge = float(norm.cdf((8000.0 - d) / math.sqrt(variance)))
            expected += edge >= 0.1
    assert abs(len(found) - expected) <= 2  # a straight edge differs from the circle by a hair
    assert expected > 100
    assert elapsed < 1.0


def test_the_value_types_need_no_scipy() -> None:
    code = "import sys; sys.modules['scipy'] = None; import pipelines.incidents"
    subprocess.run([sys.executable, "-c", code], check=True)
