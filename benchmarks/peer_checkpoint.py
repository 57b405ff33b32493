"""Weights of the catalogue as a checkpoint that ultralytics reads, for peers that ask for one."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from models.engines.ultralytics_training import build_network, read_weights


def write_checkpoint(weights: bytes, checkpoint: Path) -> None:
    """Write safetensors of the catalogue as a checkpoint of ultralytics.

    Args:
        weights: with the network's description.
        checkpoint: the file.

    Raises:
        ModelRefusedError: the weights describe no network.
    """
    described, state = read_weights(weights)
    network = build_network(described, state)
    network.names = dict(enumerate(json.loads(described["classes"])))
    torch.save({"model": network, "train_args": {"task": "detect"}}, checkpoint)
