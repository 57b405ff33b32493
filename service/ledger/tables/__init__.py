"""The tables of the ledger, the same on every SQL dialect; one module a room."""

from __future__ import annotations

from service.ledger.tables.audit import audit_entries, audit_heads, credentials
from service.ledger.tables.decisions import hard_negatives, releases
from service.ledger.tables.imagery import detections, imagery, jobs, products, submissions
from service.ledger.tables.incidents import (
    feed_cursors,
    incident_events,
    incident_positions,
    incidents,
)
from service.ledger.tables.models import model_changes, models_in_force, shadow_looks
from service.ledger.tables.register import (
    missions,
    patrol_reports,
    pledge_moves,
    pledges,
    position_registers,
    positions,
    refusals,
    rules,
)
from service.ledger.tables.schema import METADATA, Instant
from service.ledger.tables.tracks import suppressed_looks, suppressions, track_looks, tracks

__all__ = [
    "METADATA",
    "Instant",
    "audit_entries",
    "audit_heads",
    "credentials",
    "detections",
    "feed_cursors",
    "hard_negatives",
    "imagery",
    "incident_events",
    "incident_positions",
    "incidents",
    "jobs",
    "missions",
    "model_changes",
    "models_in_force",
    "patrol_reports",
    "pledge_moves",
    "pledges",
    "position_registers",
    "positions",
    "products",
    "refusals",
    "releases",
    "rules",
    "shadow_looks",
    "submissions",
    "suppressed_looks",
    "suppressions",
    "track_looks",
    "tracks",
]
