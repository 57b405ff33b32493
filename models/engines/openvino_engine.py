"""Detection on the CPU with OpenVINO, the default engine."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# OpenVINO's converter reports each import to an analytics service over the network, from a child
# forked for it. A missing package is a case it provides for: it then reports nothing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino
from openvino import properties
from openvino.preprocess import PrePostProcessor
from openvino.properties import hint

from models.detections import Detections
from models.detector import DetectorIdentity
from models.engines.yolo_head import YoloHead
from models.errors import EngineError, EngineGoneError
from models.taxonomy import ClassMap

Precision = Literal["auto", "f32"]

_WAITING = 4
"""Tiles that lie ready beside those that are computed."""


class OpenVinoEngine:
    """A YOLO network on the CPU, several tiles in flight.

    The graph takes tiles as they lie in an image (bytes, RGB, rows first): conversion to float,
    division by 255 and the change of layout are part of the compiled network.
    """

    def __init__(
        self,
        *,
        name: str,
        graph: bytes,
        weights: bytes,
        sha256: dict[str, str],
        class_map: ClassMap,
        input_px: int,
        car_px: tuple[int, int] | None = None,
        threads: int | None = None,
        precision: Precision = "auto",
        timeout_s: float = 60.0,
    ) -> None:
        """Compile the network.

        Args:
            name: the model's name in the catalogue.
            graph: OpenVINO IR, the XML part.
            weights: OpenVINO IR, the binary part.
            sha256: verified hash of each weight file, by name.
            class_map: the model's classes and their categories.
            input_px: side of a tile, pixels.
            car_px: shortest and longest car that the model finds best, pixels of a tile.
            threads: CPU threads to use; None for all.
            precision: "auto" computes as the processor does fastest (half-size floats where it
                has them: confidences then differ by some hundredths from one kind of processor to
                another), "f32" the same everywhere.
            timeout_s: longest wait for one tile before the engine is given up.

        Raises:
            EngineError: OpenVINO cannot compile the network here.
        """
        self._head = YoloHead(class_map)
        self._input_px = input_px
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._failed = False
        settings: dict[object, object] = {
            hint.performance_mode: hint.PerformanceMode.THROUGHPUT,
            properties.inference_num_threads: threads or 0,
        }
        if precision == "f32":
            settings[hint.inference_precision] = openvino.Type.f32
        try:
            core = openvino.Core()
            network = core.read_model(graph, openvino.Tensor(np.frombuffer(weights, np.uint8)))
            compiled = core.compile_model(_accept_bytes(network), "CPU", settings)
            in_flight = compiled.get_property(properties.optimal_number_of_infer_requests)
            # More than run at once, so that no stream waits for the reading of results, or while
            # this thread makes the reduced frame or has no core. A request is only its tensors.
            self._requests = [compiled.create_infer_request() for _ in range(in_flight + _WAITING)]
            used = compiled.get_property(hint.inference_precision).get_type_name()
            if any(node.get_type_name() == "FakeQuantize" for node in network.get_ops()):
                used = f"int8+{used}"
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot run {name} here: {error}") from error
        version = openvino.__version__.split("-")[0]
        self._identity = DetectorIdentity(
            name=name,
            engine=f"openvino {version} CPU {used}",
            sha256=dict(sha256),
            categories=class_map.categories,
            input_px=input_px,
            car_px=car_px,
        )

    @property
    def identity(self) -> DetectorIdentity:
        """What this engine is."""
        return self._identity

    def infer(self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float) -> list[Detections]:
        """Detections of each tile, in the order of the tiles.

        Args:
            tiles: squares (S, S, 3) RGB of the input size; taken one by one as requests fall free.
            min_confidence: boxes below it are left out.

        Returns:
            For each tile its suppressed detections in pixels of the tile.

        Raises:
            EngineGoneError: OpenVINO failed, or a tile took longer than the time allowed, now or
                before; only another process can go on.
        """
        with self._lock:
            if self._failed:
                raise EngineGoneError("OpenVINO did not answer before; start the process again")
            try:
                return self._stream(tiles, min_confidence)
            except RuntimeError as error:
                self._failed = True
                raise EngineGoneError(f"OpenVINO failed: {error}") from error

    def _stream(
        self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float
    ) -> list[Detections]:
        """Keep every request busy, and read results in the order of the tiles."""
        found: list[Detections] = []
        free = deque(self._requests)
        in_flight: deque[openvino.InferRequest] = deque()
        try:
            for tile in tiles:
                if not free:
                    found.append(self._collect(in_flight[0], min_confidence))
                    free.append(in_flight.popleft())
                request = free.popleft()
                request.get_input_tensor().data[0] = tile
                request.start_async()
                in_flight.append(request)
            while in_flight:
                found.append(self._collect(in_flight[0], min_confidence))
                in_flight.popleft()
        finally:
            # Where the caller's tiles end in an error, the next call still finds idle requests.
            while in_flight and not self._failed:
                self._await(in_flight.popleft())
        return found

    def _collect(self, request: openvino.InferRequest, min_confidence: float) -> Detections:
        """What a request found, once it is done."""
        self._await(request)
        predictions = request.get_output_tensor().data[0]
        return self._head.read(predictions, self._input_px, min_confidence)

    def _await(self, request: openvino.InferRequest) -> None:
        """Wait for a request, for the time allowed and no longer."""
        if not request.wait_for(int(self._timeout_s * 1000)):
            self._failed = True
            raise EngineGoneError(
                f"OpenVINO did not answer for one tile within {self._timeout_s:g} s; "
                "the processor is overloaded or the engine hangs"
            )


def _accept_bytes(network: openvino.Model) -> openvino.Model:
    """The network with an input of bytes (1, S, S, 3) instead of floats (1, 3, S, S)."""
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).scale(255.0)
    return steps.build()
