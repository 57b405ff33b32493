from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from vedette.v1 import position_pb2

from service.cli.position_report import report
from service.remote_error import RemoteError
from tests.service.stand_in import StandIn, stand_in

GOOD = '{"time": "2026-11-24T10:15:00Z", "lat": 4.86, "lon": 31.57}'
LATER = '{"time": "2026-11-24T10:16:00Z", "lat": 4.87, "lon": 31.57, "sigma_m": 25}'
FAR = '{"time": "2026-11-24T10:17:00Z", "lat": 94.0, "lon": 31.57}'
NOON = '{"time": "noon", "lat": 1, "lon": 2}'
LINES = f"{GOOD}\n\n$GPGGA,101500\n{FAR}\n{NOON}\n[]\n{LATER}\n"


class Patrols(StandIn):
    """A service that takes reports, refuses latitudes beyond the pole, and knows one patrol."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, float]] = []
        self.positions = SimpleNamespace(StreamPatrol=self._stream)

    def call(self, method: Any, request: object, *, retry: bool = True) -> Any:
        del retry
        return method(request, 1.0)

    def _stream(self, requests: Any, *, timeout: float) -> list[Any]:
        del timeout
        (request,) = requests
        (one,) = request.reports
        if not request.patrol.endswith("/patrol-3"):
            raise refusal("NOT_FOUND", "", grpc.StatusCode.NOT_FOUND)
        if abs(one.latitude_deg) > 90.0:
            raise refusal(
                "INVALID_INPUT", "reports[0].latitude_deg", grpc.StatusCode.INVALID_ARGUMENT
            )
        self.taken.append((one.latitude_deg, one.sigma_m))
        return [position_pb2.StreamPatrolResponse(acknowledged_sequence=request.sequence)]


def refusal(reason: str, field: str, code: grpc.StatusCode) -> RemoteError:
    return RemoteError("refused", reason=reason, code=code, field=field)


def run(
    monkeypatch: pytest.MonkeyPatch, patrol: str, *options: str, told: str
) -> tuple[Patrols, Result]:
    service = Patrols()
    stand_in(monkeypatch, service)
    line = [patrol, "-m", "unmiss", "--lines", "-", *options]
    return service, CliRunner().invoke(report, line, input=told)


def test_a_bad_line_is_told_and_the_others_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    service, result = run(monkeypatch, "patrol-3", told=LINES)
    assert service.taken == [(4.86, 10.0), (4.87, 25.0)]
    assert result.exit_code == 1
    assert [line.partition(": ")[2].partition(": ")[0] for line in result.stderr.splitlines()] == [
        *("lines[3]", "lines[4].lat", "lines[5].time", "lines[6]")
    ]
    assert all("this line is not taken" in line for line in result.stderr.splitlines())
    assert result.stdout == "2 reports of missions/unmiss/positions/patrol-3; 4 lines not taken\n"


def test_programs_learn_which_line_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    _, result = run(monkeypatch, "patrol-3", "--json", told=f"x\n{GOOD}\n")
    assert json.loads(result.stderr)["error"]["field"] == "lines[1]"
    assert json.loads(result.stdout)["report_time"] == "2026-11-24T10:15:00Z"
    assert result.exit_code == 1


def test_what_is_wrong_with_every_line_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    service, result = run(monkeypatch, "patrol-9", told=LINES)
    assert service.taken == []
    assert isinstance(result.exception, RemoteError)
    assert result.exception.reason == "NOT_FOUND"
    assert result.stdout == "0 reports of missions/unmiss/positions/patrol-9\n"


def test_without_a_bad_line_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    _, result = run(monkeypatch, "patrol-3", told=GOOD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 report of missions/unmiss/positions/patrol-3\n"
