"""`vedette position import`: many positions from a file, with a preview of what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from models.wording import counted
from pipelines.threats.positions.position_import import PositionImportError
from service.cli.output import (
    ServiceCommand,
    as_json,
    connected,
    console,
    document_of,
    in_mission,
    print_document,
    print_table,
    word,
)
from service.client import CHUNK_BYTES, Client

_FORMATS = {
    "geojson": position_pb2.IMPORT_FORMAT_GEOJSON,
    "kml": position_pb2.IMPORT_FORMAT_KML,
    "csv": position_pb2.IMPORT_FORMAT_CSV,
}
_TIMEOUT_S = 600.0


@click.command("import", cls=ServiceCommand)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@in_mission
@click.option("--dry-run", is_flag=True, help="Only tell what is wrong and what would be done.")
@click.option(
    "--replace", is_flag=True, help="Put positions of the file in the place of those that differ."
)
@click.option(
    "--partial", is_flag=True, help="Take what is right and leave the rest; else all or nothing."
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(list(_FORMATS)),
    help="kml reads KMZ too.  [default: by the first bytes]",
)
@as_json
@connected
def import_positions(
    client: Client,
    mission: str,
    file: Path,
    dry_run: bool,
    replace: bool,
    partial: bool,
    file_format: str | None,
    json_output: bool,
) -> None:
    """Register the positions of a GeoJSON, KML, KMZ or CSV file.

    The service checks the whole file, names every fault at once, and takes all of it or nothing.

    Points, LineStrings and Polygons bear the values id (made of the name when left out), name,
    kind, sigma_m, radius_m, use_times (with semicolons between), valid_from and valid_until; lines
    also buffer_m; patrols that report also speed_m_s, max_sigma_m, max_age_s and report_time. A
    point is a post and a line a route unless kind says otherwise; a polygon must say it. GeoJSON
    has them as properties, KML as ExtendedData, CSV as columns, with the place in latitude and
    longitude or in geometry (well-known text).

    \b
    Examples:
      vedette position import posts.geojson --mission unmiss --dry-run
      vedette position import routes.kmz --mission unmiss --replace
    """  # noqa: D301 - click wants the backspace itself
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {file}: {error.strerror}", field="file") from error
    header = position_pb2.ImportHeader(
        parent=mission, validate_only=dry_run, replace=replace, allow_partial=partial
    )
    if file_format is not None:
        header.format = _FORMATS[file_format]

    def send(parts: tuple[position_pb2.ImportHeader, bytes], timeout: float) -> object:
        # What is there already is unchanged, so that trying again does no harm.
        return client.positions.ImportPositions(_messages(*parts), timeout=max(timeout, _TIMEOUT_S))

    answer = client.call(send, (header, data))
    if not isinstance(answer, position_pb2.ImportPositionsResponse):
        raise TypeError(f"answered with {type(answer)}")
    if json_output:
        print_document(document_of(answer))
    else:
        _tell(answer, mission, dry_run=dry_run, partial=partial)
    if answer.fault_count and not (partial and answer.committed):
        raise PositionImportError(
            f"{counted(answer.fault_count, 'fault')} in {file.name}; nothing was imported"
            + ("" if dry_run else " (--partial takes the rest, --dry-run only looks)"),
            field="file",
        )


def _messages(
    header: position_pb2.ImportHeader, data: bytes
) -> Iterator[position_pb2.ImportPositionsRequest]:
    yield position_pb2.ImportPositionsRequest(header=header)
    for start in range(0, len(data), CHUNK_BYTES):
        yield position_pb2.ImportPositionsRequest(chunk=data[start : start + CHUNK_BYTES])


def _tell(
    answer: position_pb2.ImportPositionsResponse, mission: str, *, dry_run: bool, partial: bool
) -> None:
    if answer.faults:
        print_table(
            ("ENTRY", "POSITION", "FIELD", "WHAT IS WRONG"),
            (
                (str(it.entry) if it.entry else "file", it.position_id, it.field, it.message)
                for it in answer.faults
            ),
            empty="",
        )
        more = answer.fault_count - len(answer.faults)
        if more > 0:
            console().print(f"and {counted(more, 'more fault')}")
    counts = Counter(word(it, "change") for it in answer.positions)
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
    if dry_run:
        how = "with --partial it would be" if answer.fault_count and not partial else "would be"
        console().print(f"{mission}, nothing written; {how}: {told}")
    elif answer.committed or not answer.fault_count:
        console().print(f"{counted(len(answer.positions), 'position')} in {mission}: {told}")
