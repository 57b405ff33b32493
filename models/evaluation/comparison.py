"""Two models on one image: where they agree, and what only one of them sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections

SAME_OBJECT_IOU = 0.5
"""Overlap from which two detections are of one object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryAgreement:
    """What two models say of one category.

    Attributes:
        active: detections of the model in force.
        shadow: detections of the one beside it.
        both: those that are the same object in the same category.
        recategorised: detections of the model in force that the other sees in another category.
    """

    active: int = 0
    shadow: int = 0
    both: int = 0
    recategorised: int = 0

    @property
    def only_active(self) -> int:
        """Detections of the model in force that the other does not see at all."""
        return self.active - self.both - self.recategorised

    @property
    def only_shadow(self) -> int:
        """Detections of the other in this category that the model in force does not have so."""
        return self.shadow - self.both

    def __add__(self, other: CategoryAgreement) -> CategoryAgreement:
        return CategoryAgreement(
            active=self.active + other.active,
            shadow=self.shadow + other.shadow,
            both=self.both + other.both,
            recategorised=self.recategorised + other.recategorised,
        )


def _overlap(active: Detections, shadow: Detections) -> NDArray[np.float64]:
    """(N, M) intersection over union of every two boxes."""
    a, b = active.xyxy.astype(np.float64), shadow.xyxy.astype(np.float64)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return np.asarray(common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-12))


def agreement(
    active: Detections,
    active_categories: Sequence[str],
    shadow: Detections,
    shadow_categories: Sequence[str],
) -> dict[str, CategoryAgreement]:
    """Agreement by category.

    Detections are paired one to one, the best overlap first, within a category before across.

    Args:
        active: N detections of the model in force.
        active_categories: category of each, N words.
        shadow: M detections of the other model.
        shadow_categories: category of each, M words.
    """
    names = sorted({*active_categories, *shadow_categories})
    if not names:
        return {}
    overlap = _overlap(active, shadow)
    same = np.equal.outer(
        np.array(active_categories, np.str_), np.array(shadow_categories, np.str_)
    ).reshape(overlap.shape)
    rows, columns = np.nonzero(overlap >= SAME_OBJECT_IOU)
    order = np.lexsort((columns, rows, -overlap[rows, columns], ~same[rows, columns]))
    paired_rows: dict[int, bool] = {}
    paired_columns: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in paired_rows and column not in paired_columns:
            paired_rows[row] = bool(same[row, column])
            paired_columns.add(column)
    return {
        name: CategoryAgreement(
            active=sum(category == name for category in active_categories),
            shadow=sum(category == name for category in shadow_categories),
            both=sum(
                is_same and active_categories[row] == name for row, is_same in paired_rows.items()
            ),
            recategorised=sum(
                not is_same and active_categories[row] == name
                for row, is_same in paired_rows.items()
            ),
        )
        for name in names
    }
