"""What the benchmark of detection compares; each runs in a process of its own.

`python -m benchmarks.detection_contenders NAME FOLDER` loads its model, then answers each line
with the name of a frame by one line of JSON; a minus before the name asks for a warm run, which
measures nothing. An empty line ends it.
"""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from models.catalogue.catalogue import Catalogue, EngineName

CONFIDENCE = 0.25
OVERLAP = 0.2
TILE_PX = 640
STREAM_FRAMES = 3
"""Frames in a row when decoding of the next overlaps with looking at this one."""


class Run(Protocol):
    """Looks at the frame in a file and tells what that took; a warm run is not counted."""

    def __call__(self, path: Path, *, warm: bool) -> dict[str, Any]:
        """What it took, seconds by name."""
        ...


def runs_int8() -> bool:
    """Whether Vedette takes the graph of eight bits on this machine."""
    return Catalogue.shipped().entry().graphs()[0] == "int8"


def ours(_folder: Path) -> Run:
    """Vedette as it runs here: JPEG bytes to boxes, one frame, frames in a row, from pixels."""
    return _ours("openvino")


def ours_float(_folder: Path) -> Run:
    """Vedette with the graph of floats."""
    return _ours("openvino-float")


def _ours(asked: EngineName) -> Run:
    from models.detector import DetectionParameters
    from pipelines.imagery.decode import read_image

    detector = Catalogue.shipped().entry().open(asked)
    parameters = DetectionParameters(min_confidence=CONFIDENCE, tile_overlap=OVERLAP)

    def run(path: Path, *, warm: bool) -> dict[str, Any]:
        data = path.read_bytes()
        began, began_cpu = time.perf_counter(), time.process_time()
        image = read_image(data).rgb
        decoded = time.perf_counter()
        decoded_cpu = time.process_time()
        found = detector.detect(image, parameters)
        looked, looked_cpu = time.perf_counter(), time.process_time()
        if warm:
            return {}
        with ThreadPoolExecutor(1) as ahead:
            waiting = ahead.submit(read_image, data)
            for place in range(STREAM_FRAMES):
                image = waiting.result().rgb
                if place + 1 < STREAM_FRAMES:
                    waiting = ahead.submit(read_image, data)
                detector.detect(image, parameters)
        streamed = time.perf_counter()
        return {
            "boxes": len(found),
            "decode_s": decoded - began,
            "decoded_s": looked - decoded,
            "single_s": looked - began,
            "stream_s": (streamed - looked) / STREAM_FRAMES,
            "cpu_s": looked_cpu - began_cpu,
            "decoded_cpu_s": looked_cpu - decoded_cpu,
            "decode_cpu_s": decoded_cpu - began_cpu,
            "engine": detector.identity.engine,
        }

    return run


def engine(_folder: Path) -> Run:
    """OpenVINO alone, with the graph that Vedette takes here."""
    return _engine(int8=runs_int8())


def engine_float(_folder: Path) -> Run:
    """OpenVINO alone, with the graph of floats."""
    return _engine(int8=False)


def _engine(*, int8: bool) -> Run:
    """OpenVINO alone: the tiles lie in memory, results are not read."""
    import openvino
    from openvino.preprocess import PrePostProcessor
    from openvino.properties import hint

    from models.tiles.tiling import cut_tile, pad_square, tile_grid
    from pipelines.imagery.decode import read_image

    core = openvino.Core()
    entry = Catalogue.shipped().entry()
    graph, weights = (entry.read(suffix, int8=int8)[1] for suffix in (".xml", ".bin"))
    network = core.read_model(graph, openvino.Tensor(np.frombuffer(weights, np.uint8)))
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).scale(255.0)
    compiled = core.compile_model(
        steps.build(), "CPU", {hint.performance_mode: hint.PerformanceMode.THROUGHPUT}
    )
    queue = openvino.AsyncInferQueue(compiled)

    def run(path: Path, *, warm: bool) -> dict[str, Any]:
        image = read_image(path.read_bytes()).rgb
        grid = tile_grid(image.shape[1], image.shape[0], TILE_PX, OVERLAP)
        tiles = [np.ascontiguousarray(cut_tile(image, tile, TILE_PX))[None] for tile in grid]
        # Stands for the whole frame at reduced scale: one tile more.
        tiles.append(pad_square(image[:480, :TILE_PX], TILE_PX)[None])
        began, began_cpu = time.perf_counter(), time.process_time()
        for tile in tiles[: 2 if warm else None]:
            queue.start_async({0: tile}, share_inputs=True)
        queue.wait_all()
        return {
            "single_s": time.perf_counter() - began,
            "cpu_s": time.process_time() - began_cpu,
            "tiles": len(tiles),
        }

    return run


def sahi_torch(folder: Path) -> Run:
    """Sahi with ultralytics on torch: the same weights, tiles and confidence."""
    return _sahi(folder / "vedette-n.pt")


def sahi_openvino(folder: Path) -> Run:
    """Sahi with ultralytics' own export to OpenVINO."""
    return _sahi(folder / "vedette-n_openvino_model")


def sahi_openvino_int8(folder: Path) -> Run:
    """Sahi with the shipped graph of eight bits in the place of ultralytics' export."""
    return _sahi(folder / "vedette-n_int8_openvino_model")


def _sahi(weights: Path) -> Run:
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    model = AutoDetectionModel.from_pretrained(
        model_type="ultralytics",
        model_path=str(weights),
        confidence_threshold=CONFIDENCE,
        device="cpu",
        image_size=TILE_PX,
    )

    def run(path: Path, *, warm: bool) -> dict[str, Any]:
        del warm  # its first frame pays for what it loads
        began, began_cpu = time.perf_counter(), time.process_time()
        result = get_sliced_prediction(
            str(path),
            model,
            slice_height=TILE_PX,
            slice_width=TILE_PX,
            overlap_height_ratio=OVERLAP,
            overlap_width_ratio=OVERLAP,
            perform_standard_pred=True,
            verbose=0,
        )
        return {
            "single_s": time.perf_counter() - began,
            "cpu_s": time.process_time() - began_cpu,
            "boxes": len(result.object_prediction_list),
        }

    return run


def supervision_openvino(folder: Path) -> Run:
    """Supervision's slicer over ultralytics' own export to OpenVINO, and the whole frame."""
    import cv2
    import supervision
    import ultralytics

    api: Any = ultralytics
    model = api.YOLO(str(folder / "vedette-n_openvino_model"), task="detect")

    def look(part: Any) -> Any:
        (result,) = model.predict(part, imgsz=TILE_PX, conf=CONFIDENCE, verbose=False)
        return supervision.Detections.from_ultralytics(result)

    tools: Any = supervision
    shared = round(TILE_PX * OVERLAP)
    slicer = tools.InferenceSlicer(
        callback=look, slice_wh=(TILE_PX, TILE_PX), overlap_wh=(shared, shared), thread_workers=1
    )

    def run(path: Path, *, warm: bool) -> dict[str, Any]:
        del warm  # its first frame pays for what it loads
        began, began_cpu = time.perf_counter(), time.process_time()
        image = cv2.imread(str(path))
        found = slicer(image)
        look(image)
        return {
            "single_s": time.perf_counter() - began,
            "cpu_s": time.process_time() - began_cpu,
            "boxes": len(found),
        }

    return run


def export_for_peers(folder: Path) -> None:
    """Write the shipped weights as ultralytics' own checkpoint and OpenVINO export."""
    import ultralytics

    from benchmarks.peer_checkpoint import write_checkpoint

    entry = Catalogue.shipped().entry()
    checkpoint = folder / "vedette-n.pt"
    write_checkpoint(entry.read(".safetensors")[1], checkpoint)
    peer: Any = ultralytics
    exported = Path(
        peer.YOLO(str(checkpoint)).export(format="openvino", imgsz=TILE_PX, verbose=False)
    )
    if runs_int8():
        small = folder / "vedette-n_int8_openvino_model"
        shutil.copytree(exported, small)
        for suffix in (".xml", ".bin"):
            (small / f"vedette-n{suffix}").write_bytes(entry.read(suffix, int8=True)[1])


ONLY_WITH_INT8 = ("ours_float", "engine_float", "sahi_openvino_int8")
"""What tells nothing where Vedette runs the graph of floats."""

CONTENDERS: dict[str, Callable[[Path], Run]] = {
    "ours": ours,
    "engine": engine,
    "ours_float": ours_float,
    "engine_float": engine_float,
    "sahi_torch": sahi_torch,
    "sahi_openvino": sahi_openvino,
    "sahi_openvino_int8": sahi_openvino_int8,
    "supervision_openvino": supervision_openvino,
}


def main() -> None:
    """Answer frames from standard input until an empty line."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    answers = sys.stdout
    # Libraries greet on standard output, which is for answers here.
    with contextlib.redirect_stdout(sys.stderr):
        if name == "export":
            export_for_peers(folder)
            return
        run = CONTENDERS[name](folder)
        for line in sys.stdin:
            if not (frame := line.strip()):
                return
            result = run(folder / f"{frame.removeprefix('-')}.jpg", warm=frame.startswith("-"))
            result["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    main()
