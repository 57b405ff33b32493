"""One incident for one object near one position, however often it is seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipelines.proximity import Sighting


class IncidentState(StrEnum):
    """What people have made of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class ChangeKind(StrEnum):
    """What happened to an incident."""

    RAISED = "raised"
    UPDATED = "updated"
    ESCALATED = "escalated"
    DECIDED = "decided"


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """An incident as a value.

    Attributes:
        incident_id: deterministic: made from the imagery, detection, position and rule that raised
            it, so that work done twice raises it once.
        state: what people have made of it.
        best: what is known now: level never falls, place fused from all sightings.
        imagery_id: the imagery it was last seen in.
        sighting_count: how many sightings it unites.
        first_seen_at: capture time of the earliest sighting; None where none is known.
        last_seen_at: capture time of the latest.
        revision: counts up with each change, from 1.
    """

    incident_id: str
    state: IncidentState
    best: Sighting
    imagery_id: str
    sighting_count: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    revision: int


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentChange:
    """What a frame did to one incident."""

    kind: ChangeKind
    incident: Incident
