"""Reasons, releases and chips of decisions."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""


def downgrade() -> None:
    """Take them away."""
