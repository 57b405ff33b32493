from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from vedette.v1 import ground_pb2, incident_pb2

from service.cli.watch import _rings, print_event

NAME = "missions/unmiss/incidents/18fde364-e1f7-52af-8675-ca477d84aff3"


def stamp() -> Timestamp:
    made = Timestamp()
    made.FromDatetime(datetime(2026, 11, 24, 10, 15, 0, 999999, tzinfo=UTC))
    return made


def event(kind: int, reason: str = "") -> incident_pb2.IncidentEvent:
    decision = incident_pb2.Decision(
        verdict=incident_pb2.VERDICT_DISMISSED,
        reason=reason,
        decided_by="ops-2",
        decide_time=stamp(),
    )
    return incident_pb2.IncidentEvent(
        sequence=12,
        kind=kind,  # type: ignore[arg-type, unused-ignore]
        event_time=stamp(),
        incident=incident_pb2.Incident(
            name=NAME,
            level=incident_pb2.INCIDENT_LEVEL_ALERT,
            category="car",
            confidence=0.62,
            position_display_name="Post [12]",
            range_m=141,
            range_low_m=85,
            range_high_m=200,
            bearing_deg=62,
            radius_m=500,
            probability=0.987,
            ground=ground_pb2.GroundPoint(
                latitude_deg=4.8594, longitude_deg=31.5713, mgrs="36N XX", ce90_m=28.7
            ),
            decision=decision if reason else None,
        ),
    )


def shown(told: incident_pb2.IncidentEvent, *, terminal: bool, width: int = 80) -> str:
    stream = io.StringIO()
    out = Console(
        file=stream, force_terminal=terminal, width=width, soft_wrap=True, highlight=False
    )
    print_event(out, told)
    return stream.getvalue()


def test_off_a_terminal_an_event_is_one_line_without_colour() -> None:
    line = shown(event(incident_pb2.INCIDENT_EVENT_KIND_RAISED), terminal=False)
    assert line == (
        "    12 2026-11-24 10:15:00Z raised    ALERT    car 141 m (85 to 200) at bearing 062° from "
        "Post [12]; confidence 0.62, P(within 500 m) 0.99; 4.859400, 31.571300 (MGRS 36N XX) "
        f"CE90 28.7 m; incident {NAME[26:]}\n"
    )


def test_on_a_terminal_it_is_folded_between_words_and_the_level_coloured() -> None:
    text = shown(event(incident_pb2.INCIDENT_EVENT_KIND_RAISED), terminal=True)
    assert "\x1b[1;31mALERT\x1b[0m" in text
    lines = text.replace("\x1b[1;31m", "").replace("\x1b[0m", "").splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
    assert all(line.startswith(" " * 7) for line in lines[1:])
    assert any(NAME[26:] in line for line in lines)


def test_a_decision_says_who_what_and_why_and_cannot_steer_the_terminal() -> None:
    told = event(incident_pb2.INCIDENT_EVENT_KIND_DECIDED, reason="our truck\x1b[2J")
    line = shown(told, terminal=False)
    assert ' decided   ALERT    dismissed by ops-2 ("our truck?[2J"): car 141 m' in line
    assert "\x1b[2J" not in shown(told, terminal=True)


@pytest.mark.parametrize(
    ("kind", "rings"),
    [
        (incident_pb2.INCIDENT_EVENT_KIND_RAISED, True),
        (incident_pb2.INCIDENT_EVENT_KIND_ESCALATED, True),
        (incident_pb2.INCIDENT_EVENT_KIND_UPDATED, False),
        (incident_pb2.INCIDENT_EVENT_KIND_DECIDED, False),
    ],
)
def test_only_a_new_alert_rings(kind: int, rings: bool) -> None:
    assert _rings(event(kind)) is rings
