from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest
from vedette.v1 import (
    detection_pb2,
    imagery_pb2,
    incident_pb2,
    model_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)

from models.errors import VedetteError
from service.api.server import SERVICES
from service.api.status import CODES, code_of
from service.cli.main import COMMANDS
from service.settings import Settings

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text("utf-8")
CONTRACT = (
    detection_pb2,
    imagery_pb2,
    incident_pb2,
    model_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)
RPCS = [
    f"{service.name}.{method.name}"
    for module in CONTRACT
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def errors(root: type[VedetteError]) -> set[type[VedetteError]]:
    return {root}.union(*(errors(kind) for kind in root.__subclasses__()))


def test_the_contract_is_served_whole() -> None:
    assert len(SERVICES) == len(CONTRACT)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_told(name: str) -> None:
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("rpc", RPCS)
def test_every_rpc_is_told(rpc: str) -> None:
    assert f"`{rpc}`" in REFERENCE


@pytest.mark.parametrize("kind", sorted(errors(VedetteError), key=str))
def test_every_reason_is_told_with_its_code(kind: type[VedetteError]) -> None:
    (line,) = [line for line in REFERENCE.splitlines() if line.startswith(f"| `{kind.reason}` |")]
    if kind in CODES:
        assert f"| {code_of(kind.__new__(kind)).name} |" in line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_told(name: str) -> None:
    module, attribute = COMMANDS[name][0].split(":")
    command = getattr(importlib.import_module(module), attribute)
    if isinstance(command, click.Group) and name != "model":
        for below in command.commands:
            assert f"`vedette {name} {below}`" in REFERENCE
    else:
        assert f"`vedette {name}" in REFERENCE
