"""`vedette rule`: what counts as a threat."""

from __future__ import annotations

from typing import Any

import click
from vedette.v1 import rule_pb2

from models.errors import VedetteError
from pipelines.threats.rules.rule import DEFAULT_MIN_CONFIDENCE, Rule, validate_rule
from service.api.convert.rule import POSITION_KINDS, rule_message, told_rule
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
)
from service.cli.rule_documents import check_rule, default_rules, read_document
from service.cli.rule_preview import preview_rule
from service.cli.rule_text import asks, changes, standing, toml_of
from service.client import Client
from service.errors import NotFoundError


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
        asked = read_document(what, json_output=json_output)
    _put(client, mission, asked, json_output)


@rule.command("enable")
@click.argument("rule_id")
@in_mission
@as_json
@connected
def enable_rule(client: Client, mission: str, rule_id: str, json_output: bool) -> None:
    """Put a disabled rule in force again.

    \b
    Example:
      vedette rule enable convoys -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    _switch(client, mission, rule_id, json_output, enabled=True)


@rule.command("disable")
@click.argument("rule_id")
@in_mission
@as_json
@connected
def disable_rule(client: Client, mission: str, rule_id: str, json_output: bool) -> None:
    """Take a rule out of force, and keep it.

    While no rule of the mission is in force, the built-in ones are.

    \b
    Example:
      vedette rule disable convoys -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    _switch(client, mission, rule_id, json_output, enabled=False)


@rule.command("delete")
@click.argument("rule_id")
@in_mission
@as_json
@connected
def delete_rule(client: Client, mission: str, rule_id: str, json_output: bool) -> None:
    """Take a rule out of force for good; its history stays.

    While no rule of the mission is in force, the built-in ones are.

    \b
    Example:
      vedette rule delete convoys -m unmiss
    """  # noqa: D301 - click wants the backspace itself
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
    message = rule_message(mission.removeprefix("missions/"), asked)
    # Only a person is told whether anything changed, and that costs a call.
    before = 0 if json_output else _revision(client, message.name)
    in_force = client.call(client.rules.SetRule, rule_pb2.SetRuleRequest(rule=message))
    if json_output:
        print_document(document_of(in_force))
        return
    state = "is kept, and not in force" if in_force.disabled else "is in force"
    if in_force.revision == before:
        state += " unchanged: it says the same"
    console().print(f"{in_force.name} revision {in_force.revision} {state}", markup=False)
    if in_force.disabled:
        _tell_if_none(client, mission)


def _revision(client: Client, name: str) -> int:
    """The latest revision of a rule; 0 where there is none."""
    try:
        found = client.call(client.rules.GetRule, rule_pb2.GetRuleRequest(name=name))
    except VedetteError as error:
        if error.reason != NotFoundError.reason:
            raise
        return 0
    return found.revision


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


for _command in (check_rule, default_rules, preview_rule):
    rule.add_command(_command)
