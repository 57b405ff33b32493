"""`vedette model`: the detection models of this installation, without any service."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import click

from models.catalogue import DEFAULT_MODEL, Catalogue, CatalogueEntry
from service.cli.model_evaluate import evaluate_model
from service.cli.model_train import train_model
from service.cli.output import as_json, console, print_document


@click.group()
def model() -> None:
    """Show the detection models of this installation."""


model.add_command(evaluate_model)
model.add_command(train_model)


@model.command("list")
@click.option("--verify", is_flag=True, help="Check every weight file against its pinned hash.")
@as_json
def list_models(verify: bool, json_output: bool) -> None:
    """List the models, what they were measured at and what they do badly.

    \b
    Examples:
      vedette model list
      vedette model list --verify --json
    """  # noqa: D301 - click wants the backspace itself
    entries = Catalogue.shipped().entries
    if verify:
        for entry in entries:
            entry.verify()
    if json_output:
        print_document({"models": [_document(entry) for entry in entries]})
        return
    for entry in entries:
        _tell(entry)
    if verify:
        click.echo("Every weight file has the hash that its card pins.")


def _document(entry: CatalogueEntry) -> dict[str, Any]:
    card = entry.card
    return {
        "name": card.name,
        "version": card.version,
        "modality": card.modality.value,
        "thresholds": dict(card.thresholds),
        "default": card.name == DEFAULT_MODEL,
        "license": card.license,
        "network": card.network,
        "categories": list(card.categories),
        "classes": [
            {"name": name, "category": card.categories[place]}
            for name, place in zip(
                card.class_map.classes, card.class_map.index.tolist(), strict=True
            )
        ],
        "input_px": card.input_px,
        "object_px": {"smallest": card.object_px[0], "largest": card.object_px[1]},
        "training_scale": card.training_scale,
        "training_data": list(card.training_data),
        "accuracy": [{"data": row.data, "ap50": row.ap50} for row in card.accuracy],
        "weaknesses": list(card.weaknesses),
        "engines": [
            {"name": name, "installed": find_spec(name) is not None} for name in entry.engines()
        ],
        "sha256": card.sha256,
    }


def _tell(entry: CatalogueEntry) -> None:
    out = console()
    card = entry.card
    mark = " (default)" if card.name == DEFAULT_MODEL else ""
    out.print(f"{card.name} {card.version}{mark}", style="bold", markup=False)
    engines = ", ".join(
        name if find_spec(name) else f"{name} (not installed)" for name in entry.engines()
    )
    rows = [
        ("network", card.network),
        ("licence", card.license),
        ("engines", engines),
        ("categories", ", ".join(card.categories)),
        ("tile", f"{card.input_px} pixels; objects of {card.object_px[0]} to {card.object_px[1]}"),
        ("learned at", card.training_scale),
        *(("learned from", line) for line in card.training_data),
        *(
            (
                "AP at IoU 0.5",
                ", ".join(f"{group} {value:.3f}" for group, value in row.ap50.items())
                + f": {row.data}",
            )
            for row in card.accuracy
        ),
        *(("weakness", line) for line in card.weaknesses),
        *((f"SHA-256 of {name}", digest) for name, digest in sorted(card.sha256.items())),
    ]
    for word, text in rows:
        out.print(f"  {word}: {text}", markup=False)
