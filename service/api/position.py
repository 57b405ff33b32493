"""Where peacekeepers are, and what they protect, served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from vedette.v1 import position_pb2, position_pb2_grpc

from models.errors import InvalidInputError
from pipelines.threats.positions.patrols import MAX_AHEAD
from service.api import names
from service.api.convert.position import position_message, position_value, report_value
from service.api.interceptor import require_still_valid
from service.api.position_file import import_file, received_file
from service.clock import utc_now
from service.ledger.store import Ledger

MOST_REPORTS = 1_000
"""Reports of one message of a patrol."""

_PLACE_FIELDS = frozenset({"latitude_deg", "longitude_deg", "sigma_m"})
_MASKED = (
    *("display_name", "kind", "latitude_deg", "longitude_deg", "sigma_m", "radius_m"),
    *("polygon", "line", "aging", "valid_from", "valid_until", "use_times"),
)


class PositionService(position_pb2_grpc.PositionServiceServicer):
    """`vedette.v1.PositionService`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def CreatePosition(  # noqa: N802 - the contract's name
        self, request: position_pb2.CreatePositionRequest, context: Any
    ) -> position_pb2.Position:
        """Register a position."""
        del context
        mission_id = names.mission(request.parent)
        position_id = names.identifier(request.position_id, "position_id")
        now = utc_now()
        asked = await asyncio.to_thread(position_value, request.position, position_id)
        if asked.reported_at is not None and asked.reported_at > now + MAX_AHEAD:
            raise InvalidInputError("is in the future", field="position.report_time")
        made = await asyncio.to_thread(self._ledger.create_position, mission_id, asked, now)
        return position_message(mission_id, made)

    async def GetPosition(  # noqa: N802 - the contract's name
        self, request: position_pb2.GetPositionRequest, context: Any
    ) -> position_pb2.Position:
        """One position."""
        del context
        mission_id, position_id = names.parse(request.name, "missions/*/positions/*", "name")
        found = await asyncio.to_thread(self._ledger.get_position, mission_id, position_id)
        return position_message(mission_id, found)

    async def ListPositions(  # noqa: N802 - the contract's name
        self, request: position_pb2.ListPositionsRequest, context: Any
    ) -> position_pb2.ListPositionsResponse:
        """The positions of a mission."""
        del context
        mission_id = names.mission(request.parent)
        page = await asyncio.to_thread(
            self._ledger.list_positions,
            mission_id,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        if not page.items:
            # Positions may be there before the first pledge.
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return position_pb2.ListPositionsResponse(
            positions=[position_message(mission_id, position) for position in page.items],
            next_page_token=page.next_page_token,
        )

    async def UpdatePosition(  # noqa: N802 - the contract's name
        self, request: position_pb2.UpdatePositionRequest, context: Any
    ) -> position_pb2.Position:
        """Change some fields of a position, or all of them."""
        del context
        mission_id, position_id = names.parse(
            request.position.name, "missions/*/positions/*", "position.name"
        )
        changed = await asyncio.to_thread(self._update, mission_id, position_id, request)
        return position_message(mission_id, changed)

    async def DeletePosition(  # noqa: N802 - the contract's name
        self, request: position_pb2.DeletePositionRequest, context: Any
    ) -> position_pb2.DeletePositionResponse:
        """Remove a position; its incidents stay."""
        del context
        mission_id, position_id = names.parse(request.name, "missions/*/positions/*", "name")
        await asyncio.to_thread(self._ledger.delete_position, mission_id, position_id)
        return position_pb2.DeletePositionResponse()

    async def StreamPatrol(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[position_pb2.StreamPatrolRequest], context: Any
    ) -> AsyncIterator[position_pb2.StreamPatrolResponse]:
        """Take reports of patrols of one mission; each message is acknowledged when it is safe."""
        del context
        patrol, sequence = "", None
        async for request in request_iterator:
            await require_still_valid()
            named = request.patrol or patrol
            mission_id, position_id = names.parse(named, "missions/*/positions/*", "patrol")
            if patrol and names.parse(patrol, "missions/*/positions/*", "patrol")[0] != mission_id:
                # The caller was let in for the mission of the first message.
                raise InvalidInputError("is of another mission than the first", field="patrol")
            if sequence is not None and request.sequence <= sequence:
                raise InvalidInputError(
                    f"{request.sequence} is not greater than {sequence}, the one before",
                    field="sequence",
                )
            if len(request.reports) > MOST_REPORTS:
                raise InvalidInputError(f"more than {MOST_REPORTS}", field="reports")
            patrol, sequence, now = named, request.sequence, utc_now()
            reports = [
                report_value(report, f"reports[{index}]", now)
                for index, report in enumerate(request.reports)
            ]
            await asyncio.to_thread(self._ledger.add_reports, mission_id, position_id, reports, now)
            yield position_pb2.StreamPatrolResponse(acknowledged_sequence=sequence)

    async def ImportPositions(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[position_pb2.ImportPositionsRequest], context: Any
    ) -> position_pb2.ImportPositionsResponse:
        """Register the positions of a file, or only tell what is wrong with it."""
        del context
        header, data = await received_file(request_iterator)
        return await asyncio.to_thread(import_file, self._ledger, header, data, utc_now())

    def _update(
        self, mission_id: str, position_id: str, request: position_pb2.UpdatePositionRequest
    ) -> Any:
        existing = self._ledger.get_position(mission_id, position_id)
        asked, paths = request.position, list(request.update_mask.paths)
        unknown = [path for path in paths if path not in _MASKED]
        if unknown:
            raise InvalidInputError(
                f"{unknown[0][:60]!r} is none of {', '.join(_MASKED)}", field="update_mask"
            )
        if existing.reported_at is not None and _PLACE_FIELDS & set(paths):
            raise InvalidInputError(
                "a patrol that reports is moved by StreamPatrol alone", field="update_mask"
            )
        merged = asked
        if paths:
            merged = position_message(mission_id, existing)
            for path in paths:
                _take(merged, asked, path)
        value = position_value(merged, position_id)
        return self._ledger.update_position(mission_id, value, asked.revision or None)


def _take(merged: position_pb2.Position, asked: position_pb2.Position, path: str) -> None:
    """Make one field of a message that of another, absence included."""
    merged.ClearField(path)
    only = position_pb2.Position()
    only.CopyFrom(asked)
    for field in only.DESCRIPTOR.fields:
        if field.name != path:
            only.ClearField(field.name)
    merged.MergeFrom(only)
