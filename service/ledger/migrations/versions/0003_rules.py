"""Conditions of rules."""

from __future__ import annotations

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""


def downgrade() -> None:
    """Take them away."""
