from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
import vedette.v1
from google.protobuf.descriptor import MethodDescriptor

from service.access import Role
from service.api.permissions import PERMISSIONS, UNLISTED, permission_of, short_name


def methods() -> Iterator[tuple[str, MethodDescriptor]]:
    """Every RPC of the contract, whoever wrote it."""
    for found in pkgutil.iter_modules(vedette.v1.__path__):
        if found.name.endswith("_pb2"):
            module: Any = importlib.import_module(f"vedette.v1.{found.name}")
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    yield f"{service.name}.{method.name}", method


METHODS = dict(methods())


def test_every_rpc_says_who_may_call_it() -> None:
    assert set(PERMISSIONS) == set(METHODS)


def test_what_has_no_row_is_for_administrators() -> None:
    assert permission_of("/vedette.v1.NewService/DoNew") is UNLISTED
    assert UNLISTED.roles == {Role.ADMINISTRATOR}
    assert short_name("/vedette.v1.PledgeService/ListPledges") == "PledgeService.ListPledges"


@pytest.mark.parametrize("name", METHODS)
def test_the_fields_that_are_named_are_there(name: str) -> None:
    permission = PERMISSIONS[name]
    for path in filter(None, (permission.scope, permission.subject)):
        message: Any = METHODS[name].input_type
        *holders, last = path.split(".")
        for holder in holders:
            message = message.fields_by_name[holder].message_type
        assert message.fields_by_name[last].type == message.fields_by_name[last].TYPE_STRING


@pytest.mark.parametrize("name", METHODS)
def test_what_names_a_mission_is_held_against_the_missions_of_the_caller(name: str) -> None:
    fields = set(METHODS[name].input_type.fields_by_name)
    if PERMISSIONS[name].scope or name == "AuditService.ListAuditEntries":
        return
    # About no mission: nothing of the request could name one.
    assert not fields & {"parent", "mission", "imagery", "incident", "position", "pledge"}
    # Credentials and models belong to no mission.
    assert "name" not in fields or name.partition(".")[0] in {"AccessService", "ModelService"}


# Written out, and not read from the table: what those from outside may call at all.
CONTRIBUTOR = {
    "AccessService.GetCaller",
    "DetectionService.ListDetections",
    "ImageryService.GetImagery",
    "ImageryService.GetSubmission",
    "ImageryService.ListImagery",
    "ImageryService.SubmitImagery",
    "ImageryService.WatchImagery",
    "PledgeService.GetPledge",
    "PledgeService.ListPledgeMoves",
    "PledgeService.ListPledges",
    "PledgeService.RecordRefusal",
    "ProductService.DownloadProduct",
    "ProductService.GetProduct",
    "ProductService.ListProducts",
}
LIAISON = {
    "AccessService.GetCaller",
    "IncidentService.GetIncident",
    "IncidentService.GetIncidentChip",
    "IncidentService.ListIncidents",
    "IncidentService.SubscribeIncidents",
    "ProductService.DownloadProduct",
    "ProductService.GetProduct",
    "ProductService.ListProducts",
}
# What an analyst may not: people, places of peacekeepers, verdicts and the register.
NOT_ANALYST = {
    "AccessService.CreateCredential",
    "AccessService.ListCredentials",
    "AccessService.RevokeCredential",
    "AuditService.ListAuditChains",
    "AuditService.ListAuditEntries",
    "IncidentService.DecideIncident",
    "IncidentService.ReleaseIncident",
    "PledgeService.CreatePledge",
    "PledgeService.MovePledge",
    "PositionService.CreatePosition",
    "PositionService.DeletePosition",
    "PositionService.ImportPositions",
    "PositionService.UpdatePosition",
}


def callable_by(role: Role) -> set[str]:
    return {name for name, permission in PERMISSIONS.items() if role in permission.roles}


def test_outsiders_may_call_no_more_than_this() -> None:
    assert callable_by(Role.CONTRIBUTOR) == CONTRIBUTOR
    assert callable_by(Role.LIAISON) == LIAISON
    assert callable_by(Role.ADMINISTRATOR) == set(METHODS)


def test_analysts_decide_and_place_nothing() -> None:
    assert not callable_by(Role.ANALYST) & NOT_ANALYST
    only_administrators = {name for name in NOT_ANALYST if name.startswith(("Access", "Audit"))}
    assert callable_by(Role.OPERATOR) & NOT_ANALYST == NOT_ANALYST - only_administrators


def test_what_changes_something_is_always_written_down() -> None:
    verbs = (
        "Create",
        "Delete",
        "Set",
        "Decide",
        "Release",
        "Revoke",
        "Activate",
        "Rollback",
        "Move",
        "Record",
        "Submit",
        "Import",
        "StreamPatrol",
        "Update",
    )
    for name, permission in PERMISSIONS.items():
        verb = name.partition(".")[2]
        assert permission.changes == verb.startswith(verbs), name
        assert permission.audited or not permission.changes, name
