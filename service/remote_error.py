"""What a refused or failed call says to the side that made it."""

from __future__ import annotations

from typing import cast

import grpc
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from models.errors import VedetteError


class RemoteError(VedetteError):
    """The service refused a call or does not answer.

    Attributes:
        reason: `ErrorInfo.reason` of the service, or the name of the gRPC code.
        code: the gRPC code.
    """

    def __init__(
        self, message: str, *, reason: str, code: grpc.StatusCode, field: str = ""
    ) -> None:
        super().__init__(message, field=field)
        self.reason = reason
        self.code = code

    @property
    def unreachable(self) -> bool:
        """The service was not reached, so nothing is said about the request."""
        return self.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def remote_error(error: grpc.RpcError, address: str) -> RemoteError:
    """What a failed call says, with the reason and field that the service named."""
    code: grpc.StatusCode = error.code()
    message, reason, field = error.details() or "", code.name, ""
    status = rpc_status.from_call(cast("grpc.Call", error))
    for detail in status.details if status is not None else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad) and bad.field_violations:
            field = bad.field_violations[0].field
    if status is None and code is grpc.StatusCode.UNAVAILABLE:
        message = f"the service at {address} does not answer ({message})"
    elif status is None and code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"the service at {address} did not answer in time"
    return RemoteError(message, reason=reason, code=code, field=field)
