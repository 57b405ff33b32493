from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import InvalidInputError
from models.taxonomy import CATEGORIES, GROUPS
from pipelines.threats.positions.position import PositionKind
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.requirements import (
    Arrival,
    Closing,
    Cluster,
    Convoy,
    Crossing,
    Day,
    Dwell,
    Hours,
    NewObject,
    WhenUnknown,
)
from pipelines.threats.rules.rule import DEFAULT_MIN_CONFIDENCE, Rule, rule_faults
from pipelines.threats.rules.rule_document import read_rule, rule_document, rule_toml, rule_value
from pipelines.threats.rules.severity import Severity

CONVOYS = """
# Vehicles in line that come toward a base or a post by night.
name = "convoys"
description = "Columns by night: \\"dawn\\" included"
categories = ["vehicle"]
position_kinds = ["base", "post"]
radius_m = 2000          # far enough to have a few minutes
severity_at_least = "medium"

[convoy]
min_count = 4

[arrival]
within_s = 600
when_unknown = "withhold"

[hours]
start = 18:00:00
end = "06:15"
zone = "Africa/Juba"
days = ["sun", "fri"]
"""


def test_a_document_says_what_it_means_and_the_rest_is_the_default() -> None:
    rule = read_rule(CONVOYS)
    assert rule == Rule(
        rule_id="convoys",
        revision=0,
        description='Columns by night: "dawn" included',
        categories=frozenset({"vehicle"}),
        position_kinds=frozenset({PositionKind.BASE, PositionKind.POST}),
        radius_m=2000.0,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        convoy=Convoy(min_count=4),
        arrival=Arrival(within_s=600.0, when_unknown=WhenUnknown.WITHHOLD),
        hours=Hours(
            start=time(18),
            end=time(6, 15),
            zone="Africa/Juba",
            days=frozenset({Day.SUNDAY, Day.FRIDAY}),
        ),
        severity_at_least=Severity.MEDIUM,
    )


def test_what_is_written_is_toml_with_days_in_their_order() -> None:
    text = rule_toml(read_rule(CONVOYS))
    found = tomllib.loads(text)
    assert found["hours"] == {
        "start": "18:00",
        "end": "06:15",
        "zone": "Africa/Juba",
        "days": ["fri", "sun"],
        "when_unknown": "show",
    }
    assert found["convoy"]["max_spacing_m"] == 100.0
    assert "dwell" not in found
    assert read_rule(text) == read_rule(CONVOYS)
    assert read_rule(json.dumps(rule_document(read_rule(CONVOYS)))) == read_rule(CONVOYS)


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.rule_id)
def test_the_built_in_rules_are_valid_documents(rule: Rule) -> None:
    assert read_rule(rule_toml(rule)) == rule


BASE: dict[str, Any] = {"name": "r", "categories": ["car"], "radius_m": 500}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"radus_m": 5}, "radus_m", "did you mean radius_m"),
        ({"name": "a/b"}, "name", "letters, digits"),
        ({"name": 5}, "name", "a text"),
        ({"categories": "car"}, "categories", "a list"),
        ({"categories": ["cars"]}, "categories", "no category 'cars'"),
        ({"categories": []}, "categories", "at least one"),
        ({"position_kinds": ["castle"]}, "position_kinds", "none of base, post"),
        ({"positions": ["-"]}, "positions", "no identifier"),
        ({"radius_m": "5"}, "radius_m", "a number"),
        ({"radius_m": True}, "radius_m", "a number"),
        ({"radius_m": 0}, "radius_m", "above 0"),
        ({"radius_m": 10**400}, "radius_m", "above 0"),
        ({"radius_m": float("nan")}, "radius_m", "above 0"),
        ({"perimeter_m": float("inf")}, "perimeter_m", "above 0"),
        ({"min_sightings": 2.5}, "min_sightings", "a whole number"),
        ({"min_sightings": 0}, "min_sightings", "between 1"),
        ({"enabled": 1}, "enabled", "true or false"),
        ({"description": "two\nlines"}, "description", "one line"),
        ({"severity_at_least": "high", "severity_at_most": "low"}, "severity_at_least", "above"),
        ({"severity_at_most": "grave"}, "severity_at_most", "low, medium, high"),
        ({"cluster": 3}, "cluster", r"such as \[cluster\]"),
        ({"cluster": {}}, "cluster.min_count", "must be given"),
        ({"cluster": {"min_count": 1}}, "cluster.min_count", "between 2 and 1000"),
        ({"cluster": {"min_count": 3, "radius": 4}}, "cluster.radius", "did you mean radius_m"),
        ({"dwell": {"min_s": 0}}, "dwell.min_s", "between 1"),
        ({"dwell": {"min_s": 60, "probability": 1.0}}, "dwell.probability", "strictly"),
        ({"closing": {"min_speed_m_s": -2}}, "closing.min_speed_m_s", "between 0.1"),
        ({"arrival": {"within_s": 7200}}, "arrival.within_s", "between 1 and 1800"),
        ({"convoy": {"min_count": 2}}, "convoy.min_count", "between 3"),
        ({"categories": ["person"], "convoy": {}}, "convoy", "no vehicles"),
        ({"crossing": {}, "position_kinds": ["patrol"]}, "crossing", "no outline"),
        ({"new_object": {"when_unknown": "ask"}}, "new_object.when_unknown", "show, withhold"),
        ({"hours": {"start": "25:00", "end": "06:00"}}, "hours.start", "time of day"),
        ({"hours": {"start": "18:00"}}, "hours.end", "as well as start"),
        ({"hours": {"days": ["today"]}}, "hours.days", "none of mon"),
        ({"hours": {"days": ["mon"], "zone": "Mars"}}, "hours.zone", "Africa/Juba"),
    ],
)
def test_a_fault_is_told_with_its_key(changes: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        rule_value(BASE | changes)
    assert caught.value.field == field


@pytest.mark.parametrize("key", ["name", "categories", "radius_m"])
def test_what_has_no_default_must_be_given(key: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        rule_value({name: value for name, value in BASE.items() if name != key})
    assert caught.value.field == key


@pytest.mark.parametrize("text", ["name = ", "{", "[]", '"x"', "{" * 70_000, "a" * 70_000, "\x00"])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_rule(text)


def probability() -> st.SearchStrategy[float]:
    return st.floats(0.01, 0.99)


def unknown() -> st.SearchStrategy[WhenUnknown]:
    return st.sampled_from(WhenUnknown)


def clock() -> st.SearchStrategy[time]:
    return st.times(timezones=st.none())


def hours() -> st.SearchStrategy[Hours]:
    days = st.frozensets(st.sampled_from(Day))
    zones = st.sampled_from(["UTC", "+03:00", "-09:30", "Africa/Juba", "Asia/Beirut"])
    bounded = st.builds(
        Hours, start=clock(), end=clock(), zone=zones, days=days, when_unknown=unknown()
    )
    return bounded.filter(lambda it: it.start != it.end) | st.builds(
        Hours, zone=zones, days=days.filter(bool), when_unknown=unknown()
    )


def rules() -> st.SearchStrategy[Rule]:
    identifier = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", fullmatch=True)
    line = st.text(max_size=200).filter(str.isprintable)
    span = st.floats(1.0, 86_400.0)
    vehicle = st.sets(st.sampled_from([*CATEGORIES, *GROUPS])).map(lambda it: it | {"car"})
    return st.builds(
        Rule,
        rule_id=identifier,
        revision=st.just(0),
        categories=vehicle.map(frozenset),
        position_kinds=st.frozensets(st.sampled_from(PositionKind)).filter(
            lambda it: it != {PositionKind.PATROL}
        ),
        radius_m=st.floats(0.001, 100_000.0),
        min_confidence=st.floats(0.0, 1.0),
        possible_probability=st.floats(0.001, 0.3),
        alert_probability=st.floats(0.3, 1.0),
        description=line,
        enabled=st.booleans(),
        position_ids=st.frozensets(identifier, max_size=3),
        perimeter_m=st.floats(0.001, 100_000.0),
        min_sightings=st.integers(1, 100),
        cluster=st.none()
        | st.builds(Cluster, min_count=st.integers(2, 1000), radius_m=st.floats(1.0, 1e5)),
        dwell=st.none()
        | st.builds(
            Dwell, min_s=span, probability=probability(), max_gap_s=span, when_unknown=unknown()
        ),
        closing=st.none()
        | st.builds(
            Closing,
            min_speed_m_s=st.floats(0.1, 100.0),
            probability=probability(),
            when_unknown=unknown(),
        ),
        arrival=st.none()
        | st.builds(
            Arrival,
            within_s=st.floats(1.0, 1800.0),
            probability=probability(),
            when_unknown=unknown(),
        ),
        convoy=st.none()
        | st.builds(
            Convoy,
            min_count=st.integers(3, 100),
            max_spacing_m=st.floats(1.0, 2000.0),
            max_offset_m=st.floats(1.0, 200.0),
            max_heading_spread_deg=st.floats(1.0, 180.0),
            moving=st.booleans(),
            when_unknown=unknown(),
        ),
        crossing=st.none() | st.builds(Crossing, probability=probability(), when_unknown=unknown()),
        new_object=st.none() | st.builds(NewObject, since_s=span, when_unknown=unknown()),
        hours=st.none() | hours(),
        severity_at_least=st.just(Severity.LOW),
        severity_at_most=st.sampled_from(Severity),
    )


@settings(max_examples=60, deadline=None)
@given(rules())
def test_every_valid_rule_comes_back_from_its_documents(rule: Rule) -> None:
    assert list(rule_faults(rule)) == []
    assert read_rule(rule_toml(rule)) == rule
    assert read_rule(json.dumps(rule_document(rule))) == rule


@settings(max_examples=60, deadline=None)
@given(rules(), rules())
def test_two_rules_have_one_document_only_where_they_are_one(first: Rule, second: Rule) -> None:
    assert (rule_toml(first) == rule_toml(second)) == (first == second)
    assert rule_toml(replace(first, revision=7)) == rule_toml(first)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "categories", "radius_m", "hours", "start", "dwell", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_no_document_does_worse_than_to_be_refused(found: Any) -> None:
    document = found if isinstance(found, dict) else {"hours": found}
    with pytest.raises(InvalidInputError):
        rule_value(document | {"position_kinds": ["nowhere"]})
