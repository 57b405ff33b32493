"""Where the peacekeepers of each mission are, and what they protect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, select, update

from pipelines.threats.positions.patrols import PatrolReport
from pipelines.threats.positions.position import Position, PositionKind
from service.errors import AlreadyExistsError, NotFoundError, StaleRevisionError
from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.pages import Order, Page, read_page
from service.ledger.position_rows import (
    add_report,
    as_last_reported,
    position_of,
    position_values,
    read_position,
    read_positions,
    reports_around,
)
from service.ledger.tables import patrol_reports, position_registers, positions

_READ_NAMES = select(positions.c.position_id, positions.c.display_name).where(
    positions.c.mission_id == bindparam("asked_mission"),
    positions.c.position_id.in_(bindparam("asked_positions", expanding=True)),
)
_READ_REVISION = select(position_registers.c.revision).where(
    position_registers.c.mission_id == bindparam("asked_mission")
)


class PositionChange(StrEnum):
    """What an import does with one position."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    CONFLICTS = "conflicts"


class Positions(Database):
    """Positions of every mission, and what they protect."""

    def create_position(self, mission_id: str, position: Position, now: datetime) -> Position:
        """Record a position; the same content again gives back the first.

        Of a patrol whose error ages, its place is its first report: of `reported_at`, else of now.

        Raises:
            AlreadyExistsError: the mission has a position of that name that differs.
        """
        with self._writing() as connection:
            if _create(connection, mission_id, position, now):
                _changed(connection, mission_id)
            existing = read_position(connection, mission_id, position.position_id)
            if _plain(existing) != _plain(position):
                raise AlreadyExistsError(
                    f"position {position.position_id!r} exists and differs", field="position_id"
                )
            return as_last_reported(connection, mission_id, [existing])[0]

    def update_position(
        self, mission_id: str, position: Position, revision: int | None
    ) -> Position:
        """Put other content in the place of a position's; its reports stay.

        Args:
            mission_id: the mission.
            position: of the same identifier; its revision and `reported_at` are not looked at.
            revision: the one that was looked at; None to overwrite whatever is there.

        Returns:
            The position; of the same revision where nothing differs.

        Raises:
            NotFoundError: the mission has none of that name.
            StaleRevisionError: it has changed since that revision was read.
        """
        with self._writing() as connection:
            existing = read_position(connection, mission_id, position.position_id)
            if revision is not None and existing.revision != revision:
                raise StaleRevisionError(
                    f"position {position.position_id!r} is at revision {existing.revision}, not "
                    f"{revision}",
                    field="position.revision",
                )
            if _update(connection, mission_id, existing, position):
                _changed(connection, mission_id)
            changed = read_position(connection, mission_id, position.position_id)
            return as_last_reported(connection, mission_id, [changed])[0]

    def import_positions(
        self,
        mission_id: str,
        imported: Sequence[Position],
        *,
        replace_existing: bool,
        validate_only: bool,
        now: datetime,
    ) -> list[PositionChange]:
        """Record many positions in one transaction, all of them or none.

        Args:
            mission_id: the mission.
            imported: with different identifiers.
            replace_existing: put them in the place of those that exist and differ.
            validate_only: only tell what would be done.
            now: the time.

        Returns:
            What was done, or would be, with each. Where one is CONFLICTS nothing was written.
        """
        if validate_only:
            with self._reading() as connection:
                _, changes = _compared(connection, mission_id, imported, replace_existing)
            return changes
        with self._writing() as connection:
            existing, changes = _compared(connection, mission_id, imported, replace_existing)
            if PositionChange.CONFLICTS in changes:
                return changes
            for position, change in zip(imported, changes, strict=True):
                if change is PositionChange.CREATED:
                    _create(connection, mission_id, position, now)
                elif change is PositionChange.REPLACED:
                    _update(connection, mission_id, existing[position.position_id], position)
            if set(changes) - {PositionChange.UNCHANGED}:
                _changed(connection, mission_id)
        return changes

    def get_position(self, mission_id: str, position_id: str) -> Position:
        """One position; a patrol where it was last reported.

        Raises:
            NotFoundError: the mission has none of that name.
        """
        with self._reading() as connection:
            found = read_position(connection, mission_id, position_id)
            return as_last_reported(connection, mission_id, [found])[0]

    def list_positions(
        self, mission_id: str, *, page_size: int = 0, page_token: str = ""
    ) -> Page[Position]:
        """Positions of a mission by name; patrols where they were last reported.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        with self._reading() as connection:
            page = read_page(
                connection,
                select(positions).where(positions.c.mission_id == mission_id),
                [Order(column=positions.c.position_id)],
                scope=["positions", mission_id],
                page_size=page_size,
                page_token=page_token,
                to_item=position_of,
            )
            return Page(
                items=tuple(as_last_reported(connection, mission_id, page.items)),
                next_page_token=page.next_page_token,
            )

    def all_positions(self, mission_id: str) -> tuple[Position, ...]:
        """Every position of a mission by name, patrols where they were registered."""
        with self._reading() as connection:
            return _all(connection, mission_id)

    def positions_since(
        self, mission_id: str, revision: int | None
    ) -> tuple[int, tuple[Position, ...] | None]:
        """The revision of a mission's register, and all its positions where it is another.

        Patrols are where they were registered; `Patrols.reports_around` tells where they were when.

        Args:
            mission_id: the mission.
            revision: what is known already; None for nothing.
        """
        with self._reading() as connection:
            asked = {"asked_mission": mission_id}
            found = connection.execute(_READ_REVISION, asked).scalar_one_or_none()
            # A register from before revisions were counted has none.
            current = int(found or 0)
            return current, None if current == revision else _all(connection, mission_id)

    def delete_position(self, mission_id: str, position_id: str) -> None:
        """Remove a position and its reports; its incidents stay.

        Raises:
            NotFoundError: the mission has none of that name.
        """
        with self._writing() as connection:
            for table in (patrol_reports, positions):
                removed = connection.execute(
                    delete(table).where(
                        table.c.mission_id == mission_id, table.c.position_id == position_id
                    )
                ).rowcount
            if removed:
                _changed(connection, mission_id)
        if removed == 0:
            raise NotFoundError(f"this mission has no position {position_id!r}", field="name")


def position_names(
    connection: Connection, mission_id: str, position_ids: set[str]
) -> dict[str, str]:
    """What people call some positions, by identifier; a removed one is missing."""
    rows = connection.execute(
        _READ_NAMES, {"asked_mission": mission_id, "asked_positions": sorted(position_ids)}
    )
    return {row.position_id: row.display_name for row in rows}


def _all(connection: Connection, mission_id: str) -> tuple[Position, ...]:
    rows = connection.execute(
        select(positions)
        .where(positions.c.mission_id == mission_id)
        .order_by(positions.c.position_id)
    )
    return tuple(position_of(row) for row in rows)


def _create(connection: Connection, mission_id: str, position: Position, now: datetime) -> bool:
    values = {
        "mission_id": mission_id,
        "position_id": position.position_id,
        "revision": 1,
        "created_at": now,
        **position_values(position),
    }
    made = insert_if_absent(connection, positions, values)
    if made and position.aging is not None:
        report = PatrolReport(
            reported_at=position.reported_at or now,
            latitude_deg=position.latitude_deg,
            longitude_deg=position.longitude_deg,
            sigma_m=position.sigma_m,
        )
        add_report(connection, mission_id, position.position_id, report, now)
    return made


def _update(
    connection: Connection, mission_id: str, existing: Position, position: Position
) -> bool:
    position = _where_reported(connection, mission_id, existing, position)
    if _plain(existing) == _plain(position):
        return False
    connection.execute(
        update(positions)
        .where(
            positions.c.mission_id == mission_id,
            positions.c.position_id == position.position_id,
        )
        .values(revision=existing.revision + 1, **position_values(position))
    )
    return True


def _where_reported(
    connection: Connection, mission_id: str, existing: Position, position: Position
) -> Position:
    """The position; of a patrol that reports, where it was registered: reports alone move it."""
    if existing.kind is not PositionKind.PATROL or position.kind is not PositionKind.PATROL:
        return position
    if not reports_around(connection, mission_id, [existing.position_id], None):
        return position
    return replace(
        position,
        latitude_deg=existing.latitude_deg,
        longitude_deg=existing.longitude_deg,
        sigma_m=existing.sigma_m,
    )


def _compared(
    connection: Connection,
    mission_id: str,
    imported: Sequence[Position],
    replace_existing: bool,
) -> tuple[dict[str, Position], list[PositionChange]]:
    """The positions that are there already, by identifier, and what an import does with each."""
    names = [it.position_id for it in imported]
    existing = {it.position_id: it for it in read_positions(connection, mission_id, names)}
    changes = []
    for position in imported:
        before = existing.get(position.position_id)
        if before is None:
            changes.append(PositionChange.CREATED)
        elif _plain(before) == _plain(_where_reported(connection, mission_id, before, position)):
            changes.append(PositionChange.UNCHANGED)
        else:
            changes.append(
                PositionChange.REPLACED if replace_existing else PositionChange.CONFLICTS
            )
    return existing, changes


def _plain(position: Position) -> Position:
    """What of a position its author states."""
    return replace(position, revision=1, reported_at=None)


def _changed(connection: Connection, mission_id: str) -> None:
    key = {"mission_id": mission_id}
    insert_if_absent(connection, position_registers, {**key, "revision": 0})
    connection.execute(
        update(position_registers)
        .where(position_registers.c.mission_id == mission_id)
        .values(revision=position_registers.c.revision + 1)
    )
