from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.track import Mobility, Track
from pipelines.threats.tracks.track_state import fused_covariance
from pipelines.threats.tracks.tracker import Frame, advance

Floats = NDArray[np.float64]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANE = LocalPlane(latitude_deg=4.0, longitude_deg=18.0)


def located(east_m: float, north_m: float, sigma: float | Floats = 2.0) -> GroundPoint:
    latitude, longitude = PLANE.place(np.array([east_m, north_m]))
    full = np.zeros((3, 3))
    full[:2, :2] = sigma**2 * np.eye(2) if isinstance(sigma, float | int) else sigma
    full[2, 2] = 4.0
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=latitude,
        longitude_deg=longitude,
        hae_m=400.0,
        covariance_enu_m2=full,
        ce90_m=5.0,
        le90_m=3.3,
    )


def at(place_m: Floats) -> GroundPoint:
    return located(float(place_m[0]), float(place_m[1]), 1.5)


def ring(half_m: float, *, east_m: float = 0.0) -> Floats:
    corners = half_m * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    return np.array([PLANE.place(corner + np.array([east_m, 0.0]))[::-1] for corner in corners])


def shown(
    number: int,
    seconds: float | None,
    *points: GroundPoint,
    category: str = "car",
    ring_m: float | None = None,
) -> Frame:
    return Frame(
        imagery_id=f"i{number}",
        captured_at=None if seconds is None else NOON + timedelta(seconds=seconds),
        ground=points,
        categories=[category] * len(points),
        confidences=[0.8] * len(points),
        footprint_lonlat=None if ring_m is None else ring(ring_m),
    )


def followed(*frames: Frame) -> dict[str, Track]:
    known: dict[str, Track] = {}
    rings = {it.imagery_id: it.footprint_lonlat for it in frames if it.footprint_lonlat is not None}
    for frame in frames:
        update = advance(known.values(), frame, footprints=rings)
        for name in update.removed | update.merged.keys():
            del known[name]
        known |= {track.track_id: track for track in update.changed}
    return known


def place(track: Track) -> Floats:
    (at,) = PLANE.enu(np.array([track.latitude_deg]), np.array([track.longitude_deg]))
    return np.asarray(at, np.float64)


def only(tracks: dict[str, Track]) -> Track:
    (track,) = tracks.values()
    return track


def test_a_common_bias_moves_the_frame_and_not_six_parked_cars() -> None:
    row = [(12.0 * n, 6.0 * (n % 2)) for n in range(6)]
    random = np.random.default_rng(4)
    frames = []
    for number in range(8):
        bias = np.array([5.0, 0.0]) if number == 7 else np.zeros(2)
        looks = [np.array(spot) + bias + random.normal(0.0, 0.3, 2) for spot in row]
        frames.append(shown(number, 4.0 * number, *(located(*it) for it in looks), ring_m=300.0))
    before, after = followed(*frames[:7]), followed(*frames)
    assert len(before) == len(after) == 6
    assert {track.sighting_count for track in after.values()} == {8}
    step = np.array([place(after[name]) - place(before[name]) for name in before])
    # Of 5 m that all have in common, nearly all is laid to the frame.
    assert np.abs(step).max() < 0.6
    assert all(track.mobility is Mobility.STILL for track in after.values())
    # And they did not move against each other.
    assert np.linalg.norm(step - step.mean(axis=0), axis=1).max() < 0.3


def test_two_frames_that_disagree_by_a_common_bias_are_six_tracks() -> None:
    row = [(12.0 * n, 6.0 * (n % 2)) for n in range(6)]
    frames = [
        shown(0, 0.0, *(located(*spot) for spot in row), ring_m=300.0),
        shown(1, 4.0, *(located(east + 5.0, north) for east, north in row), ring_m=300.0),
    ]
    tracks = followed(*frames)
    assert len(tracks) == 6
    steps = sorted(
        place(track)[0] - 12.0 * n
        for n, track in enumerate(sorted(tracks.values(), key=lambda it: place(it)[0]))
    )
    assert steps[-1] - steps[0] < 0.1
    assert 0.0 < steps[0] < steps[-1] < 2.5


def test_speed_and_heading_are_unknown_until_looks_tell_them_and_then_right() -> None:
    velocity = 7.0 * np.array([math.sin(math.radians(60.0)), math.cos(math.radians(60.0))])
    frames = [shown(n, 2.0 * n, at(velocity * 2.0 * n), ring_m=500.0) for n in range(8)]
    first = only(followed(*frames[:1]))
    assert first.speed_m_s is None
    assert first.heading_deg is None
    last = only(followed(*frames))
    assert last.mobility is Mobility.MOVING
    assert last.speed_m_s is not None
    assert last.heading_deg is not None
    speed, speed_sigma = last.speed_m_s
    heading, heading_sigma = last.heading_deg
    assert speed == pytest.approx(7.0, abs=1.0)
    assert heading == pytest.approx(60.0, abs=5.0)
    assert 0.1 < speed_sigma < 2.0
    assert 1.0 < heading_sigma < 20.0


def test_the_stated_speed_error_holds_its_share() -> None:
    # One sigma each way holds about 68 % of normal errors.
    held, runs = 0, 60
    for seed in range(runs):
        random = np.random.default_rng(seed)
        frames = [
            shown(
                n, 2.0 * n, located(*(np.array([6.0 * 2.0 * n, 0.0]) + random.normal(0.0, 2.0, 2)))
            )
            for n in range(7)
        ]
        track = only(followed(*frames))
        assert track.velocity_m_s is not None
        assert track.velocity_covariance is not None
        error = track.velocity_m_s - np.array([6.0, 0.0])
        held += bool(abs(error[0]) <= math.sqrt(track.velocity_covariance[0, 0]))
    # The filter allows for braking and turning, which these cars do not: it may claim less.
    assert held / runs >= 0.6


def test_what_stands_has_no_heading() -> None:
    random = np.random.default_rng(1)
    track = only(
        followed(*(shown(n, 3.0 * n, located(*random.normal(0.0, 1.0, 2))) for n in range(9)))
    )
    assert track.mobility is Mobility.STILL
    assert track.speed_m_s is not None
    assert track.speed_m_s[0] < 0.3
    assert track.heading_deg is None


def test_frames_in_any_order_make_the_same_drive() -> None:
    frames = [
        shown(n, 2.0 * n, located(8.0 * n, 3.0 * n, sigma=1.5), ring_m=500.0) for n in range(6)
    ]
    straight = only(followed(*frames))
    late = only(followed(*(frames[n] for n in (0, 1, 3, 2, 5, 4))))
    assert late.sighting_count == straight.sighting_count == 6
    assert [it.imagery_id for it in late.points] == [it.imagery_id for it in straight.points]
    assert np.allclose(place(late), place(straight), atol=0.5)
    assert late.last_seen_at == straight.last_seen_at
    assert late.imagery_id == "i5"
    assert np.allclose(late.drift_m_s, straight.drift_m_s, atol=0.5)


def test_no_time_is_no_velocity() -> None:
    track = only(followed(*(shown(n, None, located(0.5 * n, 0.0)) for n in range(4))))
    assert track.velocity_m_s is None
    assert (track.first_seen_at, track.last_seen_at) == (None, None)


def test_a_much_surer_place_wins() -> None:
    rough, exact = (
        shown(0, 0.0, located(20.0, 0.0, sigma=20.0)),
        shown(1, 1.0, located(0.0, 0.0, 0.5)),
    )
    track = only(followed(rough, exact))
    assert np.linalg.norm(place(track)) < 1.0
    assert np.trace(track.covariance_m2) < 2.0 * 1.0**2


def test_the_stated_place_claims_no_more_than_the_looks_support() -> None:
    one = fused_covariance(4.0 * np.eye(2), 4.0 * np.eye(2), motion_m=0.0)
    assert np.allclose(one, 4.0 * np.eye(2))
    across = fused_covariance(np.diag([400.0, 4.0]), np.diag([4.0, 400.0]), motion_m=0.0)
    assert np.all(np.diag(across) < 15.0)


def test_a_second_look_at_a_frame_takes_back_what_the_first_told() -> None:
    once = followed(
        shown(0, 0.0, located(0.0, 0.0), located(50.0, 0.0)), shown(1, 2.0, located(0.0, 0.0))
    )
    again = advance(once.values(), shown(0, 0.0, located(0.3, 0.0)))
    # The car at 50 m was seen in that frame alone.
    gone = next(name for name, track in once.items() if place(track)[0] > 40.0)
    assert again.removed == {gone}
    (kept,) = again.track_of.values()
    assert kept.sighting_count == 2
    assert {(it.imagery_id, it.detection_index) for it in kept.points} == {("i0", 0), ("i1", 0)}


def test_a_frame_that_comes_again_changes_nothing() -> None:
    frame = shown(0, 0.0, located(0.0, 0.0), located(50.0, 0.0))
    once = followed(frame)
    again = advance(once.values(), frame)
    assert again.changed == ()
    assert again.repeated == {0, 1}
    assert {track.track_id for track in again.track_of.values()} == set(once)


def test_looking_in_vain_is_counted_only_where_it_was_possible() -> None:
    first = shown(0, 0.0, located(0.0, 0.0), ring_m=100.0)
    (name,) = followed(first)

    def missed(frame: Frame) -> int:
        return followed(first, frame)[name].missed_count

    assert missed(shown(1, 5.0, ring_m=100.0)) == 1
    # From farther above, at the edge, before, at no known time, of no known ground.
    assert missed(shown(1, 5.0, ring_m=400.0)) == 0
    assert missed(shown(1, 5.0, ring_m=4.0)) == 0
    assert missed(shown(1, -5.0, ring_m=100.0)) == 0
    assert missed(shown(1, None, ring_m=100.0)) == 0
    assert missed(shown(1, 5.0)) == 0


def test_two_tracks_of_one_car_are_merged_and_two_cars_are_not() -> None:
    # A pose far off put one look of the parked car 13 m aside, in a frame that should not show it.
    aside = replace(shown(0, 0.0, located(13.0, 0.0)), footprint_lonlat=ring(50.0, east_m=59.0))
    truth = [shown(n, 4.0 * n, located(0.0, 0.0), ring_m=50.0) for n in range(1, 9)]
    assert len(followed(aside, *truth[:1])) == 2
    track = only(followed(aside, *truth))
    assert track.sighting_count == 9
    assert np.linalg.norm(place(track)) < 3.0
    # Two cars that one frame has shown together stay two, however often one is missed.
    both = shown(0, 0.0, located(13.0, 0.0), located(0.0, 0.0), ring_m=50.0)
    assert len(followed(both, *truth)) == 2


def test_a_row_may_lie_across_the_antimeridian() -> None:
    def at(longitude: float) -> GroundPoint:
        return GroundPoint(
            outcome=Outcome.LOCATED,
            latitude_deg=4.0,
            longitude_deg=longitude,
            covariance_enu_m2=np.diag([4.0, 4.0, 4.0]),
            ce90_m=5.0,
        )

    west, east = 179.99999, -179.99999
    frames = [shown(0, 0.0, at(west)), shown(1, 2.0, at(east))]
    assert only(followed(*frames)).sighting_count == 2
