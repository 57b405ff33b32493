"""Average precision at equal weights: Vedette, sahi's slices, and the whole frame at 1280 pixels.

Every contender looks at the same files with one OpenVINO export of the same weights, in a process
of its own. Answers become categories, and each peer is spared its doubles: two boxes of one
category that overlap by half are one, by the rule that Vedette uses. Groups are judged: the kinds
of vehicle are not comparable between the sets. The second half of each set by file name is told
apart: how views are weighed was chosen on the first.

    python -m benchmarks.accuracy [--json FILE] [--limit N] [--model NAME|FILE.pt]
                                  [--data FOLDER] [--docs FOLDER]
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

from benchmarks.accuracy_contenders import INT8_GRAPH, class_map, load
from benchmarks.accuracy_tables import (
    CONTENDERS,
    OURS,
    SMALL_PX,
    THRESHOLDS,
    Measured,
    behind,
    curves,
    document,
    table,
    written,
)
from benchmarks.detection import machine
from benchmarks.detection_frames import data_folder
from models.catalogue.catalogue import Catalogue
from models.detections import Detections
from models.evaluation.average_precision import average_precision
from models.evaluation.evaluation import evaluate, frames_of
from models.evaluation.labels import LabelledImage, read_labels, with_ground
from models.taxonomy import GROUPS, group_index
from models.tiles.suppression import suppress

MODULE = "benchmarks.accuracy_contenders"
MODELS = ("vedette-n", "yolo11n-visdrone")
SETS: dict[str, Sequence[str] | None] = {
    "visdrone": None,
    "hituav": None,
    # The set numbers four classes without naming them; all are vehicles.
    "aerial_cars": ("vehicle",) * 4,
}
_HITUAV_PITCH_M = 12e-6
_HITUAV_FOCAL_M = 9.1e-3
"""Of the thermal camera of DJI's Matrice 30T, with which HIT-UAV was flown (its data sheet)."""


def weights_of(stated: str, data: Path) -> tuple[str, Path]:
    """Name and file of weights: of a delivered model, of the data folder, or a file of its own."""
    for entry in Catalogue.shipped().entries:
        if entry.card.name == stated:
            file, _ = entry.read(".safetensors")
            return f"{entry.card.name} {entry.card.version}", entry.folder / file
    named = data / "weights" / f"{stated}.pt"
    return (stated, named) if named.is_file() else (Path(stated).stem, Path(stated))


def labelled_sets(data: Path, limit: int | None) -> dict[str, tuple[LabelledImage, ...]]:
    """The sets, or of each `limit` images spread evenly over it."""
    found = {}
    for name, classes in SETS.items():
        images = read_labels(data / "detection" / name, classes)
        step = max(1, len(images) // limit) if limit else 1
        images = tuple(sorted(images, key=lambda image: image.path.name)[::step][:limit])
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
    weights: Path, sets: dict[str, tuple[LabelledImage, ...]]
) -> dict[str, dict[str, Measured]]:
    """Evaluations of one model's weights by set and contender."""
    images = [image for members in sets.values() for image in members]
    categories = class_map().categories
    found: dict[str, list[Detections]] = {}
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        listed = "".join(f"{image.path.resolve()}\n" for image in images)
        (folder / "images.txt").write_text(listed, encoding="utf-8")
        _run("export", folder, str(weights.resolve()))
        for contender in CONTENDERS:
            if contender == "ours_int8" and not (folder / INT8_GRAPH).exists():
                continue
            began = time.perf_counter()
            _run(contender, folder)
            seconds[contender] = time.perf_counter() - began
            print(f"  {contender}: {seconds[contender]:.0f} s", file=sys.stderr)
            found[contender] = [
                part if contender in OURS else _in_categories(part)
                for part in load(folder / f"{contender}.npz")
            ]
    results: dict[str, dict[str, Measured]] = {}
    first = 0
    for name, members in sets.items():
        half, end = first + len(members) // 2, first + len(members)
        results[name] = {
            contender: Measured(
                all=evaluate(
                    members,
                    parts[first:end],
                    categories,
                    min_confidence=THRESHOLDS[contender],
                ),
                held_out=evaluate(
                    members[half - first :],
                    parts[half:end],
                    categories,
                    min_confidence=THRESHOLDS[contender],
                ),
                small_ap50=_small_ap50(members, parts[first:end]),
                seconds=seconds[contender] / len(images),
            )
            for contender, parts in found.items()
        }
        first = end
    return results


def _small_ap50(
    members: Sequence[LabelledImage], parts: Sequence[Detections]
) -> dict[str, float | None]:
    """Average precision of each group's objects under SMALL_PX; None where none is labelled."""
    categories = class_map().categories
    return {
        group: average_precision(
            frames_of(members, parts, categories, group), 0.5, [(0.0, SMALL_PX)]
        ).by_size[0]
        for group in GROUPS
    }


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


def main() -> None:
    """Measure, print the tables, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--limit", type=int, help="images of each set")
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME|FILE.pt",
        help="these weights only: a delivered model, a name in the data's weights, or a checkpoint "
        f"[{', '.join(MODELS)}]",
    )
    parser.add_argument(
        "--docs", type=Path, help="folder of accuracy.md: write its tables and picture anew"
    )
    parser.add_argument("--data", type=Path, help="folder of real imagery")
    arguments = parser.parse_args()

    began = time.perf_counter()
    data = data_folder(arguments.data)
    sets = labelled_sets(data, arguments.limit)
    figures: dict[str, Any] = {}
    tables: list[str] = []
    lag: list[str] = []
    for stated in arguments.model or MODELS:
        model, weights = weights_of(stated, data)
        print(f"{model} ...", file=sys.stderr)
        results = measure(weights, sets)
        tables.append(table(model, results))
        print("\n" + tables[-1])
        lag.extend(f"{model}, {told}" for told in behind(results))
        figures[model] = document(results)
        if arguments.docs and len(figures) == 1:
            (arguments.docs / "pictures" / "accuracy.svg").write_text(
                curves(results), encoding="utf-8"
            )
    print("behind: " + ("; ".join(lag) or "nowhere"))
    print(f"\nmeasured in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    if arguments.docs:
        path = arguments.docs / "accuracy.md"
        path.write_text(written(path.read_text(encoding="utf-8"), tables), encoding="utf-8")
    if arguments.json:
        everything = {
            "machine": machine(),
            "images": {name: len(images) for name, images in sets.items()},
            "thresholds": THRESHOLDS,
            "models": figures,
            "behind": lag,
        }
        arguments.json.write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
