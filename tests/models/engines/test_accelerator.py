"""The engine that a machine's hardware asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.catalogue import catalogue
from models.catalogue.catalogue import Catalogue
from models.engines.accelerator import has_nvidia_gpu


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
    ("gpu", "computes", "chosen"),
    [(False, False, "openvino"), (True, False, "openvino"), (True, True, "ultralytics")],
)
def test_auto_takes_the_gpu_where_torch_can_use_it(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, computes: bool, chosen: str
) -> None:
    # No machine of the tests has a GPU: what it would say is put in its place.
    monkeypatch.setattr(catalogue, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr("models.engines.ultralytics_engine.computes_on_gpu", lambda: computes)
    entry = Catalogue.shipped().entry("vedette-n")
    assert entry._choose("auto") == chosen
    assert entry._choose("openvino") == "openvino"
