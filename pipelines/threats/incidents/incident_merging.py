"""Two incidents that prove to be of one object."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.threats.incidents.incident import ChangeKind, Incident, IncidentState


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedIncidents:
    """What merging two incidents left.

    Attributes:
        kept: the one that goes on, before its revision counts up.
        kind: what that is to it.
        gone: the other, ended.
    """

    kept: Incident
    kind: ChangeKind
    gone: Incident


def united(one: Incident, other: Incident, track_id: str) -> MergedIncidents:
    """Merge two live incidents at one position: the younger into the older.

    What a person confirmed is kept, whichever is older. The higher level and severity stay.

    Args:
        one: an incident.
        other: another one.
        track_id: the track of the one that is kept.
    """
    first, second = sorted((one, other), key=age)
    if second.state is IncidentState.CONFIRMED and first.state is not IncidentState.CONFIRMED:
        first, second = second, first
    level = max((first.best.level, second.best.level), key=lambda it: it.rank)
    severer = max((first, second), key=lambda it: it.severity.rank)
    known = [time for time in (first.first_seen_at, second.first_seen_at) if time]
    rises = level is not first.best.level or severer.severity is not first.severity
    return MergedIncidents(
        kept=replace(
            first,
            track_id=track_id,
            sighting_count=first.sighting_count + second.sighting_count,
            first_seen_at=min(known, default=None),
            best=replace(first.best, level=level),
            severity=severer.severity,
            reason=severer.reason,
        ),
        kind=ChangeKind.ESCALATED if rises else ChangeKind.UPDATED,
        gone=replace(
            second,
            state=IncidentState.MERGED,
            merged_into=first.incident_id,
            reason="It proved to be the same object as another incident.",
            revision=second.revision + 1,
        ),
    )


def age(incident: Incident) -> tuple[bool, float, str]:
    """Sorts incidents, the oldest first; by name where no time tells."""
    first = incident.first_seen_at
    return first is None, 0.0 if first is None else first.timestamp(), incident.incident_id
