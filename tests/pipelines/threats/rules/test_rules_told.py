"""docs/rules.md says what rules are."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from pipelines.threats.incidents.preview import MAX_EXAMPLES
from pipelines.threats.positions.position import PositionKind
from pipelines.threats.rules import answers, conditions
from pipelines.threats.rules.conditions import Withheld
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule import (
    DEFAULT_MIN_CONFIDENCE,
    DEFAULT_RULE,
    PERIMETER_M,
    REQUIREMENTS,
)
from pipelines.threats.rules.rule_document import read_rule, rule_document
from pipelines.threats.rules.severity import SOON_S

TOLD = (Path(__file__).parents[4] / "docs" / "rules.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TOLD.splitlines()
    if line.startswith("| `")
]


def test_the_example_is_a_rule() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TOLD, re.DOTALL)
    assert read_rule(example).rule_id == "columns-by-night"


def test_every_key_is_told_and_no_other() -> None:
    plain = {key for key in rule_document(DEFAULT_RULE) if key not in REQUIREMENTS}
    table = TOLD.split("## Fields")[1].split("Conditions are tables")[0]
    told = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", table, re.MULTILINE)
    assert {key for cell in told for key in re.findall(r"`([a-z_]+)`", cell)} == plain


def test_the_defaults_are_those_of_the_code() -> None:
    defaults = {row[0]: row[1] for row in ROWS}
    assert float(defaults["`min_confidence`"]) == DEFAULT_MIN_CONFIDENCE
    assert float(defaults["`perimeter_m`"]) == PERIMETER_M
    assert f"within {SOON_S / 60:.0f} minutes" in TOLD
    assert MAX_EXAMPLES > 0


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_condition_is_told_with_its_keys_and_defaults(name: str) -> None:
    (row,) = [row for row in ROWS if row[0] == f"`[{name}]`" and "`" in row[1]]
    told = re.findall(r"`([a-z_]+)`(?: \(([^)]*)\))?", row[1])
    known = {field.name: field.default for field in fields(REQUIREMENTS[name])}
    known.pop("when_unknown", None)
    assert {key for key, _ in told} == set(known)
    for key, text in told:
        default = known[key]
        number = re.match(r"\d+(?:\.\d+)?", text)
        if isinstance(default, bool):
            assert text == str(default).lower()
        elif isinstance(default, int | float):
            assert number is not None
            assert float(number[0]) == default
        elif default is MISSING:
            assert number is None


def test_every_reason_for_withholding_is_told() -> None:
    codes = set()
    for module in (answers, conditions):
        source = Path(str(module.__file__)).read_text("utf-8")
        codes |= set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', source))
    assert len(codes) == 16
    section = TOLD.split("## What is not known")[1].split("## Severity")[0]
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", section)) == codes
    assert all(code in str(Withheld.__doc__) for code in codes)


def test_every_built_in_rule_and_every_kind_is_told() -> None:
    section = TOLD.split("## Built-in rules")[1]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == {
        rule.rule_id for rule in DEFAULT_RULES
    }
    (kinds,) = [row[2] for row in ROWS if row[0] == "`position_kinds`"]
    assert set(re.findall(r"`([a-z_]+)`", kinds)) == {kind.value for kind in PositionKind}
