"""Average precision as COCO defines it, by a kept evaluator: faster-coco-eval.

It computes what pycocotools does, in C++: the Python loops of that take minutes over the thousand
boxes of a dense frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Interval: TypeAlias = tuple[float, float]

COCO_IOUS = np.round(np.linspace(0.5, 0.95, 10), 2)
"""The thresholds that COCO averages over."""

RECALLS = np.linspace(0, 1, 101)
"""The recalls at which COCO reads precision."""

_LARGEST_AREA = 1e12


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What counts for one kind of object in one image.

    Attributes:
        truths: (T, 4) left, top, right, bottom of labelled objects.
        xyxy: (N, 4) detections in descending confidence, in the same unit.
        confidence: (N,) 0 to 1.
    """

    truths: Floats
    xyxy: Floats
    confidence: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Precision over recall.

    Attributes:
        recall: (101,) 0 to 1 in hundredths.
        precision: (101,) best precision at that recall or more; 0 where it is not reached.
        confidence: (101,) threshold that reaches it; 0 where none does.
    """

    recall: Floats
    precision: Floats
    confidence: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class AveragePrecision:
    """Average precision of one kind of object over images.

    Attributes:
        ap50: at the least IoU asked for.
        ap50_95: mean over COCO's thresholds.
        by_size: at the least IoU asked for, by size; None where no truth has the size.
        curve: at the least IoU asked for.
    """

    ap50: float
    ap50_95: float
    by_size: tuple[float | None, ...]
    curve: Curve


def average_precision(
    frames: Sequence[Frame], min_iou: float, sizes: Sequence[Interval]
) -> AveragePrecision:
    """Average precision over images.

    Args:
        frames: what counts in each image.
        min_iou: overlap from which a detection is the object.
        sizes: square roots of areas, from, up to but not including, in the unit of the boxes.

    Raises:
        ModuleNotFoundError: the evaluator is not installed.
    """
    coco, evaluator = load_evaluator()
    truths: list[dict[str, Any]] = []
    detections: list[dict[str, Any]] = []
    for place, frame in enumerate(frames, start=1):
        truths.extend(_rows(place, len(truths), frame.truths))
        rows = _rows(place, len(detections), frame.xyxy)
        for row, confidence in zip(rows, frame.confidence.tolist(), strict=True):
            row["score"] = confidence
        detections.extend(rows)
    if not truths or not detections:
        # The evaluator needs both; without detections nothing is found at any recall.
        nothing = np.zeros(len(RECALLS))
        held = [_any_of_size(frames, low, high) for low, high in sizes]
        return AveragePrecision(
            ap50=0.0,
            ap50_95=0.0,
            by_size=tuple(0.0 if any_held else None for any_held in held),
            curve=Curve(recall=RECALLS, precision=nothing, confidence=nothing),
        )

    document = {
        "images": [{"id": place, "width": 1, "height": 1} for place in range(1, len(frames) + 1)],
        "categories": [{"id": 1, "name": "object"}],
    }
    run = evaluator(
        coco({**document, "annotations": truths}),
        coco({**document, "annotations": detections}),
        iouType="bbox",
        print_function=_silent,
    )
    ious = np.unique(np.append(COCO_IOUS, min_iou))
    run.params.iouThrs = ious
    run.params.recThrs = RECALLS
    run.params.maxDets = [max(len(frame.xyxy) for frame in frames)]
    # An area on the border is of the larger size; the evaluator counts both ends in.
    run.params.areaRng = [
        [0, _LARGEST_AREA],
        *(
            [low**2, _LARGEST_AREA if math.isinf(high) else float(np.nextafter(high**2, 0))]
            for low, high in sizes
        ),
    ]
    run.params.areaRngLbl = [str(number) for number in range(len(sizes) + 1)]
    run.evaluate()
    run.accumulate()
    # (thresholds, recalls, categories, areas, limits); -1 stands for "no truths".
    precision = np.asarray(run.eval["precision"], np.float64)[:, :, 0, :, 0]
    confidence = np.asarray(run.eval["scores"], np.float64)[:, :, 0, 0, 0]
    at = int(np.flatnonzero(ious == min_iou)[0])
    usual = np.isin(ious, COCO_IOUS)
    by_size = precision[at, :, 1:].mean(axis=0).tolist()
    return AveragePrecision(
        ap50=float(precision[at, :, 0].mean()),
        ap50_95=float(precision[usual, :, 0].mean()),
        by_size=tuple(value if value >= 0 else None for value in by_size),
        curve=Curve(
            recall=RECALLS,
            precision=precision[at, :, 0],
            confidence=np.maximum(confidence[at], 0),
        ),
    )


def side(xyxy: Floats) -> Floats:
    """(N,) square root of the area of each box (N, 4)."""
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    return np.asarray(np.sqrt(sides[:, 0] * sides[:, 1]))


def _any_of_size(frames: Sequence[Frame], low: float, high: float) -> bool:
    return any(
        bool(((low <= side(frame.truths)) & (side(frame.truths) < high)).any()) for frame in frames
    )


def _rows(place: int, before: int, xyxy: Floats) -> list[dict[str, Any]]:
    """COCO's rows of the boxes (N, 4) of an image; numbers go on after those `before`."""
    return [
        {
            "id": before + nth,
            "image_id": place,
            "category_id": 1,
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "iscrowd": 0,
        }
        for nth, (left, top, right, bottom) in enumerate(xyxy.tolist(), start=1)
    ]


def _silent(*_words: object) -> None:
    """The evaluator tells its progress to this."""


def load_evaluator() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """COCO's data set and evaluation, as the evaluator gives them.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    return COCO, COCOeval_faster
