"""`vedette rule` against the servicer itself, over a ledger of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.errors import InvalidInputError, VedetteError
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule_document import read_rule
from service.access import EVERY_MISSION, Credential, Role
from service.api.interceptor import _CALLER
from service.api.rule import RuleService
from service.cli.rule import rule
from service.ledger.records import Marking, PledgeRecord
from service.ledger.store import Ledger
from tests.service.stand_in import StandIn, stand_in

Run = Callable[..., Result]

CONVOYS = """
name = "convoys"
description = "Columns by night"
categories = ["vehicle"]
position_kinds = ["base"]
radius_m = 2000

[convoy]
min_count = 4

[hours]
start = "18:00"
end = "06:00"
zone = "+02:00"
"""


ANALYST = Credential(
    name="ana-1",
    role=Role.ANALYST,
    missions=frozenset({EVERY_MISSION}),
    clearance=Marking.UNCLASSIFIED,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    created_by="setup",
)


class Direct(StandIn):
    """A client that calls the servicer in this process."""

    def __init__(self, service: RuleService) -> None:
        self.rules = SimpleNamespace(
            **{
                name: self._called(getattr(service, name))
                for name in dir(service)
                if name[0].isupper()
            }
        )

    @staticmethod
    def _called(method: Any) -> Callable[..., Any]:
        async def served(request: Any) -> Any:
            _CALLER.set(ANALYST)
            return await method(request, None)

        return lambda request, timeout=0.0: asyncio.run(served(request))  # noqa: ARG005 - a stub has one

    def call(self, method: Any, request: object, *, retry: bool = True) -> Any:
        del retry
        return method(request, timeout=1.0)


@pytest.fixture
def run(
    sqlite_ledger: Ledger, pledge: PledgeRecord, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """Runs a command in a folder of its own."""
    sqlite_ledger.create_pledge(pledge)
    service = RuleService(sqlite_ledger)
    stand_in(monkeypatch, Direct(service))
    monkeypatch.setenv("VEDETTE_MISSION", "unmiss")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "convoys.toml").write_text(CONVOYS, "utf-8")

    def invoke(*line: str, text: str | None = None) -> Result:
        return CliRunner().invoke(rule, line, input=text)

    return invoke


def test_a_document_is_set_shown_and_set_again_unchanged(run: Run) -> None:
    told = run("set", "convoys.toml")
    assert told.exit_code == 0, told.output
    assert "missions/unmiss/rules/convoys revision 1 is in force" in told.output
    shown = run("show", "convoys").output
    assert shown.startswith("# missions/unmiss/rules/convoys, revision 1, set ")
    assert shown.splitlines()[0].endswith("Z by ana-1")
    assert read_rule(shown) == read_rule(CONVOYS)
    again = run("set", "-", text=shown)
    assert "revision 1 is in force unchanged: it says the same" in again.output
    assert run("history", "convoys").output.count("revision") == 1
    run("delete", "convoys")
    # What was taken away is not in force: the same document is a change.
    assert "revision 3 is in force\n" in run("set", "convoys.toml").output


def test_a_document_tells_all_its_faults_at_once(run: Run) -> None:
    Path("wrong.toml").write_text(
        'colour = "red"\nradus_m = 5\ncategories = ["cars"]\nmin_sightings = 0\n'
        '[dwell]\nmin_s = "long"\nmax_gap = 4\nmax = 5\n',
        "utf-8",
    )
    told = run("check", "wrong.toml")
    assert isinstance(told.exception, InvalidInputError)
    lines = [*told.stderr.splitlines(), f"vedette: {told.exception.field}: {told.exception}"]
    assert [line.split(": ")[1] for line in lines] == [
        *("colour", "radus_m", "dwell.min_s", "dwell.max_gap", "dwell.max", "name"),
        *("categories", "min_sightings"),
    ]
    assert "known are alert_probability, arrival" in lines[0]
    assert "dwell.max: no such key; did you mean max_gap_s?" in lines[4]
    assert "did you mean radius_m?" in lines[1]
    assert "did you mean max_gap_s?" in lines[3]
    programs = run("check", "wrong.toml", "--json").stderr.splitlines()
    assert [json.loads(line)["error"]["field"] for line in programs] == [
        *("colour", "radus_m", "dwell.min_s", "dwell.max_gap", "dwell.max", "name"),
        "categories",
    ]


def test_a_history_tells_what_each_revision_changed(run: Run) -> None:
    run("set", "convoys.toml")
    Path("convoys.toml").write_text(
        CONVOYS.replace("2000", "1500").replace("min_count = 4", "min_count = 5"), "utf-8"
    )
    run("set", "convoys.toml")
    run("delete", "convoys")
    lines = run("history", "convoys").output.splitlines()
    newest, middle, oldest = (at for at, line in enumerate(lines) if "revision" in line)
    assert "revision 3, deleted" in lines[newest]
    assert lines[newest + 1 : middle] == ["  - all of it"]
    assert lines[middle + 1 : oldest] == [
        "  -radius_m = 2000.0",
        "  +radius_m = 1500.0",
        "  -convoy.min_count = 4",
        "  +convoy.min_count = 5",
    ]
    assert "  +convoy.min_count = 4" in lines[oldest:]
    assert read_rule(run("show", "convoys", "--revision", "1").output) == read_rule(CONVOYS)


def test_a_list_says_what_rules_ask_and_which_are_in_force(run: Run) -> None:
    plain = run("list")
    assert [line.split()[0] for line in plain.stdout.splitlines()[1:]] == [
        it.rule_id for it in DEFAULT_RULES
    ]
    assert "built-in rules are in force until" in plain.stderr
    run("set", "convoys.toml")
    run("set", "near", "-c", "car", "--radius", "300")
    run("disable", "near")
    found = run("list")
    assert found.stderr == ""
    convoys, near = found.stdout.splitlines()[1:]
    assert " ".join(convoys.split()) == (
        "convoys 1 yes vehicle base 2000 m 4 vehicles in line; 18:00-06:00 +02:00"
    )
    assert " ".join(near.split()) == "near 2 no car all kinds 300 m nothing else"
    told = json.loads(run("list", "--json").output)
    assert [it["name"].rpartition("/")[2] for it in told["rules"]] == ["convoys", "near"]


def test_the_last_rule_out_of_force_leaves_the_built_in_ones(run: Run) -> None:
    run("set", "convoys.toml")
    told = run("disable", "convoys")
    assert "revision 2 is out of force" in told.stdout
    assert "the built-in ones are" in told.stderr
    assert "was out of force before" in run("disable", "convoys").stderr
    assert "revision 3 is in force" in run("enable", "convoys").stdout
    assert "the built-in ones are" in run("delete", "convoys").stderr
    run("set", "convoys.toml")
    told = json.loads(run("delete", "convoys", "--json").stdout)
    assert told == {"deleted": "missions/unmiss/rules/convoys"}
    gone = run("show", "convoys")
    assert isinstance(gone.exception, VedetteError)


def test_a_check_needs_no_service_and_gives_every_default(run: Run) -> None:
    told = run("check", "convoys.toml")
    assert told.exit_code == 0
    assert "max_spacing_m = 100.0" in told.output
    assert read_rule(told.output) == read_rule(CONVOYS)
    assert read_rule(run("check", "convoys.toml", "--json").output) == read_rule(CONVOYS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("check", "missing.toml"), "cannot read missing.toml: No such file"),
        (("set", "near"), "give --category and --radius"),
        (("check", "wrong.toml"), "did you mean radius_m"),
        (("check", "binary.toml"), "not UTF-8"),
        (("preview", "convoys.toml", "--since", "yesterday"), "is not a time"),
        (("defaults", "nothing"), "route-new"),
    ],
)
def test_what_is_wrong_is_told(run: Run, line: tuple[str, ...], message: str) -> None:
    Path("wrong.toml").write_text(CONVOYS.replace("radius_m", "radus_m"), "utf-8")
    Path("binary.toml").write_bytes(b"\xff\xfe\x00")
    told = run(*line)
    assert isinstance(told.exception, VedetteError)
    assert message in str(told.exception)


@pytest.mark.parametrize("line", [("-c", "car"), ("--radius", "30"), ("--alert", "0.5")])
def test_a_rule_by_name_needs_what_makes_one(run: Run, line: tuple[str, ...]) -> None:
    told = run("set", "near", *line)
    assert told.exit_code == 2
    assert "a rule by name needs --" in told.output


def test_the_built_in_rules_are_documents_to_begin_with(run: Run) -> None:
    told = run("defaults", "--output", "rules")
    assert len(told.output.splitlines()) == len(DEFAULT_RULES)
    found = {path.stem: read_rule(path.read_text("utf-8")) for path in Path("rules").iterdir()}
    assert found == {it.rule_id: it for it in DEFAULT_RULES}
    assert read_rule(run("defaults", "default").output) == DEFAULT_RULES[0]
    assert read_rule(run("defaults", "default", "--json").output) == DEFAULT_RULES[0]


def test_a_preview_without_imagery_says_that_it_says_nothing(run: Run) -> None:
    told = run("preview", "convoys.toml", "--since", "2w")
    assert told.exit_code == 0, told.output
    assert "convoys on 0 images with 0 detections, " in told.output
    assert "would have raised 0 incidents; none of this name is in force." in told.output
    assert "says nothing about" in told.output
    found = json.loads(run("preview", "convoys.toml", "--json").output)
    assert found["preview"]["incident_count"] == 0
    assert found["present"] is None
