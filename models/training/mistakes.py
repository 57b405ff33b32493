"""Where a network takes empty ground for objects: the places that are worth learning from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from models.detector import DetectionParameters, Detector
from models.training.pieces import Piece

_PARAMETERS = DetectionParameters(min_confidence=0.05, tile_overlap=0.05, whole_frame=False)
"""Far below any threshold: what is nearly seen here is seen elsewhere."""

_SCALES = (1.0, 0.5)
_LEAST_PX = 700
"""A piece with no longer side is looked at in one scale."""


def with_mistakes(
    pieces: Sequence[Piece],
    detector: Detector,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Piece]:
    """The pieces, those without objects with the places that a detector takes for some.

    Args:
        pieces: any; those without objects are looked at, but for dismissed chips.
        detector: the network that is to learn, on any engine.
        progress: told how many of the pieces are done.

    Raises:
        EngineError: the engine failed.
    """
    told = []
    for done, piece in enumerate(pieces, start=1):
        if piece.kind in {"empty", "rendered_empty"}:
            places = [np.zeros((0, 4))]
            for scale in _SCALES if max(piece.pixels.shape) > _LEAST_PX else _SCALES[:1]:
                pixels = piece.pixels
                if scale != 1.0:
                    pixels = np.asarray(
                        cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
                        np.uint8,
                    )
                found = detector.detect(pixels, _PARAMETERS)
                places.append(found.xyxy.astype(np.float64) / scale)
            told.append(replace(piece, mistaken=np.concatenate(places)))
        else:
            told.append(piece)
        progress(done)
    return told
