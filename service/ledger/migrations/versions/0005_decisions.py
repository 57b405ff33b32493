"""Reasons, releases and chips of decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""
    op.add_column(
        "incidents",
        sa.Column(
            "marking",
            sa.String(length=40),
            nullable=False,
            server_default="STRICTLY CONFIDENTIAL",
        ),
    )
    incidents = sa.table("incidents", sa.column("marking"), sa.column("record", sa.JSON()))
    op.execute(
        incidents.update().values(
            marking=sa.func.coalesce(
                incidents.c.record["marking"].as_string(), "STRICTLY CONFIDENTIAL"
            )
        )
    )
    op.create_table(
        "releases",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("incident_id", sa.String(length=200), nullable=False),
        sa.Column("recipient", sa.String(length=200), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "incident_id"],
            ["incidents.mission_id", "incidents.incident_id"],
            name=op.f("fk_releases_mission_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "recipient", "incident_id", name=op.f("pk_releases")),
    )
    op.create_table(
        "hard_negatives",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("incident_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("left_px", sa.Double(), nullable=False),
        sa.Column("top_px", sa.Double(), nullable=False),
        sa.Column("right_px", sa.Double(), nullable=False),
        sa.Column("bottom_px", sa.Double(), nullable=False),
        sa.Column("reason_code", sa.String(length=40), nullable=False),
        sa.Column("marking", sa.String(length=40), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("chip_left_px", sa.Integer(), nullable=True),
        sa.Column("chip_top_px", sa.Integer(), nullable=True),
        sa.Column("chip_width_px", sa.Integer(), nullable=True),
        sa.Column("chip_height_px", sa.Integer(), nullable=True),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "incident_id"],
            ["incidents.mission_id", "incidents.incident_id"],
            name=op.f("fk_hard_negatives_mission_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "incident_id", name=op.f("pk_hard_negatives")),
    )
    op.create_index(
        op.f("ix_hard_negatives_mission_id_decided_at"),
        "hard_negatives",
        ["mission_id", "decided_at"],
        unique=False,
    )
    op.create_index(op.f("ix_hard_negatives_state"), "hard_negatives", ["state"], unique=False)


def downgrade() -> None:
    """Take them away."""
    op.drop_table("hard_negatives")
    op.drop_table("releases")
    op.drop_column("incidents", "marking")
