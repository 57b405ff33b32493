"""`vedette model quantise`: a model of eight bits, kept only where it finds as much."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from models.catalogue.card_file import CARD_FILE, card_text
from models.catalogue.catalogue import CatalogueEntry, add_model
from models.detections import Detections
from models.detector import DetectionParameters
from models.errors import InvalidInputError, ModelRefusedError
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.labels import LabelledImage, read_labels
from models.evaluation.measurement import accuracy_of, with_measurement
from models.evaluation.thresholds import ThresholdRule, choose_thresholds, told
from models.taxonomy import GROUPS
from models.tiles.tiling import cut_tile, pad_square
from models.wording import counted
from service.cli.evaluation_images import look, read_pixels
from service.cli.model_catalogue import find_entry, in_catalogue
from service.cli.output import as_json, console, print_document, print_table
from service.clock import utc_now

_LOWEST_CONFIDENCE = 0.01
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


@click.command("quantise")
@click.option("--model", metavar="NAME", help="Which model.  [default: the catalogue's default]")
@click.option(
    "--images",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of pictures like those it will see, to calibrate on; repeatable: day, night.",
)
@click.option(
    "--tiles",
    type=click.IntRange(16, 5000),
    default=300,
    show_default=True,
    help="How many tiles of them to calibrate on.",
)
@click.option(
    "--validate",
    "validation",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Labelled images, other ones, on which both are measured; repeatable.",
)
@click.option(
    "--most-lost",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Average precision that no group of objects may lose on any of them.",
)
@click.option("--limit", type=click.IntRange(1), help="Measure on so many images of each, spread.")
@click.option("--seed", default=1, show_default=True, help="Of the choice of tiles.")
@in_catalogue
@as_json
def quantise(
    model: str | None,
    images: tuple[Path, ...],
    tiles: int,
    validation: tuple[Path, ...],
    most_lost: float,
    limit: int | None,
    seed: int,
    catalogue_dir: Path,
    json_output: bool,
) -> None:
    """Make a model of eight-bit numbers, and keep it where measured accuracy allows.

    It runs half as fast again as half-size floats, and some two and a half times as fast as floats
    on processors that have no half-size ones. Both are measured on the same labelled images. The
    new model enters the data folder as NAME-int8, with thresholds of its own, unless it loses more
    than --most-lost. It is not activated.

    \b
    Examples:
      vedette model quantise --images flights/day/ --images flights/night/ --validate val/
      vedette model activate vedette-n-int8 --shadow --reason "trial on the field laptop"
    """  # noqa: D301 - click wants the backspace itself
    from models.catalogue.quantisation import quantised

    entry = find_entry(model, catalogue_dir)
    if "openvino" not in entry.engines():
        raise ModelRefusedError(f"{entry.label} has no OpenVINO graph to quantise")
    sets = {folder: _spread(read_labels(folder), limit) for folder in validation}
    screen = console(stderr=True)
    chosen = _tiles(images, tiles, entry.card.input_px, seed)
    screen.print(f"calibrating on {counted(len(chosen), 'tile')}; this takes a minute or two")
    graph, weights = quantised(entry.label, entry.read(".xml")[1], entry.read(".bin")[1], chosen)
    with tempfile.TemporaryDirectory(prefix="vedette-quantise-") as name:
        folder = Path(name)
        _write(folder, entry, graph, weights)
        small = CatalogueEntry(folder)
        before, after = _measured(entry, sets), _measured(small, sets)
        rows = _compared(sets, before, after)
        worst = max((row[2] - row[3] for row in rows), default=0.0)
        kept = worst <= most_lost
        if kept:
            _complete(folder, small, sets, after)
            add_model(folder, catalogue_dir)
    label = f"{entry.card.name}-int8@{entry.card.version}"
    if json_output:
        print_document(
            {
                "model": label,
                "kept": kept,
                "lost": round(worst, 4),
                "ap50": [
                    {"data": data, "subject": subject, "floats": old, "int8": new}
                    for data, subject, old, new in rows
                ],
            }
        )
    else:
        print_table(
            ("DATA", "OBJECTS", "AP50 OF FLOATS", "AP50 OF INT8", "CHANGE"),
            (
                (data, subject, f"{old:.3f}", f"{new:.3f}", f"{new - old:+.3f}")
                for data, subject, old, new in rows
            ),
            empty="nothing was measured",
        )
    if not kept:
        raise ModelRefusedError(
            f"{label} loses {worst:.3f} of average precision, more than {most_lost:g}; it was not "
            "kept. Calibrate on more tiles that are like what it will see, or allow --most-lost"
        )
    if not json_output:
        click.echo(f"{label} is in {catalogue_dir}; try it in shadow before you activate it")


def _spread(images: tuple[LabelledImage, ...], limit: int | None) -> tuple[LabelledImage, ...]:
    step = max(1, len(images) // limit) if limit else 1
    return images[::step][:limit]


def _tiles(folders: Sequence[Path], count: int, side_px: int, seed: int) -> list[NDArray[np.uint8]]:
    """Tiles at full scale and whole pictures, three to one, of pictures in turns."""
    import cv2

    chance = random.Random(seed)  # noqa: S311 - a choice of tiles, no secret
    groups = []
    for folder in folders:
        files = sorted(it for it in folder.rglob("*") if it.suffix.lower() in _PICTURES)
        if not files:
            raise InvalidInputError(f"no picture lies in {folder}", field="images")
        chance.shuffle(files)
        groups.append(files)
    found: list[NDArray[np.uint8]] = []
    turn = 0
    while len(found) < count:
        files = groups[turn % len(groups)]
        rgb = read_pixels(files[(turn // len(groups)) % len(files)])
        turn += 1
        height, width = rgb.shape[:2]
        scale = side_px / max(height, width)
        if scale < 1.0:
            for _ in range(3):
                left = chance.randrange(max(1, width - side_px + 1))
                top = chance.randrange(max(1, height - side_px + 1))
                tile = np.array([left, top, min(left + side_px, width), min(top + side_px, height)])
                found.append(cut_tile(rgb, tile.astype(np.int32), side_px).copy())
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        found.append(pad_square(rgb, side_px))
    return found[:count]


def _write(folder: Path, entry: CatalogueEntry, graph: bytes, weights: bytes) -> None:
    name = f"{entry.card.name}-int8"
    files = {f"{name}.xml": graph, f"{name}.bin": weights}
    for file, data in files.items():
        (folder / file).write_bytes(data)
    card = replace(
        entry.card,
        name=name,
        network=f"{entry.card.network}; eight-bit weights and activations by NNCF",
        accuracy=(),
        notes=(
            *entry.card.notes,
            f"Quantised from {entry.label} on {utc_now().astimezone(UTC):%Y-%m-%d}.",
        ),
        sha256={file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
    )
    (folder / CARD_FILE).write_text(card_text(card), "utf-8")


Sets = dict[Path, tuple[LabelledImage, ...]]
Measured = dict[Path, tuple[list[Detections], Evaluation]]


def _measured(entry: CatalogueEntry, sets: Sets) -> Measured:
    """What a model finds on each set, and how good that is."""
    detector = entry.open("openvino")
    parameters = DetectionParameters(min_confidence=_LOWEST_CONFIDENCE)
    categories = detector.identity.categories
    measured: Measured = {}
    for place, images in sets.items():
        found = look(detector, parameters, images)
        measured[place] = (
            found,
            evaluate(images, found, categories, min_confidence=_LOWEST_CONFIDENCE),
        )
    return measured


def _compared(sets: Sets, before: Measured, after: Measured) -> list[tuple[str, str, float, float]]:
    """Data, group of objects, and average precision of either model."""
    return [
        (folder.name, score.subject, score.ap50, after[folder][1].score(score.subject).ap50)
        for folder in sets
        for score in before[folder][1].scores
        if score.subject in GROUPS
    ]


def _complete(folder: Path, entry: CatalogueEntry, sets: Sets, after: Measured) -> None:
    """Thresholds and accuracy of its own: confidences of eight bits are other ones."""
    images = [image for members in sets.values() for image in members]
    found = [part for place in sets for part in after[place][0]]
    categories = entry.card.categories
    rule, data = ThresholdRule(), ", ".join(place.name for place in sets)
    chosen = choose_thresholds(images, found, categories, rule)
    # Where too few objects are labelled, those of the floats hold, or the installation's.
    asked = DetectionParameters().thresholds(entry.open("openvino").identity)
    thresholds = dict(zip(categories, map(float, asked), strict=True))
    thresholds |= {name: it.confidence for name, it in chosen.items()}
    card = entry.card
    for place, members in sets.items():
        parts = after[place][0]
        evaluation = evaluate(members, parts, categories, min_confidence=thresholds)
        told_of = f"{place.name}, {counted(len(members), 'image')}, thresholds chosen on it"
        card = with_measurement(
            card,
            accuracy_of(evaluation, told_of),
            thresholds=thresholds,
            thresholds_chosen=told(rule, chosen, data),
        )
    (folder / CARD_FILE).write_text(card_text(card), "utf-8")
