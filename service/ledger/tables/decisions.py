"""What follows from decisions: releases, and what models learn from dismissals."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from service.ledger.tables.schema import METADATA, NAME, Instant

# To find what was released to whom; the incident's own record tells the rest.
releases = Table(
    "releases",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("incident_id", NAME, nullable=False),
    Column("recipient", NAME, nullable=False),
    Column("approved_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "recipient", "incident_id"),
    ForeignKeyConstraint(
        ["mission_id", "incident_id"], ["incidents.mission_id", "incidents.incident_id"]
    ),
)

hard_negatives = Table(
    "hard_negatives",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("incident_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("category", String(80), nullable=False),
    Column("confidence", Double, nullable=False),
    # Of the original, as stored.
    Column("left_px", Double, nullable=False),
    Column("top_px", Double, nullable=False),
    Column("right_px", Double, nullable=False),
    Column("bottom_px", Double, nullable=False),
    Column("reason_code", String(40), nullable=False),
    Column("marking", String(40), nullable=False),
    Column("decided_by", NAME, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failure", Text, nullable=False),
    # Where the chip begins in the original, and what it is; unset until it is cut.
    Column("chip_left_px", Integer, nullable=True),
    Column("chip_top_px", Integer, nullable=True),
    Column("chip_width_px", Integer, nullable=True),
    Column("chip_height_px", Integer, nullable=True),
    Column("object_key", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    PrimaryKeyConstraint("mission_id", "incident_id"),
    ForeignKeyConstraint(
        ["mission_id", "incident_id"], ["incidents.mission_id", "incidents.incident_id"]
    ),
    Index(None, "mission_id", "decided_at"),
    Index(None, "state"),
)
