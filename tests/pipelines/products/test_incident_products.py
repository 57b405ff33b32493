"""An incident on the map: who is where, and how far apart."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastkml import KML
from fastkml import features as kml_features
from fastkml.overlays import GroundOverlay
from fastkml.utils import find, find_all
from fastkml.validator import validate
from pyproj import Geod
from shapely.geometry import shape

from pipelines.products.incident_products import IncidentSheet, incident_geojson, incident_kmz
from pipelines.products.kmz import frame_kmz
from pipelines.products.overlay import frame_overlay
from pipelines.threats.incidents import Incident, IncidentState
from tests.pipelines.analytic_frame import seen_frame


def _sheet(**changes: Any) -> IncidentSheet:
    seen = seen_frame()
    seen_at = seen.assessment.capture.captured_at
    incident = Incident(
        incident_id="inc-9",
        state=IncidentState.OPEN,
        best=seen.assessment.sightings[0],
        imagery_id="img-1",
        sighting_count=2,
        first_seen_at=seen_at,
        last_seen_at=seen_at,
        revision=2,
    )
    sheet = IncidentSheet(
        mission_id="unifil",
        marking="CONFIDENTIAL",
        incident=incident,
        position=seen.positions[0],
        raised_at=datetime(2026, 11, 24, 10, 2, 20, tzinfo=UTC),
    )
    return replace(sheet, **changes)


def _document(kmz: bytes) -> KML:
    with zipfile.ZipFile(io.BytesIO(kmz)) as archive:
        text = archive.read("doc.kml").decode().split("?>", 1)[1]
    return KML.from_string(text, strict=True)


def _frame_kmz() -> bytes:
    seen = seen_frame()
    overlay = frame_overlay(seen.rgb, seen.view)
    return frame_kmz(seen.provenance, seen.assessment, seen.positions, overlay)


def test_range_line_joins_position_and_object() -> None:
    collection = json.loads(incident_geojson(_sheet()))
    by_kind = {one["properties"]["kind"]: one for one in collection["features"]}
    assert set(by_kind) == {"object", "error_ellipse", "position", "range"}
    start, end = by_kind["range"]["geometry"]["coordinates"]
    assert start == [35.498, 33.198]
    ground = seen_frame().assessment.ground[0]
    assert end == pytest.approx([ground.longitude_deg, ground.latitude_deg], abs=1e-8)
    assert by_kind["object"]["geometry"]["coordinates"][:2] == end
    facts = by_kind["object"]["properties"]
    assert (facts["level"], facts["state"], facts["sightings"]) == ("alert", "open", 2)
    assert facts["raised_at"] == "2026-11-24T10:02:20Z"
    assert shape(by_kind["error_ellipse"]["geometry"]).contains(
        shape(by_kind["object"]["geometry"])
    )
    # The line's own length, by another geodesic: 2e-3 degrees each way, some 280 m.
    length = Geod(ellps="WGS84").inv(*start, *end)[2]
    assert length == pytest.approx(255.0, abs=40.0)


@pytest.mark.parametrize("with_frame", [True, False])
def test_kmz_is_valid_and_takes_the_frame_s_overlay(with_frame: bool) -> None:
    frame = _frame_kmz()
    kmz = incident_kmz(_sheet(), frame if with_frame else None)
    document = _document(kmz)
    assert validate(element=document.etree_element())
    overlay: Any = find(document, of_type=GroundOverlay)
    with zipfile.ZipFile(io.BytesIO(kmz)) as archive:
        names = archive.namelist()
        if not with_frame:
            assert overlay is None
            assert names == ["doc.kml"]
            return
        picture = archive.read(overlay.icon.href)
    with zipfile.ZipFile(io.BytesIO(frame)) as archive:
        assert picture == archive.read("files/overlay.png")
    original: Any = find(_document(frame), of_type=GroundOverlay)
    for side in ("north", "south", "east", "west"):
        assert getattr(overlay.lat_lon_box, side) == getattr(original.lat_lon_box, side)


def test_placemarks_name_object_range_ellipse_and_position() -> None:
    marks: list[Any] = list(
        find_all(_document(incident_kmz(_sheet())), of_type=kml_features.Placemark)
    )
    assert [mark.name for mark in marks] == [
        "ALERT · vehicle 0.91",
        "300 m",
        "90 % error ellipse",
        "Poste avancé 7",
    ]
    place = shape(marks[3].geometry)
    assert (place.x, place.y) == (35.498, 33.198)
    assert [mark.style_url.url for mark in marks] == ["#alert"] * 3 + ["#position"]


def test_a_decision_stands_on_both() -> None:
    sheet = _sheet()
    decided = replace(
        sheet,
        incident=replace(sheet.incident, state=IncidentState.DISMISSED),
        reason="our own truck",
    )
    assert b'"reason":"our own truck"' in incident_geojson(decided)
    first: Any = find(_document(incident_kmz(decided)), of_type=kml_features.Placemark)
    assert "State dismissed: our own truck" in first.description


def test_same_incident_same_bytes() -> None:
    assert incident_geojson(_sheet()) == incident_geojson(_sheet())
    assert incident_kmz(_sheet(), _frame_kmz()) == incident_kmz(_sheet(), _frame_kmz())
