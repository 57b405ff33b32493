"""Labels keep off boxes and off each other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from pipelines.products.label_placement import Label, PlacedLabel, place_labels


def _rectangle(place: PlacedLabel) -> box:
    return box(
        place.x_px,
        place.y_px,
        place.x_px + place.label.width_px,
        place.y_px + place.label.height_px,
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 700), st.integers(8, 60), st.integers(8, 60)),
        min_size=1,
        max_size=40,
    )
)
def test_small_labels_cover_nothing_or_are_left_out(
    corners: list[tuple[int, int, int, int]],
) -> None:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in corners], np.float64)
    labels = [
        Label(box=index, width_px=70, height_px=14, required=False) for index in range(len(boxes))
    ]
    placed = place_labels(labels, boxes, width_px=960, height_px=760, gap_px=3)
    for number, place in enumerate(placed):
        shape = _rectangle(place)
        assert place.x_px >= 0
        assert place.y_px >= 0
        assert place.x_px + 70 <= 960
        assert place.y_px + 14 <= 760
        for index, other in enumerate(boxes):
            if index != place.label.box:
                assert shape.intersection(box(*other)).area <= 0.02 * shape.area + 1e-6
        for earlier in placed[:number]:
            assert shape.intersection(_rectangle(earlier)).area <= 0.02 * shape.area + 1e-6


def test_a_required_label_wanders_and_says_so() -> None:
    # A box in the middle of a wall of others: every place beside it is taken.
    wall = [[x, y, x + 48, y + 48] for x in range(350, 650, 50) for y in range(350, 650, 50)]
    boxes = np.array(wall, np.float64)
    middle = wall.index([500, 500, 548, 548])
    placed = place_labels(
        [Label(box=middle, width_px=180, height_px=100, required=True)],
        boxes,
        width_px=1000,
        height_px=1000,
        gap_px=3,
    )
    (place,) = placed
    assert place.leader
    assert all(not _rectangle(place).intersects(box(*other)) for other in boxes)


def test_a_required_label_is_never_left_out() -> None:
    boxes = np.array([[0, 0, 100, 100], [0, 0, 99, 99]], np.float64)
    placed = place_labels(
        [Label(box=0, width_px=80, height_px=60, required=True)],
        boxes,
        width_px=100,
        height_px=100,
        gap_px=3,
    )
    assert len(placed) == 1
