"""What the models saw, searchable by place, time and category."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select

from models.errors import InvalidInputError
from pipelines.assessment import Assessment
from service.access import EVERYTHING, Sight
from service.errors import NotFoundError
from service.ledger.database import Database
from service.ledger.documents import ground_document, ground_value
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import Area, DetectionRecord, ImageryRecord
from service.ledger.sight import seen_detections
from service.ledger.tables import detections

_INSERT = insert(detections)


class DetectionSearch(Database):
    """Detections of every mission."""

    def get_detection(self, mission_id: str, imagery_id: str, index: int) -> DetectionRecord:
        """One detection.

        Raises:
            NotFoundError: the imagery has none of that number.
        """
        with self._reading() as connection:
            row = connection.execute(
                select(detections).where(
                    detections.c.mission_id == mission_id,
                    detections.c.imagery_id == imagery_id,
                    detections.c.detection_index == index,
                )
            ).one_or_none()
        if row is None:
            raise NotFoundError(f"imagery {imagery_id!r} has no detection {index}")
        return _detection(row)

    def list_detections(
        self,
        mission_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        imagery_id: str | None = None,
        categories: Collection[str] = (),
        area: Area | None = None,
        captured_since: datetime | None = None,
        sight: Sight = EVERYTHING,
    ) -> Page[DetectionRecord]:
        """Detections of a mission, newest imagery first, most confident first within each.

        Args:
            mission_id: the mission.
            page_size: 0 for 100; at most 1000.
            page_token: empty for the first page.
            imagery_id: only of this imagery.
            categories: only these, where any are named.
            area: only those placed inside.
            captured_since: only those known to be captured then or later.
            sight: only of imagery that the reader may see.

        Raises:
            InvalidInputError: the page size, the token or the area is wrong.
        """
        statement = select(detections).where(
            detections.c.mission_id == mission_id, *seen_detections(sight)
        )
        if imagery_id:
            statement = statement.where(detections.c.imagery_id == imagery_id)
        if categories:
            statement = statement.where(detections.c.category.in_(sorted(categories)))
        if captured_since is not None:
            statement = statement.where(detections.c.captured_at >= captured_since)
        if area is not None:
            statement = statement.where(*_inside(area))
        with self._reading() as connection:
            return read_page(
                connection,
                statement,
                [
                    Order(column=detections.c.received_at, descending=True),
                    Order(column=detections.c.imagery_id),
                    Order(column=detections.c.detection_index),
                ],
                scope=[
                    "detections",
                    mission_id,
                    imagery_id or "",
                    sorted(categories),
                    area,
                    captured_since,
                    sight,
                ],
                page_size=page_size,
                page_token=page_token,
                to_item=_detection,
            )


def delete_detections(connection: Connection, image: ImageryRecord) -> None:
    """Forget the detections of one imagery within a transaction."""
    connection.execute(
        delete(detections).where(
            detections.c.mission_id == image.mission_id, detections.c.imagery_id == image.imagery_id
        )
    )


def insert_detections(connection: Connection, image: ImageryRecord, assessment: Assessment) -> None:
    """Write the detections of one imagery within a transaction."""
    found = assessment.detections
    rows = [
        {
            "mission_id": image.mission_id,
            "imagery_id": image.imagery_id,
            "detection_index": index,
            "category": assessment.categories[index],
            "confidence": float(found.confidence[index]),
            "left_px": float(found.xyxy[index, 0]),
            "top_px": float(found.xyxy[index, 1]),
            "right_px": float(found.xyxy[index, 2]),
            "bottom_px": float(found.xyxy[index, 3]),
            "latitude_deg": _number(ground.latitude_deg),
            "longitude_deg": _number(ground.longitude_deg),
            "ground": ground_document(ground),
            "captured_at": assessment.capture.captured_at,
            "received_at": image.received_at,
        }
        for index, ground in enumerate(assessment.ground)
    ]
    if rows:
        connection.execute(_INSERT, rows)


def _inside(area: Area) -> list[Any]:
    if not (-90 <= area.south_deg <= area.north_deg <= 90):
        raise InvalidInputError(
            "the area's latitudes are not -90 <= south <= north <= 90", field="area.south_deg"
        )
    for name in ("west_deg", "east_deg"):
        if not -180 <= getattr(area, name) <= 180:
            raise InvalidInputError("a longitude is not within ±180", field=f"area.{name}")
    west = detections.c.longitude_deg >= area.west_deg
    east = detections.c.longitude_deg <= area.east_deg
    across = area.west_deg > area.east_deg
    return [
        detections.c.latitude_deg.between(area.south_deg, area.north_deg),
        or_(west, east) if across else west & east,
    ]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _detection(row: Row[Any]) -> DetectionRecord:
    return DetectionRecord(
        mission_id=row.mission_id,
        imagery_id=row.imagery_id,
        index=row.detection_index,
        category=row.category,
        confidence=row.confidence,
        xyxy=(row.left_px, row.top_px, row.right_px, row.bottom_px),
        ground=ground_value(row.ground),
        captured_at=row.captured_at,
    )
