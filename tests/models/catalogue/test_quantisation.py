"""Eight bits: they find what floats find, in half the bytes, and are refused where they do not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from defusedxml import ElementTree
from numpy.typing import NDArray
from PIL import Image

from models.catalogue.catalogue import Catalogue, CatalogueEntry, EngineName
from models.catalogue.quantisation import quantised
from models.detector import DetectionParameters
from models.errors import InvalidInputError, ModelRefusedError
from service.cli.model_quantise import quantise

TILES = 16


def test_there_is_nothing_to_calibrate_on() -> None:
    entry = Catalogue.shipped().entry("vedette-n")
    with pytest.raises(InvalidInputError, match="no image to calibrate on"):
        quantised("vedette-n", entry.read(".xml")[1], entry.read(".bin")[1], [])


def test_a_graph_of_other_blocks_stays_as_it_is() -> None:
    entry = Catalogue.shipped().entry("vedette-n")
    graph = entry.read(".xml")[1].replace(b"model.", b"part_")
    with pytest.raises(ModelRefusedError, match="no numbered blocks"):
        quantised("other", graph, entry.read(".bin")[1], [np.zeros((640, 640, 3), np.uint8)])


@pytest.fixture(scope="module")
def pictures(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some thermal frames to calibrate on."""
    folder = tmp_path_factory.mktemp("pictures")
    for path in sorted((data_dir / "detection/hituav_train/images").iterdir())[:: 520 // TILES]:
        (folder / path.name).symlink_to(path)
    return folder


def _arguments(pictures: Path, data_dir: Path, data: Path, most_lost: str) -> list[str]:
    return [
        "--images",
        str(pictures),
        "--tiles",
        str(TILES),
        "--validate",
        str(data_dir / "detection/hituav"),
        "--limit",
        "4",
        "--most-lost",
        most_lost,
        "--data-dir",
        str(data),
        "--json",
    ]


def _found(
    entry: CatalogueEntry, engine: EngineName, rgb: NDArray[np.uint8]
) -> tuple[str, NDArray[np.float32]]:
    detector = entry.open(engine)
    found = detector.detect(rgb, DetectionParameters())
    return detector.identity.engine, found.xyxy[found.confidence >= 0.5]


def test_a_quantised_model_finds_what_the_floats_find(
    pictures: Path, data_dir: Path, tmp_path: Path
) -> None:
    answer = CliRunner().invoke(quantise, _arguments(pictures, data_dir, tmp_path, "1"))
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert told["kept"] is True
    shipped = Catalogue.shipped().entry("vedette-n")
    assert told["model"] == f"{shipped.label}+int8"
    entry = Catalogue.installed(tmp_path / "models").entry(told["model"])
    entry.verify()
    # The floats are beside it, as they were; the weights shipped are half floats already: bytes
    # are half of them.
    floats, small = entry.read(".bin")[1], entry.read(".bin", int8=True)[1]
    assert floats == shipped.read(".bin")[1]
    assert len(small) < 0.6 * len(floats)
    assert set(entry.graphs()) == {"int8", "float"}
    row = entry.card.accuracy[-1]
    assert row.images == 4
    assert row.ap50 == pytest.approx({it["subject"]: it["floats"] for it in told["ap50"]}, abs=1e-4)
    assert row.ap50_int8 == pytest.approx(
        {it["subject"]: it["int8"] for it in told["ap50"]}, abs=1e-4
    )
    path = sorted((data_dir / "detection/visdrone/images").iterdir())[10]
    rgb = np.asarray(Image.open(path).convert("RGB"))
    (name, old), (small_name, new) = (
        _found(entry, engine, rgb) for engine in ("openvino-float", "openvino-int8")
    )
    assert "int8" in small_name
    assert "int8" not in name
    assert len(old) > 5
    low = np.maximum(old[:, None, :2], new[None, :, :2])
    high = np.minimum(old[:, None, 2:], new[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    sizes = [np.prod(part[:, 2:] - part[:, :2], axis=1) for part in (old, new)]
    iou = shared / (sizes[0][:, None] + sizes[1][None] - shared)
    assert (iou.max(axis=1) > 0.5).mean() > 0.8


def test_a_model_that_loses_too_much_is_not_kept(
    pictures: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_name: str, graph: bytes, weights: bytes, _tiles: object) -> tuple[bytes, bytes]:
        # Every large block of weights is gone: it finds nothing.
        values = np.frombuffer(weights, np.uint8).copy()
        for layer in ElementTree.fromstring(graph).iter("data"):
            size, offset = int(layer.get("size", "0")), int(layer.get("offset", "0"))
            if layer.get("element_type") == "f16" and size > 10_000:
                values[offset : offset + size] = 0
        return graph, values.tobytes()

    monkeypatch.setattr("models.catalogue.quantisation.quantised", broken)
    answer = CliRunner().invoke(quantise, _arguments(pictures, data_dir, tmp_path, "0.01"))
    assert isinstance(answer.exception, ModelRefusedError)
    assert "it was not kept" in str(answer.exception)
    assert not (tmp_path / "models").exists()


def test_a_folder_that_is_there_is_not_written_over(
    pictures: Path, data_dir: Path, tmp_path: Path
) -> None:
    arguments = [*_arguments(pictures, data_dir, tmp_path, "1"), "--output", str(pictures)]
    answer = CliRunner().invoke(quantise, arguments)
    assert isinstance(answer.exception, InvalidInputError)
    assert "is there already" in str(answer.exception)
