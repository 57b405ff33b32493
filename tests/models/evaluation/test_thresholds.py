"""The confidence from which a detection counts: a person's word, the card's, the default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity
from models.tiles.tiled_detector import TiledDetector

CATEGORIES = ("person", "car", "bus")
LEFT = np.arange(0, 480, 40)


class ThreeOfEach:
    """Sees a person, a car and a bus at confidences 0.11, 0.27, 0.35 and 0.6."""

    identity = DetectorIdentity(
        name="three", engine="test", sha256={}, categories=CATEGORIES, input_px=640
    )

    def infer(self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float) -> list[Detections]:
        seen = Detections(
            xyxy=np.stack([LEFT, LEFT, LEFT + 20, LEFT + 20], axis=1).astype(np.float32),
            confidence=np.repeat([0.6, 0.35, 0.27, 0.11], 3).astype(np.float32),
            class_id=np.tile([0, 1, 2], 4).astype(np.int32),
        )
        # An engine leaves out what is below the least that is asked for.
        return [seen.select(seen.confidence >= min_confidence) for _ in tiles]


@pytest.mark.parametrize(
    ("asked", "card", "expected"),
    [
        (None, {}, {"person": 3, "car": 3, "bus": 3}),
        (None, {"person": 0.1, "car": 0.5}, {"person": 4, "car": 1, "bus": 3}),
        (None, {"person": 0.35, "car": 0.3, "bus": 0.9}, {"person": 2, "car": 2, "bus": 0}),
        (0.3, {"person": 0.1, "car": 0.5}, {"person": 2, "car": 2, "bus": 2}),
        (0.0, {"person": 0.9}, {"person": 4, "car": 4, "bus": 4}),
    ],
)
def test_a_person_stands_above_the_card_and_the_card_above_the_default(
    asked: float | None, card: Mapping[str, float], expected: dict[str, int]
) -> None:
    detector = TiledDetector(ThreeOfEach(), version="1.2", thresholds=card)
    assert detector.identity.label == "three@1.2"
    assert detector.identity.thresholds == card
    image = np.zeros((600, 600, 3), np.uint8)
    found = detector.detect(image, DetectionParameters(min_confidence=asked))
    counts = {name: int((found.class_id == at).sum()) for at, name in enumerate(CATEGORIES)}
    assert counts == expected
