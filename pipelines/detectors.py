"""Which detector looks at a frame: the one for its light, and a shadow beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue.model_card import Modality
from models.detections import Detections
from models.detector import Detector
from models.errors import EngineError
from models.evaluation.comparison import agreement
from pipelines.assessment import ShadowLook
from pipelines.capture import Capture
from pipelines.imagery.spectrum import looks_thermal
from pipelines.outcome import Finding, Severity


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Search:
    """What one detector found in an image.

    Attributes:
        detections: in pixels of the image.
        findings: what was not looked at.
    """

    detections: Detections
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Looked:
    """What came of looking at an image.

    Attributes:
        detector: what looked at it.
        search: what that found.
        findings: why this detector, and what else to tell of the choice.
        shadow: what the shadow made of it; None where none looked.
    """

    detector: Detector
    search: Search
    findings: tuple[Finding, ...]
    shadow: ShadowLook | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shadow:
    """A detector that looks beside the one in force and never alerts.

    Attributes:
        detector: what looks.
        modality: of its model; frames of another light are not shown to it.
        share: of the frames, above 0 to 1; which they are is told by their identifiers, so that
            the same frame is always among them or never.
    """

    detector: Detector
    modality: Modality
    share: float = 1.0

    def looks_at(self, imagery_id: str, wanted: Modality) -> bool:
        """Whether a frame is shown to it."""
        if not self.modality.serves(wanted):
            return False
        drawn = int.from_bytes(hashlib.sha256(imagery_id.encode()).digest()[:8], "big")
        return drawn < self.share * 2**64


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detectors:
    """The detectors of an installation.

    Attributes:
        visible: looks at visible light, and at thermal frames where there is no other for these.
        thermal: looks at thermal frames.
        shadow: looks beside them.
        findings: what every frame shall be told of them, such as a model that could not be opened.
    """

    visible: Detector
    thermal: Detector | None = None
    shadow: Shadow | None = None
    findings: tuple[Finding, ...] = ()

    def look(
        self,
        capture: Capture,
        rgb: NDArray[np.uint8] | None,
        imagery_id: str,
        search: Callable[[Detector], Search],
    ) -> Looked:
        """Look at an image with the detector for its light.

        Args:
            capture: what the metadata tell.
            rgb: (height, width, 3) the image; None for a raster, whose one band may well be
                visible light: its pixels are not asked.
            imagery_id: decides whether a shadow that sees a share of the frames sees this one.
            search: looks at the image with a detector.

        Raises:
            EngineError: the detector failed; of a shadow it is told in what it made of the image.
        """
        is_thermal, why = _light(capture, rgb)
        wanted = Modality.THERMAL if is_thermal else Modality.VISIBLE
        thermal = self.thermal or self.visible
        detector = thermal if is_thermal else self.visible
        matters = thermal.identity.label != self.visible.identity.label
        found = search(detector)
        findings = self.findings
        if is_thermal or matters:
            findings += (_told(wanted, why, detector.identity.label),)
        look = None
        if self.shadow is not None and self.shadow.looks_at(imagery_id, wanted):
            look = _shadow_look(self.shadow.detector, detector, found.detections, search)
        return Looked(detector=detector, search=found, findings=findings, shadow=look)


def not_opened(model: str, why: str, instead: str) -> Finding:
    """What is told of frames that another model had to look at.

    Args:
        model: the one in force.
        why: it could not be opened.
        instead: the one that looked.
    """
    return Finding(
        code="MODEL_NOT_OPENED",
        severity=Severity.WARNING,
        message=f"the model in force, {model}, could not be opened ({why}); {instead} looked "
        "instead",
    )


def _light(capture: Capture, rgb: NDArray[np.uint8] | None) -> tuple[bool, str]:
    """Whether a frame is thermal, and what tells so."""
    if capture.thermal is not None:
        return capture.thermal, "as its metadata say"
    if rgb is None:
        return False, "as nothing says otherwise of the raster"
    if looks_thermal(rgb):
        return True, "by its pixels: one channel, and the size of a thermal sensor"
    return False, "by its pixels"


def _told(wanted: Modality, why: str, label: str) -> Finding:
    if wanted is Modality.THERMAL:
        return Finding(
            code="THERMAL_FRAME",
            severity=Severity.NOTE,
            message=f"thermal infrared, {why}; looked at by {label}",
        )
    return Finding(
        code="VISIBLE_FRAME",
        severity=Severity.NOTE,
        message=f"visible light, {why}; looked at by {label}",
    )


def _shadow_look(
    shadow: Detector,
    active: Detector,
    found: Detections,
    search: Callable[[Detector], Search],
) -> ShadowLook:
    identity = shadow.identity
    try:
        seen = search(shadow).detections
    except EngineError as error:
        # It is on trial: its failure is a result, and no fault of the frame.
        return ShadowLook(
            detector=identity,
            detections=Detections.empty(),
            categories=(),
            agreement={},
            failure=str(error),
        )
    categories = tuple(identity.categories[number] for number in seen.class_id)
    return ShadowLook(
        detector=identity,
        detections=seen,
        categories=categories,
        agreement=agreement(
            found,
            [active.identity.categories[number] for number in found.class_id],
            seen,
            categories,
        ),
    )
