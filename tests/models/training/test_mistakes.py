"""Places that a detector mistakes, in pixels of the piece."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import DetectionParameters
from models.tiles.tile_plan import TilePlan
from models.training.mistakes import with_mistakes
from models.training.pieces import Kind, Piece


class SeesOnePixel:
    """Takes the brightest pixel for an object of ten pixels; remembers how it was asked."""

    identity = SimpleNamespace(input_px=640)

    def __init__(self) -> None:
        self.asked: list[tuple[bool, set[float]]] = []

    def detect(
        self, image: NDArray[np.uint8], parameters: DetectionParameters, plan: TilePlan
    ) -> Detections:
        self.asked.append((parameters.whole_frame, set(plan.scale.tolist())))
        y, x = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
        return Detections(
            xyxy=np.array([[x, y, x + 10, y + 10]], np.float32),
            confidence=np.array([0.06], np.float32),
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


def test_a_place_is_told_in_pixels_of_its_piece() -> None:
    (told,) = with_mistakes([piece("empty", 800)], SeesOnePixel())  # type: ignore[arg-type]
    np.testing.assert_allclose(told.mistaken, [[300, 200, 310, 210]])


def test_pieces_are_looked_at_as_photographs_of_unknown_scale_are() -> None:
    sees = SeesOnePixel()
    with_mistakes([piece("empty", 1280), piece("rendered_empty", 500)], sees)  # type: ignore[arg-type]
    # Two looks at each: tiles and the whole frame, or the two scales of what fits a tile.
    assert sees.asked == [(True, {1.0}), (True, {0.7, 1.25})]


def test_a_piece_with_objects_is_not_looked_at() -> None:
    done: list[int] = []
    sees = SeesOnePixel()
    _, colour = with_mistakes(
        [piece("empty", 400), piece("colour", 800)],
        sees,  # type: ignore[arg-type]
        done.append,
    )
    assert len(colour.mistaken) == 0
    assert len(sees.asked) == 1
    assert done == [1, 2]
