from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from vedette.v1 import incident_pb2

from models.errors import VedetteError
from service.cli.incident import incident
from service.cli.incident_lines import describe_near
from tests.service.stand_in import StandIn, stand_in

SENTENCE = (
    "A truck, 62 % within 500 m of Post Alpha (range 380 to 560 m). High because it is close."
)
NAME = "missions/unmiss/incidents/18fde364-e1f7-52af-8675-ca477d84aff3"


class Answering(StandIn):
    """A service that knows one incident, and what it was asked to decide."""

    def __init__(self, known: incident_pb2.Incident) -> None:
        self.decided: list[int] = []

        def decide(request: incident_pb2.DecideIncidentRequest) -> incident_pb2.Incident:
            self.decided.append(request.revision)
            return incident_pb2.Incident(name=NAME, state=incident_pb2.INCIDENT_STATE_DISMISSED)

        self.suppressed: list[incident_pb2.Suppression] = []
        self.incidents = SimpleNamespace(
            GetIncident=lambda _request: known,
            ListIncidents=lambda _request: incident_pb2.ListIncidentsResponse(incidents=[known]),
            DecideIncident=decide,
            ListSuppressions=lambda _request: incident_pb2.ListSuppressionsResponse(
                suppressions=self.suppressed
            ),
        )


def run(monkeypatch: pytest.MonkeyPatch, service: Answering, *line: str) -> Result:
    stand_in(monkeypatch, service)
    return CliRunner().invoke(incident, line)


def decide(
    monkeypatch: pytest.MonkeyPatch, known: incident_pb2.Incident, *options: str
) -> tuple[Answering, Result]:
    service = Answering(known)
    line = ["decide", NAME, "dismissed", "-m", "unmiss", "--code", "own-forces", *options]
    return service, run(monkeypatch, service, *line)


def an_incident(state: incident_pb2.IncidentState, verdict: int = 0) -> incident_pb2.Incident:
    known = incident_pb2.Incident(
        name=NAME,
        state=state,
        level=incident_pb2.INCIDENT_LEVEL_ALERT,
        severity=incident_pb2.INCIDENT_SEVERITY_HIGH,
        severity_reason=SENTENCE,
        category="truck",
        sighting_count=1,
        radius_m=500.0,
        revision=4,
    )
    if verdict:
        known.decision.verdict = verdict  # type: ignore[assignment]
        known.decision.decided_by = "ops-2"
    return known


CONFIRMED = an_incident(incident_pb2.INCIDENT_STATE_CONFIRMED, incident_pb2.VERDICT_CONFIRMED)


@pytest.mark.parametrize(
    "known",
    [
        an_incident(incident_pb2.INCIDENT_STATE_OPEN),
        an_incident(incident_pb2.INCIDENT_STATE_ACKNOWLEDGED, incident_pb2.VERDICT_ACKNOWLEDGED),
    ],
    ids=["open", "acknowledged"],
)
def test_what_is_decided_on_is_shown_first(
    monkeypatch: pytest.MonkeyPatch, known: incident_pb2.Incident
) -> None:
    service, told = decide(monkeypatch, known)
    assert service.decided == [4]
    state = "open" if not known.decision.verdict else "acknowledged, acknowledged by ops-2"
    assert told.stderr.startswith(f"ALERT, severity high, {state}, revision 4: A truck, 62 % ")
    assert "High because it is close." in told.stderr
    assert told.stdout == f"{NAME} is dismissed\n"


def test_an_earlier_decision_is_not_overturned_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, told = decide(monkeypatch, CONFIRMED)
    assert service.decided == []
    assert isinstance(told.exception, VedetteError)
    assert str(told.exception).startswith("confirmed by ops-2 on ")
    assert "--revision 4 or --overturn" in str(told.exception)


@pytest.mark.parametrize(("options", "revision"), [(("--overturn",), 4), (("--revision", "3"), 3)])
def test_an_earlier_decision_is_overturned_on_purpose(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], revision: int
) -> None:
    service, told = decide(monkeypatch, CONFIRMED, *options)
    assert told.exit_code == 0
    assert service.decided == [revision]


def test_one_incident_has_one_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    known = an_incident(incident_pb2.INCIDENT_STATE_OPEN)
    known.range_m, known.range_low_m, known.range_high_m = 471.0, 380.0, 562.0
    shown = run(monkeypatch, Answering(known), "show", NAME, "-m", "unmiss").stdout
    assert shown.splitlines()[0] == f"{NAME}  ALERT  severity high  open"
    assert shown.count(" to 56") == shown.count(SENTENCE) == 1
    assert "; 1 sighting, the last in" in shown


def test_of_several_looks_the_intervals_say_whose_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = an_incident(incident_pb2.INCIDENT_STATE_OPEN)
    known.range_m, known.range_low_m, known.range_high_m = 431.0, 402.0, 460.0
    known.sighting_count = 5
    shown = run(monkeypatch, Answering(known), "show", NAME, "-m", "unmiss").stdout
    assert f"At one look: {SENTENCE} All 5 sightings together: truck 431 m (402 to 460 m)" in shown


def kept_back(
    track: str, count: int, first: int, last: int, reason: str = "NOT_SURE_YET"
) -> incident_pb2.Suppression:
    """One entry as the service lists it; times in seconds of 2026-11-24."""
    entry = incident_pb2.Suppression(
        track=track,
        position="missions/unmiss/positions/base",
        rule="missions/unmiss/rules/default",
        category="car",
        reason=reason,
        count=count,
        probability=0.1 * count,
        imagery=f"missions/unmiss/imagery/image-{last}",
    )
    entry.first_time.FromSeconds(1_795_478_400 + first)
    entry.last_time.FromSeconds(1_795_478_400 + last)
    return entry


def test_what_was_kept_back_for_one_reason_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Answering(CONFIRMED)
    service.suppressed = [
        kept_back("t1", 2, 30, 90),
        kept_back("t2", 4, 20, 40),
        kept_back("t3", 1, 50, 60, "DISMISSED"),
        kept_back("t4", 1, 10, 80),
    ]
    table = run(monkeypatch, service, "suppressed", "-m", "unmiss").stdout.splitlines()
    assert [line.split() for line in table[1:]] == [
        [
            *("NOT_SURE_YET", "car", "base", "default", "3", "7", "0.40"),
            *("2026-11-24", "00:00:10Z", "2026-11-24", "00:01:30Z", "image-90"),
        ],
        [
            *("DISMISSED", "car", "base", "default", "1", "1", "0.10"),
            *("2026-11-24", "00:00:50Z", "2026-11-24", "00:01:00Z", "image-60"),
        ],
    ]
    for entry in service.suppressed:
        entry.ClearField("first_time")
    table = run(monkeypatch, service, "suppressed", "-m", "unmiss").stdout.splitlines()
    assert "1970" not in "".join(table)
    assert "2026-11-24 00:01:30Z" in table[1]
    told = run(monkeypatch, service, "suppressed", "-m", "unmiss", "--json").stdout
    assert [it["count"] for it in json.loads(told)["suppressions"]] == [2, 4, 1, 1]


def test_a_range_from_a_patrol_that_nobody_has_heard_of_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = an_incident(incident_pb2.INCIDENT_STATE_OPEN)
    lost.range_m, lost.range_low_m, lost.range_high_m, lost.radius_m = 812.0, 60.0, 7012.0, 200.0
    lost.ground.ce90_m, lost.sighting_count = 20.0, 2
    row = run(monkeypatch, Answering(lost), "list", "-m", "unmiss").stdout.splitlines()[1]
    # Neither bearing nor probability is told of it.
    assert row.split("unknown (up to 7012 m)")[1].split() == ["20.0", "m"]
    assert "812" not in row
    shown = run(monkeypatch, Answering(lost), "show", NAME, "-m", "unmiss").stdout
    assert "at a range that is not known; confidence" in shown
    assert "P(within" not in shown
    assert "812" not in shown
    # An object whose own place is as uncertain has a range: the interval says how good it is.
    lost.radius_m, lost.ground.ce90_m = 25.0, 60.0
    lost.range_m, lost.range_low_m, lost.range_high_m = 52.0, 5.0, 120.0
    row = run(monkeypatch, Answering(lost), "list", "-m", "unmiss").stdout.splitlines()[1]
    assert "52 m (5 to 120 m)" in row


def near_three() -> incident_pb2.Incident:
    known = an_incident(incident_pb2.INCIDENT_STATE_OPEN)
    known.position_display_name = "Post Alpha"
    known.near.add(
        position="missions/unmiss/positions/base",
        position_display_name="Base\x1b[2J HQ",
        level=incident_pb2.INCIDENT_LEVEL_ALERT,
        severity=incident_pb2.INCIDENT_SEVERITY_MEDIUM,
        range_m=410,
        range_low_m=380,
        range_high_m=440,
        bearing_deg=62,
        probability=0.97,
        radius_m=500,
        rule="missions/unmiss/rules/default@3",
    )
    known.more_near_count = 1
    return known


def test_every_position_that_a_thing_is_near_has_a_line() -> None:
    first, more = describe_near(near_three())
    assert first == (
        "also near Base?[2J HQ: alert, severity medium; 410 m (380 to 440 m) at bearing 062°, "
        "P(within 500 m) 0.97; rule default@3"
    )
    assert more == "and near 1 position more"
    assert describe_near(an_incident(incident_pb2.INCIDENT_STATE_OPEN)) == []


@pytest.mark.parametrize("position", ["base", "missions/unmiss/positions/base"])
def test_incidents_are_listed_by_position_and_say_how_many_others(
    monkeypatch: pytest.MonkeyPatch, position: str
) -> None:
    asked: list[incident_pb2.ListIncidentsRequest] = []

    class Listing(Answering):
        def pages(self, method: Any, request: Any) -> list[incident_pb2.ListIncidentsResponse]:
            del method
            asked.append(request)
            return [incident_pb2.ListIncidentsResponse(incidents=[near_three()])]

    service = Listing(near_three())
    service.incidents.ListIncidents = None
    told = run(monkeypatch, service, "list", "-m", "unmiss", "--position", position)
    assert told.exit_code == 0, told.output
    assert asked[0].position == "missions/unmiss/positions/base"
    assert "Post Alpha +2" in told.output
