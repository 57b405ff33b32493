"""Shapes, errors and ages of positions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""
    op.add_column("positions", sa.Column("shape", sa.JSON(), nullable=True))
    for name in ("speed_m_s", "max_sigma_m", "max_age_s"):
        op.add_column("positions", sa.Column(name, sa.Double(), nullable=True))
    for name in ("valid_from", "valid_until"):
        op.add_column("positions", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column(
        "positions", sa.Column("use_times", sa.JSON(), nullable=False, server_default="[]")
    )
    op.add_column(
        "positions", sa.Column("revision", sa.Integer(), nullable=False, server_default="1")
    )
    op.create_table(
        "position_registers",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", name=op.f("pk_position_registers")),
    )
    op.create_table(
        "patrol_reports",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("position_id", sa.String(length=200), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("latitude_deg", sa.Double(), nullable=False),
        sa.Column("longitude_deg", sa.Double(), nullable=False),
        sa.Column("sigma_m", sa.Double(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "position_id"],
            ["positions.mission_id", "positions.position_id"],
            name=op.f("fk_patrol_reports_mission_id_position_id"),
        ),
        sa.PrimaryKeyConstraint(
            "mission_id", "position_id", "reported_at", name=op.f("pk_patrol_reports")
        ),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("patrol_reports")
    op.drop_table("position_registers")
    for name in (
        "revision",
        "use_times",
        "valid_until",
        "valid_from",
        "max_age_s",
        "max_sigma_m",
        "speed_m_s",
        "shape",
    ):
        op.drop_column("positions", name)
