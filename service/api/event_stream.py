"""What one subscriber is told: every event, or briefs by urgency, within a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from vedette.v1 import incident_pb2

from pipelines.threats.incidents.incident import ChangeKind
from pipelines.threats.rules.severity import Severity
from service.access import Sight
from service.api.convert.brief import BriefWriter, summary_event
from service.api.convert.incident import event_message
from service.api.pacing import Pacing, latest_of_each
from service.ledger.records import IncidentEventRecord

Told = tuple[IncidentEventRecord | None, incident_pb2.IncidentEvent]


class EventStream:
    """The state of one subscription.

    Args:
        events_per_hour: limit of what is told one by one; 0 for none.
        brief: at most 500 bytes an event, the most urgent of what waits first.
        sight: what the subscriber may see.
        clock: seconds that do not go back.
    """

    def __init__(
        self, events_per_hour: int, *, brief: bool, sight: Sight, clock: Callable[[], float]
    ) -> None:
        self._pacing = Pacing(events_per_hour)
        self._is_limited = events_per_hour > 0
        self._writer = BriefWriter() if brief else None
        self._sight = sight
        self._clock = clock

    def tell(
        self,
        events: Sequence[IncidentEventRecord],
        since: int,
        through: int,
        *,
        is_end: bool,
    ) -> Iterator[Told]:
        """The messages of what was read from the ledger at once.

        Args:
            events: those that the subscriber may see, in order.
            since: the sequence after which was read.
            through: the last sequence that was read, seen or not.
            is_end: nothing follows, so that nothing may be held.

        Yields:
            The event, None for a summary, and its message.
        """
        waiting = list(events) if self._writer is None else latest_of_each(events)
        told = [event for event in waiting if self._pacing.tells(event, self._clock())]
        for place, event in enumerate(told):
            is_last = place + 1 == len(told)
            if self._writer is not None:
                # Before the last of them what is left would be missed by whoever goes on.
                resume = self._resumable(through if is_last else since)
                yield event, self._writer.event(event, resume)
            else:
                message = event_message(event, self._sight)
                if self._is_limited:
                    message.resume_after = self._resumable(event.sequence)
                yield event, message
        summary = self._pacing.summary(self._clock(), at_once=is_end)
        if summary is not None:
            yield None, summary_event(summary, max(through, since))

    def wait_s(self, at_most_s: float) -> float:
        """Seconds until something is to be told even if nothing happens."""
        return min(at_most_s, self._pacing.wait_s(self._clock()))

    def _resumable(self, sequence: int) -> int:
        """The last sequence up to which nothing is held."""
        held = self._pacing.first_held
        return sequence if held is None else min(sequence, held - 1)


def wants_chip(event: IncidentEventRecord, chips_from: Severity | None) -> bool:
    """Whether a chip follows an event by itself."""
    if chips_from is None or event.kind not in (ChangeKind.RAISED, ChangeKind.ESCALATED):
        return False
    return event.record.incident.severity.rank >= chips_from.rank
