"""Frames of the past with what was found in them, in order of capture time."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Text, and_, bindparam, cast, or_, select

from pipelines.threats.rules.looks import MAX_LOOKS, Look
from pipelines.threats.tracks.tracker import Frame
from service.ledger.database import Database
from service.ledger.documents import ground_value
from service.ledger.records import ImageryState
from service.ledger.tables import detections, imagery

_PAGE = 50
# The latest frames are asked for again with every frame.
_RINGS_KEPT = 2048
_READ_LOOKS = (
    select(imagery.c.imagery_id, imagery.c.captured_at, cast(imagery.c.footprint_lonlat, Text))
    .where(
        imagery.c.mission_id == bindparam("asked_mission"),
        imagery.c.captured_at < bindparam("asked_until"),
        imagery.c.captured_at >= bindparam("asked_since"),
        imagery.c.footprint_lonlat.is_not(None),
    )
    .order_by(imagery.c.captured_at.desc(), imagery.c.imagery_id)
    .limit(MAX_LOOKS)
)


class Replays(Database):
    """Stored detections of every mission, frame by frame."""

    def frames_between(self, mission_id: str, since: datetime, until: datetime) -> Iterator[Frame]:
        """Processed imagery captured from one time until before another, the earliest first.

        Imagery without a known capture time is left out. Read by pages, each in a transaction of
        its own, so that memory does not grow with the time that is looked at.
        """
        after: tuple[datetime, str] | None = None
        while True:
            with self._reading() as connection:
                rows = _page(connection, mission_id, since, until, after)
                found = _detections(connection, mission_id, [row.imagery_id for row in rows])
            for row in rows:
                yield _frame(row, found.get(row.imagery_id, ()))
            if len(rows) < _PAGE:
                return
            after = (rows[-1].captured_at, rows[-1].imagery_id)


def looks_before(
    connection: Connection, mission_id: str, moment: datetime, since_s: float
) -> tuple[Look, ...]:
    """The latest frames before a time, and no older than some seconds, that show known ground."""
    rows = connection.execute(
        _READ_LOOKS,
        {
            "asked_mission": mission_id,
            "asked_until": moment,
            "asked_since": moment - timedelta(seconds=since_s),
        },
    )
    return tuple(
        Look(imagery_id=name, captured_at=captured_at, footprint_lonlat=ring_of_text(ring))
        for name, captured_at, ring in rows.all()
    )


@functools.lru_cache(maxsize=_RINGS_KEPT)
def ring_of_text(document: str) -> NDArray[np.float64]:
    """(K, 2) the ring that a stored footprint tells; one array for all, which none can write to."""
    ring = np.array(json.loads(document), np.float64)
    ring.setflags(write=False)
    return ring


def _page(
    connection: Connection,
    mission_id: str,
    since: datetime,
    until: datetime,
    after: tuple[datetime, str] | None,
) -> Sequence[Any]:
    statement = select(
        imagery.c.imagery_id,
        imagery.c.pledge_id,
        imagery.c.sortie_id,
        imagery.c.captured_at,
        imagery.c.footprint_lonlat,
    ).where(
        imagery.c.mission_id == mission_id,
        imagery.c.state == ImageryState.PROCESSED.value,
        imagery.c.captured_at >= since,
        imagery.c.captured_at < until,
    )
    if after is not None:
        moment, name = after
        statement = statement.where(
            or_(
                imagery.c.captured_at > moment,
                and_(imagery.c.captured_at == moment, imagery.c.imagery_id > name),
            )
        )
    ordered = statement.order_by(imagery.c.captured_at, imagery.c.imagery_id)
    return connection.execute(ordered.limit(_PAGE)).all()


def _detections(
    connection: Connection, mission_id: str, imagery_ids: Sequence[str]
) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    rows = connection.execute(
        select(
            detections.c.imagery_id,
            detections.c.detection_index,
            detections.c.category,
            detections.c.confidence,
            detections.c.ground,
            detections.c.left_px,
            detections.c.top_px,
            detections.c.right_px,
            detections.c.bottom_px,
        )
        .where(detections.c.mission_id == mission_id, detections.c.imagery_id.in_(imagery_ids))
        .order_by(detections.c.imagery_id, detections.c.detection_index)
    )
    for row in rows:
        found.setdefault(row.imagery_id, []).append(row)
    return found


def _frame(row: Any, found: Sequence[Any]) -> Frame:
    footprint = row.footprint_lonlat
    return Frame(
        imagery_id=row.imagery_id,
        captured_at=row.captured_at,
        ground=[ground_value(it.ground) for it in found],
        categories=[it.category for it in found],
        confidences=[it.confidence for it in found],
        footprint_lonlat=None if footprint is None else np.array(footprint, np.float64),
        sortie_id=f"{row.pledge_id}/{row.sortie_id}",
        xyxy=np.array(
            [(it.left_px, it.top_px, it.right_px, it.bottom_px) for it in found], np.float64
        ).reshape(-1, 4),
    )
