"""`vedette watch`: incidents as they come."""

from __future__ import annotations

import click
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.text import Text
from vedette.v1 import incident_pb2

from service.cli.output import (
    ServiceCommand,
    as_json,
    connected,
    console,
    document_of,
    folded,
    in_mission,
    last_part,
    plain,
    print_line,
    word,
)
from service.client import Client

_INDENT = 7
_COLOURS = {"alert": "bold red", "possible": "yellow"}


@click.command(cls=ServiceCommand)
@in_mission
@click.option(
    "--since",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Only events after this sequence number; 0 for all.",
)
@click.option("--bell", is_flag=True, help="Ring the terminal when an alert is raised.")
@click.option("--once", "--replay-only", "once", is_flag=True, help="Print what there is and end.")
@as_json
@connected
def watch(
    client: Client, mission: str, since: int, bell: bool, once: bool, json_output: bool
) -> None:
    """Print incidents as they come, one a line.

    First what happened after --since, then live. Every line begins with its sequence number: give
    the last one you saw to --since and nothing is missed and nothing comes twice. The connection is
    taken up again by itself; Ctrl-C ends it. Times are UTC.

    \b
    Examples:
      vedette watch --mission unmiss
      vedette watch -m unmiss --since 120 --json | jq .incident.level
      vedette watch -m unmiss --once
    """  # noqa: D301 - click wants the backspace itself
    out = console()
    last = since
    try:
        for event in client.subscribe(mission, since=since, replay_only=once):
            last = event.sequence
            if json_output:
                print_line(document_of(event))
            else:
                print_event(out, event)
            if bell and _rings(event):
                console(stderr=True).bell()
    except KeyboardInterrupt:
        click.echo(f"vedette: go on from here with --since {last}", err=True)
        raise


def _rings(event: incident_pb2.IncidentEvent) -> bool:
    """Whether the event makes an alert of what was none."""
    return (
        event.kind
        in (incident_pb2.INCIDENT_EVENT_KIND_RAISED, incident_pb2.INCIDENT_EVENT_KIND_ESCALATED)
        and event.incident.level == incident_pb2.INCIDENT_LEVEL_ALERT
    )


def print_event(out: Console, event: incident_pb2.IncidentEvent) -> None:
    """One event as one line for a person."""
    level = word(event.incident, "level")
    told = describe(event.incident)
    if event.kind == incident_pb2.INCIDENT_EVENT_KIND_DECIDED:
        told = f"{describe_decision(event.incident.decision)}: {told}"
    elif event.kind == incident_pb2.INCIDENT_EVENT_KIND_RELEASED and event.incident.releases:
        told = f"{describe_release(_latest(event.incident))}: {told}"
    line = (
        f"{event.sequence:>6} {utc(event.event_time)} {word(event, 'kind'):<9} "
        f"{level.upper():<8} {told}"
    )
    shown = Text(folded(out, line, _INDENT))
    begin = shown.plain.find(level.upper())
    shown.stylize(_COLOURS.get(level, ""), begin, begin + len(level))
    out.print(shown)


def utc(stamp: Timestamp) -> str:
    """A time in UTC to the second, for a person."""
    return f"{stamp.ToDatetime():%Y-%m-%d %H:%M:%SZ}"


def describe_decision(decision: incident_pb2.Decision) -> str:
    """What was decided, by whom and why."""
    why = f' ("{plain(decision.reason)}")' if decision.reason else ""
    code = f" as {word(decision, 'reason_code').replace('_', ' ')}" if decision.reason_code else ""
    return f"{word(decision, 'verdict')}{code} by {plain(decision.decided_by)}{why}"


def describe_release(release: incident_pb2.Release) -> str:
    """To whom it is released, or proposed to be, and by whom."""
    to, first = plain(release.recipient), plain(release.proposed_by)
    why = f' ("{plain(release.reason)}")' if release.reason else ""
    if not release.HasField("approve_time"):
        return f"proposed by {first} for release to {to}{why}; a second person has to release it"
    return f"released to {to} by {first} and {plain(release.approved_by)}{why}"


def _latest(incident: incident_pb2.Incident) -> incident_pb2.Release:
    """The release that was proposed or approved last."""
    return max(
        incident.releases,
        key=lambda it: max(it.propose_time.ToNanoseconds(), it.approve_time.ToNanoseconds()),
    )


def describe(incident: incident_pb2.Incident) -> str:
    """What, how far from whom, how sure, and where."""
    ground = incident.ground
    position = plain(incident.position_display_name) or last_part(incident.position)
    return (
        f"{incident.category} {incident.range_m:.0f} m "
        f"({incident.range_low_m:.0f} to {incident.range_high_m:.0f}) at bearing "
        f"{incident.bearing_deg:03.0f}° from {position}; confidence {incident.confidence:.2f}, "
        f"P(within {incident.radius_m:.0f} m) {incident.probability:.2f}; "
        f"{ground.latitude_deg:.6f}, {ground.longitude_deg:.6f} (MGRS {ground.mgrs}) "
        f"CE90 {ground.ce90_m:.1f} m; incident {last_part(incident.name)}"
    )
