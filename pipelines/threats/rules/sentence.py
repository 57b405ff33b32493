"""What is known of an incident, as one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from models.taxonomy import CATEGORIES, GROUPS, group_of
from models.wording import plural
from pipelines.threats.proximity.weighing import Sighting
from pipelines.threats.rules.severity import Severity

MAX_SENTENCE = 300
"""Characters of a sentence at most."""
_LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion:
    """How an object moves toward a position.

    Attributes:
        closing_m_s: speed toward it; negative away from it.
        sigma_m_s: one sigma of that.
        closes: probability that it closes at all to speak of.
        leaves: probability that it goes away to speak of.
        arrival_s: 10 % and 90 % quantiles of the time to the perimeter, infinite where it may never
            get there; None where it is likelier than not that it does not come, or is there.
    """

    closing_m_s: float
    sigma_m_s: float
    closes: float
    leaves: float
    arrival_s: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What a sentence tells.

    Attributes:
        sighting: of the object, or of the one that speaks for a group.
        position_name: what people call the position.
        categories: of all objects it stands for.
        in_line: they are vehicles in line.
        motion: None where no velocity is known.
        remarks: further clauses, the weightiest first.
        severity: and
        grounds: why it is so.
    """

    sighting: Sighting
    position_name: str
    categories: Sequence[str]
    severity: Severity
    grounds: Sequence[str]
    in_line: bool = False
    motion: Motion | None = None
    remarks: Sequence[str] = ()


def sentence(account: Account) -> str:
    """One sentence on what was seen and one clause on why it is that severe.

    At most `MAX_SENTENCE` characters; what does not fit is left out from the end of the remarks,
    then of the grounds. Built of ASCII, and of the printable letters of the position's name.
    """
    head = _head(account)
    remarks, grounds = list(account.remarks), list(account.grounds)
    while True:
        text = f"{', '.join([head, *remarks])}. {_ending(account.severity, grounds)}"
        if len(text) <= MAX_SENTENCE:
            return text
        if remarks:
            remarks.pop()
        elif grounds:
            grounds.pop()
        else:
            return text[: MAX_SENTENCE - 3] + "..."


def also_near(names: Sequence[str], more: int, *, likely: bool) -> str:
    """Further positions that a thing is near, as a sentence: the first by name, the rest counted.

    Args:
        names: of these, the gravest first.
        more: how many it is near besides.
        likely: whether it is an alert at the first of them, and not only possible.

    Returns:
        Empty where there is none.
    """
    if not names:
        return ""
    rest = len(names) - 1 + more
    begin = "Also" if likely else "Possibly also"
    return f"{begin} within reach of {_name(names[0])}{f' and {rest} more' if rest else ''}."


def objects(categories: Sequence[str]) -> str:
    """Objects in words: "a truck", "3 trucks", "4 vehicles", "5 objects"."""
    count = len(categories)
    kinds = set(categories)
    if len(kinds) == 1:
        noun = next(iter(kinds))
    else:
        groups = {group_of(kind) if kind in CATEGORIES else kind for kind in kinds}
        noun = next(iter(groups)) if len(groups) == 1 and groups <= set(GROUPS) else "object"
    if count == 1:
        return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    return f"{count} {plural(noun)}"


def percent(probability: float) -> str:
    """A probability for people: never a certainty that it is not."""
    if probability < 0.01:
        return "under 1 %"
    if probability > 0.99:
        return "over 99 %"
    return f"{round(100.0 * probability)} %"


def metres(distance_m: float) -> str:
    """A distance without its unit, no finer than it is worth."""
    return f"{round(distance_m, -1 if distance_m >= 100.0 else 0):.0f}"


def distance(distance_m: float) -> str:
    """A distance with its unit."""
    if distance_m >= 10_000.0:
        return f"{distance_m / 1000.0:.0f} km"
    return f"{distance_m:g} m" if distance_m == round(distance_m, 1) else f"{distance_m:.1f} m"


def unknown_place(seen: Sighting) -> str:
    """That nobody knows where a position was, and when it was last reported; never a range.

    Not "since" that report: of an image without a time it may be known now, and was not then.
    """
    reported = seen.position_reported_at
    if reported is None:
        return "its place is unknown"
    return f"its place is unknown, last reported {reported.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """Minutes and seconds as m:ss; hours and minutes from an hour on."""
    whole = round(seconds)
    if whole >= 3600:
        hours, minutes = divmod(round(seconds / 60.0), 60)
        return f"{hours} h {minutes:02d} min"
    return f"{whole // 60}:{whole % 60:02d}"


def _head(account: Account) -> str:
    seen = account.sighting
    who = objects(account.categories) + (" in line" if account.in_line else "")
    low, high = metres(seen.range_low_m), metres(seen.range_high_m)
    span = f"range {low} m" if low == high else f"range {low} to {high} m"
    nearness = f"{percent(seen.probability)} within {distance(seen.radius_m)} of"
    head = f"{who}, {nearness} {_name(account.position_name)} ({span})"
    if seen.position_unknown:
        head = f"{who}, perhaps near {_name(account.position_name)}: {unknown_place(seen)}"
    # How it moves toward what is nobody knows where says nothing either.
    motion = None if seen.position_unknown else account.motion
    moves = "" if motion is None else _moves(motion)
    head = f"{head}, {moves}" if moves else head
    return head[0].upper() + head[1:]


def _moves(motion: Motion) -> str:
    speed = _speed(abs(motion.closing_m_s), motion.sigma_m_s)
    if motion.closes >= 0.5:
        text = f"closing at {speed}"
        return text if motion.arrival_s is None else f"{text}: {_arrival(*motion.arrival_s)}"
    if motion.leaves >= 0.5:
        return f"moving away at {speed}"
    return "not closing"


def _arrival(first_s: float, last_s: float) -> str:
    first = duration(first_s)
    if math.isinf(last_s):
        return f"at the perimeter in {first} or more"
    last = duration(last_s)
    if first == "0:00":
        return f"at the perimeter within {last}"
    return f"at the perimeter in {first}" + ("" if last == first else f" to {last}")


def _speed(speed: float, sigma: float) -> str:
    digits = 0 if sigma >= 0.95 else 1
    # A sigma that rounds to nothing would read as none at all.
    return f"{speed:.{digits}f} +- {max(sigma, 0.1):.{digits}f} m/s"


def _name(name: str) -> str:
    safe = "".join(letter if letter.isprintable() else "?" for letter in name).strip()
    return safe if len(safe) <= _LONGEST_NAME else f"{safe[: _LONGEST_NAME - 3].rstrip()}..."


def _ending(severity: Severity, grounds: Sequence[str]) -> str:
    word = severity.value.capitalize()
    if not grounds:
        return f"{word}."
    if len(grounds) == 1:
        return f"{word} because {grounds[0]}."
    return f"{word} because {', '.join(grounds[:-1])} and {grounds[-1]}."
