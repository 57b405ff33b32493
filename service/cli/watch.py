"""`vedette watch`: incidents as they come."""

from __future__ import annotations

from pathlib import Path

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

SEVERITIES = {
    "low": incident_pb2.INCIDENT_SEVERITY_LOW,
    "medium": incident_pb2.INCIDENT_SEVERITY_MEDIUM,
    "high": incident_pb2.INCIDENT_SEVERITY_HIGH,
}
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
@click.option(
    "--thin",
    is_flag=True,
    help="For links of some kilobits: at most 500 bytes an event, the most severe first.",
)
@click.option(
    "--chips",
    type=click.Choice(list(SEVERITIES)),
    help="With --thin: pictures of 20 kB follow from this severity on, into --chips-into.",
)
@click.option(
    "--chips-into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("chips"),
    show_default=True,
    help="Folder for them; made when missing.",
)
@click.option(
    "--events-per-hour",
    type=click.IntRange(min=0),
    default=0,
    help="Most events told one by one; further ones are counted in a line a minute. What is new "
    "and of high severity is always told.  [no limit]",
)
@as_json
@connected
def watch(
    client: Client,
    mission: str,
    since: int,
    bell: bool,
    once: bool,
    thin: bool,
    chips: str | None,
    chips_into: Path,
    events_per_hour: int,
    json_output: bool,
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
      vedette watch -m unmiss --thin --chips high --events-per-hour 30
    """  # noqa: D301 - click wants the backspace itself
    if chips is not None and not thin:
        raise click.UsageError("--chips goes with --thin; without it, see 'vedette incident chip'")
    out = console()
    last, briefs = since, Briefs()
    events = client.subscribe(
        mission,
        since=since,
        replay_only=once,
        detail=incident_pb2.INCIDENT_DETAIL_BRIEF if thin else incident_pb2.INCIDENT_DETAIL_FULL,
        chips_from=SEVERITIES[chips] if chips else incident_pb2.INCIDENT_SEVERITY_UNSPECIFIED,
        events_per_hour=events_per_hour,
    )
    try:
        for event in events:
            last = event.resume_after or event.sequence
            if event.HasField("chip"):
                saved = save_chip(event.chip, chips_into)
                click.echo(f"{event.sequence:>6} picture in {saved}", err=json_output)
            elif json_output:
                print_line(document_of(event))
            elif event.HasField("summary"):
                out.print(describe_summary(event.summary), markup=False)
            elif event.HasField("brief"):
                print_brief(out, event, briefs.merged(event.brief))
            else:
                print_event(out, event)
            if bell and _rings(event):
                console(stderr=True).bell()
    except KeyboardInterrupt:
        click.echo(f"vedette: go on from here with --since {last}", err=True)
        raise


def _rings(event: incident_pb2.IncidentEvent) -> bool:
    """Whether the event makes an alert of what was none."""
    level = event.brief.level if event.HasField("brief") else event.incident.level
    return (
        event.kind
        in (incident_pb2.INCIDENT_EVENT_KIND_RAISED, incident_pb2.INCIDENT_EVENT_KIND_ESCALATED)
        and level == incident_pb2.INCIDENT_LEVEL_ALERT
    )


class Briefs:
    """Incidents as their briefs, one after the other, have told them."""

    def __init__(self) -> None:
        self._known: dict[str, incident_pb2.IncidentBrief] = {}

    def merged(self, brief: incident_pb2.IncidentBrief) -> incident_pb2.IncidentBrief:
        """What is known of an incident after one more brief."""
        known = self._known.setdefault(brief.incident_id, incident_pb2.IncidentBrief())
        known.MergeFrom(brief)
        return known


def save_chip(chip: incident_pb2.IncidentChip, folder: Path) -> Path:
    """Write a chip under the name of its incident; the latest replaces the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"incident-{last_part(chip.incident)}.jpg"
    path.write_bytes(chip.jpeg)
    return path


def print_brief(
    out: Console, event: incident_pb2.IncidentEvent, brief: incident_pb2.IncidentBrief
) -> None:
    """One brief event as one line for a person."""
    seen = f"{brief.category} {brief.range_m:.0f} m" if brief.category else "incident"
    told = plain(brief.reason) or f"{seen} at bearing {brief.bearing_deg:03.0f}°"
    out.print(
        folded(
            out,
            f"{event.sequence:>6} {utc(event.event_time)} {word(event, 'kind'):<9} "
            f"{word(brief, 'severity').upper():<6} {told} ({brief.latitude_e7 / 1e7:.6f}, "
            f"{brief.longitude_e7 / 1e7:.6f}, CE90 {brief.ce90_m:.0f} m; {brief.position_id}; "
            f"incident {brief.incident_id})",
            _INDENT,
        ),
        markup=False,
    )


def describe_summary(summary: incident_pb2.EventSummary) -> str:
    """Events that were not told one by one, counted."""
    kinds = ", ".join(f"{each.count} {word(each, 'kind')}" for each in summary.kinds)
    return (
        f"{summary.last_sequence:>6} {summary.event_count} events of {summary.incident_count} "
        f"incidents not told one by one ({kinds}; severity up to {word(summary, 'severity')}): "
        "see 'vedette incident list'"
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
