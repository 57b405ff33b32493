"""Both engines against ultralytics' own predictions on real images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.catalogue.catalogue import Catalogue
from models.detections import Detections
from models.engines.openvino_engine import OpenVinoEngine, Precision
from models.errors import EngineError, ModelRefusedError
from models.taxonomy import ClassMap, group_index
from models.tiles.suppression import iou, suppress

ENTRY = Catalogue.shipped().entry("vedette-n")
GROUPS = group_index(ENTRY.card.categories)


@pytest.fixture(scope="module")
def tiles(data_dir: Path) -> list[NDArray[np.uint8]]:
    """Six crops of real frames at full scale, each one tile."""
    found = []
    paths = sorted((data_dir / "detection" / "visdrone" / "images").iterdir())
    for path in paths:
        with Image.open(path) as picture:
            if picture.size == (2000, 1500):
                corner = (600, 500, 1240, 1140)
                found.append(np.asarray(picture.convert("RGB").crop(corner)))
        if len(found) == 6:
            break
    return found


@pytest.fixture(scope="module")
def reference(data_dir: Path, tiles: list[NDArray[np.uint8]]) -> list[Detections]:
    """What ultralytics itself predicts with these weights, in our categories, from 0.2 on."""
    ultralytics = pytest.importorskip("ultralytics")
    # The checkpoint of the version before gives the network; its weights are those shipped.
    model: Any = ultralytics.YOLO(str(data_dir / "weights" / "vedette-n.pt"))
    tensors = pytest.importorskip("safetensors.torch").load(ENTRY.read(".safetensors")[1])
    model.model.float().load_state_dict(tensors)
    index = ENTRY.card.class_map.index
    answers = []
    for tile in tiles:
        # ultralytics takes arrays as BGR.
        boxes = model.predict(tile[..., ::-1], imgsz=640, conf=0.2, device="cpu", verbose=False)[
            0
        ].boxes
        answers.append(
            suppress(
                Detections(
                    xyxy=boxes.xyxy.numpy().astype(np.float32),
                    confidence=boxes.conf.numpy().astype(np.float32),
                    class_id=index[boxes.cls.numpy().astype(int)],
                ),
                GROUPS,
            )
        )
    return answers


def openvino_engine(precision: Precision, *, timeout_s: float = 60.0) -> OpenVinoEngine:
    graph_name, graph = ENTRY.read(".xml")
    weights_name, weights = ENTRY.read(".bin")
    return OpenVinoEngine(
        name="vedette-n",
        graph=graph,
        weights=weights,
        sha256={name: ENTRY.card.sha256[name] for name in (graph_name, weights_name)},
        class_map=ENTRY.card.class_map,
        input_px=640,
        precision=precision,
        timeout_s=timeout_s,
    )


def unmatched(mine: Detections, theirs: Detections, *, overlap: float, score: float) -> int:
    """How many of mine have no equal among theirs."""
    missing = 0
    for k in range(len(mine)):
        one = np.repeat(mine.xyxy[k : k + 1], len(theirs), axis=0)
        equal = (
            (iou(one, theirs.xyxy) > overlap)
            & (np.abs(theirs.confidence - mine.confidence[k]) <= score)
            & (theirs.class_id == mine.class_id[k])
        )
        missing += not equal.any()
    return missing


def sure(found: Detections) -> Detections:
    return found.select(found.confidence >= 0.25)


def assert_equal_predictions(
    found: list[Detections], reference: list[Detections], *, overlap: float, score: float
) -> None:
    assert sum(len(sure(part)) for part in reference) > 40  # there is something to compare
    for mine, theirs in zip(found, reference, strict=True):
        assert unmatched(sure(mine), theirs, overlap=overlap, score=score) == 0
        assert unmatched(sure(theirs), mine, overlap=overlap, score=score) == 0


def test_openvino_predicts_what_ultralytics_predicts(
    tiles: list[NDArray[np.uint8]], reference: list[Detections]
) -> None:
    found = openvino_engine("f32").infer(tiles, 0.2)
    assert_equal_predictions(found, reference, overlap=0.9, score=0.01)
    # Of two places that are as sure, to the fourth digit, either may give the box of an object.
    drawn_apart = sum(
        unmatched(sure(mine), theirs, overlap=0.98, score=0.01)
        for mine, theirs in zip(found, reference, strict=True)
    )
    assert drawn_apart <= 1


def test_the_fastest_precision_here_is_close(
    tiles: list[NDArray[np.uint8]], reference: list[Detections]
) -> None:
    # Where the processor has half floats boxes differ by some tenths of a pixel.
    found = openvino_engine("auto").infer(tiles, 0.2)
    missing = sum(
        unmatched(sure(theirs), mine, overlap=0.85, score=0.06)
        for mine, theirs in zip(found, reference, strict=True)
    )
    assert missing <= 0.03 * sum(len(sure(part)) for part in reference)


def test_ultralytics_from_safetensors_predicts_what_its_checkpoint_predicts(
    tiles: list[NDArray[np.uint8]], reference: list[Detections]
) -> None:
    pytest.importorskip("torch")
    from models.engines.ultralytics_engine import UltralyticsEngine

    name, weights = ENTRY.read(".safetensors")
    engine = UltralyticsEngine(
        name="vedette-n",
        weights=weights,
        sha256={name: ENTRY.card.sha256[name]},
        class_map=ENTRY.card.class_map,
        input_px=640,
    )
    assert "torch" in engine.identity.engine
    assert_equal_predictions(engine.infer(tiles, 0.2), reference, overlap=0.98, score=0.01)


def test_weights_of_other_classes_are_refused() -> None:
    pytest.importorskip("torch")
    from models.engines.ultralytics_engine import UltralyticsEngine

    for data in (b"PK\x03\x04 a pickle in a zip", ENTRY.read(".safetensors")[1]):
        with pytest.raises(ModelRefusedError, match="other"):
            UltralyticsEngine(
                name="other",
                weights=data,
                sha256={},
                class_map=ClassMap.of([("car", "car")]),
                input_px=640,
            )


def test_results_come_in_the_order_of_the_tiles(tiles: list[NDArray[np.uint8]]) -> None:
    engine = openvino_engine("auto")
    alone = [engine.infer([tile], 0.3)[0] for tile in tiles]
    # More tiles than requests, drawn from a generator.
    together = engine.infer((tile for tile in [*tiles, *tiles]), 0.3)
    assert len(together) == 12
    for one, other in zip([*alone, *alone], together, strict=True):
        assert np.array_equal(one.xyxy, other.xyxy)
        assert np.array_equal(one.confidence, other.confidence)


def test_no_tiles_give_no_results() -> None:
    assert openvino_engine("auto").infer([], 0.3) == []


def test_an_error_in_the_tiles_leaves_the_engine_usable(tiles: list[NDArray[np.uint8]]) -> None:
    def broken() -> Iterator[NDArray[np.uint8]]:
        yield from tiles[:4]
        raise LookupError

    engine = openvino_engine("auto")
    for _ in range(2):
        with pytest.raises(LookupError):
            engine.infer(broken(), 0.3)
    assert len(engine.infer(tiles[:2], 0.3)) == 2


def test_an_engine_that_does_not_answer_in_time_is_given_up() -> None:
    engine = openvino_engine("auto", timeout_s=0.0)
    tile = np.zeros((640, 640, 3), np.uint8)
    with pytest.raises(EngineError, match="did not answer for one tile within"):
        engine.infer([tile] * 8, 0.3)
    with pytest.raises(EngineError, match="start the process again"):
        engine.infer([tile], 0.3)


def test_a_graph_that_openvino_cannot_read_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="cannot run broken here"):
        OpenVinoEngine(
            name="broken",
            graph=b"<net/>",
            weights=b"\0",
            sha256={},
            class_map=ENTRY.card.class_map,
            input_px=640,
        )
