"""Objects on seams and corners of tiles: none lost, none doubled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.catalogue.catalogue import open_detector
from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity
from models.tiles.suppression import iou
from models.tiles.tile_plan import ScaleField, plan_tiles, plan_unknown_scale
from models.tiles.tiled_detector import TiledDetector
from models.tiles.tiling import tile_starts

SIDE, WIDTH, HEIGHT = 640, 2600, 1900
PLACEMENTS = 1000


class ExactEngine:
    """Finds bright blobs to the pixel."""

    identity = DetectorIdentity(
        name="exact", engine="test", sha256={}, categories=("car",), input_px=SIDE
    )

    def infer(self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float) -> list[Detections]:
        assert min_confidence <= 0.05
        found = []
        for tile in tiles:
            bright = (tile[..., 0] > 158).astype(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
            boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist()]
            found.append(
                Detections(
                    xyxy=np.array(boxes, np.float32).reshape(-1, 4),
                    confidence=np.full(len(boxes), 0.8, np.float32),
                    class_id=np.zeros(len(boxes), np.int32),
                )
            )
        return found


def on_seams(
    random: np.random.Generator, overlap: float, side: int, largest: int
) -> NDArray[np.float64]:
    """Boxes whose middles lie about the edges and corners of tiles, well apart."""
    left, top = (tile_starts(length, side, overlap) for length in (WIDTH, HEIGHT))
    edges_x = np.concatenate([left, left + side]).astype(float)
    edges_y = np.concatenate([top, top + side]).astype(float)
    boxes: list[NDArray[np.float64]] = []
    for _ in range(400):
        size = random.integers(12, largest, 2)
        # On a vertical edge, a horizontal one, or a corner; off it by at most half the object.
        kind = random.integers(0, 3)
        x = random.choice(edges_x) if kind != 1 else random.uniform(0, WIDTH)
        y = random.choice(edges_y) if kind != 0 else random.uniform(0, HEIGHT)
        corner = np.round((x, y) + random.uniform(-1.1, 0.1, 2) * size)
        box = np.concatenate([corner, corner + size])
        gap = 14
        free = all(
            (box[:2] > other[2:] + gap).any() or (box[2:] < other[:2] - gap).any()
            for other in boxes
        )
        if free and (box[:2] >= 0).all() and (box[2:] <= (WIDTH, HEIGHT)).all():
            boxes.append(box)
    return np.array(boxes)


def painted(boxes: NDArray[np.float64]) -> NDArray[np.uint8]:
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for left, top, right, bottom in boxes.astype(int):
        image[top:bottom, left:right] = 255
    return image


@pytest.mark.parametrize("whole_frame", [False, True])
@pytest.mark.parametrize("overlap", [0.0, 0.05, 0.2, 0.35, 0.5])
def test_a_thousand_objects_on_seams_come_out_once_each(overlap: float, whole_frame: bool) -> None:
    random = np.random.default_rng(round(overlap * 100))
    placed = 0
    while placed < PLACEMENTS:
        # Cut objects, larger than what tiles share, are among them.
        boxes = on_seams(random, overlap, SIDE, 140)
        found = TiledDetector(ExactEngine()).detect(
            painted(boxes), DetectionParameters(tile_overlap=overlap, whole_frame=whole_frame)
        )
        assert len(found) == len(boxes)
        # The whole frame, whose pixels are four of the image, has its say about every box; where
        # tiles share nothing a cut object's box may be its alone.
        slack = (5 if overlap < 0.1 else 2) if whole_frame else 0
        for box in boxes:
            assert (np.abs(found.xyxy - box).max(axis=1) <= slack).sum() == 1
        placed += len(boxes)


@pytest.mark.parametrize("seed", range(4))
def test_where_scales_meet_nothing_is_lost_or_doubled(seed: int) -> None:
    random = np.random.default_rng(seed)
    cell = 100
    # Bands of a scale each, as an oblique frame has them, their limits anywhere.
    limits = np.sort(random.integers(2, 18, 2))
    scale = np.full((HEIGHT // cell, WIDTH // cell), 2.0)
    scale[limits[0] :], scale[limits[1] :] = 1.0, 0.5
    field = ScaleField(cell_px=cell, scale=scale, object_px=np.full(scale.shape, 90.0))
    plan = plan_tiles(WIDTH, HEIGHT, SIDE, 0.1, field)
    boxes = on_seams(random, 0.1, SIDE, 90)
    at_limits = on_seams(random, 0.1, 2 * SIDE, 90)
    for some in (boxes, at_limits):
        found = TiledDetector(ExactEngine()).detect(
            painted(some), DetectionParameters(whole_frame=bool(seed % 2)), plan
        )
        assert len(found) == len(some)
        for box in some:
            # At half scale an edge is known to two pixels.
            off = np.abs(found.xyxy - box).max(axis=1)
            assert (off <= 3).sum() == 1


def test_two_scales_tell_of_each_object_once() -> None:
    random = np.random.default_rng(8)
    for _ in range(4):
        boxes = on_seams(random, 0.2, SIDE, 140)
        plan = plan_unknown_scale(WIDTH, HEIGHT, SIDE, 0.2)
        assert sorted(set(plan.scale.tolist())) == [0.5, 1.0]
        found = TiledDetector(ExactEngine()).detect(painted(boxes), DetectionParameters(), plan)
        assert len(found) == len(boxes)
        for box in boxes:
            assert (np.abs(found.xyxy - box).max(axis=1) <= 2).sum() == 1


def test_real_cars_are_found_wherever_seams_fall(data_dir: Path) -> None:
    """A photograph among its mirror images, cut out twice: seams fall on other cars each time."""
    detector = open_detector()
    name = min((data_dir / "detection" / "aerial_cars").rglob("*.jpg"))
    with Image.open(name) as picture:
        patch = np.asarray(picture.convert("RGB"))
    mosaic = np.pad(patch, ((0, 1400), (0, 1400), (0, 0)), mode="symmetric")
    parameters = DetectionParameters(min_confidence=0.2)

    def looked(shift: int) -> Detections:
        found = detector.detect(mosaic[shift : shift + 1500, shift : shift + 1500], parameters)
        return Detections(
            xyxy=found.xyxy + np.float32(shift),
            confidence=found.confidence,
            class_id=found.class_id,
        )

    first, second = looked(0), looked(150)
    # A network leaves weak second boxes about some objects, in one tile as in several.
    second = second.select(second.confidence > 0.3)
    middle = (first.xyxy[:, :2] + first.xyxy[:, 2:]) / 2
    both = (middle > 200).all(axis=1) & (middle < 1450).all(axis=1)
    sure = first.select(both & (first.confidence > 0.6))
    assert len(sure) >= 20
    again = [
        int((iou(second.xyxy, np.repeat(box[None], len(second), axis=0)) > 0.5).sum())
        for box in sure.xyxy
    ]
    assert again == [1] * len(sure)
