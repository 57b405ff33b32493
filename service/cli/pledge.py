"""`vedette pledge`: the register of pledged capabilities, and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import pledge_pb2

from models.errors import InvalidInputError
from models.wording import counted
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
from service.client import Client
from service.clock import utc_now
from service.pledge_report import PledgeReport, as_csv, as_html, as_pdf

MARKINGS = {
    "unclassified": pledge_pb2.MARKING_UNCLASSIFIED,
    "confidential": pledge_pb2.MARKING_CONFIDENTIAL,
    "strictly-confidential": pledge_pb2.MARKING_STRICTLY_CONFIDENTIAL,
}
CAVEATS = {
    "no-imagery": pledge_pb2.CAVEAT_NO_IMAGERY,
    "no-feeds": pledge_pb2.CAVEAT_NO_FEEDS,
    "no-release": pledge_pb2.CAVEAT_NO_RELEASE,
}
STATES: dict[str, Any] = {
    name.removeprefix("PLEDGE_STATE_").lower(): number
    for name, number in pledge_pb2.PledgeState.items()
    if number
}
FORMATS: dict[str, Callable[[PledgeReport], bytes]] = {
    "html": as_html,
    "pdf": as_pdf,
    "csv": as_csv,
}


@click.group(cls=ServiceGroup)
def pledge() -> None:
    """The capabilities that states pledge to a mission, from promise to account."""


@pledge.command("add")
@click.argument("pledge_id")
@in_mission
@click.option(
    "--contributor",
    "-c",
    required=True,
    help="The pledging state, ISO 3166-1 alpha-3, for example SWE.",
)
@click.option("--capability", default="", help='For example "small UAS, visible light".')
@click.option("--platform", default="", help='For example "Skydio X2".')
@click.option(
    "--marking",
    type=click.Choice(list(MARKINGS)),
    required=True,
    help="The marking every output from this pledge bears.",
)
@click.option("--from", "valid_from", help="From when it is promised, such as 2026-12-01T00:00Z.")
@click.option("--until", "valid_until", help="Until when; imagery is refused afterwards.")
@click.option(
    "--monthly-hours", type=click.FloatRange(min=0, min_open=True), help="Flying hours a month."
)
@click.option(
    "--caveat",
    "caveats",
    type=click.Choice(list(CAVEATS)),
    multiple=True,
    help="no-imagery: pictures stay with the contributor and the mission's analysts. no-feeds: "
    "nothing goes to TAK. no-release: nothing leaves the mission.",
)
@as_json
@connected
def add(
    client: Client,
    mission: str,
    pledge_id: str,
    contributor: str,
    capability: str,
    platform: str,
    marking: str,
    valid_from: str | None,
    valid_until: str | None,
    monthly_hours: float | None,
    caveats: tuple[str, ...],
    json_output: bool,
) -> None:
    """Register a pledge; the same pledge given again changes nothing.

    \b
    Examples:
      vedette pledge add swe-1 --mission unmiss --contributor SWE --marking unclassified
      vedette pledge add nor-2 -m unmiss -c NOR --platform "Skydio X2" --marking confidential
    """  # noqa: D301 - click wants the backspace itself
    made = client.call(
        client.pledges.CreatePledge,
        pledge_pb2.CreatePledgeRequest(
            parent=mission,
            pledge_id=pledge_id,
            pledge=pledge_pb2.Pledge(
                contributor=contributor,
                capability=capability,
                platform=platform,
                marking=MARKINGS[marking],
                valid_from=_instant(valid_from, "from"),
                valid_until=_instant(valid_until, "until"),
                monthly_hours=monthly_hours,
                caveats=[CAVEATS[caveat] for caveat in sorted(set(caveats))],
            ),
        ),
    )
    if json_output:
        print_document(document_of(made))
    else:
        console().print(made.name)


@pledge.command("list")
@in_mission
@as_json
@connected
def list_pledges(client: Client, mission: str, json_output: bool) -> None:
    """List the pledges of a mission, oldest first.

    \b
    Example:
      vedette pledge list -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    request = pledge_pb2.ListPledgesRequest(parent=mission, page_size=1000)
    found = [
        item for page in client.pages(client.pledges.ListPledges, request) for item in page.pledges
    ]
    if json_output:
        print_document({"pledges": [document_of(item) for item in found]})
        return
    print_table(
        ("PLEDGE", "STATE", "CONTRIBUTOR", "CAPABILITY", "PLATFORM", "MARKING", "CAVEATS", "UNTIL"),
        (
            (
                last_part(item.name),
                word(item, "state"),
                item.contributor,
                item.capability,
                item.platform,
                word(item, "marking").replace("_", " "),
                ", ".join(name for name, caveat in CAVEATS.items() if caveat in item.caveats),
                utc(item.valid_until) if item.HasField("valid_until") else "",
            )
            for item in found
        ),
        empty=f"{mission} has no pledges; add one with 'vedette pledge add'",
    )


@pledge.command("move")
@click.argument("pledge_id")
@click.argument("state", type=click.Choice(list(STATES)))
@in_mission
@click.option("--reason", required=True, help="Why; it stays in the record.")
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    help="The revision you looked at: the move is refused where somebody was faster.",
)
@as_json
@connected
def move(
    client: Client,
    mission: str,
    pledge_id: str,
    state: str,
    reason: str,
    revision: int | None,
    json_output: bool,
) -> None:
    """Bring a pledge to another state: registered, deployed, operational, suspended, withdrawn.

    Imagery of a suspended or withdrawn pledge is refused; what it delivered before stays.

    \b
    Examples:
      vedette pledge move swe-1 deployed -m unmiss --reason "arrived in Juba"
      vedette pledge move swe-1 suspended -m unmiss --reason "no flight permit"
    """  # noqa: D301 - click wants the backspace itself
    name = full_name(pledge_id, mission, "pledges")
    if revision is None:
        found = client.call(client.pledges.GetPledge, pledge_pb2.GetPledgeRequest(name=name))
        revision = found.revision
    moved = client.call(
        client.pledges.MovePledge,
        pledge_pb2.MovePledgeRequest(
            name=name, state=STATES[state], reason=reason, revision=revision
        ),
    )
    if json_output:
        print_document(document_of(moved))
    else:
        console().print(f"{last_part(moved.name)} is {word(moved, 'state')}")


@pledge.command("history")
@click.argument("pledge_id")
@in_mission
@as_json
@connected
def history(client: Client, mission: str, pledge_id: str, json_output: bool) -> None:
    """Tell what became of a pledge, and why.

    \b
    Example:
      vedette pledge history swe-1 -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(
        client.pledges.ListPledgeMoves,
        pledge_pb2.ListPledgeMovesRequest(parent=full_name(pledge_id, mission, "pledges")),
    )
    if json_output:
        print_document(document_of(found))
        return
    print_table(
        ("TIME", "FROM", "TO", "BY", "REASON"),
        (
            (
                utc(move.move_time),
                word(move, "before"),
                word(move, "after"),
                move.moved_by,
                move.reason,
            )
            for move in found.moves
        ),
        empty=f"{pledge_id} is as it was registered",
    )


@pledge.command("refused")
@click.argument("pledge_id")
@in_mission
@click.option("--by", "refused_by", required=True, help='Who, for example "host state".')
@click.option("--reason", required=True, help="What they gave as the reason.")
@click.option("--planned", required=True, help="When it was to fly, such as 2026-11-24T10:00Z.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="How long.")
@as_json
@connected
def refused(
    client: Client,
    mission: str,
    pledge_id: str,
    refused_by: str,
    reason: str,
    planned: str,
    hours: float | None,
    json_output: bool,
) -> None:
    """Take down that somebody else did not let a sortie happen.

    \b
    Example:
      vedette pledge refused swe-1 -m unmiss --by host --reason "no slot" --planned 2026-11-24T10Z
    """  # noqa: D301 - click wants the backspace itself
    made = client.call(
        client.pledges.RecordRefusal,
        pledge_pb2.RecordRefusalRequest(
            parent=full_name(pledge_id, mission, "pledges"),
            request_id=str(uuid.uuid4()),
            refusal=pledge_pb2.Refusal(
                refused_by=refused_by,
                reason=reason,
                planned_time=_instant(planned, "planned"),
                planned_hours=hours,
            ),
        ),
    )
    if json_output:
        print_document(document_of(made))
    else:
        console().print(f"{pledge_id}: refused by {made.refused_by}")


@pledge.command("report")
@in_mission
@click.option("--since", help="Begin of the period, such as 2026-10-01T00:00Z.  [30 days ago]")
@click.option("--until", help="End of the period, which is not part of it.  [now]")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="html, pdf (one A4 page) or csv.  [by the ending of OUTPUT]",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to save to; - writes to standard output.  [a table on the terminal]",
)
@as_json
@connected
def report(
    client: Client,
    mission: str,
    since: str | None,
    until: str | None,
    form: str | None,
    output: Path | None,
    json_output: bool,
) -> None:
    """Account for what each contributor pledged, flew and delivered, and what was of use.

    \b
    Examples:
      vedette pledge report -m unmiss
      vedette pledge report -m unmiss --since 2026-10-01T00:00Z -o october.pdf
      vedette pledge report -m unmiss --format csv -o october.csv
    """  # noqa: D301 - click wants the backspace itself
    made_at = utc_now()
    end = made_at if until is None else parse_time(until, "until")
    start = end - timedelta(days=30) if since is None else parse_time(since, "since")
    found = client.call(
        client.pledges.AccountForPledges,
        pledge_pb2.AccountForPledgesRequest(
            parent=mission, start_time=timestamp_of(start), end_time=timestamp_of(end)
        ),
    )
    if json_output:
        print_document(document_of(found))
        return
    told = PledgeReport(
        mission=last_part(mission), start=start, end=end, made_at=made_at, accounts=found.accounts
    )
    if output is not None and output != Path("-"):
        chosen = form or output.suffix.lstrip(".").lower()
        if chosen not in FORMATS:
            raise InvalidInputError(
                f"{output.name} ends in none of {', '.join(FORMATS)}; say which with --format",
                field="output",
            )
        output.write_bytes(FORMATS[chosen](told))
        console().print(f"{output}: {counted(len(found.accounts), 'contributor')}, {told.period}")
        return
    if output is not None and form is None:
        raise InvalidInputError(
            f"say with --format what goes to standard output: {', '.join(FORMATS)}", field="format"
        )
    if form is not None:
        click.echo(FORMATS[form](told), nl=False)
        return
    columns, rows = told.table()
    print_table(columns, rows, empty="no pledge was in force and nothing was delivered")
    for remark in told.remarks():
        console().print(remark, markup=False)


def _instant(text: str | None, field: str) -> Timestamp | None:
    return None if text is None else timestamp_of(parse_time(text, field))
