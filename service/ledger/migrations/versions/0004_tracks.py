"""Tracks on the ground and what was not shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""
    op.add_column(
        "incidents",
        sa.Column("track_id", sa.String(length=200), nullable=False, server_default=""),
    )
    op.create_index(
        op.f("ix_incidents_mission_id_track_id"), "incidents", ["mission_id", "track_id"]
    )
    op.create_index(op.f("ix_incidents_state_changed_at"), "incidents", ["state", "changed_at"])
    op.create_table(
        "tracks",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("track_id", sa.String(length=200), nullable=False),
        sa.Column("latitude_deg", sa.Double(), nullable=False),
        sa.Column("longitude_deg", sa.Double(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("marking", sa.String(length=40), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", "track_id", name=op.f("pk_tracks")),
    )
    op.create_index(
        op.f("ix_tracks_mission_id_latitude_deg_longitude_deg_last_seen_at"),
        "tracks",
        ["mission_id", "latitude_deg", "longitude_deg", "last_seen_at"],
    )
    op.create_table(
        "track_looks",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("detection_index", sa.Integer(), nullable=False),
        sa.Column("track_id", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint(
            "mission_id", "imagery_id", "detection_index", name=op.f("pk_track_looks")
        ),
    )
    op.create_index(
        op.f("ix_track_looks_mission_id_track_id"), "track_looks", ["mission_id", "track_id"]
    )
    op.create_table(
        "suppressions",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("position_id", sa.String(length=200), nullable=False),
        sa.Column("track_id", sa.String(length=200), nullable=False),
        sa.Column("rule_id", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column("sighting_count", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("marking", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint(
            "mission_id",
            "position_id",
            "track_id",
            "rule_id",
            "reason",
            name=op.f("pk_suppressions"),
        ),
    )
    op.create_index(
        op.f("ix_suppressions_mission_id_counted_at"), "suppressions", ["mission_id", "counted_at"]
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("suppressions")
    op.drop_table("track_looks")
    op.drop_table("tracks")
    op.drop_index(op.f("ix_incidents_state_changed_at"), "incidents")
    op.drop_index(op.f("ix_incidents_mission_id_track_id"), "incidents")
    op.drop_column("incidents", "track_id")
