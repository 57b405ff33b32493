from __future__ import annotations

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]

from models.errors import InvalidInputError, UnreadableImageError, VedetteError
from service.api.status import code_of, status_of, unexpected_status
from service.errors import NotFoundError, StaleRevisionError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnreadableImageError("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (StaleRevisionError("x"), grpc.StatusCode.ABORTED),
        (NotFoundError("x"), grpc.StatusCode.NOT_FOUND),
        (VedetteError("x"), grpc.StatusCode.INTERNAL),
    ],
)
def test_an_error_has_its_code(error: VedetteError, code: grpc.StatusCode) -> None:
    assert code_of(error) is code


def test_a_field_at_fault_comes_as_bad_request() -> None:
    status = status_of(InvalidInputError("too long", field="header.sortie"))
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (info.reason, info.domain) == ("INVALID_INPUT", "vedette")
    assert bad.field_violations[0].field == "header.sortie"
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_a_fault_of_the_service_tells_nothing_of_its_inside() -> None:
    assert unexpected_status().message == "the service failed at this call; its log says why"
