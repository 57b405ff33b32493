"""Enumerations and times in messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from models.errors import InvalidInputError

Value = TypeVar("Value", bound=StrEnum)


def numbers(enum: Any, prefix: str, values: Iterable[Value]) -> Mapping[Value, Any]:
    """The message's number of each value; the names agree but for the prefix."""
    return {value: enum.Value(f"{prefix}_{value.name}") for value in values}


def chosen(numbers: Mapping[Value, Any], number: int, field: str) -> Value:
    """The value of a message's number.

    Raises:
        InvalidInputError: it is unspecified or unknown.
    """
    for value, known in numbers.items():
        if known == number:
            return value
    wanted = ", ".join(value.name for value in numbers)
    raise InvalidInputError(f"must be one of {wanted}", field=field)


def timestamp(time: datetime | None) -> Timestamp | None:
    """A time as a message; None stays None, which leaves a field unset."""
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time.astimezone(UTC))
    return message


def time_of(message: Timestamp, field: str) -> datetime:
    """A message as aware UTC time.

    Raises:
        InvalidInputError: it is out of range.
    """
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"is not a time: {error}", field=field) from error
