"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of the first release."""
    op.create_table(
        "feed_cursors",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed_cursors")),
    )
    op.create_table(
        "incidents",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("incident_id", sa.String(length=200), nullable=False),
        sa.Column("position_id", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", "incident_id", name=op.f("pk_incidents")),
    )
    op.create_index(
        op.f("ix_incidents_mission_id_position_id_last_seen_at"),
        "incidents",
        ["mission_id", "position_id", "last_seen_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incidents_mission_id_raised_at"),
        "incidents",
        ["mission_id", "raised_at"],
        unique=False,
    )
    op.create_table(
        "missions",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("event_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", name=op.f("pk_missions")),
    )
    op.create_table(
        "pledges",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("pledge_id", sa.String(length=200), nullable=False),
        sa.Column("contributor", sa.String(length=3), nullable=False),
        sa.Column("capability", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("marking", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", "pledge_id", name=op.f("pk_pledges")),
    )
    op.create_index(
        op.f("ix_pledges_mission_id_created_at"),
        "pledges",
        ["mission_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "positions",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("position_id", sa.String(length=200), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("latitude_deg", sa.Double(), nullable=False),
        sa.Column("longitude_deg", sa.Double(), nullable=False),
        sa.Column("sigma_m", sa.Double(), nullable=False),
        sa.Column("radius_m", sa.Double(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", "position_id", name=op.f("pk_positions")),
    )
    op.create_table(
        "rules",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("rule_id", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("position_kinds", sa.JSON(), nullable=False),
        sa.Column("radius_m", sa.Double(), nullable=False),
        sa.Column("min_confidence", sa.Double(), nullable=False),
        sa.Column("possible_probability", sa.Double(), nullable=False),
        sa.Column("alert_probability", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", "rule_id", "revision", name=op.f("pk_rules")),
    )
    op.create_table(
        "imagery",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("pledge_id", sa.String(length=200), nullable=False),
        sa.Column("sortie_id", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("stated_pose", sa.Text(), nullable=True),
        sa.Column("stated_captured_at", sa.BigInteger(), nullable=True),
        sa.Column("captured_at", sa.BigInteger(), nullable=True),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("footprint_lonlat", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("detection_count", sa.Integer(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("marking", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "pledge_id"],
            ["pledges.mission_id", "pledges.pledge_id"],
            name=op.f("fk_imagery_mission_id_pledge_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "imagery_id", name=op.f("pk_imagery")),
        sa.UniqueConstraint("mission_id", "sha256", name=op.f("uq_imagery_mission_id_sha256")),
    )
    op.create_index(
        op.f("ix_imagery_mission_id_received_at"),
        "imagery",
        ["mission_id", "received_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_imagery_mission_id_sortie_id_received_at"),
        "imagery",
        ["mission_id", "sortie_id", "received_at"],
        unique=False,
    )
    op.create_table(
        "incident_events",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "incident_id"],
            ["incidents.mission_id", "incidents.incident_id"],
            name=op.f("fk_incident_events_mission_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "sequence", name=op.f("pk_incident_events")),
    )
    op.create_table(
        "detections",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("detection_index", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("left_px", sa.Double(), nullable=False),
        sa.Column("top_px", sa.Double(), nullable=False),
        sa.Column("right_px", sa.Double(), nullable=False),
        sa.Column("bottom_px", sa.Double(), nullable=False),
        sa.Column("latitude_deg", sa.Double(), nullable=True),
        sa.Column("longitude_deg", sa.Double(), nullable=True),
        sa.Column("ground", sa.JSON(), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "imagery_id"],
            ["imagery.mission_id", "imagery.imagery_id"],
            name=op.f("fk_detections_mission_id_imagery_id"),
        ),
        sa.PrimaryKeyConstraint(
            "mission_id", "imagery_id", "detection_index", name=op.f("pk_detections")
        ),
    )
    op.create_index(
        op.f("ix_detections_mission_id_latitude_deg"),
        "detections",
        ["mission_id", "latitude_deg"],
        unique=False,
    )
    op.create_index(
        op.f("ix_detections_mission_id_received_at"),
        "detections",
        ["mission_id", "received_at"],
        unique=False,
    )
    op.create_table(
        "jobs",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'leased', 'done', 'failed')", name=op.f("ck_jobs_state")
        ),
        sa.ForeignKeyConstraint(
            ["mission_id", "imagery_id"],
            ["imagery.mission_id", "imagery.imagery_id"],
            name=op.f("fk_jobs_mission_id_imagery_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "imagery_id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_state_created_at"), "jobs", ["state", "created_at"], unique=False)
    op.create_table(
        "products",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("media_type", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("marking", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "imagery_id"],
            ["imagery.mission_id", "imagery.imagery_id"],
            name=op.f("fk_products_mission_id_imagery_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "imagery_id", "kind", name=op.f("pk_products")),
    )
    op.create_table(
        "submissions",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "imagery_id"],
            ["imagery.mission_id", "imagery.imagery_id"],
            name=op.f("fk_submissions_mission_id_imagery_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "request_id", name=op.f("pk_submissions")),
    )


def downgrade() -> None:
    """Remove them all."""
    op.drop_table("submissions")
    op.drop_table("products")
    op.drop_index(op.f("ix_jobs_state_created_at"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_detections_mission_id_received_at"), table_name="detections")
    op.drop_index(op.f("ix_detections_mission_id_latitude_deg"), table_name="detections")
    op.drop_table("detections")
    op.drop_table("incident_events")
    op.drop_index(op.f("ix_imagery_mission_id_sortie_id_received_at"), table_name="imagery")
    op.drop_index(op.f("ix_imagery_mission_id_received_at"), table_name="imagery")
    op.drop_table("imagery")
    op.drop_table("rules")
    op.drop_table("positions")
    op.drop_index(op.f("ix_pledges_mission_id_created_at"), table_name="pledges")
    op.drop_table("pledges")
    op.drop_table("missions")
    op.drop_index(op.f("ix_incidents_mission_id_raised_at"), table_name="incidents")
    op.drop_index(op.f("ix_incidents_mission_id_position_id_last_seen_at"), table_name="incidents")
    op.drop_table("incidents")
    op.drop_table("feed_cursors")
