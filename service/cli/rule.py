"""`vedette rule`: what counts as a threat."""

from __future__ import annotations

import click
from vedette.v1 import position_pb2, rule_pb2

from pipelines.threats.rules import DEFAULT_MIN_CONFIDENCE
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
from service.cli.position import KINDS
from service.client import Client


@click.group(cls=ServiceGroup)
def rule() -> None:
    """Say what counts as a threat to a position."""


@rule.command("list")
@in_mission
@as_json
@connected
def list_rules(client: Client, mission: str, json_output: bool) -> None:
    """List the rules in force; a mission that has set none has the default rule.

    \b
    Example:
      vedette rule list -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(client.rules.ListRules, rule_pb2.ListRulesRequest(parent=mission)).rules
    if json_output:
        print_document({"rules": [document_of(item) for item in found]})
        return
    print_table(
        ("RULE", "REVISION", "CATEGORIES", "POSITIONS", "RADIUS", "CONFIDENCE", "PROBABILITY"),
        (
            (
                last_part(item.name),
                str(item.revision),
                ", ".join(item.categories),
                ", ".join(
                    position_pb2.PositionKind.Name(kind).removeprefix("POSITION_KIND_").lower()
                    for kind in item.position_kinds
                )
                or "all",
                f"{item.radius_m:g} m",
                f"{item.min_confidence:g}",
                f"possible {item.possible_probability:g}, alert {item.alert_probability:g}",
            )
            for item in found
        ),
        empty=f"{mission} has no rules",
    )


@rule.command("set")
@click.argument("rule_id")
@in_mission
@click.option(
    "--category",
    "-c",
    "categories",
    multiple=True,
    required=True,
    help="Such as car, or a group: person, vehicle; repeatable.",
)
@click.option(
    "--position-kind",
    "position_kinds",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="Only positions of this kind; repeatable; all when left out.",
)
@click.option("--radius", "radius_m", type=click.FloatRange(min=1), required=True, help="Metres.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=DEFAULT_MIN_CONFIDENCE,
    show_default=True,
    help="Detections below it are not weighed.",
)
@click.option(
    "--possible",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="Probability within the radius from which an incident is possible.",
)
@click.option(
    "--alert",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Probability from which it is an alert.",
)
@as_json
@connected
def set_rule(
    client: Client,
    mission: str,
    rule_id: str,
    categories: tuple[str, ...],
    position_kinds: tuple[str, ...],
    radius_m: float,
    min_confidence: float,
    possible: float,
    alert: float,
    json_output: bool,
) -> None:
    """Create a rule, or put a new revision of it in force.

    \b
    Example:
      vedette rule set vehicles -m unmiss -c car -c truck --radius 500
    """  # noqa: D301 - click wants the backspace itself
    in_force = client.call(
        client.rules.SetRule,
        rule_pb2.SetRuleRequest(
            rule=rule_pb2.Rule(
                name=full_name(rule_id, mission, "rules"),
                categories=categories,
                position_kinds=[KINDS[kind] for kind in position_kinds],
                radius_m=radius_m,
                min_confidence=min_confidence,
                possible_probability=possible,
                alert_probability=alert,
            )
        ),
    )
    if json_output:
        print_document(document_of(in_force))
    else:
        console().print(f"{in_force.name} revision {in_force.revision} is in force")
