"""How well detections agree with what labelled images say.

Average precision is COCO's, by its evaluator (faster-coco-eval): greedy matching in descending
confidence, precision read at 101 recalls. Recall, precision and false alarms at the
operating threshold, and the cases to look at, come from the same rule of matching, written out
here, because the evaluator keeps its matches to itself.

A subject is a group ("person", "vehicle") or a category. A detection that mostly lies in a region
that nobody labelled, and agrees with no labelled object of the subject, counts neither way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.evaluation.average_precision import Curve, Frame, average_precision, side
from models.evaluation.labels import Boxes, LabelledImage
from models.taxonomy import CATEGORIES, GROUPS, group_of

SIZES_PX: dict[str, tuple[float, float]] = {
    "under 16 px": (0, 16),
    "16 to 32 px": (16, 32),
    "32 to 96 px": (32, 96),
    "96 px and over": (96, math.inf),
}
"""Object sizes by the square root of the box's area, pixels; from, up to but not including."""

SIZES_M: dict[str, tuple[float, float]] = {
    "under 1 m": (0, 1),
    "1 to 2 m": (1, 2),
    "2 to 4 m": (2, 4),
    "4 m and over": (4, math.inf),
}
"""Object sizes on the ground, metres, in the same measure."""

IGNORED_SHARE = 0.5
"""A detection with this share of its area in ignored regions mostly lies in them."""

AP_LOWEST_CONFIDENCE = 0.01
"""Detect down to here for average precision; what is below changes its third decimal."""

_SAME_OBJECT_IOU = 0.5
"""A detection that agrees this much with a labelled object is never set aside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeScore:
    """Agreement for objects of one size.

    Attributes:
        truths: labelled objects of the size.
        ap50: average precision at the least IoU of the evaluation; None without truths.
        recall: share of them found at the operating threshold; None without truths.
    """

    truths: int
    ap50: float | None
    recall: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectScore:
    """Agreement for one group or category.

    Attributes:
        subject: its name.
        truths: labelled objects.
        ap50: average precision at the least IoU of the evaluation (0.5 unless told).
        ap50_95: mean of average precision at IoU 0.5 to 0.95 in steps of 0.05.
        recall: share of labelled objects found at the operating threshold.
        precision: share of detections that are labelled objects, there; None without detections.
        false_alarms: detections that are none.
        false_alarms_per_image: these, by image.
        false_alarms_per_km2: these over the ground in view, over images where it is known; None
            where it never is.
        sizes_px: by size in the image.
        sizes_m: by size on the ground; empty where no image states its ground sampling.
        curve: precision over recall.
    """

    subject: str
    truths: int
    ap50: float
    ap50_95: float
    recall: float
    precision: float | None
    false_alarms: int
    false_alarms_per_image: float
    false_alarms_per_km2: float | None
    sizes_px: dict[str, SizeScore]
    sizes_m: dict[str, SizeScore]
    curve: Curve


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One miss or false alarm at the operating threshold.

    Attributes:
        image: place of the image in the set.
        subject: group of the object.
        xyxy: (4,) its box, pixels.
        confidence: of the detection; for a miss that of the best detection below the threshold
            that would have found it, 0 where none would.
    """

    image: int
    subject: str
    xyxy: Boxes
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        images: how many were looked at.
        min_iou: overlap from which a detection is the object.
        thresholds: the operating threshold of each category of the model.
        scores: of each group, then each category, that the set labels.
        misses: labelled objects of a group that nothing found, the largest first.
        false_alarms: detections of a group that are no object, the most confident first.
    """

    images: int
    min_iou: float
    thresholds: Mapping[str, float]
    scores: tuple[SubjectScore, ...]
    misses: tuple[Case, ...]
    false_alarms: tuple[Case, ...]

    def score(self, subject: str) -> SubjectScore:
        """The score of a group or category.

        Raises:
            KeyError: the set does not label it.
        """
        for score in self.scores:
            if score.subject == subject:
                return score
        raise KeyError(subject)


def evaluate(
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    categories: Sequence[str],
    *,
    min_confidence: float | Mapping[str, float],
    min_iou: float = 0.5,
) -> Evaluation:
    """Compare detections with labels.

    Args:
        images: I labelled images.
        found: detections of each, down to AP_LOWEST_CONFIDENCE for a fair average precision.
        categories: of the model, in the order of `Detections.class_id`.
        min_confidence: the operating threshold, 0 to 1, or that of each category.
        min_iou: overlap from which a detection is the object, above 0 to 1.

    Raises:
        ValueError: a value is out of range, or there is not one list of detections for each image.
        ModuleNotFoundError: the evaluator is not installed.
    """
    if len(images) != len(found) or not images:
        raise ValueError(f"{len(images)} images and {len(found)} lists of detections")
    thresholds = (
        dict(min_confidence)
        if isinstance(min_confidence, Mapping)
        else dict.fromkeys(categories, float(min_confidence))
    )
    if set(thresholds) != set(categories):
        raise ValueError(f"thresholds of {sorted(thresholds)} for a model of {categories}")
    if not (0 < min_iou <= 1 and all(0 <= least <= 1 for least in thresholds.values())):
        raise ValueError(f"min_iou {min_iou} or min_confidence {min_confidence} is out of range")
    counted = [_counted(part, categories, thresholds) for part in found]
    labelled = {name for image in images for name in image.names}
    groups = [
        group for group, members in GROUPS.items() if labelled.intersection((group, *members))
    ]
    subjects = [*groups, *(name for name in CATEGORIES if name in labelled and name not in groups)]
    scores: list[SubjectScore] = []
    misses: list[Case] = []
    alarms: list[Case] = []
    for subject in subjects:
        frames = frames_of(images, found, categories, subject)
        looks = [
            _Look(frame=frame, match=_match(frame, min_iou))
            for frame in frames_of(images, counted, categories, subject)
        ]
        scores.append(_score(subject, images, frames, looks, min_iou))
        if subject in groups:
            for place, (frame, look) in enumerate(zip(frames, looks, strict=True)):
                _add_cases(place, subject, frame, look, min_iou, misses, alarms)
    return Evaluation(
        images=len(images),
        min_iou=min_iou,
        thresholds=thresholds,
        scores=tuple(scores),
        misses=tuple(sorted(misses, key=lambda case: -side(case.xyxy[None])[0])),
        false_alarms=tuple(sorted(alarms, key=lambda case: -case.confidence)),
    )


def frames_of(
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    categories: Sequence[str],
    subject: str,
) -> list[Frame]:
    """What counts for a group or category in each image.

    Args:
        images: I labelled images.
        found: detections of each.
        categories: of the model, in the order of `Detections.class_id`.
        subject: a group or a category.
    """
    return [
        _frame(image, part, categories, subject) for image, part in zip(images, found, strict=True)
    ]


def judged(
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    categories: Sequence[str],
    subject: str,
    *,
    min_iou: float = 0.5,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Every detection of a subject that counts, and whether it is a labelled object.

    Args:
        images: I labelled images.
        found: detections of each.
        categories: of the model, in the order of `Detections.class_id`.
        subject: a group or a category.
        min_iou: overlap from which a detection is the object.

    Returns:
        (D,) confidence in descending order, (D,) whether it is an object, and how many objects
        are labelled.
    """
    frames = frames_of(images, found, categories, subject)
    confidence = np.concatenate([np.zeros(0), *(frame.confidence for frame in frames)])
    hits = [_match(frame, min_iou) >= 0 for frame in frames]
    is_object = np.concatenate([np.zeros(0, np.bool_), *hits])
    order = np.argsort(-confidence, kind="stable")
    return confidence[order], is_object[order], sum(len(frame.truths) for frame in frames)


def _common(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """(N, M) common area of boxes (N, 4) and (M, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=2))


def _ious(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    common = _common(a, b)
    union = (side(a) ** 2)[:, None] + (side(b) ** 2)[None] - common
    return np.asarray(common / np.maximum(union, 1e-12))


def _covered(xyxy: Boxes, regions: Boxes) -> NDArray[np.float64]:
    """(N,) share of the area of each box in the union of regions (M, 4)."""
    if not len(xyxy) or not len(regions):
        return np.zeros(len(xyxy))
    share = np.zeros(len(xyxy))
    touching = _common(xyxy, regions) > 0
    for place in np.flatnonzero(touching.any(axis=1)):
        box = xyxy[place]
        clipped = np.clip(regions[touching[place]], [*box[:2]] * 2, [*box[2:]] * 2)
        # Area of a union on the grid that the regions' own sides span.
        xs, ys = np.unique(clipped[:, [0, 2]]), np.unique(clipped[:, [1, 3]])
        x, y = (xs[1:] + xs[:-1]) / 2, (ys[1:] + ys[:-1]) / 2
        inside = (
            (clipped[:, None, None, 0] < x)
            & (x < clipped[:, None, None, 2])
            & (clipped[:, None, None, 1] < y[:, None])
            & (y[:, None] < clipped[:, None, None, 3])
        ).any(axis=0)
        area = float((inside * np.diff(xs) * np.diff(ys)[:, None]).sum())
        share[place] = area / max(float(np.prod(box[2:] - box[:2])), 1e-12)
    return share


def _frame(
    image: LabelledImage, part: Detections, categories: Sequence[str], subject: str
) -> Frame:
    """What counts for a subject in an image."""
    members = GROUPS.get(subject, (subject,))
    names = np.array(image.names, np.str_)
    # A group of one category is told by its name; of an unknown vehicle no kind is claimed.
    is_truth = np.isin(names, [subject, *members])
    unknown = np.zeros(len(names), np.bool_) if subject in GROUPS else names == group_of(subject)
    truths = image.xyxy[is_truth]
    ignored = np.concatenate([image.ignored, image.xyxy[unknown & ~is_truth]])

    wanted = np.isin(np.array(categories, np.str_)[part.class_id], members)
    xyxy = part.xyxy[wanted].astype(np.float64)
    confidence = part.confidence[wanted].astype(np.float64)
    order = np.argsort(-confidence, kind="stable")
    xyxy, confidence = xyxy[order], confidence[order]
    aside = _covered(xyxy, ignored) >= IGNORED_SHARE
    if len(truths):
        aside &= _ious(xyxy, truths).max(axis=1, initial=0.0) < _SAME_OBJECT_IOU
    return Frame(
        truths=truths,
        xyxy=xyxy[~aside],
        confidence=confidence[~aside],
    )


def _match(frame: Frame, min_iou: float) -> NDArray[np.intp]:
    """(N,) the truth that each detection finds, -1 for none: COCO's greedy rule."""
    match = np.full(len(frame.xyxy), -1, np.intp)
    if not len(frame.truths):
        return match
    overlap = _ious(frame.xyxy, frame.truths)
    free = np.ones(len(frame.truths), np.bool_)
    for place in np.flatnonzero(overlap.max(axis=1, initial=0.0) >= min_iou):
        candidates = np.where(free, overlap[place], -1.0)
        best = int(candidates.argmax())
        if candidates[best] >= min_iou:
            match[place] = best
            free[best] = False
    return match


def _counted(
    part: Detections, categories: Sequence[str], thresholds: Mapping[str, float]
) -> Detections:
    """The detections at or above the threshold of their category."""
    least = np.array([thresholds[name] for name in categories])
    return part.select(part.confidence.astype(np.float64) >= least[part.class_id])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Look:
    """What is reported of an image at the operating thresholds.

    Attributes:
        frame: truths, and the detections that count.
        match: (N,) the truth that each detection finds, -1 for none.
    """

    frame: Frame
    match: NDArray[np.intp]

    @property
    def hit(self) -> NDArray[np.bool_]:
        """(T,) which truths are found."""
        hit = np.zeros(len(self.frame.truths), np.bool_)
        hit[self.match[self.match >= 0]] = True
        return hit


def _score(
    subject: str,
    images: Sequence[LabelledImage],
    frames: Sequence[Frame],
    looks: Sequence[_Look],
    min_iou: float,
) -> SubjectScore:
    hits = [look.hit for look in looks]
    alarms = np.array([int((look.match < 0).sum()) for look in looks])
    found = sum(int(hit.sum()) for hit in hits)
    truths = sum(len(frame.truths) for frame in frames)
    counted = found + int(alarms.sum())
    ground = np.array([image.ground_km2 or 0.0 for image in images])
    measured = average_precision(frames, min_iou, list(SIZES_PX.values()))
    sizes_m: dict[str, SizeScore] = {}
    scaled = [
        (_in_metres(frame, image.gsd_m), hit)
        for image, frame, hit in zip(images, frames, hits, strict=True)
        if image.gsd_m
    ]
    if scaled:
        # Overlap does not change with scale: metres are had by scaling each image's boxes.
        in_metres = [frame for frame, _ in scaled]
        on_ground = average_precision(in_metres, min_iou, list(SIZES_M.values()))
        sizes_m = _sizes(in_metres, [hit for _, hit in scaled], on_ground.by_size, SIZES_M)
    return SubjectScore(
        subject=subject,
        truths=truths,
        ap50=measured.ap50,
        ap50_95=measured.ap50_95,
        recall=found / truths,
        precision=found / counted if counted else None,
        false_alarms=int(alarms.sum()),
        false_alarms_per_image=float(alarms.mean()),
        false_alarms_per_km2=(
            float(alarms[ground > 0].sum() / ground.sum()) if ground.any() else None
        ),
        sizes_px=_sizes(frames, hits, measured.by_size, SIZES_PX),
        sizes_m=sizes_m,
        curve=measured.curve,
    )


def _in_metres(frame: Frame, gsd_m: float) -> Frame:
    return Frame(truths=frame.truths * gsd_m, xyxy=frame.xyxy * gsd_m, confidence=frame.confidence)


def _sizes(
    frames: Sequence[Frame],
    hits: Sequence[NDArray[np.bool_]],
    ap: Sequence[float | None],
    sizes: dict[str, tuple[float, float]],
) -> dict[str, SizeScore]:
    """Scores by size, in the unit of the frames."""
    length = np.concatenate([side(frame.truths) for frame in frames])
    hit = np.concatenate(hits)
    scores = {}
    for (name, (low, high)), value in zip(sizes.items(), ap, strict=True):
        among = (length >= low) & (length < high)
        scores[name] = SizeScore(
            truths=int(among.sum()),
            ap50=value,
            recall=float(hit[among].mean()) if among.any() else None,
        )
    return scores


def _add_cases(
    place: int,
    subject: str,
    frame: Frame,
    look: _Look,
    min_iou: float,
    misses: list[Case],
    alarms: list[Case],
) -> None:
    """Add the misses and false alarms of an image."""
    would = np.zeros(len(frame.truths))
    match = _match(frame, min_iou)
    would[match[match >= 0]] = frame.confidence[match >= 0]
    misses.extend(
        Case(image=place, subject=subject, xyxy=frame.truths[at], confidence=float(would[at]))
        for at in np.flatnonzero(~look.hit)
    )
    alarms.extend(
        Case(
            image=place,
            subject=subject,
            xyxy=look.frame.xyxy[at],
            confidence=float(look.frame.confidence[at]),
        )
        for at in np.flatnonzero(look.match < 0)
    )
