from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result
from vedette.v1 import incident_pb2

from models.errors import VedetteError
from service.cli import output
from service.cli.incident import incident

NAME = "missions/unmiss/incidents/18fde364-e1f7-52af-8675-ca477d84aff3"


class Answering:
    """A service that knows one incident, and what it was asked to decide."""

    def __init__(self, known: incident_pb2.Incident) -> None:
        self.decided: list[int] = []

        def decide(request: incident_pb2.DecideIncidentRequest) -> incident_pb2.Incident:
            self.decided.append(request.revision)
            return incident_pb2.Incident(name=NAME, state=incident_pb2.INCIDENT_STATE_DISMISSED)

        self.incidents = SimpleNamespace(GetIncident=lambda _request: known, DecideIncident=decide)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def call(self, method: Any, request: object, *, retry: bool = True) -> Any:
        del retry
        return method(request)


def decide(
    monkeypatch: pytest.MonkeyPatch, known: incident_pb2.Incident, *options: str
) -> tuple[Answering, Result]:
    service = Answering(known)
    monkeypatch.setattr(output, "await_endpoint", lambda *_args, **_options: None)
    monkeypatch.setattr(output, "Client", lambda *_args, **_options: service)
    line = ["decide", NAME, "dismissed", "-m", "unmiss", "--code", "own-forces", *options]
    return service, CliRunner().invoke(incident, line)


def an_incident(state: incident_pb2.IncidentState, verdict: int = 0) -> incident_pb2.Incident:
    known = incident_pb2.Incident(
        name=NAME,
        state=state,
        level=incident_pb2.INCIDENT_LEVEL_ALERT,
        category="truck",
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
    assert told.stderr.startswith(f"ALERT, {state}, revision 4: truck ")
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
