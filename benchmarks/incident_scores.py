"""What was told to operators, against what was truly there."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.incident_days import Day, threats
from benchmarks.incident_looks import CLUTTER, Look

OFTEN = 3
"""A threat that was detected at least this many times must not be missed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One thing that a way of alerting did about one detection.

    Attributes:
        alert_id: the incident or alert it belongs to.
        position_id: near which position.
        truth: numbers of the things behind the detections, or `CLUTTER`.
        raised: whether an operator was alerted by this; else it went to an alert already there.
    """

    alert_id: str
    position_id: str
    truth: tuple[int, ...]
    raised: bool


@dataclass(kw_only=True)
class Sightings:
    """What a day holds for any way of alerting.

    Attributes:
        first_s: when each threat was first detected within the radius, by arrival.
        count: in how many frames it was detected there.
        seen: pairs that any frame shows within the radius, detected or not.
        near: pairs of things and positions that were within the radius at some time in view.
    """

    first_s: dict[tuple[int, str], float] = field(default_factory=dict)
    count: Counter[tuple[int, str]] = field(default_factory=Counter)
    seen: set[tuple[int, str]] = field(default_factory=set)

    @property
    def often(self) -> set[tuple[int, str]]:
        """Threats that were detected often enough to count when missed."""
        return {pair for pair, count in self.count.items() if count >= OFTEN}


def sightings(day: Day, min_confidence: float) -> Sightings:
    """True detections of threats, of at least a confidence; copies of a frame count once."""
    result = Sightings()
    for look in day.looks:
        if look.copy_of:
            continue
        inside = threats(day, look)
        result.seen |= inside
        detected = {
            int(truth)
            for truth, confidence in zip(look.truth, look.confidence, strict=True)
            if confidence >= min_confidence
        }
        for pair in inside:
            if pair[0] in detected:
                result.count[pair] += 1
                result.first_s.setdefault(pair, look.arrives_s)
    return result


@dataclass(kw_only=True)
class Score:
    """Sums over days of one way of alerting; every figure is made from these.

    Attributes:
        days: area-days.
        watched_s: seconds of flight.
        threats: threats that were detected at all.
        often: threats detected at least `OFTEN` times.
        alerted: threats of which an operator was told.
        alerts: alerts that were about these.
        missed: of `often`, those of which nobody was told.
        false_alerts: alerts with nothing behind them.
        outside: alerts about true things that were never within the radius in view.
        delays_s: from the first true detection within the radius to the first alert.
        messages: everything that was sent to operators, updates included.
        again: threats that were alerted more than once, with how often.
    """

    days: int = 0
    watched_s: float = 0.0
    threats: int = 0
    often: int = 0
    alerted: int = 0
    alerts: int = 0
    missed: int = 0
    false_alerts: int = 0
    outside: int = 0
    delays_s: list[float] = field(default_factory=list)
    messages: int = 0
    again: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Score) -> Score:
        """Both together."""
        return Score(
            **{
                name: getattr(self, name) + getattr(other, name)
                for name in self.__dataclass_fields__
            }
        )

    def figures(self) -> dict[str, Any]:
        """What is reported."""
        hours = self.watched_s / 3600.0
        return {
            "alerts_per_threat": round(self.alerts / max(self.alerted, 1), 4),
            "missed_threats": self.missed,
            "false_incidents_per_day": round(self.false_alerts / max(self.days, 1), 3),
            "median_seconds_to_alert": (
                round(statistics.median(self.delays_s), 2) if self.delays_s else None
            ),
            "threats_detected": self.threats,
            "threats_detected_three_times": self.often,
            "threats_alerted": self.alerted,
            "alerts_of_threats": self.alerts,
            "alerts_of_things_outside_per_day": round(self.outside / max(self.days, 1), 3),
            "alerts_per_hour_of_flight": round(
                (self.alerts + self.false_alerts + self.outside) / max(hours, 1e-9), 2
            ),
            "messages_per_hour_of_flight": round(self.messages / max(hours, 1e-9), 2),
            "days": self.days,
            "hours_of_flight": round(hours, 3),
        }


def total(scores: Iterable[Score]) -> Score:
    """All together."""
    return sum(scores, Score())


def score(day: Day, seen: Sightings, told: Sequence[tuple[Look, Told]]) -> Score:
    """One way of alerting on one day.

    An alert belongs to whatever stands behind most of the detections that went into it, the one
    that raised it when alike. A threat was told of when it owns an alert, or raised one that has
    since come to follow another.

    Args:
        day: what was there.
        seen: its true detections.
        told: what was done, with the frame, in order.
    """
    behind: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    raised_by: dict[tuple[str, str], tuple[int, ...]] = {}
    first: dict[tuple[str, str], float] = {}
    raises: Counter[tuple[str, str]] = Counter()
    for look, one in told:
        key = one.alert_id, one.position_id
        behind[key].update(one.truth)
        if one.raised:
            raised_by.setdefault(key, one.truth)
            first.setdefault(key, look.arrives_s)
            raises[key] += 1
    result = Score(
        days=1,
        watched_s=sum(float(len(flight.time_s)) * 2.0 for flight in day.area.flights),
        threats=len(seen.count),
        often=len(seen.often),
        messages=len(told),
    )
    alerts: Counter[tuple[int, str]] = Counter()
    told_at: dict[tuple[int, str], float] = {}
    for key, truths in behind.items():
        if key not in first:
            continue
        position_id = key[1]
        most = max(truths.values())
        leading = [truth for truth, count in truths.items() if count == most]
        own = [truth for truth in raised_by[key] if truth in leading]
        owners = own or leading[:1]
        if owners == [CLUTTER] and len(leading) == 1:
            result.false_alerts += raises[key]
        else:
            owner = next((truth for truth in owners if truth != CLUTTER), CLUTTER)
            if owner == CLUTTER:
                result.false_alerts += raises[key]
            elif (owner, position_id) not in seen.count:
                result.outside += raises[key]
            else:
                alerts[owner, position_id] += raises[key]
        for truth in {*raised_by[key], *owners} - {CLUTTER}:
            pair = truth, position_id
            told_at[pair] = min(told_at.get(pair, first[key]), first[key])
    for pair in seen.count:
        behaviour = day.area.things[pair[0]].behaviour
        if pair in told_at:
            result.alerted += 1
            result.alerts += alerts[pair]
            result.delays_s.append(max(told_at[pair] - seen.first_s[pair], 0.0))
            if alerts[pair] > 1:
                result.again[behaviour] += alerts[pair] - 1
        elif pair in seen.often:
            result.missed += 1
            result.lost[behaviour] += 1
    return result
