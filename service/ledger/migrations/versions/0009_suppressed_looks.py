"""What a further look at a frame takes back of what was counted as not shown; pruning by age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""
    op.create_table(
        "suppressed_looks",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("detection_index", sa.Integer(), nullable=False),
        sa.Column("position_id", sa.String(length=200), nullable=False),
        sa.Column("track_id", sa.String(length=200), nullable=False),
        sa.Column("rule_id", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "mission_id",
            "imagery_id",
            "detection_index",
            "position_id",
            "rule_id",
            "reason",
            name=op.f("pk_suppressed_looks"),
        ),
    )
    op.create_index(
        op.f("ix_suppressed_looks_mission_id_track_id_position_id"),
        "suppressed_looks",
        ["mission_id", "track_id", "position_id"],
    )
    # What housekeeping prunes by age.
    op.create_index(op.f("ix_shadow_looks_looked_at"), "shadow_looks", ["looked_at"])
    op.create_index(op.f("ix_patrol_reports_reported_at"), "patrol_reports", ["reported_at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index(op.f("ix_patrol_reports_reported_at"), table_name="patrol_reports")
    op.drop_index(op.f("ix_shadow_looks_looked_at"), table_name="shadow_looks")
    op.drop_index(
        op.f("ix_suppressed_looks_mission_id_track_id_position_id"), table_name="suppressed_looks"
    )
    op.drop_table("suppressed_looks")
