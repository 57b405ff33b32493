"""The tables of the ledger, the same on every SQL dialect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time as whole microseconds since 1970: exact and sorted on every dialect."""

    impl = BigInteger
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What the column gives."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the dialect does not matter
        """Whole microseconds; a naive time is a defect of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the dialect does not matter
        """The aware UTC time."""
        return None if value is None else _EPOCH + int(value) * _MICROSECOND


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Names within a mission; long enough for every identifier the contract allows.
_NAME = String(200)

# One row a mission. Whoever changes incidents or rules of a mission locks its row first, so that
# event sequences are given in the order of commits on every dialect.
missions = Table(
    "missions",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("event_sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("mission_id"),
)

pledges = Table(
    "pledges",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("pledge_id", _NAME, nullable=False),
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
    Column("mission_id", _NAME, nullable=False),
    Column("position_id", _NAME, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("latitude_deg", Double, nullable=False),
    Column("longitude_deg", Double, nullable=False),
    Column("sigma_m", Double, nullable=False),
    Column("radius_m", Double, nullable=True),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "position_id"),
)

# Every revision stays: incidents name the one that raised them.
rules = Table(
    "rules",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("rule_id", _NAME, nullable=False),
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

imagery = Table(
    "imagery",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("imagery_id", _NAME, nullable=False),
    Column("pledge_id", _NAME, nullable=False),
    Column("sortie_id", _NAME, nullable=False),
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
)

# Which imagery a client's request became, for a client that never got its acknowledgement.
submissions = Table(
    "submissions",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("request_id", _NAME, nullable=False),
    Column("imagery_id", _NAME, nullable=False),
    Column("finished_at", Instant, nullable=False),
    PrimaryKeyConstraint("mission_id", "request_id"),
    ForeignKeyConstraint(
        ["mission_id", "imagery_id"], ["imagery.mission_id", "imagery.imagery_id"]
    ),
)

jobs = Table(
    "jobs",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("imagery_id", _NAME, nullable=False),
    Column("state", String(20), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker_id", _NAME, nullable=False),
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
    Column("mission_id", _NAME, nullable=False),
    Column("imagery_id", _NAME, nullable=False),
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
    Column("mission_id", _NAME, nullable=False),
    Column("imagery_id", _NAME, nullable=False),
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

incidents = Table(
    "incidents",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("incident_id", _NAME, nullable=False),
    Column("position_id", _NAME, nullable=False),
    Column("state", String(20), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=True),
    Column("record", JSON, nullable=False),
    PrimaryKeyConstraint("mission_id", "incident_id"),
    Index(None, "mission_id", "raised_at"),
    Index(None, "mission_id", "position_id", "last_seen_at"),
)

# The record of an event is the incident as it was after it, and never changes.
incident_events = Table(
    "incident_events",
    METADATA,
    Column("mission_id", _NAME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("incident_id", _NAME, nullable=False),
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
    Column("name", _NAME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)
