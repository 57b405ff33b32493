"""What was not shown is counted once for each sighting, however often a frame is looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from service.access import Sight
from service.ledger.records import Marking
from service.ledger.store import Ledger
from tests.service.ended_jobs import MakeAssessment, MakeImagery, process

PLACE = (4.0, 30.0)
METRE = 1.0 / 111_000.0
MINUTE = timedelta(minutes=1)


def test_what_is_not_shown_is_listed_with_its_reason(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    for number in range(3):
        accept(number, marking="CONFIDENTIAL" if number == 1 else "UNCLASSIFIED")
    (raised,) = process(ledger, make_assessment((4.0, 30.0)), now)
    ledger.decide_incident(
        "unmiss",
        raised.record.incident.incident_id,
        Verdict.DISMISSED,
        "",
        1,
        "Lt Berg",
        now,
        reason_code=ReasonCode.OWN_FORCES,
    )
    for minutes in (1, 2):
        at = now + timedelta(minutes=minutes)
        assert process(ledger, make_assessment((4.0, 30.0), captured_at=at), at) == []
    (found,) = ledger.list_suppressions("unmiss").items
    counted = found.suppression
    assert (counted.reason, counted.count) == ("DISMISSED", 2)
    assert counted.track_id == raised.record.incident.track_id
    assert counted.first_at == now + timedelta(minutes=1)
    assert counted.last_at == found.counted_at == now + timedelta(minutes=2)
    assert counted.imagery_id == "image-0002"
    assert found.marking is Marking.CONFIDENTIAL
    assert ledger.list_suppressions("unmiss", position_id="elsewhere").items == ()
    assert ledger.list_suppressions("minusca").items == ()
    cleared = Sight(clearance=Marking.UNCLASSIFIED)
    assert ledger.list_suppressions("unmiss", sight=cleared).items == ()


def test_a_second_look_takes_back_what_the_first_counted(
    ledger: Ledger,
    accept: MakeImagery,
    make_imagery: MakeImagery,
    make_assessment: MakeAssessment,
    now: datetime,
) -> None:
    for number in range(3):
        accept(number)
    (raised,) = process(ledger, make_assessment(PLACE), now)
    name = raised.record.incident.incident_id
    ours = ReasonCode.OWN_FORCES
    ledger.decide_incident(
        "unmiss", name, Verdict.DISMISSED, "", 1, "Lt Berg", now, reason_code=ours
    )
    for minutes in (1, 2):
        at = now + minutes * MINUTE
        assert process(ledger, make_assessment(PLACE, captured_at=at), at) == []

    def look_again(number: int, minutes: int, *places: tuple[float, float]) -> None:
        at = now + minutes * MINUTE
        posed = replace(make_imagery(number), stated_pose=f"{minutes}", stated_captured_at=at)
        ledger.accept_imagery(posed, f"again {number} {minutes}", now + 9 * MINUTE)
        found = make_assessment(*places, captured_at=at)
        assert process(ledger, found, now + 9 * MINUTE) == []

    def counted() -> list[tuple[str, int, datetime | None, datetime | None, str]]:
        return [
            (it.reason, it.count, it.first_at, it.last_at, it.imagery_id)
            for it in (record.suppression for record in ledger.list_suppressions("unmiss").items)
        ]

    both = ("DISMISSED", 2, now + MINUTE, now + 2 * MINUTE, "image-0002")
    assert counted() == [both]
    # Two metres beside, and taken a minute later than was thought: the same sightings.
    look_again(2, 3, (PLACE[0] + 2.0 * METRE, PLACE[1]))
    assert counted() == [("DISMISSED", 2, now + MINUTE, now + 3 * MINUTE, "image-0002")]
    # A better model does not see it: what is left is told by the other frame alone.
    look_again(1, 1)
    assert counted() == [("DISMISSED", 1, now + 3 * MINUTE, now + 3 * MINUTE, "image-0002")]
    look_again(2, 4)
    assert counted() == []
    # A second look counts no sighting of the incident once more either.
    assert ledger.get_incident("unmiss", name).incident.sighting_count == 3
