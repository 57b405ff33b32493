"""An incident as it stands to each of the positions that its thing is near, and all of it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pipelines.threats.incidents.incident import (
    MOST_NEAR,
    UNDECIDED,
    ChangeKind,
    Incident,
    IncidentChange,
    IncidentState,
    Nearby,
)
from pipelines.threats.incidents.incident_evidence import Seen, corrected, looked_at
from pipelines.threats.proximity.weighing import Level
from pipelines.threats.rules.conditions import Judged

# So much likelier another position has to be to be named first, level and severity being alike.
_LIKELIER = 0.1

Parts = Mapping[str, Incident]
"""Facets by position."""


def facets(incident: Incident) -> dict[str, Incident]:
    """The incident as it stands to each position alone, by position, the gravest first.

    Each is an incident near one position: what a look does to it, and what it was told as, is told
    of that position alone. A severity that a person set is that of the gravest.
    """
    alone = replace(incident, near=(), more_near=0)
    found = {incident.best.position_id: alone}
    for near in incident.near:
        found[near.sighting.position_id] = facet(alone, near)
    return found


def facet(incident: Incident, near: Nearby) -> Incident:
    """An incident as it stands to one of the others of its positions."""
    return replace(
        incident,
        near=(),
        more_near=0,
        best=near.sighting,
        severity=near.severity,
        severity_held=False,
        reason=near.reason,
        calm_run=near.calm_run,
        calm_since=near.calm_since,
        outside_run=near.outside_run,
        outside_since=near.outside_since,
    )


def nearby(part: Incident, near_at: datetime | None) -> Nearby:
    """How a facet stands to its position, apart from the incident."""
    return Nearby(
        sighting=part.best,
        severity=part.severity,
        reason=part.reason,
        last_near_at=near_at,
        calm_run=part.calm_run,
        calm_since=part.calm_since,
        outside_run=part.outside_run,
        outside_since=part.outside_since,
    )


def last_near(incident: Incident) -> dict[str, datetime | None]:
    """When a look last had it possibly within the radius of each of its positions."""
    found = {it.sighting.position_id: it.last_near_at for it in incident.near}
    return {incident.best.position_id: incident.last_seen_at, **found}


def gathered(incident: Incident, parts: Parts, near_at: Mapping[str, datetime | None]) -> Incident:
    """The incident of some facets: near all their positions, the gravest first.

    Gravest is what is of the highest level, then severity, then likeliest. The position that was
    named first stays so until another is of a higher level or severity, or likelier by a tenth. Of
    more than `MOST_NEAR` others those that were told before stay unless further ones are of a
    higher level or severity.

    Args:
        incident: as it was before.
        parts: facets of it as they are now, by position; at least one.
        near_at: when a look last had it possibly within the radius of each.
    """
    told, held = incident.position_ids, incident.severity_held
    order, first = _ordered(parts), _ordered(parts, held=held)[0]
    if told[0] in parts and not _graver(parts[first], parts[told[0]], held=held):
        first = told[0]
    others = [name for name in order if name != first]
    kept = sorted(
        others,
        key=lambda name: (*_gravity(parts[name])[:2], name in told),
        reverse=True,
    )[:MOST_NEAR]
    latest = max(it.revision for it in parts.values())
    # What is not of a position is told by any facet that was looked at last.
    common = next(parts[name] for name in (first, *order) if parts[name].revision == latest)
    at = facet(common, nearby(parts[first], None))
    severity = at.severity
    if held and incident.severity.rank > severity.rank:
        severity = incident.severity
    counts = {it.object_count for it in parts.values()} - {1, incident.object_count}
    count = max(counts, default=incident.object_count)
    members = {name for it in (incident, *parts.values()) for name in it.group_ids}
    if count > 1:
        # Whoever spoke for a group before is one of it.
        members |= {incident.track_id, *(it.track_id for it in parts.values())}
    return replace(
        at,
        severity=severity,
        severity_held=held,
        object_count=count,
        group_ids=tuple(sorted(members - {at.track_id, ""})),
        near=tuple(nearby(parts[name], near_at.get(name)) for name in order if name in kept),
        more_near=len(others) - len(kept),
    )


def begun(parts: Parts, captured_at: datetime | None) -> Incident:
    """The incident of a thing that rules show near some positions for the first time.

    Args:
        parts: what would be raised near each position alone, by position; at least one.
        captured_at: of the look.
    """
    first = _ordered(parts)[0]
    whole = gathered(parts[first], parts, dict.fromkeys(parts, captured_at))
    return replace(whole, object_count=max(it.object_count for it in parts.values()))


def looked_from_all(
    incident: Incident,
    looks: Mapping[str, Seen],
    come: Parts,
    *,
    counts: bool,
) -> IncidentChange:
    """What one frame does to an incident near all its positions.

    Near each of them evidence works alone: a position is left where looks have the thing outside of
    it for good, whoever decided what. An incident is withdrawn where the last is left, unless a
    person has confirmed it.

    Args:
        incident: live.
        looks: at its thing from its positions, by position; what is not among them stays as it is.
        come: what would be raised near further positions alone, by position.
        counts: whether the frame is one more sighting of it.
    """
    views, near_at = facets(incident), last_near(incident)
    after: dict[str, Incident] = {}
    left: dict[str, Incident] = {}
    for name, view in views.items():
        if name not in looks:
            after[name] = view
            continue
        seen = looks[name]
        change = looked_at(replace(view, state=IncidentState.OPEN), seen)
        (left if change.kind is ChangeKind.CANCELLED else after)[name] = change.incident
        if seen.placed.probability >= seen.possible_probability and seen.captured_at is not None:
            known = near_at.get(name)
            near_at[name] = max(seen.captured_at, known or seen.captured_at)
    for name, part in come.items():
        near_at[name] = part.last_seen_at
        after[name] = _come(incident, views[incident.best.position_id], part)
    count = incident.sighting_count + (1 if counts else 0)
    if not after and incident.state in UNDECIDED:
        whole = gathered(incident, left, near_at)
        ended = replace(whole, state=IncidentState.CANCELLED, sighting_count=count)
        return IncidentChange(kind=ChangeKind.CANCELLED, incident=ended)
    if not after:
        first = incident.best.position_id
        after[first] = looked_at(views[first], looks[first]).incident
    whole = replace(
        gathered(incident, after, near_at),
        state=incident.state,
        sighting_count=count,
        revision=incident.revision + 1,
    )
    return IncidentChange(kind=turn(incident, whole), incident=whole)


def _come(incident: Incident, view: Incident, part: Incident) -> Incident:
    """What would be raised near one more position as a facet of an incident."""
    times = [it for it in (incident.first_seen_at, part.first_seen_at) if it]
    known = [it for it in (incident.last_seen_at, part.last_seen_at) if it]
    common = replace(
        part,
        incident_id=view.incident_id,
        first_seen_at=min(times, default=None),
        last_seen_at=max(known, default=None),
        revision=incident.revision + 1,
        object_count=part.object_count if part.object_count > 1 else incident.object_count,
        only_here=incident.only_here,
    )
    return facet(common, nearby(part, None))


def corrected_near(incident: Incident, looks: Mapping[str, tuple[Seen, Judged]]) -> IncidentChange:
    """Put right what a new look at the only frame that shows an incident tells of it.

    Args:
        incident: that this frame alone has shown.
        looks: what the frame now shows of it, by position; at least one.
    """
    views = facets(incident)
    first = views[incident.best.position_id]
    parts = {
        name: corrected(views.get(name, first), seen, judged)
        for name, (seen, judged) in looks.items()
    }
    whole = gathered(incident, parts, {name: seen.captured_at for name, (seen, _) in looks.items()})
    return IncidentChange(kind=turn(incident, whole), incident=whole)


def turn(before: Incident, after: Incident) -> ChangeKind:
    """What a look was to an incident, by how it stands to all its positions before and after.

    It is escalated where its level or severity rises, and where it becomes an alert at a position
    at which it was none: whoever is there has not been told. It is de-escalated where the gravest
    is of a lower level or severity than the gravest was.
    """
    level = after.best.level.rank - before.best.level.rank
    severity = after.severity.rank - before.severity.rank
    if level > 0 or severity > 0 or _alerts(after) - _alerts(before):
        return ChangeKind.ESCALATED
    return ChangeKind.DE_ESCALATED if level < 0 or severity < 0 else ChangeKind.UPDATED


def _alerts(incident: Incident) -> set[str]:
    return {it.position_id for it in incident.sightings if it.level is Level.ALERT}


def _ordered(parts: Parts, *, held: bool = False) -> list[str]:
    """The positions of facets, the gravest first; of those that are alike the nearest."""
    return sorted(
        parts,
        key=lambda name: (
            *(-value for value in _gravity(parts[name], held=held)),
            parts[name].best.range_m,
            name,
        ),
    )


def _gravity(part: Incident, *, held: bool = False) -> tuple[int, int, float]:
    # A severity that a person set is the incident's, and tells no position from another.
    severity = 0 if held else part.severity.rank
    return part.best.level.rank, severity, round(part.best.probability, 2)


def _graver(one: Incident, other: Incident, *, held: bool) -> bool:
    first, second = _gravity(one, held=held), _gravity(other, held=held)
    return first[:2] > second[:2] or (first[:2] == second[:2] and first[2] >= second[2] + _LIKELIER)
