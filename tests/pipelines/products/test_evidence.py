"""The manifest names what it rests on, so that it can be checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from models.detector import DetectionParameters
from pipelines.assessment import Assessment, AssessmentRequest, Product, ProductKind
from pipelines.products.canonical_json import canonical_json
from pipelines.products.evidence import evidence_manifest
from pipelines.threats.positions.shapes import Line
from pipelines.threats.positions.use_times import parse_use_time
from pipelines.threats.rules.rule import DEFAULT_RULE
from tests.pipelines.analytic_frame import seen_frame

PRODUCT = Product(
    kind=ProductKind.GEOJSON, media_type="application/geo+json", file_name="a.geojson", data=b"{}"
)


def _request() -> AssessmentRequest:
    seen = seen_frame()
    return AssessmentRequest(
        provenance=seen.provenance,
        data=b"abc",
        stated_pose='{"yaw_deg": 1}',
        stated_captured_at=datetime(2026, 11, 24, 10, 2, 11, 500000, tzinfo=UTC),
        positions=seen.positions,
        rules=(),
        parameters=DetectionParameters(min_confidence=0.4),
        software_version="1.2.3",
    )


def _found() -> Assessment:
    seen = seen_frame()
    return replace(seen.assessment, positions=seen.positions)


def _manifest(request: AssessmentRequest) -> dict[str, Any]:
    data = evidence_manifest(request, _found(), [PRODUCT])
    return json.loads(data)  # type: ignore[no-any-return]


def test_hashes_are_those_of_the_bytes() -> None:
    manifest = _manifest(_request())
    # FIPS 180-2, example of one block: "abc".
    assert manifest["input"]["sha256"] == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert manifest["input"]["size_bytes"] == 3
    (product,) = manifest["products"]
    assert product["sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert product["size_bytes"] == 2


def test_everything_that_shaped_the_result_is_named() -> None:
    manifest = _manifest(_request())
    assert manifest["schema"] == "vedette.evidence"
    assert manifest["software"] == {"name": "vedette", "version": "1.2.3"}
    assert manifest["detector"]["sha256"] == {"vedette-n.bin": "ab" * 32}
    assert manifest["detector"]["parameters"]["min_confidence"] == 0.4
    assert manifest["capture"]["sigmas"]["yaw_deg"] == 1.0
    assert manifest["capture"]["findings"][0]["code"] == "A_NOTE"
    assert manifest["terrain"] == {"labels": ["flat:test"], "elevation": []}
    assert manifest["input"]["stated_captured_at"] == "2026-11-24T10:02:11.500000Z"
    assert manifest["found"] == {"detections": 3, "located": 3, "sightings": 2}


def test_what_was_weighed_is_told_as_it_was() -> None:
    request = replace(_request(), rules=(DEFAULT_RULE,))
    manifest = _manifest(request)
    assert manifest["schema_version"] == 2
    assert manifest["weighed"]["positions"] == [
        {
            "position_id": "post-7",
            "display_name": "Poste avancé 7",
            "kind": "post",
            "latitude_deg": 33.198,
            "longitude_deg": 35.498,
            "sigma_m": 0.0,
            "radius_m": None,
            "shape": None,
            "aging": None,
            "reported_at": None,
            "valid_from": None,
            "valid_until": None,
            "use_times": [],
            "revision": 1,
        }
    ]
    (rule,) = manifest["weighed"]["rules"]
    assert rule["categories"] == sorted(DEFAULT_RULE.categories)
    assert rule["position_kinds"] == ["base", "patrol", "post"]
    told = ("revision", "radius_m", "min_confidence", "possible_probability", "alert_probability")
    assert [rule[name] for name in told] == [0, 500.0, 0.25, 0.1, 0.5]


@pytest.mark.parametrize(
    "changed",
    [
        {"data": b"abd"},
        {"stated_pose": None},
        {"software_version": "1.2.4"},
        {"parameters": DetectionParameters(whole_frame=False)},
        {"rules": (DEFAULT_RULE,)},
        {"rules": (replace(DEFAULT_RULE, alert_probability=0.6),)},
    ],
)
def test_any_change_of_input_changes_the_manifest(changed: dict[str, Any]) -> None:
    assessment = _found()
    before = evidence_manifest(_request(), assessment, [PRODUCT])
    after = evidence_manifest(replace(_request(), **changed), assessment, [PRODUCT])
    assert before != after
    assert before == evidence_manifest(_request(), assessment, [PRODUCT])


@pytest.mark.parametrize(
    "changed",
    [
        {"latitude_deg": 33.1981},
        {"sigma_m": 5.0},
        {"reported_at": datetime(2026, 11, 24, 10, tzinfo=UTC)},
        {"shape": Line(vertices_lonlat=((35.49, 33.19), (35.5, 33.2)), buffer_m=20.0)},
        {"use_times": (parse_use_time("mon-fri 06:00-18:00 +03:00"),)},
    ],
)
def test_a_position_that_was_another_changes_the_manifest(changed: dict[str, Any]) -> None:
    before = _found()
    after = replace(before, positions=(replace(before.positions[0], **changed),))
    one, two = (evidence_manifest(_request(), it, [PRODUCT]) for it in (before, after))
    assert one != two
    json.loads(two)


def test_canonical_json_has_one_form() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}\n'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"a": float("nan")})
