"""KMZ read back by an independent KML library and held against the OGC schema."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastkml import KML
from fastkml import features as kml_features
from fastkml.overlays import GroundOverlay
from fastkml.utils import find, find_all
from fastkml.validator import validate
from PIL import Image
from shapely.geometry import Polygon, shape

from pipelines.products.kmz import frame_kmz
from pipelines.products.overlay import frame_overlay
from tests.pipelines.analytic_frame import Seen, seen_frame


def _kmz(seen: Seen, *, laid_out: bool = True) -> bytes:
    overlay = frame_overlay(seen.rgb, seen.view) if laid_out else None
    return frame_kmz(seen.provenance, seen.assessment, seen.positions, overlay)


def _text(kmz: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(kmz)) as archive:
        declaration, text = archive.read("doc.kml").decode("utf-8").split("?>", 1)
    assert declaration.lower() == "<?xml version='1.0' encoding='utf-8'"
    return text


def _document(kmz: bytes) -> KML:
    return KML.from_string(_text(kmz), strict=True)


def _placemarks(kmz: bytes) -> list[Any]:
    return list(find_all(_document(kmz), of_type=kml_features.Placemark))


@pytest.mark.parametrize("located", [True, False])
def test_it_is_valid_kml(located: bool) -> None:
    seen = seen_frame(located=located)
    kmz = _kmz(seen, laid_out=located)
    with zipfile.ZipFile(io.BytesIO(kmz)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "doc.kml"
    text = _text(kmz)
    assert validate(element=KML.from_string(text).etree_element())
    assert "http://maps" not in text, "nothing calls home for an icon"


def test_overlay_fills_the_analytic_footprint() -> None:
    kmz = _kmz(seen_frame())
    overlay: Any = find(_document(kmz), of_type=GroundOverlay)
    box = overlay.lat_lon_box
    # 800 x 600 pixels of 0.1 m around the point below.
    east_m, north_m = seen_frame().view.metres_per_degree
    assert box.east == pytest.approx(35.5 + 40.0 / east_m, abs=1e-8)
    assert box.west == pytest.approx(35.5 - 40.0 / east_m, abs=1e-8)
    assert box.north == pytest.approx(33.2 + 30.0 / north_m, abs=1e-8)
    assert box.south == pytest.approx(33.2 - 30.0 / north_m, abs=1e-8)
    with zipfile.ZipFile(io.BytesIO(kmz)) as archive:
        picture = Image.open(io.BytesIO(archive.read(overlay.icon.href)))
        assert picture.size == (800, 600)


def test_placemarks_stand_where_the_detections_are() -> None:
    seen = seen_frame()
    marks = _placemarks(_kmz(seen))
    points = [mark for mark in marks if shape(mark.geometry).geom_type == "Point"]
    assert [mark.name for mark in points] == [
        "ALERT · vehicle 0.91",
        "POSSIBLE · person 0.60",
        "vehicle 0.30",
    ]
    for mark, ground in zip(points, seen.assessment.ground, strict=True):
        place = shape(mark.geometry)
        assert (place.x, place.y) == pytest.approx(
            (ground.longitude_deg, ground.latitude_deg), abs=1e-8
        )
        assert "CE90 8.0 m" in mark.description
    assert "300 m (288 to 313) at 045° from Poste avancé 7" in points[0].description
    ellipses = [mark for mark in marks if mark.name.endswith(", 90 %")]
    for mark, point in zip(ellipses, points, strict=True):
        assert Polygon(shape(mark.geometry).exterior).contains(shape(point.geometry))


def test_unlocated_detections_say_why() -> None:
    marks = _placemarks(_kmz(seen_frame(located=False), laid_out=False))
    assert len(marks) == 3
    assert all(mark.geometry is None for mark in marks)
    assert marks[0].description == "cannot be located: no attitude in the metadata"


def test_names_cannot_break_out_of_the_document() -> None:
    seen = seen_frame()
    hostile = "]]></name><NetworkLink/>\x00\x0b<&\ufffe"
    provenance = replace(seen.provenance, file_name=hostile)
    text = _text(frame_kmz(provenance, seen.assessment, seen.positions, None))
    assert "<NetworkLink" not in text
    document: Any = KML.from_string(text).features[0]
    assert document.name.endswith("]]></name><NetworkLink/><&")


def test_same_frame_same_bytes() -> None:
    assert _kmz(seen_frame()) == _kmz(seen_frame())
    assert np.frombuffer(_kmz(seen_frame())[10:14], np.uint16).tolist() == [0, 33], "1980-01-01"


def test_the_model_is_named_with_its_version_and_each_position_once() -> None:
    seen = seen_frame()
    near = seen.assessment.sightings[0]
    twice = replace(seen.assessment, sightings=(near, replace(near, rule_id="second")))
    data = frame_kmz(seen.provenance, twice, seen.positions, None)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("doc.kml").decode()
    assert "Model vedette-n@2.1.0, openvino" in text
    assert text.count("from Poste avancé 7") == 1
