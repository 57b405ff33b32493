"""What the benchmark of accuracy compares; each runs in a process of its own.

`python -m benchmarks.accuracy_contenders NAME FOLDER` looks at every image that `FOLDER/images.txt`
lists, one path a line, with the weights in `FOLDER`, and writes what it found to `FOLDER/NAME.npz`:
`count` (I,), and for all images in a row `xyxy` (N, 4), `confidence` (N,), `class_id` (N,) by the
model's own classes, or by category for Vedette. All run on OpenVINO, from one export of
one file; that of eight bits was made of the same weights.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalogue.catalogue import INT8, Catalogue
from models.detections import Detections
from models.taxonomy import ClassMap

CONFIDENCE = 0.01
"""For the whole precision-recall curve; the operating threshold is applied to the answers."""

OVERLAP = 0.2
TILE_PX = 640
WHOLE_PX = 1280
MOST_PER_LOOK = 1000
INT8_GRAPH = "int8.xml"
"""Of the weights, in the folder of a run; there is none where they come without one."""

Look = Callable[[Path], Detections]


def ours(folder: Path) -> Look:
    """Vedette as it looks at photographs of which nobody knows the scale."""
    return _ours(folder, once=False)


def ours_int8(folder: Path) -> Look:
    """Vedette with the graph of eight bits that is shipped beside the floats."""
    return _ours(folder, once=False, int8=True)


def ours_once(folder: Path) -> Look:
    """Vedette with the tiles and the whole frame that sahi looks at, and no others."""
    return _ours(folder, once=True)


def _ours(folder: Path, *, once: bool, int8: bool = False) -> Look:
    from models.detector import DetectionParameters
    from models.engines.openvino_engine import OpenVinoEngine
    from models.tiles.tile_plan import plan_full_scale, plan_unknown_scale
    from models.tiles.tiled_detector import TiledDetector
    from pipelines.imagery.decode import read_image

    exported = folder / f"{TILE_PX}_openvino_model"
    (graph,) = [folder / INT8_GRAPH] if int8 else exported.glob("*.xml")
    detector = TiledDetector(
        OpenVinoEngine(
            name="exported",
            graph=graph.read_bytes(),
            weights=graph.with_suffix(".bin").read_bytes(),
            sha256={},
            class_map=class_map(),
            input_px=TILE_PX,
        )
    )
    parameters = DetectionParameters(min_confidence=CONFIDENCE, tile_overlap=OVERLAP)
    planned = plan_full_scale if once else plan_unknown_scale

    def look(path: Path) -> Detections:
        image = read_image(path.read_bytes()).rgb
        height, width = image.shape[:2]
        return detector.detect(image, parameters, planned(width, height, TILE_PX, OVERLAP))

    return look


def sahi(folder: Path) -> Look:
    """Sahi's slices and whole frame; at this confidence it merges by suppression at IoU 0.5."""
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    model = AutoDetectionModel.from_pretrained(
        model_type="ultralytics",
        model_path=str(folder / f"{TILE_PX}_openvino_model"),
        confidence_threshold=CONFIDENCE,
        device="cpu",
        image_size=TILE_PX,
    )

    def look(path: Path) -> Detections:
        found = get_sliced_prediction(
            str(path),
            model,
            slice_height=TILE_PX,
            slice_width=TILE_PX,
            overlap_height_ratio=OVERLAP,
            overlap_width_ratio=OVERLAP,
            perform_standard_pred=True,
            # What sahi turns to by itself below a confidence of 0.1 in its batch command.
            postprocess_type="NMS",
            postprocess_match_metric="IOU",
            postprocess_match_threshold=0.5,
            verbose=0,
        ).object_prediction_list
        return _detections(
            [item.bbox.to_xyxy() for item in found],
            [item.score.value for item in found],
            [item.category.id for item in found],
        )

    return look


def whole(folder: Path) -> Look:
    """Ultralytics on the whole frame, its longer side at 1280 pixels."""
    import ultralytics

    api: Any = ultralytics
    model = api.YOLO(str(folder / f"{WHOLE_PX}_openvino_model"), task="detect")

    def look(path: Path) -> Detections:
        (result,) = model.predict(
            str(path), imgsz=WHOLE_PX, conf=CONFIDENCE, max_det=MOST_PER_LOOK, verbose=False
        )
        boxes = result.boxes.cpu().numpy()
        return _detections(boxes.xyxy, boxes.conf, boxes.cls)

    return look


def _detections(xyxy: Any, confidence: Any, class_id: Any) -> Detections:
    return Detections(
        xyxy=np.asarray(xyxy, np.float32).reshape(-1, 4),
        confidence=np.asarray(confidence, np.float32),
        class_id=np.asarray(class_id, np.int32),
    )


CONTENDERS: dict[str, Callable[[Path], Look]] = {
    "ours": ours,
    "ours_int8": ours_int8,
    "ours_once": ours_once,
    "sahi": sahi,
    "whole": whole,
}


def class_map() -> ClassMap:
    """The ten classes of VisDrone, which both models have, as the shipped card maps them."""
    return Catalogue.shipped().entry().card.class_map


def export(weights: Path, folder: Path) -> None:
    """Write weights as ultralytics' own OpenVINO export, for tiles and for whole frames.

    A graph of eight bits that lies beside them comes along.

    Args:
        weights: a checkpoint of ultralytics, or safetensors of the catalogue.
        folder: where the exports go.
    """
    import ultralytics

    from benchmarks.peer_checkpoint import write_checkpoint

    api: Any = ultralytics
    for small in weights.parent.glob(f"{weights.stem}{INT8}.*"):
        shutil.copyfile(small, (folder / INT8_GRAPH).with_suffix(small.suffix))
    for side in (TILE_PX, WHOLE_PX):
        copy = folder / f"{side}.pt"
        if weights.suffix == ".safetensors":
            write_checkpoint(weights.read_bytes(), copy)
        else:
            shutil.copyfile(weights, copy)
        # The suffix by which ultralytics knows an export is the one it gave.
        api.YOLO(str(copy)).export(format="openvino", imgsz=side, verbose=False)
        copy.unlink()


def save(path: Path, found: Iterable[Detections]) -> None:
    """Write detections of images in a row."""
    parts = list(found)
    joined = Detections.concatenate(parts)
    np.savez(
        path,
        count=np.array([len(part) for part in parts]),
        xyxy=joined.xyxy,
        confidence=joined.confidence,
        class_id=joined.class_id,
    )


def load(path: Path) -> list[Detections]:
    """Read what `save` wrote."""
    with np.load(path) as file:
        ends: NDArray[np.int64] = np.cumsum(file["count"])
        whole_row = Detections(
            xyxy=file["xyxy"], confidence=file["confidence"], class_id=file["class_id"]
        )
        counts = file["count"].tolist()
    return [
        whole_row.select(np.arange(end - count, end))
        for end, count in zip(ends.tolist(), counts, strict=True)
    ]


def main() -> None:
    """Look at every image and write what was found."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    # Libraries greet on standard output, which belongs to the benchmark's table.
    with contextlib.redirect_stdout(sys.stderr):
        if name == "export":
            export(Path(sys.argv[3]), folder)
            return
        look = CONTENDERS[name](folder)
        listed = (folder / "images.txt").read_text(encoding="utf-8").splitlines()
        save(folder / f"{name}.npz", (look(Path(line)) for line in listed))


if __name__ == "__main__":
    main()
