"""`vedette position`: where peacekeepers are, and what they protect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from models.wording import counted
from pipelines.threats.positions.position import DEFAULT_AGING
from service.cli.output import (
    ServiceGroup,
    as_json,
    connected,
    console,
    document_of,
    full_name,
    in_mission,
    last_part,
    parse_time,
    print_document,
    print_table,
    timestamp_of,
    utc,
    word,
)
from service.cli.position_file import import_positions
from service.cli.position_report import report
from service.client import Client
from service.clock import utc_now

# Enum numbers by word; lines and areas come from files.
_POINTS: dict[str, Any] = {
    "base": position_pb2.POSITION_KIND_BASE,
    "post": position_pb2.POSITION_KIND_POST,
    "patrol": position_pb2.POSITION_KIND_PATROL,
    "camp": position_pb2.POSITION_KIND_CAMP,
    "school": position_pb2.POSITION_KIND_SCHOOL,
    "clinic": position_pb2.POSITION_KIND_CLINIC,
    "civilian_site": position_pb2.POSITION_KIND_CIVILIAN_SITE,
}


@click.group(cls=ServiceGroup)
def position() -> None:
    """Tell the mission where its peacekeepers are, and what they protect.

    A position is a point (base, post, patrol, camp, school, clinic, civilian_site), a polygon
    (those but a patrol, and buffer_zone) or a line (route, ceasefire_line). Shapes come from files:
    see 'vedette position import --help'.
    """


position.add_command(import_positions)
position.add_command(report)


def _times(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say when a position is there, and in use."""
    for option in (
        click.option(
            "--use",
            "use_times",
            multiple=True,
            metavar="HOURS",
            help="Hours at which it is in use, such as 'mon-fri 06:00-18:00 Africa/Juba'; may be "
            "given several times.  [default: always]",
        ),
        click.option(
            "--until", "valid_until", metavar="TIME", help="It is gone from then on (RFC 3339)."
        ),
        click.option("--from", "valid_from", metavar="TIME", help="It is not there before."),
    ):
        command = option(command)
    return command


@position.command("add", context_settings={"ignore_unknown_options": True})
@click.argument("position_id")
@in_mission
@click.option("--lat", type=click.FloatRange(-90, 90), required=True, help="WGS 84, degrees.")
@click.option("--lon", type=click.FloatRange(-180, 180), required=True, help="WGS 84, degrees.")
@click.option("--kind", type=click.Choice(list(_POINTS)), default="post", show_default=True)
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
@click.option(
    "--speed",
    "speed_m_s",
    type=click.FloatRange(min=0),
    help="Of a patrol that will report: how fast it moves, metres a second. Its error grows with "
    "the age of its last report.",
)
@click.option(
    "--max-age",
    "max_age_s",
    type=click.FloatRange(min=1),
    help="Of such a patrol: seconds without a report after which nobody knows where it is.",
)
@_times
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
    speed_m_s: float | None,
    max_age_s: float | None,
    valid_from: str | None,
    valid_until: str | None,
    use_times: tuple[str, ...],
    json_output: bool,
) -> None:
    """Register a point; the same one given again changes nothing.

    \b
    Examples:
      vedette position add post-12 -m unmiss --lat 4.8594 --lon 31.5713 --name "Post 12"
      vedette position add patrol-3 -m unmiss --lat 4.86 --lon 31.57 --kind patrol --sigma 150
      vedette position add patrol-4 -m unmiss --lat 4.86 --lon 31.57 --kind patrol --sigma 20 --speed 8
    """  # noqa: D301, E501 - click wants the backspace itself, and a command is one line
    asked = position_pb2.Position(
        display_name=display_name,
        kind=_POINTS[kind],
        latitude_deg=lat,
        longitude_deg=lon,
        sigma_m=sigma_m,
        radius_m=radius_m,
        valid_from=_stamp(valid_from, "from"),
        valid_until=_stamp(valid_until, "until"),
        use_times=use_times,
    )
    if speed_m_s is not None or max_age_s is not None:
        asked.aging.CopyFrom(position_pb2.Aging(speed_m_s=speed_m_s, max_age_s=max_age_s))
    made = client.call(
        client.positions.CreatePosition,
        position_pb2.CreatePositionRequest(parent=mission, position_id=position_id, position=asked),
    )
    _tell(made, json_output=json_output)


@position.command("update")
@click.argument("position_id")
@in_mission
@click.option("--name", "display_name", help="What people call it.")
@click.option("--lat", type=click.FloatRange(-90, 90), help="Of a point; WGS 84, degrees.")
@click.option("--lon", type=click.FloatRange(-180, 180), help="Of a point; WGS 84, degrees.")
@click.option("--sigma", "sigma_m", type=click.FloatRange(min=0), help="One sigma, metres.")
@click.option("--radius", "radius_m", type=click.FloatRange(min=0), help="0 for the rule's.")
@click.option(
    "--revision", type=click.IntRange(min=1), help="Refuse when somebody changed it since."
)
@_times
@as_json
@connected
def update(
    client: Client,
    mission: str,
    position_id: str,
    display_name: str | None,
    lat: float | None,
    lon: float | None,
    sigma_m: float | None,
    radius_m: float | None,
    revision: int | None,
    valid_from: str | None,
    valid_until: str | None,
    use_times: tuple[str, ...],
    json_output: bool,
) -> None:
    """Change what is given of a position, and leave the rest.

    Other shapes come from a file: 'vedette position import --replace'. "always" takes hours or a
    time away again.

    \b
    Examples:
      vedette position update post-12 -m unmiss --radius 800
      vedette position update patrol-3 -m unmiss --until 2026-11-24T18:00:00Z
      vedette position update msr-green -m unmiss --use 'tue,thu 06:00-12:00 +03:00'
    """  # noqa: D301 - click wants the backspace itself
    asked = position_pb2.Position(
        name=full_name(position_id, mission, "positions"), revision=revision or 0
    )
    given: dict[str, Any] = {
        "display_name": display_name,
        "latitude_deg": lat,
        "longitude_deg": lon,
        "sigma_m": sigma_m,
        "radius_m": radius_m,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "use_times": use_times or None,
    }
    paths = [name for name, value in given.items() if value is not None]
    if not paths:
        raise InvalidInputError("nothing to change was given; see --help", field="options")
    for name in paths:
        value = given[name]
        if value in ("always", ("always",)) or (name == "radius_m" and value == 0):
            continue  # named and left out: taken away
        if name in ("valid_from", "valid_until"):
            stamp = _stamp(value, name.removeprefix("valid_"))
            if stamp is not None:
                getattr(asked, name).CopyFrom(stamp)
        elif name == "use_times":
            asked.use_times.extend(value)
        else:
            setattr(asked, name, value)
    changed = client.call(
        client.positions.UpdatePosition,
        position_pb2.UpdatePositionRequest(position=asked, update_mask=FieldMask(paths=paths)),
        retry=revision is None,
    )
    _tell(changed, json_output=json_output)


@position.command("list")
@in_mission
@as_json
@connected
def list_positions(client: Client, mission: str, json_output: bool) -> None:
    """List the positions of a mission; of a patrol, where it was last reported.

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
        (
            *("POSITION", "NAME", "KIND", "SHAPE", "LATITUDE", "LONGITUDE", "SIGMA", "RADIUS"),
            *("REPORTED", "IN USE"),
        ),
        (
            (
                last_part(item.name),
                item.display_name,
                word(item, "kind"),
                shape_words(item),
                f"{item.latitude_deg:.6f}",
                f"{item.longitude_deg:.6f}",
                f"{item.sigma_m:g} m",
                f"{item.radius_m:g} m" if item.HasField("radius_m") else "rule's",
                reported_words(item, utc_now()),
                _use_words(item),
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
    """Remove a position, and the reports of a patrol; its incidents stay.

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


def shape_words(item: position_pb2.Position) -> str:
    """What a position is on the map, for example "line of 12, ±20 m"."""
    told = item.WhichOneof("shape")
    if told == "polygon":
        count, holes = len(item.polygon.rings[0].vertices), len(item.polygon.rings) - 1
        return f"polygon of {count}" + (f", {counted(holes, 'hole')}" if holes else "")
    if told == "line":
        return f"line of {len(item.line.vertices)}, ±{item.line.buffer_m:g} m"
    return "point"


def reported_words(item: position_pb2.Position, now: datetime) -> str:
    """When a patrol was last reported, and since when nobody knows where it is."""
    if not item.HasField("report_time"):
        return ""
    told = utc(item.report_time)
    age_s = item.aging.max_age_s if item.HasField("aging") else DEFAULT_AGING.max_age_s
    lost = item.report_time.ToDatetime(tzinfo=UTC) + timedelta(seconds=age_s)
    if now > lost:
        told += f"; place unknown since {utc(timestamp_of(lost))}"
    return told


def _use_words(item: position_pb2.Position) -> str:
    parts = list(item.use_times)
    if item.HasField("valid_from"):
        parts.append(f"from {utc(item.valid_from)}")
    if item.HasField("valid_until"):
        parts.append(f"until {utc(item.valid_until)}")
    return "; ".join(parts) or "always"


def _stamp(text: str | None, field: str) -> Timestamp | None:
    return None if text is None else timestamp_of(parse_time(text, field))


def _tell(item: position_pb2.Position, *, json_output: bool) -> None:
    if json_output:
        print_document(document_of(item))
    else:
        console().print(item.name)
