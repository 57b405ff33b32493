"""Credentials over the real door: how they begin and end, and what is written down of them."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import access_pb2, incident_pb2, incident_pb2_grpc, pledge_pb2

from service.access import Credential, Role
from service.access_control import token_sha256
from service.audit_chain import INSTALLATION
from service.ledger.records import Marking
from service.remote_error import RemoteError

HOME = "missions/unmiss"


def names_of(items: Any) -> set[str]:
    return {item.name.rpartition("/")[2] for item in items}


async def test_a_revoked_credential_ends_calls_and_running_streams(station: Any) -> None:
    token = await station.credential("analyst-1", "analyst", "CONFIDENTIAL")
    stub = incident_pb2_grpc.IncidentServiceStub(station.channel)
    stream: Any = stub.SubscribeIncidents(
        incident_pb2.SubscribeIncidentsRequest(parent=HOME, since=1),
        metadata=(("authorization", f"Bearer {token}"),),
        timeout=20,
    )
    assert (await stream.read()).sequence == 2
    await station.call(
        station.first_token, "AccessService.RevokeCredential", name="credentials/analyst-1"
    )
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await stream.read()
    assert ended.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(RemoteError, match="'analyst-1' was revoked on") as refused:
        await station.call(token, "IncidentService.ListIncidents", parent=HOME)
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED
    assert token not in str(refused.value)


async def test_an_expired_credential_ends(station: Any, now: datetime) -> None:
    past = Credential(
        name="old",
        role=Role.ANALYST,
        missions=frozenset({"unmiss"}),
        clearance=Marking.CONFIDENTIAL,
        created_at=now - timedelta(days=2),
        created_by="administrator",
        expires_at=now - timedelta(days=1),
    )
    station.ledger.create_credential(past, token_sha256("the old token"))
    with pytest.raises(RemoteError, match="expired on 2026-03-13") as refused:
        await station.call("the old token", "IncidentService.ListIncidents", parent=HOME)
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED
    over = Timestamp()
    over.FromDatetime(now - timedelta(days=400))
    with pytest.raises(RemoteError, match="over already"):
        await station.credential("late", "analyst", "UNCLASSIFIED", expire_time=over)


async def test_an_administrator_of_one_mission_gives_no_more_than_is_its_own(
    station: Any,
) -> None:
    token = await station.credential("chief", "administrator", "CONFIDENTIAL")

    async def make(name: str, **fields: Any) -> Any:
        values: dict[str, Any] = {
            "role": access_pb2.ROLE_OPERATOR,
            "clearance": pledge_pb2.MARKING_CONFIDENTIAL,
            "missions": [HOME],
        }
        return await station.call(
            token,
            "AccessService.CreateCredential",
            credential_id=name,
            credential=access_pb2.Credential(**values | fields),
        )

    assert (await make("op-1")).credential.created_by == "chief"
    beyond: list[dict[str, Any]] = [
        {"missions": ["missions/minusca"]},
        {"missions": [HOME, "missions/minusca"]},
        {"missions": ["missions/-"]},
        {"clearance": pledge_pb2.MARKING_STRICTLY_CONFIDENTIAL},
    ]
    for fields in beyond:
        with pytest.raises(RemoteError) as refused:
            await make("op-2", **fields)
        assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    wrong: list[dict[str, Any]] = [
        {"missions": []},
        {"role": access_pb2.ROLE_CONTRIBUTOR},
        {"role": access_pb2.ROLE_CONTRIBUTOR, "contributor": "SWX"},
        {"role": access_pb2.ROLE_LIAISON},
        {"contributor": "SWE"},
        {"recipient": "x"},
    ]
    for fields in wrong:
        with pytest.raises(RemoteError) as refused:
            await make("op-2", **fields)
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    await station.credential("far", "operator", "CONFIDENTIAL", missions=["missions/minusca"])
    listed = await station.call(token, "AccessService.ListCredentials")
    assert names_of(listed.credentials) == {"chief", "op-1"}
    for name in ("far", "nobody"):
        with pytest.raises(RemoteError, match=f"no credential '{name}'"):
            await station.call(token, "AccessService.RevokeCredential", name=f"credentials/{name}")
    with pytest.raises(RemoteError) as refused:
        await make("administrator")
    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS
    with pytest.raises(RemoteError) as refused:
        await station.call(token, "AuditService.ListAuditEntries", parent=INSTALLATION)
    assert refused.value.code is grpc.StatusCode.NOT_FOUND
    chains = await station.call(token, "AuditService.ListAuditChains")
    assert {chain.chain for chain in chains.chains} <= {HOME}


async def test_who_saw_and_did_what_is_told_once_for_each_call(station: Any) -> None:
    analyst = await station.credential("analyst-1", "analyst", "CONFIDENTIAL")
    operator = await station.credential("lt-berg", "operator", "CONFIDENTIAL")
    await station.call(analyst, "IncidentService.ListIncidents", parent=HOME)
    await station.call(analyst, "IncidentService.GetIncident", name=station.incidents["NOR"])
    with pytest.raises(RemoteError):
        await station.call(
            analyst,
            "IncidentService.DecideIncident",
            name=station.incidents["NOR"],
            verdict=incident_pb2.VERDICT_CONFIRMED,
            revision=1,
        )
    await station.call(
        operator,
        "IncidentService.DecideIncident",
        name=station.incidents["NOR"],
        verdict=incident_pb2.VERDICT_CONFIRMED,
        revision=1,
    )
    with pytest.raises(RemoteError):
        await station.call(
            operator,
            "IncidentService.DecideIncident",
            name=station.incidents["NOR"],
            verdict=incident_pb2.VERDICT_CONFIRMED,
            revision=1,
        )
    await station.call(operator, "PositionService.ListPositions", parent=HOME)
    annotated = f"{HOME}/imagery/image-0000/products/annotated-image"
    await station.call(operator, "ProductService.DownloadProduct", name=annotated)
    await station.call(
        operator, "IncidentService.SubscribeIncidents", parent=HOME, replay_only=True
    )
    nor = station.incidents["NOR"]
    assert station.chain() == [
        ("analyst-1", "IncidentService.ListIncidents", HOME, "done"),
        ("analyst-1", "IncidentService.GetIncident", nor, "done"),
        ("analyst-1", "IncidentService.DecideIncident", nor, "refused"),
        ("lt-berg", "IncidentService.DecideIncident", nor, "done"),
        ("lt-berg", "PositionService.ListPositions", HOME, "done"),
        ("lt-berg", "ProductService.DownloadProduct", annotated, "done"),
        ("lt-berg", "IncidentService.SubscribeIncidents", HOME, "done"),
    ]
    assert station.chain(INSTALLATION) == [
        ("administrator", "AccessService.CreateCredential", "analyst-1", "done"),
        ("administrator", "AccessService.CreateCredential", "lt-berg", "done"),
    ]
    heads = await station.call(station.first_token, "AuditService.ListAuditChains")
    for head in heads.chains:
        assert (head.sequence, head.hash) == (head.noted_sequence, head.noted_hash)
        assert head.sequence == len(station.chain(head.chain))


async def test_no_token_is_kept_told_or_logged(
    station: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = await station.credential("lt-berg", "operator", "CONFIDENTIAL")
    caller = await station.call(token, "AccessService.GetCaller")
    assert caller.name == "credentials/lt-berg"
    listed = await station.call(station.first_token, "AccessService.ListCredentials")
    with pytest.raises(RemoteError):
        await station.call(token, "AccessService.ListCredentials")
    with station.ledger._engine.connect() as connection:
        dump = "\n".join(connection.connection.dbapi_connection.iterdump())
    assert hashlib.sha256(token.encode()).hexdigest() in dump
    for place in (dump, caplog.text, str(listed), str(caller)):
        for secret in (token, station.first_token):
            assert secret not in place
