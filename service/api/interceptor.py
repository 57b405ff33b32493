"""What happens around every call: who calls, whether that is allowed, and what an error becomes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NoReturn, TypeAlias

import grpc
from google.rpc import status_pb2  # type: ignore[import-untyped]

from models.errors import VedetteError
from service.access import Credential, Role, Sight
from service.access_control import AccessControl
from service.api.call_note import mission_of, note_of
from service.api.permissions import Permission, permission_of, short_name
from service.api.status import code_of, status_of, trailing_metadata, unexpected_status
from service.clock import utc_now
from service.errors import (
    AlreadyExistsError,
    NotFoundError,
    PermissionDeniedError,
    SecondPersonError,
    UnavailableError,
)
from service.ledger.audit_entries import AuditNote, note_for_call, noting

_log = logging.getLogger("vedette.api")
_OPEN_SERVICE = "/grpc.health.v1.Health/"
_REFLECTION = "/grpc.reflection."
_BEARER = "bearer "
# A client that opens a stream and says nothing is gone.
_FIRST_REQUEST_S = 120.0

# What a call that changes something is refused for and told of in the audit.
_TOLD = (AlreadyExistsError, PermissionDeniedError, SecondPersonError)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_CALLER: ContextVar[Credential] = ContextVar("vedette_caller")
_RECHECK: ContextVar[Callable[[], Awaitable[None]]] = ContextVar("vedette_recheck")


def caller() -> str:
    """The name on the credential of the call being served."""
    return _CALLER.get().name


def caller_credential() -> Credential:
    """The credential of the call being served."""
    return _CALLER.get()


def caller_sight() -> Sight:
    """What the caller may see of a mission's things."""
    return _CALLER.get().sight


async def require_still_valid() -> None:
    """Look again whether the caller's credential holds; calls that last for hours do so often.

    Raises:
        UnauthenticatedError: it was revoked, or has expired.
    """
    recheck = _RECHECK.get(None)
    if recheck is not None:
        await recheck()


class CallGuard(grpc.aio.ServerInterceptor):
    """Refuses calls without leave, writes the others down, turns errors into `google.rpc.Status`.

    Args:
        access: knows the callers.
    """

    def __init__(self, access: AccessControl) -> None:
        self._access = access

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler of a call, guarded."""
        method: str = handler_call_details.method
        handler = await continuation(handler_call_details)
        if method.startswith(_OPEN_SERVICE):
            return None if handler is None else _replaced(handler, _Guarded(handler, method))
        token = _token_in(handler_call_details.invocation_metadata or ())
        try:
            credential = await self._credential(token)
        except VedetteError as error:
            # The same answer for a method that does not exist: a stranger learns nothing.
            return _replaced(handler, _Refusal(error))
        if handler is None:
            return handler
        if method.startswith(_REFLECTION):
            return _replaced(handler, _Guarded(handler, method))
        return _replaced(handler, _Permitted(handler, method, self._access, credential, token))

    async def _credential(self, token: str) -> Credential:
        return await asyncio.to_thread(self._access.credential_of, token, utc_now())


def _token_in(metadata: Any) -> str:
    """The token of the first authorization there is; empty where that is none."""
    for key, value in metadata:
        if key == "authorization" and isinstance(value, str):
            if value[: len(_BEARER)].lower() != _BEARER:
                return ""
            return value[len(_BEARER) :].strip()
    return ""


class _Refusal:
    """Answers every call with one error."""

    def __init__(self, error: VedetteError) -> None:
        self._error = error

    async def single(self, request: Any, context: Any) -> NoReturn:
        del request
        await _abort(context, status_of(self._error), code_of(self._error))

    async def stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.single(request, context)
        yield  # makes this a stream; never reached


class _Guarded:
    """Runs a behaviour and translates what it raises."""

    def __init__(self, handler: Handler, method: str) -> None:
        self._behaviour: Any = (
            handler.stream_stream
            or handler.stream_unary
            or handler.unary_stream
            or handler.unary_unary
        )
        self._method = method

    async def single(self, request: Any, context: Any) -> Any:
        try:
            return await self._answer(request, context)
        except VedetteError as error:
            await self._refuse(context, error)
        except grpc.aio.BaseError:
            raise
        except Exception as error:
            if _is_abort(error):
                raise
            await self._fail(context)

    async def stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for answer in self._answers(request, context):
                yield answer
        except VedetteError as error:
            await self._refuse(context, error)
        except grpc.aio.BaseError:
            raise
        except Exception as error:
            if _is_abort(error):
                raise
            await self._fail(context)

    async def _answer(self, request: Any, context: Any) -> Any:
        answer = self._behaviour(request, context)
        # The health and reflection packages also bring behaviours that are not coroutines.
        return await answer if isinstance(answer, Awaitable) else answer

    async def _answers(self, request: Any, context: Any) -> AsyncIterator[Any]:
        answers = self._behaviour(request, context)
        if hasattr(answers, "__aiter__"):
            async for answer in answers:
                yield answer
        elif isinstance(answers, Awaitable):
            await answers
        else:
            for answer in answers:
                yield answer

    async def _refuse(self, context: Any, error: VedetteError) -> NoReturn:
        code = code_of(error)
        if code is grpc.StatusCode.INTERNAL:
            _log.error("%s failed", self._method, exc_info=True)
        else:
            _log.info("%s refused: %s %s: %s", self._method, error.reason, error.field, error)
        await _abort(context, status_of(error), code)

    async def _fail(self, context: Any) -> NoReturn:
        _log.exception("%s failed", self._method)
        await _abort(context, unexpected_status(), grpc.StatusCode.INTERNAL)


class _Permitted(_Guarded):
    """Also holds a call against the caller's role and missions, and writes it down."""

    def __init__(
        self,
        handler: Handler,
        method: str,
        access: AccessControl,
        credential: Credential,
        token: str,
    ) -> None:
        super().__init__(handler, method)
        self._access = access
        self._credential = credential
        self._token = token
        self._permission = permission_of(method)
        self._streams_in = bool(handler.request_streaming)

    async def _answer(self, request: Any, context: Any) -> Any:
        request, note = await self._admit(request)
        if not self._permission.changes:
            answer = await super()._answer(request, context)
            await self._write_down(note, request)
            return answer
        try:
            with noting(note):
                answer = await super()._answer(request, context)
        except VedetteError as error:
            # Who tried what is another's to do, or was made otherwise before, is told; and what was
            # refused when its transaction had ended did not change what it was to.
            if note.written or isinstance(error, _TOLD):
                refused = replace(note, outcome="refused", written=False)
                await asyncio.to_thread(self._access.write_down, refused)
            raise
        # What changed nothing in the ledger, because it was so already, is told all the same.
        await self._write_down(note)
        return answer

    async def _answers(self, request: Any, context: Any) -> AsyncIterator[Any]:
        request, note = await self._admit(request)
        if self._permission.changes:
            note_for_call(note)
        told, asked = False, None if self._streams_in else request
        async for answer in super()._answers(request, context):
            if not told:
                # Before the first answer is sent: nobody sees a thing without a trace.
                await self._write_down(note, asked)
                told = True
            yield answer
        if not told:
            await self._write_down(note, asked)

    async def _admit(self, request: Any) -> tuple[Any, AuditNote]:
        """The request, and what is to be told of it.

        Raises:
            PermissionDeniedError: the role may not call this.
            NotFoundError: the mission is none of the caller's; the same where it does not exist.
        """
        _CALLER.set(self._credential)
        _RECHECK.set(self._recheck)
        first = request
        if self._streams_in:
            first, request = await _peeked(request)
        note = note_of(
            first, self._credential, self._permission, short_name(self._method), utc_now()
        )
        try:
            _require_role(self._credential, self._permission)
            _require_mission(self._credential, self._permission, first)
        except (PermissionDeniedError, NotFoundError):
            note.outcome = "refused"
            await asyncio.to_thread(self._access.write_down, note)
            raise
        return request, note

    async def _write_down(self, note: AuditNote, request: Any = None) -> None:
        if not self._permission.audited or note.written:
            return
        counted = self._permission.counted
        if counted and self._permission.continues:
            counted = bool(getattr(request, self._permission.continues, None))
        write = self._access.write_down_read if counted else self._access.write_down
        await asyncio.to_thread(write, note)

    async def _recheck(self) -> None:
        await asyncio.to_thread(self._access.credential_of, self._token, utc_now())


def _require_role(credential: Credential, permission: Permission) -> None:
    if credential.role not in permission.roles:
        *others, last = (role.value for role in Role if role in permission.roles)
        allowed = f"{', '.join(others)} or {last}" if others else last
        raise PermissionDeniedError(
            f"this needs the role {allowed}; the credential {credential.name!r} has the role "
            f"{credential.role}"
        )


def _require_mission(credential: Credential, permission: Permission, request: Any) -> None:
    mission_id = mission_of(request, permission)
    # What has not the form of a name is refused by the service itself, to everybody alike.
    if mission_id and not credential.covers(mission_id):
        raise NotFoundError(
            f"the credential {credential.name!r} knows no mission {mission_id!r}",
            field=permission.scope,
        )


async def _peeked(requests: AsyncIterator[Any]) -> tuple[Any, AsyncIterator[Any]]:
    """The first request of a stream, None where there is none, and the whole stream again.

    Raises:
        UnavailableError: none came for too long.
    """
    source = aiter(requests)
    try:
        async with asyncio.timeout(_FIRST_REQUEST_S):
            first = await anext(source, None)
    except TimeoutError as error:
        raise UnavailableError(f"no byte came for {_FIRST_REQUEST_S:.0f} s") from error

    async def whole() -> AsyncIterator[Any]:
        if first is not None:
            yield first
            async for each in source:
                yield each

    return first, whole()


async def _abort(context: Any, status: status_pb2.Status, code: grpc.StatusCode) -> NoReturn:
    await context.abort(code, status.message, trailing_metadata(status))
    raise AssertionError("abort returned")


def _is_abort(error: Exception) -> bool:
    return type(error).__name__ == "AbortError"


def _replaced(handler: Handler | None, behaviour: _Refusal | _Guarded) -> Handler:
    if handler is None:
        return grpc.unary_unary_rpc_method_handler(behaviour.single)
    makers = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    kind = (bool(handler.request_streaming), bool(handler.response_streaming))
    return makers[kind](
        behaviour.stream if handler.response_streaming else behaviour.single,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
