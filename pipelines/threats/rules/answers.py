"""What each condition of a rule answers of one object: yes, no, or that nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from pipelines.threats.proximity.weighing import Sighting
from pipelines.threats.rules.crossing import Way, passage
from pipelines.threats.rules.dwell import stay
from pipelines.threats.rules.hours import within_hours
from pipelines.threats.rules.looks import newness
from pipelines.threats.rules.requirements import WhenUnknown
from pipelines.threats.rules.rule import Rule
from pipelines.threats.rules.scene import Scene
from pipelines.threats.rules.sentence import duration, percent


class Truth(Enum):
    """Of a condition."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Of one condition.

    Attributes:
        truth: whether it holds.
        code: upper-case name of why it withholds, where it does.
        remark: what a sentence says of it; empty where there is nothing to say.
        when_unknown: what the rule makes of not knowing.
    """

    truth: Truth
    code: str = ""
    remark: str = ""
    when_unknown: WhenUnknown = WhenUnknown.SHOW

    @property
    def withholds(self) -> bool:
        """Whether the object is not shown by this."""
        unknown = self.truth is Truth.UNKNOWN and self.when_unknown is WhenUnknown.WITHHOLD
        return unknown or self.truth is Truth.FAILS


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """Of all conditions of a rule but those of groups.

    Attributes:
        withheld: the code of the first that withholds it; None where it is shown.
        remarks: what a sentence says of them, in order, each once.
        stays: dwell is asked for and known to hold.
        crossed: so is crossing.
        is_new: so is newness.
    """

    withheld: str | None
    remarks: tuple[str, ...] = ()
    stays: bool = False
    crossed: bool = False
    is_new: bool = False


def findings_of(sighting: Sighting, rule: Rule, scene: Scene) -> Findings:
    """Hold one sighting against the conditions of its rule that speak of single objects."""
    answers: dict[str, Answer] = {}
    for name, ask in _QUESTIONS.items():
        if name != "min_sightings" and getattr(rule, name) is None:
            continue
        answers[name] = answer = ask(sighting, rule, scene)
        if answer.withholds:
            return Findings(withheld=answer.code)
    held = {name for name, answer in answers.items() if answer.truth is Truth.HOLDS}
    remarks = dict.fromkeys(answer.remark for answer in answers.values() if answer.remark)
    return Findings(
        withheld=None,
        remarks=tuple(remarks),
        stays="dwell" in held,
        crossed="crossing" in held,
        is_new="new_object" in held,
    )


def _hours(sighting: Sighting, rule: Rule, scene: Scene) -> Answer:
    del sighting
    asked = rule.hours
    if asked is None or scene.captured_at is None:
        return _unknown(asked, "TIME_UNKNOWN", "time of day not known")
    try:
        inside = within_hours(asked, scene.captured_at)
    except ValueError:
        # A zone that the machine knew when the rule was set, and this one does not.
        return _unknown(asked, "TIME_UNKNOWN", "time zone not known here")
    if inside:
        return Answer(truth=Truth.HOLDS)
    return Answer(truth=Truth.FAILS, code="OUTSIDE_HOURS")


def _sightings(sighting: Sighting, rule: Rule, scene: Scene) -> Answer:
    track = scene.track_of.get(sighting.detection_index)
    count = 1 if track is None else track.sighting_count
    if count >= rule.min_sightings:
        return Answer(truth=Truth.HOLDS)
    return Answer(truth=Truth.FAILS, code="SEEN_TOO_SELDOM")


def _dwell(sighting: Sighting, rule: Rule, scene: Scene) -> Answer:
    asked, track = rule.dwell, scene.track_of.get(sighting.detection_index)
    position = scene.positions.get(sighting.position_id)
    if asked is None or track is None or position is None:
        return _unknown(asked, "DWELL_UNKNOWN", _DWELL)
    found = stay(track, position, sighting.radius_m, asked)
    if found is None:
        return _unknown(asked, "DWELL_UNKNOWN", _DWELL)
    if found.least_s >= asked.min_s:
        return Answer(truth=Truth.HOLDS, remark=f"there for {duration(found.least_s)} or more")
    if found.most_s >= asked.min_s:
        span = f"there for {duration(found.least_s)} to {duration(found.most_s)}"
        return _unknown(asked, "DWELL_UNKNOWN", span)
    return Answer(truth=Truth.FAILS, code="DWELL_TOO_SHORT")


def _closing(sighting: Sighting, rule: Rule, scene: Scene) -> Answer:
    asked, moves = rule.closing, scene.approach_of(sighting, rule.perimeter_m)
    if asked is None or moves is None:
        return _unknown(asked, "SPEED_UNKNOWN", _SPEED)
    if moves.faster_than(asked.min_speed_m_s) >= asked.probability:
        return Answer(truth=Truth.HOLDS)
    return Answer(truth=Truth.FAILS, code="NOT_CLOSING")


def _arrival(sighting: Sighting, rule: Rule, scene: Scene) -> Answer:
    asked, moves = rule.arrival, scene.approach_of(sighting, rule.perimeter_m)
    if asked is None or moves is None:
        # Without a velocity, what is there has arrived all the same.
        if asked is not None and scene.inside(sighting, rule.perimeter_m) >= asked.probability:
            return Answer(truth=Truth.HOLDS)
        return _unknown(asked, "SPEED_UNKNOWN", _SPEED)
    if moves.within(asked.within_s) >= asked.probability:
        return Answer(truth=Truth.HOLDS)
    return Answer(truth=Truth.FAILS, code="NOT_ARRIVING")


def _crossing(sighting: Sighting, rule: Rule, scene: Scene) -> Answer:
    asked, track = rule.crossing, scene.track_of.get(sighting.detection_index)
    position = scene.positions.get(sighting.position_id)
    found = None if track is None or position is None else passage(track, position)
    if asked is None or found is None:
        return _unknown(asked, "CROSSING_UNKNOWN", "crossing not known")
    if found.probability < asked.probability:
        return Answer(truth=Truth.FAILS, code="NOT_CROSSED")
    verb = {
        Way.OVER: "to have crossed",
        Way.INTO: "to have entered",
        Way.OUT_OF: "to have left",
    }[found.way]
    return Answer(truth=Truth.HOLDS, remark=f"{percent(found.probability)} {verb} it")


def _new_object(sighting: Sighting, rule: Rule, scene: Scene) -> Answer:
    asked, track = rule.new_object, scene.track_of.get(sighting.detection_index)
    found = None
    if asked is not None and track is not None:
        found = newness(
            track,
            asked,
            looks=scene.looks,
            tracks=scene.tracks,
            captured_at=scene.captured_at,
        )
    if found is None:
        return _unknown(asked, "NEWNESS_UNKNOWN", "no earlier look at the place")
    if found.is_new and found.empty_at is not None:
        return Answer(truth=Truth.HOLDS, remark=f"not there on {_moment(found.empty_at)}")
    return Answer(truth=Truth.FAILS, code="NOT_NEW")


_DWELL = "length of stay not known"
_SPEED = "speed not known"

# In the order in which they are asked: the cheapest, and the plainest reason, first.
_QUESTIONS: dict[str, Callable[[Sighting, Rule, Scene], Answer]] = {
    "hours": _hours,
    "min_sightings": _sightings,
    "crossing": _crossing,
    "new_object": _new_object,
    "dwell": _dwell,
    "closing": _closing,
    "arrival": _arrival,
}


def _unknown(asked: object, code: str, remark: str) -> Answer:
    when = getattr(asked, "when_unknown", WhenUnknown.SHOW)
    return Answer(truth=Truth.UNKNOWN, code=code, remark=remark, when_unknown=when)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
