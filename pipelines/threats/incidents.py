"""One incident for one object near one position, however often it is seen."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.threats.association import Places, associate
from pipelines.threats.coverage import shows
from pipelines.threats.fusion import fuse_ground, horizontal, reweigh
from pipelines.threats.motion import BOX_SIGMA_M
from pipelines.threats.proximity import Level, Sighting

INCIDENT_HOLD = timedelta(hours=12)
"""An object not seen for longer is a new one when something is seen there again."""
DISMISSAL_HOLD = timedelta(hours=2)
"""How long after its last sighting a dismissed incident takes in further sightings silently."""
DISMISSAL_REACH_M = 50.0
"""A dismissed incident takes in nothing farther away, however wide the ellipses are."""

_GEOD = Geod(ellps="WGS84")
_NAMESPACE = uuid.UUID("6d2b7a52-5f0c-5b0e-9b5e-3c1b0e6f5d11")
# Detectors confuse these from above; each of them is the same object then.
_GROUPS = dict.fromkeys(("car", "van", "truck", "bus", "tricycle"), "vehicle")
# What an object may have moved since, one sigma of each axis: metres a second and at most metres.
# The gate is 3.7 sigma, so that a vehicle of 15 m/s and a runner of 3 m/s are followed, over 26 m
# and 10 m between two frames. It ends there on purpose: farther apart, in frames that may not show
# the same ground, another object is likelier than the same, and to take it for the same would
# silence it. What drives farther between two frames is raised again.
_MOTION_M_S = {"person": 0.8, "two-wheeler": 4.0, "vehicle": 4.0}
_MAX_MOTION_M = {"person": 2.7, "two-wheeler": 7.0, "vehicle": 7.0}
_RANK = {Level.POSSIBLE: 0, Level.ALERT: 1}


class IncidentState(StrEnum):
    """What people have made of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class Mobility(StrEnum):
    """Whether an object drives or stands, as far as its sightings tell."""

    UNKNOWN = "unknown"
    STILL = "still"
    MOVING = "moving"


class ChangeKind(StrEnum):
    """What happened to an incident."""

    RAISED = "raised"
    UPDATED = "updated"
    ESCALATED = "escalated"
    # Dismissed, and seen again: counted, told to nobody.
    ABSORBED = "absorbed"
    DECIDED = "decided"
    # Released outside the mission, or proposed to be.
    RELEASED = "released"


# Twice the negative logarithm of the chance that an object seen once, seen again where it stood, or
# seen to drive moves on before the next frame: three in ten, one in a hundred, always.
_MOVE_COST = {Mobility.UNKNOWN: 2.4, Mobility.STILL: 9.2, Mobility.MOVING: 0.0}
# What was seen to drive is looked for farther away: it is missed now and then on its way.
_DRIVING_REACH = 1.7
# The same of a detector missing what it could have seen, one in seven: less than it often is, so
# that what was not looked at twice is rather taken for two.
_MISS_COST = 4.0
# How far apart two explanations must be, in that measure, for one to count as observed.
_DECISIVE = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """An incident as a value.

    Attributes:
        incident_id: deterministic: made from the imagery, detection, position and rule that raised
            it, so that work done twice raises it once.
        state: what people have made of it.
        best: what is known now: level never falls, place fused from all sightings, confidence the
            highest of them with its category, detection_index that of `imagery_id`.
        imagery_id: the imagery it was last seen in.
        sighting_count: how many sightings it unites.
        first_seen_at: capture time of the earliest sighting; None where none is known.
        last_seen_at: capture time of the latest.
        revision: counts up with each change, from 1.
        mobility: whether it was found where it had stood, or elsewhere.

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


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentChange:
    """What a frame did to one incident."""

    kind: ChangeKind
    incident: Incident


def fold(
    open_incidents: Iterable[Incident],
    sightings: Iterable[Sighting],
    *,
    imagery_id: str,
    captured_at: datetime | None,
    footprint_lonlat: NDArray[np.float64] | None = None,
    footprints: Mapping[str, NDArray[np.float64]] = MappingProxyType({}),
) -> tuple[IncidentChange, ...]:
    """Fold the sightings of one frame into the incidents of a mission.

    For each position on its own, sightings are assigned one to one to the incidents they may be
    (`pipelines.threats.association`), within the groups of categories that are confused for each
    other. The rest are raised. Several rules that see one object at one position make one sighting:
    that of the highest level, then probability.

    An object may have moved only where the frame shows the place at which it stood, and where the
    frame before shows the place at which it stands: else an object that was not looked at twice
    would be taken for another. Of two errors the lesser is chosen: to raise one object twice rather
    than to lose one behind another.

    Places are fused by covariance intersection, with the older place widened by the motion allowed
    in between: none where either time is unknown. Nothing here reads a clock or depends on the
    order of its arguments.

    Args:
        open_incidents: incidents of the positions concerned that may still be seen again, dismissed
            ones included: those take in sightings of the same object silently (ABSORBED: counted,
            the revision stays) until `DISMISSAL_HOLD` after they were last seen. Where either time
            is unknown the hold cannot be measured, and an incident is held as long as it is given.
        sightings: what `pipelines.threats.proximity.weigh` found in the frame.
        imagery_id: the frame.
        captured_at: when it was taken, aware; None where that is unknown.
        footprint_lonlat: (K, 2) closed ring of the ground that the frame shows, degrees; None where
            it is unknown, which is then held against nothing.
        footprints: those of the frames that the incidents were last seen in, by imagery.

    Returns:
        At most one change for each incident, in order of position and detection.

    Raises:
        ValueError: the time is naive.
    """
    if captured_at is not None and captured_at.tzinfo is None:
        raise ValueError("captured_at must be aware")
    frame = _Frame(
        imagery_id=imagery_id,
        captured_at=captured_at,
        footprint_lonlat=footprint_lonlat,
        footprints=footprints,
    )
    known = sorted(open_incidents, key=lambda it: it.incident_id)
    changes: list[IncidentChange] = []
    seen = _one_per_object(sightings)
    for position_id in sorted({sighting.position_id for sighting in seen}):
        here = [it for it in seen if it.position_id == position_id]
        candidates = [
            it for it in known if it.best.position_id == position_id and frame.may_hold(it)
        ]
        found = _pair(candidates, here, frame)
        for index, sighting in enumerate(here):
            incident = found.get(index)
            if incident is None:
                changes.append(_raise(sighting, frame))
            elif (change := _see_again(incident, sighting, frame)) is not None:
                changes.append(change)
    return tuple(changes)


def correct(
    incident: Incident, sighting: Sighting, *, imagery_id: str, captured_at: datetime | None
) -> IncidentChange:
    """Put right what a new look at one frame, with another pose or time, tells of an incident.

    The place and what follows from it are those of the new look alone; the level may fall, because
    it was never seen otherwise. What people decided of it stays.

    Args:
        incident: an incident that this frame alone has shown, or that it raised.
        sighting: what the frame now shows of it.
        imagery_id: the frame.
        captured_at: when it was taken, aware; None where that is unknown.
    """
    times = [captured_at]
    if incident.sighting_count > 1:
        times += [incident.first_seen_at, incident.last_seen_at]
    known = [time for time in times if time is not None]
    rises = _RANK[sighting.level] > _RANK[incident.best.level]
    return IncidentChange(
        kind=ChangeKind.ESCALATED if rises else ChangeKind.UPDATED,
        incident=replace(
            incident,
            best=sighting,
            imagery_id=imagery_id,
            first_seen_at=min(known, default=None),
            last_seen_at=max(known, default=None),
            revision=incident.revision + 1,
        ),
    )


def incident_id(imagery_id: str, sighting: Sighting) -> str:
    """The identifier of the incident that a sighting raises: the same whenever it is made."""
    name = json.dumps(
        [imagery_id, sighting.detection_index, sighting.position_id, sighting.rule_id]
    )
    return str(uuid.uuid5(_NAMESPACE, name))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    imagery_id: str
    captured_at: datetime | None
    footprint_lonlat: NDArray[np.float64] | None
    footprints: Mapping[str, NDArray[np.float64]]

    def gap(self, incident: Incident) -> timedelta | None:
        """Time between this frame and the incident's last sighting; None where unknown."""
        if self.captured_at is None or incident.last_seen_at is None:
            return None
        return self.captured_at - incident.last_seen_at

    def may_hold(self, incident: Incident) -> bool:
        """Whether the incident may still take in what this frame shows."""
        gap = self.gap(incident)
        dismissed = incident.state is IncidentState.DISMISSED
        return gap is None or abs(gap) <= (DISMISSAL_HOLD if dismissed else INCIDENT_HOLD)

    def motion_sigma_m(self, incident: Incident, category: str) -> float:
        """How far an object may have moved since, one sigma; nothing where a time is unknown."""
        group = category_group(category)
        gap = self.gap(incident)
        if gap is None:
            return 0.0
        most = _MAX_MOTION_M.get(group, 0.0)
        if incident.mobility is Mobility.MOVING:
            most *= _DRIVING_REACH
        return min(_MOTION_M_S.get(group, 0.0) * abs(gap).total_seconds(), most)

    def shown(
        self, incidents: Sequence[Incident], sightings: Sequence[Sighting]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """What of one frame the other shows; true where a footprint is unknown.

        Returns:
            (N,) which incidents' places this frame shows; (N, M) which sightings' places the frame
            shows that each incident was last seen in.
        """
        here = np.ones(len(incidents), np.bool_)
        if self.footprint_lonlat is not None:
            here = _shows(self.footprint_lonlat, [it.best for it in incidents])
        rings = {it.imagery_id: self.footprints.get(it.imagery_id) for it in incidents}
        before = {
            name: np.ones(len(sightings), np.bool_) if ring is None else _shows(ring, sightings)
            for name, ring in rings.items()
        }
        return here, np.stack([before[it.imagery_id] for it in incidents])


def _shows(
    footprint_lonlat: NDArray[np.float64], sightings: Sequence[Sighting]
) -> NDArray[np.bool_]:
    places = [horizontal(it.ground) for it in sightings]
    return shows(
        footprint_lonlat,
        np.array([lat for lat, _, _ in places]),
        np.array([lon for _, lon, _ in places]),
    )


def category_group(category: str) -> str:
    """The group of categories that are confused for each other: of one object, one group."""
    return _GROUPS.get(category, category)


def _one_per_object(sightings: Iterable[Sighting]) -> list[Sighting]:
    """One sighting for each position and detection, in that order."""
    best: dict[tuple[str, int], Sighting] = {}
    for sighting in sorted(
        sightings,
        key=lambda it: (_RANK[it.level], it.probability, it.rule_id, it.rule_revision),
    ):
        best[sighting.position_id, sighting.detection_index] = sighting
    return [best[key] for key in sorted(best)]


def _pair(
    candidates: Sequence[Incident], sightings: Sequence[Sighting], frame: _Frame
) -> dict[int, Incident]:
    """Which incident each sighting is, by index; sightings of nothing known are left out."""
    by_id = {it.incident_id: it for it in candidates}
    # A frame that comes a second time meets the incidents that it raised itself.
    found = {
        index: by_id[name]
        for index, sighting in enumerate(sightings)
        if (name := incident_id(frame.imagery_id, sighting)) in by_id
    }
    taken = {it.incident_id for it in found.values()}
    rest = [it for it in candidates if it.incident_id not in taken]
    left = [index for index in range(len(sightings)) if index not in found]
    if not rest or not left:
        return found
    seen = [sightings[index] for index in left]
    origin = horizontal(seen[0].ground)[:2]
    known_places = _places([it.best for it in rest], origin)
    seen_places = _places(seen, origin)
    allowed = np.array(
        [
            [category_group(it.best.category) == category_group(new.category) for new in seen]
            for it in rest
        ]
    )
    # What is dismissed is a thing at a place: it does not move, and it has a short reach.
    dismissed = np.array([it.state is IncidentState.DISMISSED for it in rest])
    motion = np.array([[frame.motion_sigma_m(it, new.category) for new in seen] for it in rest])
    motion[dismissed] = 0.0
    here, before = frame.shown(rest, seen)
    # What drives is seen to leave its place; of anything else the new place must have been seen
    # empty as well.
    driving = np.array([it.mobility is Mobility.MOVING for it in rest])
    motion[~(here[:, None] & (before | driving[:, None]))] = 0.0
    unseen = _MISS_COST * ((~here[:, None]).astype(float) + (~before).astype(float))
    start = np.array([_MOVE_COST[it.mobility] for it in rest])
    away = np.linalg.norm(known_places.enu_m[:, None] - seen_places.enu_m[None], axis=2)
    allowed &= ~dismissed[:, None] | (away <= DISMISSAL_REACH_M)
    for row, column in associate(
        known_places, seen_places, motion, allowed, pair_cost=unseen, move_cost=start
    ):
        found[left[column]] = rest[row]
    return found


def _places(sightings: Sequence[Sighting], origin: tuple[float, float]) -> Places:
    """Places in the plane around an origin (latitude, longitude in degrees)."""
    places = [horizontal(it.ground) for it in sightings]
    count = len(places)
    azimuth, _, distance = _GEOD.inv(
        [origin[1]] * count,
        [origin[0]] * count,
        [lon for _, lon, _ in places],
        [lat for lat, _, _ in places],
    )
    turn = np.radians(azimuth)
    enu: NDArray[np.float64] = np.asarray(distance)[:, None] * np.column_stack(
        [np.sin(turn), np.cos(turn)]
    )
    return Places(enu_m=enu, covariance_m2=np.stack([covariance for *_, covariance in places]))


def _raise(sighting: Sighting, frame: _Frame) -> IncidentChange:
    return IncidentChange(
        kind=ChangeKind.RAISED,
        incident=Incident(
            incident_id=incident_id(frame.imagery_id, sighting),
            state=IncidentState.OPEN,
            best=sighting,
            imagery_id=frame.imagery_id,
            sighting_count=1,
            first_seen_at=frame.captured_at,
            last_seen_at=frame.captured_at,
            revision=1,
        ),
    )


def _see_again(incident: Incident, sighting: Sighting, frame: _Frame) -> IncidentChange | None:
    """What a further sighting does to an incident; None where the frame was counted before."""
    old = incident.best
    rises = _RANK[sighting.level] > _RANK[old.level]
    if incident.imagery_id == frame.imagery_id and not rises:
        return None
    if incident.state is IncidentState.DISMISSED:
        if incident.imagery_id == frame.imagery_id:
            return None
        absorbed = replace(incident, sighting_count=incident.sighting_count + 1)
        return IncidentChange(kind=ChangeKind.ABSORBED, incident=absorbed)
    counted = replace(
        incident, sighting_count=incident.sighting_count + 1, revision=incident.revision + 1
    )
    gap = frame.gap(incident)
    # Frames do not always arrive in the order they were taken.
    late = gap is not None and gap < timedelta(0)
    older, newer = (sighting, old) if late else (old, sighting)
    ground = fuse_ground(
        older.ground,
        newer.ground,
        motion_sigma_m=frame.motion_sigma_m(incident, sighting.category),
        floor_m=BOX_SIGMA_M,
    )
    # The rule that speaks is the one with the higher level, the present one when alike.
    ruling = old if _RANK[old.level] > _RANK[sighting.level] else sighting
    surest = old if old.confidence >= sighting.confidence else sighting
    best = replace(
        reweigh(replace(sighting, radius_m=ruling.radius_m), ground),
        detection_index=newer.detection_index,
        category=surest.category,
        confidence=surest.confidence,
        rule_id=ruling.rule_id,
        rule_revision=ruling.rule_revision,
        level=ruling.level,
    )
    mobility = _mobility(incident, sighting, frame.motion_sigma_m(incident, sighting.category))
    times = [it for it in (incident.first_seen_at, incident.last_seen_at, frame.captured_at) if it]
    return IncidentChange(
        kind=ChangeKind.ESCALATED if rises else ChangeKind.UPDATED,
        incident=replace(
            counted,
            best=best,
            imagery_id=incident.imagery_id if late else frame.imagery_id,
            first_seen_at=min(times, default=None),
            last_seen_at=max(times, default=None),
            mobility=mobility,
        ),
    )


def _mobility(incident: Incident, sighting: Sighting, motion_sigma_m: float) -> Mobility:
    """Whether the object stood or drove between two sightings; as before where neither shows."""
    known, seen = (
        _places([it], horizontal(sighting.ground)[:2]) for it in (incident.best, sighting)
    )
    step = (seen.enu_m - known.enu_m)[0]
    still = (known.covariance_m2 + seen.covariance_m2)[0] + 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    moved = still + motion_sigma_m**2 * np.eye(2)
    lead = float(
        step @ np.linalg.solve(moved, step)
        - step @ np.linalg.solve(still, step)
        + np.log(np.linalg.det(moved) / np.linalg.det(still))
    )
    if abs(lead) <= _DECISIVE:
        return incident.mobility
    return Mobility.STILL if lead > 0.0 else Mobility.MOVING
