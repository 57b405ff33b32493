"""Briefs that fit and add up, urgency, limits that never end in silence, and safe resumption."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vedette.v1 import incident_pb2

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.incident import (
    MOST_NEAR,
    ChangeKind,
    Incident,
    IncidentState,
    Nearby,
)
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.severity import Severity
from service.access import EVERYTHING
from service.api.convert.brief import MOST_BYTES, BriefWriter
from service.api.event_stream import EventStream, wants_chip
from service.api.pacing import SUMMARY_EVERY_S, Pacing, latest_of_each
from service.ledger.records import IncidentEventRecord, IncidentRecord, Marking

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


def event(
    sequence: int,
    incident: int = 0,
    kind: ChangeKind = ChangeKind.RAISED,
    severity: Severity = Severity.LOW,
    *,
    reason: str = "Truck, 62 % within 500 m of Post Alpha.",
    **changes: object,
) -> IncidentEventRecord:
    sighting = Sighting(
        detection_index=3,
        category="truck",
        confidence=0.81,
        ground=GroundPoint(
            outcome=Outcome.LOCATED, latitude_deg=4.8512345, longitude_deg=31.6, ce90_m=6.5
        ),
        position_id="post-alpha",
        rule_id="default",
        rule_revision=0,
        radius_m=500.0,
        probability=0.62,
        level=Level.ALERT,
        range_m=480.0,
        range_low_m=450.0,
        range_high_m=510.0,
        bearing_deg=271.0,
    )
    value = Incident(
        incident_id=f"00000000-0000-0000-0000-{incident:012}",
        state=IncidentState.OPEN,
        best=sighting,
        imagery_id="a" * 24,
        sighting_count=sequence,
        first_seen_at=NOW,
        last_seen_at=NOW,
        revision=sequence,
        severity=severity,
        reason=reason,
    )
    return IncidentEventRecord(
        sequence=sequence,
        kind=kind,
        record=IncidentRecord(
            mission_id="unmiss",
            incident=replace(value, **changes),  # type: ignore[arg-type]  # fields of its own
            position_display_name="Post Alpha",
            raised_at=NOW,
            marking=Marking.CONFIDENTIAL,
            decision=None,
        ),
        occurred_at=NOW,
    )


def stream(
    limit: int = 0, *, brief: bool = True, clock: Callable[[], float] = lambda: 0.0
) -> EventStream:
    return EventStream(limit, brief=brief, sight=EVERYTHING, clock=clock)


def messages(
    told: EventStream, events: Sequence[IncidentEventRecord], since: int = 0, *, end: bool = False
) -> list[incident_pb2.IncidentEvent]:
    through = max((each.sequence for each in events), default=since)
    return [message for _, message in told.tell(events, since, through, is_end=end)]


def test_a_first_brief_tells_all_and_the_next_what_changed() -> None:
    told = stream()
    (first,) = messages(told, [event(1)])
    assert first.brief.latitude_e7 == 48512345
    assert (first.brief.category, first.brief.position_id) == ("truck", "post-alpha")
    assert first.brief.probability == pytest.approx(0.62)
    assert not first.HasField("incident")
    (second,) = messages(told, [event(2, kind=ChangeKind.UPDATED)], 1)
    changed = {field.name for field, _ in second.brief.ListFields()}
    # The count of sightings counts up with the sequence in these events; nothing else differs.
    assert changed == {"incident_id", "revision", "sighting_count"}
    assert second.ByteSize() < 90 < first.ByteSize() <= MOST_BYTES


def test_merging_briefs_gives_the_latest_state() -> None:
    told, kept = stream(), incident_pb2.IncidentBrief()
    rng = random.Random(3)  # noqa: S311 - an order, no secret
    for number in range(1, 30):
        chosen = rng.choice(list(Severity))
        (message,) = messages(
            told, [event(number, severity=chosen, reason=f"reason {rng.randint(1, 3)}")], number - 1
        )
        kept.MergeFrom(message.brief)
        whole = BriefWriter().event(event(number, severity=chosen, reason=kept.reason), number)
        assert kept == whole.brief


def near(name: str, level: Level = Level.ALERT) -> Nearby:
    sighting = event(1).record.incident.best
    return Nearby(
        sighting=replace(sighting, position_id=name, level=level),
        severity=Severity.MEDIUM,
        reason=f"Truck, 62 % within 500 m of {name}.",
        last_near_at=NOW,
    )


def test_a_brief_counts_the_other_positions_and_fits_however_many_there_are() -> None:
    told = stream()
    (alone,) = messages(told, [event(1)])
    assert alone.brief.others_near_count == 0
    many = tuple(near(f"{'long-name-of-a-post-' * 8}{n:02}") for n in range(MOST_NEAR))
    (crowded,) = messages(stream(), [event(2, near=many, more_near=9)])
    assert crowded.ByteSize() + 5 <= MOST_BYTES
    assert crowded.brief.others_near_count == MOST_NEAR + 9
    assert crowded.brief.reason.startswith("Truck, 62 % within 500 m of Post Alpha.")
    # One that comes near another position says so in few bytes.
    (more,) = messages(told, [event(2, near=(near("post-bravo"),), kind=ChangeKind.ESCALATED)], 1)
    assert {field.name for field, _ in more.brief.ListFields()} == {
        "incident_id",
        "revision",
        "sighting_count",
        "others_near_count",
        "reason",
    }
    assert more.brief.others_near_count == 1
    assert more.brief.reason.endswith(" Also within reach of post-bravo.")
    assert more.ByteSize() < 200


def test_a_full_event_tells_every_position() -> None:
    others = (near("post-bravo"), near("post-charlie", Level.POSSIBLE))
    (told,) = messages(stream(brief=False), [event(1, near=others, more_near=2)])
    incident = told.incident
    assert incident.position == "missions/unmiss/positions/post-alpha"
    assert [(it.position, it.level) for it in incident.near] == [
        ("missions/unmiss/positions/post-bravo", incident_pb2.INCIDENT_LEVEL_ALERT),
        ("missions/unmiss/positions/post-charlie", incident_pb2.INCIDENT_LEVEL_POSSIBLE),
    ]
    first = incident.near[0]
    assert first.severity == incident_pb2.INCIDENT_SEVERITY_MEDIUM
    assert (first.range_m, first.range_low_m, first.range_high_m) == (480.0, 450.0, 510.0)
    assert (first.probability, first.radius_m) == (0.62, 500.0)
    assert first.rule == "missions/unmiss/rules/default@0"
    assert first.last_near_time.ToDatetime(UTC) == NOW
    assert incident.more_near_count == 2
    assert incident.severity_reason.endswith("Also within reach of post-bravo and 3 more.")


@given(st.text(max_size=600), st.integers(1, 2**40))
def test_every_brief_fits(reason: str, sequence: int) -> None:
    (message,) = messages(stream(), [event(1, reason=reason)])
    message.sequence = sequence
    assert message.ByteSize() + 5 <= MOST_BYTES + 5
    assert message.brief.category == "truck"
    # What is told of the reason is its beginning.
    assert reason.startswith(message.brief.reason.removesuffix(" ..."))


def test_the_most_severe_comes_first_and_of_an_incident_the_latest() -> None:
    waiting = [
        event(1, 1),
        event(2, 2, severity=Severity.MEDIUM),
        event(3, 3, severity=Severity.HIGH),
        event(4, 1, ChangeKind.UPDATED),
        event(5, 2, ChangeKind.DECIDED, Severity.MEDIUM),
    ]
    told = messages(stream(), waiting)
    assert [message.sequence for message in told] == [3, 5, 4]
    # What was raised meanwhile is new to whoever reads; what was decided is decided.
    assert [each.kind for each in latest_of_each(waiting)] == [
        ChangeKind.RAISED,
        ChangeKind.DECIDED,
        ChangeKind.RAISED,
    ]
    # Until the last of them nothing may be skipped.
    assert [message.resume_after for message in told] == [0, 0, 5]


def test_without_briefs_nothing_overtakes() -> None:
    waiting = [event(1, 1), event(2, 2, severity=Severity.HIGH), event(3, 1, ChangeKind.UPDATED)]
    told = messages(stream(brief=False), waiting)
    assert [message.sequence for message in told] == [1, 2, 3]
    assert all(message.incident.name and not message.resume_after for message in told)


def test_beyond_the_limit_summaries_tell_every_event() -> None:
    clock = iter(float(second) for second in range(100_000))
    told = stream(3, brief=False, clock=lambda: next(clock) * 0.0 + 10.0)
    first = messages(told, [event(number, number) for number in range(1, 4)])
    assert [message.sequence for message in first] == [1, 2, 3]
    (summary,) = messages(told, [event(4, 4), event(5, 5, severity=Severity.MEDIUM)], 3)
    assert summary.summary.event_count == 2
    assert (summary.summary.first_sequence, summary.summary.last_sequence) == (4, 5)
    assert summary.summary.severity == incident_pb2.INCIDENT_SEVERITY_MEDIUM
    # The next is due a minute later; what is urgent does not wait for it.
    assert messages(told, [event(6, 6)], 5) == []
    (urgent,) = messages(told, [event(7, 7, severity=Severity.HIGH)], 6)
    assert urgent.sequence == 7
    # Whoever goes on from here is told again what is held.
    assert urgent.resume_after == 5
    (last,) = messages(told, [], 7, end=True)
    assert (last.summary.event_count, last.resume_after) == (1, 7)


def test_a_summary_comes_a_minute_after_the_last() -> None:
    pacing = Pacing(1)
    assert pacing.tells(event(1), 0.0)
    assert not pacing.tells(event(2), 1.0)
    assert pacing.summary(1.0) is not None
    assert not pacing.tells(event(3), 2.0)
    assert pacing.summary(2.0) is None
    assert pacing.wait_s(2.0) == pytest.approx(SUMMARY_EVERY_S - 1.0)
    assert pacing.summary(1.0 + SUMMARY_EVERY_S) is not None
    assert pacing.wait_s(100.0) == float("inf")
    # An hour on, one by one again.
    assert pacing.tells(event(4), 3600.0)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(Severity))), max_size=60),
    st.integers(1, 10),
    st.integers(0, 2**31),
)
def test_nothing_is_ever_silent(
    incidents: list[tuple[int, Severity]], limit: int, seed: int
) -> None:
    """However it is cut into reads, every event is told or counted, once."""
    rng, time_s = random.Random(seed), 0.0  # noqa: S311 - times and cuts, no secret
    told = EventStream(limit, brief=False, sight=EVERYTHING, clock=lambda: time_s)
    events = [
        event(number, incident, severity=severity)
        for number, (incident, severity) in enumerate(incidents, 1)
    ]
    seen: list[incident_pb2.IncidentEvent] = []
    at = 0
    while at < len(events):
        step = rng.randint(1, 7)
        time_s += rng.uniform(0.0, 900.0)
        part = events[at : at + step]
        is_end = at + step >= len(events)
        seen += messages(told, part, at, end=is_end)
        at += step
    alone = [message.sequence for message in seen if not message.HasField("summary")]
    counted = sum(message.summary.event_count for message in seen)
    assert len(alone) == len(set(alone))
    assert len(alone) + counted == len(events)
    urgent = {each.sequence for each in events if each.record.incident.severity is Severity.HIGH}
    assert urgent <= set(alone)


def resumed(events: Iterable[IncidentEventRecord], cut_after: int, limit: int) -> set[int]:
    """Sequences told or counted over a stream that is cut, then taken up where its last says."""
    waiting = list(events)
    told: set[int] = set()
    first = messages(stream(limit), waiting)[:cut_after]
    since = max((message.resume_after for message in first), default=0)
    rest = [each for each in waiting if each.sequence > since]
    for message in first + messages(stream(limit), rest, since, end=True):
        if message.HasField("summary"):
            summary = message.summary
            told |= set(range(summary.first_sequence, summary.last_sequence + 1))
        else:
            told.add(message.sequence)
    return told


@pytest.mark.parametrize("limit", [0, 2])
def test_a_cut_stream_taken_up_again_misses_nothing(limit: int) -> None:
    events = [event(number, number, severity=list(Severity)[number % 3]) for number in range(1, 10)]
    for cut_after in range(10):
        assert resumed(events, cut_after, limit) == set(range(1, 10))


def test_chips_follow_what_is_new_and_severe() -> None:
    high = event(1, severity=Severity.HIGH)
    assert wants_chip(high, Severity.MEDIUM)
    assert not wants_chip(event(1, severity=Severity.LOW), Severity.MEDIUM)
    assert not wants_chip(high, None)
    assert not wants_chip(replace(high, kind=ChangeKind.UPDATED), Severity.LOW)


def test_times_are_whole_seconds_in_briefs() -> None:
    late = replace(event(1), occurred_at=NOW + timedelta(microseconds=5))
    (message,) = messages(stream(), [late])
    assert message.event_time.nanos == 0
