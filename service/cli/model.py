"""`vedette model`: the detection models of an installation."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from models.catalogue.catalogue import DEFAULT_MODEL, Catalogue, CatalogueEntry
from models.catalogue.model_card import Accuracy, ModelCard, SizeAccuracy
from models.errors import ModelRefusedError
from models.wording import counted
from service.cli.model_activation import activate, active, compare, rollback
from service.cli.model_add import add, export
from service.cli.model_catalogue import find_entry, in_catalogue
from service.cli.model_evaluate import evaluate_model
from service.cli.model_quantise import quantise
from service.cli.model_train import train_model
from service.cli.output import ServiceGroup, as_json, console, plain, print_document, print_table


@click.group(cls=ServiceGroup)
def model() -> None:
    """Add, measure and choose the detection models of an installation.

    Models are kept like code: each version lies in a folder of its own with a card that pins the
    SHA-256 of its files and says what it learned from, what it was measured at and what it does
    badly. A version is added, measured, run in shadow beside the active one, activated, and rolled
    back if it disappoints; every change is on record.

    \b
    A new model, from training to use:
      vedette model add best.pt --card card.toml
      vedette model evaluate validation/ --model field-m@1.0 --choose f1 --write-card
      vedette model activate field-m@1.0 --shadow --reason "trial"
      vedette model compare
      vedette model activate field-m@1.0 --reason "finds more small cars"
      vedette model rollback --reason "false alarms on terraces"
    """  # noqa: D301 - click wants the backspace itself


model.add_command(add)
model.add_command(evaluate_model)
model.add_command(export)
for command in (activate, rollback, active, compare):
    model.add_command(command)
model.add_command(quantise)
model.add_command(train_model)


@model.command("list")
@click.option("--verify", is_flag=True, help="Check every weight file against its pinned hash.")
@in_catalogue
@as_json
def list_models(verify: bool, catalogue_dir: Path, json_output: bool) -> None:
    """List the models of this machine: those shipped, and those in the data folder.

    What of them is active in a running service is told by `vedette model active`.

    \b
    Examples:
      vedette model list
      vedette model list --data-dir /var/lib/vedette --verify --json
    """  # noqa: D301 - click wants the backspace itself
    catalogue = Catalogue.installed(catalogue_dir)
    if verify:
        for entry in catalogue.entries:
            entry.verify()
    if json_output:
        print_document(
            {
                "models": [document_of_entry(entry) for entry in catalogue.entries],
                "refused": _refused(catalogue),
            }
        )
        return
    print_table(
        ("MODEL", "SEES", "CATEGORIES", "MEASURED", "ENGINES", ""),
        (
            (
                entry.label,
                entry.card.modality.value,
                ", ".join(entry.card.categories),
                _best_words(entry.card),
                _engine_words(entry),
                "default" if _is_default(entry) else "",
            )
            for entry in catalogue.entries
        ),
        empty="no models",
    )
    for name, error in catalogue.refused.items():
        click.echo(plain(f"refused: {name}: {error}"), err=True)
    if verify:
        click.echo("Every weight file has the hash that its card pins.")


@model.command("show")
@click.argument("name", required=False, metavar="[NAME[@VERSION]|FOLDER]")
@in_catalogue
@as_json
def show_model(name: str | None, catalogue_dir: Path, json_output: bool) -> None:
    """Show a model's card: classes, training data, accuracy by class and size, weaknesses.

    \b
    Examples:
      vedette model show
      vedette model show field-m@1.0 --json
      vedette model show ./field-m/
    """  # noqa: D301 - click wants the backspace itself
    entry = find_entry(name, catalogue_dir)
    if json_output:
        print_document(document_of_entry(entry))
        return
    _tell(entry)


@model.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME[@VERSION]]...")
@in_catalogue
@as_json
def verify_models(names: tuple[str, ...], catalogue_dir: Path, json_output: bool) -> None:
    """Hash every file of the models again, and hold it against what the cards pin.

    Exit status: 0 when every file is the one that its card pins, 1 otherwise.

    \b
    Examples:
      vedette model verify
      vedette model verify vedette-n@1.0.0 --json
    """  # noqa: D301 - click wants the backspace itself
    catalogue = Catalogue.installed(catalogue_dir)
    entries = (
        [find_entry(name, catalogue_dir) for name in names] if names else list(catalogue.entries)
    )
    wrong: dict[str, str] = {} if names else dict(_refused(catalogue))
    for entry in entries:
        try:
            entry.verify()
        except ModelRefusedError as error:
            wrong[entry.label] = str(error)
    right = [entry.label for entry in entries if entry.label not in wrong]
    if json_output:
        print_document({"verified": right, "refused": wrong})
    else:
        for label in right:
            click.echo(f"{label}: every file is the one that its card pins")
        for label, why in wrong.items():
            click.echo(plain(f"{label}: {why}"), err=True)
    if wrong:
        raise SystemExit(1)


def _refused(catalogue: Catalogue) -> dict[str, str]:
    return {name: str(error) for name, error in catalogue.refused.items()}


def _is_default(entry: CatalogueEntry) -> bool:
    return entry.label == Catalogue.shipped().entry(DEFAULT_MODEL).label


def document_of_entry(entry: CatalogueEntry) -> dict[str, Any]:
    """A model as JSON has it."""
    card = entry.card
    return {
        "name": card.name,
        "version": card.version,
        "default": _is_default(entry),
        "folder": str(entry.folder),
        "license": card.license,
        "network": card.network,
        "modality": card.modality.value,
        "categories": list(card.categories),
        "classes": [
            {"name": name, "category": card.categories[place]}
            for name, place in zip(
                card.class_map.classes, card.class_map.index.tolist(), strict=True
            )
        ],
        "thresholds": dict(card.thresholds),
        "thresholds_chosen": card.thresholds_chosen,
        "input_px": card.input_px,
        "object_px": _span(card.object_px),
        "car_px": _span(card.car_px),
        "training_scale": card.training_scale,
        "training_data": list(card.training_data),
        "trained_on": card.trained_on,
        "accuracy": [_accuracy(row) for row in card.accuracy],
        "weaknesses": list(card.weaknesses),
        "notes": list(card.notes),
        "engines": [
            {"name": name, "installed": find_spec(name) is not None} for name in entry.engines()
        ],
        "graphs": list(entry.graphs()),
        "sha256": dict(card.sha256),
    }


def _span(span: tuple[int, int] | None) -> dict[str, int] | None:
    return None if span is None else {"smallest": span[0], "largest": span[1]}


def _accuracy(row: Accuracy) -> dict[str, Any]:
    def sizes(table: Mapping[str, Mapping[str, SizeAccuracy]]) -> dict[str, Any]:
        return {
            subject: [
                {"size": size, "objects": one.objects, "ap50": one.ap50, "recall": one.recall}
                for size, one in by_size.items()
            ]
            for subject, by_size in table.items()
        }

    return {
        "data": row.data,
        "images": row.images,
        "objects": dict(row.objects),
        "ap50": dict(row.ap50),
        "ap50_int8": dict(row.ap50_int8),
        "recall": dict(row.recall),
        "precision": dict(row.precision),
        "false_alarms_per_km2": dict(row.false_alarms_per_km2),
        "sizes_px": sizes(row.sizes_px),
        "sizes_m": sizes(row.sizes_m),
    }


def _figures(values: Mapping[str, float], digits: int = 3) -> str:
    return ", ".join(f"{subject} {value:.{digits}f}" for subject, value in values.items())


def _engine_words(entry: CatalogueEntry) -> str:
    """Engines, and which graph OpenVINO takes here."""
    words = []
    for name in entry.engines():
        told = []
        if name == "openvino" and "int8" in (graphs := entry.graphs()):
            told.append(f"{graphs[0]} here" + (f", or {graphs[1]}" if len(graphs) > 1 else ""))
        if find_spec(name) is None:
            told.append("not installed")
        words.append(f"{name} ({'; '.join(told)})" if told else name)
    return ", ".join(words)


def _best_words(card: ModelCard) -> str:
    """The newest measurement in a few words."""
    if not card.accuracy:
        return "not measured"
    groups = {name: card.accuracy[-1].ap50.get(name) for name in ("person", "vehicle")}
    return "AP " + (
        ", ".join(f"{name} {value:.2f}" for name, value in groups.items() if value is not None)
        or _figures(card.accuracy[-1].ap50, 2)
    )


def _tell(entry: CatalogueEntry) -> None:
    out = console()
    card = entry.card
    mark = " (default)" if _is_default(entry) else ""
    out.print(f"{card.label}{mark}", style="bold", markup=False)
    span = card.object_px
    rows = [
        ("folder", str(entry.folder)),
        ("network", card.network),
        ("licence", card.license),
        ("sees", {"both": "visible light and thermal"}.get(card.modality, card.modality)),
        ("engines", _engine_words(entry)),
        *_class_rows(card),
        (
            "tile",
            f"{card.input_px} pixels" + (f"; objects of {span[0]} to {span[1]}" if span else ""),
        ),
        ("thresholds", _figures(card.thresholds) or "none: the installation's default for all"),
        *([("thresholds chosen", card.thresholds_chosen)] if card.thresholds_chosen else []),
        ("learned at", card.training_scale),
        *(("learned from", line) for line in card.training_data),
        *([("trained", card.trained_on)] if card.trained_on else []),
        *(row for measured in card.accuracy for row in _accuracy_rows(measured)),
        *(("weakness", line) for line in card.weaknesses),
        *(("note", line) for line in card.notes),
        *((f"SHA-256 of {name}", digest) for name, digest in sorted(card.sha256.items())),
    ]
    for word, text in rows:
        out.print(plain(f"  {word}: {text}"), markup=False)


def _class_rows(card: ModelCard) -> list[tuple[str, str]]:
    """Each category with the network's own classes that become it."""
    by_category: dict[str, list[str]] = {name: [] for name in card.categories}
    numbers = card.class_map.index.tolist()
    for name, place in zip(card.class_map.classes, numbers, strict=True):
        by_category[card.categories[place]].append(name)
    return [(f"category {name}", ", ".join(own)) for name, own in by_category.items()]


def _accuracy_rows(row: Accuracy) -> list[tuple[str, str]]:
    images = (
        f", {counted(row.images, 'image')}"
        if row.images is not None and str(row.images) not in row.data
        else ""
    )
    rows = [("measured on", f"{row.data}{images}"), ("  AP at IoU 0.5", _figures(row.ap50))]
    if row.ap50_int8:
        rows.append(("  in eight bits", _figures(row.ap50_int8)))
    for word, values, digits in (
        ("  recall at the thresholds", row.recall, 3),
        ("  precision there", row.precision, 3),
        ("  false alarms by km²", row.false_alarms_per_km2, 1),
    ):
        if values:
            rows.append((word, _figures(values, digits)))
    for where, table in (("in the image", row.sizes_px), ("on the ground", row.sizes_m)):
        for subject, sizes in table.items():
            told = "; ".join(
                f"{size}: AP {_number(one.ap50)}, recall {_number(one.recall)}, of {one.objects}"
                for size, one in sizes.items()
                if one.objects
            )
            rows.append((f"  {subject} by size {where}", told or "none"))
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
