from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from defusedxml import ElementTree

from models.taxonomy import CATEGORIES
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import Verdict
from pipelines.threats.incidents.incident import LIVE, ChangeKind, Incident, IncidentState
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.severity import Severity
from service.feeds.cot import (
    SHOWN_AT_LEAST,
    WITHDRAWN_STALE,
    cot_messages,
    cot_ping,
    cot_uid,
)
from service.ledger.records import (
    Decision,
    IncidentEventRecord,
    IncidentRecord,
    Marking,
)

CAPTURED = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
LATITUDE, LONGITUDE, HAE = 4.123456789012345, -18.987654321098765, 412.3456789


def fromstring(document: bytes) -> Any:
    """The root; what it must hold is for the test to say."""
    return ElementTree.fromstring(document)


def event(
    *,
    kind: ChangeKind = ChangeKind.RAISED,
    state: IncidentState = IncidentState.OPEN,
    level: Level = Level.ALERT,
    category: str = "car",
    captured_at: datetime | None = CAPTURED,
    occurred_at: datetime = CAPTURED + timedelta(seconds=3),
    name: str = "Post 7",
    decision: Decision | None = None,
    hae_m: float | None = HAE,
) -> IncidentEventRecord:
    ground = GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=np.float64(LATITUDE),
        longitude_deg=LONGITUDE,
        hae_m=hae_m,
        covariance_enu_m2=np.eye(3) * 25.0,
        ce90_m=10.73,
        le90_m=None if hae_m is None else 8.225,
    )
    best = Sighting(
        detection_index=0,
        category=category,
        confidence=0.83,
        ground=ground,
        position_id="post-7",
        rule_id="default",
        rule_revision=0,
        radius_m=500.0,
        probability=0.97,
        level=level,
        range_m=412.0,
        range_low_m=401.0,
        range_high_m=423.0,
        bearing_deg=7.2,
    )
    incident = Incident(
        incident_id="3f1c",
        state=state,
        best=best,
        imagery_id="img-1",
        sighting_count=3,
        first_seen_at=captured_at,
        last_seen_at=captured_at,
        revision=4,
    )
    record = IncidentRecord(
        mission_id="m1",
        incident=incident,
        position_display_name=name,
        raised_at=occurred_at,
        marking=Marking.CONFIDENTIAL,
        decision=decision,
    )
    return IncidentEventRecord(sequence=9, kind=kind, record=record, occurred_at=occurred_at)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_marker_tells_place_error_and_time_as_cot_defines_them() -> None:
    (message,) = cot_messages(event())
    root = fromstring(message)
    assert root.tag == "event"
    assert root.get("version") == "2.0"
    assert root.get("uid") == cot_uid(event().record) == "vedette.m1.3f1c"
    assert (root.get("type"), root.get("how")) == ("a-u-G-E-V", "m-p")
    assert root.get("time") == root.get("start") == "2026-03-01T12:00:00.250Z"
    point = root.find("point")
    # Full precision of a double, there and back.
    assert float(point.get("lat")) == LATITUDE
    assert float(point.get("lon")) == LONGITUDE
    assert float(point.get("hae")) == HAE
    # One sigma: a circular CE90 of 10.73 m is 5 m, an LE90 of 8.225 m is 5 m.
    assert float(point.get("ce")) == pytest.approx(5.0, abs=1e-9)
    assert float(point.get("le")) == pytest.approx(5.0, abs=1e-9)


def test_the_detail_says_what_a_person_needs_and_a_program_can_read() -> None:
    root = fromstring(cot_messages(event(decision=None))[0])
    detail = root.find("detail")
    assert detail.find("contact").get("callsign") == "ALERT: car, Post 7"
    remarks = detail.find("remarks").text
    for words in (
        "CONFIDENTIAL",
        "car 412 m (401 to 423 m with 90 %) at 007 deg true from Post 7",
        "within 500 m: 0.97",
        "CE90 10.7 m",
        "last photographed 2026-03-01 12:00:00Z",
        "No person has judged it",
    ):
        assert words in remarks
    lost = event(decision=None)
    best = replace(lost.record.incident.best, position_sigma_m=3000.0)
    record = replace(lost.record, incident=replace(lost.record.incident, best=best))
    told = fromstring(cot_messages(replace(lost, record=record))[0]).find("detail/remarks").text
    assert "car perhaps near Post 7: its place is unknown. CE90 10.7 m" in told
    assert "412 m" not in told
    own = detail.find("__vedette")
    assert float(own.get("ce90_m")) == 10.73
    assert float(own.get("latitude_deg")) == LATITUDE
    assert own.get("incident") == "missions/m1/incidents/3f1c"
    assert (own.get("revision"), own.get("sequence"), own.get("marking")) == (
        "4",
        "9",
        "CONFIDENTIAL",
    )
    assert own.get("time_source") == "capture"


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("person", "a-u-G-U-C"),
        ("car", "a-u-G-E-V"),
        ("two-wheeler", "a-u-G-E-V"),
        ("bus", "a-u-G-E-V"),
        ("something else", "a-u-G"),
    ],
)
@pytest.mark.parametrize("state", sorted(LIVE))
def test_affiliation_is_unknown_whatever_is_decided(
    category: str, kind: str, state: IncidentState
) -> None:
    root = fromstring(cot_messages(event(category=category, state=state))[0])
    assert root.get("type") == kind
    assert root.get("how") == ("h-e" if state is IncidentState.CONFIRMED else "m-p")


def test_people_go_stale_later_than_vehicles() -> None:
    stale = {
        category: instant(fromstring(cot_messages(event(category=category))[0]).get("stale"))
        for category in ("person", "car")
    }
    assert stale["person"] == CAPTURED + timedelta(minutes=15)
    assert stale["car"] == CAPTURED + timedelta(seconds=3) + SHOWN_AT_LEAST


def test_an_old_image_is_not_stale_on_arrival_and_still_tells_its_time() -> None:
    late = CAPTURED + timedelta(hours=6)
    root = fromstring(cot_messages(event(), sent_at=late)[0])
    assert instant(root.get("time")) == CAPTURED
    assert instant(root.get("stale")) == late + SHOWN_AT_LEAST


def test_an_image_without_a_time_takes_the_events_and_says_so() -> None:
    root = fromstring(cot_messages(event(captured_at=None))[0])
    assert instant(root.get("time")) == CAPTURED + timedelta(seconds=3)
    assert root.find("detail/__vedette").get("time_source") == "event"
    assert "a time the image does not tell" in root.find("detail/remarks").text


def test_unknown_height_is_the_schemas_unknown() -> None:
    point = fromstring(cot_messages(event(hae_m=None))[0]).find("point")
    assert (point.get("hae"), point.get("le")) == ("9999999", "9999999")


def test_times_are_utc_whatever_zone_they_come_in() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    root = fromstring(cot_messages(event(captured_at=CAPTURED.astimezone(zone)))[0])
    assert root.get("time") == "2026-03-01T12:00:00.250Z"


def test_a_dismissal_withdraws_the_marker_from_server_and_clients() -> None:
    decision = Decision(
        verdict=Verdict.DISMISSED, reason="own forces", decided_by="op", decided_at=CAPTURED
    )
    dismissed = event(kind=ChangeKind.DECIDED, state=IncidentState.DISMISSED, decision=decision)
    marker, removal = (fromstring(it) for it in cot_messages(dismissed))
    assert marker.get("uid") == "vedette.m1.3f1c"
    assert marker.get("type") == "a-u-G-E-V"
    assert instant(marker.get("stale")) == dismissed.occurred_at + WITHDRAWN_STALE
    assert marker.find("detail/contact").get("callsign").startswith("DISMISSED")
    assert "own forces" in marker.find("detail/remarks").text
    assert removal.get("type") == "t-x-d-d"
    assert removal.get("uid") != marker.get("uid")
    link = removal.find("detail/link")
    assert (link.get("uid"), link.get("type")) == (marker.get("uid"), "a-u-G-E-V")
    assert removal.find("detail/__forcedelete") is not None
    # The name of who decided is not for everybody on the net.
    assert b'"op"' not in b"".join(cot_messages(dismissed))


@pytest.mark.parametrize("kind", [ChangeKind.CANCELLED, ChangeKind.EXPIRED, ChangeKind.MERGED])
def test_what_the_machine_ends_is_withdrawn_and_not_left_to_go_stale(kind: ChangeKind) -> None:
    ended = event(kind=kind, state=IncidentState(kind.value))
    marker, removal = (fromstring(it) for it in cot_messages(ended))
    assert marker.find("detail/contact").get("callsign").startswith(kind.value.upper())
    assert instant(marker.get("stale")) == ended.occurred_at + WITHDRAWN_STALE
    assert (removal.get("type"), removal.get("how")) == ("t-x-d-d", "m-p")
    assert removal.find("detail/link").get("uid") == marker.get("uid")


def test_course_and_speed_are_told_where_looks_tell_them() -> None:
    still = event()
    assert fromstring(cot_messages(still)[0]).find("detail/track") is None
    driving = replace(
        still.record.incident,
        velocity_m_s=np.array([3.0, -4.0]),
        velocity_covariance=0.25 * np.eye(2),
    )
    moved = replace(still, record=replace(still.record, incident=driving))
    track = fromstring(cot_messages(moved)[0]).find("detail/track")
    assert float(track.get("speed")) == pytest.approx(5.0)
    # East by 3 and south by 4: 180 - atan(3 / 4) degrees.
    assert float(track.get("course")) == pytest.approx(143.130, abs=1e-3)


def test_what_a_dismissed_incident_takes_in_is_not_sent() -> None:
    assert cot_messages(event(kind=ChangeKind.UPDATED, state=IncidentState.DISMISSED)) == ()


def test_hostile_names_stay_text() -> None:
    name = "</remarks><event uid=\"x\"> & <!ENTITY a 'b'> \x00\x1b]0;\ud800 é 文"
    (message,) = cot_messages(event(name=name))
    root = fromstring(message)
    callsign = root.find("detail/contact").get("callsign")
    assert callsign == "ALERT: car, " + name.replace("\x00", "\ufffd").replace(
        "\x1b", "\ufffd"
    ).replace("\ud800", "\ufffd")
    assert len(root.findall(".//event")) == 0
    assert message.startswith(b"<?xml")
    assert message.endswith(b"</event>")


def test_an_alert_of_a_thin_link_stays_small() -> None:
    (message,) = cot_messages(event())
    assert len(message) < 2000


def test_levels_and_states_are_in_the_name() -> None:
    possible = event(level=Level.POSSIBLE)
    assert b"possible: car" in cot_messages(possible)[0]
    confirmed = replace(possible, kind=ChangeKind.DECIDED)
    confirmed = event(kind=ChangeKind.DECIDED, state=IncidentState.CONFIRMED)
    assert b"CONFIRMED: car" in cot_messages(confirmed)[0]


def test_the_ping_is_a_complete_event() -> None:
    root = fromstring(cot_ping(CAPTURED))
    assert root.get("type") == "t-x-c-t"
    assert root.find("point") is not None


# MITRE's CoT user guide: after "a-" stands the affiliation; u is unknown, h hostile, s suspect.
TYPE = re.compile(rb' type="([^"]*)"')


@pytest.mark.parametrize("state", list(IncidentState))
def test_no_message_ever_calls_anybody_hostile(state: IncidentState) -> None:
    decisions = [None] + [
        Decision(verdict=verdict, reason="seen", decided_by="op", decided_at=CAPTURED)
        for verdict in Verdict
    ]
    told = set()
    for category in (*CATEGORIES, "hostile", "a-h-G"):
        known = event(category=category)
        incident = replace(known.record.incident, state=state, severity=Severity.HIGH)
        for kind, decision in itertools.product(ChangeKind, decisions):
            record = replace(known.record, incident=incident, decision=decision)
            for message in cot_messages(replace(known, kind=kind, record=record)):
                told |= set(TYPE.findall(message))
                assert b"Affiliation unknown." in message
    assert told <= {b"a-u-G-U-C", b"a-u-G-E-V", b"a-u-G", b"t-x-d-d"}
