"""What counts as a threat to a position, served."""

from __future__ import annotations

import asyncio
from typing import Any

from vedette.v1 import rule_pb2, rule_pb2_grpc

from models.errors import InvalidInputError
from pipelines.threats.rules import DEFAULT_RULE, Rule, validate_rule
from service.api import names
from service.api.convert.position import POSITION_KINDS
from service.api.convert.rule import rule_message
from service.api.convert.values import chosen
from service.clock import utc_now
from service.ledger.store import Ledger


class RuleService(rule_pb2_grpc.RuleServiceServicer):
    """`vedette.v1.RuleService`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def ListRules(  # noqa: N802 - the contract's name
        self, request: rule_pb2.ListRulesRequest, context: Any
    ) -> rule_pb2.ListRulesResponse:
        """The rules of a mission in force."""
        del context
        mission_id = names.mission(request.parent)
        rules = await asyncio.to_thread(self._ledger.rules_in_force, mission_id)
        if not rules:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return rule_pb2.ListRulesResponse(
            rules=[rule_message(mission_id, rule) for rule in rules or (DEFAULT_RULE,)]
        )

    async def SetRule(  # noqa: N802 - the contract's name
        self, request: rule_pb2.SetRuleRequest, context: Any
    ) -> rule_pb2.Rule:
        """Put a new revision of a rule in force."""
        del context
        mission_id, rule_id = names.parse(request.rule.name, "missions/*/rules/*", "rule.name")
        rule = _asked(rule_id, request.rule)
        in_force = await asyncio.to_thread(self._ledger.set_rule, mission_id, rule, utc_now())
        return rule_message(mission_id, in_force)


def _asked(rule_id: str, asked: rule_pb2.Rule) -> Rule:
    rule = Rule(
        rule_id=rule_id,
        revision=0,
        categories=frozenset(names.categories(asked.categories, "rule.categories")),
        position_kinds=frozenset(
            chosen(POSITION_KINDS, kind, "rule.position_kinds") for kind in asked.position_kinds
        ),
        radius_m=asked.radius_m,
        min_confidence=asked.min_confidence,
        possible_probability=asked.possible_probability,
        alert_probability=asked.alert_probability,
    )
    try:
        validate_rule(rule)
    except InvalidInputError as error:
        message = str(error).removeprefix(f"{error.field}: ")
        raise InvalidInputError(message, field=f"rule.{error.field}") from error
    return rule
