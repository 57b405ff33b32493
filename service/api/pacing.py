"""How many events a person is told one by one; what comes beyond is counted, never dropped."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipelines.threats.incidents.incident import ChangeKind
from pipelines.threats.rules.severity import Severity
from service.ledger.records import IncidentEventRecord

SUMMARY_EVERY_S = 60.0
_HOUR_S = 3600.0
_NEW = frozenset({ChangeKind.RAISED, ChangeKind.ESCALATED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Events that were not told one by one.

    Attributes:
        first_sequence: of the first of them.
        last_sequence: of the last.
        kinds: how many of each kind.
        incidents: how many incidents they are of.
        severity: the highest among them.
    """

    first_sequence: int
    last_sequence: int
    kinds: dict[ChangeKind, int]
    incidents: int
    severity: Severity


def urgency(event: IncidentEventRecord) -> tuple[int, int]:
    """Sorts what waits: the most severe first, then in the order in which it came."""
    return -event.record.incident.severity.rank, event.sequence


def latest_of_each(events: Iterable[IncidentEventRecord]) -> list[IncidentEventRecord]:
    """Of each incident the latest event, the most urgent first.

    An update of what was raised or escalated among the same events is told as that.
    """
    latest: dict[str, IncidentEventRecord] = {}
    for event in events:
        name = event.record.incident.incident_id
        before = latest.get(name)
        if before and before.kind in _NEW and event.kind is ChangeKind.UPDATED:
            latest[name] = replace(event, kind=before.kind)
        else:
            latest[name] = event
    return sorted(latest.values(), key=urgency)


class Pacing:
    """The limit of one person's stream.

    Args:
        events_per_hour: most that are told one by one; 0 for no limit. What is raised or escalated
            at severity HIGH is always told, and counts.
    """

    def __init__(self, events_per_hour: int) -> None:
        self._limit = events_per_hour
        self._told: deque[float] = deque()
        self._held: list[IncidentEventRecord] = []
        self._last_summary_s = float("-inf")

    def tells(self, event: IncidentEventRecord, now_s: float) -> bool:
        """Whether an event is told one by one; else it is held for the next summary.

        Args:
            event: the next, in any order.
            now_s: seconds of a clock that does not go back.
        """
        if not self._limit:
            return True
        while self._told and now_s - self._told[0] >= _HOUR_S:
            self._told.popleft()
        is_new = event.kind in _NEW
        urgent = is_new and event.record.incident.severity is Severity.HIGH
        if urgent or len(self._told) < self._limit:
            self._told.append(now_s)
            return True
        self._held.append(event)
        return False

    def summary(self, now_s: float, *, at_once: bool = False) -> Summary | None:
        """What is held, where it is time to tell it.

        Args:
            now_s: seconds of the same clock.
            at_once: whatever the time, because the stream ends.
        """
        if not self._held or (not at_once and self.wait_s(now_s) > 0.0):
            return None
        held, self._held = self._held, []
        self._last_summary_s = now_s
        records = [event.record.incident for event in held]
        return Summary(
            first_sequence=min(event.sequence for event in held),
            last_sequence=max(event.sequence for event in held),
            kinds=dict(sorted(Counter(event.kind for event in held).items())),
            incidents=len({record.incident_id for record in records}),
            severity=max((record.severity for record in records), key=lambda it: it.rank),
        )

    @property
    def first_held(self) -> int | None:
        """The earliest sequence that is held; whoever resumes must be told it again."""
        return min((event.sequence for event in self._held), default=None)

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next summary is due; infinite where nothing is held."""
        if not self._held:
            return float("inf")
        return max(0.0, self._last_summary_s + SUMMARY_EVERY_S - now_s)
