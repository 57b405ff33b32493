from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyproj import Geod

from pipelines.threats.rules.looks import Look, Newness, newness
from pipelines.threats.rules.requirements import NewObject
from pipelines.threats.tracks.track import Track, TrackPoint

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ASKED = NewObject(since_s=86_400.0)


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        18.0, 4.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


def look(hours: float, half_m: float = 100.0, east_m: float = 0.0) -> Look:
    """A square frame around a place, some hours from noon."""
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m)]
    ring = [lonlat(east_m + east, north) for east, north in [*corners, corners[0]]]
    return Look(
        imagery_id=f"look{hours}",
        captured_at=NOON + timedelta(hours=hours),
        footprint_lonlat=np.array(ring),
    )


def seen(
    hours: float = 0.0,
    east_m: float = 0.0,
    sigma: float = 5.0,
    *,
    name: str = "t",
    category: str = "truck",
    velocity: tuple[float, float] | None = None,
) -> Track:
    lon, lat = lonlat(east_m, 0.0)
    at = NOON + timedelta(hours=hours)
    covariance = sigma**2 * np.eye(2)
    point = TrackPoint(
        imagery_id="i",
        detection_index=0,
        captured_at=at,
        latitude_deg=lat,
        longitude_deg=lon,
        covariance_m2=covariance,
    )
    return Track(
        track_id=name,
        category=category,
        confidence=0.8,
        latitude_deg=lat,
        longitude_deg=lon,
        covariance_m2=covariance,
        velocity_m_s=None if velocity is None else np.array(velocity),
        velocity_covariance=None if velocity is None else 0.1 * np.eye(2),
        sighting_count=1,
        first_seen_at=at,
        last_seen_at=at,
        imagery_id="i",
        points=(point,),
    )


def told(track: Track, *looks: Look, others: tuple[Track, ...] = ()) -> Newness | None:
    return newness(track, ASKED, looks=looks, tracks=others, captured_at=NOON)


def test_what_stands_where_an_earlier_look_saw_nothing_is_new_since_the_latest_such() -> None:
    found = told(seen(), look(-5), look(-2), look(-2.5))
    assert found == Newness(is_new=True, empty_at=NOON - timedelta(hours=2))


def test_a_look_that_came_later_or_long_before_or_shows_other_ground_tells_nothing() -> None:
    assert told(seen(-1), look(-0.5)) is None
    assert told(seen(), look(-24.1)) is None
    assert told(seen(), look(-2, east_m=300.0)) is None
    assert told(seen()) is None


def test_the_frame_has_to_show_the_place_with_its_error() -> None:
    # 80 m from the middle of a frame of 100 m to each side: twice 5 m fits, twice 15 m does not.
    assert told(seen(east_m=80.0, sigma=5.0), look(-2)) is not None
    assert told(seen(east_m=80.0, sigma=15.0), look(-2)) is None


def test_what_another_track_was_seen_at_before_is_not_new() -> None:
    before = seen(-3, 6.0, name="u")
    assert told(seen(), look(-5), others=(before,)) == Newness(is_new=False)
    assert told(seen(), look(-5), others=(seen(-3, 90.0, name="u"),)) == Newness(
        is_new=True, empty_at=NOON - timedelta(hours=5)
    )
    # A person at that place was another thing.
    person = seen(-3, 6.0, name="u", category="person")
    found = told(seen(), look(-5), others=(person,))
    assert found is not None
    assert found.is_new


def test_its_own_track_is_not_another() -> None:
    found = told(seen(), look(-5), others=(seen(),))
    assert found is not None
    assert found.is_new


def test_what_drives_by_is_not_new_at_its_place() -> None:
    assert told(seen(velocity=(8.0, 0.0)), look(-2)) == Newness(is_new=False)
    standing = told(seen(velocity=(0.2, 0.1)), look(-2))
    assert standing is not None
    assert standing.is_new


@pytest.mark.parametrize(("hours", "expected"), [(-23.9, True), (-24.1, False)])
def test_what_has_been_there_as_long_as_the_rule_looks_back_is_no_longer_new(
    hours: float, expected: bool
) -> None:
    found = told(seen(hours), look(-23.95))
    assert found is not None
    assert found.is_new is expected


def test_without_a_time_nobody_knows() -> None:
    found = newness(seen(), ASKED, looks=[look(-2)], tracks=(), captured_at=None)
    assert found is None
