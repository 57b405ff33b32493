"""Runs revisions on the connection that `Ledger.migrate` holds the lock with."""

from __future__ import annotations

from alembic import context

from service.ledger.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite changes a column only by copying its table.
    render_as_batch=True,
)
context.run_migrations()
