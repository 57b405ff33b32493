"""Hard negatives, served to those who train the next model."""

from __future__ import annotations

import asyncio
from typing import Any

from vedette.v1 import negative_pb2, negative_pb2_grpc

from service.api import names
from service.api.convert.incident import REASON_CODES
from service.api.convert.pledge import MARKINGS
from service.api.convert.values import numbers, timestamp
from service.api.interceptor import caller_sight
from service.errors import NotFoundError, UnavailableError
from service.ledger.records import ChipState, HardNegativeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore

CHIP_STATES = numbers(negative_pb2.ChipState, "CHIP_STATE", ChipState)


class HardNegativeService(negative_pb2_grpc.HardNegativeServiceServicer):
    """`vedette.v1.HardNegativeService`."""

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects

    async def ListHardNegatives(  # noqa: N802 - the contract's name
        self, request: negative_pb2.ListHardNegativesRequest, context: Any
    ) -> negative_pb2.ListHardNegativesResponse:
        """The hard negatives of a mission, oldest first."""
        del context
        mission_id = names.mission(request.parent)
        page = await asyncio.to_thread(
            self._ledger.list_negatives,
            mission_id,
            page_size=request.page_size,
            page_token=request.page_token,
            sight=caller_sight(),
        )
        if not page.items:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return negative_pb2.ListHardNegativesResponse(
            hard_negatives=[_message(record) for record in page.items],
            next_page_token=page.next_page_token,
        )

    async def GetHardNegative(  # noqa: N802 - the contract's name
        self, request: negative_pb2.GetHardNegativeRequest, context: Any
    ) -> negative_pb2.HardNegative:
        """One, with its chip."""
        del context
        mission_id, incident_id = names.parse(request.name, "missions/*/negatives/*", "name")
        record = await asyncio.to_thread(
            self._ledger.get_negative, mission_id, incident_id, sight=caller_sight()
        )
        if record.state is ChipState.FAILED:
            raise NotFoundError(f"its chip could not be cut: {record.failure}", field="name")
        if record.chip is None:
            raise UnavailableError("its chip is not cut yet; a worker does so when it is free")
        message = _message(record)
        message.chip = await asyncio.to_thread(self._objects.get, record.chip.object_key)
        return message


def _message(record: HardNegativeRecord) -> negative_pb2.HardNegative:
    message = negative_pb2.HardNegative(
        name=f"missions/{record.mission_id}/negatives/{record.incident_id}",
        imagery=names.imagery_name(record.mission_id, record.imagery_id),
        category=record.category,
        confidence=record.confidence,
        reason_code=REASON_CODES[record.reason_code],
        marking=MARKINGS[record.marking],
        decided_by=record.decided_by,
        decide_time=timestamp(record.decided_at),
        state=CHIP_STATES[record.state],
        failure=record.failure,
    )
    if record.chip is not None:
        left_px, top_px, right_px, bottom_px = record.box_in_chip
        message.left_px, message.top_px = left_px, top_px
        message.right_px, message.bottom_px = right_px, bottom_px
        message.width_px, message.height_px = record.chip.width_px, record.chip.height_px
        message.sha256 = record.chip.sha256
    return message
