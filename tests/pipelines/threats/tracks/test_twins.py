"""Second boxes on one object, and two objects side by side."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.track import TrackPoint
from pipelines.threats.tracks.twins import sides_apart, twins

PLANE = LocalPlane(latitude_deg=4.0, longitude_deg=18.0)


def looks(*things: tuple[str, float, float]) -> dict[int, TrackPoint]:
    """Things of some category and confidence, so many metres east."""
    found = {}
    for index, (category, confidence, east_m) in enumerate(things):
        latitude, longitude = PLANE.place(np.array([east_m, 0.0]))
        found[index] = TrackPoint(
            imagery_id="i",
            detection_index=index,
            captured_at=None,
            latitude_deg=latitude,
            longitude_deg=longitude,
            covariance_m2=25.0 * np.eye(2),
            category=category,
            confidence=confidence,
        )
    return found


def boxes(*middles_and_sides: tuple[float, float]) -> NDArray[np.float64]:
    """Square boxes in one row of an image, by middle and side in pixels."""
    return np.array(
        [[x - s / 2, 50.0 - s / 2, x + s / 2, 50.0 + s / 2] for x, s in middles_and_sides]
    )


@pytest.mark.parametrize(("apart_px", "same"), [(0.0, True), (29.0, True), (31.0, False)])
def test_boxes_within_three_quarters_of_a_side_are_of_one_object(
    apart_px: float, same: bool
) -> None:
    # However far apart the ground, which a low view stretches, has them.
    seen = looks(("car", 0.5, 0.0), ("van", 0.9, 9.0))
    found = twins(seen, boxes((100.0, 40.0), (100.0 + apart_px, 40.0)))
    assert found == ({0: 1} if same else {})


def test_the_larger_of_two_boxes_is_the_measure() -> None:
    seen = looks(("car", 0.9, 0.0), ("car", 0.5, 0.0))
    assert twins(seen, boxes((100.0, 40.0), (128.0, 10.0))) == {1: 0}
    assert twins(seen, boxes((100.0, 10.0), (128.0, 10.0))) == {}


def test_a_long_box_has_the_side_of_its_area() -> None:
    both = np.array([[0.0, 0.0, 90.0, 10.0], [60.0, 0.0, 150.0, 10.0]])
    assert sides_apart(both)[0, 1] == pytest.approx(60.0 / np.sqrt(900.0))


def test_a_rider_speaks_through_what_is_ridden_however_sure() -> None:
    seen = looks(("person", 0.9, 0.0), ("two-wheeler", 0.3, 0.0))
    assert twins(seen, boxes((100.0, 20.0), (102.0, 20.0))) == {0: 1}


def test_somebody_beside_a_car_is_not_the_car() -> None:
    seen = looks(("person", 0.9, 0.0), ("car", 0.3, 0.0))
    assert twins(seen, boxes((100.0, 20.0), (102.0, 60.0))) == {}


def test_three_boxes_in_a_row_are_spoken_for_by_one_that_is_no_twin_itself() -> None:
    seen = looks(("car", 0.9, 0.0), ("car", 0.8, 0.0), ("car", 0.7, 0.0))
    # The third is near to the second alone, which is the first: it speaks for itself.
    assert twins(seen, boxes((100.0, 40.0), (125.0, 40.0), (150.0, 40.0))) == {1: 0}


def test_without_boxes_the_ground_tells() -> None:
    assert twins(looks(("person", 0.9, 0.0), ("person", 0.5, 0.8))) == {1: 0}
    assert twins(looks(("person", 0.9, 0.0), ("person", 0.5, 1.0))) == {}
    assert twins(looks(("car", 0.9, 0.0), ("car", 0.5, 1.9))) == {1: 0}
    assert twins(looks(("car", 0.9, 0.0), ("car", 0.5, 2.1))) == {}
