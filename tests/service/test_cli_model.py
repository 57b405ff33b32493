"""The commands that keep a catalogue, as a person calls them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import models
from models.catalogue.card_file import CARD_FILE, card_text, read_card
from models.errors import VedetteError
from service.cli.main import cli

SHIPPED = Path(models.__file__).parent / "shipped" / "vedette-n"
# Of the checkpoint's IR as version 1.0.0 shipped it, made by another tool.
FIRST_BIN = "0026fb87cb94ae016dbc4611eca4470654b58ad64ff215b12c22bd225fbddc5f"


def vedette(*arguments: str | Path, status: int = 0) -> Any:
    result = CliRunner().invoke(cli, ["model", *map(str, arguments)])
    assert result.exit_code == status, (result.stderr, result.exception)
    return result


def refusal(*arguments: str | Path) -> str:
    result = CliRunner().invoke(cli, ["model", *map(str, arguments)])
    assert isinstance(result.exception, VedetteError), result.output
    return str(result.exception)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A model to add: the shipped weights under another name."""
    folder = tmp_path / "source"
    shutil.copytree(SHIPPED, folder)
    card = dataclasses.replace(read_card(SHIPPED), name="field-n", version="2.0", thresholds={})
    (folder / CARD_FILE).write_text(card_text(card), encoding="utf-8")
    return folder


def test_a_model_is_added_listed_shown_verified_and_carried_on(
    source: Path, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    vedette("add", source, "--data-dir", here)
    listed = json.loads(vedette("list", "--data-dir", here, "--json").stdout)
    assert [(one["name"], one["version"], one["default"]) for one in listed["models"]] == [
        ("field-n", "2.0", False),
        ("vedette-n", read_card(SHIPPED).version, True),
    ]
    shown = vedette("show", "field-n@2.0", "--data-dir", here).stdout
    for told in (
        "category two-wheeler: bicycle, motor",
        "CC BY 4.0",
        "half of the",
    ):
        assert told in shown
    written = json.loads(
        vedette("export", "field-n", tmp_path / "stick", "--data-dir", here, "--json").stdout
    )
    assert written["folder"] == str(tmp_path / "stick" / "field-n@2.0")
    vedette("add", written["folder"], "--data-dir", there)
    verified = json.loads(vedette("verify", "--data-dir", there, "--json").stdout)
    assert verified == {"verified": ["field-n@2.0", read_card(SHIPPED).label], "refused": {}}


def test_a_changed_file_is_told_by_verify_and_never_carried_on(
    source: Path, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    vedette("add", source, "--data-dir", here)
    weights = here / "models" / "field-n@2.0" / "vedette-n.bin"
    weights.chmod(0o600)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    found = vedette("verify", "--data-dir", here, "--json", status=1)
    assert list(json.loads(found.stdout)["refused"]) == ["field-n@2.0"]
    assert "SHA-256 expected" in refusal("export", "field-n", tmp_path / "to", "--data-dir", here)
    assert list((tmp_path / "to").iterdir()) == []


def test_a_checkpoint_becomes_a_model_with_a_card(data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    checkpoint = data_dir / "weights" / "vedette-n.pt"
    arguments: list[str | Path] = [
        *("add", checkpoint, "--data-dir", tmp_path, "--name", "own", "--version", "1"),
        *("--license", "AGPL-3.0-only", "--modality", "thermal", "--training-data", "HIT-UAV"),
        *("--class", "awning-tricycle=truck", "--json"),
    ]
    told = json.loads(vedette(*arguments).stdout)
    assert told["read_in_a_locked_process"] is True
    folder = tmp_path / "models" / "own@1"
    card = read_card(folder)
    assert card.label == "own@1"
    assert card.modality.value == "thermal"
    assert card.sha256["own.bin"] == FIRST_BIN
    assert card.class_map.classes == read_card(SHIPPED).class_map.classes
    assert card.categories[int(card.class_map.index[7])] == "truck"
    for name, digest in told["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert [line.startswith("Not measured") for line in card.weaknesses] == [True]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "state --name"),
        (["--name", "own"], "state --version"),
        (["--name", "own", "--version", "1", "--license", "X"], "state --modality"),
        (
            [
                *("--name", "Own Model", "--version", "1", "--license", "X"),
                *("--modality", "both", "--training-data", "x"),
            ],
            "is not of the form",
        ),
    ],
)
def test_what_a_card_must_say_is_asked_for_before_anything_is_read(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    checkpoint = tmp_path / "best.pt"
    checkpoint.write_bytes(b"")
    assert told in refusal("add", checkpoint, "--data-dir", tmp_path / "data", *arguments)
    assert not (tmp_path / "data").exists()


def test_a_measurement_and_chosen_thresholds_go_into_the_card(
    data_dir: Path, source: Path, tmp_path: Path
) -> None:
    vedette("add", source, "--data-dir", tmp_path)
    labels = data_dir / "detection" / "hituav" / "annotations.json"
    arguments: list[str | Path] = [
        "evaluate",
        labels,
        "--limit",
        "20",
        "--model",
        "field-n",
        "--data-dir",
        tmp_path,
    ]
    found = json.loads(
        vedette(
            *arguments,
            "--choose",
            "f1",
            "--gsd",
            "0.1",
            "--write-card",
            "--data-name",
            "twenty",
            "--json",
        ).stdout
    )
    card = read_card(tmp_path / "models" / "field-n@2.0")
    assert found["card"] == str(tmp_path / "models" / "field-n@2.0" / "card.toml")
    assert card.thresholds == {
        name: pytest.approx(row["score"], abs=1e-4)
        for name, row in found["chosen"]["thresholds"].items()
    }
    assert card.thresholds_chosen.startswith("confidence of the best F1, on twenty")
    row = card.accuracy[-1]
    scores = {score["subject"]: score for score in found["scores"]}
    assert (row.data, row.images) == ("twenty", 20)
    assert row.ap50["vehicle"] == pytest.approx(scores["vehicle"]["ap50"], abs=1e-4)
    assert row.recall["vehicle"] == pytest.approx(scores["vehicle"]["recall"], abs=1e-4)
    # 640 x 512 pixels of 0.1 m: 20 times 0.003277 square kilometres.
    alarms = scores["vehicle"]["false_alarms"] / (20 * 640 * 512 * 0.01 / 1e6)
    assert row.false_alarms_per_km2["vehicle"] == pytest.approx(alarms, rel=1e-3)
    assert sum(size.objects for size in row.sizes_m["vehicle"].values()) == row.objects["vehicle"]
    # Measured again, the card's own thresholds are the operating ones, and the row is replaced.
    again = json.loads(
        vedette(
            *arguments, "--limit", "2", "--write-card", "--data-name", "twenty", "--json"
        ).stdout
    )
    assert again["thresholds"] == pytest.approx(found["thresholds"], abs=1e-4)
    rows = read_card(tmp_path / "models" / "field-n@2.0").accuracy
    assert [one.data for one in rows].count("twenty") == 1
    assert len(rows) == len(read_card(SHIPPED).accuracy) + 1
    assert rows[-1].images == 2


def test_one_threshold_of_a_persons_choosing_excludes_chosen_ones(tmp_path: Path) -> None:
    assert "exclude" in refusal("evaluate", tmp_path, "--choose", "f1", "--min-score", "0.3")
    for wrong in ("f2", "recall=2", "recall=x"):
        vedette("evaluate", tmp_path, "--choose", wrong, status=2)


@pytest.mark.parametrize(
    "command",
    ["list", "show", "verify", "add", "evaluate", "export"],
)
def test_every_command_teaches_by_example(command: str) -> None:
    told = vedette(command, "--help").stdout
    assert "Example" in told
    assert f"vedette model {command}" in told
