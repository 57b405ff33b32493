"""The incidents of a mission under random frames, decisions and time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.errors import NotAllowedNowError
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import ALLOWED, ReasonCode, Verdict, decide
from pipelines.threats.incidents.dismissals import holds
from pipelines.threats.incidents.incident import (
    ENDED,
    LIVE,
    ChangeKind,
    Incident,
    IncidentChange,
    IncidentState,
)
from pipelines.threats.incidents.incident_evidence import expired
from pipelines.threats.incidents.incident_fold import Folded, fold
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.conditions import Judged, Judgement, Withheld
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint
from pipelines.threats.tracks.track_state import begin_track
from pipelines.threats.tracks.tracker import Frame, TrackUpdate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POSITIONS = ("base", "post", "camp")
RECENT = 20


@dataclass
class Life:
    """A mission's incidents under random frames, decisions and time; checked at every step."""

    chance: random.Random
    now: datetime = NOON
    frames: int = 0
    tracks: dict[str, Track] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    changed_at: dict[str, datetime] = field(default_factory=dict)
    sequence: int = 0
    kinds: Counter[ChangeKind] = field(default_factory=Counter)
    refused: int = 0
    looks: int = 0
    # Of the latest frames: when each was taken, and the tracks of its detections.
    recent: dict[str, tuple[datetime | None, list[str]]] = field(default_factory=dict)
    second_looks: int = 0
    targets: set[str] = field(default_factory=set)

    def apply(self, change: IncidentChange) -> None:
        """Take in one change, as a ledger would."""
        after = change.incident
        before = self.incidents.get(after.incident_id)
        self.kinds[change.kind] += 1
        assert (before is None) == (change.kind is ChangeKind.RAISED)
        if before is None:
            assert after.revision == 1
            assert after.state is IncidentState.OPEN
        else:
            assert before.state not in ENDED or change.kind is ChangeKind.NOTED
            quiet = change.kind in {ChangeKind.ABSORBED, ChangeKind.NOTED}
            assert after.revision == before.revision + (0 if quiet else 1)
            self._check_turn(change.kind, before, after)
        self.incidents[after.incident_id] = after
        if change.kind not in {ChangeKind.ABSORBED, ChangeKind.NOTED}:
            self.sequence += 1
            self.changed_at[after.incident_id] = self.now

    def _check_turn(self, kind: ChangeKind, before: Incident, after: Incident) -> None:
        if kind is ChangeKind.CANCELLED:
            # What a person confirmed or dismissed the machine does not withdraw.
            assert before.state in {IncidentState.OPEN, IncidentState.ACKNOWLEDGED}
            assert after.state is IncidentState.CANCELLED
            assert after.reason
        elif kind is ChangeKind.EXPIRED:
            assert before.state in LIVE
            assert after.state is IncidentState.EXPIRED
        elif kind is ChangeKind.MERGED:
            assert before.state in LIVE
            assert after.merged_into in self.incidents
            assert after.merged_into != after.incident_id
        elif kind is not ChangeKind.DECIDED:
            assert after.state is before.state
        if kind in {ChangeKind.UPDATED, ChangeKind.ESCALATED} and before.severity_held:
            assert list(Severity).index(after.severity) >= list(Severity).index(before.severity)
        if kind is ChangeKind.ESCALATED:
            # More grave than it was, or an alert where it was none.
            assert (
                after.best.level.rank > before.best.level.rank
                or after.severity.rank > before.severity.rank
                or alerts(after) - alerts(before)
            )
        if kind is ChangeKind.UPDATED:
            # Where what was merged into it was an alert, that one has told of it.
            assert alerts(after) <= alerts(before) or after.incident_id in self.targets
            assert after.severity is before.severity

    def check(self) -> None:
        """What holds between any two operations."""
        live = [it for it in self.incidents.values() if it.state in LIVE]
        assert len({it.track_id for it in live}) == len(live)
        for incident in self.incidents.values():
            assert len(set(incident.position_ids)) == len(incident.position_ids)
            ranks = [
                (it.sighting.level.rank, it.severity.rank, round(it.sighting.probability, 2))
                for it in incident.near
            ]
            assert ranks == sorted(ranks, reverse=True)
            assert all(it.sighting.level.rank <= incident.best.level.rank for it in incident.near)
        # Every look at a thing is counted once, by the incident of it; that of what was merged by
        # the incident it went into.
        assert self._counted() == self.looks

    def see(self) -> None:
        """A frame: some known objects and some new ones, in time or late, now and then repeated."""
        self.frames += 1
        late = self.chance.random() < 0.1
        captured_at = (
            None
            if self.chance.random() < 0.05
            else self.now - timedelta(seconds=self.chance.uniform(1.0, 600.0) if late else 0.0)
        )
        imagery_id = f"i{self.frames}"
        known = self.chance.sample(
            sorted(self.tracks), min(len(self.tracks), self.chance.randint(0, 3))
        )
        # No two incidents may end up with one track: nothing is merged that this frame shows.
        looks: list[Track] = []
        for name in known:
            looks.append(self._again(self.tracks[name], imagery_id, len(looks), captured_at))
        begun = self.chance.random() < 0.25 or not looks
        if begun:
            look = self._point(imagery_id, len(looks), captured_at)
            looks.append(begin_track(f"t{self.frames}", look, shown_m2=0.0))
        merged = self._merged(known)
        missed = [
            name
            for name in self.chance.sample(sorted(self.tracks), min(len(self.tracks), 2))
            if name not in known and name not in merged and self.chance.random() < 0.5
        ]
        vain = [
            replace(
                self.tracks[name],
                missed_count=self.tracks[name].missed_count + 1,
                empty_flights=(*self.tracks[name].empty_flights, ""),
            )
            for name in missed
        ]
        update = TrackUpdate(
            track_of=dict(enumerate(looks)),
            changed=(*looks, *vain),
            begun=frozenset({looks[-1].track_id} if begun else ()),
            missed=frozenset(missed),
            merged=merged,
        )
        frame = Frame(
            imagery_id=imagery_id,
            captured_at=captured_at,
            ground=[self._ground(it.latitude_deg, it.longitude_deg) for it in looks],
            categories=["car"] * len(looks),
            confidences=[it.points[-1].confidence for it in looks],
        )
        self._fold(frame, update)
        for name in merged:
            del self.tracks[name]
        self.tracks |= {track.track_id: track for track in update.changed}
        self.recent[imagery_id] = captured_at, [track.track_id for track in looks]
        if len(self.recent) > RECENT:
            del self.recent[next(iter(self.recent))]

    def look_again(self) -> None:
        """A second look at a late frame: some detections stand, some moved, some are gone."""
        if not self.recent:
            return
        imagery_id = self.chance.choice(list(self.recent))
        captured_at, names = self.recent[imagery_id]
        shown = {
            index: self.tracks[name]
            for index, name in enumerate(names)
            if name in self.tracks
            and any(it.imagery_id == imagery_id for it in self.tracks[name].points)
        }
        if len(shown) < len(names):
            return
        if captured_at is not None and self.chance.random() < 0.3:
            captured_at -= timedelta(seconds=self.chance.uniform(1.0, 60.0))
        found: dict[int, Track] = {}
        kept: dict[str, Track] = {}
        repeated, removed = set(), set()
        for index, track in shown.items():
            fate = self.chance.choice(["stands", "moved", "moved", "gone"])
            before = replace(
                track,
                points=tuple(it for it in track.points if it.imagery_id != imagery_id),
                sighting_count=max(track.sighting_count - 1, 1),
            )
            if fate == "stands":
                found[index] = track
                repeated.add(index)
            elif fate == "moved":
                moved = self._again(before, imagery_id, index, captured_at)
                found[index] = replace(moved, sighting_count=track.sighting_count)
            elif before.points:
                kept[track.track_id] = before
            else:
                removed.add(track.track_id)
        retracted = {track.track_id for index, track in shown.items() if index not in repeated}
        update = TrackUpdate(
            track_of=found,
            changed=(*(it for i, it in found.items() if i not in repeated), *kept.values()),
            removed=frozenset(removed),
            repeated=frozenset(repeated),
            retracted=frozenset(retracted),
        )
        frame = Frame(
            imagery_id=imagery_id,
            captured_at=captured_at,
            ground=[self._ground(it.latitude_deg, it.longitude_deg) for it in shown.values()],
            categories=["car"] * len(shown),
            confidences=[0.5] * len(shown),
        )
        self._fold(frame, update)
        for name in removed:
            del self.tracks[name]
        self.tracks |= {track.track_id: track for track in update.changed}
        gone = [name for index, name in enumerate(names) if index not in found]
        if gone:
            # What is left has other numbers than the tracks know: it is not looked at again.
            del self.recent[imagery_id]
        else:
            self.recent[imagery_id] = captured_at, names
        self.second_looks += 1

    def _fold(self, frame: Frame, update: TrackUpdate) -> None:
        judgement = self._judgement(update)
        held = [it for it in self.incidents.values() if holds(it, frame.captured_at)]
        found = fold(
            self.chance.sample(
                sorted(self.incidents.values(), key=lambda it: it.incident_id), len(self.incidents)
            ),
            judgement,
            update=update,
            frame=frame,
            positions={},
            rules=(),
            tracks=[*self.tracks.values()],
        )
        assert len({it.incident.incident_id for it in found.changes}) == len(found.changes)
        before = dict(self.incidents)
        self.targets = {it.incident.merged_into for it in found.changes}
        for change in found.changes:
            if change.kind is ChangeKind.RAISED:
                self._check_raised(change.incident, held)
            self.apply(change)
        told = self._told(update, judgement, found, before)
        if frame.imagery_id in self.recent:
            self._check_counts(before, update)
            # From here on, what the second look has is what there is to account for.
            self.looks = self._counted()
        else:
            self.looks += sum(told.values())
        again = fold(
            self.incidents.values(),
            judgement,
            update=replace(
                update,
                repeated=frozenset(update.track_of),
                missed=frozenset(),
                merged={},
                removed=frozenset(),
                retracted=frozenset(),
            ),
            frame=frame,
            positions={},
            rules=(),
            tracks=[*self.tracks.values()],
        )
        # The same frame again says nothing new, but for a level that it had shown before.
        assert again.suppressed == ()
        assert {it.kind for it in again.changes} <= {ChangeKind.ESCALATED}

    def _check_counts(self, before: dict[str, Incident], update: TrackUpdate) -> None:
        """A second look counts no look at the thing of an incident again."""
        for name, incident in self.incidents.items():
            if name not in before:
                assert incident.sighting_count == 1
            elif incident.track_id in update.retracted:
                assert incident.sighting_count == before[name].sighting_count

    def _counted(self) -> int:
        return sum(
            it.sighting_count
            for it in self.incidents.values()
            if it.state is not IncidentState.MERGED
        )

    def _check_raised(self, raised: Incident, held: list[Incident]) -> None:
        """What a person dismissed alerts nobody within the hold, but elsewhere."""
        for item in held:
            if item.track_id != raised.track_id:
                continue
            assert item.only_here
            assert alerts(raised) == set(raised.position_ids)
            assert not alerts(raised) & {item.best.position_id, *alerts(item)}

    def _told(
        self,
        update: TrackUpdate,
        judgement: Judgement,
        found: Folded,
        before: dict[str, Incident],
    ) -> dict[str, bool]:
        """Whether the look at each track is one more of an incident; no sighting is lost."""
        suppressed = Counter((it.track_id, it.position_id) for it in found.suppressed)
        assert set(suppressed.values()) <= {1}
        sightings = [it.sighting for it in judgement.shown]
        sightings += [it.sighting for it in judgement.withheld]
        # Of what stands as it was, the first look has told.
        assert not {it.detection_index for it in found.suppressed} & update.repeated
        sightings = [it for it in sightings if it.detection_index not in update.repeated]
        seen = Counter(
            (update.track_of[it.detection_index].track_id, it.position_id) for it in sightings
        )
        assert suppressed <= seen
        near: dict[str, set[str]] = {}
        absorbed = set()
        for change in found.changes:
            item = change.incident
            if change.kind is ChangeKind.ABSORBED:
                absorbed.add(item.track_id)
            elif change.kind is not ChangeKind.MERGED:
                was = before.get(item.incident_id, item)
                near.setdefault(item.track_id, set()).update(item.position_ids, was.position_ids)
        told = dict.fromkeys((name for name, _ in seen), False)
        for name, position_id in seen:
            if not suppressed[name, position_id]:
                # Near that position the incident of the thing tells of it.
                assert position_id in near[name]
                told[name] = True
        return {name: is_told or name in absorbed for name, is_told in told.items()}

    def _judgement(self, update: TrackUpdate) -> Judgement:
        shown, withheld = [], []
        for index, track in update.track_of.items():
            for position_id in POSITIONS:
                if self.chance.random() < 0.4:
                    continue
                seen = self._sighting(index, track, position_id)
                if self.chance.random() < 0.15:
                    withheld.append(Withheld(sighting=seen, reason="DWELL_TOO_SHORT"))
                else:
                    shown.append(
                        Judged(
                            sighting=seen,
                            severity=self.chance.choice(list(Severity)),
                            reason="A car.",
                            track_ids=(track.track_id,),
                        )
                    )
        return Judgement(shown=tuple(shown), withheld=tuple(withheld))

    def _sighting(self, index: int, track: Track, position_id: str) -> Sighting:
        level = self.chance.choice(list(Level))
        return Sighting(
            detection_index=index,
            category="car",
            confidence=track.points[-1].confidence,
            ground=self._ground(track.latitude_deg, track.longitude_deg),
            position_id=position_id,
            rule_id="default",
            rule_revision=0,
            radius_m=500.0,
            probability=0.9 if level is Level.ALERT else 0.2,
            level=level,
            range_m=100.0,
            range_low_m=90.0,
            range_high_m=110.0,
            bearing_deg=10.0,
        )

    def _ground(self, latitude: float, longitude: float) -> GroundPoint:
        return GroundPoint(
            outcome=Outcome.LOCATED,
            latitude_deg=latitude,
            longitude_deg=longitude,
            covariance_enu_m2=np.diag([4.0, 4.0, 4.0]),
            ce90_m=4.3,
        )

    def _point(self, imagery_id: str, index: int, captured_at: datetime | None) -> TrackPoint:
        return TrackPoint(
            imagery_id=imagery_id,
            detection_index=index,
            captured_at=captured_at,
            latitude_deg=4.0 + self.chance.uniform(0.0, 0.5),
            longitude_deg=18.0,
            covariance_m2=4.0 * np.eye(2),
            category="car",
            confidence=self.chance.uniform(0.3, 0.95),
        )

    def _again(
        self, track: Track, imagery_id: str, index: int, captured_at: datetime | None
    ) -> Track:
        look = replace(
            self._point(imagery_id, index, captured_at),
            latitude_deg=track.latitude_deg,
            longitude_deg=track.longitude_deg,
        )
        times = [it for it in (track.last_seen_at, captured_at) if it is not None]
        return replace(
            track,
            points=(*track.points, look)[-6:],
            confidence=max(track.confidence, look.confidence),
            sighting_count=track.sighting_count + 1,
            last_seen_at=max(times, default=None),
            imagery_id=imagery_id,
            empty_flights=(),
            mobility=self.chance.choice([*Mobility, track.mobility]),
        )

    def _merged(self, seen: list[str]) -> dict[str, str]:
        """Now and then, a track that nobody dismissed or confirmed goes into one just seen."""
        if not seen or self.chance.random() > 0.1:
            return {}
        held = {
            it.track_id
            for it in self.incidents.values()
            if it.state in {IncidentState.DISMISSED, IncidentState.CONFIRMED}
        }
        free = sorted(self.tracks.keys() - set(seen) - held)
        return {self.chance.choice(free): seen[0]} if free and seen[0] not in held else {}

    def decide(self) -> None:
        """A person says something of any incident, allowed or not."""
        if not self.incidents:
            return
        incident = self.incidents[self.chance.choice(list(self.incidents))]
        verdict = self.chance.choice(list(Verdict))
        if verdict in ALLOWED.get(incident.state, {}):
            before = dict(self.incidents)
            live = [
                it
                for it in before.values()
                if it.track_id == incident.track_id and it.state in LIVE and it is not incident
            ]
            if incident.state is IncidentState.DISMISSED and live:
                # The object has an incident again: that one is the one to decide on.
                return
            self.apply(decide(incident, verdict, self.chance.choice(list(ReasonCode))))
        else:
            with pytest.raises(NotAllowedNowError, match=incident.state.value):
                decide(incident, verdict)
            self.refused += 1

    def wait(self) -> None:
        """Time passes, mostly a little; what is not seen any more ends."""
        (hours,) = self.chance.choices([0.0, 0.002, 0.02, 5.0], weights=[40, 40, 20, 0.3])
        self.now += timedelta(hours=hours)
        for name, incident in list(self.incidents.items()):
            change = expired(incident, self.changed_at[name], self.now)
            if change is not None:
                self.apply(change)
        self._forget()

    def _forget(self) -> None:
        """Tracks and incidents of long ago are not loaded any more; their sums stay."""
        kept = {
            name
            for name, track in self.tracks.items()
            if track.last_seen_at is None or self.now - track.last_seen_at < timedelta(hours=12)
        }
        kept = set(sorted(kept)[-25:])
        self.tracks = {name: self.tracks[name] for name in kept}
        for name in [n for n, it in self.incidents.items() if it.track_id not in kept]:
            gone = self.incidents.pop(name)
            if gone.state is not IncidentState.MERGED:
                self.looks -= gone.sighting_count


def alerts(incident: Incident) -> set[str]:
    """The positions at which it is an alert."""
    return {it.position_id for it in incident.sightings if it.level is Level.ALERT}
