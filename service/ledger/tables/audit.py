"""Credentials, and the audit of what was done with them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from service.ledger.tables.schema import METADATA, NAME, Instant

credentials = Table(
    "credentials",
    METADATA,
    Column("name", NAME, nullable=False),
    Column("role", String(20), nullable=False),
    Column("missions", JSON, nullable=False),
    Column("clearance", String(40), nullable=False),
    Column("contributor", String(3), nullable=True),
    Column("recipient", Text, nullable=True),
    Column("token_sha256", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Column("revoked_at", Instant, nullable=True),
    Column("revoked_by", NAME, nullable=False),
    PrimaryKeyConstraint("name"),
    UniqueConstraint("token_sha256"),
)

# Rows are added and never changed: triggers refuse it, and the hashes would tell.
audit_entries = Table(
    "audit_entries",
    METADATA,
    Column("chain", NAME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    PrimaryKeyConstraint("chain", "sequence"),
)

# The row that writers of a chain lock, so that each links to the one before.
audit_heads = Table(
    "audit_heads",
    METADATA,
    Column("chain", NAME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    PrimaryKeyConstraint("chain"),
)
