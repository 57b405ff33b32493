"""An incident on the map: who is where, and how far apart."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from fastkml import KML
from fastkml import features as kml_features
from fastkml.overlays import GroundOverlay
from fastkml.utils import find, find_all
from fastkml.validator import validate
from pyproj import Geod
from shapely.geometry import Polygon as ShapelyPolygon
from shapely.geometry import shape

from pipelines.products.incident_products import IncidentSheet, incident_geojson, incident_kmz
from pipelines.products.kmz import frame_kmz
from pipelines.products.overlay import frame_overlay
from pipelines.products.position_drawing import position_geometry
from pipelines.threats.incidents.incident import Incident, IncidentState, Nearby
from pipelines.threats.positions.position import PositionKind, placed
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.proximity.weighing import Level, weigh
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.rules.severity import Severity
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


def test_no_line_is_drawn_from_where_a_patrol_may_be() -> None:
    sheet = _sheet()
    lost = replace(sheet.incident.best, position_sigma_m=3000.0)
    reported = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)
    text = kmz_text(
        replace(
            sheet,
            incident=replace(sheet.incident, best=lost),
            position=replace(sheet.position, reported_at=reported),
        )
    )
    assert "its place is unknown, last reported 2026-11-24 09:15 UTC" in text
    assert "LineString" not in text
    assert "300 m" not in text
    assert "LineString" in kmz_text(sheet)


def kmz_text(sheet: IncidentSheet) -> str:
    with zipfile.ZipFile(io.BytesIO(incident_kmz(sheet))) as archive:
        return archive.read("doc.kml").decode()


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


def _at(east_m: float, north_m: float) -> tuple[float, float]:
    """Longitude and latitude, from the object."""
    ground = seen_frame().assessment.ground[0]
    longitude, latitude, _ = Geod(ellps="WGS84").fwd(
        ground.longitude_deg,
        ground.latitude_deg,
        math.degrees(math.atan2(east_m, north_m)),
        math.hypot(east_m, north_m),
    )
    return longitude, latitude


YARD = Polygon(
    rings_lonlat=(
        (_at(-300, -500), _at(300, -500), _at(300, -200), _at(-300, -200)),
        (_at(-100, -400), _at(100, -400), _at(100, -300)),
    )
)
ROAD = Line(vertices_lonlat=(_at(-900, 160), _at(900, 160)), buffer_m=10.0)


def _near(form: Polygon | Line, kind: PositionKind) -> IncidentSheet:
    position = placed(replace(_sheet().position, shape=form, kind=kind))
    rule = replace(DEFAULT_RULE, position_kinds=frozenset(), radius_m=900.0)
    ground = seen_frame().assessment.ground[0]
    (best,) = weigh([ground], ["car"], [0.9], [position], [rule])
    return _sheet(position=position, incident=replace(_sheet().incident, best=best))


@pytest.mark.parametrize(
    ("form", "kind", "edge"),
    [(YARD, PositionKind.CAMP, _at(0, -200)), (ROAD, PositionKind.ROUTE, _at(0, 150))],
    ids=["polygon", "line"],
)
def test_a_shape_is_drawn_whole_and_its_range_from_the_nearest_edge(
    form: Polygon | Line, kind: PositionKind, edge: tuple[float, float]
) -> None:
    sheet = _near(form, kind)
    collection = json.loads(incident_geojson(sheet))
    by_kind = {one["properties"]["kind"]: one for one in collection["features"]}
    drawn = shape(by_kind["position"]["geometry"])
    assert drawn.is_valid
    if isinstance(form, Polygon):
        assert len(drawn.interiors) == 1
        assert drawn.exterior.is_ccw
        assert not drawn.interiors[0].is_ccw
        truth = ShapelyPolygon(form.rings_lonlat[0], form.rings_lonlat[1:])
        assert drawn.symmetric_difference(truth).area < 1e-9
    else:
        found = np.array(drawn.coords)
        assert found == pytest.approx(np.array(form.vertices_lonlat), abs=1e-8)
        assert by_kind["position"]["properties"]["buffer_m"] == 10.0
    start = by_kind["range"]["geometry"]["coordinates"][0]
    *_, apart = Geod(ellps="WGS84").inv(start[0], start[1], edge[0], edge[1])
    assert apart < 0.1
    document = _document(incident_kmz(sheet))
    wanted = "Polygon" if isinstance(form, Polygon) else "LineString"
    marks: list[Any] = list(find_all(document, of_type=kml_features.Placemark))
    names = [
        type(mark.geometry).__name__ for mark in marks if mark.name == sheet.position.display_name
    ]
    assert names == [wanted]
    validate(element=document.etree_element())


def test_an_object_inside_says_so() -> None:
    around = Polygon(rings_lonlat=((_at(-300, -300), _at(300, -300), _at(0, 400)),))
    sheet = _near(around, PositionKind.CAMP)
    assert sheet.incident.best.range_m == 0.0
    words = incident_kmz(sheet)
    with zipfile.ZipFile(io.BytesIO(words)) as archive:
        assert (
            f"inside {sheet.position.display_name} (up to 0 m outside)"
            in archive.read("doc.kml").decode()
        )


def test_a_shape_across_the_antimeridian_is_cut_there() -> None:
    line = Line(vertices_lonlat=((179.9, -17.0), (-179.9, -17.2), (-179.8, -17.2)))
    position = placed(replace(_sheet().position, shape=line, kind=PositionKind.ROUTE))
    drawn = position_geometry(position)
    assert drawn == {
        "type": "MultiLineString",
        "coordinates": [
            [[179.9, -17.0], [180.0, -17.1]],
            [[-180.0, -17.1], [-179.9, -17.2], [-179.8, -17.2]],
        ],
    }
    area = Polygon(rings_lonlat=(((179.9, -17.0), (-179.9, -17.0), (-179.9, -16.9)),))
    drawn = position_geometry(replace(position, shape=area, kind=PositionKind.CAMP))
    assert drawn["type"] == "MultiPolygon"
    assert shape(drawn).area == pytest.approx(0.2 * 0.1 / 2, rel=1e-6)


def _near_several() -> IncidentSheet:
    sheet = _sheet()
    best = sheet.incident.best
    others = tuple(
        Nearby(
            sighting=replace(best, position_id=name, range_m=range_m, level=level),
            severity=Severity.MEDIUM,
        )
        for name, range_m, level in (("gate", 410.0, Level.ALERT), ("depot", 470.0, Level.POSSIBLE))
    )
    incident = replace(sheet.incident, near=others, more_near=3)
    return replace(sheet, incident=incident, near_names={"gate": "North Gate"})


def test_one_thing_near_several_positions_is_one_marker_that_tells_of_them() -> None:
    collection = json.loads(incident_geojson(_near_several()))
    kinds = [one["properties"]["kind"] for one in collection["features"]]
    assert sorted(kinds) == ["error_ellipse", "object", "position", "range"]
    facts = next(it for it in collection["features"] if it["properties"]["kind"] == "object")
    told = facts["properties"]["also_near"]
    assert [(it["position"], it["range_m"], it["level"], it["severity"]) for it in told] == [
        ("North Gate", 410.0, "alert", "medium"),
        ("depot", 470.0, "possible", "medium"),
    ]
    assert facts["properties"]["more_near"] == 3
    marks: list[Any] = list(
        find_all(_document(incident_kmz(_near_several())), of_type=kml_features.Placemark)
    )
    alone: list[Any] = list(
        find_all(_document(incident_kmz(_sheet())), of_type=kml_features.Placemark)
    )
    assert [mark.name for mark in marks] == [mark.name for mark in alone]
    lines = marks[0].description.splitlines()
    assert "Also alert, medium: 410 m" in "\n".join(lines)
    assert any("from North Gate" in line for line in lines)
    assert "and near 3 positions more" in lines
