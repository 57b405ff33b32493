"""Which updates of incidents tell a person something new."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vedette.v1 import incident_pb2

_REMEMBERED = 10_000
_METRES_PER_DEGREE = 111_320.0
# A shift within this is none, however well a place is known.
_LEAST_SHIFT_M = 10.0
# So much surer, in probability, or with so small a share of the error, is worth a line.
_PROBABILITY_STEP = 0.1
_ERROR_SHARE = 0.5
# What is seen again after so long is news: it is there still.
_STILL_THERE_S = 600.0
# From this speed on, with two sigmas of it above nothing, an object is on its way.
_MOVES_M_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What a line says of an incident.

    Attributes:
        words: all that is said in words or counts: state, level, severity, category, objects, and
            the positions that it is near, with level and severity where they are told.
        latitude_deg: of its place.
        longitude_deg: of its place.
        ce90_m: error of its place.
        probability: that it is within the radius.
        moves: whether it is known to be on its way; None where no speed is told with its error.
        seen_s: when it was last seen, seconds since 1970.
    """

    words: tuple[object, ...]
    latitude_deg: float
    longitude_deg: float
    ce90_m: float
    probability: float
    moves: bool | None
    seen_s: float


class News:
    """What a person was last told of each incident."""

    def __init__(self) -> None:
        self._told: dict[str, Standing] = {}

    def tells(
        self, event: incident_pb2.IncidentEvent, brief: incident_pb2.IncidentBrief | None = None
    ) -> bool:
        """Whether an event tells something new; if so it counts as told.

        Only an update may tell nothing: where words and counts are the same, the place has shifted
        within its error, it is not much better known nor much likelier near, and it was told of
        within ten minutes.

        Args:
            event: with its incident, or with a brief.
            brief: where the event has one, all that briefs have told of the incident.
        """
        if brief is not None:
            key, now = brief.incident_id, _of_brief(brief, event)
        else:
            key, now = event.incident.name, _of_incident(event.incident, event)
        before = self._told.get(key)
        if (
            event.kind == incident_pb2.INCIDENT_EVENT_KIND_UPDATED
            and before is not None
            and _same(before, now)
        ):
            return False
        self._told.pop(key, None)
        if len(self._told) >= _REMEMBERED:
            self._told.pop(next(iter(self._told)))
        self._told[key] = now
        return True


def _same(before: Standing, now: Standing) -> bool:
    east = (now.longitude_deg - before.longitude_deg + 180.0) % 360.0 - 180.0
    shift_m = _METRES_PER_DEGREE * math.hypot(
        now.latitude_deg - before.latitude_deg,
        east * math.cos(math.radians(before.latitude_deg)),
    )
    return (
        before.words == now.words
        and before.moves == now.moves
        and shift_m <= max(before.ce90_m, _LEAST_SHIFT_M)
        and now.ce90_m > _ERROR_SHARE * before.ce90_m
        and abs(now.probability - before.probability) < _PROBABILITY_STEP
        and now.seen_s - before.seen_s < _STILL_THERE_S
    )


def _of_incident(incident: incident_pb2.Incident, event: incident_pb2.IncidentEvent) -> Standing:
    seen = incident.last_seen_time if incident.HasField("last_seen_time") else event.event_time
    moves = None
    if incident.HasField("speed_m_s"):
        moves = incident.speed_m_s > max(_MOVES_M_S, 2.0 * incident.speed_sigma_m_s)
    return Standing(
        words=(
            incident.state,
            incident.level,
            incident.severity,
            incident.category,
            incident.object_count,
            incident.marking,
            incident.position,
            # In which order they are told is no news.
            *sorted((near.position, near.level, near.severity) for near in incident.near),
        ),
        latitude_deg=incident.ground.latitude_deg,
        longitude_deg=incident.ground.longitude_deg,
        ce90_m=incident.ground.ce90_m,
        probability=incident.probability,
        moves=moves,
        seen_s=seen.ToNanoseconds() / 1e9,
    )


def _of_brief(brief: incident_pb2.IncidentBrief, event: incident_pb2.IncidentEvent) -> Standing:
    known = brief.HasField("last_seen_unix_s")
    return Standing(
        words=(
            brief.state,
            brief.level,
            brief.severity,
            brief.category,
            brief.object_count,
            brief.marking,
            brief.position_id,
            brief.others_near_count,
        ),
        latitude_deg=brief.latitude_e7 / 1e7,
        longitude_deg=brief.longitude_e7 / 1e7,
        ce90_m=brief.ce90_m,
        probability=brief.probability,
        # A brief has no error of the speed, so that what moves shows by its place.
        moves=None,
        seen_s=float(brief.last_seen_unix_s) if known else event.event_time.ToNanoseconds() / 1e9,
    )
