"""What the ledger lets go of by its age; the audit and incidents it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Table, and_, delete, exists, select, tuple_

from service.ledger.database import Database
from service.ledger.tables import patrol_reports, shadow_looks

# Others write between two batches.
_AT_ONCE = 500


class Pruning(Database):
    """Old rows of every mission."""

    def prune_patrol_reports(self, before: datetime) -> int:
        """Forget where patrols were before a time; the latest report of each stays.

        Returns:
            How many reports went.
        """
        later = patrol_reports.alias("later")
        is_followed = exists().where(
            later.c.mission_id == patrol_reports.c.mission_id,
            later.c.position_id == patrol_reports.c.position_id,
            later.c.reported_at > patrol_reports.c.reported_at,
        )
        return self._prune(
            patrol_reports,
            [patrol_reports.c[name] for name in ("mission_id", "position_id", "reported_at")],
            and_(patrol_reports.c.reported_at < before, is_followed),
        )

    def prune_shadow_looks(self, before: datetime) -> int:
        """Forget what shadow models saw before a time.

        Returns:
            How many looks went.
        """
        return self._prune(
            shadow_looks,
            [shadow_looks.c[name] for name in ("mission_id", "imagery_id", "model")],
            shadow_looks.c.looked_at < before,
        )

    def _prune(self, table: Table, key: Sequence[Column[object]], old: ColumnElement[bool]) -> int:
        pruned = 0
        while True:
            with self._writing() as connection:
                some = select(*key).where(old).limit(_AT_ONCE)
                rows = [tuple(row) for row in connection.execute(some)]
                if rows:
                    connection.execute(delete(table).where(tuple_(*key).in_(rows)))
            pruned += len(rows)
            if len(rows) < _AT_ONCE:
                return pruned
