# ruff: noqa: INP001 - a tool beside the product, not a package
"""Turn a training result into the weight files that the catalogue ships.

A `.pt` checkpoint is a pickle: loading it runs whatever code it carries. So the product never
reads one. This tool is run once by a maintainer, who states the SHA-256 of the checkpoint that is
trusted, and writes

- `NAME.xml` and `NAME.bin`: OpenVINO IR, batch norm folded, weights as half floats, input
  (1, 3, S, S) float 0 to 1 RGB, output (1, 4 + classes, anchors): centre x, centre y, width and
  height in pixels of the tile, then a probability for each class. No suppression inside.
- `NAME.safetensors`: the unfolded half-float state with the network's description as metadata.

It needs the extras `service` and `ultralytics`, and prints the hashes for the model card:

    python deploy/convert_weights.py vedette-n.pt --sha256 4b45e4... --into models/shipped/vedette-n
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import openvino
import torch
from safetensors.torch import save_file
from torch import nn
from ultralytics.nn.tasks import DetectionModel


class DecodedHead(nn.Module):
    """The network with its decoded predictions as the only output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) float32 to (B, 4 + classes, anchors) float32."""
        output = self.network(tiles)
        decoded: torch.Tensor = output[0] if isinstance(output, tuple) else output
        return decoded


def load_checkpoint(path: Path, sha256: str) -> Any:
    """The float32 network of a checkpoint whose hash is as stated, in evaluation mode."""
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        sys.exit(f"{path.name}: SHA-256 is {found}, not {sha256}; nothing was loaded")
    # The whole pickle is trusted because its hash was stated by the person who runs this.
    checkpoint = torch.load(path, map_location="cpu", weights_only=False)
    network = checkpoint.get("ema") or checkpoint["model"]
    return network.float().eval()


def write_safetensors(network: Any, path: Path) -> None:
    """State as half floats, with what is needed to build the network again."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    classes = [network.names[index] for index in sorted(network.names)]
    metadata = {
        "architecture": json.dumps(network.yaml, sort_keys=True),
        "classes": json.dumps(classes),
    }
    save_file(state, path, metadata=metadata)


def write_openvino(network: Any, path: Path, input_px: int) -> None:
    """IR with folded batch norm and a static input of one tile."""
    # Built anew from its description, so that the trace depends on the installed library alone.
    build: Any = DetectionModel  # publishes no types
    rebuilt = build(network.yaml, ch=3, nc=len(network.names), verbose=False)
    rebuilt.load_state_dict(network.state_dict())
    head = DecodedHead(rebuilt.float().eval().fuse(verbose=False)).eval()
    example = torch.zeros(1, 3, input_px, input_px)
    with torch.inference_mode():
        head(example)
        record: Any = torch.jit.trace
        trace = record(head, example, strict=False, check_trace=False)
        graph = openvino.convert_model(trace, example_input=example)
    graph.reshape([1, 3, input_px, input_px])
    graph.input(0).get_tensor().set_names({"tiles"})
    graph.output(0).get_tensor().set_names({"predictions"})
    openvino.save_model(graph, str(path), compress_to_fp16=True)


def main() -> None:
    """Write the three files and print their hashes as the card's table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--sha256", required=True, help="hash of the trusted checkpoint")
    parser.add_argument("--into", type=Path, required=True, help="folder of the model")
    parser.add_argument("--input-px", type=int, default=640, help="side of a tile, pixels")
    arguments = parser.parse_args()

    network = load_checkpoint(arguments.checkpoint, arguments.sha256)
    arguments.into.mkdir(parents=True, exist_ok=True)
    stem = arguments.into / arguments.into.name
    write_safetensors(network, stem.with_suffix(".safetensors"))
    write_openvino(network, stem.with_suffix(".xml"), arguments.input_px)
    print("[sha256]")  # noqa: T201 - the tool's answer
    for suffix in (".bin", ".safetensors", ".xml"):
        path = stem.with_suffix(suffix)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f'"{path.name}" = "{digest}"')  # noqa: T201 - the tool's answer


if __name__ == "__main__":
    main()
