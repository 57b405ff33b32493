"""How far each outgoing feed has got."""

from __future__ import annotations

from sqlalchemy import select, update

from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.tables import feed_cursors


class Cursors(Database):
    """The last event sequence that each feed has passed on."""

    def feed_cursor(self, name: str) -> int:
        """The last sequence that a feed has passed on; 0 where it is new."""
        with self._reading() as connection:
            found = connection.execute(
                select(feed_cursors.c.sequence).where(feed_cursors.c.name == name)
            ).scalar()
        return int(found or 0)

    def set_feed_cursor(self, name: str, sequence: int) -> None:
        """Note that a feed has passed on everything up to a sequence; it never goes back."""
        with self._writing() as connection:
            insert_if_absent(connection, feed_cursors, {"name": name, "sequence": 0})
            connection.execute(
                update(feed_cursors)
                .where(feed_cursors.c.name == name, feed_cursors.c.sequence < sequence)
                .values(sequence=sequence)
            )
