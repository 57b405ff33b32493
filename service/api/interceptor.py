"""What happens around every call: who is calling, and what an error becomes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any, NoReturn, TypeAlias

import grpc
from google.rpc import status_pb2  # type: ignore[import-untyped]

from models.errors import VedetteError
from service.api.status import code_of, status_of, trailing_metadata, unexpected_status
from service.errors import UnauthenticatedError
from service.identity import Identity

_log = logging.getLogger("vedette.api")
_OPEN_SERVICE = "/grpc.health.v1.Health/"
_BEARER = "bearer "

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_CALLER: ContextVar[str] = ContextVar("vedette_caller")


def caller() -> str:
    """The name on the credential of the call being served."""
    return _CALLER.get()


class CallGuard(grpc.aio.ServerInterceptor):
    """Refuses calls without a valid token and turns errors into `google.rpc.Status`."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler of a call, guarded."""
        method: str = handler_call_details.method
        name: str | None = ""
        if not method.startswith(_OPEN_SERVICE):
            name = self._caller_of(handler_call_details.invocation_metadata or ())
        handler = await continuation(handler_call_details)
        if name is None:
            # The same answer for a method that does not exist: a stranger learns nothing.
            refusal = UnauthenticatedError(
                "this call needs the header 'authorization: Bearer TOKEN'; endpoint.json names "
                "the file of the token"
            )
            return _replaced(handler, _Refusal(refusal))
        if handler is None:
            return handler
        return _replaced(handler, _Guarded(handler, method, name))

    def _caller_of(self, metadata: Any) -> str | None:
        for key, value in metadata:
            if key == "authorization" and isinstance(value, str):
                if value[: len(_BEARER)].lower() != _BEARER:
                    return None
                return self._identity.caller_of(value[len(_BEARER) :].strip())
        return None


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

    def __init__(self, handler: Handler, method: str, caller_name: str) -> None:
        self._behaviour: Any = (
            handler.stream_stream
            or handler.stream_unary
            or handler.unary_stream
            or handler.unary_unary
        )
        self._method = method
        self._caller = caller_name

    async def single(self, request: Any, context: Any) -> Any:
        _CALLER.set(self._caller)
        try:
            answer = self._behaviour(request, context)
            # The health and reflection packages also bring behaviours that are not coroutines.
            return await answer if isinstance(answer, Awaitable) else answer
        except VedetteError as error:
            await self._refuse(context, error)
        except grpc.aio.BaseError:
            raise
        except Exception as error:
            if _is_abort(error):
                raise
            await self._fail(context)

    async def stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        _CALLER.set(self._caller)
        try:
            answers = self._behaviour(request, context)
            if hasattr(answers, "__aiter__"):
                async for answer in answers:
                    yield answer
            elif isinstance(answers, Awaitable):
                await answers
            else:
                for answer in answers:
                    yield answer
        except VedetteError as error:
            await self._refuse(context, error)
        except grpc.aio.BaseError:
            raise
        except Exception as error:
            if _is_abort(error):
                raise
            await self._fail(context)

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
