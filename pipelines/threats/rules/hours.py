"""Whether a moment falls into the hours and days of a rule."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipelines.threats.rules.requirements import Day, Hours, zone_of

_DAYS = tuple(Day)


def within_hours(asked: Hours, moment: datetime) -> bool:
    """Whether a moment is within the hours, in their own zone.

    A window over midnight belongs to the day on which it began: "fri, 18:00 to 06:00" holds on
    Saturday at 03:00 and not on Friday at 03:00.

    Args:
        asked: valid hours.
        moment: aware.

    Raises:
        ValueError: the moment is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("the moment must be aware")
    local = moment.astimezone(zone_of(asked.zone))
    clock, began = local.time(), local.date()
    if asked.start is not None and asked.end is not None:
        if asked.start < asked.end:
            inside = asked.start <= clock < asked.end
        else:
            inside = clock >= asked.start or clock < asked.end
            if clock < asked.end:
                began -= timedelta(days=1)
        if not inside:
            return False
    return not asked.days or _DAYS[began.weekday()] in asked.days
