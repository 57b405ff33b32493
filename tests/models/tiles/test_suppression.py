from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detections import Detections
from models.tiles.suppression import _pairs_of_few, iou, overlapping_pairs, suppress

GROUPS = np.array([0, 1, 1], np.int32)


def boxes(seed: int, count: int, side: float, *, size: float = 40.0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    corner = random.uniform(0, side, (count, 2))
    extent = np.exp(random.normal(np.log(size), 0.8, (count, 2)))
    return np.concatenate([corner, corner + extent], axis=1).astype(np.float32)


def detections(seed: int, count: int, side: float) -> Detections:
    random = np.random.default_rng(seed + 1)
    return Detections(
        xyxy=boxes(seed, count, side),
        # Few distinct values, so that ties are common.
        confidence=(random.integers(1, 20, count) / 20).astype(np.float32),
        class_id=random.integers(0, 3, count).astype(np.int32),
    )


@given(seed=st.integers(0, 10_000), count=st.integers(0, 60), side=st.floats(1, 500))
def test_the_sweep_finds_the_pairs_that_trying_all_finds(
    seed: int, count: int, side: float
) -> None:
    xyxy = boxes(seed, count, side)
    if count > 4:
        xyxy[0] = [0, 0, side, side]  # one large box crosses everything
        xyxy[1, 2:] = xyxy[1, :2]  # one is empty
        xyxy[2] = xyxy[3]  # two are the same
    i, j = overlapping_pairs(xyxy)
    found = sorted(zip(np.minimum(i, j).tolist(), np.maximum(i, j).tolist(), strict=True))
    expected = []
    for a in range(count):
        for b in range(a + 1, count):
            left, top = np.maximum(xyxy[a, :2], xyxy[b, :2])
            right, bottom = np.minimum(xyxy[a, 2:], xyxy[b, 2:])
            solid = (xyxy[[a, b], 2:] > xyxy[[a, b], :2]).all()
            if solid and right > left and bottom > top:
                expected.append((a, b))
    assert found == expected
    i, j = _pairs_of_few(xyxy)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == expected


def test_pairs_are_the_same_in_several_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    xyxy = boxes(3, 400, 600.0)
    at_once = {frozenset(pair) for pair in zip(*overlapping_pairs(xyxy), strict=True)}
    monkeypatch.setattr("models.tiles.suppression._AT_ONCE", 37)
    i, j = overlapping_pairs(xyxy)
    assert {frozenset(pair) for pair in zip(i, j, strict=True)} == at_once
    assert len(i) == len(at_once) > 1000


@given(seed=st.integers(0, 10_000), count=st.integers(0, 130), side=st.floats(20, 300))
def test_suppression_is_greedy_from_best_to_worst(seed: int, count: int, side: float) -> None:
    found = detections(seed, count, side)
    order = sorted(
        range(count),
        key=lambda k: (-found.confidence[k], *found.xyxy[k].tolist(), found.class_id[k]),
    )
    kept: list[int] = []
    for k in order:
        for other in kept:
            if GROUPS[found.class_id[k]] != GROUPS[found.class_id[other]]:
                continue
            needed = 0.5 if found.class_id[k] == found.class_id[other] else 0.7
            if iou(found.xyxy[[k]], found.xyxy[[other]])[0] >= needed:
                break
        else:
            kept.append(k)
    result = suppress(found, GROUPS)
    assert np.array_equal(result.xyxy, found.xyxy[kept])
    assert np.array_equal(result.confidence, found.confidence[kept])


@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_input_does_not_matter(seed: int) -> None:
    found = detections(seed, 50, 150)
    shuffled = found.select(np.random.default_rng(seed).permutation(50))
    first, second = suppress(found, GROUPS), suppress(shuffled, GROUPS)
    assert np.array_equal(first.xyxy, second.xyxy)
    assert np.array_equal(first.class_id, second.class_id)


def test_one_category_agrees_with_opencv() -> None:
    random = np.random.default_rng(5)
    xyxy = boxes(5, 2_000, 800)
    confidence = random.permutation(np.linspace(0.1, 0.9, 2_000)).astype(np.float32)
    found = Detections(xyxy=xyxy, confidence=confidence, class_id=np.zeros(2_000, np.int32))
    corner_size = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    theirs = cv2.dnn.NMSBoxes(corner_size.tolist(), confidence.tolist(), 0.0, 0.5)
    expected = confidence[np.asarray(theirs).ravel()]
    assert np.array_equal(suppress(found, GROUPS).confidence, np.sort(expected)[::-1])


def test_many_boxes_take_no_quadratic_time() -> None:
    # Trying all pairs of 60,000 boxes takes minutes; the sweep takes a fraction of a second.
    xyxy = boxes(9, 60_000, 20_000)
    began = time.perf_counter()
    overlapping_pairs(xyxy)
    assert time.perf_counter() - began < 5
