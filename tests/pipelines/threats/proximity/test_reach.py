"""What the tiles of a frame may leave out: never ground from which a position would be weighed."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.geometry.ground_scale import GroundCorners, within_reach
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.position_index import FixedPositions, PositionIndex
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.positions.use_times import parse_use_time
from pipelines.threats.proximity.reach import Reach, positions_around, reach
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.rule import DEFAULT_RULE

GEOD = Geod(ellps="WGS84")
EVERY = replace(DEFAULT_RULE, position_kinds=frozenset(), min_confidence=0.1)


def at(east_m: float, north_m: float) -> tuple[float, float]:
    """Longitude and latitude."""
    turn = math.degrees(math.atan2(east_m, north_m))
    longitude, latitude, _ = GEOD.fwd(31.0, 4.0, turn, math.hypot(east_m, north_m))
    return longitude, latitude


def shaped(shape: Line | Polygon, kind: PositionKind, **changes: object) -> Position:
    values = {
        "position_id": "shape",
        "display_name": "Shape",
        "kind": kind,
        "latitude_deg": 0.0,
        "longitude_deg": 0.0,
        "shape": shape,
    }
    return placed(Position(**(values | changes)))  # type: ignore[arg-type]


ROUTE = shaped(
    Line(vertices_lonlat=(at(-40_000, 0), at(0, 0), at(30_000, 30_000)), buffer_m=100.0),
    PositionKind.ROUTE,
    sigma_m=20.0,
)
CAMP = shaped(
    Polygon(rings_lonlat=((at(-3000, 5000), at(4000, 5000), at(4000, 9000)),)), PositionKind.CAMP
)
POST = Position(
    position_id="post",
    display_name="Post",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=31.0,
    radius_m=1200.0,
    sigma_m=30.0,
)


def holds(discs: Reach, longitude: float, latitude: float, margin_m: float = 0.0) -> bool:
    count = len(discs.radius_m)
    *_, away = GEOD.inv(
        discs.longitude_deg, discs.latitude_deg, np.full(count, longitude), np.full(count, latitude)
    )
    return bool((np.asarray(away) <= discs.radius_m + margin_m).any())


@pytest.mark.parametrize("position", [ROUTE, CAMP, POST], ids=["route", "camp", "post"])
def test_whatever_is_weighed_lies_in_a_disc(position: Position) -> None:
    discs = reach([position], [EVERY])
    assert discs is not None
    rng = np.random.default_rng(20)
    seen = 0
    for _ in range(1500):
        longitude, latitude = at(*rng.uniform(-45_000, 45_000, 2))
        if rng.uniform() < 0.5:
            longitude, latitude = at(*rng.normal(0, 3000, 2))
        sigma = float(rng.choice([1.0, 50.0, 400.0]))
        point = GroundPoint(
            outcome=Outcome.LOCATED,
            latitude_deg=latitude,
            longitude_deg=longitude,
            covariance_enu_m2=np.eye(3) * sigma**2,
        )
        if weigh([point], ["car"], [0.9], [position], [EVERY]):
            seen += 1
            assert holds(discs, longitude, latitude, 8.5 * math.sqrt(2.0) * sigma)
    assert seen > 20


def test_a_route_leaves_out_what_is_beside_it() -> None:
    discs = reach([ROUTE], [EVERY])
    assert discs is not None
    assert holds(discs, *at(-20_000, 1000))
    # One disc around a route of 80 km would hold all of this.
    assert not holds(discs, *at(-20_000, 6000))
    assert not holds(discs, *at(20_000, -5000))


def corners(side: int, span_m: float, sigma_m: float) -> GroundCorners:
    places = np.array(
        [
            [at(x, y) for x in np.linspace(-span_m, span_m, side)]
            for y in np.linspace(span_m, -span_m, side)
        ]
    )
    return GroundCorners(
        latitude_deg=places[..., 1],
        longitude_deg=places[..., 0],
        sigma_m=np.full((side, side), sigma_m),
    )


def slowly(ground: GroundCorners, discs: Reach) -> NDArray[np.bool_]:
    """The same by every distance from every disc to every corner."""
    flat_lat, flat_lon = ground.latitude_deg.ravel(), ground.longitude_deg.ravel()
    outside = np.full(len(flat_lat), np.inf)
    for latitude, longitude, radius in zip(
        discs.latitude_deg, discs.longitude_deg, discs.radius_m, strict=True
    ):
        *_, away = GEOD.inv(
            np.full(len(flat_lon), longitude), np.full(len(flat_lon), latitude), flat_lon, flat_lat
        )
        outside = np.minimum(outside, np.asarray(away) - radius - 8.5 * ground.sigma_m.ravel())
    grid = outside.reshape(ground.latitude_deg.shape)
    least = np.minimum.reduce([grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]])
    lat, lon = ground.latitude_deg, ground.longitude_deg
    *_, falling = GEOD.inv(lon[:-1, :-1], lat[:-1, :-1], lon[1:, 1:], lat[1:, 1:])
    *_, rising = GEOD.inv(lon[:-1, 1:], lat[:-1, 1:], lon[1:, :-1], lat[1:, :-1])
    return np.asarray(least <= np.maximum(falling, rising))


@pytest.mark.parametrize(("span_m", "sigma_m"), [(200.0, 3.0), (3000.0, 10.0), (20_000.0, 60.0)])
def test_the_quick_filter_of_discs_leaves_the_same_cells(span_m: float, sigma_m: float) -> None:
    rng = np.random.default_rng(21)
    posts = [
        replace(POST, position_id=f"p{index}", longitude_deg=lon, latitude_deg=lat, radius_m=None)
        for index, (lon, lat) in enumerate(at(*rng.uniform(-30_000, 30_000, 2)) for _ in range(60))
    ]
    discs = reach([*posts, ROUTE], [EVERY])
    assert discs is not None
    ground = corners(15, span_m, sigma_m)
    assert np.array_equal(within_reach(ground, discs), slowly(ground, discs))


def test_only_positions_near_by_are_drawn_and_written_down() -> None:
    far = replace(POST, position_id="far", latitude_deg=5.0)
    unguarded = replace(POST, position_id="clinic", kind=PositionKind.CLINIC)
    index = PositionIndex.of([far, POST, ROUTE, unguarded])
    ring = np.array([at(-300, -300), at(300, -300), at(300, 300), at(-300, 300), at(-300, -300)])
    rule = replace(EVERY, position_kinds=frozenset({PositionKind.POST, PositionKind.ROUTE}))
    near = positions_around(index, [rule], ring, ())
    assert [it.position_id for it in near.positions] == ["post", "shape"]
    # A frame of which nothing is known is near to nothing.
    assert len(positions_around(index, [rule], None, ())) == 0
    # An object that may be far off brings in what it may be near to.
    lon, lat = at(0, 110_000)
    unsure = GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=lat,
        longitude_deg=lon,
        covariance_enu_m2=np.eye(3) * 100.0,
    )
    assert [it.position_id for it in positions_around(index, [rule], None, [unsure]).positions] == [
        "far"
    ]


def test_what_is_not_in_use_is_not_there() -> None:
    monday = replace(ROUTE, use_times=(parse_use_time("mon UTC"),))
    fixed = FixedPositions(positions=(POST, monday))
    for day, names in ((5, ["post", "shape"]), (6, ["post"])):
        found = fixed.at(datetime(2026, 1, day, 12, tzinfo=UTC))
        assert [it.position_id for it in found.positions] == names
        index = PositionIndex.of((POST, monday)).in_use_at(datetime(2026, 1, day, 12, tzinfo=UTC))
        assert [it.position_id for it in index.positions] == names
    assert len(fixed.at(None)) == 2


def test_joined_indices_are_one_index_of_all() -> None:
    one, two = PositionIndex.of([POST, CAMP]), PositionIndex.of([ROUTE], unknown=["patrol-9"])
    whole, joined = PositionIndex.of([POST, CAMP, ROUTE]), one.joined(two)
    for name in ("latitude_deg", "longitude_deg", "sigma_m", "extent_m", "radius_m", "kinds"):
        assert np.array_equal(getattr(joined, name), getattr(whole, name), equal_nan=True)
    every = np.arange(3)
    assert np.array_equal(joined.unit(every), whole.unit(every))
    assert joined.positions == whole.positions
    assert joined.unknown == ("patrol-9",)
