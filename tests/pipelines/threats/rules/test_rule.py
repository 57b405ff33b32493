from __future__ import annotations

import math

import pytest

from models.errors import InvalidInputError
from pipelines.threats.positions.position import PositionKind
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule, validate_rule, weighed_categories


def changed(**changes: object) -> Rule:
    return Rule(**({name: getattr(DEFAULT_RULE, name) for name in Rule.__slots__} | changes))


def test_the_default_rule_is_valid_and_weighs_people_and_vehicles() -> None:
    validate_rule(DEFAULT_RULE)
    assert {"person", "car", "van", "truck", "bus", "two-wheeler", "tricycle"} == (
        weighed_categories(DEFAULT_RULE)
    )
    assert set(DEFAULT_RULE.position_kinds) == {
        PositionKind.BASE,
        PositionKind.POST,
        PositionKind.PATROL,
    }
    assert DEFAULT_RULE.revision == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rule_id", ""),
        ("rule_id", "-x"),
        ("rule_id", "a" * 64),
        ("rule_id", "near/base"),
        ("revision", -1),
        ("categories", frozenset()),
        ("categories", frozenset({"car", "cars"})),
        ("radius_m", 0.0),
        ("radius_m", -5.0),
        ("radius_m", math.nan),
        ("radius_m", math.inf),
        ("min_confidence", 1.01),
        ("min_confidence", math.nan),
        ("possible_probability", 0.0),
        ("possible_probability", 0.6),
        ("alert_probability", 1.5),
        ("alert_probability", math.nan),
    ],
)
def test_a_rule_that_cannot_work_is_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        validate_rule(changed(**{field: value}))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rule_id", "a" * 63),
        ("radius_m", 100_000.0),
        ("min_confidence", 0.0),
        ("possible_probability", 0.5),
        ("categories", frozenset({"vehicle"})),
        ("position_kinds", frozenset({PositionKind.PATROL})),
    ],
)
def test_the_limits_themselves_are_allowed(field: str, value: object) -> None:
    validate_rule(changed(**{field: value}))
