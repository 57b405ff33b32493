"""What looks new and may be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.threats.incidents.known_again import may_be_known, may_be_second_boxes
from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.track import Track, TrackPoint
from pipelines.threats.tracks.track_state import begin_track

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANE = LocalPlane(latitude_deg=4.0, longitude_deg=18.0)
NOW = 20


def track(name: str, frames: Sequence[int], east_m: float = 0.0, category: str = "person") -> Track:
    """One seen in some frames, a second apart, at some place, 2 m of sigma."""
    latitude, longitude = PLANE.place(np.array([east_m, 0.0]))
    points = tuple(
        TrackPoint(
            imagery_id=f"i{number}",
            detection_index=0,
            captured_at=NOON + timedelta(seconds=number),
            latitude_deg=latitude,
            longitude_deg=longitude,
            covariance_m2=4.0 * np.eye(2),
            category=category,
            confidence=0.8,
        )
        for number in frames
    )
    return replace(
        begin_track(name, points[0], shown_m2=0.0),
        points=points,
        sighting_count=len(points),
        last_seen_at=points[-1].captured_at,
    )


def known(
    new: Sequence[Track], unseen: Sequence[Track], ring: NDArray[np.float64] | None = None
) -> dict[str, str]:
    found = may_be_known(
        new,
        unseen,
        imagery_id=f"i{NOW}",
        captured_at=NOON + timedelta(seconds=NOW),
        sortie_id="",
        footprint_lonlat=ring,
    )
    return dict(found)


def test_of_two_that_look_new_beside_one_lost_one_is_new() -> None:
    lost = track("lost", range(5, 16))
    near, far = track("near", [NOW], 5.0), track("far", [NOW], 8.0)
    assert known([near, far], [lost]) == {"near": "lost"}
    assert known([near, far], [lost, replace(lost, track_id="other")]).keys() == {"near", "far"}


def test_nobody_walks_a_hundred_metres_in_five_seconds() -> None:
    lost = track("lost", range(5, 16))
    assert known([track("new", [NOW], 100.0)], [lost]) == {}


def test_what_one_frame_showed_beside_it_is_another() -> None:
    lost = track("lost", range(5, 16))
    assert known([track("new", [14, NOW], 5.0)], [lost]) == {}


@pytest.mark.parametrize(("looks", "in_doubt"), [(3, True), (4, False)])
def test_doubt_ends_where_it_was_seen_often_since(looks: int, in_doubt: bool) -> None:
    lost = track("lost", range(5))
    new = track("new", range(NOW - looks + 1, NOW + 1), 5.0)
    assert (known([new], [lost]) == {"new": "lost"}) is in_doubt


def test_what_was_seen_long_before_says_nothing_of_now() -> None:
    # A place that fooled the detector ten times, long ago, and the first look at somebody there.
    lost = track("lost", range(11, 18))
    new = track("new", [*range(11), NOW], 5.0)
    assert known([new], [lost]) == {"new": "lost"}


def test_what_stood_outside_of_the_frame_was_not_looked_for() -> None:
    lost = track("lost", range(5, 10))
    corners = [(10.0, -50.0), (99.0, -50.0), (99.0, 50.0), (10.0, 50.0), (10.0, -50.0)]
    ring = np.array([PLANE.place(np.array(corner))[::-1] for corner in corners])
    assert known([track("new", [NOW], 20.0)], [lost]) == {"new": "lost"}
    assert known([track("new", [NOW], 20.0)], [lost], ring) == {}


def test_a_car_is_not_somebody_who_was_lost_and_a_rider_may_be() -> None:
    lost = track("lost", range(5, 16))
    assert known([track("new", [NOW], category="car")], [lost]) == {}
    assert known([track("new", [NOW], category="two-wheeler")], [lost]) == {"new": "lost"}


def boxes(*middles: float) -> NDArray[np.float64]:
    """Boxes of 20 pixels in one row of an image."""
    return np.array([[x - 10.0, 0.0, x + 10.0, 20.0] for x in middles])


def test_a_box_beside_a_known_one_waits_until_two_frames_have_shown_both() -> None:
    told = track("told", range(21))
    # 29 pixels are 1.45 sides, 31 are 1.55.
    assert may_be_second_boxes([track("new", [20])], [told], boxes(129.0, 100.0)) == {"new"}
    assert may_be_second_boxes([track("new", [20])], [told], boxes(131.0, 100.0)) == set()
    assert may_be_second_boxes([track("new", [19, 20])], [told], boxes(129.0, 100.0)) == set()


def test_a_person_beside_a_car_is_no_second_box() -> None:
    told = track("told", range(21), category="car")
    assert may_be_second_boxes([track("new", [20])], [told], boxes(105.0, 100.0)) == set()
