"""`vedette incident`: what may threaten peacekeepers, and what people decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from google.protobuf.timestamp_pb2 import Timestamp
from rich.markup import escape
from vedette.v1 import incident_pb2

from models.errors import InvalidInputError
from models.wording import counted
from service.cli.incident_lines import (
    and_others,
    describe,
    describe_course,
    describe_decision,
    describe_near,
    describe_release,
    range_unknown,
    range_words,
)
from service.cli.output import (
    ServiceGroup,
    as_json,
    connected,
    console,
    document_of,
    folded,
    full_name,
    in_mission,
    last_part,
    print_document,
    print_table,
    utc,
    word,
)
from service.cli.resources import incident_name, shortened
from service.cli.watch import save_chip
from service.client import Client
from service.errors import AlreadyExistsError

STATES = {
    "open": incident_pb2.INCIDENT_STATE_OPEN,
    "acknowledged": incident_pb2.INCIDENT_STATE_ACKNOWLEDGED,
    "confirmed": incident_pb2.INCIDENT_STATE_CONFIRMED,
    "dismissed": incident_pb2.INCIDENT_STATE_DISMISSED,
}
VERDICTS = {
    "acknowledged": incident_pb2.VERDICT_ACKNOWLEDGED,
    "confirmed": incident_pb2.VERDICT_CONFIRMED,
    "dismissed": incident_pb2.VERDICT_DISMISSED,
    "escalated": incident_pb2.VERDICT_ESCALATED,
}
REASON_CODES = {
    "vegetation": incident_pb2.REASON_CODE_VEGETATION,
    "animal": incident_pb2.REASON_CODE_ANIMAL,
    "own-forces": incident_pb2.REASON_CODE_OWN_FORCES,
    "civilian-routine": incident_pb2.REASON_CODE_CIVILIAN_ROUTINE,
    "artefact": incident_pb2.REASON_CODE_ARTEFACT,
    "duplicate": incident_pb2.REASON_CODE_DUPLICATE,
    "other": incident_pb2.REASON_CODE_OTHER,
}


@click.group(cls=ServiceGroup)
def incident() -> None:
    """List, look at and decide on incidents."""


@incident.command("chip")
@click.argument("incident_id")
@in_mission
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="A .jpg file, or a folder to save to; made when missing.  [default: its own name, here]",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(2_000, 20_000),
    default=20_000,
    show_default=True,
    help="Most bytes that may cross the link for it.",
)
@as_json
@connected
def chip(
    client: Client,
    mission: str,
    incident_id: str,
    output: Path | None,
    max_bytes: int,
    json_output: bool,
) -> None:
    """Fetch a small picture of what an incident is about: some kilobytes instead of megabytes.

    \b
    Example:
      vedette incident chip 3f2a90c1 -m unmiss --max-bytes 8000 -o gate.jpg
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(
        client.incidents.GetIncidentChip,
        incident_pb2.GetIncidentChipRequest(
            name=incident_name(client, mission, incident_id), max_bytes=max_bytes
        ),
    )
    path = save_chip(found, output or Path())
    if json_output:
        box = [found.left_px, found.top_px, found.right_px, found.bottom_px]
        print_document({"path": str(path), "bytes": len(found.jpeg), "box_px": box})
    else:
        click.echo(f"{path}: {counted(len(found.jpeg), 'byte')}")


@incident.command("list")
@in_mission
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(list(STATES)),
    help="Only in this state; repeatable.",
)
@click.option("--position", default="", help="Only near this position, wherever they are gravest.")
@as_json
@connected
def list_incidents(
    client: Client, mission: str, states: tuple[str, ...], position: str, json_output: bool
) -> None:
    """List the incidents of a mission, newest first.

    An incident is of one thing. The position is the one where it is gravest; +2 says that it is
    near two others, which `incident show` names.

    On a terminal identifiers are shortened; `incident show` and `incident decide` take them so.

    \b
    Examples:
      vedette incident list -m unmiss --state open
      vedette incident list -m unmiss --position post-alpha
    """  # noqa: D301 - click wants the backspace itself
    request = incident_pb2.ListIncidentsRequest(
        parent=mission,
        page_size=1000,
        states=[STATES[state] for state in states],
        position=_position_name(mission, position),
    )
    found = [
        item
        for page in client.pages(client.incidents.ListIncidents, request)
        for item in page.incidents
    ]
    if json_output:
        print_document({"incidents": [document_of(item) for item in found]})
        return
    identifiers = [last_part(item.name) for item in found]
    out = console()
    names = (
        shortened(identifiers)
        if out.is_terminal
        else dict(zip(identifiers, identifiers, strict=True))
    )
    print_table(
        (
            "INCIDENT",
            "STATE",
            "LEVEL",
            "SEVERITY",
            "CATEGORY",
            "POSITION",
            "RANGE",
            "BEARING",
            "CE90",
            "P",
        ),
        (_incident_row(item, names[last_part(item.name)]) for item in found),
        empty=f"{mission} has no such incidents",
    )


def _incident_row(item: incident_pb2.Incident, name: str) -> tuple[str, ...]:
    unknown = range_unknown(item, item.ground.ce90_m)
    return (
        name,
        word(item, "state"),
        word(item, "level"),
        word(item, "severity"),
        item.category,
        and_others(
            item.position_display_name or last_part(item.position),
            len(item.near) + item.more_near_count,
        ),
        range_words(item, item.ground.ce90_m),
        "" if unknown else f"{item.bearing_deg:03.0f}°",
        f"{item.ground.ce90_m:.1f} m",
        "" if unknown else f"{item.probability:.2f}",
    )


@incident.command("show")
@click.argument("incident_id")
@in_mission
@as_json
@connected
def show(client: Client, mission: str, incident_id: str, json_output: bool) -> None:
    """Show one incident; the first characters of its identifier are enough.

    \b
    Example:
      vedette incident show 18fde364 -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(
        client.incidents.GetIncident,
        incident_pb2.GetIncidentRequest(name=incident_name(client, mission, incident_id)),
    )
    if json_output:
        print_document(document_of(found))
        return
    out = console()
    severity = f"severity {word(found, 'severity')}  " if found.severity else ""
    out.print(
        f"{found.name}  {word(found, 'level').upper()}  {severity}{word(found, 'state')}",
        markup=False,
    )
    out.print(folded(out, describe(found), 2), markup=False)
    for line in (*describe_course(found), *describe_near(found)):
        out.print(folded(out, line, 2), markup=False)
    out.print(
        f"rule {last_part(found.rule)}; {counted(found.sighting_count, 'sighting')}, the last in "
        f"{last_part(found.imagery)}; revision {found.revision}; marking "
        f"{word(found, 'marking').replace('_', ' ')}"
    )
    if found.decision.verdict:
        out.print(escape(f"{describe_decision(found.decision)}, {utc(found.decision.decide_time)}"))
    for item in found.releases:
        out.print(describe_release(item), markup=False)


@incident.command("suppressed")
@in_mission
@click.option("--position", default="", help="Only near this position.")
@as_json
@connected
def suppressed(client: Client, mission: str, position: str, json_output: bool) -> None:
    """List what rules saw and nobody was shown, and why; the latest first.

    One line for each reason, category, position and rule: how many objects, how often they were
    seen so, the highest probability of being within the radius, from when to when, and the image
    that was last. With --json one entry for each object. Nothing is dropped without being counted.

    \b
    Examples:
      vedette incident suppressed -m unmiss
      vedette incident suppressed -m unmiss --position base --json
    """  # noqa: D301 - click wants the backspace itself
    request = incident_pb2.ListSuppressionsRequest(
        parent=mission,
        page_size=1000,
        position=_position_name(mission, position),
    )
    found = [
        item
        for page in client.pages(client.incidents.ListSuppressions, request)
        for item in page.suppressions
    ]
    if json_output:
        print_document({"suppressions": [document_of(item) for item in found]})
        return
    print_table(
        (
            "REASON",
            "CATEGORY",
            "POSITION",
            "RULE",
            "OBJECTS",
            "SIGHTINGS",
            "P UP TO",
            "FIRST",
            "LAST",
            "IMAGERY",
        ),
        map(_suppressed_row, _alike(found)),
        empty=f"{mission} has kept nothing back",
    )


def _position_name(mission: str, position: str) -> str:
    """The name of a position that is given as its identifier or by name; empty for none."""
    return full_name(position, mission, "positions") if position else ""


def _alike(
    found: Sequence[incident_pb2.Suppression],
) -> list[list[incident_pb2.Suppression]]:
    """Objects that were kept back for one reason, of one category near one position by one rule."""
    gathered: dict[tuple[str, ...], list[incident_pb2.Suppression]] = {}
    for item in found:
        key = (item.reason, item.category, item.position, item.rule)
        gathered.setdefault(key, []).append(item)
    return list(gathered.values())


def _suppressed_row(alike: Sequence[incident_pb2.Suppression]) -> tuple[str, ...]:
    # Unset where an image tells no time of its own.
    first = min(
        (it.first_time for it in alike if it.HasField("first_time")),
        key=Timestamp.ToNanoseconds,
        default=None,
    )
    last = max(alike, key=lambda it: it.last_time.ToNanoseconds())
    return (
        last.reason,
        last.category,
        last_part(last.position),
        last_part(last.rule),
        f"{len({it.track for it in alike if it.track}) + sum(not it.track for it in alike):,}",
        f"{sum(it.count for it in alike):,}",
        f"{max(it.probability for it in alike):.2f}",
        "" if first is None else utc(first),
        utc(last.last_time),
        last_part(last.imagery),
    )


@incident.command("decide")
@click.argument("incident_id")
@click.argument("verdict", type=click.Choice(list(VERDICTS)))
@in_mission
@click.option(
    "--code",
    type=click.Choice(list(REASON_CODES)),
    help="What it was; required when dismissed.",
)
@click.option("--reason", default="", help="In your words; required when dismissed as other.")
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    help="The revision you looked at; without it, the one that is shown before it is decided on.",
)
@click.option("--overturn", is_flag=True, help="Decide although somebody has decided before.")
@as_json
@connected
def decide(
    client: Client,
    mission: str,
    incident_id: str,
    verdict: str,
    code: str | None,
    reason: str,
    revision: int | None,
    overturn: bool,
    json_output: bool,
) -> None:
    """Record what a person decided: acknowledged, confirmed, dismissed or escalated.

    A dismissal tells with --code what it was. Vegetation, animal and artefact become hard negatives
    that the next model learns from ('vedette export hard-negatives'). Escalated is for somebody of
    higher rank to look at, with high severity.

    The first characters of the incident's identifier are enough. With --revision the decision is
    refused when the incident has changed since you looked at it. Without it what is decided on is
    shown first, and what somebody has confirmed or dismissed stays so without --overturn.

    \b
    Examples:
      vedette incident decide 18fde364 confirmed -m unmiss --revision 3
      vedette incident decide 18fde364 dismissed -m unmiss --code own-forces
      vedette incident decide 18fde364 dismissed -m unmiss --code other --reason "market day"
    """  # noqa: D301 - click wants the backspace itself
    if verdict == "dismissed" and code is None:
        raise InvalidInputError(
            f"say what it was with --code: {', '.join(REASON_CODES)}", field="code"
        )
    name = incident_name(client, mission, incident_id)
    if revision is None:
        found = client.call(
            client.incidents.GetIncident, incident_pb2.GetIncidentRequest(name=name)
        )
        if not overturn:
            _require_undecided(found)
        if not json_output:
            _show_subject(found)
        revision = found.revision
    decided = client.call(
        client.incidents.DecideIncident,
        incident_pb2.DecideIncidentRequest(
            name=name,
            verdict=VERDICTS[verdict],
            reason=reason,
            revision=revision,
            reason_code=REASON_CODES[code] if code else None,
        ),
        retry=False,
    )
    if json_output:
        print_document(document_of(decided))
    else:
        console().print(f"{decided.name} is {word(decided, 'state')}")


@incident.command("release")
@click.argument("incident_id")
@click.argument("recipient")
@in_mission
@click.option("--reason", default="", help="Why; required of the one who proposes it.")
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    help="The revision you looked at; without it, the one that is shown before it is released.",
)
@as_json
@connected
def release(
    client: Client,
    mission: str,
    incident_id: str,
    recipient: str,
    reason: str,
    revision: int | None,
    json_output: bool,
) -> None:
    """Release an incident to somebody outside the mission: two persons have to.

    The first one's command proposes it. It is released when another person, with a credential of
    their own, gives it with the same RECIPIENT; then liaison credentials of that recipient read it,
    where their clearance allows.

    \b
    Example:
      vedette incident release 18fde364 "host state" -m unmiss --reason "their patrol is near"
    """  # noqa: D301 - click wants the backspace itself
    name = incident_name(client, mission, incident_id)
    if revision is None:
        found = client.call(
            client.incidents.GetIncident, incident_pb2.GetIncidentRequest(name=name)
        )
        if not json_output:
            _show_subject(found)
        revision = found.revision
    released = client.call(
        client.incidents.ReleaseIncident,
        incident_pb2.ReleaseIncidentRequest(
            name=name, recipient=recipient, reason=reason, revision=revision
        ),
        retry=False,
    )
    if json_output:
        print_document(document_of(released))
        return
    for item in released.releases:
        if item.recipient == recipient.strip():
            console().print(f"{released.name} {describe_release(item)}", markup=False)


def _require_undecided(found: incident_pb2.Incident) -> None:
    """Refuse to overturn, without a word, what somebody has confirmed or dismissed.

    Raises:
        AlreadyExistsError: somebody has.
    """
    if found.state in (
        incident_pb2.INCIDENT_STATE_CONFIRMED,
        incident_pb2.INCIDENT_STATE_DISMISSED,
    ):
        raise AlreadyExistsError(
            f"{describe_decision(found.decision)} on {utc(found.decision.decide_time)}, revision "
            f"{found.revision}; give --revision {found.revision} or --overturn to decide otherwise",
            field="verdict",
        )


def _show_subject(found: incident_pb2.Incident) -> None:
    """What is decided on, on standard error: a decision is on what was seen."""
    err = console(stderr=True)
    before = f", {describe_decision(found.decision)}" if found.decision.verdict else ""
    severity = f", severity {word(found, 'severity')}" if found.severity else ""
    head = f"{word(found, 'level').upper()}{severity}, {word(found, 'state')}{before}"
    err.print(
        f"{head}, revision {found.revision}: {describe(found)}; incident {last_part(found.name)}",
        markup=False,
    )
