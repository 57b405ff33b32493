"""The command writes the figures under the names that others read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.incidents import document, main

GOALS = {
    "alerts_per_threat",
    "missed_threats",
    "false_incidents_per_day",
    "median_seconds_to_alert",
}
NIGHT = 5


def test_one_seed_of_one_area_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "figures.json"
    main(["--seed", "1", "--area", str(NIGHT), "--json", str(target)])
    figures = json.loads(target.read_text())
    assert figures.keys() >= GOALS | {"ours", "point_in_circle", "zones_with_cooldown"}
    for way in ("ours", "point_in_circle", "zones_with_cooldown"):
        assert figures[way].keys() >= GOALS
    assert figures["ours"]["threats_detected"] == figures["point_in_circle"]["threats_detected"] > 0
    # Whoever alerts on every detection alerts more often than once for each threat.
    circle = figures["point_in_circle"]["alerts_per_threat"]
    assert circle > figures["alerts_per_threat"] >= 1.0
    assert "night, thermal" in capsys.readouterr().out


def test_the_tables_go_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "above\n<!-- tables of python -m benchmarks.incidents -->\nformer\n"
        "<!-- end of tables -->\nbelow\n"
    )
    figures = tmp_path / "figures.json"
    main(["--seeds", "1..2", "--area", str(NIGHT), "--json", str(figures), "--document", str(page)])
    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("<!-- end of tables -->\nbelow\n")
    assert "former" not in text
    assert "Seeds 1 to 2" in text
    assert "| night, thermal |" in text
    spread = json.loads(figures.read_text())["spread"]["ours"]["alerts_per_threat"]
    assert spread["min"] <= spread["median"] <= spread["max"]


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n")
    with pytest.raises(ValueError, match="no place for the tables"):
        document([], page)
    assert page.read_text() == "nothing here\n"
