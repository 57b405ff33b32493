"""Where patrols say that they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from models.errors import InvalidInputError
from pipelines.threats.positions.patrols import PatrolReport, patrol_at
from pipelines.threats.positions.position import Position, PositionKind
from service.ledger.database import Database
from service.ledger.position_rows import (
    add_report,
    as_last_reported,
    read_position,
    reports_around,
)


class Patrols(Database):
    """Reports of the patrols of every mission."""

    def position_at(self, mission_id: str, position_id: str, moment: datetime | None) -> Position:
        """One position as it was at a time; a patrol that nobody knew then, as last reported.

        Raises:
            NotFoundError: the mission has none of that name.
        """
        with self._reading() as connection:
            found = read_position(connection, mission_id, position_id)
            reports = reports_around(connection, mission_id, [position_id], moment)
            known = patrol_at(found, reports.get(position_id, ()), moment)
            return known or as_last_reported(connection, mission_id, [found])[0]

    def reports_around(
        self, mission_id: str, position_ids: Collection[str], moment: datetime | None
    ) -> dict[str, tuple[PatrolReport, ...]]:
        """Of each patrol the last report up to a time and the first one after; of None the latest.

        Patrols without any report are missing.
        """
        with self._reading() as connection:
            return reports_around(connection, mission_id, sorted(position_ids), moment)

    def add_reports(
        self, mission_id: str, position_id: str, reports: Iterable[PatrolReport], now: datetime
    ) -> int:
        """Record where a patrol was; returns how many reports were new.

        One of a time that is there already changes nothing.

        Raises:
            NotFoundError: the mission has no position of that name.
            InvalidInputError: it is no patrol.
        """
        with self._writing() as connection:
            found = read_position(connection, mission_id, position_id)
            if found.kind is not PositionKind.PATROL:
                raise InvalidInputError(
                    f"position {position_id!r} is a {found.kind.value}; only a patrol reports",
                    field="patrol",
                )
            return sum(
                add_report(connection, mission_id, position_id, report, now) for report in reports
            )
