"""What the models saw, served."""

from __future__ import annotations

import asyncio
from typing import Any

from vedette.v1 import detection_pb2, detection_pb2_grpc

from service.api import names
from service.api.convert.detection import detection_message
from service.api.convert.values import time_of
from service.api.interceptor import caller_sight
from service.ledger.records import Area
from service.ledger.store import Ledger


class DetectionService(detection_pb2_grpc.DetectionServiceServicer):
    """`vedette.v1.DetectionService`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def ListDetections(  # noqa: N802 - the contract's name
        self, request: detection_pb2.ListDetectionsRequest, context: Any
    ) -> detection_pb2.ListDetectionsResponse:
        """Detections of a mission, newest imagery first."""
        del context
        mission_id = names.mission(request.parent)
        imagery_id = None
        if request.imagery:
            # The imagery must be of the mission that is asked: nothing crosses missions.
            pattern = f"{request.parent}/imagery/*"
            (imagery_id,) = names.parse(request.imagery, pattern, "imagery")
        area = None
        if request.HasField("area"):
            area = Area(
                south_deg=request.area.south_deg,
                west_deg=request.area.west_deg,
                north_deg=request.area.north_deg,
                east_deg=request.area.east_deg,
            )
        since = None
        if request.HasField("captured_since"):
            since = time_of(request.captured_since, "captured_since")
        page = await asyncio.to_thread(
            self._ledger.list_detections,
            mission_id,
            page_size=request.page_size,
            page_token=request.page_token,
            imagery_id=imagery_id,
            categories=names.categories(request.categories, "categories"),
            area=area,
            captured_since=since,
            sight=caller_sight(),
        )
        if not page.items:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return detection_pb2.ListDetectionsResponse(
            detections=[detection_message(record) for record in page.items],
            next_page_token=page.next_page_token,
        )
