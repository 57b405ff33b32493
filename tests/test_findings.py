from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def texts(node: ast.expr) -> set[str]:
    """Every text that an expression may be."""
    return {
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def code_of(call: ast.Call) -> ast.expr:
    (code,) = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    return code


def calls(node: ast.AST, called: set[str]) -> Iterator[ast.Call]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and names(part.func) & called:
            yield part


def codes_in(path: Path) -> set[str]:
    """Codes of findings that a module makes, by itself or through functions that take the code."""
    tree = ast.parse(path.read_text("utf-8"))
    makers = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and any(isinstance(code_of(call), ast.Name) for call in calls(function, {"Finding"}))
    }
    found: set[str] = set()
    for call in calls(tree, {"Finding"}):
        found |= texts(code_of(call))
    for call in calls(tree, makers):
        codes = texts(call.args[0])
        assert codes, f"{path.name}:{call.lineno}: which code this finding has cannot be read"
        found |= codes
    return found


def test_every_finding_is_told_and_no_other() -> None:
    known: set[str] = set()
    folders = ("pipelines", "service/cli", "service/api/convert")
    for path in [path for folder in folders for path in (ROOT / folder).rglob("*.py")]:
        known |= codes_in(path)
    # One made in an expression, one through a function, one beside the metadata.
    assert known >= {"IMAGE_CROPPED", "ON_THE_GROUND", "EMPTY_TILES"}
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs/findings.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    told = re.findall(r"`([A-Z_]+)`", " ".join(rows))
    assert len(told) == len(set(told))
    assert set(told) == known
