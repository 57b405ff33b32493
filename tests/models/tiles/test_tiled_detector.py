from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.catalogue.catalogue import open_detector
from models.detections import Detections
from models.detector import DetectionParameters, Detector, DetectorIdentity
from models.taxonomy import group_index
from models.tiles.suppression import iou
from models.tiles.tile_plan import plan_unknown_scale
from models.tiles.tiled_detector import TiledDetector

SIDE = 640


class BlobEngine:
    """Finds bright blobs exactly, as a network would find objects: a perfect detector of tiles."""

    def __init__(self) -> None:
        self.tiles: list[NDArray[np.uint8]] = []
        self.identity = DetectorIdentity(
            name="blobs", engine="test", sha256={}, categories=("car",), input_px=SIDE
        )

    def infer(self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float) -> list[Detections]:
        assert 0 <= min_confidence <= 1
        found = []
        for tile in tiles:
            self.tiles.append(tile)
            bright = (tile[..., 0] > 185).astype(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
            boxes = [
                (left, top, left + width, top + height)
                for left, top, width, height, _ in stats[1:].tolist()
                if width >= 3 and height >= 3
            ]
            found.append(
                Detections(
                    xyxy=np.array(boxes, np.float32).reshape(-1, 4),
                    confidence=np.full(len(boxes), 0.8, np.float32),
                    class_id=np.zeros(len(boxes), np.int32),
                )
            )
        return found


def scene(width: int, height: int, boxes: list[list[int]]) -> NDArray[np.uint8]:
    image = np.full((height, width, 3), 60, np.uint8)
    for left, top, right, bottom in boxes:
        image[top:bottom, left:right] = 255
    return image


@pytest.mark.parametrize("whole_frame", [False, True])
@pytest.mark.parametrize(("width", "height"), [(400, 300), (640, 640), (1500, 844), (4000, 2250)])
def test_planted_objects_come_out_once_in_pixels_of_the_image(
    width: int, height: int, whole_frame: bool
) -> None:
    random = np.random.default_rng(width)
    boxes = []
    # One to a cell of a lattice; the reduced frame keeps the gaps between them open.
    for top in range(10, height - 110, 120):
        for left in range(10, width - 110, 120):
            size = random.integers(40, 90, 2)
            boxes.append([left, top, left + int(size[0]), top + int(size[1])])
    found = TiledDetector(BlobEngine()).detect(
        scene(width, height, boxes), DetectionParameters(whole_frame=whole_frame)
    )
    assert len(found) == len(boxes)
    # The whole frame says where an object ends to one of its pixels, up to six of the image, and
    # counts by its scale.
    slack = 2 if whole_frame and width > SIDE else 0
    for box in boxes:
        assert (np.abs(found.xyxy - box).max(axis=1) <= slack).sum() == 1


def test_what_is_larger_than_a_tile_is_found_whole() -> None:
    boxes = [[500, 400, 1900, 1300], [2500, 100, 2560, 140]]
    found = TiledDetector(BlobEngine()).detect(scene(3000, 2000, boxes), DetectionParameters())
    assert len(found) == 2
    large = found.xyxy[np.argmax(found.xyxy[:, 3] - found.xyxy[:, 1])]
    # The reduced frame says it to one of its pixels, five of the image.
    assert np.abs(large - boxes[0]).max() <= 5


def test_the_whole_frame_is_looked_at_once_more_only_where_it_is_more_than_a_tile() -> None:
    engine = BlobEngine()
    TiledDetector(engine).detect(scene(640, 512, []), DetectionParameters())
    assert len(engine.tiles) == 1
    TiledDetector(engine).detect(scene(1280, 640, []), DetectionParameters(tile_overlap=0))
    assert len(engine.tiles) == 1 + 2 + 1
    assert all(tile.shape == (SIDE, SIDE, 3) for tile in engine.tiles)


@pytest.mark.parametrize(
    ("image", "parameters"),
    [
        (np.zeros((640, 640), np.uint8), DetectionParameters()),
        (np.zeros((640, 640, 3), np.float32), DetectionParameters()),
        (np.zeros((640, 640, 3), np.uint8), DetectionParameters(min_confidence=1.5)),
        (np.zeros((900, 900, 3), np.uint8), DetectionParameters(tile_overlap=1.0)),
    ],
)
def test_what_is_no_image_or_no_parameter_is_refused(
    image: NDArray[np.uint8], parameters: DetectionParameters
) -> None:
    with pytest.raises(ValueError, match="is"):
        TiledDetector(BlobEngine()).detect(image, parameters)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return open_detector()


def counts(
    truth: NDArray[np.float64], found: NDArray[np.float32], ignored: NDArray[np.float64]
) -> tuple[int, int]:
    """True and false detections: each truth answers for one, best first; IoU 0.5."""
    free = np.ones(len(truth), np.bool_)
    right = wrong = 0
    for box in found:
        overlap = iou(truth, np.repeat(box[None], len(truth), axis=0)) * free
        if len(truth) and overlap.max() >= 0.5:
            free[overlap.argmax()] = False
            right += 1
        elif not len(ignored) or iou(ignored, np.repeat(box[None], len(ignored), 0)).max() < 0.5:
            wrong += 1
    return right, wrong


def corners(rows: list[list[float]]) -> NDArray[np.float64]:
    """Left, top, width, height to corners."""
    box = np.array(rows, np.float64).reshape(-1, 4)
    return np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)


def test_vehicles_of_visible_light_frames_are_found(data_dir: Path, detector: Detector) -> None:
    """A floor that a wrong channel order, scale or decoding falls through; no accuracy claim."""
    vehicle = group_index(detector.identity.categories) == 1
    right = wrong = total = 0
    for path in sorted((data_dir / "detection" / "visdrone" / "images").iterdir())[:24:2]:
        with Image.open(path) as picture:
            image = np.asarray(picture.convert("RGB"))
        height, width = image.shape[:2]
        labels = np.loadtxt(
            data_dir / "detection" / "visdrone" / "labels" / f"{path.stem}.txt", ndmin=2
        ).reshape(-1, 5)
        labels = labels[labels[:, 0] >= 2]
        centre, size = labels[:, 1:3] * (width, height), labels[:, 3:] * (width, height)
        truth = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        found = detector.detect(image, DetectionParameters(min_confidence=0.2))
        hit, miss = counts(truth, found.xyxy[vehicle[found.class_id]], truth[:0])
        right, wrong, total = right + hit, wrong + miss, total + len(truth)
    assert total > 250
    assert right / total > 0.62
    assert right / (right + wrong) > 0.62


def test_people_and_vehicles_of_thermal_frames_are_found(
    data_dir: Path, detector: Detector
) -> None:
    folder = data_dir / "detection" / "hituav"
    table = json.loads((folder / "annotations.json").read_text())
    groups = group_index(detector.identity.categories)
    bicycle = detector.identity.categories.index("two-wheeler")
    right, wrong, total = np.zeros(2, int), np.zeros(2, int), np.zeros(2, int)
    for entry in table["images"][::5]:
        with Image.open(folder / "images" / entry["filename"]) as picture:
            image = np.asarray(picture.convert("RGB"))
        rows = [row for row in table["annotations"] if row["image_id"] == entry["id"]]
        # Bicycles and "don't care" are neither asked for nor held against it.
        ignored = corners([row["bbox"] for row in rows if row["category_id"] in {2, 4}])
        found = detector.detect(image, DetectionParameters())
        found = found.select(found.class_id != bicycle)
        for group, kinds in enumerate(({0}, {1, 3})):
            truth = corners([row["bbox"] for row in rows if row["category_id"] in kinds])
            hit, miss = counts(truth, found.xyxy[groups[found.class_id] == group], ignored)
            right[group] += hit
            wrong[group] += miss
            total[group] += len(truth)
    person, vehicle = right / total
    assert person > 0.65
    assert vehicle > 0.68
    assert ((right / (right + wrong)) > (0.6, 0.7)).all()


class ArraySource:
    """An image in memory as a source of windows, counting what is read."""

    def __init__(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.bool_] | None = None,
        *,
        whole_rows: bool = False,
    ) -> None:
        self.image, self.mask, self.reads_whole_rows = image, mask, whole_rows
        self.height_px, self.width_px = image.shape[:2]
        self.largest = 0

    def read_window(
        self, left: int, top: int, right: int, bottom: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        assert 0 <= left < right <= self.width_px
        assert 0 <= top < bottom <= self.height_px
        self.largest = max(self.largest, (right - left) * (bottom - top))
        part = None if self.mask is None else self.mask[top:bottom, left:right]
        return self.image[top:bottom, left:right], part


@pytest.mark.parametrize("whole_rows", [False, True])
@pytest.mark.parametrize("planned", [False, True])
@pytest.mark.parametrize("whole_frame", [False, True])
@pytest.mark.parametrize(("width", "height"), [(400, 300), (640, 640), (4700, 4300)])
def test_windows_give_what_the_whole_image_gives(
    width: int, height: int, whole_frame: bool, planned: bool, whole_rows: bool
) -> None:
    random = np.random.default_rng(width)
    corners = random.uniform(0, (width, height), (width * height // 40_000, 2)).astype(int)
    sides = random.integers(10, 300, corners.shape)
    image = scene(width, height, np.hstack([corners, corners + sides]).tolist())
    parameters = DetectionParameters(min_confidence=0.1, whole_frame=whole_frame)
    plan = plan_unknown_scale(width, height, SIDE, 0.2) if planned else None
    whole = TiledDetector(BlobEngine()).detect(image, parameters, plan)
    search = TiledDetector(BlobEngine()).detect_windows(
        ArraySource(image, whole_rows=whole_rows), parameters, plan
    )
    assert len(whole) > 0
    assert np.array_equal(search.detections.xyxy, whole.xyxy)
    assert np.array_equal(search.detections.confidence, whole.confidence)
    assert search.empty_tiles == 0


def test_where_there_is_no_data_nothing_is_looked_for() -> None:
    image = scene(
        4000, 2000, [[100, 100, 160, 160], [1480, 300, 1540, 360], [3000, 900, 3050, 950]]
    )
    mask = np.zeros(image.shape[:2], np.bool_)
    mask[:, :1500] = True
    engine = BlobEngine()
    search = TiledDetector(engine).detect_windows(
        ArraySource(image, mask), DetectionParameters(whole_frame=False)
    )
    # The second is cut where the data end, the third lies wholly beyond.
    assert search.detections.xyxy.tolist() == [
        [100.0, 100.0, 160.0, 160.0],
        [1480.0, 300.0, 1500.0, 360.0],
    ]
    assert search.tiles == len(engine.tiles) + search.empty_tiles
    assert search.empty_tiles >= search.tiles // 2
    nothing = TiledDetector(engine).detect_windows(
        ArraySource(image, np.zeros_like(mask)), DetectionParameters()
    )
    assert len(nothing.detections) == 0
    assert nothing.empty_tiles == nothing.tiles


def test_what_lies_mostly_where_there_is_no_data_is_dropped() -> None:
    class GreyEngine(BlobEngine):
        """Takes the grey of padding for an object too."""

        def infer(
            self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float
        ) -> list[Detections]:
            return super().infer(
                (np.where(t > 100, np.uint8(255), t) for t in tiles), min_confidence
            )

    image = scene(640, 640, [[100, 100, 160, 160]])
    mask = np.ones(image.shape[:2], np.bool_)
    mask[:, 300:] = False
    search = TiledDetector(GreyEngine()).detect_windows(
        ArraySource(image, mask), DetectionParameters()
    )
    assert search.detections.xyxy.tolist() == [[100.0, 100.0, 160.0, 160.0]]


class BlindEngine(BlobEngine):
    """Draws tiles and finds nothing."""

    def infer(self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float) -> list[Detections]:
        del min_confidence
        return [Detections.empty() for _ in tiles]


@pytest.mark.parametrize(("whole_rows", "most"), [(False, 4096**2), (True, 2 * 4096**2)])
def test_no_window_grows_with_the_image(whole_rows: bool, most: int) -> None:
    for shape in ((9000, 14_000), (1300, 70_000)):
        source = ArraySource(np.broadcast_to(np.uint8(60), (*shape, 3)), whole_rows=whole_rows)
        plan = plan_unknown_scale(shape[1], shape[0], SIDE, 0.2)
        TiledDetector(BlindEngine()).detect_windows(source, DetectionParameters(), plan)
        assert source.largest <= most
