from __future__ import annotations

from datetime import time

import pytest

from pipelines.threats.positions.use_times import parse_use_time, use_time_text
from pipelines.threats.rules.requirements import Day, Hours

WEEKDAYS = frozenset({Day.MONDAY, Day.TUESDAY, Day.WEDNESDAY, Day.THURSDAY, Day.FRIDAY})


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        (
            "mon-fri 06:00-18:00 Africa/Juba",
            Hours(start=time(6), end=time(18), zone="Africa/Juba", days=WEEKDAYS),
        ),
        ("22:00-02:30 +03:00", Hours(start=time(22), end=time(2, 30), zone="+03:00")),
        ("Sat,Sun", Hours(days=frozenset({Day.SATURDAY, Day.SUNDAY}))),
        (
            "fri-mon utc",
            Hours(days=frozenset({Day.FRIDAY, *Day} - WEEKDAYS | {Day.FRIDAY, Day.MONDAY})),
        ),
        ("12:00-24:00", Hours(start=time(12), end=time(0))),
        ("tue 00:00-24:00", Hours(days=frozenset({Day.TUESDAY}))),
    ],
)
def test_what_people_write_is_read_and_written_again(text: str, hours: Hours) -> None:
    assert parse_use_time(text) == hours
    assert parse_use_time(use_time_text(hours)) == hours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UTC",
        "06:00-18:00 Nowhere/Else",
        "06:00-06:00",
        "6:00-18:00",
        "25:00-26:00",
        "mon-fri-sun 06:00-18:00",
        "06:00-18:00 mon",
        "mon tue",
        "mon 06:00-18:00 UTC and more",
        "x" * 1000,
    ],
)
def test_what_is_no_time_of_use_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no time|no zone|no range"):
        parse_use_time(text)
