from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.sentence import (
    MAX_SENTENCE,
    Account,
    Motion,
    duration,
    objects,
    percent,
    sentence,
)
from pipelines.threats.rules.severity import Severity


def seen(**changes: Any) -> Sighting:
    told: dict[str, Any] = {
        "detection_index": 0,
        "category": "truck",
        "confidence": 0.8,
        "ground": GroundPoint(
            outcome=Outcome.LOCATED,
            latitude_deg=4.0,
            longitude_deg=18.0,
            covariance_enu_m2=np.eye(3),
        ),
        "position_id": "alpha",
        "rule_id": "r",
        "rule_revision": 1,
        "radius_m": 500.0,
        "probability": 0.62,
        "level": Level.ALERT,
        "range_m": 470.0,
        "range_low_m": 381.0,
        "range_high_m": 562.0,
        "bearing_deg": 10.0,
    }
    return Sighting(**told | changes)


def account(**changes: Any) -> Account:
    told: dict[str, Any] = {
        "sighting": seen(),
        "position_name": "Post Alpha",
        "categories": ("truck",),
        "severity": Severity.MEDIUM,
        "grounds": ("being this near is likely",),
    }
    return Account(**told | changes)


CLOSING = Motion(closing_m_s=4.1, sigma_m_s=1.02, closes=0.99, leaves=0.0, arrival_s=(100.2, 170.4))


PATROL = Position(
    position_id="patrol-3",
    display_name="Patrol 3",
    kind=PositionKind.PATROL,
    latitude_deg=4.86,
    longitude_deg=31.57,
    reported_at=datetime(2026, 11, 24, 11, 15, tzinfo=timezone(timedelta(hours=2))),
)

GOLDENS = {
    "A truck, perhaps near Patrol 3: its place is unknown, last reported 2026-11-24 09:15 UTC. Low "
    "because being this near is only possible.": account(
        # 3 km of error say nothing of 500 m, nor of how it closes.
        sighting=seen(position_sigma_m=3000.0, range_high_m=7012.0, position=PATROL),
        position_name="Patrol 3",
        severity=Severity.LOW,
        grounds=("being this near is only possible",),
        motion=CLOSING,
    ),
    "A truck, perhaps near Post Alpha: its place is unknown. Medium because being this near is "
    "likely.": account(sighting=seen(position_sigma_m=501.0)),
    "3 trucks in line, 62 % within 500 m of Post Alpha (range 380 to 560 m), closing at 4 +- 1 m/s:"
    " at the perimeter in 1:40 to 2:50. High because one closes and arrives within 3 minutes.": (
        account(
            categories=("truck",) * 3,
            in_line=True,
            motion=CLOSING,
            severity=Severity.HIGH,
            grounds=("one closes and arrives within 3 minutes",),
        )
    ),
    "A truck, 62 % within 500 m of Post Alpha (range 380 to 560 m). Medium because being this near "
    "is likely.": account(),
    "A person, under 1 % within 12 km of Post Alpha (range 4 to 32 m), moving away at 1.2 +- 0.3 "
    "m/s. Low because being this near is only possible.": account(
        sighting=seen(probability=0.004, range_low_m=4.4, range_high_m=31.6, radius_m=12_000.0),
        categories=("person",),
        severity=Severity.LOW,
        grounds=("being this near is only possible",),
        motion=Motion(closing_m_s=-1.2, sigma_m_s=0.3, closes=0.0, leaves=0.98, arrival_s=None),
    ),
    "2 vehicles, over 99 % within 500 m of Post Alpha (range 200 m), not closing, there for 12:05 "
    "or more. High because they stay, one crossed over and one was not there before.": account(
        sighting=seen(probability=0.9995, range_low_m=200.0, range_high_m=203.0),
        categories=("car", "truck"),
        motion=Motion(closing_m_s=0.02, sigma_m_s=0.2, closes=0.01, leaves=0.01, arrival_s=None),
        remarks=("there for 12:05 or more",),
        severity=Severity.HIGH,
        grounds=("they stay", "one crossed over", "one was not there before"),
    ),
    "3 objects, 62 % within 500 m of Post Alpha (range 380 to 560 m), closing at 7.0 +- 0.1 m/s: "
    "at the perimeter in 1:00 or more. Medium because being this near is likely.": account(
        categories=("person", "car", "car"),
        motion=Motion(
            closing_m_s=7.0, sigma_m_s=0.02, closes=1.0, leaves=0.0, arrival_s=(59.6, math.inf)
        ),
    ),
}


@pytest.mark.parametrize(("expected", "told"), GOLDENS.items(), ids=range(len(GOLDENS)))
def test_sentences_as_people_read_them(expected: str, told: Account) -> None:
    assert sentence(told) == expected


def test_what_may_be_there_already_has_no_earliest_time() -> None:
    motion = Motion(closing_m_s=5.0, sigma_m_s=1.0, closes=1.0, leaves=0.0, arrival_s=(0.0, 42.0))
    assert "at the perimeter within 0:42." in sentence(account(motion=motion))


@pytest.mark.parametrize(
    ("categories", "words"),
    [
        (("person",), "a person"),
        (("person",) * 5, "5 people"),
        (("bus", "bus"), "2 buses"),
        (("two-wheeler", "two-wheeler"), "2 two-wheelers"),
        (("tricycle",), "a tricycle"),
        (("ambulance",), "an ambulance"),
        (("ferry", "ferry"), "2 ferries"),
        (("bus", "van", "car"), "3 vehicles"),
        (("person", "bus"), "2 objects"),
    ],
)
def test_objects_in_words(categories: tuple[str, ...], words: str) -> None:
    assert objects(categories) == words


def test_no_probability_is_told_as_a_certainty() -> None:
    assert [percent(p) for p in (0.0, 0.0099, 0.01, 0.5, 0.99, 0.991, 1.0)] == [
        "under 1 %",
        "under 1 %",
        "1 %",
        "50 %",
        "99 %",
        "over 99 %",
        "over 99 %",
    ]


def test_durations() -> None:
    assert [duration(s) for s in (0.0, 59.4, 59.6, 3599.0, 3600.0, 93_720.0)] == [
        "0:00",
        "0:59",
        "1:00",
        "59:59",
        "1 h 00 min",
        "26 h 02 min",
    ]


@given(
    st.text(min_size=1, max_size=200),
    st.lists(st.text(st.characters(codec="ascii", categories=["L"]), max_size=80), max_size=6),
    st.lists(st.text(st.characters(codec="ascii", categories=["L"]), max_size=80), max_size=6),
)
def test_a_sentence_is_short_printable_and_whole(
    name: str, remarks: list[str], grounds: list[str]
) -> None:
    told = sentence(account(position_name=name, remarks=remarks, grounds=grounds, motion=CLOSING))
    assert len(told) <= MAX_SENTENCE
    assert told.isprintable()
    assert told.startswith("A truck, 62 % within 500 m of ")
    assert told.endswith(".")
    assert "Medium" in told
