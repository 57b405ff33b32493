"""Alerts per true threat over simulated days: ours, and those of two simple rules.

    python -m benchmarks.incidents [--seed 1 | --seeds 1..20] [--days 1] [--json FILE]

Nine areas are played each day: bases, posts, a checkpoint, a patrol, a market, with everybody who
passes, parks, stands, loiters and approaches, and with drones that fly over them. The frames go
through the program's own tracks, rules and incidents; what operators are told is held against what
was there. Each of the two rules gets the setting that alerts least among those that miss no more
threats than the program; where none misses so few, the one that misses fewest. docs/incidents.md
tells what is played, from which measurements, and what came of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.incident_areas import AREAS
from benchmarks.incident_days import play
from benchmarks.incident_looks import Look
from benchmarks.incident_ours import ours
from benchmarks.incident_picture import draw
from benchmarks.incident_rivals import (
    CIRCLES,
    ZONES,
    Near,
    Setting,
    measured,
    point_in_circle,
    zones_with_cooldown,
)
from benchmarks.incident_scores import Score, Told, score, sightings, total
from pipelines.threats.rules.rule import DEFAULT_RULE

Way = Callable[[Sequence[Near], Setting], Iterable[tuple[Look, Told]]]

GOALS = (
    "alerts_per_threat",
    "missed_threats",
    "false_incidents_per_day",
    "median_seconds_to_alert",
)
RIVALS: dict[str, tuple[Way, tuple[Setting, ...]]] = {
    "point_in_circle": (point_in_circle, CIRCLES),
    "zones_with_cooldown": (zones_with_cooldown, ZONES),
}
HEADS = {
    "alerts_per_threat": "alerts/threat",
    "missed_threats": "missed",
    "false_incidents_per_day": "false/day",
    "clutter_detected_three_times_per_day": "clutter/day",
    "median_seconds_to_alert": "seconds",
    "threats_alerted": "told of",
    "threats_detected_three_times": "seen 3 times",
    "alerts_per_hour_of_flight": "alerts/h",
    "messages_per_hour_of_flight": "messages/h",
}


def run(seed: int, days: int, areas: Sequence[int]) -> dict[str, Any]:
    """All figures of one seed: ours, by area, and those of the rules that are compared."""
    own: dict[str, Score] = {}
    theirs = {
        name: {setting: Score() for setting in settings} for name, (_, settings) in RIVALS.items()
    }
    frames, spent = 0, 0.0
    for number in range(days):
        for which in areas:
            day = play(seed, number, which)
            seen = sightings(day, DEFAULT_RULE.min_confidence)
            frames += len(day.looks)
            began = time.process_time()
            told = list(ours(day))
            spent += time.process_time() - began
            own[day.area.name] = own.get(day.area.name, Score()) + score(day, seen, told)
            near = measured(day)
            for name, (way, settings) in RIVALS.items():
                for setting in settings:
                    found = list(way(near, setting))
                    theirs[name][setting] += score(day, seen, found)
            print(f"seed {seed}, day {number + 1}, {day.area.name}", file=sys.stderr)
    whole = total(own.values())
    return {
        **whole.figures(),
        "seed": seed,
        "frames": frames,
        "milliseconds_a_frame": round(1000.0 * spent / max(frames, 1), 2),
        "ours": whole.figures(),
        **{name: _matched(sums, whole.missed) for name, sums in theirs.items()},
        "areas": {name: one.figures() for name, one in own.items()},
    }


def _matched(sums: dict[Setting, Score], missed: int) -> dict[str, Any]:
    """The setting that alerts least among those that miss no more than we do."""
    fewest = max(missed, min(one.missed for one in sums.values()))
    fit = {setting: one for setting, one in sums.items() if one.missed <= fewest}
    setting = min(fit, key=lambda it: fit[it].alerts + fit[it].false_alerts)
    return {
        **fit[setting].figures(),
        "min_confidence": setting.min_confidence,
        "margin_m": setting.margin_m,
        "cooldown_s": setting.cooldown_s,
    }


def spread(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Least, median and most of what is told of each way over several seeds."""
    return {
        way: {key: _spread([run[way][key] for run in runs]) for key in HEADS}
        for way in ("ours", *RIVALS)
    }


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"min": min(known), "median": statistics.median(known), "max": max(known)}


def together(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is written of several seeds: medians where one seed has its figures, and the spread."""
    wide = spread(runs)
    middle = {
        way: {key: None if one is None else one["median"] for key, one in figures.items()}
        for way, figures in wide.items()
    }
    return {
        **{key: middle["ours"][key] for key in GOALS},
        **middle,
        "spread": wide,
        "seeds": list(runs),
    }


def table(figures: dict[str, Any]) -> list[str]:
    """One seed as lines of text."""
    parts = [("ours", figures["ours"])]
    parts += [(f"  {name}", one) for name, one in figures["areas"].items()]
    parts += [(name.replace("_", " "), figures[name]) for name in RIVALS]
    return _columns([(name, [str(one[key]) for key in HEADS]) for name, one in parts])


def spread_table(figures: dict[str, Any]) -> list[str]:
    """Several seeds as lines of text."""
    return _columns(
        [
            (
                way.replace("_", " "),
                [
                    "-" if one is None else f"{one['min']:g} {one['median']:g} {one['max']:g}"
                    for one in keys.values()
                ],
            )
            for way, keys in figures["spread"].items()
        ]
    )


def _columns(rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    whole = [("", *HEADS.values()), *((name, *cells) for name, cells in rows)]
    widths = [max(len(row[column]) for row in whole) for column in range(len(whole[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in whole
    ]


_BEGIN, _END = "<!-- tables of python -m benchmarks.incidents -->\n", "<!-- end of tables -->"


def document(runs: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the tables into a page, between its marks.

    Raises:
        ValueError: the page has no marks.
    """
    text = path.read_text()
    if _BEGIN not in text or _END not in text:
        raise ValueError(f"{path} has no place for the tables: {_BEGIN.strip()} and {_END}")
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    path.write_text(before + _BEGIN + "\n" + _markdown(runs) + "\n" + _END + after)


def _markdown(runs: Sequence[dict[str, Any]]) -> str:
    heads = " | ".join(HEADS.values())
    rule = " | ".join("--:" for _ in HEADS)
    first, last = runs[0]["seed"], runs[-1]["seed"]
    seeds = f"Seeds {first} to {last}" if len(runs) > 1 else f"Seed {first}"
    frames = sum(run["frames"] for run in runs)
    lines = [
        f"{seeds}, {frames:,} frames: medians over the seeds, with the least and the most.",
        "",
        f"| way | {heads} |",
        f"| --- | {rule} |",
    ]
    for way, figures in spread(runs).items():
        cells = [_cell(one, whole=len(runs) > 1) for one in figures.values()]
        lines.append(f"| {way.replace('_', ' ')} | {' | '.join(cells)} |")
    lines += ["", "Ours by area, medians over the seeds:", "", f"| area | {heads} |"]
    lines.append(f"| --- | {rule} |")
    for name in runs[0]["areas"]:
        parts = [_spread([run["areas"][name][key] for run in runs]) for key in HEADS]
        cells = [_cell(one, whole=False) for one in parts]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(figure: dict[str, float] | None, *, whole: bool) -> str:
    """The median of one figure, with the least and the most where asked."""
    if figure is None:
        return "-"
    middle = f"{figure['median']:,.10g}"
    return f"{middle} ({figure['min']:,.10g} to {figure['max']:,.10g})" if whole else middle


def _seeds(text: str) -> list[int]:
    """The seeds of "3" or "1..20"."""
    first, _, last = text.partition("..")
    return list(range(int(first), int(last or first) + 1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print, and write the figures where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--seed", type=int, default=1, help="of everything that is drawn by chance")
    chosen.add_argument("--seeds", type=_seeds, metavar="A..B", help="several, with their spread")
    parser.add_argument("--days", type=int, default=1, help="days of each area")
    parser.add_argument(
        "--area", type=int, choices=range(len(AREAS)), action="append", help="only this one"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="draw the first area that was played (PNG)"
    )
    parser.add_argument(
        "--document", type=Path, metavar="FILE", help="write the tables into this page"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    asked = parser.parse_args(arguments)
    areas = asked.area or range(len(AREAS))
    runs = [run(seed, asked.days, areas) for seed in asked.seeds or [asked.seed]]
    for figures in runs:
        print(f"\nseed {figures['seed']}, {figures['frames']} frames")
        print("\n".join(table(figures)))
    if asked.picture:
        day = play(runs[0]["seed"], 0, areas[0])
        draw(day, list(ours(day)), asked.picture)
    written = runs[0] if len(runs) == 1 else together(runs)
    if len(runs) > 1:
        print(f"\n{len(runs)} seeds: least, median, most")
        print("\n".join(spread_table(written)))
    if asked.document:
        document(runs, asked.document)
    if asked.json:
        asked.json.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()
