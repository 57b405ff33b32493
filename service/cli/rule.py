"""`vedette rule`: what counts as a threat."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from vedette.v1 import rule_pb2

from models.errors import InvalidInputError
from pipelines.threats.default_rules import DEFAULT_RULES
from pipelines.threats.rule_document import MAX_DOCUMENT, read_rule, rule_document, rule_toml
from pipelines.threats.rules import DEFAULT_MIN_CONFIDENCE, Rule, validate_rule
from service.api.convert.rule import POSITION_KINDS, rule_message, told_rule
from service.api.convert.values import timestamp
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
)
from service.cli.rule_text import (
    asks,
    changes,
    example_lines,
    position_rows,
    preview_lines,
    standing,
    toml_of,
)
from service.client import Client
from service.clock import utc_now

_SPAN = re.compile(r"(\d{1,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PREVIEW_TIMEOUT_S = 1800.0


@click.group(cls=ServiceGroup)
def rule() -> None:
    """Say what counts as a threat to a position.

    A rule is a document that people write, keep and compare. While a mission has no rule in force,
    the built-in ones are: `vedette rule defaults` shows them, and is where to begin.

    \b
    Example:
      vedette rule defaults default > mine.toml
      vedette rule preview mine.toml -m unmiss --since 7d
      vedette rule set mine.toml -m unmiss
    """  # noqa: D301 - click wants the backspace itself


@rule.command("list")
@in_mission
@as_json
@connected
def list_rules(client: Client, mission: str, json_output: bool) -> None:
    """List the rules of a mission; while it has none in force, the built-in ones are.

    \b
    Example:
      vedette rule list -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(client.rules.ListRules, rule_pb2.ListRulesRequest(parent=mission)).rules
    if json_output:
        print_document({"rules": [document_of(item) for item in found]})
        return
    print_table(
        ("RULE", "REVISION", "IN FORCE", "SEES", "NEAR", "WITHIN", "ASKS"),
        (
            (
                last_part(item.name),
                str(item.revision) if item.revision else "built in",
                "no" if item.disabled else "yes",
                ", ".join(item.categories),
                _guarded(told_rule(item)),
                f"{item.radius_m:g} m",
                asks(told_rule(item)),
            )
            for item in found
        ),
        empty=f"{mission} has no rules",
    )
    if found and not any(item.revision and not item.disabled for item in found):
        console(stderr=True).print(
            "The built-in rules are in force until a rule of this mission is. Begin with: "
            "vedette rule defaults default > mine.toml",
            markup=False,
        )


@rule.command("show")
@click.argument("rule_id")
@in_mission
@click.option("--revision", type=click.IntRange(min=1), help="An earlier one; the latest without.")
@as_json
@connected
def show_rule(
    client: Client, mission: str, rule_id: str, revision: int | None, json_output: bool
) -> None:
    """Show a rule as the document that sets it.

    \b
    Example:
      vedette rule show convoys -m unmiss > convoys.toml
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(
        client.rules.GetRule,
        rule_pb2.GetRuleRequest(name=full_name(rule_id, mission, "rules"), revision=revision or 0),
    )
    if json_output:
        print_document(document_of(found))
    else:
        click.echo(toml_of(found), nl=False)


@rule.command("check")
@click.argument("file", metavar="FILE")
@as_json
def check_rule(file: str, json_output: bool) -> None:
    """Check a document without a service: what it says with every default, or what is wrong.

    \b
    Example:
      vedette rule check convoys.toml
    """  # noqa: D301 - click wants the backspace itself
    found = read_rule(_text_of(file))
    if json_output:
        print_document(rule_document(found))
    else:
        click.echo(rule_toml(found), nl=False)


@rule.command("set")
@click.argument("what", metavar="FILE|RULE")
@in_mission
@click.option(
    "--category",
    "-c",
    "categories",
    multiple=True,
    help="Such as car, or a group: person, vehicle; repeatable.",
)
@click.option(
    "--position-kind",
    "position_kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in POSITION_KINDS]),
    help="Only positions of this kind; repeatable; all when left out.",
)
@click.option("--radius", "radius_m", type=click.FloatRange(min=1), help="Metres.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    help=f"Detections below it are not weighed.  [default: {DEFAULT_MIN_CONFIDENCE}]",
)
@click.option(
    "--possible",
    type=click.FloatRange(0, 1, min_open=True),
    help="Probability within the radius from which an incident is possible.  [default: 0.1]",
)
@click.option(
    "--alert",
    type=click.FloatRange(0, 1, min_open=True),
    help="Probability from which it is an alert.  [default: 0.5]",
)
@as_json
@connected
def set_rule(
    client: Client,
    mission: str,
    what: str,
    categories: tuple[str, ...],
    position_kinds: tuple[str, ...],
    radius_m: float | None,
    min_confidence: float | None,
    possible: float | None,
    alert: float | None,
    json_output: bool,
) -> None:
    """Create a rule, or put a new revision of it in force.

    From a document in TOML or JSON ("-" reads it from standard input), which can say everything; or
    by a name with --category and --radius, for the plainest rules.

    \b
    Example:
      vedette rule set convoys.toml -m unmiss
      vedette rule set vehicles -m unmiss -c car -c truck --radius 500
    """  # noqa: D301 - click wants the backspace itself
    figures = {
        "radius_m": radius_m,
        "min_confidence": min_confidence,
        "possible_probability": possible,
        "alert_probability": alert,
    }
    given = {name: value for name, value in figures.items() if value is not None}
    if categories or position_kinds or given:
        asked = _by_name(what, categories, position_kinds, given)
    else:
        asked = read_rule(_text_of(what))
    _put(client, mission, asked, json_output)


@rule.command("enable")
@click.argument("rule_id")
@in_mission
@as_json
@connected
def enable_rule(client: Client, mission: str, rule_id: str, json_output: bool) -> None:
    """Put a disabled rule in force again."""
    _switch(client, mission, rule_id, json_output, enabled=True)


@rule.command("disable")
@click.argument("rule_id")
@in_mission
@as_json
@connected
def disable_rule(client: Client, mission: str, rule_id: str, json_output: bool) -> None:
    """Take a rule out of force, and keep it.

    While no rule of the mission is in force, the built-in ones are.
    """
    _switch(client, mission, rule_id, json_output, enabled=False)


@rule.command("delete")
@click.argument("rule_id")
@in_mission
@as_json
@connected
def delete_rule(client: Client, mission: str, rule_id: str, json_output: bool) -> None:
    """Take a rule out of force for good; its history stays.

    While no rule of the mission is in force, the built-in ones are.
    """
    name = full_name(rule_id, mission, "rules")
    client.call(client.rules.DeleteRule, rule_pb2.DeleteRuleRequest(name=name), retry=False)
    if json_output:
        print_document({"deleted": name})
        return
    console().print(f"{name} is deleted; its history stays", markup=False)
    _tell_if_none(client, mission)


@rule.command("history")
@click.argument("rule_id")
@in_mission
@as_json
@connected
def rule_history(client: Client, mission: str, rule_id: str, json_output: bool) -> None:
    """List the revisions of a rule, newest first, each with what it changed.

    \b
    Example:
      vedette rule history convoys -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    request = rule_pb2.ListRuleRevisionsRequest(name=full_name(rule_id, mission, "rules"))
    found = [
        item
        for page in client.pages(client.rules.ListRuleRevisions, request)
        for item in page.rules
    ]
    if json_output:
        print_document({"rules": [document_of(item) for item in found]})
        return
    for newer, older in zip(found, [*found[1:], None], strict=True):
        click.echo(standing(newer))
        for line in changes(older, newer):
            click.echo(f"  {line}")


@rule.command("defaults")
@click.argument("rule_id", required=False)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each as a document into this folder.",
)
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of TOML.")
def default_rules(rule_id: str | None, into: Path | None, json_output: bool) -> None:
    """Show the built-in rules as documents to begin with; needs no service.

    A first rule of a mission's own takes all built-in ones out of force: set those as well that the
    mission wants to keep.

    \b
    Example:
      vedette rule defaults route-new > route-new.toml
      vedette rule defaults --into rules
    """  # noqa: D301 - click wants the backspace itself
    chosen = [it for it in DEFAULT_RULES if rule_id in (None, it.rule_id)]
    if not chosen:
        known = ", ".join(it.rule_id for it in DEFAULT_RULES)
        raise InvalidInputError(f"none is called {str(rule_id)[:80]!r}: {known}", field="rule_id")
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        for it in chosen:
            path = into / f"{it.rule_id}.toml"
            path.write_text(rule_toml(it), "utf-8")
            click.echo(path)
    elif json_output:
        print_document(
            rule_document(chosen[0]) if rule_id else {"rules": [rule_document(it) for it in chosen]}
        )
    else:
        click.echo("\n".join(rule_toml(it) for it in chosen), nl=False)


@rule.command("preview")
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
    asked, now = read_rule(_text_of(file)), utc_now()
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


def _text_of(file: str) -> str:
    """What a file holds, or standard input for "-".

    Raises:
        InvalidInputError: it cannot be read, is too long, or is no text.
    """
    try:
        if file == "-":
            data = sys.stdin.buffer.read(4 * MAX_DOCUMENT + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(4 * MAX_DOCUMENT + 1)
        return data.decode("utf-8-sig")
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError) and "." not in file:
            hint = "; to set a rule by name, give --category and --radius"
        raise InvalidInputError(
            f"cannot read {file}: {error.strerror}{hint}", field="file"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{file} is not UTF-8 text", field="file") from error


def _by_name(
    rule_id: str,
    categories: tuple[str, ...],
    position_kinds: tuple[str, ...],
    figures: dict[str, Any],
) -> Rule:
    for name, value in (("--category", categories), ("--radius", figures.get("radius_m"))):
        if not value:
            raise click.UsageError(f"a rule by name needs {name}; or give a document alone")
    by_word = {kind.value: kind for kind in POSITION_KINDS}
    asked = Rule(
        rule_id=last_part(rule_id),
        revision=0,
        categories=frozenset(categories),
        position_kinds=frozenset(by_word[kind] for kind in position_kinds),
        **{"min_confidence": DEFAULT_MIN_CONFIDENCE, "radius_m": 0.0} | figures,
    )
    validate_rule(asked)
    return asked


def _put(client: Client, mission: str, asked: Rule, json_output: bool) -> None:
    in_force = client.call(
        client.rules.SetRule,
        rule_pb2.SetRuleRequest(rule=rule_message(mission.removeprefix("missions/"), asked)),
    )
    if json_output:
        print_document(document_of(in_force))
        return
    state = "is kept, and not in force" if in_force.disabled else "is in force"
    console().print(f"{in_force.name} revision {in_force.revision} {state}", markup=False)
    if in_force.disabled:
        _tell_if_none(client, mission)


def _switch(
    client: Client, mission: str, rule_id: str, json_output: bool, *, enabled: bool
) -> None:
    found = client.call(
        client.rules.GetRule, rule_pb2.GetRuleRequest(name=full_name(rule_id, mission, "rules"))
    )
    if found.disabled is not enabled:
        console(stderr=True).print(
            f"{found.name} was {'in force' if enabled else 'out of force'} before", markup=False
        )
        return
    found.disabled = not enabled
    in_force = client.call(client.rules.SetRule, rule_pb2.SetRuleRequest(rule=found))
    if json_output:
        print_document(document_of(in_force))
        return
    state = "is in force" if enabled else "is out of force"
    console().print(f"{in_force.name} revision {in_force.revision} {state}", markup=False)
    if not enabled:
        _tell_if_none(client, mission)


def _tell_if_none(client: Client, mission: str) -> None:
    """Say that the built-in rules speak where no rule of the mission does."""
    found = client.call(client.rules.ListRules, rule_pb2.ListRulesRequest(parent=mission)).rules
    if not any(item.revision and not item.disabled for item in found):
        console(stderr=True).print(
            "No rule of this mission is in force any more: the built-in ones are", markup=False
        )


def _guarded(asked: Rule) -> str:
    kinds = ", ".join(sorted(asked.position_kinds)) or "all kinds"
    return f"{kinds}: {', '.join(sorted(asked.position_ids))}" if asked.position_ids else kinds


def _moment(text: str, field: str, now: datetime) -> datetime:
    span = _SPAN.fullmatch(text)
    if span is None:
        return parse_time(text, field)
    return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
