"""Reading the raw output of a YOLO detection head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.taxonomy import ClassMap, group_index
from models.tiles.suppression import suppress


class YoloHead:
    """Turns raw predictions of one tile into detections of that tile."""

    def __init__(self, class_map: ClassMap) -> None:
        self._index = class_map.index
        self._groups = group_index(class_map.categories)

    def read(
        self, predictions: NDArray[np.float32], tile_px: int, min_confidence: float
    ) -> Detections:
        """Detections of one tile.

        Args:
            predictions: (4 + C, A) float32, for each of A anchors the centre x, centre y, width
                and height in pixels of the tile, then a probability for each of C classes.
            tile_px: side of the tile; boxes are clipped to it.
            min_confidence: anchors below it are left out.

        Returns:
            Suppressed detections in pixels of the tile, in descending order of confidence;
            `class_id` is the category.

        Raises:
            ValueError: the predictions have another shape.
        """
        if predictions.ndim != 2 or predictions.shape[0] != 4 + len(self._index):
            raise ValueError(
                f"a head of {len(self._index)} classes gives {4 + len(self._index)} rows, "
                f"not an array of shape {predictions.shape}"
            )
        scores = predictions[4:]
        anchors = np.flatnonzero(scores.max(axis=0) >= min_confidence)
        if not len(anchors):
            return Detections.empty()
        scores = scores[:, anchors]
        best = scores.argmax(axis=0)
        centre, half = predictions[:2, anchors], predictions[2:4, anchors] / 2
        xyxy = np.concatenate([centre - half, centre + half]).clip(0, tile_px).T
        found = Detections(
            xyxy=xyxy.astype(np.float32),
            confidence=scores[best, np.arange(len(best))].astype(np.float32),
            class_id=self._index[best],
        )
        return suppress(found, self._groups)
