"""`vedette watch`: incidents as they come."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from vedette.v1 import incident_pb2

from service.cli.output import (
    as_json,
    connected,
    console,
    document_of,
    in_mission,
    last_part,
    print_line,
    word,
)
from service.client import Client

_COLOURS = {"alert": "bold red", "possible": "yellow"}


@click.command()
@in_mission
@click.option(
    "--since",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Only events after this sequence number; 0 for all.",
)
@click.option("--once", "--replay-only", "once", is_flag=True, help="Print what there is and end.")
@as_json
@connected
def watch(client: Client, mission: str, since: int, once: bool, json_output: bool) -> None:
    r"""Print incidents as they come, one a line.

    First what happened after --since, then live. Every line begins with its sequence number: give
    the last one you saw to --since and nothing is missed and nothing comes twice. The connection is
    taken up again by itself.

    \b
    Examples:
      vedette watch --mission unmiss
      vedette watch -m unmiss --since 120 --json | jq .incident.level
      vedette watch -m unmiss --once
    """
    out = console()
    for event in client.subscribe(mission, since=since, replay_only=once):
        if json_output:
            print_line(document_of(event))
        else:
            print_event(out, event)


def print_event(out: Console, event: incident_pb2.IncidentEvent) -> None:
    """One event as one line for a person."""
    level = word(event.incident, "level")
    colour = _COLOURS.get(level, "default")
    out.print(
        f"{event.sequence:>6} {event.event_time.ToJsonString()} {word(event, 'kind'):<9} "
        f"[{colour}]{level.upper():<8}[/{colour}] {escape(describe(event.incident))}"
    )


def describe(incident: incident_pb2.Incident) -> str:
    """What, where, how sure, and how far from whom."""
    ground = incident.ground
    position = incident.position_display_name or last_part(incident.position)
    decided = f" [{word(incident, 'state')}]" if incident.decision.verdict else ""
    return (
        f"{incident.category} ({incident.confidence:.2f}) at {ground.latitude_deg:.6f}, "
        f"{ground.longitude_deg:.6f} (MGRS {ground.mgrs}) CE90 {ground.ce90_m:.1f} m; "
        f"{incident.range_m:.0f} m ({incident.range_low_m:.0f} to {incident.range_high_m:.0f}) "
        f"bearing {incident.bearing_deg:03.0f}° from {position}; "
        f"P({incident.radius_m:.0f} m) {incident.probability:.2f}; "
        f"incident {last_part(incident.name)}{decided}"
    )
