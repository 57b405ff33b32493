"""Imagery and what is found in it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from service.ledger.tables.schema import METADATA, NAME, Instant

imagery = Table(
    "imagery",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("pledge_id", NAME, nullable=False),
    Column("sortie_id", NAME, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("media_kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("failure", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("stated_pose", Text, nullable=True),
    Column("stated_captured_at", Instant, nullable=True),
    Column("captured_at", Instant, nullable=True),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("outcome", String(40), nullable=True),
    Column("findings", JSON, nullable=False),
    Column("footprint_lonlat", JSON(none_as_null=True), nullable=True),
    Column("detection_count", Integer, nullable=False),
    Column("model_name", Text, nullable=False),
    Column("marking", String(40), nullable=False),
    PrimaryKeyConstraint("mission_id", "imagery_id"),
    UniqueConstraint("mission_id", "sha256"),
    ForeignKeyConstraint(["mission_id", "pledge_id"], ["pledges.mission_id", "pledges.pledge_id"]),
    Index(None, "mission_id", "received_at"),
    Index(None, "mission_id", "sortie_id", "received_at"),
    Index(None, "mission_id", "captured_at"),
)

submissions = Table(
    "submissions",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("request_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("finished_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "request_id"),
    ForeignKeyConstraint(
        ["mission_id", "imagery_id"], ["imagery.mission_id", "imagery.imagery_id"]
    ),
)

jobs = Table(
    "jobs",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("state", String(20), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker_id", NAME, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    PrimaryKeyConstraint("mission_id", "imagery_id"),
    ForeignKeyConstraint(
        ["mission_id", "imagery_id"], ["imagery.mission_id", "imagery.imagery_id"]
    ),
    CheckConstraint("state IN ('queued', 'leased', 'done', 'failed')", name="state"),
    Index(None, "state", "created_at"),
)

detections = Table(
    "detections",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("detection_index", Integer, nullable=False),
    Column("category", String(80), nullable=False),
    Column("confidence", Double, nullable=False),
    Column("left_px", Double, nullable=False),
    Column("top_px", Double, nullable=False),
    Column("right_px", Double, nullable=False),
    Column("bottom_px", Double, nullable=False),
    Column("latitude_deg", Double, nullable=True),
    Column("longitude_deg", Double, nullable=True),
    Column("ground", JSON, nullable=False),
    Column("captured_at", Instant, nullable=True),
    Column("received_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "imagery_id", "detection_index"),
    ForeignKeyConstraint(
        ["mission_id", "imagery_id"], ["imagery.mission_id", "imagery.imagery_id"]
    ),
    Index(None, "mission_id", "received_at"),
    Index(None, "mission_id", "latitude_deg"),
)

products = Table(
    "products",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("media_type", String(200), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("marking", String(40), nullable=False),
    PrimaryKeyConstraint("mission_id", "imagery_id", "kind"),
    ForeignKeyConstraint(
        ["mission_id", "imagery_id"], ["imagery.mission_id", "imagery.imagery_id"]
    ),
)
