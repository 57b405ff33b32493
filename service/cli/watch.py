"""`vedette watch`: incidents as they come."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.text import Text
from vedette.v1 import incident_pb2

from models.wording import counted
from service.cli.incident_lines import (
    and_others,
    describe,
    describe_decision,
    describe_release,
)
from service.cli.news import News
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
    utc,
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
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Also updates that tell nothing new; --json prints them anyway.",
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
    every: bool,
    json_output: bool,
) -> None:
    """Print incidents as they come, one a line.

    First what happened after --since, then live. Every line begins with its sequence number: give
    the last one you saw to --since and nothing is missed and nothing comes twice. The connection is
    taken up again by itself; Ctrl-C ends it. Times are UTC.

    An update is left out where it tells nothing new: the same words, at the same place within its
    error, as sure as before, less than ten minutes after the last line on it. --all prints it.

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
    last, teller = since, Teller(out, every=every)
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
            else:
                teller.tell(event)
            if bell and _rings(event):
                console(stderr=True).bell()
    except KeyboardInterrupt:
        click.echo(f"vedette: go on from here with --since {last}", err=True)
        raise
    if teller.silent:
        left_out = counted(teller.silent, "update")
        click.echo(f"vedette: {left_out} told nothing new; --all prints every one", err=True)


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


class Teller:
    """Prints events, a line each, but for what tells nothing new.

    Args:
        out: where to.
        every: print that as well.

    Attributes:
        silent: how many events were not printed.
    """

    def __init__(self, out: Console, *, every: bool) -> None:
        self.silent = 0
        self._out = out
        self._every = every
        self._briefs = Briefs()
        self._news = News()

    def tell(self, event: incident_pb2.IncidentEvent) -> None:
        """Print one event."""
        if event.HasField("summary"):
            self._out.print(describe_summary(event.summary), markup=False)
            return
        brief = self._briefs.merged(event.brief) if event.HasField("brief") else None
        if not self._news.tells(event, brief) and not self._every:
            self.silent += 1
        elif brief is not None:
            print_brief(self._out, event, brief)
        else:
            print_event(self._out, event)


def save_chip(chip: incident_pb2.IncidentChip, target: Path) -> Path:
    """Write a chip to a .jpg file, or into a folder under the name of its incident.

    The latest replaces the one before.
    """
    path = target
    if target.suffix.lower() not in (".jpg", ".jpeg") or target.is_dir():
        path = target / f"incident-{last_part(chip.incident)}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(chip.jpeg)
    return path


def print_brief(
    out: Console, event: incident_pb2.IncidentEvent, brief: incident_pb2.IncidentBrief
) -> None:
    """One brief event as one line for a person."""
    seen = f"{brief.category} {brief.range_m:.0f} m" if brief.category else "incident"
    told = plain(brief.reason) or f"{seen} at bearing {brief.bearing_deg:03.0f}°"
    level, severity = word(brief, "level").upper(), word(brief, "severity").upper()
    out.print(
        folded(
            out,
            f"{event.sequence:>6} {utc(event.event_time)} {word(event, 'kind'):<9} "
            f"{level:<8} {severity:<6} {told} ({brief.latitude_e7 / 1e7:.6f}, "
            f"{brief.longitude_e7 / 1e7:.6f}, CE90 {brief.ce90_m:.0f} m; "
            f"{and_others(brief.position_id, brief.others_near_count)}; "
            f"incident {brief.incident_id})",
            _INDENT,
        ),
        markup=False,
    )


def describe_summary(summary: incident_pb2.EventSummary) -> str:
    """Events that were not told one by one, counted."""
    kinds = ", ".join(f"{each.count} {word(each, 'kind')}" for each in summary.kinds)
    return (
        f"{summary.last_sequence:>6} {counted(summary.event_count, 'event')} of "
        f"{counted(summary.incident_count, 'incident')} not told one by one "
        f"({kinds}; severity up to {word(summary, 'severity')}): "
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
        f"{level.upper():<8} {_severity(event.incident).upper():<6} {told}; "
        f"incident {last_part(event.incident.name)}"
    )
    shown = Text(folded(out, line, _INDENT))
    begin = shown.plain.find(level.upper())
    shown.stylize(_COLOURS.get(level, ""), begin, begin + len(level))
    out.print(shown)


def _latest(incident: incident_pb2.Incident) -> incident_pb2.Release:
    """The release that was proposed or approved last."""
    return max(
        incident.releases,
        key=lambda it: max(it.propose_time.ToNanoseconds(), it.approve_time.ToNanoseconds()),
    )


def _severity(incident: incident_pb2.Incident) -> str:
    """Its word; none for incidents from before there were severities."""
    return word(incident, "severity") if incident.severity else ""
