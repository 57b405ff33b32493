"""What rules would have raised from detections of the past."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.incidents.incident import ChangeKind, Incident
from pipelines.threats.incidents.incident_fold import fold
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Sighting, weigh
from pipelines.threats.rules.conditions import judge
from pipelines.threats.rules.looks import MAX_LOOKS, Look
from pipelines.threats.rules.rule import Rule
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.track import Track
from pipelines.threats.tracks.tracker import (
    TRACK_HOLD,
    Frame,
    TrackUpdate,
    advance,
    may_hold,
    near,
)

MAX_EXAMPLES = 10
"""Incidents that a preview shows."""
# How many frames may pass before what none can continue is forgotten.
_TIDY_EVERY = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Previewed:
    """An incident that would have been raised.

    Attributes:
        imagery_id: the frame that would have raised it.
        captured_at: when that was taken, aware.
        position_id: near which, where it was gravest.
        position_ids: all that it came near.
        severity: the highest it came to.
        reason: the sentence it had then.
    """

    imagery_id: str
    captured_at: datetime
    position_id: str
    position_ids: frozenset[str]
    severity: Severity
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What some rules would have raised.

    Attributes:
        incident_count: how many incidents.
        by_severity: how many came to each severity at the most, all severities.
        by_position: how many came near each position that has any; one that came near several
            counts at each.
        withheld: sightings that were not shown, by the reason.
        examples: at most `MAX_EXAMPLES` of them, the most severe first, then the earliest.
    """

    incident_count: int
    by_severity: Mapping[Severity, int]
    by_position: Mapping[str, int]
    withheld: Mapping[str, int]
    examples: tuple[Previewed, ...]


class Replay:
    """Frames of the past, one after the other, held against several sets of rules at once.

    Objects are followed once for all of them. People's decisions are not replayed: what they
    dismissed is raised again where it was. Memory is that of the objects that a frame may still
    show, and of one count for each incident.

    Args:
        branches: sets of rules by a name.
    """

    def __init__(self, branches: Mapping[str, Sequence[Rule]]) -> None:
        self._branches = {name: _Branch(tuple(rules)) for name, rules in branches.items()}
        self._tracks: dict[str, Track] = {}
        self._footprints: dict[str, NDArray[np.float64]] = {}
        asks = [rule for rules in branches.values() for rule in rules if rule.new_object]
        self._looks: deque[Look] = deque(maxlen=MAX_LOOKS if asks else 0)
        self.frame_count = 0
        self.detection_count = 0

    def take(self, frame: Frame, positions: Sequence[Position]) -> None:
        """Replay one frame, in order of capture time.

        Args:
            frame: with its time.
            positions: as they were then.

        Raises:
            ValueError: the frame has no time.
        """
        moment = frame.captured_at
        if moment is None:
            raise ValueError("a replay needs the time of each frame")
        self.frame_count += 1
        self.detection_count += len(frame.ground)
        if self.frame_count % _TIDY_EVERY == 0:
            self._tidy(moment)
        known = [it for it in near(self._tracks.values(), frame) if may_hold(it, moment)]
        needed = {point.imagery_id for track in known for point in track.points}
        update = advance(
            known,
            frame,
            footprints={name: ring for name, ring in self._footprints.items() if name in needed},
        )
        gone = update.removed | update.merged.keys()
        for name in gone:
            self._tracks.pop(name, None)
        self._tracks |= {track.track_id: track for track in update.changed}
        fresh = {track.track_id: track for track in known if track.track_id not in gone}
        fresh |= {track.track_id: track for track in update.changed}
        live = [fresh[name] for name in sorted(fresh)]
        by_id = {position.position_id: position for position in positions}
        in_use = [position for position in positions if position.in_use_at(moment)]
        weighed = {
            rule: weigh(frame.ground, frame.categories, frame.confidences, in_use, [rule])
            for branch in self._branches.values()
            for rule in branch.rules
        }
        for branch in self._branches.values():
            sightings = [it for rule in branch.rules for it in weighed[rule]]
            branch.take(frame, update, live, by_id, sightings, tuple(self._looks))
        if frame.footprint_lonlat is not None:
            self._footprints[frame.imagery_id] = frame.footprint_lonlat
            self._looks.append(
                Look(
                    imagery_id=frame.imagery_id,
                    captured_at=moment,
                    footprint_lonlat=frame.footprint_lonlat,
                )
            )

    def preview(self, name: str) -> Preview:
        """What the rules of one branch would have raised so far."""
        return self._branches[name].preview()

    def _tidy(self, moment: datetime) -> None:
        self._tracks = {
            name: track
            for name, track in self._tracks.items()
            if track.last_seen_at is None or track.last_seen_at + TRACK_HOLD >= moment
        }
        kept = {it.imagery_id for track in self._tracks.values() for it in track.points}
        self._footprints = {name: ring for name, ring in self._footprints.items() if name in kept}
        for branch in self._branches.values():
            branch.tidy(self._tracks)


class _Branch:
    """One set of rules, and what it would have raised."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._incidents: dict[str, Incident] = {}
        self._raised: dict[str, Previewed] = {}
        self._withheld: Counter[str] = Counter()
        # What is settled: its incidents are over, and only counted.
        self._by_severity: Counter[Severity] = Counter()
        self._by_position: Counter[str] = Counter()
        self._examples: list[Previewed] = []

    def take(
        self,
        frame: Frame,
        update: TrackUpdate,
        live: Sequence[Track],
        positions: Mapping[str, Position],
        sightings: Sequence[Sighting],
        looks: Sequence[Look],
    ) -> None:
        judgement = judge(
            sightings,
            track_of=update.track_of,
            tracks=live,
            positions=positions,
            rules=self.rules,
            captured_at=frame.captured_at,
            looks=looks,
        )
        self._withheld.update(it.reason for it in judgement.withheld)
        names = {track.track_id for track in live} | update.merged.keys() | update.removed
        folded = fold(
            [
                it
                for it in self._incidents.values()
                if it.track_id in names or names & set(it.group_ids)
            ],
            judgement,
            update=update,
            frame=frame,
            positions=positions,
            rules=self.rules,
        )
        for change in folded.changes:
            incident = change.incident
            self._incidents[incident.incident_id] = incident
            self._note(change.kind, incident, frame)

    def _note(self, kind: ChangeKind, incident: Incident, frame: Frame) -> None:
        known = self._raised.get(incident.incident_id)
        if known is None and frame.captured_at is not None and kind is ChangeKind.RAISED:
            self._raised[incident.incident_id] = Previewed(
                imagery_id=frame.imagery_id,
                captured_at=frame.captured_at,
                position_id=incident.best.position_id,
                position_ids=frozenset(incident.position_ids),
                severity=incident.severity,
                reason=incident.reason,
            )
        elif known is not None:
            if incident.severity.rank > known.severity.rank:
                known = replace(known, severity=incident.severity, reason=incident.reason)
            came_near = known.position_ids.union(incident.position_ids)
            self._raised[incident.incident_id] = replace(known, position_ids=came_near)

    def tidy(self, tracks: Mapping[str, Track]) -> None:
        """Count what no further frame can change, and forget the rest of it."""
        for name in [
            name
            for name, incident in self._incidents.items()
            if incident.track_id not in tracks and not tracks.keys() & set(incident.group_ids)
        ]:
            del self._incidents[name]
            settled = self._raised.pop(name, None)
            if settled is not None:
                self._by_severity[settled.severity] += 1
                self._by_position.update(settled.position_ids)
                self._examples = _chosen([*self._examples, settled])

    def preview(self) -> Preview:
        raised = list(self._raised.values())
        by_severity = self._by_severity + Counter(it.severity for it in raised)
        by_position = self._by_position + Counter(name for it in raised for name in it.position_ids)
        return Preview(
            incident_count=sum(by_severity.values()),
            by_severity={severity: by_severity[severity] for severity in Severity},
            by_position=dict(sorted(by_position.items())),
            withheld=dict(sorted(self._withheld.items())),
            examples=tuple(_chosen([*self._examples, *raised])),
        )


def _chosen(examples: Sequence[Previewed]) -> list[Previewed]:
    ordered = sorted(
        examples,
        key=lambda it: (-it.severity.rank, it.captured_at, it.imagery_id, it.reason),
    )
    return ordered[:MAX_EXAMPLES]
