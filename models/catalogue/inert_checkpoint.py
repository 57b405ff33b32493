"""A training checkpoint read without running anything that it holds.

A program of its own, started for one file: `python -m models.catalogue.inert_checkpoint`, the
checkpoint on standard input, safetensors on standard output. A `.pt` file is a pickle, a list of
instructions that may call anything. Here

- torch's restricted reader reads it (`weights_only`), which calls nothing but what it is given;
- what it is given for every class of a network is a stand-in that keeps what it is told and does
  nothing, so not even the constructors of those classes run;
- a name that belongs to no network is refused, and told;
- and the process has locked itself before: it can open no file, start no program and reach no
  network, whatever the reader should let through.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import torch
from safetensors.torch import load, save
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from models.catalogue.lockdown import Freedom, leave_network, limit, lock
from models.catalogue.network_description import check_description
from models.errors import ModelRefusedError

EXIT_REFUSED = 3

_MEMORY_BYTES = 6 << 30
_CPU_S = 120
_MOST_TENSORS = 20_000
_DEEPEST = 64
# Where the classes of a network and of its training come from; nothing of theirs is called.
_NETWORKS = ("torch.nn.", "ultralytics.")
# What whole checkpoints also name: a method that was replaced, paths and options of the training.
_INERT = frozenset(
    {
        "argparse.Namespace",
        "builtins.getattr",
        "builtins.set",
        "builtins.slice",
        "datetime.datetime",
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.WindowsPath",
        "pathlib._local.PosixPath",
        "types.SimpleNamespace",
    }
)


def main() -> None:
    """Convert one checkpoint, locked up."""
    leave_network()
    torch.set_num_threads(1)
    _warm_up()
    data = sys.stdin.buffer.read()
    limit(memory_bytes=_MEMORY_BYTES + 4 * len(data), cpu_s=_CPU_S, file_bytes=1 << 31)
    locked = lock(Freedom.COMPUTE)
    try:
        converted = read_inert(data, locked=locked)
    except ModelRefusedError as error:
        _end(str(error))
    except MemoryError:
        _end("the checkpoint needs more memory than a model should")
    sys.stdout.buffer.write(converted)
    sys.stdout.buffer.flush()


def _end(why: str) -> NoReturn:
    sys.stderr.write(json.dumps({"refused": why}) + "\n")
    sys.exit(EXIT_REFUSED)


def _warm_up() -> None:
    """Load what reading and writing load at their first use, while files can still be opened."""
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, buffer)
    with contextlib.suppress(ModelRefusedError):
        read_inert(buffer.getvalue(), locked=False)
    load(save({"a": torch.zeros(1).half()}, metadata={"a": "b"}))


class _Part:
    """Stands for an object of a network: keeps what it is told."""

    def __init__(self, *_told: object, **_named: object) -> None:
        """Whatever it would have been made of is dropped."""


def read_inert(data: bytes, *, locked: bool) -> bytes:
    """The weights of a checkpoint as safetensors with the network's description.

    Args:
        data: what `torch.save` wrote: a network, or a table with one as "ema" or "model".
        locked: whether the process is locked; told in the result.

    Returns:
        Half floats, with metadata `architecture` (JSON), `classes` (JSON), `input_px` and `locked`.

    Raises:
        ModelRefusedError: the file is no such checkpoint, or names what no network is made of.
    """
    try:
        names = get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    except Exception as error:  # whatever a broken file makes of the reader
        raise ModelRefusedError(f"it is no checkpoint of torch: {_first_line(error)}") from error
    for name in sorted(names):
        _check_name(name)
    stand_ins: list[Any] = [(type(name.rpartition(".")[2], (_Part,), {}), name) for name in names]
    try:
        with safe_globals(stand_ins):
            checkpoint = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # the same
        raise ModelRefusedError(f"the checkpoint is refused: {_first_line(error)}") from error
    network = _network(checkpoint)
    state = dict(_state(network, "", 0))
    if not state or len(state) > _MOST_TENSORS:
        raise ModelRefusedError(f"a network of {len(state)} tensors is not read")
    told = vars(network)
    architecture = check_description(told.get("yaml"))
    metadata = {
        "architecture": json.dumps(architecture, sort_keys=True),
        "classes": json.dumps(_classes(told.get("names"))),
        "input_px": str(_input_px(checkpoint, told)),
        "locked": str(locked).lower(),
    }
    return bytes(save(state, metadata=metadata))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _check_name(name: str) -> None:
    if name.startswith("models."):
        raise ModelRefusedError(
            f"it names {name}: a checkpoint of YOLOv5's own code, which is not built here; export "
            "it to ONNX there and add that"
        )
    if name not in _INERT and not name.startswith(_NETWORKS):
        raise ModelRefusedError(
            f"it calls {name}, which no network is made of: do not trust where it came from"
        )


def _network(checkpoint: object) -> _Part:
    """The network in a checkpoint; averaged weights where the training kept them."""
    found = checkpoint
    if isinstance(checkpoint, Mapping):
        found = checkpoint.get("ema") or checkpoint.get("model")
    if not isinstance(found, _Part):
        raise ModelRefusedError(
            "the checkpoint holds no whole network; save it as ultralytics does, or export it to "
            "ONNX and add that"
        )
    return found


def _state(part: object, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Tensors by the names that `torch.nn.Module.state_dict` gives them."""
    if not isinstance(part, _Part) or depth > _DEEPEST:
        raise ModelRefusedError(f"the network has no module at {prefix or 'its top'}")
    told = vars(part)
    passing = told.get("_non_persistent_buffers_set") or ()
    for kind in ("_parameters", "_buffers"):
        for name, tensor in _table(told.get(kind)).items():
            if tensor is None or (kind == "_buffers" and name in passing):
                continue
            if not isinstance(tensor, torch.Tensor):
                raise ModelRefusedError(f"{prefix}{name} is no tensor")
            plain = tensor.detach()
            yield f"{prefix}{name}", (plain.half() if plain.is_floating_point() else plain).clone()
    for name, child in _table(told.get("_modules")).items():
        if child is not None:
            yield from _state(child, f"{prefix}{name}.", depth + 1)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _classes(names: object) -> list[str]:
    table = dict(enumerate(names)) if isinstance(names, list | tuple) else names
    if not isinstance(table, Mapping) or set(table) != set(range(len(table))) or not table:
        raise ModelRefusedError("the checkpoint does not name the network's classes")
    return [str(table[number]) for number in range(len(table))]


def _input_px(checkpoint: object, told: Mapping[str, Any]) -> int:
    """Side of the images it was trained on; 0 where that is not told."""
    for options in (_table(checkpoint).get("train_args"), told.get("args")):
        named = options if isinstance(options, Mapping) else getattr(options, "__dict__", {})
        size = named.get("imgsz")
        if isinstance(size, int) and not isinstance(size, bool) and 0 < size <= 1 << 16:
            return size
    return 0


if __name__ == "__main__":
    main()
