"""The description of a network, as it lies beside weights: checked before anything is built of it.

ultralytics builds a network from a table. Some of its entries are evaluated as code ("activation"),
and modules are looked up by name, so a table of a stranger's making is as good as a program. Only
tables of the form that ultralytics' own models have are let through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from models.errors import ModelRefusedError

_KEYS = frozenset(
    {
        "nc",
        "names",
        "channels",
        "ch",
        "depth_multiple",
        "width_multiple",
        "max_channels",
        "scale",
        "scales",
        "reg_max",
        "end2end",
        "backbone",
        "head",
        "yaml_file",
        "task",
        "anchors",
        "inplace",
    }
)
# Layers of ultralytics' detection networks whose head is `Detect` (ultralytics/cfg/models).
_MODULES = frozenset(
    {
        "A2C2f",
        "AConv",
        "ADown",
        "Bottleneck",
        "BottleneckCSP",
        "C1",
        "C2",
        "C2PSA",
        "C2f",
        "C2fCIB",
        "C2fPSA",
        "C3",
        "C3Ghost",
        "C3TR",
        "C3k2",
        "C3x",
        "CBFuse",
        "CBLinear",
        "Concat",
        "Conv",
        "ConvTranspose",
        "DWConv",
        "DWConvTranspose2d",
        "Detect",
        "ELAN1",
        "Focus",
        "GhostBottleneck",
        "GhostConv",
        "HGBlock",
        "HGStem",
        "PSA",
        "RepC3",
        "RepConv",
        "RepNCSPELAN4",
        "SCDown",
        "SPP",
        "SPPELAN",
        "SPPF",
        "nn.BatchNorm2d",
        "nn.Conv2d",
        "nn.ConvTranspose2d",
        "nn.Identity",
        "nn.MaxPool2d",
        "nn.Upsample",
    }
)
_ARGUMENT = re.compile(r"nc|anchors|None|True|False|nearest|bilinear|[a-z]{1,12}")
_MOST_LAYERS = 200
_DEEPEST = 4


def check_description(table: object) -> dict[str, Any]:
    """The table of a detection network, fit to be handed to ultralytics.

    Args:
        table: what JSON or a checkpoint gave.

    Raises:
        ModelRefusedError: it says something that such tables do not say.
    """
    if not isinstance(table, Mapping):
        raise ModelRefusedError("the weights describe no network")
    unknown = sorted(str(key) for key in table if key not in _KEYS)
    if unknown:
        raise ModelRefusedError(
            f"the network's description says {', '.join(unknown)}, which is not built here"
        )
    for part in ("backbone", "head"):
        layers = table.get(part)
        if not isinstance(layers, list | tuple) or len(layers) > _MOST_LAYERS:
            raise ModelRefusedError(f"the network's description has no {part}")
        for layer in layers:
            _check_layer(layer)
    for key in ("scales", "names", "anchors", *_KEYS - {"backbone", "head"}):
        if key in table:
            _check_plain(table[key], _DEEPEST)
    return {str(key): _plain(value) for key, value in table.items()}


def _check_layer(layer: object) -> None:
    """From, repeats, module, arguments."""
    if not isinstance(layer, list | tuple) or len(layer) != 4:
        raise ModelRefusedError(f"the network's description has the layer {layer!r}")
    came_from, repeats, module, arguments = layer
    if module not in _MODULES:
        raise ModelRefusedError(f"the network's description names the module {module!r}")
    _check_plain(came_from, 1)
    _check_plain(repeats, 0)
    if not isinstance(arguments, list | tuple):
        raise ModelRefusedError(f"the network's description has the layer {layer!r}")
    for argument in arguments:
        if isinstance(argument, str) and not _ARGUMENT.fullmatch(argument):
            raise ModelRefusedError(f"the network's description says {argument!r} of {module}")
        _check_plain(argument, _DEEPEST)


def _check_plain(value: object, deep: int) -> None:
    if isinstance(value, list | tuple) and deep > 0:
        for item in value:
            _check_plain(item, deep - 1)
    elif isinstance(value, Mapping) and deep > 0:
        for key, item in value.items():
            _check_plain(key, 0)
            _check_plain(item, deep - 1)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ModelRefusedError(f"the network's description holds {type(value).__name__}")


def _plain(value: Any) -> Any:
    """Lists for tuples, and dictionaries for every other table, as JSON has them."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
