"""No string and no missing field of any request breaks anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from vedette.v1 import incident_pb2

from models.errors import InvalidInputError, VedetteError
from service.errors import AlreadyExistsError, NotFoundError, StaleRevisionError
from tests.service.api.two_missions import METHODS, House


def strings_of(message: Message, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of every string field that a client may fill, those of messages within included."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield (*path, field.name)
        elif (
            field.type == FieldDescriptor.TYPE_MESSAGE
            and not field.is_repeated
            and message.HasField(field.name)
        ):
            yield from strings_of(getattr(message, field.name), (*path, field.name))


NASTY = ("x" * 100_000, "a\x00b", "missions\n/unmiss", "\u202ea", "../..", "\ud7ff" * 300, "'; --")
# A reason that is accepted moves the incident on, beyond the revision that the next one names.
EXPECTED = (InvalidInputError, NotFoundError, AlreadyExistsError, StaleRevisionError)
# What the service itself fills in, and ignores from a client.
FILLED_IN = {
    "credential.created_by",
    "credential.name",
    "credential.revoked_by",
    "pledge.name",
    "position.name",
    "rule.set_by",
}


@pytest.mark.parametrize("method", METHODS)
async def test_no_string_of_any_request_breaks_anything(house: House, method: str) -> None:
    for path in strings_of(house.requests("unmiss")[method]):
        for text in NASTY:
            request = house.requests("unmiss")[method]
            holder: Any = request
            for name in path[:-1]:
                holder = getattr(holder, name)
            field = holder.DESCRIPTOR.fields_by_name[path[-1]]
            if field.is_repeated:
                getattr(holder, path[-1]).append(text)
            else:
                setattr(holder, path[-1], text)
            told = await refusal_of(house, method, request)
            if told is None:
                refused = len(text) > 1000 or "\x00" in text or "\n" in text
                assert not refused or ".".join(path) in FILLED_IN, (path, text[:20])
            else:
                assert isinstance(told, EXPECTED), (path, text[:9], told)
                # It goes into a header of limited size, and must not carry the field whole.
                assert len(str(told)) < 1000, path


async def refusal_of(house: House, method: str, request: Message) -> VedetteError | None:
    """The error that a request is answered with; any other than Vedette's own fails the test."""
    try:
        await house.answers(method, request)
    except VedetteError as error:
        return error
    return None


@pytest.mark.parametrize("left_out", ["latitude_deg", "longitude_deg"])
async def test_a_position_without_a_place_is_refused(house: House, left_out: str) -> None:
    request = house.requests("unmiss")["PositionService.CreatePosition"]
    request.position.ClearField(left_out)  # type: ignore[attr-defined]
    with pytest.raises(InvalidInputError, match="required") as caught:
        await house.answers("PositionService.CreatePosition", request)
    assert caught.value.field == f"position.{left_out}"


async def test_events_that_were_never_there_are_refused(house: House) -> None:
    method = "IncidentService.SubscribeIncidents"
    request = incident_pb2.SubscribeIncidentsRequest(
        parent="missions/unmiss", since=1, replay_only=True
    )
    assert await house.answers(method, request) == []
    request.since = 2
    with pytest.raises(InvalidInputError, match="last event of this mission is number 1") as caught:
        await house.answers(method, request)
    assert caught.value.field == "since"
