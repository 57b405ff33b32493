"""What was told to operators, against what was truly there."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from benchmarks.incident_days import Day, threats
from benchmarks.incident_flights import FRAME_EVERY_S
from benchmarks.incident_looks import CLUTTER, Look

OFTEN = 3
"""A threat that was detected at least this many times must not be missed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One thing that a way of alerting did about one detection.

    Attributes:
        alert_id: the incident or alert it belongs to.
        position_id: near which position.
        truth: numbers of what is behind the detections; negative for nothing.
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
        clutter: in how many frames each place of nothing within a radius was taken for something.
    """

    first_s: dict[tuple[int, str], float] = field(default_factory=dict)
    count: Counter[tuple[int, str]] = field(default_factory=Counter)
    seen: set[tuple[int, str]] = field(default_factory=set)
    clutter: Counter[int] = field(default_factory=Counter)

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
        result.clutter.update(detected & _clutter_within(day, look))
        for pair in inside:
            if pair[0] in detected:
                result.count[pair] += 1
                result.first_s.setdefault(pair, look.arrives_s)
    return result


def _clutter_within(day: Day, look: Look) -> set[int]:
    """Places of nothing within the radius of any position, as truths."""
    found: set[int] = set()
    for site in day.area.sites:
        away = np.linalg.norm(day.ground.clutter_m - site.path.at(look.taken_s), axis=1)
        found |= {CLUTTER - index for index in np.flatnonzero(away <= site.radius_m).tolist()}
    return found


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
        clutter: places of nothing within the radius that were detected at least `OFTEN` times: who
            may miss none of the threats so often detected cannot tell these from them.
        outside: alerts about true things that were never within the radius in view.
        delays_s: from the first true detection within the radius to the first alert.
        messages: everything that was sent to operators, updates included.
        again: alerts beyond one for each threat told of, by what the threats do.
        lost: missed threats, by what they do.
    """

    days: int = 0
    watched_s: float = 0.0
    threats: int = 0
    often: int = 0
    alerted: int = 0
    alerts: int = 0
    missed: int = 0
    false_alerts: int = 0
    clutter: int = 0
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
            "clutter_detected_three_times_per_day": round(self.clutter / max(self.days, 1), 3),
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


@dataclass(kw_only=True)
class _Alert:
    """One alert with everything that went into it."""

    position_id: str
    raised_s: float
    raised_by: tuple[int, ...]
    raises: int = 1
    behind: Counter[int] = field(default_factory=Counter)
    first_s: dict[int, float] = field(default_factory=dict)

    def take(self, look: Look, one: Told) -> None:
        """Count the detections of a frame that went into it."""
        for truth in one.truth:
            self.behind[truth] += 1
            self.first_s.setdefault(truth, look.arrives_s)

    @property
    def shown(self) -> set[int]:
        """Things in the detections that raised it."""
        return {truth for truth in self.raised_by if truth > CLUTTER}

    @property
    def owner(self) -> int:
        """What most of its detections show; what raised it when alike."""
        return max(self.behind, key=lambda it: (self.behind[it], it in self.raised_by, it))

    @property
    def tells_of(self) -> set[int]:
        """Things of which it may have told: what raised it, and what it shows often."""
        often = {truth for truth, count in self.behind.items() if count >= OFTEN}
        return {truth for truth in {*often, *self.raised_by} if truth > CLUTTER}


def score(day: Day, seen: Sightings, told: Sequence[tuple[Look, Told]]) -> Score:
    """One way of alerting on one day.

    An alert is about whatever stands behind most of the detections that went into it. It may have
    told of what raised it and of what it took in at least three times, but of no more things than
    were in the detections that raised it: of ten people who stand together, eight incidents tell
    of eight, whichever names they swap.

    Args:
        day: what was there.
        seen: its true detections.
        told: what was done, with the frame, in order.
    """
    alerts = _alerts(told)
    result = Score(
        days=1,
        watched_s=sum(FRAME_EVERY_S * len(flight.time_s) for flight in day.area.flights),
        threats=len(seen.count),
        often=len(seen.often),
        clutter=sum(count >= OFTEN for count in seen.clutter.values()),
        messages=len(told),
    )
    for alert in alerts:
        owner = alert.owner
        if owner <= CLUTTER:
            result.false_alerts += alert.raises
        elif (owner, alert.position_id) in seen.seen:
            result.alerts += alert.raises
            result.again[day.area.things[owner].behaviour] += alert.raises
        else:
            result.outside += alert.raises
    told_at = _told_at(alerts, seen)
    for pair, first_s in seen.first_s.items():
        behaviour = day.area.things[pair[0]].behaviour
        if pair in told_at:
            result.alerted += 1
            result.again[behaviour] -= 1
            result.delays_s.append(max(told_at[pair] - first_s, 0.0))
        elif pair in seen.often:
            result.missed += 1
            result.lost[behaviour] += 1
    return result


def _alerts(told: Sequence[tuple[Look, Told]]) -> list[_Alert]:
    alerts: dict[tuple[str, str], _Alert] = {}
    for look, one in told:
        key = one.alert_id, one.position_id
        if one.raised and key in alerts:
            alerts[key].raises += 1
        elif one.raised:
            alerts[key] = _Alert(
                position_id=one.position_id, raised_s=look.arrives_s, raised_by=one.truth
            )
        if key in alerts:
            alerts[key].take(look, one)
    return [alert for alert in alerts.values() if alert.behind]


def _told_at(alerts: Sequence[_Alert], seen: Sightings) -> dict[tuple[int, str], float]:
    """When operators were first told of each threat of which they were told at all."""
    places = [index for index, alert in enumerate(alerts) for _ in range(max(1, len(alert.shown)))]
    number = {pair: row for row, pair in enumerate(seen.first_s)}
    told: dict[tuple[int, str], float] = {}
    rows, columns = [], []
    for column, index in enumerate(places):
        alert = alerts[index]
        for truth in alert.tells_of:
            pair = truth, alert.position_id
            if pair in number:
                rows.append(number[pair])
                columns.append(column)
                time_s = alert.first_s[truth]
                told[pair] = min(told.get(pair, time_s), time_s)
    if not rows:
        return {}
    table = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(number), len(places)))
    matched = maximum_bipartite_matching(table, perm_type="column")
    return {pair: told[pair] for pair, row in number.items() if matched[row] >= 0}
