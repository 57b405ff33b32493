"""What one frame does to the incidents of a mission."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from pipelines.threats.incidents import suppressions
from pipelines.threats.incidents.incident import (
    COOLDOWN,
    DISMISSAL_HOLD,
    LIVE,
    UNDECIDED,
    ChangeKind,
    Incident,
    IncidentChange,
    IncidentState,
    incident_id,
)
from pipelines.threats.incidents.incident_evidence import (
    SURE_ENOUGH,
    corrected,
    looked_at,
    missed,
    raised,
    surety,
    withdrawn,
)
from pipelines.threats.incidents.incident_merging import age, united
from pipelines.threats.incidents.known_again import may_be_known, may_be_second_boxes
from pipelines.threats.incidents.suppressions import SuppressedLook, suppressed
from pipelines.threats.incidents.track_places import TrackPlaces
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.conditions import Judged, Judgement
from pipelines.threats.rules.rule import DEFAULT_MIN_CONFIDENCE, Rule
from pipelines.threats.tracks.track import Track, TrackPoint
from pipelines.threats.tracks.tracker import Frame, TrackUpdate

# One look outside is a poor reason to doubt several that agree.
_LOOKS_TO_DOUBT = 3
# So many looks at something beside an incident that is not seen at the same time leave it open
# whether it is the same.
_LOOKS_IN_DOUBT = 8
# What was found so often is shown whatever speaks against it.
_OFTEN, _COUNTED_CONFIDENCE = 3, DEFAULT_MIN_CONFIDENCE


@dataclass(frozen=True, kw_only=True, slots=True)
class Folded:
    """What a frame did.

    Attributes:
        changes: at most one for each incident, in order of position and detection.
        suppressed: each sighting that nobody is shown, with the reason.
    """

    changes: tuple[IncidentChange, ...]
    suppressed: tuple[SuppressedLook, ...]


def fold(
    incidents: Iterable[Incident],
    judgement: Judgement,
    *,
    update: TrackUpdate,
    frame: Frame,
    positions: Mapping[str, Position],
    rules: Sequence[Rule],
    tracks: Sequence[Track] = (),
) -> Folded:
    """Fold what one frame shows into the incidents of a mission.

    An incident is of one track near one position. A sighting of a track that has none raises one;
    of one that has, it updates, escalates or de-escalates it. Every sighting ends in an incident or
    among the suppressed: none is lost. Several rules that see one object at one position make one
    sighting: that of the highest level, then severity, then probability.

    Args:
        incidents: of the tracks concerned, in any state; ended ones keep what was withdrawn from
            being raised again at once.
        judgement: which sightings of the frame are shown, which withheld.
        update: what the frame did to the tracks.
        frame: the frame.
        positions: by identifier; of one that is missing, the sighting's own words count.
        rules: in force.
        tracks: all live ones near by.
    """
    work = _Fold(incidents, update=update, frame=frame, positions=positions, rules=rules)
    work.merge()
    work.doubt(judgement.shown, tracks)
    shown = _one_per_object(judgement.shown)
    for judged in sorted(shown, key=lambda it: it.sighting.detection_index in update.twins):
        work.show(judged)
    told = {(it.sighting.position_id, it.sighting.detection_index) for it in shown}
    for item in judgement.withheld:
        if (item.sighting.position_id, item.sighting.detection_index) not in told:
            work.withhold(item.sighting, item.reason)
    work.look_around()
    return work.result()


class _Fold:
    """The work on one frame."""

    def __init__(
        self,
        incidents: Iterable[Incident],
        *,
        update: TrackUpdate,
        frame: Frame,
        positions: Mapping[str, Position],
        rules: Sequence[Rule],
    ) -> None:
        self._known = {it.incident_id: it for it in sorted(incidents, key=age)}
        self._update = update
        self._frame = frame
        self._changes: dict[str, IncidentChange] = {}
        self._touched: dict[str, ChangeKind] = {}
        self._suppressed: list[SuppressedLook] = []
        self._doubtful: set[tuple[str, str]] = set()
        self._places = TrackPlaces(update=update, frame=frame, positions=positions, rules=rules)

    def merge(self) -> None:
        """Bring the incidents of merged tracks together, the younger into the older."""
        for younger, older in sorted(self._update.merged.items()):
            for item in [it for it in self._known.values() if it.track_id == younger]:
                self._retarget(item, older)

    def doubt(self, shown: Iterable[Judged], tracks: Iterable[Track]) -> None:
        """Find what looks new and may be what an incident tells of that the frame does not show."""
        seen = {track.track_id for track in self._update.track_of.values()}
        near = {track.track_id: track for track in tracks}
        new: dict[str, dict[str, TrackPoint]] = {}
        for judged in shown:
            track = self._update.track_of.get(judged.sighting.detection_index)
            position_id = judged.sighting.position_id
            if (
                track is not None
                and track.sighting_count <= _LOOKS_IN_DOUBT
                and self._held(track.track_id, position_id) is None
            ):
                new.setdefault(position_id, {})[track.track_id] = track.points[-1]
        for position_id, looks in new.items():
            known = [
                near[it.track_id]
                for it in self._known.values()
                if it.state in LIVE
                and it.best.position_id == position_id
                and it.track_id in near
                and it.track_id not in seen
            ]
            found = may_be_known(
                looks,
                known,
                captured_at=self._frame.captured_at,
                sortie_id=self._frame.sortie_id,
                footprint_lonlat=self._frame.footprint_lonlat,
            )
            self._doubtful |= {(name, position_id) for name in found}
            self._doubtful |= {(name, position_id) for name in self._beside(position_id, looks)}

    def _beside(self, position_id: str, looks: Mapping[str, TrackPoint]) -> set[str]:
        """Which of the looks may be second boxes on what an incident tells of in this frame."""
        if self._frame.xyxy is None:
            return set()
        index_of = {
            track.track_id: index
            for index, track in self._update.track_of.items()
            if index not in self._update.twins
        }
        told = [
            name
            for name in index_of
            if name not in looks and self._held(name, position_id) is not None
        ]
        new = [name for name in looks if name in index_of]
        if not told or not new:
            return set()
        track_of = {name: self._update.track_of[index] for name, index in index_of.items()}
        return may_be_second_boxes(
            [track_of[name] for name in new],
            [track_of[name] for name in told],
            np.asarray(self._frame.xyxy, np.float64)[[index_of[name] for name in (*new, *told)]],
        )

    def show(self, judged: Judged) -> None:
        """Take in a sighting that is shown."""
        sighting = judged.sighting
        track = self._update.track_of.get(sighting.detection_index)
        if track is None:
            raise ValueError(f"detection {sighting.detection_index} has no track")
        incident = self._incident_of(track, judged)
        if incident is None:
            self._raise(track, judged)
        elif incident.state is IncidentState.DISMISSED:
            self._absorb(incident, track, sighting)
        else:
            self._see(incident, track, sighting, judged)

    def withhold(self, sighting: Sighting, reason: str) -> None:
        """Take in a sighting that its rules do not show.

        Conditions decide what is raised; what was raised is followed as long as it is near.
        """
        track = self._update.track_of.get(sighting.detection_index)
        incident = None if track is None else self._held(track.track_id, sighting.position_id)
        if incident is None or track is None:
            self._suppress(sighting, reason, track)
        elif incident.state is IncidentState.DISMISSED:
            self._absorb(incident, track, sighting)
        else:
            self._see(incident, track, sighting, None)

    def look_around(self) -> None:
        """What the frame shows of objects that no rule sees in it."""
        update = self._update
        seen = {track.track_id: index for index, track in update.track_of.items()}
        for item in list(self._known.values()):
            if item.incident_id in self._changes or item.state not in LIVE:
                continue
            index = seen.get(item.track_id)
            if item.track_id in update.retracted and self._only_here(item):
                self._forget(item)
            elif index is not None and index not in update.repeated:
                self._see(item, update.track_of[index], item.best, None, counts=False)
            elif item.track_id in update.missed:
                track = next(it for it in update.changed if it.track_id == item.track_id)
                change = missed(item, track, self._frame.captured_at)
                if change is not None:
                    self._put(change)

    def result(self) -> Folded:
        """What came of it."""
        for name, kind in self._touched.items():
            if name not in self._changes:
                incident = self._known[name]
                if kind is not ChangeKind.NOTED:
                    incident = replace(incident, revision=incident.revision + 1)
                self._put(IncidentChange(kind=kind, incident=incident))
        order = sorted(
            self._changes.values(),
            key=lambda it: (
                it.incident.best.position_id,
                it.incident.best.detection_index,
                it.incident.incident_id,
            ),
        )
        return Folded(changes=tuple(order), suppressed=tuple(self._suppressed))

    # Ways a sighting goes.

    def _raise(self, track: Track, judged: Judged) -> None:
        sighting = judged.sighting
        if sighting.detection_index in self._update.repeated and self._was_raised(sighting):
            return
        seen, inside = self._places.seen(track, sighting, judged, None)
        if not inside and track.sighting_count >= _LOOKS_TO_DOUBT:
            self._suppress(sighting, suppressions.OUTSIDE_WHEN_FUSED, track)
            return
        ended = sum(
            it.track_id == track.track_id
            and it.best.position_id == sighting.position_id
            and it.state is IncidentState.CANCELLED
            for it in self._known.values()
        )
        if not self._frame.is_alone and not _sure(track, ended):
            self._suppress(sighting, suppressions.NOT_SURE_YET, track)
            return
        if (track.track_id, sighting.position_id) in self._doubtful:
            self._suppress(sighting, suppressions.MAYBE_KNOWN, track)
            return
        change = raised(seen, judged)
        if change.incident.best.level is Level.POSSIBLE and self._cooling(track, sighting):
            self._suppress(sighting, suppressions.COOLDOWN, track)
            return
        again = 0
        while change.incident.incident_id in self._known:
            again += 1
            name = incident_id(self._frame.imagery_id, sighting, again=again)
            change = replace(change, incident=replace(change.incident, incident_id=name))
        self._put(change)

    def _see(
        self,
        incident: Incident,
        track: Track,
        sighting: Sighting,
        judged: Judged | None,
        *,
        counts: bool = True,
    ) -> None:
        if incident.incident_id in self._changes:
            # A group speaks through one of its objects; the others are in it.
            twin = sighting.detection_index in self._update.twins
            reason = suppressions.SAME_OBJECT if twin else suppressions.IN_GROUP
            self._suppress(sighting, reason, track)
            return
        again = sighting.detection_index in self._update.repeated and counts
        if again and (judged is None or sighting.level.rank <= incident.best.level.rank):
            return
        before = counts and track.track_id in self._update.retracted
        seen, _ = self._places.seen(track, sighting, judged, incident)
        seen = replace(seen, counts=counts and not again and not before)
        if before and judged is not None and self._only_here(incident):
            self._put(corrected(incident, seen, judged))
        else:
            self._put(looked_at(incident, seen))

    def _absorb(self, incident: Incident, track: Track, sighting: Sighting) -> None:
        if sighting.detection_index in self._update.repeated:
            return
        self._suppress(sighting, suppressions.DISMISSED, track)
        if track.track_id in self._update.retracted:
            # The earlier look at this frame counted it.
            return
        base = self._known[incident.incident_id]
        counted = replace(base, sighting_count=base.sighting_count + 1)
        self._put(IncidentChange(kind=ChangeKind.ABSORBED, incident=counted))

    def _forget(self, incident: Incident) -> None:
        """Nothing but an earlier look at this frame showed it, and that was mistaken."""
        if incident.state in UNDECIDED:
            reason = "A second look at the only photograph that showed it does not show it."
            self._put(withdrawn(incident, reason))

    def _suppress(self, sighting: Sighting, reason: str, track: Track | None) -> None:
        if sighting.detection_index in self._update.repeated:
            return
        self._suppressed.append(
            suppressed(
                sighting,
                reason,
                track_id="" if track is None else track.track_id,
                imagery_id=self._frame.imagery_id,
                captured_at=self._frame.captured_at,
            )
        )

    def _put(self, change: IncidentChange) -> None:
        self._known[change.incident.incident_id] = change.incident
        self._changes[change.incident.incident_id] = change

    # What is known.

    def _incident_of(self, track: Track, judged: Judged) -> Incident | None:
        """The incident of a sighting: of its track, or of a group that its group goes on."""
        position_id = judged.sighting.position_id
        held = self._held(track.track_id, position_id)
        if held is not None or judged.object_count == 1:
            return held
        others = set(judged.track_ids)
        for item in self._known.values():
            if (
                item.state in LIVE
                and item.best.position_id == position_id
                and item.object_count > 1
                and others & {item.track_id, *item.group_ids}
            ):
                return item
        return None

    def _held(self, track_id: str, position_id: str) -> Incident | None:
        """The live incident of a track at a position, else the dismissed one that still holds."""
        mine = [
            it
            for it in self._known.values()
            if it.best.position_id == position_id
            and (it.track_id == track_id or track_id in it.group_ids)
        ]
        mine.sort(key=lambda it: it.track_id != track_id)
        for item in mine:
            if item.state in LIVE:
                return item
        for item in mine:
            if holds(item, self._frame.captured_at):
                return item
        return None

    def _was_raised(self, sighting: Sighting) -> bool:
        return incident_id(self._frame.imagery_id, sighting) in self._known

    def _only_here(self, incident: Incident) -> bool:
        return incident.imagery_id == self._frame.imagery_id and incident.sighting_count == 1

    def _cooling(self, track: Track, sighting: Sighting) -> bool:
        captured_at = self._frame.captured_at
        return any(
            it.track_id == track.track_id
            and it.best.position_id == sighting.position_id
            and it.state in {IncidentState.CANCELLED, IncidentState.EXPIRED}
            and captured_at is not None
            and it.last_seen_at is not None
            and abs(captured_at - it.last_seen_at) <= COOLDOWN
            for it in self._known.values()
        )

    def _retarget(self, item: Incident, track_id: str) -> None:
        partner = next(
            (
                it
                for it in self._known.values()
                if it.track_id == track_id
                and it.best.position_id == item.best.position_id
                and it.state in LIVE
            ),
            None,
        )
        if partner is None or item.state not in LIVE:
            moved = replace(item, track_id=track_id)
            self._known[item.incident_id] = moved
            self._touched[item.incident_id] = ChangeKind.NOTED
            return
        merged = united(partner, item, track_id)
        self._known[merged.kept.incident_id] = merged.kept
        self._touched[merged.kept.incident_id] = merged.kind
        self._put(IncidentChange(kind=ChangeKind.MERGED, incident=merged.gone))


def _sure(track: Track, withdrawn_before: int) -> bool:
    """Whether the looks speak for a real object; what was withdrawn needs more to come back."""
    often = sum(point.confidence >= _COUNTED_CONFIDENCE for point in track.points)
    if not withdrawn_before and often >= _OFTEN:
        return True
    return surety(track) >= SURE_ENOUGH + withdrawn_before


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


def _one_per_object(shown: Iterable[Judged]) -> list[Judged]:
    """One judged sighting for each position and detection, in that order."""
    best: dict[tuple[str, int], Judged] = {}
    for judged in sorted(
        shown,
        key=lambda it: (
            it.sighting.level.rank,
            it.severity.rank,
            it.sighting.probability,
            it.sighting.rule_id,
            it.sighting.rule_revision,
        ),
    ):
        best[judged.sighting.position_id, judged.sighting.detection_index] = judged
    return [best[key] for key in sorted(best)]
