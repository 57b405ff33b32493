"""Detections of one image as a struct of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Detections:
    """What a detector found in one image, in descending order of confidence.

    Pixel coordinates start at the outer corner of the first pixel of the file as it lies on disk:
    the centre of that pixel is (0.5, 0.5).

    Attributes:
        xyxy: (N, 4) float32, left, top, right, bottom of each box in pixels.
        confidence: (N,) float32, 0 to 1.
        class_id: (N,) int32, index into the categories of the model.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]

    def __post_init__(self) -> None:
        count = len(self.confidence)
        if self.xyxy.shape != (count, 4) or self.class_id.shape != (count,):
            raise ValueError(
                f"arrays disagree: xyxy {self.xyxy.shape}, confidence {self.confidence.shape}, "
                f"class_id {self.class_id.shape}"
            )

    def __len__(self) -> int:
        return len(self.confidence)

    @classmethod
    def empty(cls) -> Self:
        """No detections."""
        return cls(
            xyxy=np.zeros((0, 4), np.float32),
            confidence=np.zeros(0, np.float32),
            class_id=np.zeros(0, np.int32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Detections]) -> Self:
        """All detections of the parts, in the order of the parts."""
        if not parts:
            return cls.empty()
        return cls(
            xyxy=np.concatenate([part.xyxy for part in parts]),
            confidence=np.concatenate([part.confidence for part in parts]),
            class_id=np.concatenate([part.class_id for part in parts]),
        )

    def select(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """The detections that a boolean mask (N,) or an index array (M,) names, in its order."""
        return type(self)(
            xyxy=self.xyxy[index], confidence=self.confidence[index], class_id=self.class_id[index]
        )
