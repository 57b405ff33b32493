"""The catalogue that commands of models work on: what is shipped, and the data folder's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from models.catalogue.catalogue import Catalogue, CatalogueEntry
from service.endpoint import DEFAULT_DATA_DIR
from service.model_choice import MODELS_FOLDER

Command = TypeVar("Command", bound=Callable[..., Any])


def in_catalogue(command: Command) -> Command:
    """The option --data-dir; the command receives its catalogue's folder as `catalogue_dir`."""

    @click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="VEDETTE_DATA_DIR",
        show_envvar=True,
        help="The service's data folder, whose models are listed with the shipped ones.  "
        "[default: ./vedette-data]",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, data_dir: Path | None, **options: Any) -> Any:
        folder = (data_dir or DEFAULT_DATA_DIR) / MODELS_FOLDER
        return command(*args, catalogue_dir=folder, **options)

    return wrapped  # type: ignore[return-value]  # the same command with another parameter


def find_entry(model: str | None, catalogue_dir: Path) -> CatalogueEntry:
    """A model by name, by name and version, or in a folder of its own that holds a card.

    Raises:
        ModelRefusedError: there is none, or it is damaged.
    """
    if model is not None and ("/" in model or model == ".") and Path(model).is_dir():
        return CatalogueEntry(Path(model))
    return Catalogue.installed(catalogue_dir).entry(model)
