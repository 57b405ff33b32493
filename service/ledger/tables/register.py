"""Missions, and what they register: pledges, positions, rules."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from service.ledger.tables.schema import METADATA, NAME, Instant

missions = Table(
    "missions",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("event_sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("mission_id"),
)

pledges = Table(
    "pledges",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("pledge_id", NAME, nullable=False),
    Column("contributor", String(3), nullable=False),
    Column("capability", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("marking", String(40), nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "pledge_id"),
    Index(None, "mission_id", "created_at"),
)

positions = Table(
    "positions",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("position_id", NAME, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("latitude_deg", Double, nullable=False),
    Column("longitude_deg", Double, nullable=False),
    Column("sigma_m", Double, nullable=False),
    Column("radius_m", Double, nullable=True),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "position_id"),
)

rules = Table(
    "rules",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("rule_id", NAME, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("position_kinds", JSON, nullable=False),
    Column("radius_m", Double, nullable=False),
    Column("min_confidence", Double, nullable=False),
    Column("possible_probability", Double, nullable=False),
    Column("alert_probability", Double, nullable=False),
    Column("updated_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "rule_id", "revision"),
)
