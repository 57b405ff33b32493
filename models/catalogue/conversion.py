"""Weights as they come from a training, turned into files that the catalogue takes.

A checkpoint (`.pt`) is never read by this process: a child that has locked itself reads it (see
`models.catalogue.inert_checkpoint`), another makes OpenVINO IR of the numbers that come out
(`models.catalogue.network_converter`). Each has a folder of its own for a home, and an environment
that tells it nothing of this one.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models.errors import EngineError, ModelRefusedError

CHECKPOINTS = frozenset({".pt", ".pth", ".ckpt"})
CONVERTED = frozenset({*CHECKPOINTS, ".onnx", ".safetensors"})
"""File names that `convert` takes, by suffix."""

_LARGEST_BYTES = 2 << 30
_READING_S = 180
_CONVERTING_S = 900
_EXIT_REFUSED = 3
_PACKAGES = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """What became of some weights.

    Attributes:
        classes: the network's own class names by number; empty where the file tells none.
        class_count: how many classes it has.
        input_px: side of a tile, pixels.
        sha256: lower-case hexadecimal SHA-256 of each file written, by name.
        locked: a checkpoint was read by a process that could reach nothing; None where the file
            was none.
    """

    classes: tuple[str, ...]
    class_count: int
    input_px: int
    sha256: dict[str, str]
    locked: bool | None


def convert(source: Path, folder: Path, stem: str, *, input_px: int = 0) -> Converted:
    """Convert weights into a folder: `STEM.xml` and `STEM.bin`, and `STEM.safetensors`.

    The last is left out for ONNX, and for a network that was fused before it was saved: torch
    cannot build those again.

    Args:
        source: a checkpoint of ultralytics, its safetensors, or ONNX.
        folder: where to; it is there.
        stem: name of the files without suffix.
        input_px: side of a tile; 0 for what the file tells, 640 where it does not.

    Raises:
        ModelRefusedError: the file is no network that Vedette runs, or is refused for what it does.
        EngineError: what is needed to convert is not installed, or failed.
        OSError: a file cannot be read or written.
    """
    suffix = source.suffix.lower()
    if suffix not in CONVERTED:
        raise ModelRefusedError(
            f"{source.name} is none of {', '.join(sorted(CONVERTED))}", field="source"
        )
    needed = ("openvino",) if suffix == ".onnx" else ("openvino", "torch", "ultralytics")
    for name in needed:
        if find_spec(name) is None:
            raise EngineError(
                f"{name} is not here, which converting {suffix} needs: install vedette with the "
                "extras `service` and `ultralytics`"
            )
    if source.stat().st_size > _LARGEST_BYTES:
        raise ModelRefusedError(f"{source.name} is larger than {_LARGEST_BYTES >> 30} GiB")
    with tempfile.TemporaryDirectory(prefix="vedette-convert-") as home:
        return _convert(source, Path(home), folder, stem, input_px)


def _convert(source: Path, home: Path, folder: Path, stem: str, input_px: int) -> Converted:
    suffix, locked = source.suffix.lower(), None
    data = source.read_bytes()
    if suffix in CHECKPOINTS:
        data = _run("models.catalogue.inert_checkpoint", [], home, data, source.name, _READING_S)
        locked = bool(json.loads(_metadata(data).get("locked", "false")))
        suffix = ".safetensors"
    given = home / f"network{suffix}"
    given.write_bytes(data)
    answer = _run(
        "models.catalogue.network_converter",
        [given.name, "converted", str(input_px)],
        home,
        b"",
        source.name,
        _CONVERTING_S,
    )
    told = json.loads(answer.splitlines()[-1])
    written = {
        f"{stem}{kind}": (home / f"converted{kind}").read_bytes() for kind in (".xml", ".bin")
    }
    if suffix == ".safetensors" and not told["fused"]:
        written[f"{stem}.safetensors"] = data
    for name, content in written.items():
        (folder / name).write_bytes(content)
    return Converted(
        classes=tuple(told["classes"]),
        class_count=int(told["class_count"]),
        input_px=int(told["input_px"]),
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in written.items()},
        locked=locked,
    )


def _metadata(safetensors: bytes) -> dict[str, str]:
    header = json.loads(safetensors[8 : 8 + int.from_bytes(safetensors[:8], "little")])
    return dict(header["__metadata__"])


def _run(
    program: str, arguments: list[str], home: Path, data: bytes, name: str, timeout_s: float
) -> bytes:
    """Run one of the two programs in its folder; returns what it answers."""
    environment = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(_PACKAGES),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "YOLO_CONFIG_DIR": str(home),
        "YOLO_OFFLINE": "true",
        "MPLCONFIGDIR": str(home),
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", program, *arguments],
            input=data,
            capture_output=True,
            cwd=home,
            env=environment,
            timeout=timeout_s,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelRefusedError(f"{name}: not converted within {timeout_s:g} s") from error
    if done.returncode == 0:
        return done.stdout
    last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
    if done.returncode == _EXIT_REFUSED:
        raise ModelRefusedError(f"{name} is refused: {json.loads(last)['refused']}")
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
    raise EngineError(f"{name} was not converted: the converter ended with {how}: {last}")
