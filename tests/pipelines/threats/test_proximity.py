from __future__ import annotations

import math
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Geod
from scipy.stats import ncx2, norm

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions import Position, PositionKind
from pipelines.threats.proximity import Level, weigh
from pipelines.threats.rules import DEFAULT_RULE, Rule

GEOD = Geod(ellps="WGS84")


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
    start = time.process_time()
    found = weigh(points, ["car"] * 40, [0.9] * 40, positions, [rule(radius_m=8000.0)])
    elapsed = time.process_time() - start
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
    assert elapsed < 1.5  # of this process, however loaded the machine


def test_the_value_types_need_no_scipy() -> None:
    code = "import sys; sys.modules['scipy'] = None; import pipelines.threats.incidents"
    subprocess.run([sys.executable, "-c", code], check=True)
