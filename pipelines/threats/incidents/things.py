"""What one frame shows of each thing: the sightings of one track, or of one group, together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pipelines.threats.incidents import suppressions
from pipelines.threats.incidents.incident import Incident
from pipelines.threats.proximity.weighing import Sighting
from pipelines.threats.rules.conditions import Judged, Judgement
from pipelines.threats.tracks.track import Track


@dataclass(kw_only=True)
class Thing:
    """What a frame shows of one track, or of the tracks of one group.

    Attributes:
        incident: the live one that tells of it; None where none does.
        shown: what rules show of it, the gravest near each position, by position.
        withheld: what they do not show, with the reasons, of positions that none shows it near.
        besides: sightings that one of `shown` speaks for, with the reason why they are not told.
    """

    incident: Incident | None
    shown: dict[str, Judged] = field(default_factory=dict)
    withheld: dict[str, list[tuple[Sighting, str]]] = field(default_factory=dict)
    besides: list[tuple[Sighting, str]] = field(default_factory=list)


class Things:
    """The things of one frame, made of its sightings.

    Args:
        track_of: the track of each detection, by its index.
        twins: detections that are second ones of their track.
        live: the live incident of a track, or of a group that it is in; None where it has none.
    """

    def __init__(
        self,
        *,
        track_of: Mapping[int, Track],
        twins: Iterable[int],
        live: Callable[[str], Incident | None],
    ) -> None:
        self._track_of = track_of
        self._twins = frozenset(twins)
        self._live = live
        self._root: dict[str, str] = {}

    def of(
        self, judgement: Judgement, going_on: Callable[[Judged], Incident | None]
    ) -> list[Thing]:
        """All things that have sightings, the gravest first.

        Args:
            judgement: which sightings of the frame are shown, which withheld.
            going_on: the live incident that the group of a sighting goes on with.

        Raises:
            ValueError: what is shown has no track.
        """
        incidents = self._group(judgement.shown, going_on)
        things: dict[tuple[str, str], Thing] = {}
        for judged in sorted(judgement.shown, key=self._weight):
            grouped = judged.object_count > 1
            thing = self._thing(things, judged.sighting, incidents, grouped=grouped)
            told = thing.shown.setdefault(judged.sighting.position_id, judged)
            # Of several rules that see one object there, the gravest speaks for all.
            if told.sighting.detection_index != judged.sighting.detection_index:
                twin = judged.sighting.detection_index in self._twins
                reason = suppressions.SAME_OBJECT if twin else suppressions.IN_GROUP
                thing.besides.append((judged.sighting, reason))
        told_of = {(it.sighting.position_id, it.sighting.detection_index) for it in judgement.shown}
        for item in judgement.withheld:
            seen = item.sighting
            if (seen.position_id, seen.detection_index) in told_of:
                continue
            thing = self._thing(things, seen, incidents, grouped=False)
            if seen.position_id in thing.shown:
                thing.besides.append((seen, item.reason))
            else:
                thing.withheld.setdefault(seen.position_id, []).append((seen, item.reason))
        return list(things.values())

    def _group(
        self, shown: Iterable[Judged], going_on: Callable[[Judged], Incident | None]
    ) -> dict[str, Incident]:
        """Join the tracks of groups that share any; the live incidents of these, by root."""
        groups = [it for it in shown if it.object_count > 1]
        for judged in groups:
            speaks = self._track(judged.sighting).track_id
            for name in judged.track_ids:
                self._join(speaks, name)
        incidents: dict[str, Incident] = {}
        for judged in groups:
            root = self._find(self._track(judged.sighting).track_id)
            found = None if root in incidents else going_on(judged)
            if found is not None:
                incidents[root] = found
        return incidents

    def _thing(
        self,
        things: dict[tuple[str, str], Thing],
        sighting: Sighting,
        incidents: Mapping[str, Incident],
        *,
        grouped: bool,
    ) -> Thing:
        track = self._track_of.get(sighting.detection_index)
        name = f"#{sighting.detection_index}" if track is None else track.track_id
        live = None if track is None else self._live(name)
        root = self._find(name)
        if grouped or ((live is None or live.track_id != name) and name in self._root):
            live = incidents.get(root)
        key = ("track", root) if live is None else ("incident", live.incident_id)
        return things.setdefault(key, Thing(incident=live))

    def _weight(self, judged: Judged) -> tuple[float | bool | str, ...]:
        """Sorts second detections last, then the gravest first; of those that are alike groups."""
        sighting = judged.sighting
        return (
            sighting.detection_index in self._twins,
            -sighting.level.rank,
            -judged.severity.rank,
            judged.object_count == 1,
            -sighting.probability,
            sighting.position_id,
            sighting.detection_index,
            sighting.rule_id,
            -sighting.rule_revision,
        )

    def _track(self, sighting: Sighting) -> Track:
        track = self._track_of.get(sighting.detection_index)
        if track is None:
            raise ValueError(f"detection {sighting.detection_index} has no track")
        return track

    def _join(self, one: str, other: str) -> None:
        self._root.setdefault(one, one)
        self._root.setdefault(other, other)
        self._root[self._find(other)] = self._find(one)

    def _find(self, name: str) -> str:
        while self._root.get(name, name) != name:
            name = self._root[name]
        return name
