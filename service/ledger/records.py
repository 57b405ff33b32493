"""What the ledger gives back: rows as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from pipelines.assessment import ProductKind
from pipelines.ground import GroundPoint
from pipelines.imagery.media import MediaKind
from pipelines.outcome import Finding, Outcome
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.incidents.incident import ENDED, ChangeKind, Incident
from pipelines.threats.proximity.weighing import Level
from pipelines.threats.rules.sentence import also_near
from service.ledger.pledge_states import Caveat, PledgeState


class Marking(StrEnum):
    """Who may see what comes from a pledge."""

    UNCLASSIFIED = "UNCLASSIFIED"
    CONFIDENTIAL = "CONFIDENTIAL"
    STRICTLY_CONFIDENTIAL = "STRICTLY CONFIDENTIAL"


def stricter(first: Marking, second: Marking) -> Marking:
    """The marking that fewer people may see."""
    return max(first, second, key=list(Marking).index)


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
    state: PledgeState = PledgeState.PLEDGED
    revision: int = 1
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    monthly_hours: float | None = None
    caveats: frozenset[Caveat] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class PledgeMove:
    """One change of a pledge's state; see `vedette.v1.PledgeMove`."""

    before: PledgeState
    after: PledgeState
    reason: str
    moved_by: str
    moved_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A sortie that somebody else did not let happen; see `vedette.v1.Refusal`."""

    refused_by: str
    reason: str
    planned_at: datetime
    planned_hours: float | None
    recorded_by: str
    recorded_at: datetime


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

    @property
    def looked_before(self) -> bool:
        """Whether a look at it has ended, however long ago: the next one comes after another."""
        return self.outcome is not None


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
    reason_code: ReasonCode | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Leave to show an incident outside the mission; see `vedette.v1.Release`.

    Attributes:
        recipient: who may see it.
        reason: of the one who proposed it.
        proposed_by: the name on the credential.
        proposed_at: when.
        approved_by: the second person's; empty while it is only proposed.
        approved_at: when; None while it is only proposed.
        position_id: the gravest position when it was proposed: of the incident's positions the
            recipient learns of this one alone.
    """

    recipient: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str = ""
    approved_at: datetime | None = None
    position_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentRecord:
    """An incident with what the mission knows around it; see `vedette.v1.Incident`.

    Attributes:
        mission_id: the mission.
        incident: the incident.
        position_display_name: of the gravest position.
        raised_at: when the service raised it.
        marking: the strictest of its imagery.
        decision: the latest; None before one.
        releases: to whom it was released, or is proposed to be.
        caveats: of the pledges that it comes from.
        near_display_names: of the other positions that it is near, by identifier.
    """

    mission_id: str
    incident: Incident
    position_display_name: str
    raised_at: datetime
    marking: Marking
    decision: Decision | None
    releases: tuple[Release, ...] = ()
    caveats: frozenset[Caveat] = frozenset()
    near_display_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def position_name(self, position_id: str) -> str:
        """What people call one of its positions; the identifier where that is not known."""
        if position_id == self.incident.best.position_id:
            return self.position_display_name
        return self.near_display_names.get(position_id, position_id)

    @property
    def reason(self) -> str:
        """What was seen from the gravest position and why it is of that severity, and beside it.

        One sentence, and another on the other positions that it is near, while it is live.
        """
        incident = self.incident
        if incident.state in ENDED or not incident.near:
            return incident.reason
        names = [self.position_name(it.sighting.position_id) for it in incident.near]
        likely = incident.near[0].sighting.level is Level.ALERT
        also = also_near(names, incident.more_near, likely=likely)
        return f"{incident.reason} {also}".strip()

    @property
    def recipients(self) -> frozenset[str]:
        """Who outside the mission may see it: two persons released it, and no pledge forbids it."""
        if Caveat.NO_RELEASE in self.caveats:
            return frozenset()
        return frozenset(it.recipient for it in self.releases if it.approved_at is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentEventRecord:
    """One event of a mission's incident stream; the record is as it was after the event."""

    sequence: int
    kind: ChangeKind
    record: IncidentRecord
    occurred_at: datetime


class ChipState(StrEnum):
    """Whether the chip of a hard negative is there."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class CutChip:
    """A piece of an original, at its full scale.

    Attributes:
        left_px: where it begins in the original.
        top_px: where it begins in the original.
        width_px: how wide it is.
        height_px: how high it is.
        object_key: where its JPEG lies.
        size_bytes: length of it.
        sha256: of it, lower-case hexadecimal.
    """

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    object_key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HardNegativeRecord:
    """A detection that a person dismissed as nothing; see `vedette.v1.HardNegative`.

    Attributes:
        mission_id: the mission.
        incident_id: the incident that was dismissed.
        imagery_id: the imagery it was last seen in.
        category: what the model took it for.
        confidence: how sure the model was.
        xyxy: left, top, right, bottom in pixels of the original as stored.
        reason_code: what it was.
        marking: that of the incident.
        decided_by: the name on the credential.
        decided_at: when.
        state: of its chip.
        attempt: how often its chip was tried and failed.
        failure: why the last try failed; empty without one.
        chip: None until it is cut.
    """

    mission_id: str
    incident_id: str
    imagery_id: str
    category: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    reason_code: ReasonCode
    marking: Marking
    decided_by: str
    decided_at: datetime
    state: ChipState
    attempt: int
    failure: str
    chip: CutChip | None

    @property
    def box_in_chip(self) -> tuple[float, float, float, float]:
        """The box in pixels of the chip, cut at its edges; empty where there is no chip."""
        if self.chip is None:
            return (0.0, 0.0, 0.0, 0.0)
        left_px, top_px = self.chip.left_px, self.chip.top_px
        width_px, height_px = self.chip.width_px, self.chip.height_px
        left, top, right, bottom = self.xyxy
        return (
            min(max(left - left_px, 0.0), width_px),
            min(max(top - top_px, 0.0), height_px),
            min(max(right - left_px, 0.0), width_px),
            min(max(bottom - top_px, 0.0), height_px),
        )


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
