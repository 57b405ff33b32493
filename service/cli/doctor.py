"""`vedette doctor`: what images' metadata say and lack, and what is missing on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from service.cli.examined import (
    Examined,
    examine,
    image_document,
    summary_document,
    tell_line,
    tell_summary,
    tell_whole,
)
from service.cli.machine_check import Machine, check_machine, machine_document, tell_machine
from service.cli.output import as_json, console, print_document
from service.cli.terrain_check import (
    TerrainReport,
    can_read_terrain,
    check_terrain,
    tell_terrain,
    terrain_document,
)

# Any image that cannot be located; the reference lists it.
EXIT_NOT_LOCATED = 1

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".ntf", ".nitf"})


@click.command()
@click.argument(
    "images", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[IMAGE...]"
)
@click.option(
    "--pose",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check the images together with this pose file.",
)
@click.option(
    "--dem",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Check this folder of elevation models against the images' positions.",
)
@click.option("--verbose", "-v", is_flag=True, help="Tell everything of every image.")
@as_json
def doctor(
    images: tuple[Path, ...],
    *,
    pose: Path | None,
    dem: Path | None,
    verbose: bool,
    json_output: bool,
) -> None:
    """Tell whether images can be located, why not, and what to do; or check this machine.

    IMAGE is a file, or a folder whose JPEG, PNG, TIFF and NITF files are examined: first how many
    can be located and what keeps the others from it, then each file. With --dem also whether the
    ground below them is known. Without any IMAGE, doctor looks at the machine instead.

    The exit status is 1 if any image cannot be located, or its ground is not in the --dem folder.

    \b
    Examples:
      vedette doctor sortie-12/
      vedette doctor sortie-12/ --dem elevation/
      vedette doctor DJI_0042.JPG --pose pose.json
      vedette doctor
    """  # noqa: D301 - click wants the backspace itself
    if not images:
        if pose is not None or dem is not None:
            raise click.UsageError("--pose and --dem need an image to check them with")
        machine = _look_at_machine()
        if json_output:
            print_document(machine_document(machine))
        else:
            tell_machine(machine)
        return
    if dem is not None and not can_read_terrain():
        raise click.UsageError("--dem needs rasterio: install vedette[service]")
    paths = list(_files(images))
    if not paths:
        raise click.UsageError("no JPEG, PNG, TIFF or NITF file there")
    text = None if pose is None else pose.read_text(encoding="utf-8")
    examined = [examine(path, text) for path in paths]
    terrain = None if dem is None else check_terrain(dem, examined)
    if json_output:
        print_document(
            {
                **summary_document(examined),
                "terrain": None if terrain is None else terrain_document(terrain),
                "images": [image_document(one) for one in examined],
            }
        )
    else:
        _tell(examined, verbose=verbose)
        if dem is not None and terrain is not None:
            tell_terrain(dem, terrain)
        elif any(one.located and not one.georeferenced for one in examined):
            click.echo("With --dem FOLDER doctor tells whether elevation models have their ground.")
    if _wanting(examined, terrain):
        sys.exit(EXIT_NOT_LOCATED)


def _look_at_machine() -> Machine:
    waiting = console(stderr=True)
    if not waiting.is_terminal:
        return check_machine()
    with waiting.status("loading every part of the software"):
        return check_machine()


def _tell(examined: list[Examined], *, verbose: bool) -> None:
    if len(examined) == 1:
        tell_whole(examined[0])
        return
    tell_summary(examined)
    # What needs a person comes first.
    for one in sorted(examined, key=lambda one: one.located):
        (tell_whole if verbose else tell_line)(one)
    if not verbose:
        click.echo()


def _wanting(examined: list[Examined], terrain: TerrainReport | None) -> bool:
    return not all(one.located for one in examined) or bool(terrain and terrain.missing)


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in _SUFFIXES and file.is_file()
            )
        else:
            yield path
