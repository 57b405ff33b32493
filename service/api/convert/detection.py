"""Detections as messages."""

from __future__ import annotations

from vedette.v1 import detection_pb2

from service.api import names
from service.api.convert.ground import ground_message
from service.api.convert.values import timestamp
from service.ledger.records import DetectionRecord


def detection_message(record: DetectionRecord) -> detection_pb2.Detection:
    """A detection."""
    left, top, right, bottom = record.xyxy
    imagery = names.imagery_name(record.mission_id, record.imagery_id)
    return detection_pb2.Detection(
        name=f"{imagery}/detections/{record.index}",
        category=record.category,
        confidence=record.confidence,
        box=detection_pb2.PixelBox(
            x_px=left, y_px=top, width_px=right - left, height_px=bottom - top
        ),
        ground=ground_message(record.ground),
        capture_time=timestamp(record.captured_at),
    )
