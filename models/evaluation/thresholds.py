"""Operating thresholds chosen from what a model does on labelled images.

A category that is labelled often enough has a threshold of its own; a rarer one has that of its
group, because the best of a handful of objects is chance. The rule is the person's: the best
balance, so much of what is there, or so many false alarms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.evaluation.evaluation import judged
from models.evaluation.labels import LabelledImage
from models.taxonomy import GROUPS, group_of

FEWEST_OBJECTS = 50
"""Labelled objects from which a category has a threshold of its own."""

_DIGITS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdRule:
    """By what a threshold is chosen; the best F1 where neither target is given.

    Attributes:
        recall: the highest threshold that finds at least this share of the objects.
        false_alarms_per_km2: the lowest threshold that raises no more than so many.
    """

    recall: float | None = None
    false_alarms_per_km2: float | None = None

    def __post_init__(self) -> None:
        if self.recall is not None and self.false_alarms_per_km2 is not None:
            raise ValueError("a threshold is chosen for recall or for false alarms, not for both")
        if self.recall is not None and not 0 < self.recall <= 1:
            raise ValueError(f"recall is above 0 and at most 1, not {self.recall}")
        if self.false_alarms_per_km2 is not None and not self.false_alarms_per_km2 >= 0:
            raise ValueError(f"false alarms are 0 or more, not {self.false_alarms_per_km2}")

    def __str__(self) -> str:
        if self.recall is not None:
            return f"highest confidence with a recall of {self.recall:g}"
        if self.false_alarms_per_km2 is not None:
            return (
                "lowest confidence with at most "
                f"{self.false_alarms_per_km2:g} false alarms by square kilometre"
            )
        return "confidence of the best F1"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenThreshold:
    """The threshold of one category.

    Attributes:
        confidence: 0 to 1.
        subject: the category or group whose objects it was chosen on.
        objects: how many of these were labelled.
        reached: whether the rule's target was met; else it is the best that could be done.
    """

    confidence: float
    subject: str
    objects: int
    reached: bool


def choose_thresholds(
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    categories: Sequence[str],
    rule: ThresholdRule,
    *,
    min_iou: float = 0.5,
    fewest_objects: int = FEWEST_OBJECTS,
) -> dict[str, ChosenThreshold]:
    """A threshold for each category of a model that the set tells enough of.

    Args:
        images: I labelled images.
        found: detections of each, down to the lowest threshold that may be chosen.
        categories: of the model, in the order of `Detections.class_id`.
        rule: by what it is chosen.
        min_iou: overlap from which a detection is the object.
        fewest_objects: labelled objects that a category or group needs.

    Raises:
        ValueError: the rule asks for false alarms by area, and no image tells its ground.
    """
    area_km2 = None
    if rule.false_alarms_per_km2 is not None:
        with_ground = [place for place, image in enumerate(images) if image.ground_km2]
        if not with_ground:
            raise ValueError("no image tells how much ground it shows")
        images = [images[place] for place in with_ground]
        found = [found[place] for place in with_ground]
        area_km2 = sum(image.ground_km2 or 0.0 for image in images)
    of_subject: dict[str, ChosenThreshold | None] = {}

    def chosen(subject: str) -> ChosenThreshold | None:
        if subject not in of_subject:
            confidence, is_object, truths = judged(
                images, found, categories, subject, min_iou=min_iou
            )
            of_subject[subject] = None
            if truths >= fewest_objects and len(confidence):
                threshold, reached = _choose(confidence, is_object, truths, rule, area_km2)
                of_subject[subject] = ChosenThreshold(
                    confidence=threshold, subject=subject, objects=truths, reached=reached
                )
        return of_subject[subject]

    thresholds = {name: chosen(name) or chosen(group_of(name)) for name in categories}
    return {name: threshold for name, threshold in thresholds.items() if threshold is not None}


def _choose(
    confidence: NDArray[np.float64],
    is_object: NDArray[np.bool_],
    truths: int,
    rule: ThresholdRule,
    area_km2: float | None,
) -> tuple[float, bool]:
    """The threshold of one subject, and whether the target is met."""
    # What has the same confidence is taken or left together.
    last = np.append(confidence[1:] < confidence[:-1], True)
    right = np.cumsum(is_object)[last]
    wrong = np.cumsum(~is_object)[last]
    at = confidence[last]
    if rule.recall is not None:
        enough = np.flatnonzero(right >= rule.recall * truths - 1e-9)
        place, reached = (int(enough[0]), True) if len(enough) else (len(at) - 1, False)
    elif rule.false_alarms_per_km2 is not None and area_km2 is not None:
        few = np.flatnonzero(wrong <= rule.false_alarms_per_km2 * area_km2 + 1e-9)
        if not len(few):
            # Already the surest detection is one too many: nothing of the subject counts.
            return 1.0, False
        place, reached = int(few[-1]), True
    else:
        place, reached = int((2 * right / (right + wrong + truths)).argmax()), True
    below = float(at[place + 1]) if place + 1 < len(at) else 0.0
    return _between(below, float(at[place])), reached


def _between(below: float, above: float) -> float:
    """A short number that parts two confidences, nearer to neither than it must be."""
    middle = round((below + above) / 2, _DIGITS)
    return middle if below < middle <= above else above


def told(rule: ThresholdRule, chosen: Mapping[str, ChosenThreshold], data: str) -> str:
    """How thresholds were chosen, in a sentence for the card."""
    shared = sorted(name for name, one in chosen.items() if one.subject != name)
    sentence = f"{rule}, on {data}"
    if shared:
        groups = ", ".join(sorted({chosen[name].subject for name in shared if name not in GROUPS}))
        sentence += (
            f"; {', '.join(shared)} by the group {groups}, for want of {FEWEST_OBJECTS} objects"
        )
    missed = sorted(name for name, one in chosen.items() if not one.reached)
    if missed:
        sentence += f"; not reached for {', '.join(missed)}"
    return sentence
