from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.detections import Detections
from models.evaluation.comparison import CategoryAgreement, agreement

Row = tuple[tuple[float, float, float, float], str]


def seen(*rows: Row) -> tuple[Detections, list[str]]:
    return (
        Detections(
            xyxy=np.array([box for box, _ in rows], np.float32).reshape(-1, 4),
            confidence=np.linspace(0.9, 0.5, len(rows)).astype(np.float32),
            class_id=np.zeros(len(rows), np.int32),
        ),
        [category for _, category in rows],
    )


def compare(active: Sequence[Row], shadow: Sequence[Row]) -> dict[str, CategoryAgreement]:
    return agreement(*seen(*active), *seen(*shadow))


def test_agreement_by_hand() -> None:
    found = compare(
        [
            ((0, 0, 10, 10), "car"),  # seen by both
            ((100, 0, 110, 10), "car"),  # a truck to the other
            ((200, 0, 210, 10), "person"),  # of the one in force alone
        ],
        [
            ((0, 0, 10, 9), "car"),
            ((100, 0, 110, 10), "truck"),
            ((300, 0, 310, 10), "person"),  # of the other alone
            ((0, 6, 10, 16), "car"),  # overlaps the first by a quarter
        ],
    )
    assert found == {
        "car": CategoryAgreement(active=2, shadow=2, both=1, recategorised=1),
        "person": CategoryAgreement(active=1, shadow=1),
        "truck": CategoryAgreement(active=0, shadow=1),
    }
    assert (found["car"].only_active, found["car"].only_shadow) == (0, 1)
    assert (found["person"].only_active, found["person"].only_shadow) == (1, 1)
    assert found["car"] + found["person"] == CategoryAgreement(
        active=3, shadow=3, both=1, recategorised=1
    )


def test_one_detection_is_paired_once_and_with_its_own_category_first() -> None:
    # The truck fits the car's box better, but there is a car as well.
    found = compare([((0, 0, 10, 10), "car")], [((0, 0, 10, 10), "truck"), ((0, 0, 10, 8), "car")])
    assert found["car"].both == 1
    assert found["car"].recategorised == 0
    assert found["truck"].only_shadow == 1


def test_nothing_and_only_one() -> None:
    assert compare([], []) == {}
    assert compare([], [((0, 0, 1, 1), "bus")]) == {"bus": CategoryAgreement(shadow=1)}
    assert compare([((0, 0, 1, 1), "bus")], []) == {"bus": CategoryAgreement(active=1)}
