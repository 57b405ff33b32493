"""What one more look at an object makes of its incident."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.wording import counted
from pipelines.threats.incidents.incident import (
    INCIDENT_HOLD,
    LIVE,
    MOVING_HOLD,
    UNDECIDED,
    ChangeKind,
    Incident,
    IncidentChange,
    IncidentState,
    incident_id,
)
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.conditions import Judged
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.track import Mobility, Track

# An alert is left where the probability is under this share of what it is entered at.
_LEAVE_SHARE = 0.5
# So many looks in a row, over so long, have to speak for less before less is told.
_CALM_LOOKS = 3
_CALM = timedelta(seconds=30)
# And so many, over so long, have to show an object outside before its incident is withdrawn.
_OUTSIDE_LOOKS = 3
_OUTSIDE = timedelta(seconds=60)
# A place that was shown without the object: the chance that a detector missed it there every time.
_CHANCE_OF_MISSING = 1e-3
_EMPTY_LOOKS = 3
_EMPTY = timedelta(seconds=20)
# Confidences of real objects and of mistaken ground, as the shipped model was measured on VisDrone
# and HIT-UAV (docs/incidents.md, "Where the figures come from"): 0.25 is reached by 46 of 100
# people and 60 of 100 vehicles of middle size, and by 39 to 59 of 100 false alarms from 0.15 up, of
# which 7 to 23 reach 0.4. Normals of the logit with these shares lie around -1 and -2. Where they
# are even, and what each unit of it tells; how often either is found where it is looked at, and how
# many of each there are.
_LOOK_EVEN, _LOOK_GAIN = -1.1, 0.85
_FOUND_AT_ALL, _VAIN_LOSS, _LATER_SHARE = -0.6, 0.5, 0.6
_MOTION_GAIN = 1.5
SURE_ENOUGH = 0.65
"""The surety from which an object is shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One look at an object near a position.

    Attributes:
        track: of the object, after the look.
        placed: the object at the place of its track, weighed by the rule that speaks; the level is
            what that place alone would be.
        judged: what the conditions of the rules make of the look; None where they do not show it,
            or no rule sees it.
        imagery_id: the frame.
        captured_at: when it was taken, aware; None where that is unknown.
        alert_probability: of the rule that speaks.
        possible_probability: of the rule that speaks.
    """

    track: Track
    placed: Sighting
    judged: Judged | None
    imagery_id: str
    captured_at: datetime | None
    alert_probability: float
    possible_probability: float


def raised(seen: Seen, judged: Judged) -> Incident:
    """The incident that a look raises."""
    track = seen.track
    level = max(judged.sighting.level, seen.placed.level, key=lambda it: it.rank)
    return Incident(
        incident_id=incident_id(seen.imagery_id, judged.sighting),
        state=IncidentState.OPEN,
        best=replace(_best(seen), level=level),
        imagery_id=track.imagery_id,
        sighting_count=1,
        first_seen_at=seen.captured_at,
        last_seen_at=seen.captured_at,
        revision=1,
        mobility=track.mobility,
        track_id=track.track_id,
        severity=judged.severity,
        reason=judged.reason,
        object_count=judged.object_count,
        group_ids=tuple(name for name in judged.track_ids if name != track.track_id),
        velocity_m_s=track.velocity_m_s,
        velocity_covariance=track.velocity_covariance,
    )


def looked_at(incident: Incident, seen: Seen) -> IncidentChange:
    """What a further look at the object does to its incident; its sightings are counted elsewhere.

    The level and the severity rise at once. They fall only by evidence, never because less is
    known: when several looks in a row, over some time, have the object outside the radius with all
    of its 90 % interval, or lower the severity. What no person has confirmed is withdrawn when such
    looks have it outside for good.
    """
    track, judged = seen.track, seen.judged
    times = [it for it in (incident.first_seen_at, incident.last_seen_at, seen.captured_at) if it]
    known = replace(
        incident,
        best=replace(_best(seen), level=incident.best.level),
        imagery_id=track.imagery_id,
        first_seen_at=min(times, default=None),
        last_seen_at=max(times, default=None),
        revision=incident.revision + 1,
        mobility=track.mobility,
        track_id=track.track_id,
        velocity_m_s=track.velocity_m_s,
        velocity_covariance=track.velocity_covariance,
    )
    if judged is not None and judged.object_count > 1:
        others = {*known.group_ids, *judged.track_ids} - {track.track_id}
        known = replace(known, object_count=judged.object_count, group_ids=tuple(sorted(others)))
    late = (
        seen.captured_at is not None
        and incident.last_seen_at is not None
        and seen.captured_at < incident.last_seen_at
    )
    if late:
        # What was so before the latest look says nothing of now, but that it once was worse.
        return _risen(incident, known, seen)
    known = _outside(known, seen)
    if _gone_out(known, seen):
        reason = f"The last {known.outside_run} looks show it outside the radius."
        return IncidentChange(
            kind=ChangeKind.CANCELLED,
            incident=replace(known, state=IncidentState.CANCELLED, reason=reason),
        )
    change = _risen(incident, known, seen)
    return change if change.kind is ChangeKind.ESCALATED else _fallen(incident, known, seen)


def corrected(incident: Incident, seen: Seen, judged: Judged) -> Incident:
    """Put right what a new look at one frame, with another pose or time, tells of an incident.

    The place and what follows from it are those of the new look alone; the level may fall, because
    it was never seen otherwise. What people decided of it stays.

    Args:
        incident: an incident that this frame alone has shown.
        seen: what the frame now shows of it.
        judged: and what the rules make of that.
    """
    anew = raised(seen, judged)
    return replace(
        anew,
        incident_id=incident.incident_id,
        state=incident.state,
        revision=incident.revision + 1,
        severity=_higher(incident.severity, anew.severity)
        if incident.severity_held
        else anew.severity,
        severity_held=incident.severity_held,
    )


def missed(incident: Incident, track: Track, captured_at: datetime | None) -> IncidentChange | None:
    """Withdraw an incident whose place was shown without the object too often to be chance.

    How often a detector finds this object is told by the looks that could have found it before.
    What a person confirmed stays, and so does what was seen to drive: it is elsewhere.
    """
    if incident.state not in UNDECIDED or captured_at is None or track.last_seen_at is None:
        return None
    if captured_at - track.last_seen_at < _EMPTY or track.empty_run < _EMPTY_LOOKS:
        return None
    if (1.0 - found_share(track)) ** track.empty_run > _CHANCE_OF_MISSING:
        return None
    reason = f"{track.empty_run} later looks show its place without it."
    return withdrawn(incident, reason)


def found_share(track: Track) -> float:
    """How often a detector finds an object where a frame shows it, by the looks so far.

    Laplace's estimate with a prior of two found of three; the misses since it was last seen are
    left out, for they are what is to be explained.
    """
    before = track.missed_count - track.empty_run
    return (track.sighting_count + 2.0) / (track.sighting_count + before + 3.0)


def expired(incident: Incident, changed_at: datetime, now: datetime) -> IncidentChange | None:
    """End an incident that was not seen for longer than it is held.

    Imagery may come hours after it was taken, so that both times count: when it was last seen, and
    when the service last heard of it. What drove is not waited for so long.

    Args:
        incident: any.
        changed_at: when it last changed.
        now: the time now.

    Returns:
        None where it has ended, was dismissed, or is held still.
    """
    if incident.state not in LIVE:
        return None
    hold = MOVING_HOLD if incident.mobility is Mobility.MOVING else INCIDENT_HOLD
    since = max(changed_at, incident.last_seen_at or changed_at)
    if now - since <= hold:
        return None
    hours = round(hold.total_seconds() / 3600.0)
    return IncidentChange(
        kind=ChangeKind.EXPIRED,
        incident=replace(
            incident,
            state=IncidentState.EXPIRED,
            reason=f"It was not seen for {counted(hours, 'hour')}.",
            revision=incident.revision + 1,
        ),
    )


def surety(track: Track) -> float:
    """How much the looks so far speak for a real object, as a logarithm of odds.

    Each look that found it adds by its confidence what real objects show oftener than ground that
    is mistaken for one, each that looked in vain takes away; later looks count for half, since what
    fooled a detector once fools it again. What drives is real: such ground does not move.
    """
    gains = sorted(
        (_LOOK_GAIN * (_logit(point.confidence) - _LOOK_EVEN) for point in track.points),
        reverse=True,
    )
    score = _FOUND_AT_ALL + gains[0] + _LATER_SHARE * sum(gains[1:])
    score -= _LATER_SHARE * _VAIN_LOSS * track.missed_count
    return score + (_MOTION_GAIN if track.mobility is Mobility.MOVING else 0.0)


def _logit(confidence: float) -> float:
    kept = min(max(confidence, 0.02), 0.98)
    return math.log(kept / (1.0 - kept))


def withdrawn(incident: Incident, reason: str) -> IncidentChange:
    """Withdraw an incident."""
    return IncidentChange(
        kind=ChangeKind.CANCELLED,
        incident=replace(
            incident,
            state=IncidentState.CANCELLED,
            reason=reason,
            revision=incident.revision + 1,
        ),
    )


def _best(seen: Seen) -> Sighting:
    track = seen.track
    return replace(
        seen.placed,
        detection_index=track.points[-1].detection_index,
        category=track.category,
        confidence=track.confidence,
    )


def _risen(incident: Incident, known: Incident, seen: Seen) -> IncidentChange:
    """The incident at the level and severity of this look, where they are higher."""
    levels = [incident.best.level, seen.placed.level]
    if seen.judged is not None:
        levels.append(seen.judged.sighting.level)
    level = max(levels, key=lambda it: it.rank)
    severity, reason = incident.severity, incident.reason
    if seen.judged is not None and _at_least(seen.judged.severity, severity):
        severity, reason = seen.judged.severity, seen.judged.reason
    rises = level.rank > incident.best.level.rank or severity is not incident.severity
    return IncidentChange(
        kind=ChangeKind.ESCALATED if rises else ChangeKind.UPDATED,
        incident=replace(
            known, best=replace(known.best, level=level), severity=severity, reason=reason
        ),
    )


def _fallen(incident: Incident, known: Incident, seen: Seen) -> IncidentChange:
    """The incident at a lower level or severity, where looks have spoken for it long enough."""
    judged, placed = seen.judged, seen.placed
    beyond = placed.range_low_m > placed.radius_m
    less_likely = (
        incident.best.level is Level.ALERT
        and placed.level is not Level.ALERT
        and (judged is None or judged.sighting.level is not Level.ALERT)
        and placed.probability < _LEAVE_SHARE * seen.alert_probability
        and beyond
    )
    lower = judged is not None and not _at_least(judged.severity, incident.severity)
    less_severe = lower and not incident.severity_held
    reason = incident.reason
    if judged is not None and judged.severity is incident.severity:
        reason = judged.reason
    known = replace(known, reason=reason)
    if not less_likely and not less_severe:
        return IncidentChange(
            kind=ChangeKind.UPDATED, incident=replace(known, calm_run=0, calm_since=None)
        )
    since = known.calm_since if known.calm_run else seen.captured_at
    known = replace(known, calm_run=known.calm_run + 1, calm_since=since)
    if known.calm_run < _CALM_LOOKS or not _passed(since, seen.captured_at, _CALM):
        return IncidentChange(kind=ChangeKind.UPDATED, incident=known)
    known = replace(known, calm_run=0, calm_since=None)
    if less_likely:
        known = replace(known, best=replace(known.best, level=Level.POSSIBLE))
    if less_severe and judged is not None:
        known = replace(known, severity=judged.severity, reason=judged.reason)
    return IncidentChange(kind=ChangeKind.DE_ESCALATED, incident=known)


def _outside(known: Incident, seen: Seen) -> Incident:
    placed = seen.placed
    if not (
        placed.probability < _LEAVE_SHARE * seen.possible_probability
        and placed.range_low_m > placed.radius_m
    ):
        return replace(known, outside_run=0, outside_since=None)
    since = known.outside_since if known.outside_run else seen.captured_at
    return replace(known, outside_run=known.outside_run + 1, outside_since=since)


def _gone_out(known: Incident, seen: Seen) -> bool:
    return (
        known.state in UNDECIDED
        and known.outside_run >= _OUTSIDE_LOOKS
        and _passed(known.outside_since, seen.captured_at, _OUTSIDE)
    )


def _passed(since: datetime | None, until: datetime | None, least: timedelta) -> bool:
    return since is not None and until is not None and until - since >= least


def _at_least(first: Severity, second: Severity) -> bool:
    return first.rank >= second.rank


def _higher(first: Severity, second: Severity) -> Severity:
    return max(first, second, key=lambda it: it.rank)
