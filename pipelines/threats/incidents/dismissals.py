"""How long, and near which positions, what a person dismissed is told to nobody."""

from __future__ import annotations

from datetime import datetime

from pipelines.threats.incidents.incident import DISMISSAL_HOLD, Incident, IncidentState
from pipelines.threats.proximity.weighing import Level


def holds(incident: Incident, captured_at: datetime | None) -> bool:
    """Whether a dismissed incident takes in, silently, what a frame of some time shows of it.

    Where either time is unknown the hold cannot be measured, and an incident is held as long as it
    is given.
    """
    if incident.state is not IncidentState.DISMISSED:
        return False
    if captured_at is None or incident.last_seen_at is None:
        return True
    return abs(captured_at - incident.last_seen_at) <= DISMISSAL_HOLD


def covers(incident: Incident, position_id: str, level: Level) -> bool:
    """Whether what a person said of a thing when dismissing it speaks for a position, too.

    What was dismissed for what it is, is that everywhere. What was dismissed for what it does here
    and now (`Incident.only_here`) was judged near the position that was named first, and near the
    others as they were told then: where it becomes an alert that it was not, it is told.

    Args:
        incident: dismissed.
        position_id: where its thing is seen.
        level: as what.
    """
    if not incident.only_here or level is not Level.ALERT:
        return True
    if incident.best.position_id == position_id:
        return True
    alerts = (it.sighting for it in incident.near if it.sighting.level is Level.ALERT)
    return any(it.position_id == position_id for it in alerts)
