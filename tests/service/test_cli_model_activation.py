from __future__ import annotations

from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result
from vedette.v1 import model_pb2

from models.errors import InvalidInputError
from service.cli.model_activation import active, compare, rollback
from tests.service.stand_in import StandIn, stand_in

VISIBLE = model_pb2.ModelInForce(role=model_pb2.MODEL_ROLE_VISIBLE, model="models/vedette-n@1.0")
SHADOW = model_pb2.ModelInForce(
    role=model_pb2.MODEL_ROLE_SHADOW, model="models/field-m@2.0", share=0.2
)
CHANGE = model_pb2.ModelChange(
    sequence=1, role=model_pb2.MODEL_ROLE_SHADOW, after="models/field-m@2.0", reason="trial"
)


class Models(StandIn):
    """A service with some models in force, and a shadow that has not looked yet."""

    def __init__(self, *in_force: model_pb2.ModelInForce) -> None:
        answer = model_pb2.ModelsInForce(models=in_force)
        self.models = SimpleNamespace(
            GetModelsInForce=lambda _request: answer,
            RollbackModel=lambda _request: answer,
            CompareModels=lambda _request: model_pb2.ModelComparison(),
            ListModelChanges=lambda _request: model_pb2.ListModelChangesResponse(changes=[CHANGE]),
        )


def refuse(_request: object) -> None:
    raise InvalidInputError("nothing was activated", field="roles")


def run(
    monkeypatch: pytest.MonkeyPatch, service: Models, command: click.Command, *line: str
) -> Result:
    stand_in(monkeypatch, service)
    return CliRunner().invoke(command, line)


def test_a_shadow_that_runs_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, Models(VISIBLE, SHADOW), compare).stderr
    assert told.startswith("field-m@2.0 looks in shadow, and has not looked at anything yet")
    assert "vedette model activate NAME --shadow" not in told
    told = run(monkeypatch, Models(VISIBLE), compare).stderr
    assert "start one with: vedette model activate NAME --shadow --reason" in told


def test_a_rollback_says_how_to_end_the_shadow_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("--reason", "the trial is over")
    told = run(monkeypatch, Models(VISIBLE, SHADOW), rollback, *line)
    assert "field-m@2.0 still looks in shadow; to end that: vedette model rollback --shadow" in (
        told.stderr
    )
    assert run(monkeypatch, Models(VISIBLE), rollback, *line).stderr == ""
    nothing = Models(VISIBLE, SHADOW)
    nothing.models.RollbackModel = refuse
    told = run(monkeypatch, nothing, rollback, *line)
    assert str(told.exception) == "nothing was activated"
    assert "field-m@2.0 still looks in shadow" in told.stderr
    assert run(monkeypatch, Models(VISIBLE, SHADOW), rollback, "--json", *line).stderr == ""


def test_every_column_of_the_history_has_a_title(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = [
        line.split()
        for line in run(monkeypatch, Models(VISIBLE, SHADOW), active).stdout.splitlines()
        if line.isupper()
    ]
    assert heads == [
        ["FOR", "MODEL", "SINCE", "SHARE"],
        ["CHANGE", "FOR", "DONE", "FROM", "TO", "BY", "AT", "WHY"],
    ]
