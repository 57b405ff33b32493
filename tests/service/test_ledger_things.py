"""An incident near several positions in the ledger: told once, found by each, and upgraded to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

import service.ledger
from pipelines.assessment import Assessment
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.incidents.incident import ChangeKind, Incident, IncidentState
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Level, weigh
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.rules.severity import Severity
from service.ledger.documents import incident_document
from service.ledger.records import (
    Decision,
    ImageryRecord,
    IncidentEventRecord,
    IncidentRecord,
    Marking,
    Release,
)
from service.ledger.store import Ledger

MakeImagery = Callable[..., ImageryRecord]
MakeAssessment = Callable[..., Assessment]
METRE = 1.0 / 110_579.0


def post(name: str, north_m: float) -> Position:
    return Position(
        position_id=name,
        display_name=f"Post {name.title()}",
        kind=PositionKind.POST,
        latitude_deg=4.0 + north_m * METRE,
        longitude_deg=30.0,
    )


POSTS = (post("alpha", 20.0), post("bravo", 200.0), post("charlie", 300.0), post("delta", -400.0))


def process(
    ledger: Ledger, assessment: Assessment, posts: tuple[Position, ...], now: datetime
) -> list[IncidentEventRecord]:
    """The events of one frame, weighed against some posts."""
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    sightings = weigh(
        assessment.ground,
        assessment.categories,
        assessment.detections.confidence,
        posts,
        (DEFAULT_RULE,),
    )
    found = replace(assessment, sightings=sightings)
    return ledger.finish_job(lease, found, [], now=now, positions=posts, rules=(DEFAULT_RULE,))


def test_one_vehicle_near_four_posts_is_one_event_and_found_by_each_of_them(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    for each in POSTS:
        ledger.create_position("unmiss", each, now)
    accept(0)
    accept(1)
    (raised,) = process(ledger, make_assessment((4.0, 30.0)), POSTS, now)
    name = raised.record.incident.incident_id
    stored = ledger.get_incident("unmiss", name)
    assert stored.incident.position_ids == ("alpha", "bravo", "charlie", "delta")
    assert stored.position_display_name == "Post Alpha"
    assert stored.near_display_names == {
        "bravo": "Post Bravo",
        "charlie": "Post Charlie",
        "delta": "Post Delta",
    }
    assert stored.reason.endswith("perimeter. Also within reach of Post Bravo and 2 more.")
    assert [it.sighting.range_m for it in stored.incident.near] == pytest.approx(
        [200.0, 300.0, 400.0], abs=0.5
    )
    # What was written is what is read, grounds and all.
    assert incident_document(stored) == incident_document(raised.record)
    place = stored.incident.best.ground
    assert stored.incident.near[2].sighting.ground.latitude_deg == place.latitude_deg

    def found(position_id: str) -> list[str]:
        page = ledger.list_incidents("unmiss", position_id=position_id)
        return [record.incident.incident_id for record in page.items]

    assert [found(each.position_id) for each in POSTS] == [[name]] * 4
    assert found("elsewhere") == []
    # A post that is not there any more keeps its name, and is found as long as it is told.
    ledger.delete_position("unmiss", "bravo")
    at = now + timedelta(seconds=4)
    (seen,) = process(ledger, make_assessment((4.0, 30.0), captured_at=at), POSTS, at)
    assert seen.kind is ChangeKind.UPDATED
    assert seen.record.near_display_names["bravo"] == "Post Bravo"
    assert found("bravo") == [name]


def test_a_list_by_position_goes_on_over_pages(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    accept()
    places = [(4.0 + 15.0 * n * METRE, 30.0) for n in range(5)]
    raised = process(ledger, make_assessment(*places), POSTS, now)
    assert len(raised) == 5
    first = ledger.list_incidents("unmiss", position_id="delta", page_size=3)
    rest = ledger.list_incidents(
        "unmiss", position_id="delta", page_size=3, page_token=first.next_page_token
    )
    assert len({it.incident.incident_id for it in first.items + rest.items}) == 5


@pytest.mark.parametrize("code", [ReasonCode.OWN_FORCES, ReasonCode.CIVILIAN_ROUTINE])
def test_a_dismissal_in_the_ledger_knows_what_it_speaks_of(
    ledger: Ledger,
    accept: MakeImagery,
    make_assessment: MakeAssessment,
    now: datetime,
    code: ReasonCode,
) -> None:
    accept(0)
    accept(1)
    (raised,) = process(ledger, make_assessment((4.0, 30.0)), POSTS[:1], now)
    name = raised.record.incident.incident_id
    ledger.decide_incident(
        "unmiss", name, Verdict.DISMISSED, "", 1, "lt-berg", now, reason_code=code
    )
    about_place = code is ReasonCode.CIVILIAN_ROUTINE
    assert ledger.get_incident("unmiss", name).incident.only_here is about_place
    at = now + timedelta(minutes=5)
    # Another post is set up beside it.
    events = process(ledger, make_assessment((4.0, 30.0), captured_at=at), POSTS[:2], at)
    assert [event.kind for event in events] == ([ChangeKind.RAISED] if about_place else [])
    if about_place:
        assert events[0].record.incident.position_ids == ("bravo",)
    reasons = {
        (it.suppression.position_id, it.suppression.reason)
        for it in ledger.list_suppressions("unmiss").items
    }
    told = {("alpha", "DISMISSED")}
    assert reasons == (told if about_place else told | {("bravo", "DISMISSED")})


# Ledgers from before.


def older(record: IncidentRecord) -> dict[str, Any]:
    """The document of an incident as it was written when an incident had one position."""
    document: dict[str, Any] = json.loads(json.dumps(incident_document(record)))
    for name in ("near", "more_near", "only_here"):
        del document["incident"][name]
    del document["near_display_names"]
    for release in document["releases"]:
        del release["position_id"]
    return document


def an_old_incident(
    assessment: Assessment,
    name: str,
    where: Position,
    now: datetime,
    *,
    track_id: str = "t1",
    **changes: Any,
) -> IncidentRecord:
    (sighting,) = weigh(assessment.ground, ["car"], [0.9], [where], (DEFAULT_RULE,))
    level = changes.pop("level", sighting.level)
    aside = {"releases", "decision", "marking"}
    around = {field: changes.pop(field) for field in aside & changes.keys()}
    usual: dict[str, Any] = {
        "state": IncidentState.OPEN,
        "sighting_count": 2,
        "revision": 2,
        "severity": Severity.MEDIUM,
        "reason": f"A car near {where.display_name}.",
    }
    incident = Incident(
        incident_id=name,
        best=replace(sighting, level=level),
        imagery_id="image-0000",
        track_id=track_id,
        first_seen_at=now,
        last_seen_at=now,
        **usual | changes,
    )
    return IncidentRecord(
        mission_id="unmiss",
        incident=incident,
        position_display_name=where.display_name,
        raised_at=now,
        marking=around.pop("marking", Marking.UNCLASSIFIED),
        decision=around.pop("decision", None),
        **around,
    )


@pytest.fixture
def upgrade(ledger_url: str) -> Callable[[list[IncidentRecord]], Ledger]:
    """Makes a ledger of the revision before with some incidents in it, and upgrades it."""

    def upgrade(records: list[IncidentRecord]) -> Ledger:
        opened = Ledger.open(ledger_url)
        configuration = Config()
        folder = str(Path(service.ledger.__file__).with_name("migrations"))
        configuration.set_main_option("script_location", folder)
        with opened._writing() as connection:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "0009")
            connection.execute(
                text("INSERT INTO missions (mission_id, event_sequence) VALUES ('unmiss', :last)"),
                {"last": len(records)},
            )
            for sequence, record in enumerate(records, start=1):
                incident = record.incident
                values = {
                    "name": incident.incident_id,
                    "position": incident.best.position_id,
                    "track": incident.track_id,
                    "state": incident.state.value,
                    "revision": incident.revision,
                    "at": 1_000_000 * sequence,
                    "seen": round(incident.last_seen_at.timestamp() * 1e6)
                    if incident.last_seen_at
                    else None,
                    "marking": record.marking.value,
                    "record": json.dumps(older(record)),
                    "sequence": sequence,
                }
                connection.execute(
                    text(
                        "INSERT INTO incidents (mission_id, incident_id, position_id, track_id, "
                        "state, revision, raised_at, changed_at, last_seen_at, marking, record) "
                        "VALUES ('unmiss', :name, :position, :track, :state, :revision, :at, :at, "
                        ":seen, :marking, :record)"
                    ),
                    values,
                )
                connection.execute(
                    text(
                        "INSERT INTO incident_events (mission_id, sequence, incident_id, kind, "
                        "record, occurred_at) VALUES ('unmiss', :sequence, :name, 'raised', "
                        ":record, :at)"
                    ),
                    values,
                )
        opened.migrate()
        return opened

    return upgrade


Upgrade = Callable[[list[IncidentRecord]], Ledger]


def test_open_incidents_of_one_track_become_one_and_the_others_are_merged_into_it(
    upgrade: Upgrade, make_assessment: MakeAssessment, now: datetime
) -> None:
    found = make_assessment((4.0, 30.0))
    alpha, bravo, charlie, _ = POSTS
    ledger = upgrade(
        [
            an_old_incident(found, "b", bravo, now, marking=Marking.CONFIDENTIAL),
            an_old_incident(found, "a", alpha, now, severity=Severity.HIGH, sighting_count=3),
            an_old_incident(found, "c", charlie, now, level=Level.POSSIBLE, severity=Severity.LOW),
            # Another object, and one that has ended, are left as they are.
            an_old_incident(found, "other", bravo, now, track_id="t2"),
            an_old_incident(found, "ended", charlie, now, state=IncidentState.EXPIRED),
            an_old_incident(found, "gone", bravo, now, state=IncidentState.DISMISSED),
        ]
    )
    kept = ledger.get_incident("unmiss", "a")
    assert kept.incident.state is IncidentState.OPEN
    assert kept.incident.position_ids == ("alpha", "bravo", "charlie")
    assert (kept.incident.severity, kept.incident.sighting_count) == (Severity.HIGH, 3)
    assert [it.severity for it in kept.incident.near] == [Severity.MEDIUM, Severity.LOW]
    assert kept.near_display_names == {"bravo": "Post Bravo", "charlie": "Post Charlie"}
    assert kept.reason == "A car near Post Alpha. Also within reach of Post Bravo and 1 more."
    # What is made of them bears the strictest of their markings.
    assert kept.marking is Marking.CONFIDENTIAL
    for name in ("b", "c"):
        merged = ledger.get_incident("unmiss", name).incident
        assert (merged.state, merged.merged_into) == (IncidentState.MERGED, "a")
        assert merged.revision == 3
    assert ledger.get_incident("unmiss", "other").incident.position_ids == ("bravo",)
    states = [ledger.get_incident("unmiss", name).incident.state for name in ("ended", "gone")]
    assert states == [IncidentState.EXPIRED, IncidentState.DISMISSED]
    # Everything is told, in order, after what was told before; and the next event follows on.
    events = ledger.events_since("unmiss", 6, 10)
    assert [(it.sequence, it.kind, it.record.incident.incident_id) for it in events] == [
        (7, ChangeKind.MERGED, "b"),
        (8, ChangeKind.MERGED, "c"),
        (9, ChangeKind.UPDATED, "a"),
    ]
    assert ledger.last_sequence("unmiss") == 9
    for name in ("alpha", "bravo", "charlie"):
        page = ledger.list_incidents("unmiss", position_id=name, states=[IncidentState.OPEN])
        assert "a" in {it.incident.incident_id for it in page.items}
    assert ledger.decide_incident("unmiss", "a", Verdict.CONFIRMED, "", 3, "x", now)
    ledger.close()


def test_what_a_person_decided_is_kept_by_an_upgrade(
    upgrade: Upgrade, make_assessment: MakeAssessment, now: datetime
) -> None:
    found = make_assessment((4.0, 30.0))
    alpha, bravo, charlie, _ = POSTS
    decision = Decision(
        verdict=Verdict.CONFIRMED, reason="seen by the patrol", decided_by="lt-berg", decided_at=now
    )
    release = Release(
        recipient="host state",
        reason="their road",
        proposed_by="lt-berg",
        proposed_at=now,
        approved_by="maj-lund",
        approved_at=now,
    )
    ledger = upgrade(
        [
            an_old_incident(found, "a", alpha, now, severity=Severity.HIGH),
            an_old_incident(
                found, "b", bravo, now, state=IncidentState.CONFIRMED, decision=decision
            ),
            an_old_incident(
                found, "c", charlie, now, state=IncidentState.ACKNOWLEDGED, releases=(release,)
            ),
        ]
    )
    kept = ledger.get_incident("unmiss", "b")
    # The one that a person confirmed goes on, with what the gravest position says.
    assert kept.incident.state is IncidentState.CONFIRMED
    assert kept.decision == decision
    assert kept.incident.position_ids == ("alpha", "bravo", "charlie")
    assert kept.incident.severity is Severity.HIGH
    assert kept.position_display_name == "Post Alpha"
    # To whom one of them was released, that one position is.
    (still,) = kept.releases
    assert (still.recipient, still.position_id) == ("host state", "charlie")
    with ledger._reading() as connection:
        rows = connection.execute(text("SELECT incident_id, recipient FROM releases")).all()
    assert [tuple(row) for row in rows] == [("b", "host state")]
    ledger.close()


def test_a_dismissal_from_before_holds_for_what_it_says(
    upgrade: Upgrade, make_assessment: MakeAssessment, now: datetime
) -> None:
    found = make_assessment((4.0, 30.0))
    records = []
    for code in (ReasonCode.ANIMAL, ReasonCode.OTHER):
        decision = Decision(
            verdict=Verdict.DISMISSED,
            reason="x",
            decided_by="lt-berg",
            decided_at=now,
            reason_code=code,
        )
        records.append(
            an_old_incident(
                found,
                code.value,
                POSTS[0],
                now,
                track_id=code.value,
                state=IncidentState.DISMISSED,
                decision=decision,
            )
        )
    ledger = upgrade(records)
    assert not ledger.get_incident("unmiss", "animal").incident.only_here
    assert ledger.get_incident("unmiss", "other").incident.only_here
    ledger.close()


def test_that_nobody_knows_where_a_patrol_is_stays_known(
    ledger: Ledger, accept: MakeImagery, make_assessment: MakeAssessment, now: datetime
) -> None:
    lost = replace(POSTS[0], kind=PositionKind.PATROL, sigma_m=3_000.0)
    accept(0)
    (raised,) = process(ledger, make_assessment((4.0, 30.0)), (lost, POSTS[1]), now)
    stored = ledger.get_incident("unmiss", raised.record.incident.incident_id).incident
    told = {it.position_id: it for it in (stored.best, *(near.sighting for near in stored.near))}
    assert told["alpha"].position_sigma_m == pytest.approx(3_000.0)
    assert told["alpha"].position_unknown
    assert not told["bravo"].position_unknown
