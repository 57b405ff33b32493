from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.sentry import Observation, Watch
from pipelines.threats.positions.position import CIVILIAN_KINDS, Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule import DEFAULT_RULE, guards, rule_faults
from pipelines.threats.tracks.tracker import Frame

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Things = Sequence[tuple[str, float, float]]


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        33.0, 35.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


def position(kind: PositionKind, shape: Line | Polygon | None = None) -> Position:
    return placed(
        Position(
            position_id=kind.value.replace("_", "-"),
            display_name=kind.value,
            kind=kind,
            latitude_deg=35.0,
            longitude_deg=33.0,
            sigma_m=5.0 if kind is PositionKind.PATROL else 0.0,
            shape=shape,
        )
    )


CORNERS = [(-600, -600), (600, -600), (600, 600), (-600, 600), (-600, -600)]
FOOTPRINT = np.array([lonlat(*corner) for corner in CORNERS])
EAST_WEST = Line(vertices_lonlat=(lonlat(-900, 0), lonlat(900, 0)))
SQUARE = Polygon(
    rings_lonlat=((lonlat(-100, -100), lonlat(100, -100), lonlat(100, 100), lonlat(-100, 100)),)
)


def frame(number: int, seconds: float, things: Things, sigma: float = 2.0) -> Frame:
    ground = []
    for _, east, north in things:
        lon, lat = lonlat(east, north)
        ground.append(
            GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=lat,
                longitude_deg=lon,
                hae_m=100.0,
                covariance_enu_m2=np.diag([sigma**2, sigma**2, 9.0]),
                ce90_m=2.146 * sigma,
                le90_m=4.9,
                slant_range_m=120.0,
                depression_deg=50.0,
                terrain="flat:test",
            )
        )
    return Frame(
        imagery_id=f"i{number:03}",
        captured_at=NOON + timedelta(seconds=seconds),
        ground=ground,
        categories=[category for category, _, _ in things],
        confidences=[0.8] * len(things),
        footprint_lonlat=FOOTPRINT,
    )


def raised(frames: Sequence[Frame], watched: Position) -> list[str]:
    """The rules that raised something, by the frames in order."""
    watch, told = Watch(), []
    for one in frames:
        seen: Observation
        watch, seen = watch.observe(one, positions=[watched], rules=DEFAULT_RULES)
        told += [it.incident.best.rule_id for it in seen.changes if it.kind.value == "raised"]
    return told


def test_they_are_valid_and_built_in() -> None:
    for rule in DEFAULT_RULES:
        assert list(rule_faults(rule)) == []
        assert rule.revision == 0
        assert rule.description
    names = [rule.rule_id for rule in DEFAULT_RULES]
    assert sorted(set(names)) == sorted(names)
    assert names[0] == "default"


@pytest.mark.parametrize("kind", PositionKind)
def test_every_kind_is_guarded(kind: PositionKind) -> None:
    assert any(guards(rule, position(kind)) for rule in DEFAULT_RULES)


def test_a_base_post_or_patrol_has_the_one_rule_it_always_had() -> None:
    for kind in (PositionKind.BASE, PositionKind.POST, PositionKind.PATROL):
        assert [it for it in DEFAULT_RULES if guards(it, position(kind))] == [DEFAULT_RULE]
    asks = ("cluster", "dwell", "closing", "arrival", "convoy", "crossing", "new_object", "hours")
    assert [getattr(DEFAULT_RULE, name) for name in asks] == [None] * len(asks)
    assert (DEFAULT_RULE.radius_m, DEFAULT_RULE.min_sightings) == (500.0, 1)
    assert (DEFAULT_RULE.possible_probability, DEFAULT_RULE.alert_probability) == (0.1, 0.5)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["person", "car", "van", "truck", "bus", "two-wheeler", "tricycle"]),
    st.floats(0.0, 450.0),
    st.floats(0.0, 360.0),
    st.sampled_from([PositionKind.BASE, PositionKind.POST, PositionKind.PATROL]),
)
def test_whatever_comes_near_a_base_post_or_patrol_is_shown_at_first_sight(
    category: str, range_m: float, bearing: float, kind: PositionKind
) -> None:
    turn = math.radians(bearing)
    thing = (category, range_m * math.sin(turn), range_m * math.cos(turn))
    assert raised([frame(0, 0, [thing])], position(kind)) == ["default"]


def test_a_route_tells_what_is_new_on_it_and_crowds() -> None:
    route = position(PositionKind.ROUTE, EAST_WEST)
    parked = ("car", 200.0, 4.0)
    first = [frame(at, 10.0 * at, [parked]) for at in range(3)]
    assert raised(first, route) == []
    crowd = [("person", 10.0 * at, 5.0) for at in range(5)]
    assert raised([frame(0, 0, crowd)], route) == ["route-crowd"]
    assert raised([frame(0, 0, crowd[:4])], route) == []


def test_a_protected_site_tells_of_vehicles_together_and_of_columns_and_not_of_people() -> None:
    people = [("person", 12.0 * at, 30.0) for at in range(8)]
    parked = [("truck", 40.0 * at, 120.0) for at in range(3)]
    for kind in CIVILIAN_KINDS:
        assert raised([frame(0, 0, people)], position(kind, SQUARE)) == []
        assert raised([frame(0, 0, parked[:2])], position(kind, SQUARE)) == []
        assert raised([frame(0, 0, parked)], position(kind, SQUARE)) == ["protected-site"]
    # Beyond the radius for those that stand, a column that drives is told of all the same.
    camp = position(PositionKind.CAMP, SQUARE)
    driving = [
        frame(at, 2.0 * at, [("truck", -500.0 + 45.0 * k + 6.0 * at, 550.0) for k in range(4)])
        for at in range(8)
    ]
    assert "protected-convoy" in raised(driving, camp)


def test_a_ceasefire_line_tells_who_goes_over_it_and_nobody_else() -> None:
    line = position(PositionKind.CEASEFIRE_LINE, EAST_WEST)
    over = [frame(at, 5.0 * at, [("person", 50.0, -20.0 + 6.0 * at)]) for at in range(8)]
    assert raised(over, line) == ["ceasefire-line"]
    along = [frame(at, 5.0 * at, [("person", 50.0 + 6.0 * at, -20.0)]) for at in range(8)]
    assert raised(along, line) == []


def test_a_buffer_zone_tells_of_vehicles_inside_and_of_who_enters() -> None:
    zone = position(PositionKind.BUFFER_ZONE, SQUARE)
    assert raised([frame(0, 0, [("car", 20.0, 20.0)])], zone) == ["buffer-zone"]
    assert raised([frame(0, 0, [("person", 20.0, 20.0)])], zone) == []
    entering = [frame(at, 5.0 * at, [("person", 50.0, -130.0 + 6.0 * at)]) for at in range(10)]
    assert raised(entering, zone) == ["ceasefire-line"]
