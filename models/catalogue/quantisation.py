"""OpenVINO graphs with weights and activations of eight bits, by NNCF.

Processors without half-size floats run them two and a half times as fast, others half as fast
again. What that costs in accuracy is measured before such a graph is kept; see
`vedette model quantise`.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import EngineError, InvalidInputError, ModelRefusedError

# As the engine does: nothing is reported to anybody.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino

_BLOCK = re.compile(r"\bmodel\.(\d+)\b")
_FIRST_BLOCKS = 2
"""So many blocks next to the pixels stay floats, convolutions both."""


def quantised(
    name: str, graph: bytes, weights: bytes, tiles: Iterable[NDArray[np.uint8]]
) -> tuple[bytes, bytes]:
    """A network of floats as one of bytes.

    The two first convolutions, the last of each branch of the head, products of attention, and
    what decodes boxes stay floats.

    Args:
        name: of the model, for messages.
        graph: OpenVINO IR of floats, the XML part.
        weights: its binary part.
        tiles: squares (S, S, 3) RGB of the input size that are like what it will see; some hundred.

    Returns:
        The XML and the binary part.

    Raises:
        EngineError: NNCF is not installed, or cannot do it.
        InvalidInputError: there is no tile.
        ModelRefusedError: the network is not built of numbered blocks, as those of ultralytics are.
    """
    # NNCF tells its progress on standard output, which is for answers here.
    with contextlib.redirect_stdout(sys.stderr):
        return _quantised(name, graph, weights, tiles)


def _quantised(
    name: str, graph: bytes, weights: bytes, tiles: Iterable[NDArray[np.uint8]]
) -> tuple[bytes, bytes]:
    try:
        import nncf
    except ImportError as error:
        raise EngineError("quantising needs NNCF: pip install 'vedette[quantise]'") from error
    nncf.set_log_level(logging.ERROR)
    samples = [_as_input(tile) for tile in tiles]
    if not samples:
        raise InvalidInputError("no image to calibrate on", field="images")
    try:
        network = openvino.Core().read_model(
            graph, openvino.Tensor(np.frombuffer(weights, np.uint8))
        )
        numbers = [
            int(found.group(1))
            for node in network.get_ops()
            if (found := _BLOCK.search(node.get_friendly_name()))
        ]
        if not numbers:
            raise ModelRefusedError(f"{name}: its graph has no numbered blocks; it stays as it is")
        small = nncf.quantize(
            network,
            nncf.Dataset(samples),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(samples),
            # Sums are corrected layer by layer, each after those before it: twice the time, and
            # a little nearer to the floats than all at once.
            fast_bias_correction=False,
            ignored_scope=_kept_as_floats(nncf, max(numbers)),
        )
        return _written(small)
    except RuntimeError as error:
        raise EngineError(f"{name} cannot be quantised: {error}") from error


def _kept_as_floats(nncf: object, head: int) -> object:
    scope: object = nncf.IgnoredScope(  # type: ignore[attr-defined]  # publishes no types
        patterns=[
            *(rf".*model\.{number}\..*" for number in range(_FIRST_BLOCKS)),
            rf".*model\.{head}\.cv[23]\.[0-9]\.2/.*",
            rf".*model\.{head}\.dfl.*",
            # Half floats are as fast in the products of attention, which are small.
            r".*\.attn/.*",
            *(rf".*model\.{head}/.*/{kind}.*" for kind in ("Add", "Sub", "Mul", "Div")),
        ],
        types=["Sigmoid"],
        # Networks differ in which of these they have.
        validate=False,
    )
    return scope


def _as_input(tile: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (tile.transpose(2, 0, 1)[None] / np.float32(255.0)).astype(np.float32)


def _written(network: openvino.Model) -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory(prefix="vedette-quantise-") as folder:
        path = Path(folder) / "network.xml"
        openvino.save_model(network, path)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()
