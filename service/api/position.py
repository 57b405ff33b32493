"""Where peacekeepers are, served."""

from __future__ import annotations

import asyncio
from typing import Any

from vedette.v1 import position_pb2, position_pb2_grpc

from models.errors import InvalidInputError
from pipelines.threats.positions import Position, position_faults
from service.api import names
from service.api.convert.position import POSITION_KINDS, position_message
from service.api.convert.values import chosen
from service.clock import utc_now
from service.ledger.store import Ledger


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
        asked, now = _asked(request), utc_now()
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

    async def DeletePosition(  # noqa: N802 - the contract's name
        self, request: position_pb2.DeletePositionRequest, context: Any
    ) -> position_pb2.DeletePositionResponse:
        """Remove a position; its incidents stay."""
        del context
        mission_id, position_id = names.parse(request.name, "missions/*/positions/*", "name")
        await asyncio.to_thread(self._ledger.delete_position, mission_id, position_id)
        return position_pb2.DeletePositionResponse()


def _asked(request: position_pb2.CreatePositionRequest) -> Position:
    asked = request.position
    for field in ("latitude_deg", "longitude_deg"):
        # An absent number would be a position in the Gulf of Guinea.
        if not asked.HasField(field):
            raise InvalidInputError("is required", field=f"position.{field}")
    position = Position(
        position_id=names.identifier(request.position_id, "position_id"),
        display_name=asked.display_name or request.position_id,
        kind=chosen(POSITION_KINDS, asked.kind, "position.kind"),
        latitude_deg=asked.latitude_deg,
        longitude_deg=asked.longitude_deg,
        sigma_m=asked.sigma_m,
        radius_m=asked.radius_m if asked.HasField("radius_m") else None,
    )
    for field, message in position_faults(position):
        raise InvalidInputError(message, field=f"position.{field}")
    return position
