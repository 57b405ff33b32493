"""What rules saw and operators were not shown, counted with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, tuple_, update

from pipelines.threats.incidents.suppressions import (
    Key,
    SuppressedLook,
    Suppression,
    still_standing,
    tally,
)
from service.access import EVERYTHING, Sight
from service.ledger.database import Database
from service.ledger.dialect import write_rows
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import Marking, stricter
from service.ledger.sight import seen_suppressions
from service.ledger.tables import suppressed_looks, suppressions

# The columns of a `Key`, in its order.
_KEY = ("track_id", "position_id", "rule_id", "reason")


@dataclass(frozen=True, kw_only=True, slots=True)
class SuppressionRecord:
    """What was not shown, with what the mission knows around it; see `vedette.v1.Suppression`.

    Attributes:
        mission_id: the mission.
        suppression: what, and how often.
        counted_at: when the service last counted one.
        marking: the strictest of the imagery it was seen in.
    """

    mission_id: str
    suppression: Suppression
    counted_at: datetime
    marking: Marking


class SuppressionLedger(Database):
    """What was not shown, of every mission."""

    def list_suppressions(
        self,
        mission_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        position_id: str | None = None,
        sight: Sight = EVERYTHING,
    ) -> Page[SuppressionRecord]:
        """What a reader may see of what was not shown, the latest first; of one position if named.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        statement = select(suppressions).where(
            suppressions.c.mission_id == mission_id, *seen_suppressions(sight)
        )
        if position_id:
            statement = statement.where(suppressions.c.position_id == position_id)
        with self._reading() as connection:
            return read_page(
                connection,
                statement,
                [
                    Order(column=suppressions.c.counted_at, descending=True),
                    Order(column=suppressions.c.position_id),
                    Order(column=suppressions.c.track_id),
                    Order(column=suppressions.c.rule_id),
                    Order(column=suppressions.c.reason),
                ],
                scope=["suppressions", mission_id, position_id or "", sight],
                page_size=page_size,
                page_token=page_token,
                to_item=_record,
            )


def count_suppressed(
    connection: Connection,
    mission_id: str,
    more: Iterable[SuppressedLook],
    *,
    marking: Marking,
    now: datetime,
) -> None:
    """Count sightings that are not shown, within a transaction that holds the mission's lock."""
    items = tuple(more)
    if not items:
        return
    known = _rows_of(connection, mission_id, {item.key for item in items})
    counted = [
        _values(item, now, stricter(known[key].marking, marking) if key in known else marking)
        for key, item in tally(
            {name: record.suppression for name, record in known.items()}, items
        ).items()
    ]
    write_rows(connection, suppressions, [{"mission_id": mission_id} | row for row in counted])
    connection.execute(
        insert(suppressed_looks), [{"mission_id": mission_id} | asdict(item) for item in items]
    )


def take_back_suppressed(
    connection: Connection, mission_id: str, imagery_id: str, *, repeated: Collection[int]
) -> None:
    """Take back what an earlier look at a frame counted and a further one does not show as it was.

    Within the transaction that counts what the further look has, and before it. What was counted
    before single looks were kept stays counted.

    Args:
        connection: within the transaction.
        mission_id: the mission.
        imagery_id: the frame.
        repeated: indices of the detections that the further look shows as they were.
    """
    of_frame = (
        suppressed_looks.c.mission_id == mission_id,
        suppressed_looks.c.imagery_id == imagery_id,
    )
    looks = [_look(row) for row in connection.execute(select(suppressed_looks).where(*of_frame))]
    standing = set(still_standing(looks, repeated))
    stale = [look for look in looks if look not in standing]
    if not stale:
        return
    connection.execute(
        delete(suppressed_looks).where(
            *of_frame,
            suppressed_looks.c.detection_index.in_(sorted({it.detection_index for it in stale})),
        )
    )
    known = _rows_of(connection, mission_id, {look.key for look in stale})
    for key, count in Counter(look.key for look in stale).items():
        if key in known:
            _take_back(connection, known[key], count)


def _take_back(connection: Connection, record: SuppressionRecord, count: int) -> None:
    """Count so many fewer; where every other one is known singly, the rest is told by them."""
    before = record.suppression
    row = _of_key(suppressions, record.mission_id, before.key)
    left = before.count - count
    if left <= 0:
        connection.execute(delete(suppressions).where(*row))
        return
    rest = [
        _look(it)
        for it in connection.execute(
            select(suppressed_looks)
            .where(*_of_key(suppressed_looks, record.mission_id, before.key))
            .order_by(suppressed_looks.c.captured_at, suppressed_looks.c.imagery_id)
        )
    ]
    after = replace(before, count=left)
    if len(rest) == left:
        after = tally({}, rest)[before.key]
    values = _values(after, record.counted_at, record.marking)
    connection.execute(update(suppressions).where(*row).values(values))


def _of_key(table: Table, mission_id: str, key: Key) -> list[ColumnElement[bool]]:
    named = zip(_KEY, key, strict=True)
    return [table.c.mission_id == mission_id, *(table.c[name] == part for name, part in named)]


def _rows_of(
    connection: Connection, mission_id: str, keys: Collection[Key]
) -> dict[Key, SuppressionRecord]:
    rows = connection.execute(
        select(suppressions).where(
            suppressions.c.mission_id == mission_id,
            suppressions.c.position_id.in_(sorted({position for _, position, *_ in keys})),
            tuple_(*(suppressions.c[name] for name in _KEY)).in_(sorted(keys)),
        )
    )
    return {record.suppression.key: record for record in (_record(row) for row in rows)}


def _values(item: Suppression, counted_at: datetime, marking: Marking) -> dict[str, Any]:
    return {
        "track_id": item.track_id,
        "position_id": item.position_id,
        "rule_id": item.rule_id,
        "reason": item.reason,
        "category": item.category,
        "sighting_count": item.count,
        "probability": float(item.probability),
        "first_at": item.first_at,
        "last_at": item.last_at,
        "counted_at": counted_at,
        "imagery_id": item.imagery_id,
        "marking": marking.value,
    }


def _look(row: Row[Any]) -> SuppressedLook:
    return SuppressedLook(
        detection_index=row.detection_index,
        track_id=row.track_id,
        position_id=row.position_id,
        rule_id=row.rule_id,
        reason=row.reason,
        category=row.category,
        probability=row.probability,
        captured_at=row.captured_at,
        imagery_id=row.imagery_id,
    )


def _record(row: Row[Any]) -> SuppressionRecord:
    return SuppressionRecord(
        mission_id=row.mission_id,
        suppression=Suppression(
            track_id=row.track_id,
            position_id=row.position_id,
            rule_id=row.rule_id,
            reason=row.reason,
            category=row.category,
            count=row.sighting_count,
            probability=row.probability,
            first_at=row.first_at,
            last_at=row.last_at,
            imagery_id=row.imagery_id,
        ),
        counted_at=row.counted_at,
        marking=Marking(row.marking),
    )
