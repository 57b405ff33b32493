"""Chosen thresholds against the same rule tried at every confidence there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.detections import Detections
from models.evaluation.evaluation import evaluate
from models.evaluation.labels import LabelledImage
from models.evaluation.thresholds import ThresholdRule, choose_thresholds, told

CATEGORIES = ("person", "car", "bus")


def world(seed: int) -> tuple[list[LabelledImage], list[Detections]]:
    """Cars on a lattice, most found, among false alarms of lower confidence; few buses."""
    chance = np.random.default_rng(seed)
    images, found = [], []
    for number in range(12):
        boxes, names, seen, confidence, class_id = [], [], [], [], []
        for place in range(16):
            left, top = 60.0 * (place % 4), 60.0 * (place // 4)
            kind = "bus" if number < 3 and place == 0 else "car"
            boxes.append([left, top, left + 30, top + 30])
            names.append(kind)
            if chance.random() < 0.8:
                seen.append([left + 1, top, left + 30, top + 29])
                confidence.append(chance.beta(5, 2))
                class_id.append(CATEGORIES.index(kind))
            if chance.random() < 0.7:
                seen.append([left + 300, top, left + 330, top + 30])
                confidence.append(chance.beta(2, 4))
                class_id.append(CATEGORIES.index("car" if chance.random() < 0.9 else "bus"))
        order = np.argsort(confidence)[::-1]
        images.append(
            LabelledImage(
                path=Path(f"{number}.jpg"),
                width_px=640,
                height_px=640,
                xyxy=np.array(boxes),
                names=tuple(names),
                ignored=np.zeros((0, 4)),
                ground_km2=0.01,
            )
        )
        found.append(
            Detections(
                xyxy=np.array(seen, np.float32)[order],
                # Twenty-fifths: many are equal.
                confidence=np.array(np.round(np.array(confidence) * 25) / 25, np.float32)[order],
                class_id=np.array(class_id, np.int32)[order],
            )
        )
    return images, found


def tried(
    images: Sequence[LabelledImage], found: Sequence[Detections]
) -> list[tuple[float, float, float, float]]:
    """Threshold, recall, F1 and false alarms by km² of cars, by a plain evaluation at each."""
    every: NDArray[np.float64] = np.unique(np.concatenate([part.confidence for part in found]))
    rows = []
    for threshold in every.tolist():
        score = evaluate(images, found, CATEGORIES, min_confidence=threshold).score("car")
        if score.precision is None:
            continue
        f1 = 2 * score.recall * score.precision / max(score.recall + score.precision, 1e-9)
        assert score.false_alarms_per_km2 is not None
        rows.append((threshold, score.recall, f1, score.false_alarms_per_km2))
    return rows


def at(
    images: Sequence[LabelledImage], found: Sequence[Detections], threshold: float
) -> tuple[float, float, float]:
    score = evaluate(images, found, CATEGORIES, min_confidence=threshold).score("car")
    assert score.precision is not None
    assert score.false_alarms_per_km2 is not None
    f1 = 2 * score.recall * score.precision / (score.recall + score.precision)
    return score.recall, f1, score.false_alarms_per_km2


@pytest.mark.parametrize("seed", [1, 2])
def test_the_best_f1_is_the_best_of_all(seed: int) -> None:
    images, found = world(seed)
    chosen = choose_thresholds(images, found, CATEGORIES, ThresholdRule())
    best = max(row[2] for row in tried(images, found))
    assert at(images, found, chosen["car"].confidence)[1] == pytest.approx(best)
    assert (chosen["car"].subject, chosen["car"].objects) == ("car", 189)


def test_a_recall_target_takes_the_highest_threshold_that_reaches_it() -> None:
    images, found = world(3)
    chosen = choose_thresholds(images, found, CATEGORIES, ThresholdRule(recall=0.6))["car"]
    rows = tried(images, found)
    highest = max(row[0] for row in rows if row[1] >= 0.6)
    above = min(row[0] for row in rows if row[1] < 0.6)
    assert chosen.confidence <= highest < above
    assert at(images, found, chosen.confidence)[0] == at(images, found, highest)[0]
    assert chosen.reached
    # More than the network finds at all.
    everything = choose_thresholds(images, found, CATEGORIES, ThresholdRule(recall=0.99))["car"]
    assert not everything.reached
    assert at(images, found, everything.confidence)[0] == max(row[1] for row in rows)


def test_a_false_alarm_target_takes_the_lowest_threshold_that_keeps_it() -> None:
    images, found = world(4)
    chosen = choose_thresholds(images, found, CATEGORIES, ThresholdRule(false_alarms_per_km2=200))[
        "car"
    ]
    allowed = [row for row in tried(images, found) if row[3] <= 200 + 1e-6]
    assert at(images, found, chosen.confidence)[0] == max(row[1] for row in allowed)
    assert at(images, found, chosen.confidence)[2] <= 200 + 1e-6
    bare = [replace(image, ground_km2=None) for image in images]
    with pytest.raises(ValueError, match="how much ground"):
        choose_thresholds(bare, found, CATEGORIES, ThresholdRule(false_alarms_per_km2=1))


def test_a_rare_category_has_the_threshold_of_its_group_and_an_unlabelled_one_none() -> None:
    images, found = world(5)
    chosen = choose_thresholds(images, found, CATEGORIES, ThresholdRule())
    assert set(chosen) == {"car", "bus"}
    assert chosen["bus"].subject == "vehicle"
    assert chosen["bus"].objects == 192
    sentence = told(ThresholdRule(), chosen, "12 lattices")
    assert sentence.startswith(
        "confidence of the best F1, on 12 lattices; bus by the group vehicle"
    )


def test_a_rule_has_one_target() -> None:
    with pytest.raises(ValueError, match="not for both"):
        ThresholdRule(recall=0.5, false_alarms_per_km2=1)
    with pytest.raises(ValueError, match="above 0"):
        ThresholdRule(recall=0)


def test_thresholds_by_category_decide_what_counts() -> None:
    image = LabelledImage(
        path=Path("a.jpg"),
        width_px=640,
        height_px=640,
        xyxy=np.array([[0.0, 0, 30, 30], [100, 0, 130, 30]]),
        names=("car", "bus"),
        ignored=np.zeros((0, 4)),
    )
    # The surer bus on the car does not count; the car that does is no second detection then.
    part = Detections(
        xyxy=np.array([[0, 0, 30, 30], [0, 0, 30, 29], [100, 0, 130, 30]], np.float32),
        confidence=np.array([0.6, 0.5, 0.4], np.float32),
        class_id=np.array([2, 1, 1], np.int32),
    )
    judged = evaluate(
        [image], [part], CATEGORIES, min_confidence={"person": 0.5, "car": 0.45, "bus": 0.7}
    )
    vehicles = judged.score("vehicle")
    assert (vehicles.recall, vehicles.false_alarms) == (0.5, 0)
    assert (judged.score("car").recall, judged.score("bus").recall) == (1.0, 0.0)
    assert [case.confidence for case in judged.misses] == pytest.approx([0.4])
    with pytest.raises(ValueError, match="thresholds of"):
        evaluate([image], [part], CATEGORIES, min_confidence={"car": 0.5})
