"""Tracks on the ground and what was not shown."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""


def downgrade() -> None:
    """Take them away."""
