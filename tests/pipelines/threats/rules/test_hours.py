from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone

import pytest

from pipelines.threats.rules.hours import within_hours
from pipelines.threats.rules.requirements import Day, Hours, requirement_faults

# 27 November 2026 is a Friday.
FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)


def at(hours: float) -> datetime:
    return FRIDAY + timedelta(hours=hours)


def test_a_window_holds_from_its_start_until_before_its_end() -> None:
    window = Hours(start=time(8), end=time(17, 30))
    told = {hour: within_hours(window, at(hour)) for hour in (7.99, 8, 12, 17.49, 17.5, 23)}
    assert told == {7.99: False, 8: True, 12: True, 17.49: True, 17.5: False, 23: False}


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    night = Hours(start=time(18), end=time(6), days=frozenset({Day.FRIDAY}))
    told = {hour: within_hours(night, at(hour)) for hour in (3, 17.9, 18, 23.9, 24, 29.9, 30, 42)}
    assert told == {
        3: False,
        17.9: False,
        18: True,
        23.9: True,
        24: True,
        29.9: True,
        30: False,
        42: False,
    }


def test_hours_are_those_of_their_zone() -> None:
    # Juba has been two hours ahead of UTC since February 2021.
    juba = Hours(start=time(22), end=time(23), zone="Africa/Juba")
    assert within_hours(juba, at(20.5))
    assert not within_hours(juba, at(22.5))
    ahead = Hours(start=time(22), end=time(23), zone="+05:30")
    assert within_hours(ahead, at(17))
    assert not within_hours(ahead, at(16.4))
    behind = Hours(start=time(22), end=time(23), zone="-03:00")
    assert within_hours(behind, at(25.5))
    # The same moment, written in another zone.
    assert within_hours(juba, at(20.5).astimezone(timezone(timedelta(hours=9))))


def test_days_alone_hold_all_day_in_their_zone() -> None:
    friday = Hours(days=frozenset({Day.FRIDAY}), zone="+03:00")
    assert not within_hours(friday, at(-3.1))
    assert within_hours(friday, at(-2.9))
    assert within_hours(friday, at(20.9))
    assert not within_hours(friday, at(21.1))


def test_a_naive_moment_is_a_defect() -> None:
    with pytest.raises(ValueError, match="aware"):
        within_hours(Hours(start=time(1), end=time(2)), datetime(2026, 1, 1))  # noqa: DTZ001 - the defect itself


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        (Hours(), "days"),
        (Hours(start=time(8)), "end"),
        (Hours(end=time(8)), "start"),
        (Hours(start=time(8), end=time(8)), "end"),
        (Hours(start=time(8, tzinfo=UTC), end=time(9)), "start"),
        (Hours(start=time(8), end=time(9), zone="Atlantis/Capital"), "zone"),
        (Hours(start=time(8), end=time(9), zone="+3:00"), "zone"),
        (Hours(start=time(8), end=time(9), zone="+24:00"), "zone"),
        (Hours(start=time(8), end=time(9), zone="../etc/passwd"), "zone"),
        (Hours(start=time(8), end=time(9), zone=""), "zone"),
    ],
)
def test_hours_that_could_not_be_meant_are_refused(hours: Hours, field: str) -> None:
    assert [name for name, _ in requirement_faults(hours)] == [field]
