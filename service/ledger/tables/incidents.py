"""Incidents, their events, and how far feeds have read them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    false,
)

from service.ledger.tables.schema import METADATA, NAME, Instant

incidents = Table(
    "incidents",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("incident_id", NAME, nullable=False),
    # The gravest of those that it is near; the others are in `incident_positions`.
    Column("position_id", NAME, nullable=False),
    # Of incidents from before there were tracks, empty.
    Column("track_id", NAME, nullable=False, server_default=""),
    Column("state", String(20), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=True),
    # A row that does not tell is for few eyes.
    Column("marking", String(40), nullable=False, server_default="STRICTLY CONFIDENTIAL"),
    # Some of its imagery comes from a pledge that must not be released.
    Column("is_kept_inside", Boolean, nullable=False, server_default=false()),
    Column("record", JSON, nullable=False),
    PrimaryKeyConstraint("mission_id", "incident_id"),
    Index(None, "mission_id", "raised_at"),
    Index(None, "mission_id", "position_id", "last_seen_at"),
    Index(None, "mission_id", "track_id"),
    Index(None, "state", "changed_at"),
)

# To find the incidents of a position among those that are gravest at another.
incident_positions = Table(
    "incident_positions",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("position_id", NAME, nullable=False),
    Column("incident_id", NAME, nullable=False),
    PrimaryKeyConstraint("mission_id", "position_id", "incident_id"),
    ForeignKeyConstraint(
        ["mission_id", "incident_id"], ["incidents.mission_id", "incidents.incident_id"]
    ),
    Index(None, "mission_id", "incident_id"),
)

incident_events = Table(
    "incident_events",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("incident_id", NAME, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("record", JSON, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "sequence"),
    ForeignKeyConstraint(
        ["mission_id", "incident_id"], ["incidents.mission_id", "incidents.incident_id"]
    ),
)

feed_cursors = Table(
    "feed_cursors",
    METADATA,
    Column("name", NAME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)
