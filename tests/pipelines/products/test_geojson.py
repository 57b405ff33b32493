"""GeoJSON as RFC 7946 has it, with the places that went in."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from pyproj import Geod
from shapely.geometry import shape

from pipelines.products.geojson import frame_geojson, polygon_geometry
from tests.pipelines.analytic_frame import Seen, seen_frame

GEOD = Geod(ellps="WGS84")


def _collection(seen: Seen) -> dict[str, Any]:
    data = frame_geojson(seen.provenance, seen.assessment, seen.positions)
    return json.loads(data)  # type: ignore[no-any-return]


def _of_kind(collection: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in collection["features"] if one["properties"]["kind"] == kind]


def test_footprint_is_the_ground_of_the_corners() -> None:
    (footprint,) = _of_kind(_collection(seen_frame()), "footprint")
    ring = footprint["geometry"]["coordinates"][0]
    area, perimeter = GEOD.polygon_area_perimeter(*np.array(ring).T)
    # 800 x 600 pixels of 0.1 m; positive because RFC 7946 wants it counter-clockwise.
    assert area == pytest.approx(80.0 * 60.0, rel=1e-4)
    assert perimeter == pytest.approx(280.0, rel=1e-5)
    assert ring[0] == ring[-1]
    assert footprint["properties"]["captured_at"] == "2026-11-24T10:02:11Z"
    assert footprint["properties"]["marking"] == "CONFIDENTIAL"


def test_detections_are_longitude_latitude_height() -> None:
    first, second, third = _of_kind(_collection(seen_frame()), "detection")
    # The first box's centre is (120, 115): 28 m west and 18.5 m north of the point below.
    longitude, latitude, height = first["geometry"]["coordinates"]
    azimuth, _, distance = GEOD.inv(35.5, 33.2, longitude, latitude)
    assert distance == pytest.approx(math.hypot(28.0, 18.5), abs=0.002)
    assert azimuth == pytest.approx(-math.degrees(math.atan2(28.0, 18.5)), abs=0.01)
    assert height == 412.5
    facts = first["properties"]
    assert facts["bbox_px"] == [100.0, 100.0, 40.0, 30.0]
    assert facts["covariance_enu_m2"][0][1] == 4.0
    assert facts["mgrs"].startswith("36S YB ")
    (near,) = facts["sightings"]
    assert near["position"] == "Poste avancé 7"
    assert (near["level"], near["bearing_deg"]) == ("alert", 44.6)
    assert second["properties"]["sightings"][0]["level"] == "possible"
    assert third["properties"]["sightings"] == []


def test_ellipses_are_valid_and_of_the_right_size() -> None:
    ellipses = _of_kind(_collection(seen_frame()), "error_ellipse")
    assert [one["properties"]["detection"] for one in ellipses] == [0, 1, 2]
    for one in ellipses:
        assert shape(one["geometry"]).is_valid
        area, _ = GEOD.polygon_area_perimeter(*np.array(one["geometry"]["coordinates"][0]).T)
        expected = math.pi * 2 * math.log(10) * math.sqrt(9.0 * 16.0 - 4.0**2)
        assert area == pytest.approx(expected, rel=0.005)


def test_what_has_no_place_says_why() -> None:
    collection = _collection(seen_frame(located=False))
    assert [one["geometry"] for one in collection["features"]] == [None] * 4
    assert {one["properties"]["outcome"] for one in collection["features"]} == {"no_attitude"}
    assert _of_kind(collection, "detection")[0]["properties"]["captured_at"] is None


def test_no_stray_member() -> None:
    collection = _collection(seen_frame())
    assert set(collection) == {"type", "features"}
    assert all(
        set(one) == {"type", "id", "geometry", "properties"} for one in collection["features"]
    )
    identifiers = [one["id"] for one in collection["features"]]
    assert len(set(identifiers)) == len(identifiers)


def test_clockwise_rings_are_turned() -> None:
    ring = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    for given in (ring, ring[::-1]):
        turned = shape(polygon_geometry(given))
        assert turned.exterior.is_ccw
        assert turned.area == 1.0


def test_same_frame_same_bytes() -> None:
    one, other = (seen_frame() for _ in range(2))
    assert frame_geojson(one.provenance, one.assessment, one.positions) == frame_geojson(
        other.provenance, other.assessment, other.positions
    )


def test_a_ring_over_the_antimeridian_is_cut_there() -> None:
    # A footprint near Taveuni, Fiji, 0.02 degrees wide, drawn by a geodesic that jumps to -180.
    ring = np.array([[179.99, -17.0], [-179.99, -17.0], [-179.99, -16.99], [179.99, -16.99]])
    geometry = polygon_geometry(np.vstack([ring, ring[:1]]))
    assert geometry["type"] == "MultiPolygon"
    east, west = (shape({"type": "Polygon", "coordinates": one}) for one in geometry["coordinates"])
    assert east.bounds == pytest.approx((179.99, -17.0, 180.0, -16.99))
    assert west.bounds == pytest.approx((-180.0, -17.0, -179.99, -16.99))
    assert east.exterior.is_ccw
    assert west.exterior.is_ccw
