"""`vedette model quantise`: a graph of eight bits for a model, kept where it finds as much."""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from models.catalogue.card_file import CARD_FILE, card_text
from models.catalogue.catalogue import INT8, CatalogueEntry, EngineName, add_model
from models.catalogue.model_card import VERSION, Accuracy, ModelCard
from models.detector import DetectionParameters
from models.errors import InvalidInputError, ModelRefusedError
from models.evaluation.evaluation import AP_LOWEST_CONFIDENCE, Evaluation, evaluate
from models.evaluation.labels import LabelledImage, read_labels
from models.evaluation.measurement import with_measurement
from models.taxonomy import GROUPS
from models.tiles.tiling import cut_tile, pad_square
from models.wording import counted
from service.cli.evaluation_images import look, read_pixels
from service.cli.model_catalogue import find_entry, in_catalogue
from service.cli.output import as_json, console, print_document, print_table
from service.clock import utc_now

_DIGITS = 4
_NOTE = "The graph of eight bits was made"
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
@click.option(
    "--version",
    metavar="VERSION",
    help="Of the model with both graphs.  [default: its version with +int8]",
)
@click.option(
    "--output",
    "-o",
    "into",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Folder to save the model to, which must not exist.  [the data folder]",
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
    version: str | None,
    into: Path | None,
    limit: int | None,
    seed: int,
    catalogue_dir: Path,
    json_output: bool,
) -> None:
    """Give a model a graph of eight-bit numbers, where measured accuracy allows.

    Where the processor computes with eight bits (VNNI, AMX), OpenVINO then takes that graph, which
    runs half as fast again as half-size floats, and some two and a half times as fast as floats on
    processors that have no half-size ones; elsewhere the floats stay. `--engine openvino-float`
    and `openvino-int8` choose by hand.

    Both graphs are measured on the same labelled images, which the card then tells. The model
    enters the data folder with a version of its own, unless a group of objects loses more than
    --most-lost. It is not activated.

    \b
    Examples:
      vedette model quantise --model field-m@1.0 --images day/ --images night/ --validate val/
      vedette model activate field-m@1.0+int8 --shadow --reason "trial on the field laptop"
    """  # noqa: D301 - click wants the backspace itself
    from models.catalogue.quantisation import quantised

    entry = find_entry(model, catalogue_dir)
    if "float" not in entry.graphs():
        raise ModelRefusedError(f"{entry.label} has no OpenVINO graph of floats to quantise")
    version = version or f"{entry.card.version}+int8"
    if not VERSION.fullmatch(version):
        raise InvalidInputError(f"{version!r} is no version", field="version")
    if into is not None and into.exists():
        raise InvalidInputError(f"{into} is there already", field="output")
    sets = {folder: _spread(read_labels(folder), limit) for folder in validation}
    screen = console(stderr=True)
    chosen = _tiles(images, tiles, entry.card.input_px, seed)
    screen.print(f"calibrating on {counted(len(chosen), 'tile')}; this takes some minutes")
    graph, weights = quantised(entry.label, entry.read(".xml")[1], entry.read(".bin")[1], chosen)
    with tempfile.TemporaryDirectory(prefix="vedette-quantise-") as name:
        folder = Path(name)
        small = _written(folder, entry, version, graph, weights)
        screen.print(f"measuring both on {counted(sum(map(len, sets.values())), 'image')}")
        before = _measured(entry, "openvino-float", sets)
        after = _measured(small, "openvino-int8", sets)
        rows = _compared(sets, before, after)
        worst = max((row[2] - row[3] for row in rows), default=0.0)
        kept = worst <= most_lost
        if kept:
            card = _measured_card(small.card, sets, before, after)
            (folder / CARD_FILE).write_text(card_text(card), "utf-8")
            if into is not None:
                shutil.copytree(folder, into)
            else:
                add_model(folder, catalogue_dir)
    label = small.label
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
        where = into or catalogue_dir
        click.echo(f"{label} is in {where}; try it in shadow before you activate it")


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


def _written(
    folder: Path, entry: CatalogueEntry, version: str, graph: bytes, weights: bytes
) -> CatalogueEntry:
    """The model with its own files and a graph of eight bits beside them."""
    graph_name, _ = entry.read(".xml")
    stem = f"{Path(graph_name).stem}{INT8}"
    files = {
        name: data
        for name, data in entry.files()
        if name != CARD_FILE and not Path(name).stem.endswith(INT8)
    }
    files |= {f"{stem}.xml": graph, f"{stem}.bin": weights}
    for file, data in files.items():
        (folder / file).write_bytes(data)
    card = replace(
        entry.card,
        version=version,
        notes=(
            *(note for note in entry.card.notes if not note.startswith(_NOTE)),
            f"{_NOTE} by NNCF on {utc_now().astimezone(UTC):%Y-%m-%d}.",
        ),
        sha256={file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
    )
    (folder / CARD_FILE).write_text(card_text(card), "utf-8")
    return CatalogueEntry(folder)


Sets = dict[Path, tuple[LabelledImage, ...]]
Measured = dict[Path, Evaluation]


def _measured(entry: CatalogueEntry, engine: EngineName, sets: Sets) -> Measured:
    """What average precision a model has on each set."""
    detector = entry.open(engine)
    parameters = DetectionParameters(min_confidence=AP_LOWEST_CONFIDENCE)
    return {
        place: evaluate(
            images,
            look(detector, parameters, images),
            detector.identity.categories,
            min_confidence=AP_LOWEST_CONFIDENCE,
        )
        for place, images in sets.items()
    }


def _compared(sets: Sets, before: Measured, after: Measured) -> list[tuple[str, str, float, float]]:
    """Data, group of objects, and average precision of either graph."""
    return [
        (folder.name, score.subject, score.ap50, after[folder].score(score.subject).ap50)
        for folder in sets
        for score in before[folder].scores
        if score.subject in GROUPS
    ]


def _measured_card(card: ModelCard, sets: Sets, before: Measured, after: Measured) -> ModelCard:
    """The card with what either graph finds."""
    for place, members in sets.items():
        groups = [score for score in before[place].scores if score.subject in GROUPS]
        row = Accuracy(
            data=f"{place.name}, floats beside eight bits",
            images=len(members),
            objects={score.subject: score.truths for score in groups},
            ap50={score.subject: round(score.ap50, _DIGITS) for score in groups},
            ap50_int8={
                score.subject: round(after[place].score(score.subject).ap50, _DIGITS)
                for score in groups
            },
        )
        card = with_measurement(card, row)
    return card
