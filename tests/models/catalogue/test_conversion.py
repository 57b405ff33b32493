"""Checkpoints converted by the real children; malicious ones are real pickles."""

from __future__ import annotations

import hashlib
import json
import pickle
import socket
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from models.catalogue.catalogue import Catalogue
from models.catalogue.conversion import convert
from models.catalogue.network_description import check_description
from models.errors import ModelRefusedError

ROOT = Path(__file__).parents[3]
SHIPPED = Path(models.__file__).parent / "shipped" / "vedette-n"
FIRST_FILES = {
    "vedette-n.bin": "0026fb87cb94ae016dbc4611eca4470654b58ad64ff215b12c22bd225fbddc5f",
    "vedette-n.xml": "33c6cf829fbdea33fceebc1ed26509301bde38ef4195458d21bf13aaa678c8bd",
}


@pytest.fixture
def torch() -> Any:
    pytest.importorskip("ultralytics")
    return pytest.importorskip("torch")


def description(**changes: object) -> dict[str, Any]:
    header = (SHIPPED / "vedette-n.safetensors").read_bytes()
    size = int.from_bytes(header[:8], "little")
    table = json.loads(json.loads(header[8 : 8 + size])["__metadata__"]["architecture"])
    return {**table, **changes}


def test_a_checkpoint_becomes_what_another_tool_made_of_it(
    data_dir: Path, tmp_path: Path, torch: Any
) -> None:
    checkpoint = data_dir / "weights" / "vedette-n.pt"
    converted = convert(checkpoint, tmp_path, "vedette-n")
    assert converted.locked is True
    assert converted.input_px == 640
    assert converted.classes == Catalogue.shipped().entry().card.class_map.classes
    # Version 1.0.0 as it shipped: bit for bit the same network.
    assert {name: converted.sha256[name] for name in FIRST_FILES} == FIRST_FILES
    for name, digest in converted.sha256.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    # The checkpoint is trusted here, and so read as torch reads it.
    whole = torch.load(checkpoint, map_location="cpu", weights_only=False)
    network = whole.get("ema") or whole["model"]
    expected = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).numpy().tobytes()
        for name, tensor in network.state_dict().items()
    }
    assert _tensors(tmp_path / "vedette-n.safetensors") == expected


def _tensors(path: Path) -> dict[str, bytes]:
    """Bytes of each tensor, as the format's own description lays them out."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    body = data[8 + size :]
    return {
        name: body[slice(*row["data_offsets"])]
        for name, row in header.items()
        if name != "__metadata__"
    }


class Calls:
    """Pickled, it calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A port on this machine, and who called it."""
    called: list[str] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(30)

        def accept() -> None:
            try:
                connection, address = server.accept()
            except OSError:
                return
            connection.close()
            called.append(str(address))

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], called
        # Ends the waiting of a listener that nobody called.
        if not called:
            with socket.create_connection(server.getsockname()):
                pass
        thread.join()


def as_checkpoint(value: object, path: Path) -> Path:
    """A file of the form that `torch.save` writes, around any pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
    return path


def attacks(folder: Path, port: int) -> dict[str, Calls]:
    written = folder / "written"
    return {
        "os.system": Calls(__import__("os").system, f"touch {written}"),
        "write": Calls(eval, f"__import__('pathlib').Path({str(written)!r}).write_text('x')"),
        "socket": Calls(socket.create_connection, ("127.0.0.1", port)),
        "run": Calls(subprocess.run, ["touch", str(written)]),
        "getattr": Calls(getattr, written, "touch"),
    }


ATTACKS = ["os.system", "write", "socket", "run"]


def test_a_malicious_checkpoint_is_refused_and_does_nothing(
    tmp_path: Path, torch: Any, listener: tuple[int, list[str]]
) -> None:
    port, called = listener
    made = attacks(tmp_path, port)
    (tmp_path / "into").mkdir()
    source = as_checkpoint({"model": [made[name] for name in ATTACKS]}, tmp_path / "best.pt")
    with pytest.raises(ModelRefusedError, match=r"best\.pt is refused: it calls .*do not trust"):
        convert(source, tmp_path / "into", "best")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "into"]
    assert called == []
    assert list((tmp_path / "into").iterdir()) == []
    # The same files are no duds: a careless reader does what they say.
    torch.load(as_checkpoint(made["write"], tmp_path / "write.pt"), weights_only=False)
    assert (tmp_path / "written").read_text() == "x"
    torch.load(as_checkpoint(made["socket"], tmp_path / "socket.pt"), weights_only=False).close()
    for _ in range(200):
        if called:
            break
        threading.Event().wait(0.05)
    assert len(called) == 1


@pytest.mark.parametrize("attack", [*ATTACKS, "getattr"])
def test_the_reader_alone_calls_nothing(tmp_path: Path, torch: Any, attack: str) -> None:
    del torch
    from models.catalogue.inert_checkpoint import read_inert

    source = as_checkpoint({"model": attacks(tmp_path, 1)[attack]}, tmp_path / "best.pt")
    with pytest.raises(ModelRefusedError):
        read_inert(source.read_bytes(), locked=False)
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


ESCAPES = """
import io, sys
import torch
from models.catalogue.inert_checkpoint import _warm_up
from models.catalogue.lockdown import Freedom, limit, lock
_warm_up()
files = [open(name, "rb").read() for name in sys.argv[1:]]
limit(memory_bytes=4 << 30, cpu_s=60, file_bytes=1 << 31)
assert lock(Freedom.COMPUTE)
for data in files:
    try:
        torch.load(io.BytesIO(data), weights_only=False)
    except Exception:
        print("stopped")
"""


def test_the_lock_holds_where_the_reader_would_let_code_through(
    tmp_path: Path, torch: Any, listener: tuple[int, list[str]]
) -> None:
    del torch
    port, called = listener
    made = attacks(tmp_path, port)
    files = [as_checkpoint(made[name], tmp_path / f"{name}.pt") for name in ATTACKS[1:]]
    done = subprocess.run(
        [sys.executable, "-c", ESCAPES, *map(str, files)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout == "stopped\n" * len(files)
    assert not (tmp_path / "written").exists()
    assert called == []


@pytest.mark.parametrize("data", [b"", b"PK\3\4 broken", b"\x80\x02}q\x00."])
def test_what_is_no_checkpoint_is_refused(torch: Any, data: bytes) -> None:
    del torch
    from models.catalogue.inert_checkpoint import read_inert

    with pytest.raises(ModelRefusedError, match="checkpoint"):
        read_inert(data, locked=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"activation": "__import__('os').system('true')"},
        {"backbone": [[-1, 1, "Path", ["/etc/passwd"]]]},
        {"backbone": [[-1, 1, "Conv", ["__import__('os')"]]]},
        {"backbone": [[-1, 1, "torchvision.ops.misc.os", []]]},
        {"head": "nothing"},
        {"head": [[-1, 1, "Detect"]]},
        {"nc": object()},
    ],
)
def test_a_description_that_could_run_code_is_refused(changes: dict[str, object]) -> None:
    assert check_description(description())["nc"] == 10
    with pytest.raises(ModelRefusedError, match="network"):
        check_description(description(**changes))


def test_evaluated_descriptions_are_a_danger_that_is_real(
    tmp_path: Path, torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why descriptions are checked: the library evaluates one of their entries."""
    del torch
    from ultralytics.nn.modules import conv
    from ultralytics.nn.tasks import DetectionModel

    # It keeps what that gave for every network that is built afterwards.
    block: Any = conv.Conv
    monkeypatch.setattr(block, "default_act", block.default_act)
    written = tmp_path / "written"
    build: Any = DetectionModel
    evaluated = f"__import__('pathlib').Path({str(written)!r}).write_text('x')"
    with pytest.raises((TypeError, AttributeError, RuntimeError)):
        build(description(activation=evaluated), ch=3, nc=10, verbose=False)
    assert written.exists()


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, value: bytes | str | int) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, kind: int, dims: list[int], data: bytes) -> bytes:
    return (
        b"".join(field(1, size) for size in dims) + field(2, kind) + field(8, name) + field(9, data)
    )


def value_info(name: str, dims: list[int]) -> bytes:
    shape = b"".join(field(1, field(1, size)) for size in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def onnx_model(classes: list[str], side: int = 64) -> bytes:
    """A network whose boxes are the means of patches (onnx/onnx.proto, by hand)."""
    rows, anchors = 4 + len(classes), (side // 8) ** 2
    weights = np.full((rows, 3, 8, 8), 1 / 192, np.float32)
    ints = b"".join(field(8, 8) for _ in range(2))
    conv = (
        field(1, "tiles_in")
        + field(1, "weights")
        + field(2, "patches")
        + field(4, "Conv")
        + field(5, field(1, "strides") + ints + field(20, 7))
    )
    reshape = field(1, "patches") + field(1, "shape") + field(2, "output0") + field(4, "Reshape")
    graph = (
        field(1, conv)
        + field(1, reshape)
        + field(2, "graph")
        + field(5, tensor("weights", 1, list(weights.shape), weights.tobytes()))
        + field(5, tensor("shape", 7, [3], struct.pack("<3q", 1, rows, anchors)))
        + field(11, value_info("tiles_in", [1, 3, side, side]))
        + field(12, value_info("output0", [1, rows, anchors]))
    )
    names = repr(dict(enumerate(classes)))
    return (
        field(1, 8)
        + field(7, graph)
        + field(8, field(1, "") + field(2, 13))
        + field(14, field(1, "names") + field(2, names))
    )


def test_onnx_becomes_a_network_that_computes_the_same(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    source = tmp_path / "own.onnx"
    source.write_bytes(onnx_model(["car", "person"]))
    converted = convert(source, tmp_path, "own")
    assert (converted.input_px, converted.class_count, converted.locked) == (64, 2, None)
    assert converted.classes == ("car", "person")
    assert set(converted.sha256) == {"own.xml", "own.bin"}
    network = openvino.Core().compile_model(str(tmp_path / "own.xml"), "CPU")
    tiles = np.random.default_rng(1).random((1, 3, 64, 64), np.float32)
    expected = tiles.reshape(3, 8, 8, 8, 8).mean(axis=(0, 2, 4)).reshape(-1)
    for row in network(tiles)[0][0]:
        np.testing.assert_allclose(row, expected, atol=5e-3)  # half-size floats


def test_onnx_of_another_form_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "own.onnx"
    source.write_bytes(onnx_model([]))
    with pytest.raises(ModelRefusedError, match="without suppression"):
        convert(source, tmp_path, "own")
    source.write_bytes(b"no model")
    with pytest.raises(ModelRefusedError, match="cannot read"):
        convert(source, tmp_path, "own")


def test_other_files_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "own.pkl"
    source.write_bytes(pickle.dumps({}))
    with pytest.raises(ModelRefusedError, match="is none of"):
        convert(source, tmp_path, "own")
