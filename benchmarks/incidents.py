"""Alerts per true threat over simulated days, ours and those of two simple rules.

python -m benchmarks.incidents [--seed 1 | --seeds 1..20] [--days 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.incident_areas import AREAS
from benchmarks.incident_days import Day, play
from benchmarks.incident_looks import Look
from benchmarks.incident_ours import ours
from benchmarks.incident_rivals import (
    CIRCLES,
    ZONES,
    Setting,
    point_in_circle,
    zones_with_cooldown,
)
from benchmarks.incident_scores import Score, Sightings, Told, score, sightings, total
from pipelines.threats.rules import DEFAULT_RULE

Way = Callable[[Day, Setting], Iterable[tuple[Look, Told]]]


def run(seed: int, days: int) -> dict[str, Any]:
    """One seed: our figures, by scenario, and those of the rivals."""
    own: dict[str, list[Score]] = {}
    circles: dict[Setting, list[Score]] = {setting: [] for setting in CIRCLES}
    zones: dict[Setting, list[Score]] = {setting: [] for setting in ZONES}
    spent = {"world": 0.0, "ours": 0.0, "rivals": 0.0}
    frames = 0
    for number in range(days):
        for which in range(len(AREAS)):
            began = time.perf_counter()
            day = play(seed, number, which)
            seen = sightings(day, DEFAULT_RULE.min_confidence)
            frames += len(day.looks)
            spent["world"] += time.perf_counter() - began
            began = time.perf_counter()
            own.setdefault(day.area.name, []).append(score(day, seen, list(ours(day))))
            spent["ours"] += time.perf_counter() - began
            began = time.perf_counter()
            _add(circles, point_in_circle, day, seen)
            _add(zones, zones_with_cooldown, day, seen)
            spent["rivals"] += time.perf_counter() - began
    whole = total(one for scores in own.values() for one in scores)
    figures = whole.figures()
    return figures | {
        "seed": seed,
        "frames": frames,
        "seconds": {name: round(value, 1) for name, value in spent.items()},
        "ours": figures,
        "point_in_circle": _matched(circles, whole.missed),
        "zones_with_cooldown": _matched(zones, whole.missed),
        "scenarios": {
            name: total(scores).figures()
            | {"again": dict(total(scores).again), "lost": dict(total(scores).lost)}
            for name, scores in own.items()
        },
    }


def _add(scores: dict[Setting, list[Score]], way: Way, day: Day, seen: Sightings) -> None:
    for setting, found in scores.items():
        found.append(score(day, seen, list(way(day, setting))))


def _matched(scores: dict[Setting, list[Score]], missed: int) -> dict[str, Any]:
    """The setting that alerts least among those that miss no more than we do."""
    sums = {setting: total(found) for setting, found in scores.items()}
    fewest = max(missed, min(one.missed for one in sums.values()))
    fit = {setting: one for setting, one in sums.items() if one.missed <= fewest}
    setting = min(fit, key=lambda it: fit[it].alerts + fit[it].false_alerts)
    return fit[setting].figures() | {
        "min_confidence": setting.min_confidence,
        "margin_m": setting.margin_m,
        "cooldown_s": setting.cooldown_s,
    }


HEADS = (
    ("alerts_per_threat", "alerts/threat"),
    ("missed_threats", "missed"),
    ("false_incidents_per_day", "false/day"),
    ("median_seconds_to_alert", "seconds"),
    ("threats_alerted", "threats"),
    ("threats_detected_three_times", "3 times"),
    ("alerts_per_hour_of_flight", "alerts/h"),
    ("messages_per_hour_of_flight", "messages/h"),
)


def table(figures: dict[str, Any]) -> list[str]:
    """One seed as lines of text."""
    rows = [("", *(head for _, head in HEADS))]
    parts = [("ours, in all", figures["ours"])]
    parts += [(f"  {name}", one) for name, one in figures["scenarios"].items()]
    parts += [
        ("point in circle", figures["point_in_circle"]),
        ("zones with cooldown", figures["zones_with_cooldown"]),
    ]
    for name, one in parts:
        rows.append((name, *(f"{one[key]}" for key, _ in HEADS)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    figures = run(asked.seed, asked.days)
    print("\n".join(table(figures)))
    print(f"{figures['frames']} frames, seconds {figures['seconds']}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
