"""What the ledger gives back: rows as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipelines.assessment import ProductKind
from pipelines.ground import GroundPoint
from pipelines.imagery.media import MediaKind
from pipelines.outcome import Finding, Outcome
from pipelines.threats.decisions import Verdict
from pipelines.threats.incidents import ChangeKind, Incident


class Marking(StrEnum):
    """Who may see what comes from a pledge."""

    UNCLASSIFIED = "UNCLASSIFIED"
    CONFIDENTIAL = "CONFIDENTIAL"
    STRICTLY_CONFIDENTIAL = "STRICTLY CONFIDENTIAL"


class ImageryState(StrEnum):
    """The stages of imagery."""

    QUEUED = "queued"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


class Acceptance(StrEnum):
    """What an accepted submission was to the mission."""

    NEW = "new"
    # It had the bytes, and nothing else was stated of them.
    KNOWN = "known"
    # It had the bytes, and looks at them anew with the pose or time that is now stated.
    LOOKED_AT_AGAIN = "looked_at_again"


@dataclass(frozen=True, kw_only=True, slots=True)
class PledgeRecord:
    """A pledge; see `vedette.v1.Pledge`."""

    mission_id: str
    pledge_id: str
    contributor: str
    capability: str
    platform: str
    marking: Marking
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageryRecord:
    """One imagery; see `vedette.v1.Imagery`."""

    mission_id: str
    imagery_id: str
    pledge_id: str
    sortie_id: str
    file_name: str
    size_bytes: int
    sha256: str
    media_kind: MediaKind
    state: ImageryState
    failure: str
    received_at: datetime
    stated_pose: str | None
    stated_captured_at: datetime | None
    captured_at: datetime | None
    width_px: int
    height_px: int
    outcome: Outcome | None
    findings: tuple[Finding, ...]
    detection_count: int
    model_name: str
    marking: Marking


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionRecord:
    """One detection of one imagery; see `vedette.v1.Detection`.

    Attributes:
        mission_id: the mission.
        imagery_id: the imagery it was seen in.
        index: its place among the detections of the imagery, from 0.
        category: taxonomy category.
        confidence: 0 to 1.
        xyxy: left, top, right, bottom in pixels of the file as stored.
        ground: its place, or why it has none.
        captured_at: when the imagery was taken; None where that is not known.
    """

    mission_id: str
    imagery_id: str
    index: int
    category: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    ground: GroundPoint
    captured_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
    """Bounds in WGS 84 degrees; west may exceed east across the antimeridian."""

    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The latest decision on an incident; see `vedette.v1.Decision`."""

    verdict: Verdict
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentRecord:
    """An incident with what the mission knows around it; see `vedette.v1.Incident`."""

    mission_id: str
    incident: Incident
    position_display_name: str
    raised_at: datetime
    marking: Marking
    decision: Decision | None


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentEventRecord:
    """One event of a mission's incident stream; the record is as it was after the event."""

    sequence: int
    kind: ChangeKind
    record: IncidentRecord
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductRecord:
    """One stored output; see `vedette.v1.Product`."""

    mission_id: str
    imagery_id: str
    kind: ProductKind
    media_type: str
    file_name: str
    object_key: str
    size_bytes: int
    sha256: str
    created_at: datetime
    marking: Marking


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """One job in a worker's hands.

    Attributes:
        job_id: the job.
        mission_id: the mission.
        imagery_id: the imagery to assess.
        fence: grows with every lease of the job; a write with an older fence is refused.
        attempt: 1 for the first.
        expires_at: when the lease is lost without a heartbeat.
    """

    job_id: str
    mission_id: str
    imagery_id: str
    fence: int
    attempt: int
    expires_at: datetime
