"""The evidence manifest: what every output of a frame rests on, fit to be checked later.

Canonical JSON, so that its own hash means something. `products` names the SHA-256 and size of
every other output of the frame; `input`, `detector`, `software`, `terrain` and `weighed` name what
they were made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipelines.assessment import Assessment, AssessmentRequest, Product
from pipelines.geometry.elevation_file import ElevationFile
from pipelines.products.canonical_json import canonical_json
from pipelines.products.geojson import utc_text
from pipelines.threats.positions.position import Position
from pipelines.threats.positions.use_times import use_time_text
from pipelines.threats.rules.rule import Rule
from pipelines.threats.rules.rule_document import rule_document

SCHEMA = "vedette.evidence"
SCHEMA_VERSION = 2
MEDIA_TYPE = "application/json"


def evidence_manifest(
    request: AssessmentRequest,
    assessment: Assessment,
    products: Sequence[Product],
    elevation: Sequence[ElevationFile] = (),
) -> bytes:
    """The manifest of one frame.

    Args:
        request: what was asked; the hash of its bytes is computed here, not taken on trust.
        assessment: what was found; products in it are ignored.
        products: every other output of the frame.
        elevation: the elevation models that the frame's ground was taken from.
    """
    stated_pose = request.stated_pose
    return canonical_json(
        {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "provenance": asdict(request.provenance),
            "input": {
                "sha256": _sha256(request),
                "size_bytes": request.size_bytes,
                "width_px": assessment.capture.width_px,
                "height_px": assessment.capture.height_px,
                "stated_pose_sha256": None
                if stated_pose is None
                else hashlib.sha256(stated_pose.encode()).hexdigest(),
                "stated_captured_at": utc_text(request.stated_captured_at),
            },
            "software": {"name": "vedette", "version": request.software_version},
            "detector": {
                **asdict(assessment.detector),
                "parameters": asdict(request.parameters),
            },
            "capture": _capture(assessment),
            "terrain": {
                "labels": sorted(
                    {ground.terrain for ground in assessment.ground if ground.terrain}
                ),
                "elevation": [
                    {
                        "file_name": file.raster.name,
                        "size_bytes": file.raster.size_bytes,
                        "sha256": file.sha256,
                    }
                    for file in elevation
                ],
            },
            "weighed": {
                "positions": [_position(position) for position in assessment.positions],
                "rules": [_rule(rule) for rule in request.rules],
            },
            "found": {
                "detections": len(assessment.detections),
                "located": sum(point.latitude_deg is not None for point in assessment.ground),
                "sightings": len(assessment.sightings),
            },
            "products": [
                {
                    "kind": product.kind.value,
                    "media_type": product.media_type,
                    "file_name": product.file_name,
                    "sha256": hashlib.sha256(product.data).hexdigest(),
                    "size_bytes": len(product.data),
                }
                for product in products
            ],
        }
    )


def _position(position: Position) -> dict[str, Any]:
    # Its times are aware, and JSON has no word for them.
    return {
        **asdict(position),
        "reported_at": utc_text(position.reported_at),
        "valid_from": utc_text(position.valid_from),
        "valid_until": utc_text(position.valid_until),
        "use_times": [use_time_text(hours) for hours in position.use_times],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {**rule_document(rule), "rule_id": rule.rule_id, "revision": rule.revision}


def _sha256(request: AssessmentRequest) -> str:
    """Of the bytes that were looked at, not of what they are said to be."""
    if request.path is None:
        return hashlib.sha256(request.data).hexdigest()
    with request.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _capture(assessment: Assessment) -> dict[str, Any]:
    capture = assessment.capture
    return {
        "make": capture.make,
        "model": capture.model,
        "captured_at": utc_text(capture.captured_at),
        "outcome": capture.outcome.value,
        "pose": None if capture.pose is None else asdict(capture.pose),
        "relative_height_m": capture.relative_height_m,
        "intrinsics": None if capture.intrinsics is None else asdict(capture.intrinsics),
        "sigmas": asdict(capture.sigmas),
        "findings": [asdict(finding) for finding in capture.findings],
    }
