"""A model's life in a running service, by the commands a person types."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import models
from models.catalogue.card_file import CARD_FILE, card_text, read_card
from models.catalogue.model_card import Modality

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service

ROOT = Path(__file__).parents[2]
SHIPPED = Path(models.__file__).parent / "shipped" / "vedette-n"


class Person:
    """Types commands against one data folder."""

    def __init__(self, data: Path, home: Path) -> None:
        self.data, self.home = data, home

    def says(self, *words: str | Path, status: int = 0) -> Any:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "service.cli",
                *map(str, words),
                "--data-dir",
                str(self.data),
                "--json",
            ],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout if status == 0 else done.stderr)

    def submits(self, image: Path) -> dict[str, Any]:
        """Submit an image; its evidence."""
        told = self.says(
            *("submit", image, "-m", "m", "--pledge", "p-1", "--sortie", "s", "--wait")
        )
        imagery = told["submissions"][0]["imagery"]["name"]
        product = self.says("product", "get", f"{imagery}/products/evidence", "-o", self.home)
        evidence: dict[str, Any] = json.loads(Path(product["path"]).read_text())
        return evidence


def version(folder: Path, number: str, **changes: Any) -> Path:
    """The shipped weights under another version, with a card that differs."""
    shutil.copytree(SHIPPED, folder)
    card = dataclasses.replace(
        read_card(SHIPPED), version=number, thresholds={"car": 0.6, "person": 0.6}, **changes
    )
    (folder / CARD_FILE).write_text(card_text(card), encoding="utf-8")
    return folder


@pytest.mark.timeout(180)
def test_a_model_is_tried_in_shadow_activated_and_rolled_back_without_a_restart(
    fresh_service: Service, data_dir: Path, tmp_path: Path
) -> None:
    person = Person(fresh_service.folder, tmp_path)
    frames = sorted((data_dir / "detection" / "aerial_cars" / "images").iterdir())
    thermal = min((data_dir / "detection" / "hituav" / "images").iterdir())
    person.says(
        "pledge", "add", "p-1", "-m", "m", "--contributor", "SWE", "--marking", "unclassified"
    )
    shipped = read_card(SHIPPED)
    before = person.submits(frames[0])
    assert before["detector"]["version"] == shipped.version
    assert before["detector"]["thresholds"] == shipped.thresholds

    person.says("model", "add", version(tmp_path / "v2", "102.0"))
    person.says("model", "activate", "vedette-n@102.0", "--shadow", "--reason", "trial")
    in_shadow = person.submits(frames[1])
    assert in_shadow["detector"]["version"] == shipped.version
    compared = person.says("model", "compare")
    assert (compared["shadow"], compared["frames"]) == ("models/vedette-n@102.0", 1)
    assert compared["against"] == [f"models/{shipped.label}"]
    cars = {row["category"]: row for row in compared["categories"]}["car"]
    # The same network at a higher threshold: it sees less, and nothing else.
    assert cars["both"] == cars["shadow"] < cars["active"]
    assert cars["only_active"] == cars["active"] - cars["both"]
    assert sum(row["active"] for row in compared["categories"]) == in_shadow["found"]["detections"]

    changed = person.says("model", "activate", "vedette-n@102.0", "--reason", "fewer false alarms")
    assert [row["kind"] for row in changed["changes"]] == ["activated", "activated", "ended"]
    after = person.submits(frames[2])
    assert after["detector"]["version"] == "102.0"
    assert after["detector"]["thresholds"] == {"car": 0.6, "person": 0.6}
    assert after["detector"]["sha256"] == before["detector"]["sha256"]
    listed = person.says("model", "active")
    assert {row["role"]: row["model"] for row in listed["models"]} == {
        "visible": "models/vedette-n@102.0",
        "thermal": "models/vedette-n@102.0",
    }
    assert listed["changes"][0]["changed_by"] == "administrator"

    # Thermal frames to another version than visible light.
    person.says("model", "rollback", "--for", "thermal", "--reason", "not measured at night")
    night = person.submits(thermal)
    assert night["detector"]["version"] == shipped.version
    codes = {finding["code"]: finding["message"] for finding in night["capture"]["findings"]}
    assert f"looked at by {shipped.label}" in codes["THERMAL_FRAME"]
    day = person.submits(frames[3])
    assert day["detector"]["version"] == "102.0"
    person.says("model", "rollback", "--reason", "misses cars")
    assert person.submits(frames[4])["detector"]["version"] == shipped.version

    refused = person.says("model", "activate", "nothing@1", "--reason", "x", status=1)
    assert refused["error"]["reason"] == "NOT_FOUND"
    person.says("model", "add", version(tmp_path / "v3", "103.0", modality=Modality.THERMAL))
    refused = person.says(
        "model", "activate", "vedette-n@103.0", "--for", "visible", "--reason", "x", status=1
    )
    assert "sees thermal only" in refused["error"]["message"]
    weights = fresh_service.folder / "models" / "vedette-n@103.0" / "vedette-n.bin"
    weights.write_bytes(b"other bytes")
    refused = person.says("model", "activate", "vedette-n@103.0", "--reason", "x", status=1)
    assert refused["error"]["reason"] == "MODEL_REFUSED"
