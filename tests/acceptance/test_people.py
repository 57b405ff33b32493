"""People of several roles at one service, with the command that they would use."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyproj import Geod

from models.training.dismissals import negative_pieces, read_dismissals
from service.client import Client

WGS84 = Geod(ellps="WGS84")
# Where the car of the photograph stands, as far as flat ground tells.
CAR = (32.51867, -110.92350)


class Command:
    """`vedette` as one person gives it."""

    def __init__(self, folder: Path, token_file: Path | None = None) -> None:
        self._environment = os.environ | {
            "VEDETTE_DATA_DIR": str(folder),
            "VEDETTE_MISSION": "road",
            **({} if token_file is None else {"VEDETTE_TOKEN_FILE": str(token_file)}),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service.cli", *words],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )

    def __call__(self, *words: str) -> Any:
        """The document that a command prints; it has to be done."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *words: str) -> str:
        """The reason why a command is refused."""
        done = self.run(*words, "--json")
        assert done.returncode == 1, done.stdout
        return str(json.loads(done.stderr)["error"]["reason"])


def people_of(administrator: Command, folder: Path, tokens: Path) -> list[Command]:
    """A contributor, two operators and a liaison of mission "road"."""
    people = []
    for name, role, clearance, *rest in (
        ("swe-cell", "contributor", "confidential", "--contributor", "SWE"),
        ("lt-berg", "operator", "confidential"),
        ("maj-lund", "operator", "confidential"),
        ("host-lo", "liaison", "unclassified", "--recipient", "host state"),
    ):
        file = tokens / f"{name}.token"
        made = administrator(
            *("credential", "create", name, "--role", role, "--clearance", clearance),
            *("--mission", "road", "--save-token", str(file), *rest),
        )
        assert made["token"] is None
        assert file.stat().st_mode & 0o777 == 0o600
        people.append(Command(folder, file))
    return people


def test_a_day_of_a_contributor_two_operators_and_a_liaison(
    fresh_service: Any,
    add_pledge: Callable[[Client, str], str],
    data_dir: Path,
    tmp_path: Path,
) -> None:
    with fresh_service.client() as client:
        add_pledge(client, "road")
    administrator = Command(fresh_service.folder)
    contributor, berg, lund, host = people_of(administrator, fresh_service.folder, tmp_path)
    assert host("credential", "whoami")["recipient"] == "host state"

    longitude, latitude, _ = WGS84.fwd(CAR[1], CAR[0], 200.0, 300.0)
    place = ("--lat", str(latitude), "--lon", str(longitude))
    assert contributor.refused("position", "add", "post-1", *place) == "PERMISSION_DENIED"
    berg("position", "add", "post-1", *place)
    photograph = data_dir / "photos" / "skydio" / "skydio-catilina.jpg"
    sent = contributor("submit", str(photograph), "--pledge", "swe-1", "--sortie", "s-1", "--wait")
    assert sent["submissions"][0]["imagery"]["state"] == "processed"
    assert contributor.refused("incident", "list") == "PERMISSION_DENIED"
    assert host("incident", "list") == {"incidents": []}

    found = max(berg("incident", "list")["incidents"], key=lambda it: it["confidence"])
    name = found["name"].rpartition("/")[2]
    assert berg.refused("incident", "decide", name, "dismissed") == "INVALID_INPUT"
    berg("incident", "decide", name, "dismissed", "--code", "vegetation")
    folder = tmp_path / "negatives"
    assert berg("export", "hard-negatives", str(folder))["saved"] == 1
    (dismissal,) = read_dismissals(folder)
    assert (dismissal.category, dismissal.reason_code) == (found["category"], "vegetation")
    assert dismissal.imagery == found["imagery"]
    (piece,) = negative_pieces((dismissal,), lambda path: np.asarray(Image.open(path)))
    assert piece.pixels.size

    # The second look takes it back, and two persons let it out.
    lund("incident", "decide", name, "confirmed", "--overturn")
    assert berg("export", "hard-negatives", str(folder))["saved"] == 0
    berg("incident", "release", name, "host state", "--reason", "their patrol is near")
    assert berg.refused("incident", "release", name, "host state") == "SECOND_PERSON_NEEDED"
    lund("incident", "release", name, "host state")
    assert [item["name"] for item in host("incident", "list")["incidents"]] == [found["name"]]
    assert host("product", "get", f"incidents/{name}/products/geojson", "-o", str(tmp_path / "g"))

    administrator("credential", "revoke", "host-lo")
    assert host.refused("incident", "list") == "UNAUTHENTICATED"
    for secret in tmp_path.glob("*.token"):
        assert secret.read_text().strip() not in fresh_service.log

    _audit_of_the_day(administrator, berg, tmp_path)


def _audit_of_the_day(administrator: Command, berg: Command, folder: Path) -> None:
    verified = administrator("audit", "verify")["chains"]
    assert {chain["chain"] for chain in verified} == {"installation", "missions/road"}
    assert berg.refused("audit", "verify") == "PERMISSION_DENIED"
    export = folder / "road.jsonl"
    head = administrator("audit", "export", str(export))
    done = {
        (entry["actor"], entry["action"].partition(".")[2], entry["outcome"])
        for entry in map(json.loads, export.read_text().splitlines())
    }
    assert {
        ("swe-cell", "CreatePosition", "refused"),
        ("lt-berg", "CreatePosition", "done"),
        ("swe-cell", "SubmitImagery", "done"),
        ("lt-berg", "DecideIncident", "done"),
        ("lt-berg", "ReleaseIncident", "refused"),
        ("maj-lund", "ReleaseIncident", "done"),
        ("host-lo", "DownloadProduct", "done"),
    } <= done
    # Where there is no service the export still proves what was there.
    end = f"{head['sequence']}:{head['hash']}"
    kept = Command(folder / "nowhere")("audit", "verify", str(export), "--head", end)
    assert kept["chains"][0]["sequence"] == head["sequence"]


def forge(folder: Path, *statements: str) -> None:
    """What somebody does who has the disk in hand, past the guards of the database."""
    with sqlite3.connect(folder / "ledger.sqlite3") as ledger:
        for statement in statements:
            ledger.execute(statement)
    ledger.close()


def test_a_ledger_that_was_forged_or_cut_is_found_out(fresh_service: Any) -> None:
    administrator = Command(fresh_service.folder)
    for number in range(3):
        administrator(
            *("credential", "create", f"op-{number}", "--role", "operator"),
            *("--clearance", "unclassified", "--all-missions"),
        )
    assert administrator("audit", "verify")["chains"][0]["sequence"] == 3
    fresh_service.stop()
    change = "UPDATE audit_entries SET actor = 'administratos' WHERE sequence = 2"
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        forge(fresh_service.folder, change)
    forge(fresh_service.folder, "DROP TRIGGER audit_entries_no_update", change)
    fresh_service.start()
    told = administrator.run("audit", "verify")
    assert told.returncode == 1
    assert "entry 2 of installation was changed" in told.stderr
    fresh_service.stop()
    # As where an older copy of the ledger is put back.
    forge(
        fresh_service.folder,
        "DROP TRIGGER audit_entries_no_delete",
        "DELETE FROM audit_entries WHERE sequence > 1",
        "UPDATE audit_heads SET sequence = 1, "
        "hash = (SELECT hash FROM audit_entries WHERE chain = 'installation')",
    )
    fresh_service.start()
    told = administrator.run("audit", "verify")
    assert told.returncode == 1
    assert "entry 2 of installation is missing: the chain was cut, entry" in told.stderr
    # New entries in the place of the old ones do not cover it up.
    for _ in range(3):
        administrator("credential", "revoke", "op-0")
    told = administrator.run("audit", "verify")
    assert told.returncode == 1
    assert "of installation" in told.stderr
    assert "was cut, or replaced" in fresh_service.log
