"""False alarms at equal recall, on cases counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.detections import Detections
from models.evaluation.average_precision import Frame, average_precision
from models.evaluation.labels import LabelledImage
from models.training.operating_point import GroupCurve, alarms_on_empty_ground, curves

CATEGORIES = ("person", "car")


def image(boxes: list[list[float]], names: tuple[str, ...], ignored: object = ()) -> LabelledImage:
    return LabelledImage(
        path=Path("a.png"),
        width_px=500,
        height_px=500,
        xyxy=np.array(boxes, np.float64).reshape(-1, 4),
        names=names,
        ignored=np.array(ignored, np.float64).reshape(-1, 4),
    )


def detections(rows: list[tuple[list[float], float, int]]) -> Detections:
    return Detections(
        xyxy=np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        confidence=np.array([confidence for _, confidence, _ in rows], np.float32),
        class_id=np.array([number for _, _, number in rows], np.int32),
    )


@pytest.fixture
def curve() -> GroupCurve:
    return GroupCurve(
        confidence=np.array([0.9, 0.8, 0.6, 0.5, 0.3]),
        is_object=np.array([True, False, True, False, True]),
        truths=4,
    )


def test_recall_and_false_alarms_at_a_threshold(curve: GroupCurve) -> None:
    assert curve.recall(0.55) == 0.5
    assert curve.false_alarms(0.55) == 1
    assert curve.recall(0.1) == 0.75
    assert curve.false_alarms(0.1) == 2


@pytest.mark.parametrize(
    ("recall", "threshold"), [(0.0, 1.0), (0.25, 0.9), (0.5, 0.6), (0.75, 0.3), (1.0, 0.0)]
)
def test_the_highest_threshold_that_finds_enough(
    curve: GroupCurve, recall: float, threshold: float
) -> None:
    assert curve.threshold_for(recall) == threshold


def test_average_precision_is_that_of_the_kept_evaluator() -> None:
    chance = np.random.default_rng(4)
    truths = np.array([[x, y, x + 20, y + 20] for x in range(0, 400, 40) for y in (0, 60, 120)])
    hits = truths[chance.permutation(30)[:20]] + 1.0
    misses = hits + 200.0 + 20 * chance.uniform(size=(20, 1))
    boxes = np.concatenate([hits, misses])
    order = chance.permutation(len(boxes))
    boxes, confidence = boxes[order], np.sort(chance.uniform(size=40))[::-1]
    told = average_precision(
        [Frame(truths=truths.astype(np.float64), xyxy=boxes, confidence=confidence)], 0.5, []
    )
    found = detections(
        [
            ([*map(float, box)], float(value), 1)
            for box, value in zip(boxes, confidence, strict=True)
        ]
    )
    (seen,) = curves([image(truths.tolist(), ("car",) * len(truths))], [found], CATEGORIES).values()
    assert seen.average_precision == pytest.approx(told.ap50, abs=1e-9)


def test_only_groups_that_are_labelled_have_a_curve() -> None:
    found = detections([([0, 0, 10, 10], 0.9, 0), ([50, 50, 70, 70], 0.8, 1)])
    told = curves([image([[50, 50, 70, 70]], ("vehicle",))], [found], CATEGORIES)
    assert set(told) == {"vehicle"}
    assert told["vehicle"].is_object.tolist() == [True]


def test_alarms_on_empty_ground_have_a_threshold_for_each_group() -> None:
    found = detections(
        [
            ([0, 0, 10, 10], 0.4, 0),
            ([20, 0, 30, 10], 0.4, 1),
            ([400, 400, 420, 420], 0.9, 1),
        ]
    )
    ground = image([], (), ignored=[[390, 390, 430, 430]])
    thresholds = {"person": 0.3, "vehicle": 0.5}
    assert alarms_on_empty_ground([ground], [found], CATEGORIES, thresholds) == 1
    thresholds = {"person": 0.3, "vehicle": 0.3}
    assert alarms_on_empty_ground([ground], [found], CATEGORIES, thresholds) == 2
