"""`vedette rule preview`: what a rule would have raised."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click
from vedette.v1 import rule_pb2

from service.api.convert.rule import rule_message
from service.api.convert.values import timestamp
from service.cli.output import (
    ServiceCommand,
    as_json,
    connected,
    console,
    document_of,
    in_mission,
    parse_time,
    print_document,
    print_table,
)
from service.cli.rule_documents import read_document
from service.cli.rule_text import example_lines, position_rows, preview_lines
from service.client import Client
from service.clock import utc_now

_SPAN = re.compile(r"(\d{1,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PREVIEW_TIMEOUT_S = 1800.0


@click.command("preview", cls=ServiceCommand)
@click.argument("file", metavar="FILE")
@in_mission
@click.option(
    "--since",
    default="7d",
    show_default=True,
    metavar="TIME",
    help="How far back, such as 12h, 7d, 2w, or a time such as 2026-11-24T00:00:00Z.",
)
@click.option(
    "--until", metavar="TIME", help="The same; imagery from then on is left out.  [default: now]"
)
@as_json
@connected
def preview_rule(
    client: Client, mission: str, file: str, since: str, until: str | None, json_output: bool
) -> None:
    """Count what a rule would have raised from the detections of the past.

    Nothing is changed. What people decided is not replayed, and positions are those of now, patrols
    where they were at each time.

    \b
    Example:
      vedette rule preview convoys.toml -m unmiss --since 7d
    """  # noqa: D301 - click wants the backspace itself
    asked, now = read_document(file, json_output=json_output), utc_now()
    begin = _moment(since, "since", now)
    end = None if until is None else _moment(until, "until", now)
    request = rule_pb2.PreviewRuleRequest(
        parent=mission,
        rule=rule_message(mission.removeprefix("missions/"), asked),
        since=timestamp(begin),
        until=timestamp(end),
    )

    def patient(message: object, timeout: float) -> rule_pb2.PreviewRuleResponse:
        # Weeks of imagery take minutes.
        del timeout
        return client.rules.PreviewRule(message, timeout=_PREVIEW_TIMEOUT_S)  # type: ignore[arg-type]

    with console(stderr=True).status("trying the rule on the past"):
        found = client.call(patient, request)
    if json_output:
        print_document(document_of(found))
        return
    for line in preview_lines(found, asked, begin):
        click.echo(line)
    rows = position_rows(found)
    if rows:
        click.echo()
        print_table(("POSITION", "THIS RULE", "IN FORCE"), rows, empty="")
    if found.preview.withheld:
        click.echo()
        print_table(
            ("NOT SHOWN BECAUSE", "SIGHTINGS"),
            ((it.reason, f"{it.count:,}") for it in found.preview.withheld),
            empty="",
        )
    if found.preview.examples:
        click.echo("\nSome of what it would have raised:")
        for line in example_lines(found.preview.examples):
            click.echo(f"  {line}")


def _moment(text: str, field: str, now: datetime) -> datetime:
    span = _SPAN.fullmatch(text)
    if span is None:
        return parse_time(text, field)
    return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
