"""The evaluator against COCO's own, pycocotools, on boxes drawn by chance."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.average_precision import Frame, average_precision
from models.evaluation.evaluation import SIZES_PX


def drawn(seed: int, images: int) -> list[Frame]:
    chance = np.random.default_rng(seed)
    frames = []
    for _ in range(images):
        count = int(chance.integers(0, 30))
        corner, size = chance.uniform(0, 500, (count, 2)), chance.lognormal(3.2, 0.8, (count, 2))
        truths = np.concatenate([corner, corner + size], axis=1)
        found = truths[chance.random(count) < 0.7]
        wander = np.tile((found[:, 2:] - found[:, :2]) * 0.12, 2)
        found = found + chance.normal(0, 1, found.shape) * wander
        stray = chance.uniform(0, 500, (int(chance.integers(0, 12)), 2))
        others = np.concatenate([stray, stray + chance.lognormal(3.2, 0.8, stray.shape)], axis=1)
        xyxy = np.concatenate([found, others])
        xyxy[:, 2:] = np.maximum(xyxy[:, 2:], xyxy[:, :2] + 1)
        confidence = np.sort(chance.random(len(xyxy)))[::-1]
        frames.append(
            Frame(truths=truths, xyxy=chance.permutation(xyxy), confidence=confidence.copy())
        )
    return frames


def rows(boxes: NDArray[np.float64], image: int, before: int) -> list[dict[str, Any]]:
    return [
        {
            "id": before + place,
            "image_id": image,
            "category_id": 1,
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "iscrowd": 0,
        }
        for place, (left, top, right, bottom) in enumerate(boxes.tolist(), start=1)
    ]


@pytest.mark.parametrize("seed", [11, 12])
def test_it_computes_what_pycocotools_computes(seed: int) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    frames = drawn(seed, 25)
    truths: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for image, frame in enumerate(frames, start=1):
        truths += rows(frame.truths, image, len(truths))
        new = rows(frame.xyxy, image, len(found))
        for row, score in zip(new, frame.confidence.tolist(), strict=True):
            row["score"] = score
        found += new
    with contextlib.redirect_stdout(io.StringIO()):
        labelled = coco.COCO()
        labelled.dataset = {
            "images": [{"id": image} for image in range(1, len(frames) + 1)],
            "categories": [{"id": 1, "name": "object"}],
            "annotations": truths,
        }
        labelled.createIndex()
        run = evaluation.COCOeval(labelled, labelled.loadRes(found), "bbox")
        run.params.maxDets = [1000]
        spans = [(low**2, min(high**2, 1e12)) for low, high in SIZES_PX.values()]
        run.params.areaRng = [[0, 1e12], *(list(span) for span in spans)]
        run.params.areaRngLbl = [str(number) for number in range(len(spans) + 1)]
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, 0, :, 0]

    measured = average_precision(frames, 0.5, list(SIZES_PX.values()))

    assert measured.ap50 == pytest.approx(precision[0, :, 0].mean(), abs=1e-9)
    assert measured.ap50_95 == pytest.approx(precision[:, :, 0].mean(), abs=1e-9)
    assert 0.1 < measured.ap50_95 < measured.ap50 < 0.9
    assert measured.by_size == pytest.approx(precision[0, :, 1:].mean(axis=0).tolist(), abs=1e-9)
    assert measured.curve.precision == pytest.approx(precision[0, :, 0], abs=1e-9)
