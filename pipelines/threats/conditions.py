"""Whether what rules see is shown to people, how severe it is, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.threats.positions import Position
from pipelines.threats.proximity import Level, Sighting
from pipelines.threats.rules import Rule
from pipelines.threats.sentence import Account, sentence
from pipelines.threats.severity import Circumstances, Severity, severity_of
from pipelines.threats.tracks import Track


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A sighting that is shown.

    Attributes:
        sighting: of the object, or of the one that speaks for a group.
        severity: how soon a person should look.
        reason: what was seen and why it is that severe, one plain sentence.
        object_count: how many objects it stands for: 1, or those of a cluster or convoy.
        track_ids: their tracks, that of the sighting first; empty where it has none.
    """

    sighting: Sighting
    severity: Severity
    reason: str
    object_count: int = 1
    track_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """A sighting that is not shown.

    Attributes:
        sighting: which.
        reason: a stable upper-case name, such as DWELL_TOO_SHORT.
    """

    sighting: Sighting
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What became of the sightings of one frame."""

    shown: tuple[Judged, ...]
    withheld: tuple[Withheld, ...]


def judge(
    sightings: Sequence[Sighting],
    *,
    track_of: Mapping[int, Track],
    tracks: Sequence[Track],
    positions: Mapping[str, Position],
    rules: Sequence[Rule],
    captured_at: datetime | None,
) -> Judgement:
    """Hold the sightings of one frame against the conditions of their rules.

    Args:
        sightings: what `pipelines.threats.proximity.weigh` found in the frame.
        track_of: the track of each detection, by its index, after this frame.
        tracks: all live tracks near by, those of `track_of` among them.
        positions: by identifier; of one that is missing, its identifier is its name.
        rules: in force.
        captured_at: when the frame was taken, aware; None where that is unknown.

    Raises:
        ValueError: the time is naive.
    """
    if captured_at is not None and captured_at.tzinfo is None:
        raise ValueError("captured_at must be aware")
    del tracks, rules
    shown = []
    for seen in sightings:
        severity, grounds = severity_of(
            Circumstances(alert=seen.level is Level.ALERT, category=seen.category)
        )
        position = positions.get(seen.position_id)
        track = track_of.get(seen.detection_index)
        reason = sentence(
            Account(
                sighting=seen,
                position_name=seen.position_id if position is None else position.display_name,
                categories=(seen.category,),
                severity=severity,
                grounds=grounds,
            )
        )
        shown.append(
            Judged(
                sighting=seen,
                severity=severity,
                reason=reason,
                track_ids=() if track is None else (track.track_id,),
            )
        )
    return Judgement(shown=tuple(shown), withheld=())
