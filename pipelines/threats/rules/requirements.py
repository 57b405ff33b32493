"""What a rule may ask of an object besides being near: one value type for each condition."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, time, timedelta, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.threats.positions.shapes import MAX_RADIUS_M

MOTION_HORIZON_S = 1800.0
"""Nothing keeps its speed and heading for longer: beyond it, no arrival is foretold."""
MAX_SPAN_S = 30 * 86_400.0
"""Longest time that a condition may look back over."""
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


class WhenUnknown(StrEnum):
    """What becomes of an object of which a condition cannot be answered."""

    SHOW = "show"
    WITHHOLD = "withhold"


class Day(StrEnum):
    """Days of the week, in the order of `datetime.weekday`."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """So many objects of the rule's categories stand together; one incident stands for them.

    Attributes:
        min_count: at least so many, 2 or more.
        radius_m: no farther from the one that is counted around.
    """

    min_count: int
    radius_m: float = 50.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Dwell:
    """It stays within the radius.

    Attributes:
        min_s: from the first to the last look of one stay, at least so many seconds.
        probability: a look counts as within the radius when it is this likely.
        max_gap_s: looks farther apart are two stays.
        when_unknown: where looks have no times, or their places are too uncertain to tell.
    """

    min_s: float
    probability: float = 0.5
    max_gap_s: float = 1800.0
    when_unknown: WhenUnknown = WhenUnknown.SHOW


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """It comes nearer.

    Attributes:
        min_speed_m_s: faster than this toward the position.
        probability: at least this likely.
        when_unknown: where it has no velocity, as after one look.
    """

    min_speed_m_s: float
    probability: float = 0.5
    when_unknown: WhenUnknown = WhenUnknown.SHOW


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """It will be at the perimeter soon, if it goes on as it does.

    Attributes:
        within_s: at the perimeter within so many seconds, or there already.
        probability: at least this likely.
        when_unknown: where it has no velocity, as after one look.
    """

    within_s: float
    probability: float = 0.5
    when_unknown: WhenUnknown = WhenUnknown.SHOW


@dataclass(frozen=True, kw_only=True, slots=True)
class Convoy:
    """Several vehicles in line; one incident stands for them.

    Attributes:
        min_count: at least so many vehicles, 3 or more: any two are in line.
        max_spacing_m: from one to the next.
        max_offset_m: from their common line, or from the route they follow.
        max_heading_spread_deg: between the headings of those whose heading is known.
        moving: they must move; else a row of parked vehicles is one as well.
        when_unknown: where they are in line but no velocity is known.
    """

    min_count: int = 3
    max_spacing_m: float = 100.0
    max_offset_m: float = 10.0
    max_heading_spread_deg: float = 30.0
    moving: bool = True
    when_unknown: WhenUnknown = WhenUnknown.SHOW


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """It went over the line, or into or out of the area, that the position is.

    Attributes:
        probability: at least this likely, with the errors of object and line.
        when_unknown: where the order of its looks is not known.
    """

    probability: float = 0.5
    when_unknown: WhenUnknown = WhenUnknown.SHOW


@dataclass(frozen=True, kw_only=True, slots=True)
class NewObject:
    """It stands where an earlier look, that showed the ground, saw nothing.

    Attributes:
        since_s: how old that look may be.
        when_unknown: where no earlier look showed the ground.
    """

    since_s: float = 7 * 86_400.0
    when_unknown: WhenUnknown = WhenUnknown.SHOW


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """It is seen at certain hours or days.

    Attributes:
        start: local time from which on; None with `end` for the whole day.
        end: local time until which, itself not included; earlier than `start` runs over midnight,
            and belongs to the day on which it began.
        zone: "UTC", an offset such as "+03:00", or an IANA name such as "Africa/Juba".
        days: all when empty.
        when_unknown: where the capture time is not known.
    """

    start: time | None = None
    end: time | None = None
    zone: str = "UTC"
    days: frozenset[Day] = frozenset()
    when_unknown: WhenUnknown = WhenUnknown.SHOW


Requirement = Cluster | Dwell | Closing | Arrival | Convoy | Crossing | NewObject | Hours
"""Any condition."""


def zone_of(name: str) -> tzinfo:
    """The zone of a name.

    Raises:
        ValueError: it is none, or this machine knows no such zone.
    """
    if name == "UTC":
        return UTC
    if (offset := _OFFSET.fullmatch(name)) is not None:
        minutes = 60 * int(offset[2]) + int(offset[3])
        if minutes >= 24 * 60 or int(offset[3]) >= 60:
            raise ValueError(f"{name!r} is no offset from UTC")
        return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{name[:60]!r} is no zone known here; give UTC, an offset such as +03:00, or a name "
            "such as Africa/Juba"
        ) from error


def requirement_faults(asked: Requirement) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with a condition, as (field, message)."""
    if isinstance(asked, Hours):
        yield from _hours_faults(asked)
        return
    for field, low, high in _LIMITS[type(asked)]:
        value = getattr(asked, field)
        if not (math.isfinite(value) and low <= value <= high):
            yield field, f"{value:g} is not between {low:g} and {high:g}"
    probability = getattr(asked, "probability", 0.5)
    if not 0.0 < probability < 1.0:
        yield "probability", f"{probability} is not strictly between 0 and 1"


_LIMITS: dict[type, tuple[tuple[str, float, float], ...]] = {
    Cluster: (("min_count", 2, 1000), ("radius_m", 1.0, MAX_RADIUS_M)),
    Dwell: (("min_s", 1.0, MAX_SPAN_S), ("max_gap_s", 1.0, MAX_SPAN_S)),
    Closing: (("min_speed_m_s", 0.1, 100.0),),
    Arrival: (("within_s", 1.0, MOTION_HORIZON_S),),
    Convoy: (
        ("min_count", 3, 100),
        ("max_spacing_m", 1.0, 2000.0),
        ("max_offset_m", 1.0, 200.0),
        ("max_heading_spread_deg", 1.0, 180.0),
    ),
    Crossing: (),
    NewObject: (("since_s", 1.0, MAX_SPAN_S),),
}


def _hours_faults(asked: Hours) -> Iterator[tuple[str, str]]:
    if (asked.start is None) != (asked.end is None):
        missing, other = ("start", "end") if asked.start is None else ("end", "start")
        yield missing, f"give it as well as {other}, or neither for the whole day"
    elif asked.start is None and not asked.days:
        yield "days", "neither times nor days: every hour would do"
    elif asked.start is not None and asked.start == asked.end:
        yield "end", "the same as start: no hour would do"
    for field in ("start", "end"):
        moment = getattr(asked, field)
        if moment is not None and moment.tzinfo is not None:
            yield field, "has a zone of its own; give it in zone"
    try:
        zone_of(asked.zone)
    except ValueError as error:
        yield "zone", str(error)
