"""What is lost and found again is one object; what may as well be another is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.motion import BOX_SIGMA_M
from pipelines.threats.tracks.track import Track, TrackPoint
from pipelines.threats.tracks.track_anchor import anchor
from pipelines.threats.tracks.track_linking import NEW_PER_M2, strangeness
from pipelines.threats.tracks.track_state import begin_track
from pipelines.threats.tracks.tracker import Frame, advance

Floats = NDArray[np.float64]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANE = LocalPlane(latitude_deg=4.0, longitude_deg=18.0)
SIGMA_M = 2.0
WALK_M_S = 0.8  # One sigma along each axis of somebody on foot.


def look(seconds: float | None, east_m: float, category: str = "person") -> TrackPoint:
    latitude, longitude = PLANE.place(np.array([east_m, 0.0]))
    return TrackPoint(
        imagery_id=f"at {seconds}",
        detection_index=0,
        captured_at=None if seconds is None else NOON + timedelta(seconds=seconds),
        latitude_deg=latitude,
        longitude_deg=longitude,
        covariance_m2=SIGMA_M**2 * np.eye(2),
        category=category,
        confidence=0.8,
    )


@given(st.floats(2.0, 60.0), st.floats(0.0, 60.0))
def test_a_lost_walker_is_held_against_newcomers_by_their_densities(
    seconds: float, east_m: float
) -> None:
    track = begin_track("lost", look(0.0, 0.0), shown_m2=0.0)
    at = anchor(track, NOON + timedelta(seconds=seconds), "")
    variance = 2.0 * SIGMA_M**2 + 2.0 * BOX_SIGMA_M**2 + (WALK_M_S * seconds) ** 2
    density = multivariate_normal(np.zeros(2), variance * np.eye(2))
    truth = 2.0 * (np.log(NEW_PER_M2) - density.logpdf([east_m, 0.0]))
    found = strangeness(track, at, look(seconds, east_m))
    if east_m**2 / variance > 13.9:
        assert found == np.inf
    elif east_m**2 / variance < 13.7:
        assert found == pytest.approx(truth, abs=1e-3)


def test_what_was_not_looked_for_where_it_was_lost_has_not_moved() -> None:
    track = begin_track("lost", look(0.0, 0.0), shown_m2=0.0)
    at = anchor(track, NOON + timedelta(seconds=30.0), "")
    assert strangeness(track, at, look(30.0, 40.0)) < 0.0
    assert strangeness(track, at, look(30.0, 40.0), looked_for=False) == np.inf


def ring(half_m: float, east_m: float = 0.0) -> Floats:
    corners = half_m * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    return np.array([PLANE.place(corner + np.array([east_m, 0.0]))[::-1] for corner in corners])


def frame(
    seconds: float,
    east_m: Sequence[float],
    *,
    category: str = "person",
    shown: Floats | None = None,
) -> Frame:
    points = []
    for east in east_m:
        latitude, longitude = PLANE.place(np.array([east, 0.0]))
        points.append(
            GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=latitude,
                longitude_deg=longitude,
                hae_m=400.0,
                covariance_enu_m2=np.diag([SIGMA_M**2, SIGMA_M**2, 4.0]),
                ce90_m=4.3,
                le90_m=3.3,
            )
        )
    return Frame(
        imagery_id=f"i{seconds}",
        captured_at=NOON + timedelta(seconds=seconds),
        ground=points,
        categories=[category] * len(points),
        confidences=[0.8] * len(points),
        footprint_lonlat=ring(200.0) if shown is None else shown,
    )


def play(frames: Sequence[Frame], pinned: Sequence[str] = ()) -> dict[str, Track]:
    known: dict[str, Track] = {}
    rings = {it.imagery_id: it.footprint_lonlat for it in frames if it.footprint_lonlat is not None}
    for one in frames:
        update = advance(known.values(), one, footprints=rings, pinned=pinned)
        for name in update.removed | update.merged.keys():
            del known[name]
        known |= {track.track_id: track for track in update.changed}
    return known


# Somebody walks, is lost behind something for half a minute, and walks on 40 m away.
BEFORE = [frame(2.0 * n, [2.6 * n]) for n in range(3)]
HIDDEN = [frame(6.0 + 2.0 * n, []) for n in range(15)]
AFTER = [frame(36.0 + 2.0 * n, [45.0 + 2.6 * n]) for n in range(6)]


def test_a_walker_lost_for_half_a_minute_is_the_same_once_nobody_else_is_seen_beside() -> None:
    assert len(play([*BEFORE, *HIDDEN, *AFTER[:3]])) == 2
    found = play([*BEFORE, *HIDDEN, *AFTER])
    (track,) = found.values()
    assert track.sighting_count == len(BEFORE) + len(AFTER)
    assert track.track_id in play(BEFORE)


def test_one_seen_beside_the_other_is_no_continuation() -> None:
    both = frame(35.0, [6.0, 43.0])
    assert len(play([*BEFORE, *HIDDEN, both, *AFTER])) == 2


def test_where_the_lost_one_was_last_must_be_in_view() -> None:
    beyond = ring(100.0, east_m=130.0)
    after = [replace(it, footprint_lonlat=beyond) for it in AFTER]
    assert len(play([*BEFORE, *HIDDEN, *after])) == 2


def test_a_vehicle_does_not_go_on_a_walker() -> None:
    after = [replace(it, categories=["car"]) for it in AFTER]
    assert len(play([*BEFORE, *HIDDEN, *after])) == 2


def test_what_was_dismissed_is_linked_with_nothing() -> None:
    (name,) = play(BEFORE)
    assert len(play([*BEFORE, *HIDDEN, *AFTER], pinned=[name])) == 2


def test_of_two_that_begin_only_the_likelier_goes_on() -> None:
    after = [
        replace(
            it,
            ground=[*it.ground, *frame(0.0, [-38.0]).ground],
            categories=["person"] * 2,
            confidences=[0.8] * 2,
        )
        for it in AFTER
    ]
    found = play([*BEFORE, *HIDDEN, *after])
    assert sorted(it.sighting_count for it in found.values()) == [len(AFTER), len(BEFORE + AFTER)]


def test_wheels_go_on_and_somebody_on_foot_may_turn_back() -> None:
    ways = {"car": [frame(2.0 * n, [16.0 * n], category="car") for n in range(4)]}
    ways["person"] = [frame(2.0 * n, [3.0 * n]) for n in range(4)]
    found = {}
    for category, frames in ways.items():
        (track,) = play(frames).values()
        at = anchor(track, NOON + timedelta(seconds=14.0), "")
        behind = look(14.0, -8.0, category)
        found[category] = strangeness(track, at, behind)
    assert found["car"] == np.inf
    assert found["person"] < 0.0


def test_what_drove_off_an_hour_ago_is_not_who_comes_by_now() -> None:
    driven = [frame(2.0 * n, [16.0 * n], category="car") for n in range(4)]
    later = frame(3600.0, [48.0 + 14.0], category="car")
    assert len(play([*driven, later])) == 2
    # Within minutes it may be it.
    soon = frame(26.0, [48.0 + 14.0], category="car")
    assert len(play([*driven, soon])) == 1
