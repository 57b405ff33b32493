"""`vedette model add` and `export`: models come into a catalogue and are carried out of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from models.catalogue.atomic_folder import write_folder
from models.catalogue.card_file import CARD_FILE, card_of, card_text, read_table
from models.catalogue.catalogue import CatalogueEntry, add_model
from models.catalogue.conversion import CONVERTED, Converted, convert
from models.catalogue.model_card import NAME, VERSION, Modality
from models.errors import InvalidInputError
from models.evaluation.labels import IGNORE, name_of
from models.taxonomy import GROUPS, group_of
from models.wording import counted
from service.cli.model_catalogue import find_entry, in_catalogue
from service.cli.output import as_json, console, plain, print_document

_NOT_STATED = "not stated"
_UNMEASURED = (
    "Not measured: look at it with `vedette model evaluate`, and in shadow, before it is activated."
)


def _pairs(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """CLASS=CATEGORY, as often as given."""
    found: dict[str, str] = {}
    for value in values:
        name, mark, category = value.rpartition("=")
        try:
            group_of(category)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if not mark or not name:
            raise click.BadParameter(f"{value!r} is not CLASS=CATEGORY")
        found[name] = category
    return found


@click.command("add")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="SOURCE")
@click.option("--name", help="What the catalogue calls it, such as field-m.")
@click.option("--version", help="Of these weights, such as 1.0.")
@click.option("--license", "license_", metavar="SPDX", help="Licence of the weights.")
@click.option(
    "--modality",
    type=click.Choice([one.value for one in Modality]),
    help="What light it learned to see.",
)
@click.option(
    "--training-data",
    "training_data",
    multiple=True,
    metavar="TEXT",
    help="What it learned from, and under which terms; repeatable.",
)
@click.option(
    "--weakness",
    "weaknesses",
    multiple=True,
    metavar="TEXT",
    help="What it does badly; repeatable.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="CLASS=CATEGORY",
    callback=_pairs,
    help="Category of one of the network's own classes, where its name does not tell; repeatable.",
)
@click.option("--input-px", type=click.IntRange(32, 4096), help="Side of a tile, where not told.")
@click.option(
    "--card",
    "card_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="A card (TOML) with what is known of the model; options stand above it, and classes and "
    "hashes come from the weights.",
)
@in_catalogue
@as_json
def add(
    source: Path,
    name: str | None,
    version: str | None,
    license_: str | None,
    modality: str | None,
    training_data: tuple[str, ...],
    weaknesses: tuple[str, ...],
    classes: dict[str, str],
    input_px: int | None,
    card_file: Path | None,
    catalogue_dir: Path,
    json_output: bool,
) -> None:
    """Add a model to the data folder, whole or not at all. Nothing changes in what is active.

    SOURCE is a folder with card.toml and the files it pins (OpenVINO .xml and .bin, .safetensors),
    as `vedette model export` writes it; or weights to convert: a checkpoint of ultralytics (.pt),
    .onnx, or .safetensors.

    A .pt file is a pickle, which can hold any program. It is never loaded here: a process of its
    own, which can open no file, start no program and reach no network, reads the numbers out of it,
    and whatever calls anything that no network is made of is refused by name.

    \b
    Examples:
      vedette model add field-m/
      vedette model add best.pt --card card.toml
      vedette model add best.pt --card card.toml --name field-m --version 1.1 --modality thermal
      vedette model add best.onnx --card card.toml --class Mensch=person --class PKW=car

    \b
    A card of the least, whose fields options may state as well:
      name = "field-m"
      version = "1.0"
      license = "CC-BY-4.0"
      modality = "visible"
      training_data = ["own flights of 2026; CC BY 4.0"]
    """  # noqa: D301 - click wants the backspace itself
    if source.is_dir():
        entry, converted = add_model(source, catalogue_dir), None
    else:
        stated = {
            "name": name,
            "version": version,
            "license": license_,
            "modality": modality,
            "training_data": list(training_data) or None,
            "weaknesses": list(weaknesses) or None,
            "input_px": input_px,
        }
        entry, converted = _add_weights(source, stated, classes, card_file, catalogue_dir)
    locked = None if converted is None else converted.locked
    if json_output:
        print_document(
            {
                "name": entry.card.name,
                "version": entry.card.version,
                "folder": str(entry.folder),
                "sha256": dict(entry.card.sha256),
                "read_in_a_locked_process": locked,
            }
        )
        return
    out = console()
    out.print(plain(f"{entry.label} is in {entry.folder}"), markup=False)
    if locked is False:
        click.echo(
            "This machine has no filter of system calls: the checkpoint was read by the restricted "
            "reader alone.",
            err=True,
        )
    if not entry.card.accuracy:
        out.print(
            f"  measure it:   vedette model evaluate VALIDATION --model {entry.label} --choose f1 "
            "--write-card",
            markup=False,
        )
    out.print(
        f"  try it:       vedette model activate {entry.label} --shadow --reason trial",
        markup=False,
    )


def _add_weights(
    source: Path,
    stated: Mapping[str, Any],
    classes: Mapping[str, str],
    card_file: Path | None,
    catalogue_dir: Path,
) -> tuple[CatalogueEntry, Converted]:
    if source.suffix.lower() not in CONVERTED:
        raise InvalidInputError(
            f"{source.name} is neither a folder with a card nor one of "
            f"{', '.join(sorted(CONVERTED))}",
            field="source",
        )
    table = read_table(card_file.read_bytes()) if card_file is not None else {}
    table |= {key: value for key, value in stated.items() if value is not None}
    for key, option in (
        ("name", "--name"),
        ("version", "--version"),
        ("license", "--license"),
        ("modality", "--modality"),
        ("training_data", "--training-data"),
    ):
        if key not in table:
            raise InvalidInputError(f"state {option}, or {key} in a --card", field=key)
    for key, pattern in (("name", NAME), ("version", VERSION)):
        if not pattern.fullmatch(str(table[key])):
            raise InvalidInputError(
                f"{table[key]!r} is not of the form {pattern.pattern}", field=key
            )
    with tempfile.TemporaryDirectory(prefix="vedette-add-") as scratch:
        folder = Path(scratch)
        converted = convert(
            source, folder, str(table["name"]), input_px=int(stated["input_px"] or 0)
        )
        table.setdefault("network", f"converted from {source.name}")
        table.setdefault("training_scale", _NOT_STATED)
        table.setdefault("weaknesses", [_UNMEASURED])
        table["input_px"] = converted.input_px
        table["sha256"] = converted.sha256
        table["classes"] = _classes(converted, classes, table.get("classes"))
        (folder / CARD_FILE).write_text(card_text(card_of(table)), encoding="utf-8")
        return add_model(folder, catalogue_dir), converted


def _classes(converted: Converted, stated: Mapping[str, str], in_card: Any) -> list[dict[str, str]]:
    """Name and category of each class number."""
    names = list(converted.classes)
    if in_card is not None:
        # The card says it whole; a name that the weights tell otherwise is another model's card.
        told = [str(row.get("name")) for row in in_card if isinstance(row, Mapping)]
        if names and told != names:
            raise InvalidInputError(
                f"the card names the classes {', '.join(told)}, the weights {', '.join(names)}",
                field="classes",
            )
        if len(told) != converted.class_count:
            raise InvalidInputError(
                f"the card names {counted(len(told), 'class')}, the network has "
                f"{converted.class_count}",
                field="classes",
            )
        return [dict(row) for row in in_card]
    if not names:
        raise InvalidInputError(
            f"{counted(converted.class_count, 'class')}, which the file does not name; "
            "name them in a --card",
            field="classes",
        )
    unknown = sorted(set(stated) - set(names))
    if unknown:
        raise InvalidInputError(
            f"the network has no class {', '.join(unknown)}; it has {', '.join(names)}",
            field="class",
        )
    return [{"name": name, "category": stated.get(name) or _category(name)} for name in names]


def _category(name: str) -> str:
    try:
        category = name_of(name)
    except InvalidInputError:
        category = ""
    if category in {"", IGNORE} or (category in GROUPS and category not in GROUPS[category]):
        raise InvalidInputError(
            f"which category is the class {name!r}? Say --class '{name}=CATEGORY'", field="class"
        )
    return category


@click.command("export")
@click.argument("name", metavar="NAME[@VERSION]")
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", default="."
)
@in_catalogue
@as_json
def export(name: str, folder: Path, catalogue_dir: Path, json_output: bool) -> None:
    """Write a model, verified, into FOLDER/NAME@VERSION, to be carried to another installation.

    `vedette model add` takes that folder there.

    \b
    Example:
      vedette model export field-m@1.0 /media/stick/
    """  # noqa: D301 - click wants the backspace itself
    entry = find_entry(name, catalogue_dir)
    if (folder / entry.label).exists():
        raise InvalidInputError(f"{folder / entry.label} is there already", field="folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = write_folder(folder, entry.label, entry.files())
    except OSError as error:
        raise InvalidInputError(
            f"{folder} cannot be written: {error.strerror}", field="folder"
        ) from error
    if json_output:
        print_document({"name": entry.label, "folder": str(written)})
    else:
        click.echo(plain(f"{entry.label} is in {written}"))
