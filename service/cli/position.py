"""`vedette position`: where peacekeepers are."""

from __future__ import annotations

from pathlib import Path

import click
from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from pipelines.threats.position_import import read_positions
from service.cli.output import (
    ServiceGroup,
    as_json,
    connected,
    console,
    document_of,
    full_name,
    in_mission,
    last_part,
    print_document,
    print_table,
    word,
)
from service.client import Client

KINDS = {
    "base": position_pb2.POSITION_KIND_BASE,
    "post": position_pb2.POSITION_KIND_POST,
    "patrol": position_pb2.POSITION_KIND_PATROL,
}


@click.group(cls=ServiceGroup)
def position() -> None:
    """Tell the mission where its peacekeepers are."""


@position.command("add", context_settings={"ignore_unknown_options": True})
@click.argument("position_id")
@in_mission
@click.option("--lat", type=click.FloatRange(-90, 90), required=True, help="WGS 84, degrees.")
@click.option("--lon", type=click.FloatRange(-180, 180), required=True, help="WGS 84, degrees.")
@click.option("--kind", type=click.Choice(list(KINDS)), default="post", show_default=True)
@click.option("--name", "display_name", default="", help="What people call it.")
@click.option(
    "--sigma",
    "sigma_m",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="One sigma of each horizontal axis, metres; 0 when surveyed. A patrol needs one.",
)
@click.option(
    "--radius",
    "radius_m",
    type=click.FloatRange(min=1),
    help="Overrides the radius of every rule here, metres.",
)
@as_json
@connected
def add(
    client: Client,
    mission: str,
    position_id: str,
    lat: float,
    lon: float,
    kind: str,
    display_name: str,
    sigma_m: float,
    radius_m: float | None,
    json_output: bool,
) -> None:
    """Register a position; the same one given again changes nothing.

    \b
    Examples:
      vedette position add post-12 -m unmiss --lat 4.8594 --lon 31.5713 --name "Post 12"
      vedette position add patrol-3 -m unmiss --lat 4.86 --lon 31.57 --kind patrol --sigma 150
    """  # noqa: D301 - click wants the backspace itself
    made = client.call(
        client.positions.CreatePosition,
        position_pb2.CreatePositionRequest(
            parent=mission,
            position_id=position_id,
            position=position_pb2.Position(
                display_name=display_name,
                kind=KINDS[kind],
                latitude_deg=lat,
                longitude_deg=lon,
                sigma_m=sigma_m,
                radius_m=radius_m,
            ),
        ),
    )
    if json_output:
        print_document(document_of(made))
    else:
        console().print(made.name)


@position.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@in_mission
@as_json
@connected
def import_positions(client: Client, mission: str, file: Path, json_output: bool) -> None:
    """Register the points of a GeoJSON file.

    Each feature is a Point with the properties id, name, kind (base, post, patrol), sigma_m and
    radius_m; a patrol needs sigma_m above 0. The whole file is checked before anything is sent;
    every fault is named at once.

    \b
    Example:
      vedette position import posts.geojson --mission unmiss
    """  # noqa: D301 - click wants the backspace itself
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {file}: {error.strerror}", field="file") from error
    made = [
        client.call(
            client.positions.CreatePosition,
            position_pb2.CreatePositionRequest(
                parent=mission,
                position_id=item.position_id,
                position=position_pb2.Position(
                    display_name=item.display_name,
                    kind=KINDS[item.kind.value],
                    latitude_deg=item.latitude_deg,
                    longitude_deg=item.longitude_deg,
                    sigma_m=item.sigma_m,
                    radius_m=item.radius_m,
                ),
            ),
        )
        for item in read_positions(data)
    ]
    if json_output:
        print_document({"positions": [document_of(item) for item in made]})
    else:
        console().print(f"{len(made)} positions in {mission}")


@position.command("list")
@in_mission
@as_json
@connected
def list_positions(client: Client, mission: str, json_output: bool) -> None:
    """List the positions of a mission.

    \b
    Example:
      vedette position list -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    request = position_pb2.ListPositionsRequest(parent=mission, page_size=1000)
    found = [
        item
        for page in client.pages(client.positions.ListPositions, request)
        for item in page.positions
    ]
    if json_output:
        print_document({"positions": [document_of(item) for item in found]})
        return
    print_table(
        ("POSITION", "NAME", "KIND", "LATITUDE", "LONGITUDE", "SIGMA", "RADIUS"),
        (
            (
                last_part(item.name),
                item.display_name,
                word(item, "kind"),
                f"{item.latitude_deg:.6f}",
                f"{item.longitude_deg:.6f}",
                f"{item.sigma_m:g} m",
                f"{item.radius_m:g} m" if item.HasField("radius_m") else "rule's",
            )
            for item in found
        ),
        empty=f"{mission} has no positions; add one with 'vedette position add'",
    )


@position.command("delete")
@click.argument("position_id")
@in_mission
@as_json
@connected
def delete(client: Client, mission: str, position_id: str, json_output: bool) -> None:
    """Remove a position; its incidents stay.

    \b
    Example:
      vedette position delete post-12 -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    name = full_name(position_id, mission, "positions")
    # Not tried again by itself: the second try would not find what the first removed.
    client.call(
        client.positions.DeletePosition,
        position_pb2.DeletePositionRequest(name=name),
        retry=False,
    )
    if json_output:
        print_document({"deleted": name})
    else:
        console().print(f"deleted {name}")
