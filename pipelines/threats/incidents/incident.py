"""One incident for one object near one position, however often it is seen."""

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
    # To alert, or to a higher severity.
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
class Incident:
    """An incident as a value.

    Attributes:
        incident_id: deterministic: made from the imagery, detection, position and rule that raised
            it, so that work done twice raises it once.
        state: what has become of it.
        best: what is known now: its place is that of its track, all looks together; confidence the
            highest of them with its category, detection_index that of `imagery_id`.
        imagery_id: the imagery it was last seen in.
        sighting_count: how many sightings it unites.
        first_seen_at: capture time of the earliest sighting; None where none is known.
        last_seen_at: capture time of the latest.
        revision: counts up with each change that is an event, from 1.
        mobility: whether it was found where it had stood, or elsewhere.
        track_id: the object's track; empty for incidents from before there were tracks.
        severity: how soon a person should look.
        severity_held: a person set the severity; it may rise but not fall.
        reason: what was seen and why it is of that severity; of one that ended, why it did.
        object_count: how many objects it stands for: 1, or those of a cluster or a convoy.
        group_ids: tracks of the other objects it stands for.
        velocity_m_s: (2,) east and north; None where its looks do not tell one.
        velocity_covariance: (2, 2) of it, (m/s)^2; None with it.
        merged_into: identifier of the incident that it was merged into; empty otherwise.
        calm_run: looks in a row that speak for a lower level or severity than is told.
        calm_since: capture time of the first of them; None where unknown, or without any.
        outside_run: looks in a row that show it outside the radius.
        outside_since: capture time of the first of them; None where unknown, or without any.

    What a dismissed incident takes in silently is counted in `sighting_count` alone; the rest stays
    what a person dismissed.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentChange:
    """What a frame, a person or time did to one incident."""

    kind: ChangeKind
    incident: Incident


def incident_id(imagery_id: str, sighting: Sighting, *, again: int = 0) -> str:
    """The identifier of the incident that a sighting raises: the same whenever it is made.

    Args:
        imagery_id: the frame.
        sighting: in it.
        again: counts up where the same sighting raised one before that has ended.
    """
    name = [imagery_id, sighting.detection_index, sighting.position_id, sighting.rule_id]
    return str(uuid.uuid5(_NAMESPACE, json.dumps([*name, again] if again else name)))
