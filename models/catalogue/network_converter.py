"""Networks turned into OpenVINO IR.

A program of its own, started for one model: `python -m models.catalogue.network_converter IN OUT
[PIXELS]` reads IN.safetensors or IN.onnx in its working folder and writes OUT.xml and OUT.bin
there. It has given up networks and other programs before it looks at the file.

The IR has an input (1, 3, S, S) float, 0 to 1, RGB, and an output (1, 4 + classes, anchors): centre
x, centre y, width and height in pixels of the tile, then a probability for each class. Batch norm
is folded, weights are half floats, and there is no suppression inside.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from models.catalogue.lockdown import Freedom, leave_network, limit, lock
from models.catalogue.network_description import check_description
from models.errors import ModelRefusedError

EXIT_REFUSED = 3
_MEMORY_BYTES = 12 << 30
_CPU_S = 900
_FILE_BYTES = 4 << 30


def main() -> None:
    """Convert one network."""
    leave_network()
    # OpenVINO's converter reports each import over the network; a missing package is provided for.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    source, stem = Path(sys.argv[1]), sys.argv[2]
    input_px = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    try:
        if source.suffix == ".onnx":
            import openvino

            _shut()
            told = _from_onnx(openvino, source, stem)
        else:
            # What they say while they are imported is not the answer.
            with contextlib.redirect_stdout(sys.stderr):
                import openvino
                import torch
                from ultralytics.nn.tasks import DetectionModel

            torch.set_num_threads(1)
            _shut()
            told = _from_safetensors(openvino, torch, DetectionModel, source, stem, input_px)
    except ModelRefusedError as error:
        _end(str(error))
    except MemoryError:
        _end("the network needs more memory than a model should")
    sys.stdout.write(json.dumps(told) + "\n")


def _shut() -> None:
    limit(memory_bytes=_MEMORY_BYTES, cpu_s=_CPU_S, file_bytes=_FILE_BYTES)
    lock(Freedom.FILES)


def _end(why: str) -> NoReturn:
    sys.stderr.write(json.dumps({"refused": why}) + "\n")
    sys.exit(EXIT_REFUSED)


def _from_safetensors(
    openvino: Any, torch: Any, network_class: Any, source: Path, stem: str, input_px: int
) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = source.read_bytes()
    try:
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        classes = json.loads(metadata["classes"])
        architecture = check_description(json.loads(metadata["architecture"]))
        state = load(data)
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelRefusedError(f"these are not the safetensors of a network: {error}") from error
    # An exported network is fused already: it has no batch norm left to load.
    fused = not any(".bn." in name for name in state)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            network = network_class(architecture, ch=3, nc=len(classes), verbose=False)
            network = network.float().eval()
            if fused:
                network = network.fuse(verbose=False)
            network.load_state_dict(state)
            if not fused:
                network = network.fuse(verbose=False)
    except (RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelRefusedError(f"the weights are of another network: {why}") from error

    class Decoded(torch.nn.Module):  # type: ignore[misc]  # torch publishes no types here
        """The network with its decoded predictions as the only output."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, tiles: Any) -> Any:
            output = self.network(tiles)
            return output[0] if isinstance(output, tuple) else output

    side = input_px or int(metadata.get("input_px", 0)) or 640
    head = Decoded().eval()
    example = torch.zeros(1, 3, side, side)
    with torch.inference_mode():
        head(example)
        trace = torch.jit.trace(head, example, strict=False, check_trace=False)
        graph = openvino.convert_model(trace, example_input=example)
    graph.reshape([1, 3, side, side])
    return _write(openvino, graph, stem, classes, fused=fused)


def _from_onnx(openvino: Any, source: Path, stem: str) -> dict[str, Any]:
    try:
        graph = openvino.Core().read_model(str(source))
    except RuntimeError as error:
        raise ModelRefusedError(f"OpenVINO cannot read it: {str(error).splitlines()[0]}") from error
    names: list[str] = []
    with contextlib.suppress(RuntimeError):
        # ultralytics writes them as a table of Python's making, which is a literal.
        names = _names_of(graph.get_rt_info(["framework", "names"]).astype(str))
    shape = graph.input(0).get_partial_shape()
    if shape.rank.get_length() != 4 or shape[2].is_dynamic or shape[2] != shape[3]:
        raise ModelRefusedError(
            f"its input is {shape}, not one square tile (1, 3, S, S); export it with a fixed size"
        )
    side = shape[2].get_length()
    graph.reshape([1, 3, side, side])
    return _write(openvino, graph, stem, names, fused=True)


def _names_of(text: str) -> list[str]:
    import ast

    try:
        table = ast.literal_eval(text)
        return [str(table[number]) for number in range(len(table))]
    except (ValueError, SyntaxError, KeyError, TypeError):
        return []


def _write(
    openvino: Any, graph: Any, stem: str, classes: list[str], *, fused: bool
) -> dict[str, Any]:
    """Check the form of the network and write it."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelRefusedError(
            f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, not one of each"
        )
    given = graph.output(0).get_partial_shape()
    if given.rank.get_length() != 3 or given.is_dynamic:
        raise ModelRefusedError(f"its output is {given}, not (1, 4 + classes, anchors)")
    _, rows, anchors = (given[at].get_length() for at in range(3))
    if rows < 5 or anchors < rows or (classes and rows != 4 + len(classes)):
        raise ModelRefusedError(
            f"its output is {given}, not (1, {4 + len(classes) if classes else '4 + classes'}, "
            "anchors); export it without suppression"
        )
    graph.input(0).get_tensor().set_names({"tiles"})
    graph.output(0).get_tensor().set_names({"predictions"})
    openvino.save_model(graph, f"{stem}.xml", compress_to_fp16=True)
    side = graph.input(0).get_partial_shape()[2].get_length()
    return {"classes": classes, "class_count": rows - 4, "input_px": side, "fused": fused}


if __name__ == "__main__":
    main()
