"""What rules saw and operators were not shown, counted with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.threats.proximity.weighing import Sighting

DISMISSED = "DISMISSED"
"""A person dismissed the object, for this position too, and the hold has not passed."""
COOLDOWN = "COOLDOWN"
"""An incident of the object was withdrawn a short while ago, and it is only possible now."""
OUTSIDE_WHEN_FUSED = "OUTSIDE_WHEN_FUSED"
"""One look has it near enough, but all looks together have it outside."""
IN_GROUP = "IN_GROUP"
"""The incident of its group speaks for it."""
SAME_OBJECT = "SAME_OBJECT"
"""A second detection of the same object in one frame, such as a rider and what is ridden."""
NOT_SURE_YET = "NOT_SURE_YET"
"""Found once, or seldom, and not with confidence: a further look decides."""
MAYBE_KNOWN = "MAYBE_KNOWN"
"""It may be the object of an incident near by that is not seen now, or a second box beside one that
is: a further look decides."""

Key = tuple[str, str, str, str]
"""Track, position, rule, reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuppressedLook:
    """One sighting that was not shown: what a further look at its frame takes back.

    Attributes:
        detection_index: of the sighting in its frame.
        track_id: the object's track as it was then; empty where it has none.
        position_id: the position.
        rule_id: the rule that saw it.
        reason: a stable upper-case name.
        category: taxonomy category.
        probability: of being within the radius.
        captured_at: when the frame was taken; None where that is unknown.
        imagery_id: the frame.
    """

    detection_index: int
    track_id: str
    position_id: str
    rule_id: str
    reason: str
    category: str
    probability: float
    captured_at: datetime | None
    imagery_id: str

    @property
    def key(self) -> Key:
        """What it is counted by."""
        return self.track_id, self.position_id, self.rule_id, self.reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Suppression:
    """Sightings of one object near one position, by one rule, that were not shown for one reason.

    Attributes:
        track_id: the object's track; empty where it has none.
        position_id: the position.
        rule_id: the rule that saw it.
        reason: a stable upper-case name.
        category: taxonomy category of the latest.
        count: how many sightings.
        probability: the highest probability of being within the radius among them.
        first_at: when the earliest was taken; None where that is unknown.
        last_at: when the latest was taken.
        imagery_id: the imagery of the latest.
    """

    track_id: str
    position_id: str
    rule_id: str
    reason: str
    category: str
    count: int
    probability: float
    first_at: datetime | None
    last_at: datetime | None
    imagery_id: str

    @property
    def key(self) -> Key:
        """What it is counted by."""
        return self.track_id, self.position_id, self.rule_id, self.reason


def suppressed(
    sighting: Sighting,
    reason: str,
    *,
    track_id: str,
    imagery_id: str,
    captured_at: datetime | None,
) -> SuppressedLook:
    """One sighting that is not shown."""
    return SuppressedLook(
        detection_index=sighting.detection_index,
        track_id=track_id,
        position_id=sighting.position_id,
        rule_id=sighting.rule_id,
        reason=reason,
        category=sighting.category,
        probability=sighting.probability,
        captured_at=captured_at,
        imagery_id=imagery_id,
    )


def tally(
    known: Mapping[Key, Suppression], more: Iterable[SuppressedLook]
) -> dict[Key, Suppression]:
    """The rows that change when further sightings are counted, by key."""
    changed: dict[Key, Suppression] = {}
    for look in more:
        item = _counted(look)
        before = changed.get(item.key, known.get(item.key))
        changed[item.key] = item if before is None else _added(before, item)
    return changed


def still_standing(
    looks: Iterable[SuppressedLook], repeated: Collection[int]
) -> tuple[SuppressedLook, ...]:
    """Of what an earlier look at a frame did not show, what a further one leaves as it is.

    Args:
        looks: those of the frame, so far.
        repeated: indices of the detections that the further look shows as they were; what the frame
            shows otherwise is taken back, and counted as the further look has it.
    """
    return tuple(look for look in looks if look.detection_index in repeated)


def _counted(look: SuppressedLook) -> Suppression:
    return Suppression(
        track_id=look.track_id,
        position_id=look.position_id,
        rule_id=look.rule_id,
        reason=look.reason,
        category=look.category,
        count=1,
        probability=look.probability,
        first_at=look.captured_at,
        last_at=look.captured_at,
        imagery_id=look.imagery_id,
    )


def _added(before: Suppression, item: Suppression) -> Suppression:
    times = [it for it in (before.first_at, before.last_at, item.first_at, item.last_at) if it]
    late = before.last_at is not None and item.last_at is not None and item.last_at < before.last_at
    return replace(
        before if late else item,
        count=before.count + item.count,
        probability=max(before.probability, item.probability),
        first_at=min(times, default=None),
        last_at=max(times, default=None),
    )
