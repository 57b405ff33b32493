"""Where the peacekeepers of each mission are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from pipelines.threats.positions import Position, PositionKind
from service.errors import AlreadyExistsError, NotFoundError
from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.pages import Order, Page, read_page
from service.ledger.tables import positions


class Positions(Database):
    """Positions of every mission."""

    def create_position(self, mission_id: str, position: Position, now: datetime) -> Position:
        """Record a position; the same content again gives back the first.

        Raises:
            AlreadyExistsError: the mission has a position of that name that differs.
        """
        values = {
            "mission_id": mission_id,
            "position_id": position.position_id,
            "display_name": position.display_name,
            "kind": position.kind.value,
            "latitude_deg": float(position.latitude_deg),
            "longitude_deg": float(position.longitude_deg),
            "sigma_m": float(position.sigma_m),
            "radius_m": None if position.radius_m is None else float(position.radius_m),
            "created_at": now,
        }
        with self._writing() as connection:
            insert_if_absent(connection, positions, values)
            existing = _read_position(connection, mission_id, position.position_id)
        if existing != position:
            raise AlreadyExistsError(
                f"position {position.position_id!r} exists and differs", field="position_id"
            )
        return existing

    def get_position(self, mission_id: str, position_id: str) -> Position:
        """One position.

        Raises:
            NotFoundError: the mission has none of that name.
        """
        with self._reading() as connection:
            return _read_position(connection, mission_id, position_id)

    def list_positions(
        self, mission_id: str, *, page_size: int = 0, page_token: str = ""
    ) -> Page[Position]:
        """Positions of a mission by name.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        with self._reading() as connection:
            return read_page(
                connection,
                select(positions).where(positions.c.mission_id == mission_id),
                [Order(column=positions.c.position_id)],
                scope=["positions", mission_id],
                page_size=page_size,
                page_token=page_token,
                to_item=_position,
            )

    def all_positions(self, mission_id: str) -> tuple[Position, ...]:
        """Every position of a mission by name."""
        with self._reading() as connection:
            rows = connection.execute(
                select(positions)
                .where(positions.c.mission_id == mission_id)
                .order_by(positions.c.position_id)
            )
            return tuple(_position(row) for row in rows)

    def delete_position(self, mission_id: str, position_id: str) -> None:
        """Remove a position; its incidents stay.

        Raises:
            NotFoundError: the mission has none of that name.
        """
        with self._writing() as connection:
            removed = connection.execute(
                delete(positions).where(
                    positions.c.mission_id == mission_id,
                    positions.c.position_id == position_id,
                )
            ).rowcount
        if removed == 0:
            raise NotFoundError(f"this mission has no position {position_id!r}", field="name")


def position_names(
    connection: Connection, mission_id: str, position_ids: set[str]
) -> dict[str, str]:
    """What people call some positions, by identifier; a removed one is missing."""
    rows = connection.execute(
        select(positions.c.position_id, positions.c.display_name).where(
            positions.c.mission_id == mission_id, positions.c.position_id.in_(position_ids)
        )
    )
    return {row.position_id: row.display_name for row in rows}


def _read_position(connection: Connection, mission_id: str, position_id: str) -> Position:
    row = connection.execute(
        select(positions).where(
            positions.c.mission_id == mission_id, positions.c.position_id == position_id
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"this mission has no position {position_id!r}", field="name")
    return _position(row)


def _position(row: Row[Any]) -> Position:
    return Position(
        position_id=row.position_id,
        display_name=row.display_name,
        kind=PositionKind(row.kind),
        latitude_deg=row.latitude_deg,
        longitude_deg=row.longitude_deg,
        sigma_m=row.sigma_m,
        radius_m=row.radius_m,
    )
