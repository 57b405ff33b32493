from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from models.catalogue.catalogue import Catalogue
from models.errors import VedetteError
from service.cli.main import cli


@pytest.fixture(scope="module")
def photographs(data_dir: Path) -> list[Path]:
    folder = data_dir / "detection" / "visdrone" / "images"
    return [path for path in sorted(folder.iterdir()) if path.stem.startswith("0000002")][:2]


def detect(*arguments: str | Path, status: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["detect", *map(str, arguments), "--json"])
    assert result.exit_code == status, (result.stderr, result.exception)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_the_document_has_the_documented_form(photographs: list[Path]) -> None:
    document = detect(*photographs, "--min-score", "0.3")
    assert list(document) == ["model", "images", "detections", "refused"]
    assert document["refused"] == []
    card = Catalogue.shipped().entry("vedette-n").card
    model = document["model"]
    assert model["name"] == "vedette-n"
    # Which graph runs is a matter of the processor; the document says which it was.
    graph = "vedette-n-int8" if "int8" in model["engine"] else "vedette-n"
    assert model["sha256"] == {name: card.sha256[name] for name in (f"{graph}.xml", f"{graph}.bin")}
    assert document["images"] == [
        {"file_name": path.name, "width": 960, "height": 540} for path in photographs
    ]
    assert len(document["detections"]) > 10
    for row in document["detections"]:
        assert list(row) == ["file_name", "category", "bbox", "score"]
        assert row["file_name"] in {path.name for path in photographs}
        assert row["category"] in model["categories"]
        assert 0.3 <= row["score"] <= 1
        left, top, width, height = row["bbox"]
        assert left >= 0
        assert top >= 0
        assert width > 0
        assert height > 0
        assert left + width <= 960.01
        assert top + height <= 540.01


def test_boxes_are_where_the_labels_say_the_cars_are(data_dir: Path) -> None:
    # Surest first; the labels come from the data set, not from a model.
    path = data_dir / "photos" / "skydio" / "skydio-catilina.jpg"
    surest = detect(path)["detections"][0]
    assert surest["category"] == "car"
    # The one true car on the road, seen by eye in the photograph: about 437, 765.
    left, top, width, height = surest["bbox"]
    assert left < 437 < left + width
    assert top < 765 < top + height


@pytest.mark.parametrize("orientation", [3, 6])
def test_boxes_are_in_pixels_as_the_file_lies_on_disk(
    photographs: list[Path], tmp_path: Path, orientation: int
) -> None:
    with Image.open(photographs[0]) as picture:
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.save(tmp_path / "plain.png")
        picture.save(tmp_path / "turned.png", exif=exif)
    document = detect(tmp_path)
    assert {(image["width"], image["height"]) for image in document["images"]} == {(960, 540)}
    boxes: dict[str, list[Any]] = {"plain.png": [], "turned.png": []}
    for row in document["detections"]:
        boxes[row["file_name"]].append([row["category"], row["bbox"]])
    assert boxes["plain.png"]
    assert boxes["plain.png"] == boxes["turned.png"]


def test_a_folder_is_searched_by_first_bytes_and_in_order(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((40, 50, 3), 128, np.uint8))
    grey.save(tmp_path / "b.dat", format="PNG")
    grey.save(tmp_path / "a.tif")
    (tmp_path / "notes.jpg").write_text("no photograph")
    (tmp_path / "deeper").mkdir()
    grey.save(tmp_path / "deeper" / "c.jpeg")
    document = detect(tmp_path)
    assert [image["file_name"] for image in document["images"]] == ["a.tif", "b.dat", "c.jpeg"]


def test_files_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((40, 50, 3), 128, np.uint8))
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        grey.save(tmp_path / folder / "IMG_1.png")
    grey.save(tmp_path / "IMG_2.png")
    names = [image["file_name"] for image in detect(tmp_path)["images"]]
    assert sorted(names) == sorted(
        [
            "IMG_2.png",
            str(tmp_path / "first" / "IMG_1.png"),
            str(tmp_path / "second" / "IMG_1.png"),
        ]
    )


def test_an_unreadable_file_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((40, 50, 3), 128, np.uint8))
    grey.save(tmp_path / "good.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    (tmp_path / "notes.txt").write_text("no photograph")
    arguments = [str(tmp_path / name) for name in ("broken.jpg", "notes.txt", "good.png")]
    result = CliRunner().invoke(cli, ["detect", *arguments, "--json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert [image["file_name"] for image in document["images"]] == ["good.png"]
    assert [one["file_name"] for one in document["refused"]] == ["broken.jpg", "notes.txt"]
    lines = result.stderr.splitlines()
    for one, path, line in zip(document["refused"], arguments[:2], lines, strict=True):
        assert one["reason"] == "UNREADABLE_IMAGE"
        assert json.loads(line)["error"] == {
            "reason": "UNREADABLE_IMAGE",
            "field": "path",
            "message": f"{path}: {one['message']}",
        }
    told = CliRunner().invoke(cli, ["detect", *arguments]).stderr.splitlines()
    for one, path, line in zip(document["refused"], arguments[:2], told, strict=True):
        assert line == f"vedette: path: {path}: {one['message']} [UNREADABLE_IMAGE]"


def test_text_for_a_person_names_each_thing_found(photographs: list[Path]) -> None:
    result = CliRunner().invoke(cli, ["detect", str(photographs[0])])
    assert result.exit_code == 0
    assert f"{photographs[0].name}: 960 x 540" in result.stdout
    assert "\x1b[" not in result.stdout  # no colours where there is no terminal


def test_an_unknown_model_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((40, 50, 3), 128, np.uint8))
    (tmp_path / "empty").mkdir()
    grey.save(tmp_path / "good.png")
    for arguments, words in (
        (["detect", str(tmp_path / "good.png"), "--model", "yolo"], "no model 'yolo'"),
        (["detect", str(tmp_path / "empty")], "no JPEG, PNG, TIFF or NITF"),
    ):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code != 0
        assert isinstance(result.exception, VedetteError)
        assert words in str(result.exception)


def test_the_real_command_keeps_torch_out_and_the_answer_clean(photographs: list[Path]) -> None:
    code = (
        "import sys\n"
        "from service.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        "assert not {'torch', 'ultralytics'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "detect", str(photographs[0]), "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["images"][0]["file_name"] == photographs[0].name


def test_both_engines_answer_alike(photographs: list[Path]) -> None:
    pytest.importorskip("ultralytics")
    first = detect(photographs[0], "--min-score", "0.5")
    second = detect(photographs[0], "--min-score", "0.5", "--engine", "ultralytics")
    assert "torch" in second["model"]["engine"]
    assert list(second["model"]["sha256"]) == ["vedette-n.safetensors"]
    # Half floats of some processors move a confidence across the threshold now and then.
    assert abs(len(first["detections"]) - len(second["detections"])) <= 3


def test_the_models_are_listed_with_their_weaknesses() -> None:
    result = CliRunner().invoke(cli, ["model", "list", "--verify", "--json"])
    assert result.exit_code == 0
    (model,) = json.loads(result.stdout)["models"]
    assert model["name"] == "vedette-n"
    assert model["default"] is True
    assert {row["name"]: row["category"] for row in model["classes"]}["motor"] == "two-wheeler"
    assert model["weaknesses"]
    assert "vedette-n" in CliRunner().invoke(cli, ["model", "list"]).stdout
    told = CliRunner().invoke(cli, ["model", "show", "vedette-n"]).stdout
    assert "Misses about half of the people" in " ".join(told.split())
