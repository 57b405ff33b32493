"""`vedette model train` from end to end, on a few frames and steps."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from models.catalogue.catalogue import Catalogue
from models.training.recipe import ClassRecipe, Mixture
from service.cli import model_train
from service.cli.main import cli
from service.training import result


def train(*arguments: str | int | Path) -> Result:
    return CliRunner().invoke(cli, ["model", "train", *map(str, arguments)])


def refused(*arguments: str | int | Path) -> str:
    done = train(*arguments)
    assert done.exit_code != 0
    return str(done.exception) + done.stderr


def thermal_frames(data_dir: Path, name: str, folder: Path, count: int) -> Path:
    """The first frames of one of HIT-UAV's splits, as a set of their own."""
    source = data_dir / "detection" / name
    document: dict[str, Any] = json.loads((source / "annotations.json").read_text())
    rows = sorted(document["images"], key=lambda row: row["filename"])[:count]
    kept = {row["id"] for row in rows}
    folder.mkdir()
    for row in rows:
        shutil.copy(source / "images" / row["filename"], folder)
    document["images"] = rows
    document["annotations"] = [row for row in document["annotations"] if row["image_id"] in kept]
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


@pytest.mark.timeout(120)
def test_a_model_is_taught_and_enters_the_catalogue_once(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ultralytics")
    monkeypatch.setattr(result, "MIXTURES", (Mixture(0.5, 0.7),))  # each costs seconds
    few = partial(ClassRecipe, tiles=4, batch=2, tile_px=64)
    monkeypatch.setattr(model_train, "ClassRecipe", few)
    fields = tmp_path / "fields"
    fields.mkdir()
    Image.effect_noise((300, 200), 60).convert("RGB").save(fields / "a.png")
    Image.effect_noise((300, 200), 60).convert("RGB").save(fields / "held.png")
    (tmp_path / "held.txt").write_text("# of June\nheld\n")
    chips = tmp_path / "chips"
    chips.mkdir()
    Image.new("RGB", (96, 96), (60, 90, 40)).save(chips / "c.png")
    row = {
        "chip": "c.png",
        "category": "person",
        "box": [30, 30, 60, 70],
        "reason_code": "vegetation",
        "imagery": "missions/m/imagery/i",
        "marking": "",
    }
    (chips / "negatives.jsonl").write_text(json.dumps(row) + "\n")
    catalogue = tmp_path / "models"
    command: list[str | int | Path] = [
        "ours@1.0.0",
        *("--data", thermal_frames(data_dir, "hituav_train", tmp_path / "learn", 3)),
        *("--validation", thermal_frames(data_dir, "hituav", tmp_path / "val", 8)),
        *("--empty", fields, "--hold-out", tmp_path / "held.txt", "--dismissed", chips),
        *("--source", "HIT-UAV, 3 frames; CC BY 4.0", "--rendered", 0, "--rendered-empty", 0),
        *("--steps", 2, "--batch", 2, "--tile-px", 64, "--seed", 4, "--threads", 1),
        *("--class-steps", 2),
        *("--work", tmp_path / "work", "--data-dir", tmp_path, "--json"),
    ]

    done = train(*command)

    assert done.exit_code == 0, (done.stderr, done.exception)
    told = json.loads(done.stdout)
    assert told["model"] == "ours@1.0.0"
    kept = {"backbone": 0.5, "rest": 0.7}
    tried = [(trial["kept"], trial["class_branches_taught"]) for trial in told["trials"]]
    assert tried == [(kept, False), (kept, True)]
    assert told["empty_ground"]["images"] == 0  # one held-out field alone is chosen by
    # Two steps at a low rate change next to nothing, and confidence is brought to the start's.
    for group, truths in (("person", 7), ("vehicle", 5)):
        seen = told["groups"][group]
        assert seen["truths"] == truths
        assert seen["recall"]["start"] > 0.5
        assert abs(seen["recall"]["new"] - seen["recall"]["start"]) < 1.01 / truths
        assert abs(seen["ap50"]["new"] - seen["ap50"]["start"]) < 0.2
    card = Catalogue.installed(catalogue).entry("ours@1.0.0").card
    assert card.training_data[-1] == "HIT-UAV, 3 frames; CC BY 4.0"
    assert card.training_data[:-1] == Catalogue.shipped().entry().card.training_data
    assert {Path(name).suffix for name in card.sha256} == {".xml", ".bin", ".safetensors"}
    assert "learning: step 1 of 2" in done.stderr
    # Nothing activates it: the default is the shipped one.
    assert Catalogue.installed(catalogue).entry().card.name == "vedette-n"

    # What is done is not done again, and another plan is no continuation of it.
    assert "ours@1.0.0 is in the catalogue already" in refused(*command)
    other = ["2" if word == 4 else word for word in command]
    other[0] = "ours@1.0.1"
    assert "another class_recipe, recipe, version; give the same command" in refused(*other)


def test_what_would_only_fail_later_is_told_at_once(data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    learn = thermal_frames(data_dir, "hituav_train", tmp_path / "learn", 1)
    always: list[str | int | Path] = [
        *("--data", learn, "--source", "x", "--work", tmp_path / "work"),
        *("--data-dir", tmp_path),
    ]
    assert "no validation image with an object" in refused("ours@1.0.0", *always)
    val = ["--validation", str(learn)]
    assert "name the result NAME@VERSION" in refused("ours", *always, *val)
    assert "name the result NAME@VERSION" in refused("Ours@1", *always, *val)
    shipped = Catalogue.shipped().entry().label
    assert f"{shipped} is in the catalogue already" in refused(shipped, *always, *val)
    assert "a multiple of 32, not 100" in refused("ours@1", *always, *val, "--tile-px", "100")
    assert "is learned from and measured on" in refused("ours@1", *always, *val)
    assert not (tmp_path / "work").exists()


def test_help_teaches() -> None:
    text = train("--help").stdout
    assert "The result is not" in text
    assert "negatives.jsonl" in text
    assert "vedette model train ours@1.0 --data flights/" in text
