"""What the benchmark of accuracy tells: tables, figures and curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.detector import DEFAULT_CONFIDENCE
from models.evaluation.evaluation import Evaluation, SubjectScore
from models.taxonomy import GROUPS
from service.cli.model_report import draw_curves

BEGIN, END = "<!-- tables of python -m benchmarks.accuracy -->", "<!-- end of tables -->"
CONTENDERS = {
    "ours": "Vedette",
    "ours_int8": "Vedette, eight bits",
    "ours_once": "Vedette, one look",
    "sahi": "sahi",
    "whole": "whole frame at 1280",
}
OURS = ("ours", "ours_int8", "ours_once")
THRESHOLDS = {name: DEFAULT_CONFIDENCE if name in OURS else 0.25 for name in CONTENDERS}
"""Operating thresholds: what Vedette takes where a card says nothing, and ultralytics' own."""

SMALL_PX = 32.0
PRECISION = 0.8
"""At which the recall of all is compared: their confidences are no common scale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What one contender did on one set.

    Attributes:
        all: on every image.
        held_out: on the second half of the images by file name.
        small_ap50: average precision of objects under SMALL_PX on every image, by group.
        seconds: spent on an image of any set, reading it included.
    """

    all: Evaluation
    held_out: Evaluation
    small_ap50: dict[str, float | None]
    seconds: float


def groups(measured: Measured) -> list[tuple[SubjectScore, SubjectScore, float | None]]:
    """What is comparable between sets: scores on all images and on those held out, small AP50."""
    return [
        (score, measured.held_out.score(score.subject), measured.small_ap50[score.subject])
        for score in measured.all.scores
        if score.subject in GROUPS
    ]


def recall_at(score: SubjectScore, precision: float) -> float:
    """The largest recall at which the precision is reached; 0 where it never is."""
    reached = np.flatnonzero(score.curve.precision >= precision)
    return float(score.curve.recall[reached.max()]) if len(reached) else 0.0


def table(model: str, results: dict[str, dict[str, Measured]]) -> str:
    """The figures of one model as Markdown; the best of a column among the contenders is bold."""
    heads = ("set", "group", "objects", "way", "AP50", "second half", "AP50:95", "under 32 px")
    more = (
        "under 16 px",
        "16 to 32 px",
        f"recall at precision {PRECISION:g}",
        "recall",
        "precision",
    )
    last = ("false / image", "false / km²")
    lines = [
        f"### {model}\n",
        "| " + " | ".join((*heads, *more, *last)) + " |",
        "| --- | --- | --: | --- |" + " --: |" * 11,
    ]
    for name, by_contender in results.items():
        for subject in (score.subject for score, *_ in groups(by_contender["ours"])):
            rows = [
                (contender, *_cells(*told))
                for contender, measured in by_contender.items()
                for told in groups(measured)
                if told[0].subject == subject
            ]
            best = np.nanmax([[_number(cell) for cell in row[2:9]] for row in rows], axis=0)
            for contender, objects, *cells in rows:
                bold = [
                    f"**{cell}**" if place < len(best) and _number(cell) == best[place] else cell
                    for place, cell in enumerate(cells)
                ]
                way = CONTENDERS[contender]
                lines.append("| " + " | ".join((name, subject, objects, way, *bold)) + " |")
    spent = ", ".join(
        f"{CONTENDERS[contender]} {measured.seconds:.2f}"
        for contender, measured in next(iter(results.values())).items()
    )
    return "\n".join(lines) + f"\n\nSeconds an image, start included: {spent}.\n"


def _cells(score: SubjectScore, held_out: SubjectScore, small: float | None) -> tuple[str, ...]:
    figures = (
        score.ap50,
        held_out.ap50,
        score.ap50_95,
        small,
        score.sizes_px["under 16 px"].ap50,
        score.sizes_px["16 to 32 px"].ap50,
        recall_at(score, PRECISION),
        score.recall,
        score.precision,
    )
    by_area = score.false_alarms_per_km2
    return (
        str(score.truths),
        *("-" if value is None else f"{value:.3f}" for value in figures),
        f"{score.false_alarms_per_image:.2f}",
        "-" if by_area is None else f"{by_area:.0f}",
    )


def _number(cell: str) -> float:
    return math.nan if cell == "-" else float(cell)


def document(results: dict[str, dict[str, Measured]]) -> dict[str, Any]:
    """The figures of one model by set, group and contender."""
    figures: dict[str, Any] = {}
    for name, by_contender in results.items():
        for contender, measured in by_contender.items():
            for score, held_out, small in groups(measured):
                place = figures.setdefault(name, {}).setdefault(score.subject, {})
                place[contender] = {
                    "objects": score.truths,
                    "ap50": round(score.ap50, 4),
                    "ap50_held_out": round(held_out.ap50, 4),
                    "ap50_under_32_px": small,
                    "ap50_95": round(score.ap50_95, 4),
                    "recall_at_precision_0.8": round(recall_at(score, PRECISION), 2),
                    "threshold": THRESHOLDS[contender],
                    "recall": round(score.recall, 4),
                    "precision": None if score.precision is None else round(score.precision, 4),
                    "false_alarms_per_image": round(score.false_alarms_per_image, 3),
                    "false_alarms_per_km2": score.false_alarms_per_km2,
                    "seconds_per_image": round(measured.seconds, 3),
                    "sizes_px": {
                        size: {"objects": part.truths, "ap50": part.ap50, "recall": part.recall}
                        for size, part in score.sizes_px.items()
                    },
                    "sizes_m": {
                        size: {"objects": part.truths, "ap50": part.ap50, "recall": part.recall}
                        for size, part in score.sizes_m.items()
                    },
                }
    return figures


def behind(results: dict[str, dict[str, Measured]]) -> list[str]:
    """Where Vedette's average precision is below that of a peer, in words."""
    told: list[str] = []
    for name, by_contender in results.items():
        for way in ("ours", "ours_int8"):
            if way not in by_contender:
                continue
            ours = {score.subject: (score, small) for score, _, small in groups(by_contender[way])}
            for contender in (peer for peer in by_contender if peer not in OURS):
                for score, _, small in groups(by_contender[contender]):
                    told.extend(
                        f"{name}, {score.subject}, {size}: {CONTENDERS[way]} {a:.3f}, "
                        f"{CONTENDERS[contender]} {b:.3f}"
                        for size, a, b in _pairs(*ours[score.subject], score, small)
                        if a < b
                    )
    return told


def _pairs(
    mine: SubjectScore, my_small: float | None, score: SubjectScore, small: float | None
) -> Iterator[tuple[str, float, float]]:
    """Average precision of two contenders by size, where both have one."""
    pairs = {"all": (mine.ap50, score.ap50), "under 32 px": (my_small, small)}
    for size in ("under 16 px", "16 to 32 px"):
        pairs[size] = (mine.sizes_px[size].ap50, score.sizes_px[size].ap50)
    for size, (a, b) in pairs.items():
        if a is not None and b is not None:
            yield size, a, b


def written(text: str, tables: Sequence[str]) -> str:
    """A document with the tables between its two marks.

    Raises:
        ValueError: it has no marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} and {END} in the document")
    return before + begin + "\n\n" + "\n".join(tables) + "\n" + end + after


def curves(results: dict[str, dict[str, Measured]]) -> str:
    """One SVG: a panel for each set and group."""
    panels: dict[tuple[str, str], list[tuple[str, SubjectScore]]] = {}
    for name, by_contender in results.items():
        for contender, measured in by_contender.items():
            for score, *_ in groups(measured):
                panel = panels.setdefault((name, score.subject), [])
                panel.append((CONTENDERS[contender], score))
    parts = []
    for place, ((name, subject), scores) in enumerate(panels.items()):
        x, y = 660 * (place % 2), 460 * (place // 2)
        parts.append(
            f'<text x="{x + 46}" y="{y + 22}" font-weight="bold">{name}, {subject}</text>'
            + draw_curves(scores).replace("<svg ", f'<svg x="{x}" y="{y + 30}" ', 1)
        )
    high = 460 * ((len(panels) + 1) // 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1320 {high}" '
        'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )
