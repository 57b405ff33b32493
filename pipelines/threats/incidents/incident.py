"""One incident for one thing, however often it is seen and however many positions it is near."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.proximity.weighing import Sighting
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.track import Mobility
from pipelines.threats.tracks.tracker import TRACK_HOLD

INCIDENT_HOLD = TRACK_HOLD
"""An object not seen for longer is a new one when something is seen there again."""
MOVING_HOLD = timedelta(hours=1)
"""What drove away is not waited for so long."""
DISMISSAL_HOLD = timedelta(hours=2)
"""How long after its last sighting a dismissed incident takes in further sightings silently."""
COOLDOWN = timedelta(minutes=10)
"""What was withdrawn is not raised again as merely possible so soon after it was last seen."""

MOST_NEAR = 32
"""So many positions besides the gravest are told of one incident; further ones are counted."""

_NAMESPACE = uuid.UUID("6d2b7a52-5f0c-5b0e-9b5e-3c1b0e6f5d11")


class IncidentState(StrEnum):
    """What has become of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    # Withdrawn before anybody confirmed it: later looks show that it is not so.
    CANCELLED = "cancelled"
    # Not seen for longer than it is held open.
    EXPIRED = "expired"
    # Proved to be the same object as another.
    MERGED = "merged"


UNDECIDED = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED})
"""Incidents that no person has judged: the machine may withdraw them."""
LIVE = UNDECIDED | {IncidentState.CONFIRMED}
"""Incidents that further looks update."""
ENDED = frozenset({IncidentState.CANCELLED, IncidentState.EXPIRED, IncidentState.MERGED})
"""Incidents that nothing changes any more."""


class ChangeKind(StrEnum):
    """What happened to an incident."""

    RAISED = "raised"
    UPDATED = "updated"
    # To a higher severity, or to an alert at a position where it was none.
    ESCALATED = "escalated"
    # To possible, or to a lower severity.
    DE_ESCALATED = "de_escalated"
    DECIDED = "decided"
    # Released outside the mission, or proposed to be.
    RELEASED = "released"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MERGED = "merged"
    # Dismissed, and seen again: counted, told to nobody.
    ABSORBED = "absorbed"
    # Something in its books changed that nobody is told of.
    NOTED = "noted"


QUIET = frozenset({ChangeKind.ABSORBED, ChangeKind.NOTED})
"""Changes that are no events."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nearby:
    """How the thing of an incident stands to one more position that it is near.

    Attributes:
        sighting: weighed at the place of its track, as `Incident.best` is.
        severity: how soon a person should look, by the rule of this position.
        reason: what was seen from there and why it is of that severity.
        last_near_at: capture time of the latest look that has it possibly within the radius; None
            where no look tells its time.
        calm_run: as of an incident; so are the others.
        calm_since: capture time.
        outside_run: looks in a row.
        outside_since: capture time.
    """

    sighting: Sighting
    severity: Severity
    reason: str = ""
    last_near_at: datetime | None = None
    calm_run: int = 0
    calm_since: datetime | None = None
    outside_run: int = 0
    outside_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """An incident as a value: of one track, or of one group that a rule asks for.

    Attributes:
        incident_id: deterministic: made from the imagery and detection that raised it, so that
            work done twice raises it once.
        state: what has become of it.
        best: what is known now, near the position where it is gravest: its place is that of its
            track, all looks together; confidence the highest of them with its category,
            detection_index that of `imagery_id`.
        imagery_id: the imagery it was last seen in.
        sighting_count: how many sightings it unites.
        first_seen_at: capture time of the earliest sighting; None where none is known.
        last_seen_at: capture time of the latest.
        revision: counts up with each change that is an event, from 1.
        mobility: whether it was found where it had stood, or elsewhere.
        track_id: the object's track; empty for incidents from before there were tracks.
        severity: how soon a person should look, where it is gravest.
        severity_held: a person set the severity; it may rise but not fall.
        reason: what was seen from there and why it is of that severity; of one that ended, why it
            did.
        object_count: how many objects it stands for: 1, or those of a cluster or a convoy.
        group_ids: tracks of the other objects it stands for.
        velocity_m_s: (2,) east and north; None where its looks do not tell one.
        velocity_covariance: (2, 2) of it, (m/s)^2; None with it.
        merged_into: identifier of the incident that it was merged into; empty otherwise.
        calm_run: looks in a row that speak for a lower level or severity than is told.
        calm_since: capture time of the first of them; None where unknown, or without any.
        outside_run: looks in a row that show it outside the radius.
        outside_since: capture time of the first of them; None where unknown, or without any.
        near: the other positions that it is near, the gravest first, at most `MOST_NEAR`.
        more_near: how many it is near beyond those.
        only_here: a person dismissed it for what it does at these positions, and not for what it
            is: another position may tell of it again.

    Runs, level and reason are of the gravest position; `near` has those of the others. What a
    dismissed incident takes in silently is counted in `sighting_count` alone; the rest stays what a
    person dismissed.
    """

    incident_id: str
    state: IncidentState
    best: Sighting
    imagery_id: str
    sighting_count: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    revision: int
    mobility: Mobility = Mobility.UNKNOWN
    track_id: str = ""
    severity: Severity = Severity.LOW
    severity_held: bool = False
    reason: str = ""
    object_count: int = 1
    group_ids: tuple[str, ...] = ()
    velocity_m_s: NDArray[np.float64] | None = None
    velocity_covariance: NDArray[np.float64] | None = None
    merged_into: str = ""
    calm_run: int = 0
    calm_since: datetime | None = None
    outside_run: int = 0
    outside_since: datetime | None = None
    near: tuple[Nearby, ...] = ()
    more_near: int = 0
    only_here: bool = False

    @property
    def position_ids(self) -> tuple[str, ...]:
        """The positions that it is told to be near, the gravest first."""
        return tuple(it.position_id for it in self.sightings)

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        """How it stands to each of these, in that order."""
        return self.best, *(it.sighting for it in self.near)

    @property
    def others_near(self) -> int:
        """How many positions besides the gravest it is near."""
        return len(self.near) + self.more_near


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentChange:
    """What a frame, a person or time did to one incident."""

    kind: ChangeKind
    incident: Incident


def incident_id(imagery_id: str, sighting: Sighting, *, again: int = 0) -> str:
    """The identifier of the incident that a sighting raises: the same whenever it is made.

    Of one detection it is the same near every position.

    Args:
        imagery_id: the frame.
        sighting: in it.
        again: counts up where the same detection raised one before that has ended.
    """
    name = [imagery_id, sighting.detection_index]
    return str(uuid.uuid5(_NAMESPACE, json.dumps([*name, again] if again else name)))
