from __future__ import annotations

from typing import Any

import pytest

from pipelines.threats.rules.severity import Circumstances, Severity, severity_of

LOW, MEDIUM, HIGH = Severity


def of(**told: Any) -> tuple[Severity, tuple[str, ...]]:
    whole: dict[str, Any] = {"alert": True, "category": "car"} | told
    return severity_of(Circumstances(**whole))


@pytest.mark.parametrize(
    ("told", "expected", "ground"),
    [
        ({"alert": False}, LOW, "being this near is only possible"),
        ({}, MEDIUM, "being this near is likely"),
        ({"arrives_soon": 0.5}, HIGH, "it closes and arrives within 3 minutes"),
        ({"arrives_soon": 0.49}, MEDIUM, "being this near is likely"),
        ({"alert": False, "arrives_soon": 0.8}, MEDIUM, "it closes and arrives within 3 minutes"),
        ({"inside_perimeter": 0.6, "arrives_soon": 0.9}, HIGH, "it is at the perimeter"),
        ({"category": "truck", "closes": 0.8}, HIGH, "a truck closes"),
        ({"closes": 0.8}, MEDIUM, "being this near is likely"),
        ({"category": "truck"}, MEDIUM, "being this near is likely"),
        ({"count": 3}, HIGH, "3 are together"),
        ({"count": 2}, MEDIUM, "being this near is likely"),
        ({"count": 3, "in_line": True}, HIGH, "they are in line"),
        ({"stays": True}, HIGH, "it stays"),
        ({"crossed": True}, HIGH, "it crossed over"),
        ({"is_new": True}, HIGH, "it was not there before"),
        ({"leaves": 0.95}, LOW, "it moves away"),
        ({"leaves": 0.8}, MEDIUM, "being this near is likely"),
        ({"leaves": 0.95, "inside_perimeter": 0.7}, HIGH, "it is at the perimeter"),
        ({"alert": False, "leaves": 0.95}, LOW, "it moves away"),
    ],
)
def test_a_severity_follows_from_what_is_told(
    told: dict[str, Any], expected: Severity, ground: str
) -> None:
    severity, grounds = of(**told)
    assert severity is expected
    assert ground in grounds


def test_two_grounds_make_what_is_only_possible_high() -> None:
    severity, grounds = of(alert=False, count=4, arrives_soon=0.9)
    assert severity is HIGH
    assert grounds == ("one closes and arrives within 3 minutes", "4 are together")


def test_a_rule_bounds_what_it_shows() -> None:
    possible = Circumstances(alert=False, category="person")
    assert severity_of(possible, at_least=HIGH) == (HIGH, ("its rule says so",))
    grave = Circumstances(alert=True, category="person", inside_perimeter=1.0)
    assert severity_of(grave, at_most=LOW) == (LOW, ("its rule says so",))
    assert severity_of(grave, at_least=MEDIUM)[0] is HIGH


def test_no_ground_ever_makes_it_less_severe_but_going_away() -> None:
    more: list[dict[str, Any]] = [
        {"alert": True},
        {"inside_perimeter": 1.0},
        {"arrives_soon": 1.0},
        {"category": "truck", "closes": 1.0},
        {"count": 5},
        {"in_line": True, "count": 3},
        {"stays": True},
        {"crossed": True},
        {"is_new": True},
    ]
    order = list(Severity)
    for start in ({"alert": False}, {"alert": True}, {"leaves": 1.0}):
        base: dict[str, Any] = {"alert": True, "category": "car"} | start
        for one in more:
            assert order.index(of(**base | one)[0]) >= order.index(of(**base)[0])
