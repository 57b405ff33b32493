from __future__ import annotations

import numpy as np
import pytest

from models.engines.yolo_head import YoloHead
from models.taxonomy import ClassMap

CLASS_MAP = ClassMap.of([("pedestrian", "person"), ("people", "person"), ("car", "car")])


def test_a_raw_prediction_becomes_corners_category_and_confidence() -> None:
    raw = np.zeros((7, 5), np.float32)
    raw[:, 1] = [100, 50, 20, 10, 0.1, 0.2, 0.9]  # a car
    raw[:, 3] = [300, 300, 8, 16, 0.3, 0.6, 0.1]  # people
    raw[:, 4] = [500, 500, 9, 9, 0.1, 0.1, 0.2]  # too unsure
    found = YoloHead(CLASS_MAP).read(raw, 640, 0.25)
    assert found.xyxy.tolist() == [[90, 45, 110, 55], [296, 292, 304, 308]]
    assert found.confidence == pytest.approx([0.9, 0.6])
    assert found.class_id.tolist() == [1, 0]


def test_one_person_seen_as_two_classes_is_one() -> None:
    raw = np.zeros((7, 2), np.float32)
    raw[:, 0] = [300, 300, 8, 16, 0.7, 0.1, 0]
    raw[:, 1] = [300.5, 300, 8, 16, 0.1, 0.6, 0]
    found = YoloHead(CLASS_MAP).read(raw, 640, 0.25)
    assert found.confidence == pytest.approx([0.7])


def test_boxes_end_at_the_tile() -> None:
    raw = np.array([[2, 639, 10, 10, 0, 0, 1]], np.float32).T
    found = YoloHead(CLASS_MAP).read(raw, 640, 0.25)
    assert found.xyxy.tolist() == [[0, 634, 7, 640]]


def test_output_of_another_head_is_refused() -> None:
    with pytest.raises(ValueError, match="7 rows"):
        YoloHead(CLASS_MAP).read(np.zeros((84, 8400), np.float32), 640, 0.25)
