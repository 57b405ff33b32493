"""Which tracks are of an object of their own for sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.track import Track, TrackPoint
from pipelines.threats.tracks.track_merging import Merged, established, linked, seen_together
from pipelines.threats.tracks.track_state import begin_track

PLANE = LocalPlane(latitude_deg=4.0, longitude_deg=18.0)


def track(name: str, frames: Sequence[int], east_m: float = 0.0, category: str = "car") -> Track:
    """One seen in some frames at some place, 2 m of sigma."""
    latitude, longitude = PLANE.place(np.array([east_m, 0.0]))
    points = tuple(
        TrackPoint(
            imagery_id=f"i{number}",
            detection_index=0,
            captured_at=None,
            latitude_deg=latitude,
            longitude_deg=longitude,
            covariance_m2=4.0 * np.eye(2),
            category=category,
            confidence=0.8,
        )
        for number in frames
    )
    begun = begin_track(name, points[0], shown_m2=0.0)
    return replace(begun, points=points, sighting_count=len(points))


def sure(*tracks: Track) -> list[bool]:
    return established(tracks, among=tracks)


def test_what_was_seen_four_times_is_an_object() -> None:
    assert sure(track("a", range(4)), track("b", range(3))) == [True, True]
    # Three looks of its own say nothing beside one that they could be.
    assert sure(track("a", range(4)), track("b", range(4, 7))) == [True, False]


def test_two_frames_that_show_both_make_it_sure_and_one_does_not() -> None:
    assert sure(track("a", range(4)), track("b", [2, 3])) == [True, True]
    assert sure(track("a", range(4)), track("b", [3, 4])) == [True, False]
    # And with each of those that it could be.
    assert sure(track("a", range(4)), track("c", range(4, 8)), track("b", [2, 3]))[2] is False


def test_what_it_cannot_be_does_not_count() -> None:
    known = track("a", range(4))
    # sqrt(13.82 * (4 + 4 + 2 * 1.5^2)) = 13.1 m.
    assert sure(known, track("b", [8, 9], east_m=13.0)) == [True, False]
    assert sure(known, track("b", [8, 9], east_m=13.3)) == [True, True]
    assert sure(known, track("b", [8, 9], category="person")) == [True, True]


def test_one_look_is_never_enough_beside_what_is_known() -> None:
    assert sure(track("a", range(4)), track("b", [3], east_m=500.0)) == [True, False]


def test_frames_that_show_both_are_counted_once() -> None:
    assert seen_together(track("a", [1, 2, 3]), track("b", [3, 3, 2, 9])) == 2


def test_links_lead_to_what_is_left() -> None:
    a, b, c = track("a", [1, 2]), track("b", [3]), track("c", [4, 5])
    merged = linked(Merged(tracks={"a": a, "b": b}, into={"c": "b"}), {"b": "a"})
    assert merged.into == {"b": "a", "c": "a"}
    assert merged.tracks["a"].sighting_count == 3
    assert merged.tracks.keys() == {"a"}
    assert linked(Merged(tracks={"c": c}, into={}), {}).tracks == {"c": c}
