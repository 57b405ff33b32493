"""What was seen in a frame as GeoJSON (RFC 7946)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import box, get_parts
from shapely.geometry import Polygon
from shapely.geometry.polygon import orient
from shapely.validation import make_valid

from pipelines.assessment import Assessment, Provenance
from pipelines.geometry.error_ellipse import ellipse_ring, error_ellipse
from pipelines.ground import GroundPoint
from pipelines.products.canonical_json import canonical_json
from pipelines.products.grid_reference import mgrs
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Sighting

MEDIA_TYPE = "application/geo+json"

# Eight decimals of a degree are a millimetre; what is beyond differs between machines.
_DEGREE_DECIMALS = 8
_METRE_DECIMALS = 3


def frame_geojson(
    provenance: Provenance, assessment: Assessment, positions: Sequence[Position]
) -> bytes:
    """A feature collection of one frame, in canonical JSON.

    Features are told apart by their property `kind`: one `footprint`, which bears the facts of the
    frame; a `detection` for each detection, a point of longitude, latitude and, where known, height
    above the ellipsoid; and an `error_ellipse` for each located detection, which holds 90 % of
    horizontal errors. What cannot be located has a null geometry and its `outcome`.

    Args:
        provenance: where the frame comes from.
        assessment: what is known of it; products in it are ignored.
        positions: the positions that sightings name.
    """
    names = {position.position_id: position.display_name for position in positions}
    features = [_footprint(provenance, assessment)]
    ellipses: list[dict[str, Any]] = []
    for index, ground in enumerate(assessment.ground):
        identifier = f"{provenance.imagery_id}/detections/{index}"
        features.append(_detection(identifier, index, provenance, assessment, names))
        if ground.covariance_enu_m2 is not None:
            ellipses.append(
                ellipse_feature(f"{identifier}/error-ellipse", ground, {"detection": index})
            )
    return feature_collection([*features, *ellipses])


def feature_collection(features: Sequence[Mapping[str, Any]]) -> bytes:
    """A feature collection in canonical JSON."""
    return canonical_json({"type": "FeatureCollection", "features": list(features)})


def feature(
    identifier: str, geometry: Mapping[str, Any] | None, properties: Mapping[str, Any]
) -> dict[str, Any]:
    """One feature; a geometry of None is a thing without a known place."""
    return {
        "type": "Feature",
        "id": identifier,
        "geometry": geometry,
        "properties": dict(properties),
    }


def ellipse_feature(
    identifier: str, ground: GroundPoint, properties: Mapping[str, Any]
) -> dict[str, Any]:
    """The 90 % error ellipse of a located point as a polygon."""
    if (
        ground.covariance_enu_m2 is None
        or ground.latitude_deg is None
        or ground.longitude_deg is None
    ):
        return feature(identifier, None, {"outcome": ground.outcome.value, **properties})
    axes = error_ellipse(ground.covariance_enu_m2)
    ring = ellipse_ring(ground.latitude_deg, ground.longitude_deg, ground.covariance_enu_m2)
    return feature(
        identifier,
        polygon_geometry(ring),
        {
            "kind": "error_ellipse",
            "probability": 0.9,
            "semi_major_m": round(axes.semi_major_m, _METRE_DECIMALS),
            "semi_minor_m": round(axes.semi_minor_m, _METRE_DECIMALS),
            "azimuth_deg": round(axes.azimuth_deg, 2),
            **properties,
        },
    )


def point_geometry(
    latitude_deg: float, longitude_deg: float, hae_m: float | None = None
) -> dict[str, Any]:
    """A point; its third coordinate, where known, is height above the WGS 84 ellipsoid."""
    place = [round(longitude_deg, _DEGREE_DECIMALS), round(latitude_deg, _DEGREE_DECIMALS)]
    if hae_m is not None:
        place.append(round(hae_m, _METRE_DECIMALS))
    return {"type": "Point", "coordinates": place}


def polygon_geometry(ring_lonlat: NDArray[np.float64]) -> dict[str, Any]:
    """A polygon of one ring, turned counter-clockwise as RFC 7946 3.1.6 asks.

    A ring across the antimeridian is cut there into two polygons, as 3.1.9 asks.

    Args:
        ring_lonlat: (M, 2) closed ring, longitude and latitude in degrees.
    """
    ring = np.array(ring_lonlat)
    ring[:, 0] = np.degrees(np.unwrap(np.radians(ring[:, 0])))
    ring[:, 0] -= 360.0 * np.floor((ring[:, 0].min() + 180.0) / 360.0)
    if _signed_area(ring) < 0.0:
        ring = ring[::-1]
    if ring[:, 0].max() <= 180.0:
        return {"type": "Polygon", "coordinates": [_rounded(ring)]}
    whole = make_valid(Polygon(ring))
    # A ring that crosses itself falls into several polygons, and lines of no area.
    pieces = [
        [_rounded(np.array(orient(part).exterior.coords) - (west + 180.0, 0.0))]
        for west in (-180.0, 180.0)
        for part in get_parts(whole.intersection(box(west, -90.0, west + 360.0, 90.0)))
        if isinstance(part, Polygon)
    ]
    return {"type": "MultiPolygon", "coordinates": pieces}


def ground_properties(ground: GroundPoint) -> dict[str, Any]:
    """The facts of a place, or of why there is none."""
    facts: dict[str, Any] = {"outcome": ground.outcome.value, "terrain": ground.terrain}
    if ground.latitude_deg is None or ground.longitude_deg is None:
        return facts
    facts |= {
        "mgrs": mgrs(ground.latitude_deg, ground.longitude_deg),
        "hae_m": _metres(ground.hae_m),
        "ce90_m": _metres(ground.ce90_m),
        "le90_m": _metres(ground.le90_m),
        "slant_range_m": _metres(ground.slant_range_m),
        "depression_deg": None
        if ground.depression_deg is None
        else round(ground.depression_deg, 3),
        "occlusion_risk": ground.occlusion_risk,
    }
    if ground.covariance_enu_m2 is not None:
        facts["covariance_enu_m2"] = np.round(ground.covariance_enu_m2, 4).tolist()
    return facts


def sighting_properties(sighting: Sighting, position_name: str) -> dict[str, Any]:
    """The facts of a detection near a position."""
    return {
        "position_id": sighting.position_id,
        "position": position_name,
        "rule_id": sighting.rule_id,
        "rule_revision": sighting.rule_revision,
        "radius_m": _metres(sighting.radius_m),
        "probability": round(sighting.probability, 4),
        "level": sighting.level.value,
        "range_m": _metres(sighting.range_m),
        "range_low_m": _metres(sighting.range_low_m),
        "range_high_m": _metres(sighting.range_high_m),
        "bearing_deg": round(sighting.bearing_deg, 2),
    }


def utc_text(moment: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC, for example "2026-11-24T11:02:00Z"."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _footprint(provenance: Provenance, assessment: Assessment) -> dict[str, Any]:
    capture = assessment.capture
    ring = assessment.footprint_lonlat
    return feature(
        f"{provenance.imagery_id}/footprint",
        None if ring is None else polygon_geometry(ring),
        {
            "kind": "footprint",
            "outcome": capture.outcome.value,
            "mission_id": provenance.mission_id,
            "pledge_id": provenance.pledge_id,
            "contributor": provenance.contributor,
            "sortie_id": provenance.sortie_id,
            "imagery_id": provenance.imagery_id,
            "file_name": provenance.file_name,
            "sha256": provenance.sha256,
            "marking": provenance.marking,
            "captured_at": utc_text(capture.captured_at),
            "width_px": capture.width_px,
            "height_px": capture.height_px,
            "model": assessment.detector.label,
            "detections": len(assessment.detections),
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity.value,
                    "message": finding.message,
                }
                for finding in capture.findings
            ],
        },
    )


def _detection(
    identifier: str,
    index: int,
    provenance: Provenance,
    assessment: Assessment,
    names: Mapping[str, str],
) -> dict[str, Any]:
    ground = assessment.ground[index]
    left, top, right, bottom = (float(edge) for edge in assessment.detections.xyxy[index])
    geometry = None
    if ground.latitude_deg is not None and ground.longitude_deg is not None:
        geometry = point_geometry(ground.latitude_deg, ground.longitude_deg, ground.hae_m)
    return feature(
        identifier,
        geometry,
        {
            "kind": "detection",
            "imagery_id": provenance.imagery_id,
            "marking": provenance.marking,
            "captured_at": utc_text(assessment.capture.captured_at),
            "category": assessment.categories[index],
            "confidence": round(float(assessment.detections.confidence[index]), 4),
            "bbox_px": [round(edge, 2) for edge in (left, top, right - left, bottom - top)],
            **ground_properties(ground),
            "sightings": [
                sighting_properties(sighting, names.get(sighting.position_id, sighting.position_id))
                for sighting in assessment.sightings
                if sighting.detection_index == index
            ],
        },
    )


def _rounded(ring: NDArray[np.float64]) -> list[list[float]]:
    rounded: list[list[float]] = np.round(ring, _DEGREE_DECIMALS).tolist()
    return rounded


def _metres(value: float | None) -> float | None:
    return None if value is None else round(value, _METRE_DECIMALS)


def _signed_area(ring: NDArray[np.float64]) -> float:
    """Twice the area, positive for a ring that runs counter-clockwise."""
    x, y = (ring - ring[0]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
