"""Whether what rules see is shown to people, how severe it is, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.threats.positions.position import AREA_KINDS, LINE_KINDS, Position
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.answers import Findings, findings_of
from pipelines.threats.rules.closing import TELLING_M_S
from pipelines.threats.rules.groups import Group, clusters, convoys
from pipelines.threats.rules.looks import Look
from pipelines.threats.rules.requirements import MOTION_HORIZON_S, WhenUnknown
from pipelines.threats.rules.rule import Rule
from pipelines.threats.rules.scene import Scene
from pipelines.threats.rules.sentence import Account, Motion, sentence
from pipelines.threats.rules.severity import (
    LIKELY,
    SOON_S,
    Circumstances,
    Severity,
    severity_of,
)
from pipelines.threats.tracks.track import Track

_NO_PERIMETER = LINE_KINDS | AREA_KINDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A sighting that is shown.

    Attributes:
        sighting: of the object, or of the one that a group is known by, which stays the same from
            frame to frame as long as it is seen.
        severity: how soon a person should look.
        reason: what was seen and why it is that severe, one plain sentence.
        object_count: how many objects it stands for: 1, or those of a cluster or convoy.
        track_ids: their tracks, that of the sighting first; empty where none has one.
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
        reason: a stable upper-case name: OUTSIDE_HOURS, SEEN_TOO_SELDOM, NOT_CROSSED, NOT_NEW,
            DWELL_TOO_SHORT, NOT_CLOSING, NOT_ARRIVING, NO_CONVOY, TOO_FEW; where a rule withholds
            what it cannot know, TIME_UNKNOWN, CROSSING_UNKNOWN, NEWNESS_UNKNOWN, DWELL_UNKNOWN,
            SPEED_UNKNOWN, CONVOY_UNKNOWN; IN_GROUP where another speaks for it.
    """

    sighting: Sighting
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What became of the sightings of one frame."""

    shown: tuple[Judged, ...]
    withheld: tuple[Withheld, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    """Something to show, before others may add to it."""

    account: Account
    known_by: Sighting
    keys: frozenset[str]
    object_count: int
    track_ids: tuple[str, ...]


def judge(
    sightings: Sequence[Sighting],
    *,
    track_of: Mapping[int, Track],
    tracks: Sequence[Track],
    positions: Mapping[str, Position],
    rules: Sequence[Rule],
    captured_at: datetime | None,
    looks: Sequence[Look] = (),
) -> Judgement:
    """Hold the sightings of one frame against the conditions of their rules.

    All that a rule asks must hold. A condition that nobody can answer shows the object and says so,
    unless the rule withholds it then. Where a rule asks for a cluster or a convoy, one sighting
    speaks for all objects of it, and what other rules show of the same objects at that position is
    part of it, with the highest of the severities.

    Args:
        sightings: what `pipelines.threats.proximity.weighing.weigh` found in the frame.
        track_of: the track of each detection, by its index, after this frame.
        tracks: all live tracks near by; those of `track_of` may be among them.
        positions: by identifier; of one that is missing, its identifier is its name.
        rules: in force; a sighting of a rule that is not among them is shown.
        captured_at: when the frame was taken, aware; None where that is unknown.
        looks: earlier frames that showed ground near by, for rules that ask what is new.

    Returns:
        Every sighting once, shown or withheld, but for those that are part of a group: these are
        withheld as IN_GROUP. In order of detection, position and rule.

    Raises:
        ValueError: the time is naive.
    """
    if captured_at is not None and captured_at.tzinfo is None:
        raise ValueError("captured_at must be aware")
    scene = Scene(
        sightings,
        track_of=track_of,
        tracks=tracks,
        positions=positions,
        looks=looks,
        captured_at=captured_at,
    )
    by_id = {rule.rule_id: rule for rule in rules}
    gathered: dict[tuple[str, str], list[Sighting]] = {}
    for seen in sightings:
        gathered.setdefault((seen.rule_id, seen.position_id), []).append(seen)
    drafts: list[_Draft] = []
    withheld: list[Withheld] = []
    for (rule_id, _), seen_here in gathered.items():
        rule = by_id.get(rule_id)
        if rule is None:
            drafts += [_single(it, None, Findings(withheld=None), scene) for it in seen_here]
            continue
        found = {id(it): findings_of(it, rule, scene) for it in seen_here}
        kept = []
        for it in seen_here:
            code = found[id(it)].withheld
            if code is None:
                kept.append(it)
            else:
                withheld.append(Withheld(sighting=it, reason=code))
        if rule.cluster is None and rule.convoy is None:
            drafts += [_single(it, rule, found[id(it)], scene) for it in kept]
            continue
        groups, alone = _grouped(kept, rule, scene)
        withheld += alone
        for group in groups:
            drafts.append(_together(group, rule, found, scene))
            withheld += [Withheld(sighting=it, reason="IN_GROUP") for it in group.sightings[1:]]
    drafts, absorbed = _absorbed(drafts)
    withheld += absorbed
    shown = tuple(_judged(draft) for draft in drafts)
    return Judgement(
        shown=tuple(sorted(shown, key=lambda it: _order(it.sighting))),
        withheld=tuple(sorted(withheld, key=lambda it: _order(it.sighting))),
    )


def _order(sighting: Sighting) -> tuple[int, str, str]:
    return sighting.detection_index, sighting.position_id, sighting.rule_id


def _grouped(
    sightings: Sequence[Sighting], rule: Rule, scene: Scene
) -> tuple[tuple[Group, ...], list[Withheld]]:
    """The groups that a rule asks for, and the sightings that are in none."""
    groups: tuple[Group, ...] = ()
    left = list(sightings)
    alone: list[Withheld] = []
    if rule.cluster is not None:
        groups = clusters(left, rule, rule.cluster, scene)
        left, alone = _split(left, groups, "TOO_FEW")
    if rule.convoy is not None:
        lines = convoys(left, rule, rule.convoy, scene)
        left, others = _split(left, lines, "NO_CONVOY")
        alone += others
        groups = lines
        unsure = [line for line in lines if line.moving is None and rule.convoy.moving]
        if rule.convoy.when_unknown is WhenUnknown.WITHHOLD and unsure:
            groups = tuple(line for line in lines if line not in unsure)
            alone += [
                Withheld(sighting=it, reason="CONVOY_UNKNOWN")
                for line in unsure
                for it in line.sightings
            ]
    return groups, alone


def _split(
    sightings: Sequence[Sighting], groups: Sequence[Group], code: str
) -> tuple[list[Sighting], list[Withheld]]:
    inside = {id(it) for group in groups for it in group.sightings}
    kept = [it for it in sightings if id(it) in inside]
    return kept, [Withheld(sighting=it, reason=code) for it in sightings if id(it) not in inside]


def _single(sighting: Sighting, rule: Rule | None, found: Findings, scene: Scene) -> _Draft:
    track = scene.track_of.get(sighting.detection_index)
    track_ids = () if track is None else (track.track_id,)
    return _Draft(
        account=_account(sighting, rule, found, scene, None),
        known_by=sighting,
        keys=frozenset({scene.key_of(sighting)}),
        object_count=1,
        track_ids=track_ids,
    )


def _together(group: Group, rule: Rule, found: Mapping[int, Findings], scene: Scene) -> _Draft:
    """One draft for a group: known by its first sighting, and as severe as its severest."""
    accounts = [_account(it, rule, found[id(it)], scene, group) for it in group.sightings]
    # The first of those that are alike, which is that of the oldest track.
    gravest = max(
        accounts,
        key=lambda it: (it.severity.rank, it.sighting.probability),
    )
    first = scene.track_of.get(group.sightings[0].detection_index)
    others = (it.track for it in group.objects)
    tracks = [it.track_id for it in (first, *others) if it is not None]
    return _Draft(
        account=gravest,
        known_by=group.sightings[0],
        keys=frozenset(it.key for it in group.objects),
        object_count=len(group.objects),
        track_ids=tuple(dict.fromkeys(tracks)),
    )


def _account(
    sighting: Sighting, rule: Rule | None, found: Findings, scene: Scene, group: Group | None
) -> Account:
    position = scene.positions.get(sighting.position_id)
    told: dict[str, float] = {}
    motion = None
    # A route or a line is where it is: what is on it has not arrived anywhere.
    watched = position is not None and position.kind not in _NO_PERIMETER
    asks_motion = rule is not None and (rule.closing is not None or rule.arrival is not None)
    if rule is not None and (watched or asks_motion):
        told, motion = _motion(sighting, rule.perimeter_m, scene)
    categories = (
        (sighting.category,) if group is None else tuple(it.category for it in group.objects)
    )
    circumstances = Circumstances(
        alert=sighting.level is Level.ALERT,
        category=sighting.category,
        count=len(categories),
        in_line=group is not None and group.in_line,
        stays=found.stays,
        crossed=found.crossed,
        is_new=found.is_new,
        **told,
    )
    severity, grounds = severity_of(
        circumstances,
        at_least=Severity.LOW if rule is None else rule.severity_at_least,
        at_most=Severity.HIGH if rule is None else rule.severity_at_most,
    )
    remarks = found.remarks
    if group is not None and group.in_line and group.moving is None:
        remarks = (*remarks, "movement not known")
    return Account(
        sighting=sighting,
        position_name=scene.name_of(sighting.position_id),
        categories=categories,
        severity=severity,
        grounds=grounds,
        in_line=circumstances.in_line,
        motion=motion,
        remarks=remarks,
    )


def _motion(
    sighting: Sighting, perimeter_m: float, scene: Scene
) -> tuple[dict[str, float], Motion | None]:
    """What a severity and what a sentence need to know of how an object moves."""
    inside = scene.inside(sighting, perimeter_m)
    moves = scene.approach_of(sighting, perimeter_m)
    if moves is None:
        return {"inside_perimeter": inside}, None
    closes, leaves = moves.faster_than(TELLING_M_S), moves.slower_than(-TELLING_M_S)
    arrival = None
    if inside < LIKELY <= moves.within(MOTION_HORIZON_S):
        arrival = (moves.arrival_quantile(0.1), moves.arrival_quantile(0.9))
    told = {
        "inside_perimeter": inside,
        "arrives_soon": moves.within(SOON_S),
        "closes": closes,
        "leaves": leaves,
    }
    return told, Motion(
        closing_m_s=moves.closing_m_s,
        sigma_m_s=moves.sigma_m_s,
        closes=closes,
        leaves=leaves,
        arrival_s=arrival,
    )


def _absorbed(drafts: Sequence[_Draft]) -> tuple[list[_Draft], list[Withheld]]:
    """Drafts without those that are part of a group at the same position, as severe as these."""
    kept: list[_Draft] = []
    absorbed = []
    for draft in sorted(drafts, key=lambda it: (-len(it.keys), *_order(it.known_by))):
        home = next(
            (
                at
                for at, group in enumerate(kept)
                if len(group.keys) > 1
                and group.known_by.position_id == draft.known_by.position_id
                and draft.keys <= group.keys
            ),
            None,
        )
        if home is None:
            kept.append(draft)
            continue
        absorbed.append(Withheld(sighting=draft.known_by, reason="IN_GROUP"))
        graver, now = draft.account, kept[home].account
        if graver.severity.rank > now.severity.rank:
            louder = replace(now, severity=graver.severity, grounds=graver.grounds)
            kept[home] = replace(kept[home], account=louder)
    return kept, absorbed


def _judged(draft: _Draft) -> Judged:
    return Judged(
        sighting=draft.known_by,
        severity=draft.account.severity,
        reason=sentence(draft.account),
        object_count=draft.object_count,
        track_ids=draft.track_ids,
    )
