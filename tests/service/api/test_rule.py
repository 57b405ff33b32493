from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vedette.v1 import incident_pb2, position_pb2, rule_pb2

from models.errors import InvalidInputError, VedetteError
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule import Rule
from service.api.convert.rule import POSITION_KINDS, rule_message, rule_value
from service.api.rule import MAX_PREVIEW, RuleService
from service.errors import NotFoundError
from service.ledger.records import PledgeRecord
from service.ledger.store import Ledger

NAME = "missions/unmiss/rules/near"


@pytest.fixture
def service(sqlite_ledger: Ledger, pledge: PledgeRecord) -> RuleService:
    sqlite_ledger.create_pledge(pledge)
    return RuleService(sqlite_ledger)


def near(**changes: Any) -> rule_pb2.Rule:
    told: dict[str, Any] = {
        "name": NAME,
        "categories": ["car"],
        "radius_m": 300,
        "min_confidence": 0.4,
        "possible_probability": 0.1,
        "alert_probability": 0.5,
    }
    return rule_pb2.Rule(**told | changes)


async def put(service: RuleService, rule: rule_pb2.Rule) -> rule_pb2.Rule:
    return await service.SetRule(rule_pb2.SetRuleRequest(rule=rule), None)


async def listed(service: RuleService) -> list[tuple[str, int, bool]]:
    request = rule_pb2.ListRulesRequest(parent="missions/unmiss")
    found = await service.ListRules(request, None)
    return [(it.name.rpartition("/")[2], it.revision, it.disabled) for it in found.rules]


async def test_what_is_unset_is_the_default_and_is_told(service: RuleService) -> None:
    found = await put(
        service,
        near(dwell=rule_pb2.RuleDwell(min_s=300), convoy=rule_pb2.RuleConvoy()),
    )
    assert (found.revision, found.perimeter_m, found.min_sightings) == (1, 50.0, 1)
    assert (found.dwell.probability, found.dwell.max_gap_s) == (0.5, 1800.0)
    assert found.dwell.when_unknown == rule_pb2.WHEN_UNKNOWN_SHOW
    assert (found.convoy.min_count, found.convoy.max_spacing_m) == (3, 100.0)
    assert found.severity_at_most == incident_pb2.INCIDENT_SEVERITY_HIGH
    assert not found.HasField("closing")
    assert found.HasField("set_time")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "missions/unmiss/rules/a/b"}, "rule.name"),
        ({"categories": ["cars"]}, "rule.categories"),
        ({"radius_m": 0}, "rule.radius_m"),
        ({"min_sightings": 0}, "rule.min_sightings"),
        ({"position_ids": ["a b"]}, "rule.position_ids"),
        ({"description": "a\x00"}, "rule.description"),
        ({"cluster": rule_pb2.RuleCluster()}, "rule.cluster.min_count"),
        ({"dwell": rule_pb2.RuleDwell()}, "rule.dwell.min_s"),
        (
            {"closing": rule_pb2.RuleClosing(min_speed_m_s=2, probability=0)},
            "rule.closing.probability",
        ),
        ({"crossing": rule_pb2.RuleCrossing(when_unknown=7)}, "rule.crossing.when_unknown"),  # type: ignore[arg-type]
        ({"hours": rule_pb2.RuleHours(start="18:00")}, "rule.hours.end"),
        ({"hours": rule_pb2.RuleHours(start="six", end="7:00")}, "rule.hours.start"),
        ({"hours": rule_pb2.RuleHours(days=["today"])}, "rule.hours.days"),
        ({"hours": rule_pb2.RuleHours(days=["mon"], zone="a\x00b")}, "rule.hours.zone"),
        ({"hours": rule_pb2.RuleHours(days=["mon"], zone="x" * 5000)}, "rule.hours.zone"),
        ({"position_kinds": [99]}, "rule.position_kinds"),
        ({"severity_at_most": 9}, "rule.severity_at_most"),
    ],
)
async def test_a_fault_is_told_by_its_field(
    service: RuleService, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await put(service, near(**changes))
    assert caught.value.field == field
    assert len(str(caught.value)) < 500
    assert ("near", 1, False) not in await listed(service)


async def test_a_mission_without_a_rule_in_force_has_the_built_in_ones(
    service: RuleService,
) -> None:
    built_in = [(rule.rule_id, 0, False) for rule in DEFAULT_RULES]
    assert await listed(service) == built_in
    await put(service, near())
    assert await listed(service) == [("near", 1, False)]
    await put(service, near(disabled=True))
    assert await listed(service) == [("near", 2, True), *built_in]
    await put(service, near())
    await service.DeleteRule(rule_pb2.DeleteRuleRequest(name=NAME), None)
    assert await listed(service) == built_in


async def test_every_revision_can_be_read_and_a_deleted_rule_has_a_history(
    service: RuleService,
) -> None:
    await put(service, near())
    await put(service, near(radius_m=500))
    await service.DeleteRule(rule_pb2.DeleteRuleRequest(name=NAME), None)
    with pytest.raises(NotFoundError):
        await service.GetRule(rule_pb2.GetRuleRequest(name=NAME), None)
    with pytest.raises(NotFoundError):
        await service.DeleteRule(rule_pb2.DeleteRuleRequest(name=NAME), None)
    first = await service.GetRule(rule_pb2.GetRuleRequest(name=NAME, revision=1), None)
    assert (first.radius_m, first.revision) == (300, 1)
    with pytest.raises(NotFoundError, match="revision 9"):
        await service.GetRule(rule_pb2.GetRuleRequest(name=NAME, revision=9), None)
    request = rule_pb2.ListRuleRevisionsRequest(name=NAME, page_size=2)
    page = await service.ListRuleRevisions(request, None)
    request.page_token = page.next_page_token
    rest = await service.ListRuleRevisions(request, None)
    told = [(it.revision, it.radius_m, it.deleted) for it in [*page.rules, *rest.rules]]
    assert told == [(3, 500, True), (2, 500, False), (1, 300, False)]
    again = await put(service, near(radius_m=700))
    assert again.revision == 4


async def test_a_history_of_nothing_is_not_found(service: RuleService) -> None:
    with pytest.raises(NotFoundError):
        await service.ListRuleRevisions(rule_pb2.ListRuleRevisionsRequest(name=NAME), None)


def at(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda it, _now: it.ClearField("since"), "since"),
        (lambda it, now: it.until.CopyFrom(at(now - timedelta(days=9))), "since"),
        (lambda it, now: it.since.CopyFrom(at(now - MAX_PREVIEW - timedelta(hours=1))), "since"),
        (lambda it, _now: setattr(it.rule, "name", "missions/other/rules/near"), "rule.name"),
        (lambda it, _now: setattr(it.rule, "radius_m", -1), "rule.radius_m"),
    ],
)
async def test_a_preview_that_cannot_be_made_is_refused_by_field(
    service: RuleService,
    now: datetime,
    change: Callable[[rule_pb2.PreviewRuleRequest, datetime], None],
    field: str,
) -> None:
    request = rule_pb2.PreviewRuleRequest(
        parent="missions/unmiss",
        rule=near(),
        since=at(now - timedelta(days=7)),
        until=at(now),
    )
    assert (await service.PreviewRule(request, None)).image_count == 0
    change(request, now)
    with pytest.raises(InvalidInputError) as caught:
        await service.PreviewRule(request, None)
    assert caught.value.field == field


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.rule_id)
def test_a_rule_comes_back_from_its_message(rule: Rule) -> None:
    assert rule_value(rule_message("m", rule)) == rule


def test_every_kind_of_position_has_a_number() -> None:
    assert set(POSITION_KINDS.values()) == set(position_pb2.PositionKind.values()) - {0}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=120))
def test_no_message_does_worse_than_to_be_refused(data: bytes) -> None:
    message = near()
    try:
        message.MergeFromString(data)
    except Exception:  # noqa: BLE001 - whatever is no message of a rule is not asked about here
        return
    try:
        rule = rule_value(message)
    except VedetteError:
        return
    assert rule_value(rule_message("m", rule)) == rule
