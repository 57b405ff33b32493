"""The watch over some positions: what one frame more does to all that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.incidents.dismissals import holds
from pipelines.threats.incidents.incident import Incident, IncidentChange
from pipelines.threats.incidents.incident_fold import fold
from pipelines.threats.incidents.suppressions import (
    Key,
    SuppressedLook,
    Suppression,
    still_standing,
    tally,
)
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Sighting, weigh
from pipelines.threats.rules.conditions import judge
from pipelines.threats.rules.looks import MAX_LOOKS, Look
from pipelines.threats.rules.rule import Rule
from pipelines.threats.tracks.track import Track
from pipelines.threats.tracks.tracker import (
    TRACK_HOLD,
    Frame,
    TrackUpdate,
    advance,
    may_hold,
    near,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What has to be known to take in one frame.

    Attributes:
        tracks: near to what the frame shows, and those that hold a look of it.
        incidents: of these tracks, in any state.
        footprints: ground of the frames that
            `pipelines.threats.tracks.tracker.footprints_needed` names.
        looks: earlier frames near by, where a rule asks what is new.
    """

    tracks: Sequence[Track] = ()
    incidents: Sequence[Incident] = ()
    footprints: Mapping[str, NDArray[np.float64]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    looks: Sequence[Look] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What one frame did.

    Attributes:
        update: to the tracks.
        changes: to the incidents, at most one each.
        suppressed: sightings that nobody is shown, with the reason.
    """

    update: TrackUpdate
    changes: tuple[IncidentChange, ...]
    suppressed: tuple[SuppressedLook, ...]


def observe(
    known: Known,
    frame: Frame,
    sightings: Sequence[Sighting],
    *,
    positions: Mapping[str, Position],
    rules: Sequence[Rule],
) -> Observation:
    """Take in one frame: follow its objects, hold them against the rules, tell what is new.

    Nothing here reads a clock, and the order of what is given does not matter.

    Args:
        known: what was known before.
        frame: what it shows.
        sightings: what `pipelines.threats.proximity.weighing.weigh` found in it.
        positions: those of the sightings and of the incidents, by identifier; with the routes that
            a convoy may follow, where a rule asks for one.
        rules: in force.
    """
    update = advance(
        known.tracks,
        frame,
        footprints=known.footprints,
        pinned=frozenset(it.track_id for it in known.incidents if holds(it, frame.captured_at)),
    )
    changed = {track.track_id for track in update.changed}
    gone = update.removed | update.merged.keys() | changed
    live = (*(it for it in known.tracks if it.track_id not in gone), *update.changed)
    judgement = judge(
        sightings,
        track_of=update.track_of,
        tracks=sorted(live, key=lambda it: it.track_id),
        positions=positions,
        rules=rules,
        captured_at=frame.captured_at,
        looks=known.looks,
    )
    folded = fold(
        known.incidents,
        judgement,
        update=update,
        frame=frame,
        positions=positions,
        rules=rules,
        tracks=live,
    )
    return Observation(update=update, changes=folded.changes, suppressed=folded.suppressed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Everything that is known, held in memory.

    Attributes:
        tracks: by identifier.
        incidents: by identifier, ended ones too.
        footprints: of the frames that tracks were seen in, by imagery.
        looks: the frames of known time and ground, by imagery, for rules that ask what is new.
        withheld: the sightings of each frame that nobody was shown, by imagery.
    """

    tracks: Mapping[str, Track] = field(default_factory=lambda: MappingProxyType({}))
    incidents: Mapping[str, Incident] = field(default_factory=lambda: MappingProxyType({}))
    footprints: Mapping[str, NDArray[np.float64]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    looks: Mapping[str, Look] = field(default_factory=lambda: MappingProxyType({}))
    withheld: Mapping[str, tuple[SuppressedLook, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    @property
    def suppressions(self) -> dict[Key, Suppression]:
        """What was not shown, by what it is counted by."""
        return tally({}, (look for looks in self.withheld.values() for look in looks))

    def observe(
        self,
        frame: Frame,
        *,
        positions: Sequence[Position],
        rules: Sequence[Rule],
        sightings: Sequence[Sighting] | None = None,
    ) -> tuple[Watch, Observation]:
        """The watch after one frame more, and what the frame did.

        Args:
            frame: what it shows.
            positions: all that are watched.
            rules: in force.
            sightings: what `weigh` found in the frame; None to weigh here.
        """
        if sightings is None:
            sightings = weigh(frame.ground, frame.categories, frame.confidences, positions, rules)
        tracks = [it for it in near(self.tracks.values(), frame) if may_hold(it, frame.captured_at)]
        names = {track.track_id for track in tracks}
        seen = observe(
            Known(
                tracks=tracks,
                incidents=[
                    it
                    for it in self.incidents.values()
                    if it.track_id in names or names & set(it.group_ids)
                ],
                footprints=self.footprints,
                looks=self._looks_before(frame, rules),
            ),
            frame,
            sightings,
            positions={position.position_id: position for position in positions},
            rules=rules,
        )
        gone = seen.update.removed | seen.update.merged.keys()
        kept = {name: track for name, track in self.tracks.items() if name not in gone}
        kept |= {track.track_id: track for track in seen.update.changed}
        footprints, looks = dict(self.footprints), dict(self.looks)
        if frame.footprint_lonlat is not None:
            footprints[frame.imagery_id] = frame.footprint_lonlat
        # Of a second look at the frame, what the first told of it.
        looks.pop(frame.imagery_id, None)
        if frame.footprint_lonlat is not None and frame.captured_at is not None:
            looks[frame.imagery_id] = Look(
                imagery_id=frame.imagery_id,
                captured_at=frame.captured_at,
                footprint_lonlat=frame.footprint_lonlat,
            )
        incidents = dict(self.incidents)
        incidents |= {change.incident.incident_id: change.incident for change in seen.changes}
        standing = still_standing(self.withheld.get(frame.imagery_id, ()), seen.update.repeated)
        after = replace(
            self,
            tracks=kept,
            incidents=incidents,
            footprints=footprints,
            looks=looks,
            withheld={**self.withheld, frame.imagery_id: (*standing, *seen.suppressed)},
        )
        return after, seen

    def before(self, moment: datetime) -> Watch:
        """The watch without the tracks that no frame of that time or later can continue."""
        return replace(
            self,
            tracks={
                name: track
                for name, track in self.tracks.items()
                if track.last_seen_at is None or track.last_seen_at + TRACK_HOLD >= moment
            },
        )

    def _looks_before(self, frame: Frame, rules: Sequence[Rule]) -> tuple[Look, ...]:
        """Earlier frames, the latest first, as far back as any rule asks what is new."""
        asked = [rule.new_object.since_s for rule in rules if rule.new_object is not None]
        moment = frame.captured_at
        if not asked or moment is None:
            return ()
        oldest = moment - timedelta(seconds=max(asked))
        earlier = [
            look
            for look in self.looks.values()
            if oldest <= look.captured_at < moment and look.imagery_id != frame.imagery_id
        ]
        earlier.sort(key=lambda look: (moment - look.captured_at, look.imagery_id))
        return tuple(earlier[:MAX_LOOKS])
