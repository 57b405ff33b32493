"""Places that a detector mistakes, in pixels of the piece."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import DetectionParameters
from models.training.mistakes import with_mistakes
from models.training.pieces import Kind, Piece


class SeesOnePixel:
    """Takes the brightest pixel for an object of ten pixels."""

    identity = None

    def detect(
        self, image: NDArray[np.uint8], _parameters: DetectionParameters, _plan: object = None
    ) -> Detections:
        y, x = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
        return Detections(
            xyxy=np.array([[x, y, x + 10, y + 10]], np.float32),
            confidence=np.array([0.5], np.float32),
            class_id=np.array([0], np.int32),
        )


def piece(kind: Kind, side: int) -> Piece:
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[200:204, 300:304] = 255
    return Piece(
        name="a",
        kind=kind,
        pixels=pixels,
        xyxy=np.zeros((0, 4)),
        class_id=np.zeros(0, np.int32),
    )


def test_both_scales_tell_the_same_place() -> None:
    (told,) = with_mistakes([piece("empty", 800)], SeesOnePixel())  # type: ignore[arg-type]
    # The second was seen in the half, where ten pixels are twenty.
    np.testing.assert_allclose(told.mistaken, [[300, 200, 310, 210], [300, 200, 320, 220]])


def test_a_small_piece_is_looked_at_once_and_one_with_objects_never() -> None:
    pieces = [piece("rendered_empty", 400), piece("colour", 800)]
    done: list[int] = []
    small, colour = with_mistakes(pieces, SeesOnePixel(), done.append)  # type: ignore[arg-type]
    assert len(small.mistaken) == 1
    assert len(colour.mistaken) == 0
    assert done == [1, 2]
