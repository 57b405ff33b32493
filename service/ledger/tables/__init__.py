"""The tables of the ledger, the same on every SQL dialect; one module a room."""

from __future__ import annotations

from service.ledger.tables.imagery import detections, imagery, jobs, products, submissions
from service.ledger.tables.incidents import feed_cursors, incident_events, incidents
from service.ledger.tables.register import missions, pledges, positions, rules
from service.ledger.tables.schema import METADATA, Instant

__all__ = [
    "METADATA",
    "Instant",
    "detections",
    "feed_cursors",
    "imagery",
    "incident_events",
    "incidents",
    "jobs",
    "missions",
    "pledges",
    "positions",
    "products",
    "rules",
    "submissions",
]
