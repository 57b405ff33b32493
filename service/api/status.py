"""Errors to `google.rpc.Status`: one table, one place."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from models.errors import (
    EngineError,
    InvalidInputError,
    ModelRefusedError,
    NotAllowedNowError,
    UnreadableImageError,
    VedetteError,
)
from service.errors import (
    AlreadyExistsError,
    ChecksumMismatchError,
    LeaseLostError,
    LimitExceededError,
    NotFoundError,
    PermissionDeniedError,
    SecondPersonError,
    StaleRevisionError,
    StartupError,
    UnauthenticatedError,
    UnavailableError,
)

DOMAIN = "vedette"
_STATUS_HEADER = "grpc-status-details-bin"

# The nearest class in an error's ancestry decides.
CODES: dict[type[VedetteError], grpc.StatusCode] = {
    InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    UnreadableImageError: grpc.StatusCode.INVALID_ARGUMENT,
    ChecksumMismatchError: grpc.StatusCode.INVALID_ARGUMENT,
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    AlreadyExistsError: grpc.StatusCode.ALREADY_EXISTS,
    StaleRevisionError: grpc.StatusCode.ABORTED,
    NotAllowedNowError: grpc.StatusCode.FAILED_PRECONDITION,
    LeaseLostError: grpc.StatusCode.ABORTED,
    PermissionDeniedError: grpc.StatusCode.PERMISSION_DENIED,
    SecondPersonError: grpc.StatusCode.FAILED_PRECONDITION,
    LimitExceededError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
    UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    EngineError: grpc.StatusCode.INTERNAL,
    ModelRefusedError: grpc.StatusCode.FAILED_PRECONDITION,
    StartupError: grpc.StatusCode.FAILED_PRECONDITION,
    VedetteError: grpc.StatusCode.INTERNAL,
}


def code_of(error: VedetteError) -> grpc.StatusCode:
    """The gRPC code of an error."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def status_of(error: VedetteError) -> status_pb2.Status:
    """An error as `google.rpc.Status` with ErrorInfo and, for a caller's field, BadRequest."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    details: list[AnyMessage] = []
    if error.field:
        info.metadata["field"] = error.field
    packed = AnyMessage()
    packed.Pack(info)
    details.append(packed)
    if error.field:
        bad = AnyMessage()
        bad.Pack(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(
                        field=error.field, description=str(error), reason=error.reason
                    )
                ]
            )
        )
        details.append(bad)
    code: int = code_of(error).value[0]
    return status_pb2.Status(code=code, message=str(error), details=details)


def unexpected_status() -> status_pb2.Status:
    """What a caller learns of a fault of the service: that there was one."""
    return status_of(VedetteError("the service failed at this call; its log says why"))


def trailing_metadata(status: status_pb2.Status) -> tuple[tuple[str, bytes], ...]:
    """The trailer that carries a status to the client."""
    return ((_STATUS_HEADER, status.SerializeToString()),)
