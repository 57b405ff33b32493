"""When a position is in use, as people write it: "mon-fri 06:00-18:00 Africa/Juba"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time

from pipelines.threats.rules.requirements import Day, Hours, zone_of

_DAYS = tuple(Day)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_LONGEST = 100


def parse_use_time(text: str) -> Hours:
    """Hours of some days of every week.

    Days ("mon", "mon-fri", "mon,wed,fri"), hours ("06:00-18:00") and a zone ("UTC", "+03:00",
    "Africa/Juba"; UTC when left out), each once, with spaces between; days or hours may be left
    out. Hours that end before they begin run over midnight.

    Raises:
        ValueError: the text says no such thing.
    """
    words = text.strip().split() if len(text) <= _LONGEST else []
    days: frozenset[Day] = frozenset()
    start = end = None
    zone = ""
    for index, word in enumerate(words):
        clock = _CLOCK.fullmatch(word)
        if clock is not None and start is None and not zone:
            start = time(int(clock[1]), int(clock[2]))
            end = time(0) if clock[3] is None else time(int(clock[3]), int(clock[4]))
            if start == end:
                # Midnight to midnight is every hour; any other is none.
                if clock[3] is not None:
                    raise ValueError(f"{word!r} is no time at all")
                start = end = None
        elif index == 0 and clock is None and _is_days(word):
            days = _days(word.lower())
        elif index == len(words) - 1 and index > 0:
            zone = "UTC" if word.lower() in ("utc", "z") else word
            zone_of(zone)
        else:
            words = []
            break
    if not words or (start is None and not days):
        raise ValueError(
            f"{text[:60]!r} is no time of use; write it as 'mon-fri 06:00-18:00 +03:00'"
        )
    return Hours(start=start, end=end, zone=zone or "UTC", days=days)


def use_time_text(hours: Hours) -> str:
    """Hours as `parse_use_time` reads them."""
    words = []
    if hours.days:
        words.append(",".join(day.value for day in _DAYS if day in hours.days))
    if hours.start is not None and hours.end is not None:
        end = "24:00" if hours.end == time(0) else f"{hours.end:%H:%M}"
        words.append(f"{hours.start:%H:%M}-{end}")
    return " ".join([*words, hours.zone])


def _is_days(word: str) -> bool:
    return all(part in set(_DAYS) for part in re.split("[-,]", word.lower()))


def _days(word: str) -> frozenset[Day]:
    return frozenset(_spelt(word.split(",")))


def _spelt(parts: Iterable[str]) -> Iterable[Day]:
    for part in parts:
        first, _, last = part.partition("-")
        if "-" in last:
            raise ValueError(f"{part!r} is no range of days")
        begin = _DAYS.index(Day(first))
        length = (_DAYS.index(Day(last)) - begin) % 7 if last else 0
        for step in range(length + 1):
            yield _DAYS[(begin + step) % 7]
