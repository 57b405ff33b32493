"""What counts as a threat to a position, served."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from vedette.v1 import rule_pb2, rule_pb2_grpc

from models.errors import InvalidInputError
from pipelines.threats.incidents.preview import Preview
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from service.api import names
from service.api.convert.rule import SEVERITIES, rule_message, rule_value
from service.api.convert.values import time_of, timestamp
from service.api.interceptor import caller
from service.clock import utc_now
from service.ledger.rules import RuleRecord
from service.ledger.store import Ledger
from service.rule_preview import preview_rule

_NAME = "missions/*/rules/*"
MAX_PREVIEW = timedelta(days=92)
"""How long a time a preview may look at."""


class RuleService(rule_pb2_grpc.RuleServiceServicer):
    """`vedette.v1.RuleService`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # A preview is work of minutes: one after the other, so that the service stays itself.
        self._previewing = asyncio.Lock()

    async def ListRules(  # noqa: N802 - the contract's name
        self, request: rule_pb2.ListRulesRequest, context: Any
    ) -> rule_pb2.ListRulesResponse:
        """The rules of a mission, and the built-in ones where none of them is in force."""
        del context
        mission_id = names.mission(request.parent)
        found = await asyncio.to_thread(self._ledger.list_rules, mission_id)
        if not found:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        messages = [_message(mission_id, record) for record in found]
        if not any(record.rule.enabled for record in found):
            messages += [rule_message(mission_id, rule) for rule in DEFAULT_RULES]
        return rule_pb2.ListRulesResponse(rules=messages)

    async def GetRule(  # noqa: N802 - the contract's name
        self, request: rule_pb2.GetRuleRequest, context: Any
    ) -> rule_pb2.Rule:
        """One rule, or one revision of it."""
        del context
        mission_id, rule_id = names.parse(request.name, _NAME, "name")
        if request.revision < 0:
            raise InvalidInputError("must not be negative", field="revision")
        found = await asyncio.to_thread(
            self._ledger.get_rule, mission_id, rule_id, request.revision
        )
        return _message(mission_id, found)

    async def SetRule(  # noqa: N802 - the contract's name
        self, request: rule_pb2.SetRuleRequest, context: Any
    ) -> rule_pb2.Rule:
        """Put a new revision of a rule in force, where it says something else than the present."""
        del context
        mission_id, _ = names.parse(request.rule.name, _NAME, "rule.name")
        rule, now, by = rule_value(request.rule), utc_now(), caller()
        in_force = await asyncio.to_thread(self._ledger.set_rule, mission_id, rule, now, set_by=by)
        record = await asyncio.to_thread(
            self._ledger.get_rule, mission_id, in_force.rule_id, in_force.revision
        )
        return _message(mission_id, record)

    async def DeleteRule(  # noqa: N802 - the contract's name
        self, request: rule_pb2.DeleteRuleRequest, context: Any
    ) -> rule_pb2.DeleteRuleResponse:
        """Take a rule out of force for good."""
        del context
        mission_id, rule_id = names.parse(request.name, _NAME, "name")
        await asyncio.to_thread(
            self._ledger.delete_rule, mission_id, rule_id, utc_now(), set_by=caller()
        )
        return rule_pb2.DeleteRuleResponse()

    async def ListRuleRevisions(  # noqa: N802 - the contract's name
        self, request: rule_pb2.ListRuleRevisionsRequest, context: Any
    ) -> rule_pb2.ListRuleRevisionsResponse:
        """The revisions of a rule, newest first."""
        del context
        mission_id, rule_id = names.parse(request.name, _NAME, "name")
        page = await asyncio.to_thread(
            self._ledger.list_rule_revisions,
            mission_id,
            rule_id,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return rule_pb2.ListRuleRevisionsResponse(
            rules=[_message(mission_id, record) for record in page.items],
            next_page_token=page.next_page_token,
        )

    async def PreviewRule(  # noqa: N802 - the contract's name
        self, request: rule_pb2.PreviewRuleRequest, context: Any
    ) -> rule_pb2.PreviewRuleResponse:
        """What a rule would have raised from the detections of some time."""
        del context
        mission_id = names.mission(request.parent)
        named, _ = names.parse(request.rule.name, _NAME, "rule.name")
        if named != mission_id:
            raise InvalidInputError("is of another mission than parent", field="rule.name")
        rule = rule_value(request.rule)
        if not request.HasField("since"):
            raise InvalidInputError("is required", field="since")
        since = time_of(request.since, "since")
        until = time_of(request.until, "until") if request.HasField("until") else utc_now()
        if not since < until:
            raise InvalidInputError("is not before until", field="since")
        if until - since > MAX_PREVIEW:
            raise InvalidInputError(
                f"more than {MAX_PREVIEW.days} days before until; try a shorter time", field="since"
            )
        await asyncio.to_thread(self._ledger.require_mission, mission_id)
        async with self._previewing:
            found = await asyncio.to_thread(
                preview_rule, self._ledger, mission_id, rule, since=since, until=until
            )
        positions = await asyncio.to_thread(self._ledger.all_positions, mission_id)
        called = {position.position_id: position.display_name for position in positions}

        def told(preview: Preview | None) -> rule_pb2.RulePreview | None:
            return None if preview is None else _preview_message(mission_id, preview, called)

        return rule_pb2.PreviewRuleResponse(
            preview=told(found.preview),
            present=told(found.present),
            all_present=told(found.all_present),
            all_with_preview=told(found.all_with_preview),
            image_count=found.image_count,
            detection_count=found.detection_count,
            truncated=found.truncated,
            until=timestamp(until),
        )


def _message(mission_id: str, record: RuleRecord) -> rule_pb2.Rule:
    return rule_message(
        mission_id,
        record.rule,
        set_at=record.set_at,
        set_by=record.set_by,
        deleted=record.deleted,
    )


def _preview_message(
    mission_id: str, preview: Preview, called: Mapping[str, str]
) -> rule_pb2.RulePreview:
    return rule_pb2.RulePreview(
        incident_count=preview.incident_count,
        by_severity=[
            rule_pb2.SeverityCount(severity=SEVERITIES[severity], count=count)
            for severity, count in preview.by_severity.items()
        ],
        by_position=[
            rule_pb2.PositionCount(
                position=names.position_name(mission_id, position_id),
                display_name=called.get(position_id, position_id),
                count=count,
            )
            for position_id, count in preview.by_position.items()
        ],
        withheld=[
            rule_pb2.WithheldCount(reason=reason, count=count)
            for reason, count in preview.withheld.items()
        ],
        examples=[
            rule_pb2.PreviewedIncident(
                imagery=names.imagery_name(mission_id, example.imagery_id),
                capture_time=timestamp(example.captured_at),
                position=names.position_name(mission_id, example.position_id),
                severity=SEVERITIES[example.severity],
                reason=example.reason,
            )
            for example in preview.examples
        ],
    )
