"""Detection with ultralytics' networks on torch, on a GPU where there is one.

The only module that imports torch. Weights come as safetensors, which hold numbers and cannot run
code; the network is built from its description, never from a pickle.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import threading
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalogue.network_description import check_description
from models.detections import Detections
from models.detector import DetectorIdentity
from models.engines.yolo_head import YoloHead
from models.errors import EngineError, ModelRefusedError
from models.taxonomy import ClassMap

# ultralytics logs to the standard output it finds when first imported; answers belong there.
with contextlib.redirect_stdout(sys.stderr):
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as load_tensors
    from ultralytics.nn.tasks import DetectionModel

_BATCH_CPU = 4
_BATCH_GPU = 32


def computes_on_gpu() -> bool:
    """Whether torch finds a GPU to compute on; a driver that does not fit is none."""
    return bool(torch.cuda.is_available())


class UltralyticsEngine:
    """A YOLO network on torch, tiles in batches; half floats on a GPU."""

    def __init__(
        self,
        *,
        name: str,
        weights: bytes,
        sha256: dict[str, str],
        class_map: ClassMap,
        input_px: int,
        car_px: tuple[int, int] | None = None,
        threads: int | None = None,
    ) -> None:
        """Build the network and load its weights.

        Args:
            name: the model's name in the catalogue.
            weights: safetensors, with the network's description as metadata "architecture".
            sha256: verified hash of each weight file, by name.
            class_map: the model's classes and their categories.
            input_px: side of a tile, pixels.
            car_px: shortest and longest car that the model finds best, pixels of a tile.
            threads: CPU threads of torch in this process; None leaves them as they are.

        Raises:
            ModelRefusedError: the weights do not describe this network.
            EngineError: torch cannot run it here.
        """
        if threads:
            torch.set_num_threads(threads)
        self._head = YoloHead(class_map)
        self._input_px = input_px
        self._lock = threading.Lock()
        on_gpu = computes_on_gpu()
        self._device = torch.device("cuda" if on_gpu else "cpu")
        self._type = torch.float16 if on_gpu else torch.float32
        self._batch = _BATCH_GPU if on_gpu else _BATCH_CPU
        network = _build(name, weights, class_map)
        try:
            self._network = network.to(self._device, self._type).eval()
            where = torch.cuda.get_device_name() if on_gpu else "CPU"
        except RuntimeError as error:
            raise EngineError(f"torch cannot run {name} here: {error}") from error
        self._identity = DetectorIdentity(
            name=name,
            engine=f"ultralytics {version('ultralytics')} torch {torch.__version__} {where}",
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
            tiles: squares (S, S, 3) RGB of the input size.
            min_confidence: boxes below it are left out.

        Returns:
            For each tile its suppressed detections in pixels of the tile.

        Raises:
            EngineError: torch failed, for example for want of memory.
        """
        found: list[Detections] = []
        waiting = iter(tiles)
        with self._lock:
            while batch := list(itertools.islice(waiting, self._batch)):
                try:
                    predictions = self._predict(np.stack(batch))
                except RuntimeError as error:
                    raise EngineError(f"torch failed: {error}") from error
                found.extend(
                    self._head.read(tile, self._input_px, min_confidence) for tile in predictions
                )
        return found

    def _predict(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(B, S, S, 3) bytes to (B, 4 + C, A) float32 raw predictions."""
        with torch.inference_mode():
            # Bytes go to the device, a quarter of the floats; the division happens there.
            pixels = torch.from_numpy(tiles).to(self._device).permute(0, 3, 1, 2)
            output = self._network(pixels.to(self._type) / 255)
            decoded = output[0] if isinstance(output, tuple) else output
            predictions: NDArray[np.float32] = decoded.float().cpu().numpy()
        return predictions


def _build(name: str, weights: bytes, class_map: ClassMap) -> Any:
    """The network that the metadata describe, with its weights, batch norm folded.

    Raises:
        ModelRefusedError: description, weights and classes do not belong together.
    """
    try:
        # The header: its length as 8 bytes, little end first, then JSON.
        header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
        metadata = header["__metadata__"]
        architecture = check_description(json.loads(metadata["architecture"]))
        classes = tuple(json.loads(metadata["classes"]))
        state = load_tensors(weights)
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelRefusedError(f"{name}: not the safetensors of a network: {error}") from error
    if classes != class_map.classes:
        raise ModelRefusedError(
            f"{name}: the weights know the classes {', '.join(classes)}, "
            f"the card says {', '.join(class_map.classes)}"
        )
    build: Any = DetectionModel  # publishes no types
    network = build(architecture, ch=3, nc=len(classes), verbose=False)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelRefusedError(f"{name}: the weights are of another network: {error}") from error
    return network.float().eval().fuse(verbose=False)
