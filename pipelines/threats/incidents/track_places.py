"""How near the tracks that a frame shows are to positions, all their looks together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipelines.threats.incidents.incident import Incident
from pipelines.threats.incidents.incident_evidence import Seen
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Level, Sighting, weigh
from pipelines.threats.rules.conditions import Judged
from pipelines.threats.rules.rule import Rule
from pipelines.threats.tracks.fusion import placed, reweigh
from pipelines.threats.tracks.track import Track
from pipelines.threats.tracks.tracker import Frame, TrackUpdate


class TrackPlaces:
    """The tracks of one frame, weighed at the places that all their looks give.

    Args:
        update: what the frame did to the tracks.
        frame: the frame.
        positions: by identifier; of one that is missing, the sighting's own words count.
        rules: in force.
    """

    def __init__(
        self,
        *,
        update: TrackUpdate,
        frame: Frame,
        positions: Mapping[str, Position],
        rules: Sequence[Rule],
    ) -> None:
        self._update = update
        self._frame = frame
        self._positions = positions
        self._rules = {rule.rule_id: rule for rule in rules}
        # Of an object and its second boxes, the detection that speaks for it comes first.
        self._index_of: dict[str, int] = {}
        for index, track in update.track_of.items():
            self._index_of.setdefault(track.track_id, index)
        self._weighed = self._weigh()

    def _weigh(self) -> dict[tuple[str, str], list[Sighting]]:
        """What the places of the tracks that the frame shows weigh, by track and position."""
        tracks = list(dict.fromkeys(self._update.track_of.values()))
        if not tracks or not self._positions or not self._rules:
            return {}
        points = [
            placed(
                self._frame.ground[self._index_of[track.track_id]],
                latitude_deg=track.latitude_deg,
                longitude_deg=track.longitude_deg,
                covariance_m2=track.covariance_m2,
            )
            for track in tracks
        ]
        found: dict[tuple[str, str], list[Sighting]] = {}
        for sighting in weigh(
            points,
            [track.category for track in tracks],
            [track.confidence for track in tracks],
            tuple(self._positions.values()),
            tuple(self._rules.values()),
        ):
            key = tracks[sighting.detection_index].track_id, sighting.position_id
            found.setdefault(key, []).append(sighting)
        return found

    def seen(
        self,
        track: Track,
        sighting: Sighting,
        judged: Judged | None,
        incident: Incident | None,
    ) -> tuple[Seen, bool]:
        """The look with the object at the place of its track; whether that is near enough."""
        ruling = sighting
        if incident is not None and incident.best.level.rank > sighting.level.rank:
            ruling = replace(
                sighting,
                rule_id=incident.best.rule_id,
                rule_revision=incident.best.rule_revision,
                radius_m=incident.best.radius_m,
            )
        weighed = self._weighed.get((track.track_id, sighting.position_id), [])
        same = [it for it in weighed if it.rule_id == ruling.rule_id]
        ground = placed(
            self._frame.ground[self._index_of[track.track_id]],
            latitude_deg=track.latitude_deg,
            longitude_deg=track.longitude_deg,
            covariance_m2=track.covariance_m2,
            older=None if incident is None else incident.best.ground,
        )
        rule = self._rules.get(ruling.rule_id)
        alert = 0.5 if rule is None else rule.alert_probability
        possible = 0.1 if rule is None else rule.possible_probability
        if same:
            at = replace(same[0], ground=ground, rule_revision=ruling.rule_revision)
        else:
            at = reweigh(ruling, ground)
            level = Level.ALERT if at.probability >= alert else Level.POSSIBLE
            at = replace(at, level=level)
        if track.sighting_count == 1 and ruling is sighting:
            # Nothing to fuse: what was weighed of the one look stands.
            at = sighting
        known_place = sighting.position_id in self._positions and rule is not None
        return (
            Seen(
                track=track,
                placed=at,
                judged=judged,
                imagery_id=self._frame.imagery_id,
                captured_at=self._frame.captured_at,
                alert_probability=alert,
                possible_probability=possible,
            ),
            bool(same) or not known_place or track.sighting_count == 1,
        )
