from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Geod
from scipy.stats import ncx2, norm

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.position_index import PositionIndex
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.proximity.weighing import Level, weigh, weigh_again
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from pipelines.threats.tracks.fusion import reweigh

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
    code = "import sys; sys.modules['scipy'] = None; import pipelines.threats.incidents.incident"
    subprocess.run([sys.executable, "-c", code], check=True)


def box_of(half_m: float, position_id: str = "yard", **changes: Any) -> Position:
    corners = [
        place(east, north, np.eye(2))
        for east, north in (
            (-half_m, -half_m),
            (half_m, -half_m),
            (half_m, half_m),
            (-half_m, half_m),
        )
    ]
    ring = tuple((float(it.longitude_deg or 0), float(it.latitude_deg or 0)) for it in corners)
    return placed(
        Position(
            position_id=position_id,
            display_name="Yard",
            kind=PositionKind.BASE,
            latitude_deg=0.0,
            longitude_deg=0.0,
            shape=Polygon(rings_lonlat=(ring,)),
            **changes,
        )
    )


def road_of(buffer_m: float, **changes: Any) -> Position:
    ends = [place(east, 0.0, np.eye(2)) for east in (-3000.0, 3000.0)]
    return placed(
        Position(
            position_id="road",
            display_name="Road",
            kind=PositionKind.ROUTE,
            latitude_deg=0.0,
            longitude_deg=0.0,
            shape=Line(
                vertices_lonlat=tuple(
                    (float(it.longitude_deg or 0), float(it.latitude_deg or 0)) for it in ends
                ),
                buffer_m=buffer_m,
            ),
            **changes,
        )
    )


def test_a_polygon_is_measured_from_its_nearest_edge() -> None:
    yard = box_of(200.0)
    (found,) = weigh([place(700.0, 50.0, np.eye(2) * 100.0)], ["car"], [0.9], [yard], [rule()])
    # 500 m from the east edge, exactly on the rule's radius.
    assert found.range_m == pytest.approx(500.0, abs=0.02)
    assert found.bearing_deg == pytest.approx(90.0, abs=0.01)
    assert found.probability == pytest.approx(0.5, abs=1e-3)
    assert (found.level, found.inside) == (Level.ALERT, False)
    spread = 10.0 * norm.ppf(0.95)
    assert found.range_low_m == pytest.approx(500.0 - spread, abs=0.5)
    assert found.range_high_m == pytest.approx(500.0 + spread, abs=0.5)
    assert found.position is yard


def test_inside_a_polygon_the_range_is_nothing() -> None:
    (found,) = weigh([place(30.0, 40.0, np.eye(2))], ["car"], [0.9], [box_of(200.0)], [rule()])
    assert (found.range_m, found.range_low_m, found.range_high_m) == (0.0, 0.0, 0.0)
    assert found.inside
    assert found.probability == 1.0
    assert found.bearing_deg == pytest.approx(math.degrees(math.atan2(30, 40)), abs=0.01)


def test_a_line_is_measured_from_its_buffer() -> None:
    (found,) = weigh(
        [place(1000.0, -330.0, np.eye(2) * 25.0)],
        ["car"],
        [0.9],
        [road_of(30.0)],
        [rule(position_kinds=frozenset())],
    )
    assert found.range_m == pytest.approx(300.0, abs=0.05)
    assert found.bearing_deg == pytest.approx(180.0, abs=0.05)
    assert found.position_id == "road"


def test_the_error_of_a_shape_counts_as_that_of_a_point_does() -> None:
    at = [place(700.0, 0.0, np.diag([30.0**2, 900.0**2]))]
    sure, unsure = box_of(200.0), box_of(200.0, "unsure", sigma_m=40.0)
    found = weigh(at, ["car"], [0.9], [sure, unsure], [rule(radius_m=520.0)])
    by = {it.position_id: it for it in found}
    rng = np.random.default_rng(8)
    for position, sigma in ((sure, 0.0), (unsure, 40.0)):
        # Each is off as a whole: draw where the object and the yard are.
        draws = rng.standard_normal((400_000, 4)) * [30.0, 900.0, sigma, sigma]
        x, y = 700.0 + draws[:, 0] - draws[:, 2], draws[:, 1] - draws[:, 3]
        beside = np.maximum(np.abs(np.stack([x, y])) - 200.0, 0.0)
        share = float(np.mean(np.hypot(*beside) <= 520.0))
        assert by[position.position_id].probability == pytest.approx(share, abs=3e-3)
        assert by[position.position_id].position_sigma_m == sigma


@pytest.mark.parametrize(
    "shape", [box_of(60.0), road_of(10.0), BASE], ids=["area", "line", "point"]
)
def test_the_tail_of_a_large_ellipse_is_possible_whatever_the_shape(shape: Position) -> None:
    # Sigma 3 km along one axis, 400 m along the other: hardly anything lies within 300 m of either.
    wide = np.diag([400.0**2, 3000.0**2])
    told = rule(radius_m=300.0, position_kinds=frozenset())
    (found,) = weigh([place(0.0, 3500.0, wide)], ["person"], [0.9], [shape], [told])
    assert found.level is Level.POSSIBLE
    assert found.probability < told.possible_probability
    # Far outside of its 90 % region it is not plausible any more.
    assert weigh([place(0.0, 9500.0, wide)], ["person"], [0.9], [shape], [told]) == ()


def test_weighed_again_elsewhere_is_as_if_weighed_there() -> None:
    here, there = place(700.0, 50.0, np.eye(2) * 100.0), place(650.0, -80.0, np.eye(2) * 400.0)
    for position in (box_of(200.0), road_of(30.0), BASE):
        told = rule(radius_m=900.0, position_kinds=frozenset())
        (before,) = weigh([here], ["car"], [0.9], [position], [told])
        (direct,) = weigh([there], ["car"], [0.9], [position], [told])
        again = weigh_again(before, there, position)
        for name in ("range_m", "range_low_m", "range_high_m", "bearing_deg", "probability"):
            assert getattr(again, name) == pytest.approx(getattr(direct, name), rel=1e-9), name
        assert again.ground == there
        # And so does what fuses two sightings.
        assert reweigh(before, there).range_m == again.range_m


def test_an_index_gives_what_positions_give() -> None:
    rng = np.random.default_rng(12)
    positions = [
        *(box_of(float(half), f"yard-{half:.0f}") for half in rng.uniform(20, 900, 8)),
        road_of(30.0),
        BASE,
    ]
    points = [place(float(x), float(y), np.eye(2) * 900.0) for x, y in rng.normal(0, 900, (30, 2))]
    told = [rule(radius_m=200.0, position_kinds=frozenset())]
    arguments = (points, ["car"] * 30, [0.9] * 30)
    found = weigh(*arguments, positions, told)
    assert weigh(*arguments, PositionIndex.of(positions), told) == found
    # Each pair on its own: the filter of the whole frame loses none.
    alone = [
        (row, it.position_id)
        for row, point in enumerate(points)
        for position in positions
        for it in weigh([point], ["car"], [0.9], [position], told)
    ]
    assert sorted(alone) == sorted((it.detection_index, it.position_id) for it in found)
    assert len({position_id for _, position_id in alone}) > 5


def test_a_rule_for_some_positions_weighs_no_other() -> None:
    other = replace(BASE, position_id="other")
    told = rule(position_ids=frozenset({"other"}))
    (found,) = weigh([place(0.0, 10.0, np.eye(2))], ["car"], [0.9], [BASE, other], [told])
    assert found.position_id == "other"
