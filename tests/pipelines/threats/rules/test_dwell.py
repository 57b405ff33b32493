from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyproj import Geod

from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line
from pipelines.threats.rules.dwell import stay
from pipelines.threats.rules.requirements import Dwell
from pipelines.threats.tracks.track import Track, TrackPoint

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POST = Position(
    position_id="alpha",
    display_name="Post Alpha",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=18.0,
)
ASKED = Dwell(min_s=300.0)


def track(
    looks: Sequence[tuple[float | None, float, float]], *, count: int = 0, since_s: float = 0.0
) -> Track:
    """Looks as (seconds after noon, metres east, sigma); more of them long before where said."""
    points = []
    for number, (seconds, east_m, sigma) in enumerate(looks):
        lon, lat, _ = GEOD.fwd(18.0, 4.0, 90.0, east_m)
        points.append(
            TrackPoint(
                imagery_id=f"i{number}",
                detection_index=0,
                captured_at=None if seconds is None else NOON + timedelta(seconds=seconds),
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
        sighting_count=max(count, len(points)),
        first_seen_at=NOON + timedelta(seconds=since_s) if count else points[0].captured_at,
        last_seen_at=last.captured_at,
        imagery_id=last.imagery_id,
        points=tuple(points),
    )


def test_a_stay_runs_from_the_first_to_the_last_look_within() -> None:
    found = stay(track([(0, 900, 5), (60, 90, 5), (200, 40, 5), (420, 60, 5)]), POST, 100.0, ASKED)
    assert found is not None
    assert (found.least_s, found.most_s) == (360.0, 360.0)


def test_a_look_beyond_ends_it_and_a_long_gap_as_well() -> None:
    away = stay(track([(0, 50, 5), (60, 300, 5), (200, 40, 5), (420, 60, 5)]), POST, 100.0, ASKED)
    assert away is not None
    assert away.least_s == 220.0
    gone = stay(track([(0, 50, 5), (420, 300, 5)]), POST, 100.0, ASKED)
    assert gone is not None
    assert (gone.least_s, gone.most_s) == (0.0, 0.0)
    looks = [(0.0, 50.0, 5.0), (1801.0, 50.0, 5.0), (1900.0, 50.0, 5.0)]
    late = stay(track(looks), POST, 100.0, ASKED)
    assert late is not None
    assert late.most_s == 99.0
    patient = stay(track(looks), POST, 100.0, Dwell(min_s=300.0, max_gap_s=1801.0))
    assert patient is not None
    assert patient.least_s == 1900.0


def test_each_look_counts_by_its_own_probability() -> None:
    # On the circle itself about half of a small ellipse is within; at 108 m, 8 sigma of 1 m beyond,
    # nothing; at 95 m with a sigma of 5 m, P(x < 100) is about 84 %.
    strict = Dwell(min_s=1.0, probability=0.9)
    near = track([(0, 20, 5), (60, 95, 5), (120, 20, 5)])
    assert stay(near, POST, 100.0, Dwell(min_s=1.0)).least_s == 120.0  # type: ignore[union-attr]
    assert stay(near, POST, 100.0, strict).least_s == 0.0  # type: ignore[union-attr]


def test_the_error_of_the_position_counts() -> None:
    looks = track([(0, 60, 1), (120, 60, 1)])
    patrol = Position(
        position_id="p",
        display_name="Patrol",
        kind=PositionKind.PATROL,
        latitude_deg=4.0,
        longitude_deg=18.0,
        sigma_m=60.0,
    )
    # A Gaussian of sigma 60 m around a point 60 m away: within 100 m by 62 % (tables of the
    # non-central chi-squared: ncx2.cdf((100/60)^2, 2, 1)).
    assert stay(looks, patrol, 100.0, Dwell(min_s=1.0, probability=0.55)).least_s == 120.0  # type: ignore[union-attr]
    assert stay(looks, patrol, 100.0, Dwell(min_s=1.0, probability=0.65)).least_s == 0.0  # type: ignore[union-attr]


def test_a_look_too_uncertain_to_tell_neither_begins_nor_ends_a_stay() -> None:
    # A sigma of 200 m puts at most 1 - exp(-1/8) = 12 % within 100 m, wherever it stands.
    between = stay(track([(0, 10, 5), (100, 400, 200), (200, 10, 5)]), POST, 100.0, ASKED)
    assert between is not None
    assert (between.least_s, between.most_s) == (200.0, 200.0)
    before = stay(track([(0, 10, 200), (100, 10, 5), (200, 10, 5)]), POST, 100.0, ASKED)
    assert before is not None
    assert (before.least_s, before.most_s) == (100.0, 200.0)
    assert stay(track([(0, 10, 200), (100, 10, 200)]), POST, 100.0, ASKED) is None


def test_looks_no_longer_kept_may_have_been_part_of_it() -> None:
    looks = [(600.0 + 2.0 * at, 20.0, 5.0) for at in range(16)]
    found = stay(track(looks, count=300, since_s=0.0), POST, 100.0, ASKED)
    assert found is not None
    assert (found.least_s, found.most_s) == (30.0, 630.0)


def test_without_times_nobody_knows() -> None:
    assert stay(track([(None, 10, 5), (None, 10, 5)]), POST, 100.0, ASKED) is None
    assert stay(track([(0, 10, 5), (None, 10, 5)]), POST, 100.0, ASKED) is None


def test_one_look_is_no_stay_yet() -> None:
    found = stay(track([(0, 10, 5)]), POST, 100.0, ASKED)
    assert found is not None
    assert (found.least_s, found.most_s) == (0.0, 0.0)


@pytest.mark.parametrize(("north_m", "expected"), [(0.0, 120.0), (80.0, 0.0)])
def test_a_stay_on_a_route_is_measured_from_its_line(north_m: float, expected: float) -> None:
    def at(east: float, north: float) -> tuple[float, float]:
        lon, lat, _ = GEOD.fwd(
            18.0, 4.0, math.degrees(math.atan2(east, north)), math.hypot(east, north)
        )
        return lon, lat

    line = Line(vertices_lonlat=(at(-2000, north_m), at(2000, north_m)), buffer_m=5.0)
    route = placed(
        Position(
            position_id="r",
            display_name="Route",
            kind=PositionKind.ROUTE,
            latitude_deg=0.0,
            longitude_deg=0.0,
            shape=line,
        )
    )
    found = stay(track([(0, 900, 4), (120, 900, 4)]), route, 20.0, Dwell(min_s=60.0))
    assert found is not None
    assert found.least_s == expected
