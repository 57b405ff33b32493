"""States of pledges and what was delivered."""

from __future__ import annotations

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""


def downgrade() -> None:
    """Take them away."""
