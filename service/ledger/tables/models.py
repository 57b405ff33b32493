"""Which models are in force, how they came there, and what a shadow saw."""

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

# One row a role, locked by whoever changes it.
models_in_force = Table(
    "models_in_force",
    METADATA,
    Column("role", String(20), nullable=False),
    Column("model", Text, nullable=False),
    Column("sha256", JSON, nullable=False),
    Column("share", Double, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("changed_at", Instant, nullable=True),
    PrimaryKeyConstraint("role"),
)

model_changes = Table(
    "model_changes",
    METADATA,
    Column("sequence", BigInteger, nullable=False),
    Column("role", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("before_model", Text, nullable=False),
    Column("before_sha256", JSON, nullable=False),
    Column("before_share", Double, nullable=False),
    Column("after_model", Text, nullable=False),
    Column("share", Double, nullable=False),
    # The activation that this one takes back; null for an activation.
    Column("undoes", BigInteger, nullable=True),
    Column("changed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("sequence"),
)

shadow_looks = Table(
    "shadow_looks",
    METADATA,
    Column("mission_id", NAME, nullable=False),
    Column("imagery_id", NAME, nullable=False),
    Column("model", NAME, nullable=False),
    Column("active_model", NAME, nullable=False),
    # Why it could not look; empty where it did.
    Column("failure", Text, nullable=False),
    # [category, confidence, left, top, right, bottom] of each detection, pixels of the file.
    Column("detections", JSON, nullable=False),
    # By category how many detections: in force, of the shadow, the same, in another category.
    Column("agreement", JSON, nullable=False),
    Column("detection_count", Integer, nullable=False),
    Column("looked_at", Instant, nullable=False),
    ForeignKeyConstraint(
        ["mission_id", "imagery_id"], ["imagery.mission_id", "imagery.imagery_id"]
    ),
    PrimaryKeyConstraint("mission_id", "imagery_id", "model"),
    Index(None, "model", "looked_at"),
    Index(None, "looked_at"),
)
