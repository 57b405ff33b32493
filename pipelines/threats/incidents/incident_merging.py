"""Two incidents that prove to be of one thing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.threats.incidents.facets import facet, facets, gathered, last_near, nearby
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
    """Merge two live incidents: the younger into the older, near the positions of both.

    What a person confirmed is kept, whichever is older. Near a position that both tell of the
    higher level and severity stay.

    Args:
        one: an incident.
        other: another one.
        track_id: the track of the one that is kept.
    """
    first, second = sorted((one, other), key=age)
    if second.state is IncidentState.CONFIRMED and first.state is not IncidentState.CONFIRMED:
        first, second = second, first
    held = first.severity_held or second.severity_held
    known = [time for time in (first.first_seen_at, second.first_seen_at) if time]
    members = {*first.group_ids, *second.group_ids}
    near_at = last_near(second) | last_near(first)
    parts = facets(first)
    for name, part in facets(second).items():
        here = parts.get(name)
        if here is None:
            parts[name] = facet(first, nearby(part, None))
            continue
        level = max((here.best.level, part.best.level), key=lambda it: it.rank)
        severer = max((here, part), key=lambda it: it.severity.rank)
        parts[name] = replace(
            here,
            best=replace(here.best, level=level),
            severity=severer.severity,
            reason=severer.reason,
        )
    severest = max((first, second), key=lambda it: it.severity.rank).severity
    whole = replace(first, severity_held=held, severity=severest if held else first.severity)
    whole = gathered(whole, parts, near_at)
    rises = (
        whole.best.level.rank > first.best.level.rank or whole.severity.rank > first.severity.rank
    )
    return MergedIncidents(
        kept=replace(
            whole,
            track_id=track_id,
            group_ids=tuple(sorted(members - {track_id, one.track_id, other.track_id})),
            object_count=max(first.object_count, second.object_count),
            sighting_count=first.sighting_count + second.sighting_count,
            first_seen_at=min(known, default=None),
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
