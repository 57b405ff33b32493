"""Average precision at equal weights: Vedette, sahi's slices, and the whole frame at 1280 pixels.

Every contender looks at the same files with one OpenVINO export of the same weights, in a process
of its own. Answers become categories, and each peer is spared its doubles: two boxes of one
category that overlap by half are one, by the rule that Vedette uses. Groups are judged: the kinds
of vehicle are not comparable between the sets.

    python -m benchmarks.accuracy [--json FILE] [--limit N] [--model NAME] [--curves FILE.svg]
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy_contenders import class_map, load
from benchmarks.detection import machine
from benchmarks.detection_frames import data_folder
from models.detections import Detections
from models.detector import DEFAULT_CONFIDENCE
from models.evaluation import Evaluation, SubjectScore, evaluate
from models.labels import LabelledImage, read_labels, with_ground
from models.suppression import suppress
from models.taxonomy import group_index
from service.cli.model_report import draw_curves

MODULE = "benchmarks.accuracy_contenders"
MODELS = ("vedette-n", "yolo11n-visdrone")
CONTENDERS = {
    "ours": "Vedette",
    "sahi": "sahi, 640-pixel slices and whole frame",
    "whole": "whole frame at 1280",
}
SETS: dict[str, Sequence[str] | None] = {
    "visdrone": None,
    "hituav": None,
    # The set numbers four classes without naming them; all are vehicles.
    "aerial_cars": ("vehicle",) * 4,
}
THRESHOLD = DEFAULT_CONFIDENCE

_HITUAV_PITCH_M = 12e-6
_HITUAV_FOCAL_M = 9.1e-3
"""Of the thermal camera of DJI's Matrice 30T, with which HIT-UAV was flown (its data sheet)."""


def labelled_sets(data: Path, limit: int | None) -> dict[str, tuple[LabelledImage, ...]]:
    """The sets, or of each `limit` images spread evenly over it."""
    found = {}
    for name, classes in SETS.items():
        images = read_labels(data / "detection" / name, classes)
        step = max(1, len(images) // limit) if limit else 1
        images = images[::step][:limit]
        found[name] = tuple(_on_ground(image) for image in images) if name == "hituav" else images
    return found


def _on_ground(image: LabelledImage) -> LabelledImage:
    """A frame of HIT-UAV with its ground, over flat land: the name holds height and depression.

    The ground sampling is that across the middle of the frame; the ground in view is a trapezoid.
    """
    height_m, depression_deg = (float(part) for part in image.path.name.split("_")[1:3])
    per_pixel = _HITUAV_PITCH_M / _HITUAV_FOCAL_M
    middle = math.radians(depression_deg)
    half = math.atan(image.height_px / 2 * per_pixel)
    ranges, widths = [], []
    for angle in (middle + half, middle - half):
        ranges.append(height_m / math.tan(angle))
        depth = height_m / math.sin(angle) * math.cos(half)
        widths.append(depth * image.width_px * per_pixel)
    area_m2 = (ranges[1] - ranges[0]) * sum(widths) / 2
    return with_ground(image, height_m / math.sin(middle) * per_pixel, area_m2 / 1e6)


def measure(
    checkpoint: Path, sets: dict[str, tuple[LabelledImage, ...]]
) -> dict[str, dict[str, Evaluation]]:
    """Evaluations of one model's weights by set and contender."""
    images = [image for members in sets.values() for image in members]
    categories = class_map().categories
    found: dict[str, list[Detections]] = {}
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        listed = "".join(f"{image.path.resolve()}\n" for image in images)
        (folder / "images.txt").write_text(listed, encoding="utf-8")
        _run("export", folder, str(checkpoint.resolve()))
        for contender in CONTENDERS:
            began = time.perf_counter()
            _run(contender, folder)
            print(f"  {contender}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
            found[contender] = [
                part if contender == "ours" else _in_categories(part)
                for part in load(folder / f"{contender}.npz")
            ]
    results: dict[str, dict[str, Evaluation]] = {}
    first = 0
    for name, members in sets.items():
        among = slice(first, first + len(members))
        first += len(members)
        results[name] = {
            contender: evaluate(members, parts[among], categories, min_confidence=THRESHOLD)
            for contender, parts in found.items()
        }
    return results


def _run(name: str, folder: Path, *arguments: str) -> None:
    """One contender in its own process; what its libraries say is shown where it fails."""
    log = folder / f"{name}.log"
    with log.open("wb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", MODULE, name, str(folder), *arguments],
            check=False,
            stdout=stream,
            stderr=stream,
        )
    if done.returncode:
        sys.exit(f"{name} failed:\n{log.read_text(errors='replace')[-2000:]}")


def _in_categories(part: Detections) -> Detections:
    """A peer's answer in categories instead of classes, without its doubles."""
    classes = class_map()
    named = Detections(
        xyxy=part.xyxy, confidence=part.confidence, class_id=classes.index[part.class_id]
    )
    return suppress(named, group_index(classes.categories))


def groups(evaluation: Evaluation) -> list[SubjectScore]:
    """The scores that are comparable between sets."""
    return [score for score in evaluation.scores if score.subject in {"person", "vehicle"}]


def tell(model: str, results: dict[str, dict[str, Evaluation]]) -> None:
    """Print the table of one model as Markdown."""
    print(f"\n### {model}\n")
    heads = ("set", "group", "objects", "way", "AP50", "AP50:95", "under 16 px", "16 to 32 px")
    more = (f"recall at {THRESHOLD:g}", "precision", "false / image", "false / km²")
    print("| " + " | ".join((*heads, *more)) + " |")
    print("| --- | --- | --: | --- |" + " --: |" * 8)
    for name, by_contender in results.items():
        for contender, evaluation in by_contender.items():
            for score in groups(evaluation):
                small = [score.sizes_px["under 16 px"].ap50, score.sizes_px["16 to 32 px"].ap50]
                cells = (
                    name,
                    score.subject,
                    str(score.truths),
                    CONTENDERS[contender],
                    *(
                        "-" if value is None else f"{value:.3f}"
                        for value in (
                            score.ap50,
                            score.ap50_95,
                            *small,
                            score.recall,
                            score.precision,
                        )
                    ),
                    f"{score.false_alarms_per_image:.2f}",
                    "-"
                    if score.false_alarms_per_km2 is None
                    else f"{score.false_alarms_per_km2:.0f}",
                )
                print("| " + " | ".join(cells) + " |")


def document(results: dict[str, dict[str, Evaluation]]) -> dict[str, Any]:
    """The figures of one model by set, group and contender."""
    figures: dict[str, Any] = {}
    for name, by_contender in results.items():
        for contender, evaluation in by_contender.items():
            for score in groups(evaluation):
                place = figures.setdefault(name, {}).setdefault(score.subject, {})
                place[contender] = {
                    "objects": score.truths,
                    "ap50": round(score.ap50, 4),
                    "ap50_95": round(score.ap50_95, 4),
                    "recall": round(score.recall, 4),
                    "precision": None if score.precision is None else round(score.precision, 4),
                    "false_alarms_per_image": round(score.false_alarms_per_image, 3),
                    "false_alarms_per_km2": score.false_alarms_per_km2,
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


def curves(results: dict[str, dict[str, Evaluation]]) -> str:
    """One SVG: a panel for each set and group."""
    panels: dict[tuple[str, str], list[tuple[str, SubjectScore]]] = {}
    for name, by_contender in results.items():
        for contender, evaluation in by_contender.items():
            for score in groups(evaluation):
                label = CONTENDERS[contender].partition(",")[0]
                panels.setdefault((name, score.subject), []).append((label, score))
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


def main() -> None:
    """Measure, print the tables, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--limit", type=int, help="images of each set")
    parser.add_argument("--model", choices=MODELS, action="append", help="these weights only")
    parser.add_argument("--curves", type=Path, help="write the first model's curves as SVG")
    parser.add_argument("--data", type=Path, help="folder of real imagery")
    arguments = parser.parse_args()

    began = time.perf_counter()
    data = data_folder(arguments.data)
    sets = labelled_sets(data, arguments.limit)
    figures: dict[str, Any] = {}
    for model in arguments.model or MODELS:
        print(f"{model} ...", file=sys.stderr)
        results = measure(data / "weights" / f"{model}.pt", sets)
        tell(model, results)
        figures[model] = document(results)
        if arguments.curves and len(figures) == 1:
            arguments.curves.write_text(curves(results), encoding="utf-8")
    print(f"\nmeasured in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    if arguments.json:
        written = {
            "machine": machine(),
            "images": {name: len(images) for name, images in sets.items()},
            "threshold": THRESHOLD,
            "models": figures,
        }
        arguments.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
