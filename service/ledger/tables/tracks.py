"""Objects followed on the ground, the looks that are theirs, and what was not shown."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
)

from service.ledger.tables.schema import METADATA, NAME, Instant

tracks = Table(
    "tracks",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("track_id", NAME, nullable=False),
    Column("latitude_deg", Double, nullable=False),
    Column("longitude_deg", Double, nullable=False),
    Column("first_seen_at", Instant, nullable=True),
    Column("last_seen_at", Instant, nullable=True),
    Column("changed_at", Instant, nullable=False),
    Column("marking", String(40), nullable=False),
    Column("record", JSON, nullable=False),
    PrimaryKeyConstraint("mission_id", "track_id"),
    Index(None, "mission_id", "latitude_deg", "longitude_deg", "last_seen_at"),
)

track_looks = Table(
    "track_looks",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("detection_index", Integer, nullable=False),
    Column("track_id", NAME, nullable=False),
    PrimaryKeyConstraint("mission_id", "imagery_id", "detection_index"),
    Index(None, "mission_id", "track_id"),
)

# What a further look at a frame takes back of the counts below.
suppressed_looks = Table(
    "suppressed_looks",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("detection_index", Integer, nullable=False),
    Column("position_id", NAME, nullable=False),
    Column("track_id", NAME, nullable=False),
    Column("rule_id", NAME, nullable=False),
    Column("reason", String(80), nullable=False),
    Column("category", String(80), nullable=False),
    Column("probability", Double, nullable=False),
    Column("captured_at", Instant, nullable=True),
    PrimaryKeyConstraint(
        "mission_id", "imagery_id", "detection_index", "position_id", "rule_id", "reason"
    ),
    Index(None, "mission_id", "track_id", "position_id"),
)

suppressions = Table(
    "suppressions",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("position_id", NAME, nullable=False),
    Column("track_id", NAME, nullable=False),
    Column("rule_id", NAME, nullable=False),
    Column("reason", String(80), nullable=False),
    Column("category", String(80), nullable=False),
    Column("sighting_count", Integer, nullable=False),
    Column("probability", Double, nullable=False),
    Column("first_at", Instant, nullable=True),
    Column("last_at", Instant, nullable=True),
    # When the service last counted one, which is known also where no capture time is.
    Column("counted_at", Instant, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("marking", String(40), nullable=False),
    PrimaryKeyConstraint("mission_id", "position_id", "track_id", "rule_id", "reason"),
    Index(None, "mission_id", "counted_at"),
)
