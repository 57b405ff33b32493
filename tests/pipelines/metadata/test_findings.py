from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = re.compile(
    r'(?:code=|_error\(\s*|_warning\(\s*|else _error\)\(\s*|if turned else )"([A-Z_]{4,})"'
)


def test_every_finding_is_told_and_no_other() -> None:
    named = set()
    for path in (ROOT / "pipelines/metadata").glob("*.py"):
        named |= set(CODE.findall(path.read_text("utf-8")))
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs/findings.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    told = set(re.findall(r"`([A-Z_]+)`", " ".join(rows)))
    # IMAGE_TURNED if turned, else this.
    assert told == named | {"IMAGE_CROPPED"}
