"""Missions, and what they register: pledges and what became of them, positions, rules."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
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
    Column("state", String(20), nullable=False, server_default="pledged"),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("valid_from", Instant, nullable=True),
    Column("valid_until", Instant, nullable=True),
    Column("monthly_hours", Double, nullable=True),
    Column("caveats", JSON, nullable=False, server_default="[]"),
    PrimaryKeyConstraint("mission_id", "pledge_id"),
    Index(None, "mission_id", "created_at"),
)

# A row never changes.
pledge_moves = Table(
    "pledge_moves",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("pledge_id", NAME, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("before", String(20), nullable=False),
    Column("after", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("moved_by", Text, nullable=False),
    Column("moved_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "pledge_id", "revision"),
    ForeignKeyConstraint(["mission_id", "pledge_id"], ["pledges.mission_id", "pledges.pledge_id"]),
)

refusals = Table(
    "refusals",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("request_id", NAME, nullable=False),
    Column("pledge_id", NAME, nullable=False),
    Column("refused_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("planned_hours", Double, nullable=True),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "request_id"),
    ForeignKeyConstraint(["mission_id", "pledge_id"], ["pledges.mission_id", "pledges.pledge_id"]),
    Index(None, "mission_id", "planned_at"),
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
    Column("shape", JSON(none_as_null=True), nullable=True),
    Column("speed_m_s", Double, nullable=True),
    Column("max_sigma_m", Double, nullable=True),
    Column("max_age_s", Double, nullable=True),
    Column("valid_from", Instant, nullable=True),
    Column("valid_until", Instant, nullable=True),
    Column("use_times", JSON, nullable=False, server_default="[]"),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "position_id"),
)

# Counts every change of a mission's positions, so that who keeps them in memory sees it at once.
position_registers = Table(
    "position_registers",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("mission_id"),
)

patrol_reports = Table(
    "patrol_reports",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("position_id", NAME, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("latitude_deg", Double, nullable=False),
    Column("longitude_deg", Double, nullable=False),
    Column("sigma_m", Double, nullable=False),
    Column("received_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "position_id", "reported_at"),
    ForeignKeyConstraint(
        ["mission_id", "position_id"], ["positions.mission_id", "positions.position_id"]
    ),
    Index(None, "reported_at"),
)

rules = Table(
    "rules",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("rule_id", NAME, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("deleted", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "rule_id", "revision"),
)
