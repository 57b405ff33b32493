"""What rules saw and operators were not shown, counted with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_

from pipelines.threats.incidents.suppressions import Suppression, tally
from service.access import EVERYTHING, Sight
from service.ledger.database import Database
from service.ledger.dialect import write_rows
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import Marking, stricter
from service.ledger.sight import seen_suppressions
from service.ledger.tables import suppressions


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
    more: Iterable[Suppression],
    *,
    marking: Marking,
    now: datetime,
) -> None:
    """Count sightings that are not shown, within a transaction that holds the mission's lock."""
    items = tuple(more)
    if not items:
        return
    columns = (
        suppressions.c.track_id,
        suppressions.c.position_id,
        suppressions.c.rule_id,
        suppressions.c.reason,
    )
    rows = connection.execute(
        select(suppressions).where(
            suppressions.c.mission_id == mission_id,
            suppressions.c.position_id.in_(sorted({item.position_id for item in items})),
            tuple_(*columns).in_(sorted({item.key for item in items})),
        )
    )
    known = {record.suppression.key: record for record in (_record(row) for row in rows)}
    counted: list[dict[str, Any]] = []
    for key, item in tally(
        {name: record.suppression for name, record in known.items()}, items
    ).items():
        before = known.get(key)
        named = {column.name: part for column, part in zip(columns, key, strict=True)}
        values = {
            "category": item.category,
            "sighting_count": item.count,
            "probability": float(item.probability),
            "first_at": item.first_at,
            "last_at": item.last_at,
            "counted_at": now,
            "imagery_id": item.imagery_id,
            "marking": (stricter(before.marking, marking) if before else marking).value,
        }
        counted.append({"mission_id": mission_id} | named | values)
    write_rows(connection, suppressions, counted)


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
