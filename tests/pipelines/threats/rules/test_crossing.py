from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyproj import Geod

from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.rules.crossing import Way, passage
from pipelines.threats.tracks.track import Track, TrackPoint

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        33.0, 35.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


def watched(shape: Line | Polygon, sigma_m: float = 0.0) -> Position:
    kind = PositionKind.CEASEFIRE_LINE if isinstance(shape, Line) else PositionKind.BUFFER_ZONE
    return placed(
        Position(
            position_id="line",
            display_name="The line",
            kind=kind,
            latitude_deg=0.0,
            longitude_deg=0.0,
            sigma_m=sigma_m,
            shape=shape,
        )
    )


def track(looks: Sequence[tuple[float, float]], sigma: float = 3.0, *, timed: bool = True) -> Track:
    points = []
    for number, (east, north) in enumerate(looks):
        lon, lat = lonlat(east, north)
        points.append(
            TrackPoint(
                imagery_id=f"i{number}",
                detection_index=0,
                captured_at=NOON + timedelta(seconds=10 * number) if timed else None,
                latitude_deg=lat,
                longitude_deg=lon,
                covariance_m2=sigma**2 * np.eye(2),
            )
        )
    last = points[-1]
    return Track(
        track_id="t",
        category="person",
        confidence=0.8,
        latitude_deg=last.latitude_deg,
        longitude_deg=last.longitude_deg,
        covariance_m2=last.covariance_m2,
        velocity_m_s=None,
        velocity_covariance=None,
        sighting_count=len(points),
        first_seen_at=points[0].captured_at,
        last_seen_at=last.captured_at,
        imagery_id=last.imagery_id,
        points=tuple(points),
    )


# From west to east with a bend in the middle.
LINE = Line(vertices_lonlat=(lonlat(-800, 0), lonlat(0, 0), lonlat(600, 300)))
ZONE = Polygon(
    rings_lonlat=((lonlat(-300, -100), lonlat(300, -100), lonlat(300, 100), lonlat(-300, 100)),)
)


def probability(looks: Sequence[tuple[float, float]], sigma: float, error_m: float = 0.0) -> float:
    found = passage(track(looks, sigma), watched(LINE, error_m))
    assert found is not None
    assert found.way is Way.OVER
    return found.probability


def test_who_walks_over_has_crossed_and_who_walks_along_has_not() -> None:
    over = [(-400.0, -60.0), (-400.0, -20.0), (-400.0, 20.0), (-400.0, 60.0)]
    assert probability(over, 3.0) > 0.999
    assert probability(over[:2], 3.0) < 0.001
    assert probability(over[::-1], 3.0) > 0.999
    along = [(-500.0 + 20.0 * step, -30.0) for step in range(12)]
    assert probability(along, 3.0) < 0.001


def test_who_turned_back_has_not_crossed_for_his_last_look_is_on_the_side_of_the_first() -> None:
    assert probability([(-400.0, -60.0), (-400.0, -40.0), (-400.0, -60.0)], 3.0) < 0.001


@pytest.mark.parametrize(
    ("before", "after", "sigma"), [(-30.0, 10.0, 20.0), (-10.0, 5.0, 12.0), (-60.0, 40.0, 35.0)]
)
def test_the_probability_is_that_of_both_sides(before: float, after: float, sigma: float) -> None:
    # A straight stretch: P(first below) x P(last above), errors independent.
    def cdf(value: float) -> float:
        return 0.5 * math.erfc(-value / math.sqrt(2.0))

    expected = cdf(-before / sigma) * cdf(after / sigma)
    assert probability([(-400.0, before), (-400.0, after)], sigma) == pytest.approx(
        expected, abs=0.01
    )


def test_an_error_of_the_line_moves_both_sides_alike() -> None:
    # The line's offset e is common: P(-30 < e < 30) for a sigma of 20 and exact looks.
    expected = math.erf(30.0 / 20.0 / math.sqrt(2.0))
    assert probability([(-400.0, -30.0), (-400.0, 30.0)], 0.01, 20.0) == pytest.approx(
        expected, abs=0.01
    )


def test_the_jitter_of_looks_along_the_line_itself_is_no_crossing() -> None:
    rng = np.random.default_rng(3)
    told = []
    for _ in range(100):
        # Along the line and one sigma off it.
        looks = [(-700.0 + 20.0 * step, float(rng.normal(-4.0, 4.0))) for step in range(16)]
        # The place of a track unites its looks, and states no less than the error of one.
        lon, lat = lonlat(*np.mean(looks[-4:], axis=0))
        found = passage(
            replace(track(looks, 4.0), longitude_deg=lon, latitude_deg=lat), watched(LINE)
        )
        assert found is not None
        told.append(found.probability)
    # Nearer the line than its own error, it may be thought to have crossed; never surely.
    assert np.mean(np.array(told) >= 0.5) <= 0.08
    assert max(told) < 0.8
    # On the line exactly, one direction in four.
    assert probability([(-500.0, 0.0), (-400.0, 0.0)], 4.0) == pytest.approx(0.25, abs=0.01)


def test_a_car_that_was_seen_once_before_the_line_has_crossed() -> None:
    looks = [(-400.0, -12.0 + 20.0 * step) for step in range(16)]
    assert probability(looks, 4.0) > 0.9


def test_a_line_has_ends_and_bends() -> None:
    assert probability([(-900.0, -50.0), (-900.0, 50.0)], 3.0) < 0.001
    # North of the first stretch's prolongation, and south of the second stretch.
    assert probability([(300.0, 20.0), (300.0, 80.0)], 3.0) < 0.001
    assert probability([(300.0, 100.0), (300.0, 200.0)], 3.0) > 0.999
    # Through the bend: once, not once for each stretch.
    assert probability([(0.0, -60.0), (0.0, 60.0)], 3.0) > 0.999
    # In over one stretch and out over the other is on the first side again.
    assert probability([(-30.0, -10.0), (60.0, 20.0)], 0.5) < 0.001


def test_a_zone_is_entered_and_left() -> None:
    into = passage(track([(0.0, -200.0), (0.0, -150.0), (0.0, -20.0)]), watched(ZONE))
    assert into is not None
    assert (into.way, into.probability > 0.999) == (Way.INTO, True)
    out = passage(track([(0.0, -20.0), (0.0, -150.0)]), watched(ZONE))
    assert out is not None
    assert (out.way, out.probability > 0.999) == (Way.OUT_OF, True)
    through = passage(track([(0.0, -200.0), (0.0, 200.0)]), watched(ZONE))
    assert through is not None
    assert through.probability < 0.001
    within = passage(track([(0.0, -50.0), (0.0, 50.0)]), watched(ZONE))
    assert within is not None
    assert within.probability < 0.001


def test_one_look_has_not_crossed_and_looks_without_times_cannot_tell() -> None:
    assert passage(track([(0.0, -20.0)]), watched(ZONE)).probability == 0.0  # type: ignore[union-attr]
    assert passage(track([(0.0, -20.0), (0.0, 20.0)], timed=False), watched(ZONE)) is None


def test_a_point_is_not_crossed() -> None:
    post = Position(
        position_id="p",
        display_name="Post",
        kind=PositionKind.POST,
        latitude_deg=35.0,
        longitude_deg=33.0,
    )
    assert passage(track([(0.0, -20.0), (0.0, 20.0)]), post) is None
