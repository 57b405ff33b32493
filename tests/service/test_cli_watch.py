from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from vedette.v1 import ground_pb2, incident_pb2

from service.cli.incident_lines import describe
from service.cli.watch import Teller, _rings, print_event

SENTENCE = "A car, 99 % within 500 m of Post [12] (range 85 to 200 m). Medium."
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
            severity=incident_pb2.INCIDENT_SEVERITY_MEDIUM,
            severity_reason=SENTENCE,
            sighting_count=1,
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
        "    12 2026-11-24 10:15:00Z raised    ALERT    MEDIUM A car, 99 % within 500 m of "
        "Post [12] (range 85 to 200 m). Medium. One sighting: car 141 m at bearing 062° from "
        "Post [12]; confidence 0.62; 4.859400, 31.571300 (MGRS 36N XX) CE90 28.7 m; "
        f"incident {NAME[26:]}\n"
    )


def test_of_several_sightings_the_line_says_which_figures_are_whose() -> None:
    seen_again = event(incident_pb2.INCIDENT_EVENT_KIND_UPDATED)
    seen_again.incident.sighting_count = 3
    told = describe(seen_again.incident)
    assert told.startswith(f"At one look: {SENTENCE} All 3 sightings together: car 141 m (85 to ")
    assert "P(within 500 m) 0.99" in told


def test_why_it_ended_is_of_no_look() -> None:
    ended = event(incident_pb2.INCIDENT_EVENT_KIND_EXPIRED).incident
    ended.state = incident_pb2.INCIDENT_STATE_EXPIRED
    ended.severity_reason, ended.sighting_count = "It was not seen for 12 hours.", 3
    assert describe(ended).startswith("It was not seen for 12 hours. All 3 sightings together: ")


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
    assert ' decided   ALERT    MEDIUM dismissed by ops-2 ("our truck?[2J"): A car, 99 %' in line
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


def told_of(*events: incident_pb2.IncidentEvent, every: bool = False) -> tuple[list[str], int]:
    """The lines that are printed, and how many events were not."""
    stream = io.StringIO()
    out = Console(file=stream, width=240, soft_wrap=True, highlight=False)
    teller = Teller(out, every=every)
    for each in events:
        teller.tell(each)
    return stream.getvalue().splitlines(), teller.silent


def test_what_stands_still_is_told_once() -> None:
    raised = event(incident_pb2.INCIDENT_EVENT_KIND_RAISED)
    again = event(incident_pb2.INCIDENT_EVENT_KIND_UPDATED)
    # 20 m to the north, within its error of 28.7 m, a little better known and a little surer.
    again.incident.ground.latitude_deg += 20.0 / 110_600.0
    again.incident.ground.ce90_m, again.incident.probability = 22.0, 0.999
    again.incident.sighting_count = 2
    lines, silent = told_of(raised, again, again)
    assert (len(lines), silent) == (1, 2)
    lines, silent = told_of(raised, again, again, every=True)
    assert (len(lines), silent) == (3, 0)


def test_a_thin_link_repeats_nothing_either() -> None:
    told = event(incident_pb2.INCIDENT_EVENT_KIND_RAISED)
    told.ClearField("incident")
    told.brief.MergeFrom(
        incident_pb2.IncidentBrief(
            incident_id="18fde364",
            level=incident_pb2.INCIDENT_LEVEL_ALERT,
            severity=incident_pb2.INCIDENT_SEVERITY_HIGH,
            category="truck",
            ce90_m=20.0,
            reason="A truck.",
        )
    )
    again = incident_pb2.IncidentEvent(
        sequence=13,
        kind=incident_pb2.INCIDENT_EVENT_KIND_UPDATED,
        event_time=stamp(),
        brief=incident_pb2.IncidentBrief(incident_id="18fde364", revision=2, sighting_count=2),
    )
    nearer = incident_pb2.IncidentEvent()
    nearer.CopyFrom(again)
    nearer.brief.latitude_e7 = 5_000
    lines, silent = told_of(told, again, nearer)
    assert ("raised    ALERT    HIGH   A truck." in lines[0], len(lines), silent) == (True, 2, 1)


def test_another_position_within_reach_is_news() -> None:
    first = event(incident_pb2.INCIDENT_EVENT_KIND_UPDATED)
    both, other_way_round, gone_on = (incident_pb2.IncidentEvent() for _ in range(3))
    for each in (both, other_way_round, gone_on):
        each.CopyFrom(first)
    for name in ("gate", "tower"):
        level = incident_pb2.INCIDENT_LEVEL_POSSIBLE
        both.incident.near.add(position=f"missions/unmiss/positions/{name}", level=level)
    other_way_round.incident.near.extend(reversed(both.incident.near))
    gone_on.incident.near.append(both.incident.near[1])
    lines, silent = told_of(first, both, other_way_round, gone_on)
    assert (len(lines), silent) == (3, 1)
    thin = [
        incident_pb2.IncidentEvent(
            sequence=number,
            kind=incident_pb2.INCIDENT_EVENT_KIND_UPDATED,
            event_time=stamp(),
            brief=incident_pb2.IncidentBrief(
                incident_id="18fde364", ce90_m=20.0, others_near_count=others
            ),
        )
        for number, others in enumerate((0, 1, 1))
    ]
    lines, silent = told_of(*thin)
    assert (len(lines), silent) == (2, 1)
