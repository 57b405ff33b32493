"""The engine that a machine's hardware asks for."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from models.catalogue import catalogue
from models.catalogue.catalogue import SHIPPED, CatalogueEntry, EngineName
from models.engines.accelerator import has_int8_arithmetic, has_nvidia_gpu
from models.errors import ModelRefusedError


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ((), False),
        (("proc/version",), True),
        (("dev/nvidia0",), True),
        # The control device of a driver without any GPU.
        (("dev/nvidiactl",), False),
        (("dev/nvme0", "dev/null"), False),
    ],
)
def test_a_gpu_is_told_by_driver_or_device(
    tmp_path: Path, files: tuple[str, ...], found: bool
) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "dev").mkdir()
    for name in files:
        (tmp_path / name).touch()
    assert has_nvidia_gpu(tmp_path / "proc/version", tmp_path / "dev") is found


@pytest.mark.parametrize(
    ("told", "has"),
    [
        # As three processors tell it: AMD Zen 4, Intel Alder Lake, Intel Broadwell.
        ("model name\t: A\nflags\t\t: fpu avx512f avx512_vnni avx512_bf16\n", True),
        ("flags\t\t: fpu avx2 avx_vnni\n", True),
        ("flags\t\t: fpu avx2 fma\nbugs\t\t: avx512_vnni\n", False),
        ("Features\t: fp asimd\n", False),
        (None, False),
    ],
)
def test_eight_bits_are_told_by_the_flags_of_the_processor(
    tmp_path: Path, told: str | None, has: bool
) -> None:
    if told is not None:
        (tmp_path / "cpuinfo").write_text(told)
    assert has_int8_arithmetic(tmp_path / "cpuinfo") is has


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """The shipped weights with graphs under either name; which bytes is all one here."""
    made = {}
    for kind, graphs in {"both": ("", "-int8"), "float": ("",), "int8": ("-int8",)}.items():
        folder = tmp_path / kind
        folder.mkdir()
        card, _, pinned = (SHIPPED / "vedette-n/card.toml").read_text().partition("[sha256]\n")
        hashes = tomllib.loads(pinned)
        lines = ['"vedette-n.safetensors" = "' + hashes["vedette-n.safetensors"] + '"']
        shutil.copy(SHIPPED / "vedette-n/vedette-n.safetensors", folder)
        for end in graphs:
            for suffix in (".xml", ".bin"):
                shutil.copy(SHIPPED / f"vedette-n/vedette-n{suffix}", folder / f"n{end}{suffix}")
                lines.append(f'"n{end}{suffix}" = "' + hashes[f"vedette-n{suffix}"] + '"')
        (folder / "card.toml").write_text(card + "[sha256]\n" + "\n".join(lines) + "\n")
        made[kind] = folder
    return made


@pytest.mark.parametrize(
    ("gpu", "vnni", "pinned", "asked", "chosen"),
    [
        (False, True, "both", "auto", "openvino-int8"),
        (False, False, "both", "auto", "openvino-float"),
        (True, True, "both", "auto", "ultralytics"),
        (True, True, "both", "openvino", "openvino-int8"),
        (False, True, "both", "openvino-float", "openvino-float"),
        (False, False, "both", "openvino-int8", "openvino-int8"),
        (False, True, "both", "ultralytics", "ultralytics"),
        (False, True, "float", "auto", "openvino-float"),
        # What a model has stands above what the processor would like.
        (False, False, "int8", "openvino", "openvino-int8"),
    ],
)
def test_the_engine_is_what_machine_and_model_have(
    monkeypatch: pytest.MonkeyPatch,
    folders: dict[str, Path],
    gpu: bool,
    vnni: bool,
    pinned: str,
    asked: EngineName,
    chosen: str,
) -> None:
    # What other machines would say is put in the place of what this one does.
    monkeypatch.setattr(catalogue, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(catalogue, "has_int8_arithmetic", lambda: vnni)
    monkeypatch.setattr("models.engines.ultralytics_engine.computes_on_gpu", lambda: True)
    assert CatalogueEntry(folders[pinned])._choose(asked) == chosen


@pytest.mark.parametrize(
    ("pinned", "asked"), [("float", "openvino-int8"), ("int8", "openvino-float")]
)
def test_a_graph_that_a_model_lacks_is_refused(
    folders: dict[str, Path], pinned: str, asked: EngineName
) -> None:
    with pytest.raises(ModelRefusedError, match=f"no file serves the engine '{asked}'"):
        CatalogueEntry(folders[pinned]).open(asked)


def test_a_gpu_that_torch_cannot_use_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "has_nvidia_gpu", lambda: True)
    monkeypatch.setattr("models.engines.ultralytics_engine.computes_on_gpu", lambda: False)
    assert CatalogueEntry(SHIPPED / "vedette-n")._choose("auto").startswith("openvino")
