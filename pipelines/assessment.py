"""What goes into the assessment of one image, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity
from models.evaluation.comparison import CategoryAgreement
from pipelines.capture import Capture
from pipelines.ground import GroundPoint
from pipelines.threats.positions.position import Position
from pipelines.threats.positions.position_index import PositionSource
from pipelines.threats.proximity.weighing import Sighting
from pipelines.threats.rules.rule import Rule


class ProductKind(StrEnum):
    """The stored outputs of one image; the value is the product's identifier in its name."""

    ANNOTATED_IMAGE = "annotated-image"
    GEOJSON = "geojson"
    KMZ = "kmz"
    OVERLAY = "overlay"
    OVERLAY_ANNOTATED = "overlay-annotated"
    EVIDENCE = "evidence"


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where an image comes from; stands on every product.

    Attributes:
        mission_id: the mission.
        pledge_id: the pledge it came under.
        contributor: ISO 3166-1 alpha-3 code of the pledging state.
        sortie_id: the sortie, as the submitter named it.
        imagery_id: its identifier.
        file_name: its own name, for people only.
        sha256: lower-case hexadecimal SHA-256 of its bytes.
        marking: the banner every product bears, for example "UNCLASSIFIED".
    """

    mission_id: str
    pledge_id: str
    contributor: str
    sortie_id: str
    imagery_id: str
    file_name: str
    sha256: str
    marking: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AssessmentRequest:
    """Everything the assessment of one image depends on.

    Attributes:
        provenance: where it comes from.
        data: the file's bytes; empty where `path` is given.
        path: a local copy of the service's own making, for files that are too large to be held in
            memory; None where `data` holds the bytes.
        stated_pose: the submitter's pose file, as JSON text; None without one.
        stated_captured_at: the submitter's capture time; None without one.
        positions: positions of the mission, each where it is whenever the image was taken.
        rules: rules of the mission in force.
        parameters: thresholds and tiling of detection.
        software_version: written into the evidence.
        terrain_sigma_m: one standard deviation of the terrain's height where neither the stated
            pose nor a raster tells one; None for the default.
        position_source: in place of `positions`, where they were when the image was taken.
    """

    provenance: Provenance
    data: bytes
    stated_pose: str | None
    stated_captured_at: datetime | None
    positions: tuple[Position, ...]
    rules: tuple[Rule, ...]
    parameters: DetectionParameters
    software_version: str
    path: Path | None = None
    terrain_sigma_m: float | None = None
    position_source: PositionSource | None = None

    @property
    def size_bytes(self) -> int:
        """Length of the file."""
        return len(self.data) if self.path is None else self.path.stat().st_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One output, ready to store.

    Attributes:
        kind: which output.
        media_type: for example "image/jpeg".
        file_name: a name to save it under.
        data: its bytes; the same request gives the same bytes.
    """

    kind: ProductKind
    media_type: str
    file_name: str
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowLook:
    """What a model on trial made of an image; it is stored apart and never alerts.

    Attributes:
        detector: what looked.
        detections: what it found, N boxes.
        categories: taxonomy category of each, N strings.
        agreement: with the detector in force, by category.
        failure: why it could not look; empty where it did.
    """

    detector: DetectorIdentity
    detections: Detections
    categories: tuple[str, ...]
    agreement: Mapping[str, CategoryAgreement]
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What is known of one image.

    Attributes:
        capture: how it was taken.
        detector: what looked at it.
        detections: what was found, N boxes.
        categories: taxonomy category of each detection, N strings.
        ground: place of each detection or why it has none, N points.
        footprint_lonlat: (M, 2) float64 closed ring of the ground the frame shows, longitude and
            latitude in degrees, cut at the horizon; None where it cannot be located.
        sightings: detections that rules weigh as near positions.
        products: outputs to store.
        shadow: what a model on trial made of it; None where none looked.
        positions: those near enough to matter to what it shows, as they were when it was taken.
    """

    capture: Capture
    detector: DetectorIdentity
    detections: Detections
    categories: tuple[str, ...]
    ground: tuple[GroundPoint, ...]
    footprint_lonlat: NDArray[np.float64] | None
    sightings: tuple[Sighting, ...]
    products: tuple[Product, ...]
    shadow: ShadowLook | None = None
    positions: tuple[Position, ...] = ()
