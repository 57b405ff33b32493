"""Decisions over both dialects: two persons, one at a time, and what dismissals leave behind."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

import service.ledger
from models.errors import InvalidInputError, NotAllowedNowError
from pipelines.assessment import Assessment
from pipelines.threats.incidents.decisions import ALLOWED, ReasonCode, Verdict
from pipelines.threats.incidents.incident import ChangeKind, IncidentState
from pipelines.threats.rules.severity import Severity
from service.access import EVERYTHING, Sight
from service.errors import (
    AlreadyExistsError,
    NotFoundError,
    SecondPersonError,
    StaleRevisionError,
)
from service.ledger.decisions import Decisions
from service.ledger.documents import incident_document
from service.ledger.incidents import write_events
from service.ledger.records import (
    ChipState,
    CutChip,
    ImageryRecord,
    IncidentEventRecord,
    IncidentRecord,
    Marking,
)
from service.ledger.store import Ledger

MakeImagery = Callable[..., ImageryRecord]
MakeAssessment = Callable[..., Assessment]
VEGETATION = ReasonCode.VEGETATION


@pytest.fixture
def raised(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> IncidentRecord:
    accept()
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    (event,) = ledger.finish_job(lease, make_assessment((4.0, 30.0)), [], now=now)
    return event.record


def told(record: IncidentRecord) -> str:
    """All of a record, as text that compares: its arrays do not."""
    return json.dumps(incident_document(record), sort_keys=True)


def put(ledger: Ledger, record: IncidentRecord, state: IncidentState, now: datetime) -> int:
    """Bring the incident to a state, whatever led there; returns its revision."""
    sequence = ledger.last_sequence("unmiss") + 1
    there = replace(
        record, incident=replace(record.incident, state=state, revision=sequence), decision=None
    )
    event = IncidentEventRecord(
        sequence=sequence, kind=ChangeKind.UPDATED, record=there, occurred_at=now
    )
    with ledger._writing() as connection:
        write_events(connection, "unmiss", [event])
    return sequence


def test_every_verdict_on_every_state_is_an_event_or_is_refused(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    name = raised.incident.incident_id
    for state, verdict in itertools.product(IncidentState, Verdict):
        revision = put(ledger, raised, state, now)
        code = VEGETATION if verdict is Verdict.DISMISSED else None

        def decide(
            verdict: Verdict = verdict,
            revision: int = revision,
            code: ReasonCode | None = code,
        ) -> IncidentRecord:
            return ledger.decide_incident(
                "unmiss", name, verdict, "", revision, "lt-berg", now, reason_code=code
            )

        if verdict in ALLOWED.get(state, {}):
            assert decide().decision is not None
            assert ledger.last_sequence("unmiss") == revision + 1
        else:
            with pytest.raises(NotAllowedNowError, match=f"is {state} and cannot be {verdict}"):
                decide()
            assert ledger.last_sequence("unmiss") == revision


def test_of_two_operators_at_once_one_decides(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    name, ends = raised.incident.incident_id, []
    start = threading.Barrier(6)

    def decide(operator: int) -> None:
        start.wait()
        try:
            ledger.decide_incident("unmiss", name, Verdict.CONFIRMED, "", 1, f"op-{operator}", now)
            ends.append("decided")
        except StaleRevisionError:
            ends.append("stale")

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["decided"] + ["stale"] * 5
    assert ledger.last_sequence("unmiss") == 2


def test_what_is_escalated_is_high_and_is_so_once(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    name = raised.incident.incident_id
    escalated = ledger.decide_incident("unmiss", name, Verdict.ESCALATED, "", 1, "lt-berg", now)
    assert escalated.incident.severity is Severity.HIGH
    assert escalated.incident.state is IncidentState.ACKNOWLEDGED
    with pytest.raises(NotAllowedNowError, match="escalated by lt-berg already"):
        ledger.decide_incident("unmiss", name, Verdict.ESCALATED, "", 2, "maj-lund", now)
    assert told(ledger.get_incident("unmiss", name)) == told(escalated)


def release(
    ledger: Decisions, record: IncidentRecord, by: str, revision: int, reason: str = "near"
) -> IncidentRecord:
    return ledger.release_incident(
        "unmiss",
        record.incident.incident_id,
        recipient="host state",
        reason=reason,
        revision=revision,
        released_by=by,
        now=record.raised_at + timedelta(hours=1),
    )


def test_a_release_takes_two_persons(ledger: Ledger, raised: IncidentRecord) -> None:
    host = Sight(clearance=Marking.UNCLASSIFIED, recipient="host state")
    name = raised.incident.incident_id
    with pytest.raises(InvalidInputError, match="needs a reason"):
        release(ledger, raised, "lt-berg", 1, reason="")
    proposed = release(ledger, raised, "lt-berg", 1)
    assert proposed.recipients == frozenset()
    with pytest.raises(SecondPersonError, match="lt-berg proposed this release"):
        release(ledger, raised, "lt-berg", 2)
    with pytest.raises(StaleRevisionError):
        release(ledger, raised, "maj-lund", 1)
    with pytest.raises(NotFoundError):
        ledger.get_incident("unmiss", name, sight=host)
    released = release(ledger, raised, "maj-lund", 2, reason="")
    assert released.recipients == {"host state"}
    (last,) = released.releases
    assert (last.proposed_by, last.approved_by, last.reason) == ("lt-berg", "maj-lund", "near")
    assert told(ledger.get_incident("unmiss", name, sight=host)) == told(released)
    assert [told(it) for it in ledger.list_incidents("unmiss", sight=host).items] == [
        told(released)
    ]
    with pytest.raises(AlreadyExistsError, match="lt-berg and maj-lund"):
        release(ledger, raised, "cpt-vik", 3)
    events = ledger.events_since("unmiss", 1, 10)
    assert [event.kind for event in events] == [ChangeKind.RELEASED, ChangeKind.RELEASED]
    assert [event.record.recipients for event in events] == [frozenset(), {"host state"}]


def test_of_two_approvals_at_once_one_counts(ledger: Ledger, raised: IncidentRecord) -> None:
    release(ledger, raised, "lt-berg", 1)
    ends: list[str] = []
    start = threading.Barrier(4)

    def approve(operator: int) -> None:
        start.wait()
        try:
            release(ledger, raised, f"op-{operator}", 2)
            ends.append("released")
        except (StaleRevisionError, AlreadyExistsError):
            ends.append("refused")

    threads = [threading.Thread(target=approve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["refused"] * 3 + ["released"]


def test_what_is_nothing_is_not_released(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    for state in ("dismissed", "cancelled", "merged"):
        revision = put(ledger, raised, IncidentState(state), now)
        with pytest.raises(NotAllowedNowError, match=f"is {state}: there is nothing to release"):
            release(ledger, raised, "lt-berg", revision)


def test_a_dismissal_becomes_a_negative_where_the_model_was_wrong(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    name = raised.incident.incident_id
    for number, code in enumerate(ReasonCode):
        at, revision = now + timedelta(minutes=number), 2 * number + 1
        ledger.decide_incident(
            "unmiss",
            name,
            Verdict.DISMISSED,
            "a word",
            revision,
            "lt-berg",
            at,
            reason_code=code,
        )
        kept = ledger.list_negatives("unmiss").items
        assert len(kept) == (code.value in {"vegetation", "animal", "artefact"})
        for negative in kept:
            assert negative.reason_code is code
            assert (negative.imagery_id, negative.category) == ("image-0000", "car")
            # What the first detection of the made assessment is.
            assert negative.xyxy == (0.0, 1.0, 4.0, 6.0)
            assert (negative.state, negative.decided_by) == (ChipState.PENDING, "lt-berg")
            assert ledger.next_uncut() == negative
        ledger.decide_incident("unmiss", name, Verdict.CONFIRMED, "", revision + 1, "x", at)
        assert ledger.list_negatives("unmiss").items == ()


def test_a_negative_is_cut_tried_again_and_taken_back(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    name = raised.incident.incident_id
    ledger.decide_incident(
        "unmiss", name, Verdict.DISMISSED, "", 1, "lt-berg", now, reason_code=VEGETATION
    )
    waiting = ledger.next_uncut()
    assert waiting is not None
    ledger.fail_chip(waiting, "the store is away", retry=True)
    again = ledger.next_uncut()
    assert again is not None
    assert (again.attempt, again.failure) == (1, "the store is away")
    chip = CutChip(
        left_px=0, top_px=0, width_px=640, height_px=640, object_key="k", size_bytes=9, sha256="0"
    )
    ledger.note_chip(again, chip)
    assert ledger.next_uncut() is None
    ready = ledger.get_negative("unmiss", name)
    assert (ready.state, ready.chip, ready.box_in_chip) == (
        ChipState.READY,
        chip,
        (0.0, 1.0, 4.0, 6.0),
    )
    ledger.decide_incident("unmiss", name, Verdict.CONFIRMED, "", 2, "maj-lund", now)
    assert ledger.list_negatives("unmiss").items == ()
    # A chip that was being cut meanwhile brings nothing back.
    ledger.note_chip(again, chip)
    with pytest.raises(NotFoundError):
        ledger.get_negative("unmiss", name)


def test_a_chip_that_cannot_be_cut_is_given_up(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    name = raised.incident.incident_id
    ledger.decide_incident(
        "unmiss", name, Verdict.DISMISSED, "", 1, "lt-berg", now, reason_code=VEGETATION
    )
    tries = 0
    while (waiting := ledger.next_uncut()) is not None:
        ledger.fail_chip(waiting, "damaged", retry=True)
        tries += 1
    assert tries == 5
    assert ledger.get_negative("unmiss", name).state is ChipState.FAILED


def test_negatives_are_seen_up_to_a_clearance(
    ledger: Ledger, raised: IncidentRecord, now: datetime
) -> None:
    secret = replace(raised, marking=Marking.CONFIDENTIAL)
    revision = put(ledger, secret, IncidentState.OPEN, now)
    name = raised.incident.incident_id
    ledger.decide_incident(
        "unmiss", name, Verdict.DISMISSED, "", revision, "lt-berg", now, reason_code=VEGETATION
    )
    low = Sight(clearance=Marking.UNCLASSIFIED)
    assert ledger.list_negatives("unmiss", sight=low).items == ()
    with pytest.raises(NotFoundError):
        ledger.get_negative("unmiss", name, sight=low)
    assert len(ledger.list_negatives("unmiss", sight=EVERYTHING).items) == 1


def test_incidents_from_before_markings_were_columns_keep_theirs(ledger_url: str) -> None:
    old = Ledger.open(ledger_url)
    configuration = Config()
    folder = str(Path(service.ledger.__file__).with_name("migrations"))
    configuration.set_main_option("script_location", folder)
    with old._writing() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
        for name, record in (("a", '{"marking": "CONFIDENTIAL"}'), ("b", "{}")):
            connection.execute(
                text(
                    "INSERT INTO incidents (mission_id, incident_id, position_id, state, "
                    "revision, raised_at, changed_at, record) "
                    "VALUES ('unmiss', :name, 'post-1', 'open', 1, 0, 0, :record)"
                ),
                {"name": name, "record": record},
            )
    old.migrate()
    with old._engine.connect() as connection:
        rows = connection.execute(
            text("SELECT incident_id, marking FROM incidents ORDER BY incident_id")
        ).all()
    # What does not tell is for few eyes.
    assert [tuple(row) for row in rows] == [("a", "CONFIDENTIAL"), ("b", "STRICTLY CONFIDENTIAL")]
    old.close()
