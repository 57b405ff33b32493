"""What a rule would have raised from the detections that the ledger keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.threats.incidents.preview import Preview, Replay
from pipelines.threats.positions.patrols import patrol_at
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule import Rule
from service.ledger.store import Ledger

MAX_IMAGES = 20_000
"""Images that a preview looks at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RulePreview:
    """A rule tried on the past.

    Attributes:
        preview: what it would have raised.
        present: what the rule of its name in force would have; None where there is none.
        all_present: what all rules in force would have.
        all_with_preview: what they would have with this one, in place of that of its name.
        image_count: images it was tried on.
        detection_count: detections in them.
        truncated: there were more than `MAX_IMAGES`; only the earlier part was looked at.
    """

    preview: Preview
    present: Preview | None
    all_present: Preview
    all_with_preview: Preview
    image_count: int
    detection_count: int
    truncated: bool


def preview_rule(
    ledger: Ledger,
    mission_id: str,
    rule: Rule,
    *,
    since: datetime,
    until: datetime,
    max_images: int = MAX_IMAGES,
) -> RulePreview:
    """Try a rule on the imagery captured from one time until before another; changes nothing.

    Positions are those of now, patrols where they were reported to be at each time.
    """
    own = ledger.rules_in_force(mission_id)
    in_force = own or DEFAULT_RULES
    named = [it for it in in_force if it.rule_id == rule.rule_id]
    # A first rule of one's own takes the built-in ones out of force.
    others = [it for it in own if it.rule_id != rule.rule_id]
    together = [*others, rule] if rule.enabled else others
    replay = Replay(
        {
            "preview": [rule],
            "present": named,
            "all": in_force,
            "together": together or DEFAULT_RULES,
        }
    )
    positions = ledger.all_positions(mission_id)
    truncated = False
    for frame in ledger.frames_between(mission_id, since, until):
        if replay.frame_count == max_images:
            truncated = True
            break
        replay.take(frame, _as_of(ledger, mission_id, positions, frame.captured_at))
    return RulePreview(
        preview=replay.preview("preview"),
        present=replay.preview("present") if named else None,
        all_present=replay.preview("all"),
        all_with_preview=replay.preview("together"),
        image_count=replay.frame_count,
        detection_count=replay.detection_count,
        truncated=truncated,
    )


def _as_of(
    ledger: Ledger, mission_id: str, positions: Sequence[Position], moment: datetime | None
) -> list[Position]:
    """Positions as they were at a time; patrols that nobody knew of then are left out."""
    patrols = [it.position_id for it in positions if it.kind is PositionKind.PATROL]
    if not patrols:
        return list(positions)
    reports = ledger.reports_around(mission_id, patrols, moment)
    found = []
    for position in positions:
        known: Position | None = position
        if position.kind is PositionKind.PATROL:
            known = patrol_at(position, reports.get(position.position_id, ()), moment)
        if known is not None:
            found.append(known)
    return found
