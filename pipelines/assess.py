"""The path of one image, from bytes to products.

Pure: no clock, no database, no network; the same request, detector and terrain give the same
bytes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.detector import Detector
from pipelines.assessment import Assessment, AssessmentRequest, Product, ProductKind
from pipelines.capture import Capture
from pipelines.geometry.camera_height import Unlocatable
from pipelines.geometry.camera_view import CameraView
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.ground_view import GroundView
from pipelines.geometry.raster_ground import raster_view
from pipelines.geometry.viewpoint import find_viewpoint
from pipelines.ground import GroundPoint
from pipelines.imagery.decode import DecodedImage, read_image
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.products import annotate, evidence, geojson, kmz
from pipelines.products.annotate import annotated_jpeg
from pipelines.products.evidence import evidence_manifest
from pipelines.products.frame_scale import frame_scale
from pipelines.products.geojson import frame_geojson
from pipelines.products.kmz import frame_kmz
from pipelines.products.overlay import frame_overlay
from pipelines.threats.proximity import weigh

_SEVERITY_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def assess(request: AssessmentRequest, *, detector: Detector, terrain: TerrainSource) -> Assessment:
    """Everything that is known of one image.

    Args:
        request: the image, where it comes from, and what to weigh it against.
        detector: what looks at it.
        terrain: elevation models; `TerrainSource(None)` for none.

    Raises:
        UnreadableImageError: the bytes are no image, are damaged, or beyond the limits.
        InvalidInputError: the stated pose or a rule is not valid.
        EngineError: the detector failed.
    """
    image = read_image(request.data)
    capture, view = _set_up(request, image, terrain)
    detections = detector.detect(image.rgb, request.parameters)
    categories = tuple(detector.identity.categories[number] for number in detections.class_id)
    ground = _places(view, capture.outcome, detections.xyxy, categories)
    sightings = weigh(ground, categories, detections.confidence, request.positions, request.rules)
    found = Assessment(
        capture=capture,
        detector=detector.identity,
        detections=detections,
        categories=categories,
        ground=ground,
        footprint_lonlat=None if view is None else view.footprint(),
        sightings=sightings,
        products=(),
    )
    return replace(found, products=_products(request, image.rgb, found, view))


def _set_up(
    request: AssessmentRequest, image: DecodedImage, terrain: TerrainSource
) -> tuple[Capture, GroundView | None]:
    """How the image was taken, and its window on the ground; None where it has none."""
    capture = read_capture(
        request.data,
        stated_pose=request.stated_pose,
        stated_captured_at=request.stated_captured_at,
    )
    # A stated pose is a person's word that this is a photograph, whatever the file carries.
    raster = raster_view(image) if request.stated_pose is None else None
    if raster is not None:
        return _placed_by_raster(capture, raster.sigma_m), raster
    viewpoint = find_viewpoint(capture, terrain)
    findings = _sorted(capture.findings + viewpoint.findings)
    if isinstance(viewpoint, Unlocatable):
        return replace(capture, outcome=viewpoint.outcome, findings=findings), None
    return replace(capture, findings=findings), CameraView(viewpoint=viewpoint)


def _placed_by_raster(capture: Capture, sigma_m: float) -> Capture:
    """The capture of a raster that places itself: what a camera would lack is no fault of it."""
    placed = Finding(
        code="PLACED_BY_RASTER",
        severity=Severity.NOTE,
        message="the file carries its own place on the ground; how good that is it does not say, "
        f"and one sigma of {sigma_m:g} m is assumed",
    )
    kept = tuple(one for one in capture.findings if one.severity is not Severity.ERROR)
    return replace(capture, outcome=Outcome.LOCATED, findings=_sorted((*kept, placed)))


def _places(
    view: GroundView | None,
    outcome: Outcome,
    xyxy: NDArray[np.float32],
    categories: tuple[str, ...],
) -> tuple[GroundPoint, ...]:
    if view is None:
        return tuple(GroundPoint(outcome=outcome) for _ in categories)
    return view.place_boxes(xyxy, categories)


def _products(
    request: AssessmentRequest,
    rgb: NDArray[np.uint8],
    found: Assessment,
    view: GroundView | None,
) -> tuple[Product, ...]:
    """Picture, GeoJSON and KMZ, and the evidence that names them all."""
    provenance, positions = request.provenance, request.positions
    scale = overlay = None
    if view is not None:
        scale = frame_scale(view, found.capture.width_px, found.capture.height_px)
        overlay = frame_overlay(rgb, view)
    products = (
        Product(
            kind=ProductKind.ANNOTATED_IMAGE,
            media_type=annotate.MEDIA_TYPE,
            file_name=f"{provenance.imagery_id}-annotated.jpg",
            data=annotated_jpeg(rgb, provenance, found, positions, scale),
        ),
        Product(
            kind=ProductKind.GEOJSON,
            media_type=geojson.MEDIA_TYPE,
            file_name=f"{provenance.imagery_id}.geojson",
            data=frame_geojson(provenance, found, positions),
        ),
        Product(
            kind=ProductKind.KMZ,
            media_type=kmz.MEDIA_TYPE,
            file_name=f"{provenance.imagery_id}.kmz",
            data=frame_kmz(provenance, found, positions, overlay),
        ),
    )
    manifest = Product(
        kind=ProductKind.EVIDENCE,
        media_type=evidence.MEDIA_TYPE,
        file_name=f"{provenance.imagery_id}-evidence.json",
        data=evidence_manifest(request, found, products),
    )
    return (*products, manifest)


def _sorted(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Most severe first, each once."""
    return tuple(
        sorted(dict.fromkeys(findings), key=lambda one: _SEVERITY_ORDER.index(one.severity))
    )
