"""Where a network takes empty ground for objects: the places that are worth learning from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from models.detector import DetectionParameters, Detector
from models.tiles.tile_plan import plan_unknown_scale
from models.training.pieces import WITHOUT_OBJECTS, Piece

_PARAMETERS = DetectionParameters(min_confidence=0.05)
"""Far below any threshold: what is nearly seen here is seen elsewhere."""

LOOKED_AT = WITHOUT_OBJECTS - {"dismissed"}
"""Kinds of pieces in which mistakes are looked for; in a dismissed chip they are known."""


def with_mistakes(
    pieces: Sequence[Piece],
    detector: Detector,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Piece]:
    """The pieces, those without objects with the places that a detector takes for some.

    They are looked at as a photograph of unknown scale is: what one look alone takes for an object
    and another does not is no mistake that anybody would see.

    Args:
        pieces: any; those without objects are looked at, but for dismissed chips.
        detector: the network that is to learn, on any engine.
        progress: told how many of the pieces are done.

    Raises:
        EngineError: the engine failed.
    """
    told = []
    for done, piece in enumerate(pieces, start=1):
        if piece.kind in LOOKED_AT:
            height, width = piece.pixels.shape[:2]
            side = detector.identity.input_px
            views = plan_unknown_scale(width, height, side, _PARAMETERS.tile_overlap)
            found = detector.detect(piece.pixels, _PARAMETERS, views)
            told.append(replace(piece, mistaken=found.xyxy.astype(np.float64)))
        else:
            told.append(piece)
        progress(done)
    return told
