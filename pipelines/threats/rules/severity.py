"""How soon a person should look at an incident, and by which grounds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SOON_S = 180.0
"""What is at the perimeter within so many seconds leaves no time to wait for another look."""
GROUP_COUNT = 3
"""So many objects together are a group."""
HEAVY = frozenset({"truck", "bus", "van"})
"""Categories that can carry a charge or many people."""
LIKELY = 0.5
"""What is as likely as not counts, as with the level of an alert."""
SURE = 0.9
"""What lowers a severity has to be this likely."""


class Severity(StrEnum):
    """Of an incident; not that of a finding about metadata."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """Sorts them, the least first."""
        return _RANKS[self]


_ORDER = tuple(Severity)
_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What a severity follows from.

    Attributes:
        alert: it is an alert, not only possible.
        category: taxonomy category of the object, or of the surest of a group.
        count: how many objects stand together.
        in_line: whether they are vehicles in line.
        inside_perimeter: probability of being at the perimeter already, 0 to 1.
        arrives_soon: probability of being there within `SOON_S`; None where no velocity is known.
        closes: probability that it comes nearer; None where no velocity is known.
        leaves: probability that it goes away; None where no velocity is known.
        stays: it stays as long as its rule asks.
        crossed: it crossed the line as its rule asks.
        is_new: it stands where an earlier look saw nothing, as its rule asks.
    """

    alert: bool
    category: str
    count: int = 1
    in_line: bool = False
    inside_perimeter: float = 0.0
    arrives_soon: float | None = None
    closes: float | None = None
    leaves: float | None = None
    stays: bool = False
    crossed: bool = False
    is_new: bool = False


def severity_of(
    found: Circumstances,
    *,
    at_least: Severity = Severity.LOW,
    at_most: Severity = Severity.HIGH,
) -> tuple[Severity, tuple[str, ...]]:
    """The severity, and the grounds that decide it, each a clause such as "it crossed over".

    A possible object begins at low, an alert at medium. One step up for each of: it is at the
    perimeter already, or arrives there soon; it is a heavy vehicle that closes; it is a group or
    vehicles in line; it stays, crossed, or is new, where its rule asks for that. One step down for
    what surely goes away and is not at the perimeter. Then the bounds of the rule.
    """
    grounds = _grounds(found)
    start = 1 if found.alert else 0
    rank = start + len(grounds)
    leaving = (found.leaves or 0.0) >= SURE and found.inside_perimeter < LIKELY
    if leaving:
        rank -= 1
    rank = min(max(rank, 0), len(_ORDER) - 1)
    bounded = min(max(rank, at_least.rank), at_most.rank)
    severity = _ORDER[bounded]
    if bounded != rank:
        return severity, ("its rule says so",)
    if leaving and rank <= start:
        return severity, (*grounds, "they move away" if found.count > 1 else "it moves away")
    if grounds and rank > start:
        return severity, grounds
    return severity, (f"being this near is {'likely' if start else 'only possible'}",)


def _grounds(found: Circumstances) -> tuple[str, ...]:
    closes = (found.closes or 0.0) >= LIKELY
    several = found.count > 1
    it = "one" if several else "it"
    grounds = []
    if found.inside_perimeter >= LIKELY:
        grounds.append(f"{it} is at the perimeter")
    elif (found.arrives_soon or 0.0) >= LIKELY:
        grounds.append(f"{it} closes and arrives within {SOON_S / 60.0:.0f} minutes")
    if closes and found.category in HEAVY:
        grounds.append(f"a {found.category} closes")
    if found.in_line:
        grounds.append("they are in line")
    elif found.count >= GROUP_COUNT:
        grounds.append(f"{found.count} are together")
    if found.stays:
        grounds.append("they stay" if several else "it stays")
    if found.crossed:
        grounds.append(f"{it} crossed over")
    if found.is_new:
        grounds.append(f"{it} was not there before")
    return tuple(grounds)
