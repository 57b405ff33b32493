from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import click
import pytest

from models.errors import VedetteError
from pipelines.metadata import pose_file
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from service.api.server import SERVICES
from service.api.status import CODES, code_of
from service.cli.main import COMMANDS
from service.settings import Settings
from tests.service.api.two_missions import METHODS, MODULES

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text("utf-8")


def errors(root: type[VedetteError]) -> set[type[VedetteError]]:
    return {root}.union(*(errors(kind) for kind in root.__subclasses__()))


def test_the_contract_is_served_whole() -> None:
    assert len(SERVICES) == len(MODULES)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_told(name: str) -> None:
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("rpc", METHODS)
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
    if isinstance(command, click.Group):
        for below in command.commands:
            assert re.search(rf"`vedette {name} {below}[` ]", REFERENCE)
    else:
        assert f"`vedette {name}" in REFERENCE


def pose_format() -> str:
    (found,) = re.findall(r"## Pose format\n(.*?)\n## ", REFERENCE, re.DOTALL)
    return str(found)


def test_the_pose_format_has_the_keys_of_the_parser_and_no_other() -> None:
    rows = [line.split("|")[1:4] for line in pose_format().splitlines() if line.startswith("| `")]
    told = {key: row[2].strip() for row in rows for key in re.findall(r"`([a-z0-9_.]+)`", row[0])}
    known = {*pose_file._REQUIRED, *pose_file._OPTIONAL}
    known |= {f"camera.{name}" for name in pose_file._CAMERA}
    known |= {f"sigmas.{name}" for name in pose_file._SIGMAS}
    assert set(told) == known
    assert {key for key, left_out in told.items() if left_out == "required"} == set(
        pose_file._REQUIRED
    )
    for names, _, left_out in rows:
        sigmas = re.findall(r"sigmas\.([a-z_]+)", names)
        if sigmas:
            figures = [float(figure) for figure in re.findall(r"\d+\.\d", left_out)]
            assert figures == [getattr(DEFAULT_SIGMAS, name) for name in sigmas]
    (distortion,) = [row[1] for row in rows if "`camera.distortion`" in row[0]]
    assert re.findall(r"`([a-z0-9]+)`", distortion) == list(pose_file._DISTORTION)


def test_the_example_of_a_pose_is_one() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", pose_format(), re.DOTALL)
    stated = pose_file.parse_pose(example)
    assert stated.intrinsics is not None
    assert stated.intrinsics.fy_px == json.loads(example)["camera"]["fx_px"]
    assert stated.sigmas.yaw_deg == 1.0
    assert stated.sigmas.pitch_deg == DEFAULT_SIGMAS.pitch_deg
