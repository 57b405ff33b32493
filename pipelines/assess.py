"""The path of one image, from bytes to products.

Pure: no clock, no database, no network; the same request, detector and terrain give the same
bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import Detector, WindowSearch
from models.tiles.tile_plan import TilePlan
from pipelines.assessment import (
    Assessment,
    AssessmentRequest,
    Product,
    ProductKind,
    ShadowLook,
)
from pipelines.capture import Capture
from pipelines.detectors import Detectors, Search
from pipelines.geometry.camera_height import Unlocatable
from pipelines.geometry.camera_view import CameraView
from pipelines.geometry.elevation import DemTerrain, TerrainSource
from pipelines.geometry.elevation_file import ElevationFile
from pipelines.geometry.ground_scale import plan_frame
from pipelines.geometry.ground_view import GroundView
from pipelines.geometry.raster_placement import placed_raster
from pipelines.geometry.raster_scale import plan_raster
from pipelines.geometry.rational_view import RationalView
from pipelines.geometry.reduced_view import ReducedView
from pipelines.geometry.terrain import Terrain
from pipelines.geometry.viewpoint import Viewpoint, find_viewpoint
from pipelines.ground import GroundPoint
from pipelines.imagery.decode import read_image
from pipelines.imagery.media import MediaKind, sniff
from pipelines.imagery.original import mapped
from pipelines.imagery.placement import Placement
from pipelines.imagery.raster_source import RasterSource, open_source
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.products import annotate, evidence, geojson, kmz
from pipelines.products import orthophoto as orthophotos
from pipelines.products.annotate import annotated_jpeg
from pipelines.products.evidence import evidence_manifest
from pipelines.products.frame_scale import frame_scale
from pipelines.products.geojson import frame_geojson
from pipelines.products.kmz import frame_kmz
from pipelines.products.orthophoto import annotated, orthophoto, orthophoto_cog
from pipelines.products.overlay import picture_overlay
from pipelines.products.warp import Picture
from pipelines.threats.positions.position_index import FixedPositions, PositionIndex
from pipelines.threats.proximity.reach import Reach, positions_around, reach
from pipelines.threats.proximity.weighing import weigh

PICTURE_LONGEST_PX = 8192
"""Longer side of the annotated picture of a raster: some 200 MB of memory, a gigapixel or not."""

_SEVERITY_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def assess(
    request: AssessmentRequest, *, detector: Detector | Detectors, terrain: TerrainSource
) -> Assessment:
    """Everything that is known of one image.

    TIFF and NITF are read and searched window by window, so that memory does not grow with them.

    Args:
        request: the image, where it comes from, and what to weigh it against.
        detector: what looks at it, or several of which the one for its light does.
        terrain: elevation models; `TerrainSource(None)` for none.

    Raises:
        UnreadableImageError: the bytes are no image, are damaged, or beyond the limits.
        InvalidInputError: the stated pose or a rule is not valid.
        EngineError: the detector failed.
    """
    with mapped(request.data, request.path) as data:
        capture = read_capture(
            data,
            stated_pose=request.stated_pose,
            stated_captured_at=request.stated_captured_at,
            terrain_sigma_m=request.terrain_sigma_m,
        )
        detectors = detector if isinstance(detector, Detectors) else Detectors(visible=detector)
        source = request.position_source or FixedPositions(positions=request.positions)
        positions = source.at(capture.captured_at)
        capture = replace(capture, findings=capture.findings + _unknown(positions))
        looked_at = _look(request, data, capture, detectors, terrain, positions)
    capture, view = _set_up(request, capture, looked_at, terrain)
    detections = looked_at.detections
    identity = looked_at.detector.identity
    categories = tuple(identity.categories[number] for number in detections.class_id)
    ground = _places(view, capture.outcome, detections.xyxy, categories)
    sightings = weigh(ground, categories, detections.confidence, positions, request.rules)
    footprint = None if view is None else view.footprint()
    found = Assessment(
        capture=capture,
        detector=identity,
        detections=detections,
        categories=categories,
        ground=ground,
        footprint_lonlat=footprint,
        sightings=sightings,
        positions=positions_around(positions, request.rules, footprint, ground).positions,
        products=(),
        shadow=looked_at.shadow,
    )
    return replace(found, products=_products(request, looked_at, found, view))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _LookedAt:
    """What is kept of the pixels once they have been searched.

    Attributes:
        rgb: (h, w, 3) the image, or of a large raster a reduced copy.
        mask: (h, w) which pixels of `rgb` hold data; None where all do.
        size_px: columns and rows of the image.
        placement: what the file says of its place.
        detector: what searched it.
        detections: in pixels of the image.
        findings: what was not looked at, and why this detector looked.
        shadow: what a model on trial made of it.
        viewpoint: where the camera stood, which tells where to look and at which scale; None for
            a raster that places itself.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    size_px: tuple[int, int]
    placement: Placement
    detector: Detector
    detections: Detections
    findings: tuple[Finding, ...]
    shadow: ShadowLook | None
    viewpoint: Viewpoint | Unlocatable | None = None

    @property
    def factor(self) -> tuple[float, float]:
        """(x, y) pixels of the image that one of `rgb` spans."""
        return self.size_px[0] / self.rgb.shape[1], self.size_px[1] / self.rgb.shape[0]


def _look(
    request: AssessmentRequest,
    data: bytes,
    capture: Capture,
    detectors: Detectors,
    terrain: TerrainSource,
    positions: PositionIndex,
) -> _LookedAt:
    """Decode and search an image."""
    reached = reach(positions, request.rules)
    if sniff(data[:16]) in (MediaKind.TIFF, MediaKind.NITF):
        with open_source(data if request.path is None else request.path) as source:
            return _look_by_windows(request, source, capture, detectors, terrain, reached)
    image = read_image(data[:])
    size_px = (image.width_px, image.height_px)
    viewpoint = find_viewpoint(capture, terrain)

    def search(detector: Detector) -> Search:
        plan = _frame_plan(request, viewpoint, size_px, detector, reached)
        return Search(
            detections=detector.detect(image.rgb, request.parameters, plan),
            findings=_left_out(plan),
        )

    looked = detectors.look(capture, image.rgb, request.provenance.imagery_id, search)
    return _LookedAt(
        rgb=image.rgb,
        mask=None,
        size_px=size_px,
        placement=image.placement,
        detector=looked.detector,
        detections=looked.search.detections,
        findings=(*looked.findings, *looked.search.findings),
        shadow=looked.shadow,
        viewpoint=viewpoint,
    )


def _look_by_windows(
    request: AssessmentRequest,
    source: RasterSource,
    capture: Capture,
    detectors: Detectors,
    terrain: TerrainSource,
    reached: Reach | None,
) -> _LookedAt:
    """Search an image that may be too large to be held whole."""
    size_px = (source.width_px, source.height_px)
    raster = viewpoint = None
    # A stated pose is a person's word that this is a photograph, whatever the file carries.
    if request.stated_pose is None:
        raster = placed_raster(source.placement, *size_px, terrain)
    if raster is None:
        viewpoint = find_viewpoint(capture, terrain)

    def search(detector: Detector) -> Search:
        if viewpoint is not None:
            plan = _frame_plan(request, viewpoint, size_px, detector, reached)
        else:
            plan = plan_raster(raster, size_px, detector.identity, request.parameters, reached)
        found = detector.detect_windows(source, request.parameters, plan)
        return Search(detections=found.detections, findings=(*_left_out(plan), *_unsearched(found)))

    looked = detectors.look(capture, None, request.provenance.imagery_id, search)
    rgb, mask = source.read_reduced(PICTURE_LONGEST_PX)
    return _LookedAt(
        rgb=rgb,
        mask=mask,
        size_px=size_px,
        placement=source.placement,
        detector=looked.detector,
        detections=looked.search.detections,
        findings=(*looked.findings, *looked.search.findings),
        shadow=looked.shadow,
        viewpoint=viewpoint,
    )


def _frame_plan(
    request: AssessmentRequest,
    viewpoint: Viewpoint | Unlocatable,
    size_px: tuple[int, int],
    detector: Detector,
    reached: Reach | None,
) -> TilePlan:
    """The tiles of a photograph."""
    return plan_frame(
        None if isinstance(viewpoint, Unlocatable) else viewpoint,
        size_px,
        detector.identity,
        request.parameters,
        reached,
    )


def _unknown(positions: PositionIndex) -> tuple[Finding, ...]:
    """That the place of patrols was not known; not of which: a finding is read with the frame."""
    count = len(positions.unknown)
    if not count:
        return ()
    said = "1 patrol was" if count == 1 else f"{count} patrols were"
    return (
        Finding(
            code="PATROLS_UNKNOWN",
            severity=Severity.WARNING,
            message=f"nobody knew where {said} when this was taken: no report within the time "
            "that is set for them; nothing was weighed against them",
        ),
    )


def _left_out(plan: TilePlan) -> tuple[Finding, ...]:
    if not plan.unsearched:
        return ()
    shares = ", ".join(f"{share:.1%} {reason}" for reason, share in plan.unsearched.items())
    return (
        Finding(
            code="PARTLY_UNSEARCHED",
            severity=Severity.NOTE,
            message=f"{plan.skipped} of {plan.full_scale} tiles were not searched; of the frame: "
            f"{shares}",
        ),
    )


def _unsearched(search: WindowSearch) -> tuple[Finding, ...]:
    if not search.empty_tiles:
        return ()
    return (
        Finding(
            code="EMPTY_TILES",
            severity=Severity.NOTE,
            message=f"{search.empty_tiles} of {search.tiles} tiles hold no data (nodata or "
            "transparent) and were not searched",
        ),
    )


def _set_up(
    request: AssessmentRequest, capture: Capture, looked_at: _LookedAt, terrain: TerrainSource
) -> tuple[Capture, GroundView | None]:
    """How the image was taken, and its window on the ground; None where it has none."""
    capture = replace(capture, findings=capture.findings + looked_at.findings)
    # A stated pose is a person's word that this is a photograph, whatever the file carries.
    raster = None
    if request.stated_pose is None:
        raster = placed_raster(looked_at.placement, *looked_at.size_px, terrain)
    if raster is not None:
        return _placed_by_raster(capture, raster.statement), raster
    viewpoint = looked_at.viewpoint or find_viewpoint(capture, terrain)
    findings = _sorted(capture.findings + viewpoint.findings)
    if isinstance(viewpoint, Unlocatable):
        return replace(capture, outcome=viewpoint.outcome, findings=findings), None
    return replace(capture, findings=findings), CameraView(viewpoint=viewpoint)


def _placed_by_raster(capture: Capture, statement: str) -> Capture:
    """The capture of a raster that places itself: what a camera would lack is no fault of it."""
    placed = Finding(code="PLACED_BY_RASTER", severity=Severity.NOTE, message=statement)
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
    looked_at: _LookedAt,
    found: Assessment,
    view: GroundView | None,
) -> tuple[Product, ...]:
    """Picture, GeoJSON, KMZ and overlays, and the evidence that names them all."""
    provenance, positions = request.provenance, found.positions
    rgb, mask = looked_at.rgb, looked_at.mask
    shown = _as_shown(found, looked_at.factor)
    elevation = _elevation(view, found)
    scale = overlay = laid = None
    if view is not None:
        if looked_at.factor != (1.0, 1.0):
            view = ReducedView(view=view, factor=looked_at.factor)
        scale = frame_scale(view, rgb.shape[1], rgb.shape[0])
        picture = Picture(rgb=rgb, mask=mask, view=view)
        overlay, laid = picture_overlay(picture), orthophoto(picture)
    products = [
        Product(
            kind=ProductKind.ANNOTATED_IMAGE,
            media_type=annotate.MEDIA_TYPE,
            file_name=f"{provenance.imagery_id}-annotated.jpg",
            data=annotated_jpeg(rgb, provenance, shown, positions, scale),
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
    ]
    if laid is not None:
        marked = annotated(laid, provenance, found)
        products += [
            Product(
                kind=kind,
                media_type=orthophotos.MEDIA_TYPE,
                file_name=f"{provenance.imagery_id}-{kind.value}.tif",
                data=orthophoto_cog(one, provenance),
            )
            for kind, one in (
                (ProductKind.OVERLAY, laid),
                (ProductKind.OVERLAY_ANNOTATED, marked),
            )
        ]
    manifest = Product(
        kind=ProductKind.EVIDENCE,
        media_type=evidence.MEDIA_TYPE,
        file_name=f"{provenance.imagery_id}-evidence.json",
        data=evidence_manifest(request, found, products, elevation),
    )
    return (*products, manifest)


def _elevation(view: GroundView | None, found: Assessment) -> tuple[ElevationFile, ...]:
    """The elevation models below the camera and around all ground that the frame shows."""
    terrain: Terrain | None = None
    places = [
        (point.longitude_deg, point.latitude_deg)
        for point in found.ground
        if point.longitude_deg is not None and point.latitude_deg is not None
    ]
    if isinstance(view, RationalView):
        terrain = view.terrain
    elif isinstance(view, CameraView):
        terrain, pose = view.viewpoint.terrain, view.viewpoint.pose
        places.append((pose.longitude_deg, pose.latitude_deg))
    if not isinstance(terrain, DemTerrain):
        return ()
    around = np.array(places, np.float64).reshape(-1, 2)
    if found.footprint_lonlat is not None:
        around = np.concatenate([around, found.footprint_lonlat])
    return terrain.files_around(around)


def _as_shown(found: Assessment, factor: tuple[float, float]) -> Assessment:
    """What was found, in pixels of the picture that is shown."""
    if factor == (1.0, 1.0):
        return found
    across, down = factor
    boxes = found.detections
    scaled = boxes.xyxy / np.array([across, down, across, down], np.float32)
    return replace(found, detections=replace(boxes, xyxy=scaled.astype(np.float32)))


def _sorted(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Most severe first, each once."""
    return tuple(
        sorted(dict.fromkeys(findings), key=lambda one: _SEVERITY_ORDER.index(one.severity))
    )
