from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from service.cli.main import cli


def evaluate(*arguments: str | int | Path, status: int = 0) -> Any:
    result = CliRunner().invoke(cli, ["model", "evaluate", *map(str, arguments)])
    assert result.exit_code == status, (result.stderr, result.exception)
    return result


def test_thermal_frames_as_json_with_a_report_of_one_file(data_dir: Path, tmp_path: Path) -> None:
    file = data_dir / "detection" / "hituav" / "annotations.json"
    report = tmp_path / "a" / "report"

    result = evaluate(file, "--limit", 6, "--report", report, "--json")

    document = json.loads(result.stdout)
    labels = json.loads(file.read_text())
    first = sorted(labels["images"], key=lambda row: row["filename"])[:6]
    vehicles = [
        row
        for row in labels["annotations"]
        if row["image_id"] in {image["id"] for image in first} and row["category_id"] in {1, 2, 3}
    ]
    scores = {score["subject"]: score for score in document["scores"]}
    assert document["images"] == 6
    assert scores["vehicle"]["objects"] == len(vehicles) > 5
    # The card says 0.895 on 200 other frames of this set.
    assert 0.7 < scores["vehicle"]["ap50"] <= 1
    assert sum(size["objects"] for size in scores["vehicle"]["sizes_px"]) == len(vehicles)
    page = (report / "index.html").read_text()
    assert list(report.iterdir()) == [report / "index.html"]
    assert document["report"] == str(report / "index.html")
    # Nothing is fetched: the one address in it names the dialect of the drawing.
    assert page.replace("http://www.w3.org/2000/svg", "").count("http") == 0
    assert page.count("data:image/jpeg;base64,") > 0
    assert "<script" not in page


def test_yolo_labels_with_stated_classes_as_tables(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.fromarray(np.full((200, 300, 3), 90, np.uint8)).save(tmp_path / "images" / "<b>.png")
    (tmp_path / "labels" / "<b>.txt").write_text("0 0.5 0.5 0.1 0.2\n")

    result = evaluate(tmp_path, "--classes", "vehicle", "--report", tmp_path / "report")

    row = next(line for line in result.stdout.splitlines() if line.startswith("vehicle"))
    # One object, nothing found on an empty ground: no precision to speak of.
    assert row.split()[:6] == ["vehicle", "1", "0.000", "0.000", "0.000", "-"]
    # A file's name is text in the page, not markup.
    assert "<b>" not in (tmp_path / "report" / "index.html").read_text()


def test_a_set_without_objects_or_with_unknown_classes_is_told(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "images" / "a.png")
    (tmp_path / "labels" / "a.txt").write_text("")
    for classes in ("car", "unicorn"):
        result = CliRunner().invoke(cli, ["model", "evaluate", str(tmp_path), "--classes", classes])
        assert isinstance(result.exception, Exception)
        assert ("labels no object" if classes == "car" else "unicorn") in str(result.exception)


def test_a_missing_evaluator_is_told_before_anything_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    result = CliRunner().invoke(cli, ["model", "evaluate", str(tmp_path)])
    assert isinstance(result.exception, ModuleNotFoundError)
    assert result.exception.name == "faster_coco_eval"
