from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from vedette.v1 import pledge_pb2, pledge_pb2_grpc

from models.errors import InvalidInputError
from service.access_control import AccessControl
from service.api.interceptor import CallGuard, caller
from service.api.server import OPTIONS
from service.identity import ensure_identity
from service.ledger.store import Ledger

LIST = "/vedette.v1.PledgeService/ListPledges"
CREATE = "/vedette.v1.PledgeService/CreatePledge"


class Pledges(pledge_pb2_grpc.PledgeServiceServicer):
    """Answers with the caller's name, or fails as its request says."""

    async def ListPledges(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.ListPledgesRequest, context: Any
    ) -> pledge_pb2.ListPledgesResponse:
        del context
        if request.parent == "refused":
            raise InvalidInputError("no such form", field="parent")
        if request.parent == "broken":
            raise RuntimeError("the password is hush")
        return pledge_pb2.ListPledgesResponse(next_page_token=caller())

    async def GetPledge(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.GetPledgeRequest, context: Any
    ) -> pledge_pb2.Pledge:
        raise NotImplementedError

    async def CreatePledge(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.CreatePledgeRequest, context: Any
    ) -> pledge_pb2.Pledge:
        raise NotImplementedError


@pytest.fixture
async def token_and_channel(
    tmp_path: Path, sqlite_ledger: Ledger
) -> AsyncIterator[tuple[str, Any]]:
    now = datetime.now(UTC)
    identity = ensure_identity(tmp_path / "identity", "127.0.0.1", now)
    guard = CallGuard(AccessControl(identity, sqlite_ledger, now))
    server = grpc.aio.server(interceptors=(guard,), options=OPTIONS)
    pledge_pb2_grpc.add_PledgeServiceServicer_to_server(Pledges(), server)  # type: ignore[abstract]  # of one RPC
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield identity.token_file.read_text().strip(), channel
    await server.stop(0)


async def ask(
    channel: Any, method: str, *metadata: tuple[str, str | bytes], parent: str = "missions/m"
) -> Any:
    call = channel.unary_unary(
        method,
        request_serializer=pledge_pb2.ListPledgesRequest.SerializeToString,
        response_deserializer=pledge_pb2.ListPledgesResponse.FromString,
    )
    request = pledge_pb2.ListPledgesRequest(parent=parent)
    return await call(request, metadata=metadata, timeout=10)


@pytest.mark.parametrize(
    "made",
    [
        lambda _: (),
        lambda _: (("authorization", "Bearer wrong"),),
        lambda _: (("authorization", "Bearer "),),
        lambda _: (("authorization", ""),),
        lambda token: (("authorization", token),),
        lambda token: (("authorization", f"Basic {token}"),),
        lambda token: (("authorization", f"Token {token}"),),
        lambda token: (("authorization", f"Bearer{token}"),),
        lambda token: (("authorization", f"Bearer {token}x"),),
        lambda token: (("authorization", f"Bearer {token[:-1]}"),),
        lambda token: (("authorization", f"Bearer {token.swapcase()}"),),
        lambda token: (("x-authorization", f"Bearer {token}"),),
        lambda token: (("authorization-bin", f"Bearer {token}".encode()),),
        # The first one counts: nobody slips a good one in behind a bad one.
        lambda token: (("authorization", "Bearer x"), ("authorization", f"Bearer {token}")),
    ],
)
@pytest.mark.parametrize("method", [LIST, CREATE, "/vedette.v1.None/None", "/x/y"])
async def test_without_its_token_every_method_answers_alike(
    token_and_channel: tuple[str, Any], made: Any, method: str
) -> None:
    token, channel = token_and_channel
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(channel, method, *made(token))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert token not in str(refused.value)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_names_the_caller(token_and_channel: tuple[str, Any], scheme: str) -> None:
    token, channel = token_and_channel
    answer = await ask(channel, LIST, ("authorization", f"{scheme} {token}"))
    assert answer.next_page_token == "administrator"  # noqa: S105 - a caller's name


async def test_refusals_name_the_field_and_defects_tell_nothing(
    token_and_channel: tuple[str, Any],
) -> None:
    token, channel = token_and_channel
    good = ("authorization", f"Bearer {token}")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(channel, LIST, good, parent="refused")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    trailing = dict(refused.value.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    assert bad.field_violations[0].field == "parent"
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await ask(channel, LIST, good, parent="broken")
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert "hush" not in str(failed.value)
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await ask(channel, "/x/y", good)
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_request_beyond_two_mebibytes_is_refused(
    token_and_channel: tuple[str, Any],
) -> None:
    token, channel = token_and_channel
    good = ("authorization", f"Bearer {token}")
    assert await ask(channel, LIST, good, parent="x" * (1 << 20))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(channel, LIST, good, parent="x" * (2 << 20))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
