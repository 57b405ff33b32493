"""A file of positions, received in chunks and registered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from pipelines.threats.positions.position import Position
from pipelines.threats.positions.position_import import (
    ImportedFile,
    ImportFault,
    read_positions,
)
from service.api import names
from service.api.convert.position import IMPORT_CHANGES, IMPORT_FORMATS, fault_message
from service.api.convert.values import chosen
from service.errors import AlreadyExistsError, LimitExceededError, UnavailableError
from service.ledger.positions import PositionChange
from service.ledger.store import Ledger

LARGEST_FILE = 32 << 20
_LONGEST_CHUNK = 1 << 20
_SILENCE_S = 120.0
_MOST_FAULTS = 1_000


async def received_file(
    parts: AsyncIterator[position_pb2.ImportPositionsRequest],
) -> tuple[position_pb2.ImportHeader, bytes]:
    """The header and the bytes of a file.

    Raises:
        InvalidInputError: the header is missing, or something other than chunks follows it.
        LimitExceededError: the file is too large.
        UnavailableError: the client fell silent.
    """
    first = await _next(parts)
    if first is None or first.WhichOneof("content") != "header":
        raise InvalidInputError("the first message is the header", field="header")
    names.mission(first.header.parent, "header.parent")
    data = bytearray()
    while (part := await _next(parts)) is not None:
        if part.WhichOneof("content") != "chunk":
            raise InvalidInputError("only chunks may follow the header", field="chunk")
        if len(part.chunk) > _LONGEST_CHUNK:
            raise InvalidInputError(f"longer than {_LONGEST_CHUNK} bytes", field="chunk")
        data += part.chunk
        if len(data) > LARGEST_FILE:
            raise LimitExceededError(
                f"the file is larger than {LARGEST_FILE >> 20} MiB; split it", field="chunk"
            )
    return first.header, bytes(data)


async def _next(
    parts: AsyncIterator[position_pb2.ImportPositionsRequest],
) -> position_pb2.ImportPositionsRequest | None:
    try:
        async with asyncio.timeout(_SILENCE_S):
            return await anext(parts, None)
    except TimeoutError as error:
        raise UnavailableError(f"nothing came for {_SILENCE_S:.0f} s; send it again") from error


def import_file(
    ledger: Ledger, header: position_pb2.ImportHeader, data: bytes, now: datetime
) -> position_pb2.ImportPositionsResponse:
    """Register what a file tells, as its header asks.

    Raises:
        InvalidInputError: the header names no known format.
        AlreadyExistsError: a colleague registered one of its positions in the same moment.
    """
    mission_id = names.mission(header.parent, "header.parent")
    file_format = None
    if header.format != position_pb2.IMPORT_FORMAT_UNSPECIFIED:
        file_format = chosen(IMPORT_FORMATS, header.format, "header.format")
    found = read_positions(data, file_format)
    previewed = ledger.import_positions(
        mission_id,
        found.positions,
        replace_existing=header.replace,
        validate_only=True,
        now=now,
    )
    faults = _in_order([*found.faults, *_conflicts(found, previewed)])
    taken: list[tuple[Position, PositionChange]] = [
        (position, change)
        for position, change in zip(found.positions, previewed, strict=True)
        if change is not PositionChange.CONFLICTS
    ]
    commits = not header.validate_only and bool(taken) and (header.allow_partial or not faults)
    if commits:
        changes = ledger.import_positions(
            mission_id,
            [position for position, _ in taken],
            replace_existing=header.replace,
            validate_only=False,
            now=now,
        )
        if PositionChange.CONFLICTS in changes:
            raise AlreadyExistsError(
                "somebody registered one of these positions in this moment; nothing was imported, "
                "try again",
                field="chunk",
            )
        taken = [(position, change) for (position, _), change in zip(taken, changes, strict=True)]
    elif not header.validate_only:
        taken = []
    return position_pb2.ImportPositionsResponse(
        positions=[
            position_pb2.ImportedPosition(
                position_id=position.position_id, change=IMPORT_CHANGES[change]
            )
            for position, change in taken
        ],
        faults=[fault_message(fault) for fault in faults[:_MOST_FAULTS]],
        fault_count=len(faults),
        committed=commits,
    )


def _conflicts(found: ImportedFile, changes: Sequence[PositionChange]) -> list[ImportFault]:
    return [
        ImportFault(
            entry=entry,
            position_id=position.position_id,
            field="",
            message="exists and differs; it is put in its place only when that is asked for "
            "(replace)",
        )
        for entry, position, change in zip(found.entries, found.positions, changes, strict=True)
        if change is PositionChange.CONFLICTS
    ]


def _in_order(faults: list[ImportFault]) -> list[ImportFault]:
    return sorted(faults, key=lambda fault: fault.entry)
