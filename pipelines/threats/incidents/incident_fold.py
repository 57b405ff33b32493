"""What one frame does to the incidents of a mission."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.threats.incidents import suppressions
from pipelines.threats.incidents.dismissals import covers, holds
from pipelines.threats.incidents.facets import begun, corrected_near, facets, looked_from_all
from pipelines.threats.incidents.incident import (
    COOLDOWN,
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
    missed,
    raised,
    surety,
    withdrawn,
)
from pipelines.threats.incidents.incident_merging import age, united
from pipelines.threats.incidents.known_again import may_be_known, may_be_second_boxes
from pipelines.threats.incidents.suppressions import SuppressedLook, suppressed
from pipelines.threats.incidents.things import Thing, Things
from pipelines.threats.incidents.track_places import TrackPlaces
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.conditions import Judged, Judgement
from pipelines.threats.rules.rule import DEFAULT_MIN_CONFIDENCE, Rule
from pipelines.threats.tracks.track import Track
from pipelines.threats.tracks.tracker import Frame, TrackUpdate

# One look outside is a poor reason to doubt several that agree.
_LOOKS_TO_DOUBT = 3
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

    An incident is of one thing: one track, or one group that a rule asks for; and tells of every
    position that it is near. A sighting of a thing that has none raises one; of one that has, it
    updates, escalates or de-escalates it. Every sighting ends in an incident or among the
    suppressed: none is lost. Several rules that see one object at one position make one sighting:
    that of the highest level, then severity, then probability.

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
    work.take(judgement)
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
        self._known: dict[str, Incident] = {}
        # Those that have ever been of a track or of a group that it is in, by its identifier.
        self._named: dict[str, dict[str, None]] = {}
        for item in sorted(incidents, key=age):
            self._know(item)
        self._update = update
        self._frame = frame
        self._changes: dict[str, IncidentChange] = {}
        self._touched: dict[str, ChangeKind] = {}
        self._suppressed: list[SuppressedLook] = []
        self._doubtful: set[str] = set()
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
        new: dict[str, Track] = {}
        for judged in shown:
            track = self._update.track_of.get(judged.sighting.detection_index)
            if track is not None and not self._is_known(track.track_id):
                new[track.track_id] = track
        if not new:
            return
        unseen = {
            it.track_id
            for it in self._known.values()
            if it.state in LIVE and it.track_id in near and it.track_id not in seen
        }
        self._doubtful |= may_be_known(
            tuple(new.values()),
            [near[name] for name in sorted(unseen)],
            imagery_id=self._frame.imagery_id,
            captured_at=self._frame.captured_at,
            sortie_id=self._frame.sortie_id,
            footprint_lonlat=self._frame.footprint_lonlat,
        ).keys()
        self._doubtful |= self._beside(new)

    def _beside(self, fresh: Collection[str]) -> set[str]:
        """Which of some tracks may be second boxes on what an incident tells of in this frame."""
        if self._frame.xyxy is None:
            return set()
        index_of = {
            track.track_id: index
            for index, track in self._update.track_of.items()
            if index not in self._update.twins
        }
        told = [name for name in index_of if name not in fresh and self._is_known(name)]
        new = [name for name in fresh if name in index_of]
        if not told or not new:
            return set()
        track_of = {name: self._update.track_of[index] for name, index in index_of.items()}
        return may_be_second_boxes(
            [track_of[name] for name in new],
            [track_of[name] for name in told],
            np.asarray(self._frame.xyxy, np.float64)[[index_of[name] for name in (*new, *told)]],
        )

    def take(self, judgement: Judgement) -> None:
        """Take in all sightings, thing by thing."""
        things = Things(
            track_of=self._update.track_of, twins=self._update.twins, live=self._live
        ).of(judgement, self._going_on)
        for thing in things:
            for sighting, reason in thing.besides:
                self._suppress(sighting, reason)
            if thing.incident is None:
                self._take_new(thing)
            else:
                self._take_known(self._known[thing.incident.incident_id], thing)

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
                self._see(item, {}, update.track_of[index])
            elif item.track_id in update.missed:
                track = next(it for it in update.changed if it.track_id == item.track_id)
                change = missed(item, track, self._frame.captured_at)
                if change is not None:
                    self._put(change)

    def result(self) -> Folded:
        """What came of it."""
        for name, kind in self._touched.items():
            known = self._changes.get(name)
            if known is not None:
                # What a merged incident brought with it is told by the look that follows.
                if kind is ChangeKind.ESCALATED and known.kind is ChangeKind.UPDATED:
                    self._changes[name] = replace(known, kind=kind)
            else:
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

    def _take_new(self, thing: Thing) -> None:
        """Raise an incident of a thing that has none, unless something speaks against it."""
        views: dict[str, Incident] = {}
        absorbed: Incident | None = None
        for position_id, judged in sorted(thing.shown.items()):
            sighting, track = judged.sighting, self._track(judged.sighting)
            if sighting.detection_index in self._update.repeated and self._was_raised(sighting):
                continue
            seen, inside = self._places.seen(track, sighting, judged, None)
            view = raised(seen, judged)
            dismissed = self._dismissed(track.track_id, position_id, view.best.level)
            absorbed = absorbed or dismissed
            reason = suppressions.DISMISSED if dismissed else self._held_back(track, inside=inside)
            if reason is None:
                views[position_id] = view
            else:
                self._suppress(sighting, reason)
        for position_id, withheld in sorted(thing.withheld.items()):
            for sighting, reason in withheld:
                of = self._update.track_of.get(sighting.detection_index)
                name = "" if of is None else of.track_id
                dismissed = self._dismissed(name, position_id, Level.POSSIBLE) if name else None
                absorbed = absorbed or dismissed
                self._suppress(sighting, suppressions.DISMISSED if dismissed else reason)
        if views and all(it.best.level is Level.POSSIBLE for it in views.values()):
            cooling = [name for name, it in views.items() if self._cooling(it.track_id)]
            for position_id in cooling:
                self._suppress(thing.shown[position_id].sighting, suppressions.COOLDOWN)
                del views[position_id]
        if views:
            self._raise(thing, views)
        elif absorbed is not None:
            self._absorb(absorbed, thing)

    def _held_back(self, track: Track, *, inside: bool) -> str | None:
        """Why a sighting raises nothing; None where it may."""
        if not inside and track.sighting_count >= _LOOKS_TO_DOUBT:
            return suppressions.OUTSIDE_WHEN_FUSED
        mine = self._of_track(track.track_id)
        ended = sum(
            it.track_id == track.track_id and it.state is IncidentState.CANCELLED for it in mine
        )
        if not self._frame.is_alone and not _sure(track, ended):
            return suppressions.NOT_SURE_YET
        return suppressions.MAYBE_KNOWN if track.track_id in self._doubtful else None

    def _raise(self, thing: Thing, views: Mapping[str, Incident]) -> None:
        """Raise an incident near some positions."""
        whole = begun(views, self._frame.captured_at)
        sighting = thing.shown[whole.best.position_id].sighting
        name, again = incident_id(self._frame.imagery_id, sighting), 0
        while name in self._known:
            again += 1
            name = incident_id(self._frame.imagery_id, sighting, again=again)
        whole = replace(whole, incident_id=name)
        self._put(IncidentChange(kind=ChangeKind.RAISED, incident=whole))

    def _take_known(self, incident: Incident, thing: Thing) -> None:
        """Take in what a frame shows of a thing that a live incident tells of.

        Conditions decide near which positions it is told; there it is followed as long as it is
        near.
        """
        told = set(incident.position_ids)
        looks: dict[str, tuple[Sighting, Judged | None]] = {}
        for position_id, judged in sorted(thing.shown.items()):
            if position_id in told or self._comes_near(judged):
                looks[position_id] = judged.sighting, judged
        for position_id, withheld in sorted(thing.withheld.items()):
            for sighting, reason in withheld:
                if position_id not in told:
                    self._suppress(sighting, reason)
                elif position_id not in looks:
                    looks[position_id] = sighting, None
        if looks:
            speaking = looks.get(incident.best.position_id, next(iter(looks.values())))
            self._see(incident, looks, self._track(speaking[0]))

    def _comes_near(self, judged: Judged) -> bool:
        """Whether something that is told of is told to be near one more position."""
        sighting, track = judged.sighting, self._track(judged.sighting)
        seen, inside = self._places.seen(track, sighting, judged, None)
        level = raised(seen, judged).best.level
        if self._dismissed(track.track_id, sighting.position_id, level):
            self._suppress(sighting, suppressions.DISMISSED)
            return False
        if not inside and track.sighting_count >= _LOOKS_TO_DOUBT:
            self._suppress(sighting, suppressions.OUTSIDE_WHEN_FUSED)
            return False
        return True

    def _see(
        self,
        incident: Incident,
        looks: Mapping[str, tuple[Sighting, Judged | None]],
        track: Track,
    ) -> None:
        """Look at a thing anew from every position that it is near.

        Args:
            incident: of it, live.
            looks: what rules see of it, by position, and what they show; positions of the incident
                that are not among them are looked at from where its track is.
            track: where it is, for those.
        """
        update = self._update
        levels = {it.position_id: it.level.rank for it in incident.sightings}
        # A frame that was there before tells nothing but a level that it had shown then.
        news = {
            name: (sighting, judged)
            for name, (sighting, judged) in looks.items()
            if sighting.detection_index not in update.repeated
            or (judged is not None and sighting.level.rank > levels.get(name, 0))
        }
        if looks and not news:
            return
        by = {name: self._track(sighting) for name, (sighting, _) in news.items()}
        before = {name for name in news if by[name].track_id in update.retracted}
        views = facets(incident)
        if before and self._only_here(incident):
            again = {
                name: (self._places.seen(by[name], sighting, judged, views.get(name))[0], judged)
                for name, (sighting, judged) in news.items()
                if judged is not None
            }
            if again:
                self._put(corrected_near(incident, again))
                return
        seen, come = {}, {}
        for name, (sighting, judged) in news.items():
            look, _ = self._places.seen(by[name], sighting, judged, views.get(name))
            if name in views:
                seen[name] = look
            elif judged is not None:
                come[name] = raised(look, judged)
        if len(news) == len(looks):
            for name in views.keys() - news.keys():
                seen[name], _ = self._places.seen(track, views[name].best, None, views[name])
        counts = any(
            sighting.detection_index not in update.repeated and name not in before
            for name, (sighting, _) in news.items()
        )
        self._put(looked_from_all(incident, seen, come, counts=counts))

    def _absorb(self, incident: Incident, thing: Thing) -> None:
        """Count a look at what a person dismissed."""
        repeated = self._update.repeated
        sightings = [it.sighting for it in thing.shown.values()]
        sightings += [sighting for them in thing.withheld.values() for sighting, _ in them]
        if all(it.detection_index in repeated for it in sightings):
            return
        if all(self._track(it).track_id in self._update.retracted for it in sightings):
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

    def _suppress(self, sighting: Sighting, reason: str) -> None:
        if sighting.detection_index in self._update.repeated:
            return
        track = self._update.track_of.get(sighting.detection_index)
        self._suppressed.append(
            suppressed(
                sighting,
                reason,
                track_id="" if track is None else track.track_id,
                imagery_id=self._frame.imagery_id,
                captured_at=self._frame.captured_at,
            )
        )

    def _know(self, incident: Incident) -> None:
        self._known[incident.incident_id] = incident
        for name in (incident.track_id, *incident.group_ids):
            self._named.setdefault(name, {})[incident.incident_id] = None

    def _put(self, change: IncidentChange) -> None:
        self._know(change.incident)
        self._changes[change.incident.incident_id] = change

    # What is known.

    def _track(self, sighting: Sighting) -> Track:
        return self._update.track_of[sighting.detection_index]

    def _of_track(self, track_id: str) -> list[Incident]:
        """The incidents of a track, its own before those of groups that it is in."""
        named = (self._known[name] for name in self._named.get(track_id, ()))
        mine = [it for it in named if it.track_id == track_id or track_id in it.group_ids]
        return sorted(mine, key=lambda it: it.track_id != track_id)

    def _live(self, track_id: str) -> Incident | None:
        """The live incident of a track."""
        return next((it for it in self._of_track(track_id) if it.state in LIVE), None)

    def _going_on(self, judged: Judged) -> Incident | None:
        """The live incident of a group: of the track that speaks, or of a group it goes on."""
        live = self._live(self._track(judged.sighting).track_id)
        if live is not None:
            return live
        others = set(judged.track_ids)
        for item in self._known.values():
            if (
                item.state in LIVE
                and item.object_count > 1
                and others & {item.track_id, *item.group_ids}
            ):
                return item
        return None

    def _is_known(self, track_id: str) -> bool:
        """Whether an incident tells of a track, or a dismissal holds for it."""
        at = self._frame.captured_at
        return any(it.state in LIVE or holds(it, at) for it in self._of_track(track_id))

    def _dismissed(self, track_id: str, position_id: str, level: Level) -> Incident | None:
        """The dismissed incident that keeps a track from being told near a position."""
        at = self._frame.captured_at
        for item in self._of_track(track_id):
            if holds(item, at) and covers(item, position_id, level):
                return item
        return None

    def _was_raised(self, sighting: Sighting) -> bool:
        return incident_id(self._frame.imagery_id, sighting) in self._known

    def _only_here(self, incident: Incident) -> bool:
        return incident.imagery_id == self._frame.imagery_id and incident.sighting_count == 1

    def _cooling(self, track_id: str) -> bool:
        captured_at = self._frame.captured_at
        return any(
            it.track_id == track_id
            and it.state in {IncidentState.CANCELLED, IncidentState.EXPIRED}
            and captured_at is not None
            and it.last_seen_at is not None
            and abs(captured_at - it.last_seen_at) <= COOLDOWN
            for it in self._of_track(track_id)
        )

    def _retarget(self, item: Incident, track_id: str) -> None:
        partner = next(
            (it for it in self._known.values() if it.track_id == track_id and it.state in LIVE),
            None,
        )
        if partner is None or item.state not in LIVE:
            self._know(replace(item, track_id=track_id))
            self._touched[item.incident_id] = ChangeKind.NOTED
            return
        merged = united(partner, item, track_id)
        self._know(merged.kept)
        self._touched[merged.kept.incident_id] = merged.kind
        self._put(IncidentChange(kind=ChangeKind.MERGED, incident=merged.gone))


def _sure(track: Track, withdrawn_before: int) -> bool:
    """Whether the looks speak for a real object; what was withdrawn needs more to come back."""
    often = sum(point.confidence >= _COUNTED_CONFIDENCE for point in track.points)
    if not withdrawn_before and often >= _OFTEN:
        return True
    return surety(track) >= SURE_ENOUGH + withdrawn_before
