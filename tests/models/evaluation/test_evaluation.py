from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.detections import Detections
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.labels import LabelledImage, with_ground

CATEGORIES = ("person", "car", "truck")

Row = tuple[Sequence[float], float, str]


def labelled(
    objects: Sequence[tuple[Sequence[float], str]], ignored: Sequence[Sequence[float]] = ()
) -> LabelledImage:
    return LabelledImage(
        path=Path("a.jpg"),
        width_px=1000,
        height_px=1000,
        xyxy=np.array([box for box, _ in objects], np.float64).reshape(-1, 4),
        names=tuple(name for _, name in objects),
        ignored=np.array(ignored, np.float64).reshape(-1, 4),
    )


def detected(*rows: Row) -> Detections:
    return Detections(
        xyxy=np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        confidence=np.array([confidence for _, confidence, _ in rows], np.float32),
        class_id=np.array([CATEGORIES.index(name) for _, _, name in rows], np.int32),
    )


def judge(
    images: Sequence[LabelledImage], found: Sequence[Detections], threshold: float = 0.25
) -> Evaluation:
    return evaluate(images, found, CATEGORIES, min_confidence=threshold)


def test_a_case_computed_by_hand() -> None:
    """Two cars; found at 0.9 exactly, a false alarm at 0.8, found at 0.7 with an overlap of 0.72.

    Precision is 1 up to recall 0.50 (51 of the 101 points) and 2/3 beyond (50 points) where the
    third counts: at the thresholds 0.50 to 0.70; above, recall ends at 0.50.
    """
    image = labelled([((0, 0, 100, 100), "car"), ((300, 300, 400, 400), "car")])
    found = detected(
        ((0, 0, 100, 100), 0.9, "car"),
        ((600, 600, 700, 700), 0.8, "car"),
        ((300, 300, 400, 372), 0.7, "car"),
    )

    score = judge([image], [found], 0.75).score("car")

    loose, tight = (51 + 50 * 2 / 3) / 101, 51 / 101
    assert score.ap50 == pytest.approx(loose, abs=1e-9)
    assert score.ap50_95 == pytest.approx((5 * loose + 5 * tight) / 10, abs=1e-9)
    assert (score.truths, score.recall, score.precision) == (2, 0.5, 0.5)
    assert (score.false_alarms, score.false_alarms_per_image) == (1, 1.0)
    assert score.curve.precision[[0, 50, 51, 100]] == pytest.approx([1, 1, 2 / 3, 2 / 3])
    assert score.curve.confidence[[50, 51]] == pytest.approx([0.9, 0.7])
    assert score.false_alarms_per_km2 is None
    assert score.sizes_m == {}


def test_another_kind_of_vehicle_is_right_for_the_group_and_wrong_for_the_category() -> None:
    image = labelled([((0, 0, 100, 100), "car")])
    found = detected(((0, 0, 100, 100), 0.9, "truck"))

    judged = judge([image], [found])

    assert judged.score("vehicle").ap50 == pytest.approx(1)
    assert judged.score("car").ap50 == 0
    assert [score.subject for score in judged.scores] == ["vehicle", "car"]


def test_a_vehicle_of_no_stated_kind_counts_neither_for_nor_against_cars() -> None:
    image = labelled([((0, 0, 100, 100), "vehicle"), ((300, 300, 400, 400), "car")])
    found = detected(((0, 0, 100, 100), 0.9, "car"), ((300, 300, 400, 400), 0.8, "car"))

    judged = judge([image], [found])

    assert judged.score("car").ap50 == pytest.approx(1)
    assert judged.score("car").false_alarms == 0
    assert judged.score("vehicle").truths == 2
    assert judged.score("vehicle").recall == 1


def test_what_lies_mostly_in_an_ignored_region_counts_neither_way() -> None:
    image = labelled(
        [((0, 0, 100, 100), "car")],
        # Two halves that overlap each other: together 60 % of the third detection, not 70 %.
        ignored=[(0, 0, 200, 200), (500, 500, 540, 600), (530, 500, 560, 600)],
    )
    found = detected(
        ((0, 0, 100, 100), 0.9, "car"),  # an object that somebody labelled inside the region
        ((110, 110, 200, 200), 0.8, "car"),  # nobody looked there
        ((500, 500, 600, 600), 0.7, "car"),
        ((151, 0, 250, 100), 0.6, "car"),  # 49 % inside: a false alarm
    )

    judged = judge([image], [found])

    score = judged.score("car")
    assert (score.recall, score.false_alarms) == (1, 1)
    assert [case.confidence for case in judged.false_alarms] == pytest.approx([0.6])


def test_a_second_detection_of_one_object_is_a_false_alarm() -> None:
    image = labelled([((0, 0, 100, 100), "person")])
    found = detected(((0, 0, 100, 90), 0.6, "person"), ((0, 0, 100, 100), 0.5, "person"))

    score = judge([image], [found]).score("person")

    # Greedy in confidence: the first takes the object though the second fits better.
    assert (score.recall, score.precision, score.false_alarms) == (1, 0.5, 1)


def test_sizes_go_by_the_root_of_the_area_with_the_border_above() -> None:
    sides = {"under 16 px": 15.0, "16 to 32 px": 16.0, "32 to 96 px": 32.0, "96 px and over": 96.0}
    objects = [
        ((at * 200.0, 0, at * 200 + side, side), "car") for at, side in enumerate(sides.values())
    ]
    # The smallest and the largest are found; a false alarm of 20 pixels spoils its size alone.
    found = detected(
        (objects[0][0], 0.5, "car"), (objects[3][0], 0.5, "car"), ((0, 500, 20, 520), 0.9, "car")
    )

    score = judge([labelled(objects)], [found]).score("car")

    assert [size.truths for size in score.sizes_px.values()] == [1, 1, 1, 1]
    assert [size.recall for size in score.sizes_px.values()] == [1, 0, 0, 1]
    assert [size.ap50 for size in score.sizes_px.values()] == pytest.approx([1, 0, 0, 1])
    assert score.ap50 < 0.5


def test_ground_sizes_and_false_alarms_by_area_where_the_scale_is_known() -> None:
    objects = [((0, 0, 20, 20), "car"), ((100, 0, 160, 60), "car")]
    # At 5 cm: 1 m and 3 m; 1,000 by 1,000 pixels are 0.0025 square kilometres.
    near = with_ground(labelled(objects), 0.05)
    unknown = labelled(objects)
    found = detected((objects[0][0], 0.9, "car"), ((500, 500, 520, 520), 0.8, "car"))

    score = judge([near, unknown], [found, found]).score("vehicle")

    assert score.false_alarms == 2
    assert score.false_alarms_per_km2 == pytest.approx(1 / 0.0025)
    assert {name: size.truths for name, size in score.sizes_m.items()} == {
        "under 1 m": 0,
        "1 to 2 m": 1,
        "2 to 4 m": 1,
        "4 m and over": 0,
    }
    assert score.sizes_m["1 to 2 m"].recall == 1
    assert score.sizes_m["2 to 4 m"].recall == 0
    assert score.sizes_m["under 1 m"].recall is None


def test_misses_tell_what_would_have_found_them() -> None:
    image = labelled([((0, 0, 50, 50), "person"), ((100, 0, 200, 100), "person")])
    found = detected(((0, 0, 50, 50), 0.2, "person"))

    judged = judge([image], [found], 0.3)

    assert [case.xyxy.tolist() for case in judged.misses] == [[100, 0, 200, 100], [0, 0, 50, 50]]
    assert [case.confidence for case in judged.misses] == pytest.approx([0, 0.2])


def test_nothing_found_is_no_precision_and_no_failure() -> None:
    score = judge([labelled([((0, 0, 50, 50), "person")])], [Detections.empty()]).score("person")
    assert (score.ap50, score.ap50_95, score.recall, score.precision) == (0, 0, 0, None)


def test_the_evaluators_recall_is_that_of_the_matching_here() -> None:
    """The last recall that the curve reaches is the share found at no threshold."""
    random = np.random.default_rng(5)
    images, found = [], []
    for _ in range(20):
        low = random.uniform(0, 400, (30, 2))
        boxes = np.concatenate([low, low + random.uniform(20, 80, (30, 2))], axis=1)
        images.append(labelled([(box, "car") for box in boxes.tolist()]))
        moved = boxes + random.normal(0, 3, boxes.shape)
        found.append(
            detected(*((box, float(random.uniform(0.05, 1)), "car") for box in moved.tolist()))
        )
    score = judge(images, found, 0.0).score("car")

    reached = score.curve.recall[score.curve.precision > 0].max()
    assert 0.3 < score.recall < 1
    assert reached <= score.recall < reached + 0.01
    # And at a threshold that the curve states, its recall is what is counted here.
    at = 30
    again = judge(images, found, float(score.curve.confidence[at]) - 1e-6).score("car")
    assert again.recall == pytest.approx(score.curve.recall[at], abs=0.01)


def test_values_out_of_range_are_refused() -> None:
    image = labelled([((0, 0, 50, 50), "person")])
    with pytest.raises(ValueError, match="1 images and 0"):
        judge([image], [])
    with pytest.raises(ValueError, match="out of range"):
        judge([image], [Detections.empty()], 1.5)
