"""Two networks compared as an operator meets them: false alarms at equal recall.

A network that is less sure of everything raises fewer false alarms at the same threshold and finds
less. So each has thresholds of its own, at which it finds as much as the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.evaluation.average_precision import RECALLS
from models.evaluation.evaluation import judged
from models.evaluation.labels import LabelledImage
from models.taxonomy import GROUPS, group_of


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupCurve:
    """Detections of one group over a set, in descending order of confidence.

    Attributes:
        confidence: (D,) 0 to 1.
        is_object: (D,) whether each is a labelled object.
        truths: labelled objects.
    """

    confidence: NDArray[np.float64]
    is_object: NDArray[np.bool_]
    truths: int

    def recall(self, threshold: float) -> float:
        """Share of the labelled objects that is found at a threshold; 1 where there are none."""
        found = int(self.is_object[self.confidence >= threshold].sum())
        return found / self.truths if self.truths else 1.0

    def false_alarms(self, threshold: float) -> int:
        """Detections at a threshold that are no labelled object."""
        return int((~self.is_object[self.confidence >= threshold]).sum())

    def threshold_for(self, recall: float) -> float:
        """The highest threshold that finds a share of the objects; 0 where none does."""
        needed = round(recall * self.truths)
        if needed <= 0:
            return 1.0
        at = int(np.searchsorted(np.cumsum(self.is_object), needed))
        return float(self.confidence[at]) if at < len(self.confidence) else 0.0

    @property
    def average_precision(self) -> float:
        """Precision read at 101 recalls, as COCO does; 0 without objects."""
        if not self.truths or not len(self.confidence):
            return 0.0
        found = np.cumsum(self.is_object)
        precision = found / np.arange(1, len(found) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(found / self.truths, RECALLS, side="left")
        return float(np.append(best, 0.0)[at].mean())


def curves(
    images: Sequence[LabelledImage], found: Sequence[Detections], categories: Sequence[str]
) -> dict[str, GroupCurve]:
    """The curve of every group that a set labels."""
    labelled = {
        name if name in GROUPS else group_of(name) for image in images for name in image.names
    }
    told = {}
    for group in GROUPS:
        if group in labelled:
            confidence, is_object, truths = judged(images, found, categories, group)
            told[group] = GroupCurve(confidence=confidence, is_object=is_object, truths=truths)
    return told


def alarms_on_empty_ground(
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    categories: Sequence[str],
    thresholds: Mapping[str, float],
) -> int:
    """Detections at each group's threshold where nothing is; regions to ignore do not count."""
    alarms = 0
    for group, threshold in thresholds.items():
        confidence, is_object, _ = judged(images, found, categories, group)
        alarms += int((~is_object[confidence >= threshold]).sum())
    return alarms
