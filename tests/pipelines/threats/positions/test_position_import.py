from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, time
from typing import Any

import pytest

from pipelines.threats.positions.position import Aging, Position, PositionKind
from pipelines.threats.positions.position_import import ImportFormat, read_positions
from pipelines.threats.positions.position_keys import resembled
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.rules.requirements import Day, Hours


def feature(coordinates: Any, kind_of_geometry: str = "Point", **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": kind_of_geometry, "coordinates": coordinates},
        "properties": properties,
    }


def collection(*features: Any, **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features)} | members).encode()


def faults(data: bytes) -> list[tuple[int, str]]:
    found = read_positions(data)
    assert all(fault.message for fault in found.faults)
    return [(fault.entry, fault.field) for fault in found.faults]


SQUARE = [[18.0, 4.0], [18.01, 4.0], [18.01, 4.01], [18.0, 4.01], [18.0, 4.0]]


def test_points_become_positions() -> None:
    found = read_positions(
        collection(
            feature([18.55, 4.36], id="base-1", name="Camp M'Poko", kind="base", radius_m=800),
            feature([18.6, 4.4, 380.0], id="patrol-2", kind="Patrol", sigma_m=25.5, colour="blue"),
            {
                "type": "Feature",
                "id": 17,
                "properties": None,
                "geometry": {"type": "Point", "coordinates": [-180, 90]},
            },
            feature([18.6, 4.4], name="Río Post 7"),
        )
    )
    assert found.faults == ()
    assert found.entries == (1, 2, 3, 4)
    assert found.positions == (
        Position(
            position_id="base-1",
            display_name="Camp M'Poko",
            kind=PositionKind.BASE,
            latitude_deg=4.36,
            longitude_deg=18.55,
            radius_m=800.0,
        ),
        Position(
            position_id="patrol-2",
            display_name="patrol-2",
            kind=PositionKind.PATROL,
            latitude_deg=4.4,
            longitude_deg=18.6,
            sigma_m=25.5,
        ),
        Position(
            position_id="17",
            display_name="17",
            kind=PositionKind.POST,
            latitude_deg=90.0,
            longitude_deg=-180.0,
        ),
        Position(
            position_id="rio-post-7",
            display_name="Río Post 7",
            kind=PositionKind.POST,
            latitude_deg=4.4,
            longitude_deg=18.6,
        ),
    )


SHAPES_GEOJSON = collection(
    feature(
        [SQUARE, [[18.002, 4.002], [18.004, 4.002], [18.004, 4.004], [18.002, 4.002]]],
        "Polygon",
        id="camp-1",
        kind="camp",
        name="Camp 1",
        sigma_m=5,
    ),
    feature(
        [[18.0, 4.0], [18.1, 4.0], [18.2, 4.1]],
        "LineString",
        id="msr-1",
        name="MSR 1",
        buffer_m=25,
        use_times="mon-fri 06:00-18:00 Africa/Juba; sat 08:00-12:00",
        valid_from="2026-01-01T00:00:00Z",
        valid_until="2026-12-31T00:00:00+03:00",
    ),
    feature(
        [18.05, 4.05],
        id="p-1",
        kind="patrol",
        name="P 1",
        sigma_m=10,
        speed_m_s=8,
        report_time="2026-11-24T10:15:00Z",
    ),
)
SHAPES_KML = b"""<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder>
<Placemark id="camp-1"><name>Camp 1</name>
 <ExtendedData><Data name="kind"><value>camp</value></Data>
  <Data name="sigma_m"><value>5</value></Data></ExtendedData>
 <Polygon><outerBoundaryIs><LinearRing><coordinates>
  18.0,4.0,0 18.01,4.0,0 18.01,4.01,0 18.0,4.01,0 18.0,4.0,0
 </coordinates></LinearRing></outerBoundaryIs><innerBoundaryIs><LinearRing><coordinates>
  18.002,4.002 18.004,4.002 18.004,4.004 18.002,4.002
 </coordinates></LinearRing></innerBoundaryIs></Polygon></Placemark>
<Placemark><name>MSR 1</name>
 <ExtendedData><SchemaData schemaUrl="#s"><SimpleData name="buffer_m">25</SimpleData>
  <SimpleData name="use_times">mon-fri 06:00-18:00 Africa/Juba; sat 08:00-12:00</SimpleData>
  <SimpleData name="valid_from">2026-01-01T00:00:00Z</SimpleData>
  <SimpleData name="valid_until">2026-12-31T00:00:00+03:00</SimpleData></SchemaData></ExtendedData>
 <LineString><coordinates>18.0,4.0 18.1,4.0 18.2,4.1</coordinates></LineString></Placemark>
<Placemark><name>P 1</name>
 <ExtendedData><Data name="kind"><value>Patrol</value></Data>
  <Data name="sigma_m"><value>10</value></Data><Data name="speed_m_s"><value>8</value></Data>
  <Data name="report_time"><value>2026-11-24T10:15:00Z</value></Data></ExtendedData>
 <Point><coordinates>18.05,4.05</coordinates></Point></Placemark>
</Folder></Document></kml>"""
SHAPES_CSV = """\ufeffid;name;kind;Lat;Lon;WKT;sigma_m;buffer_m;speed_m_s;report_time;use_times;valid_from;valid_until
camp-1;Camp 1;camp;;;"POLYGON ((18 4, 18.01 4, 18.01 4.01, 18 4.01, 18 4), (18.002 4.002, 18.004 4.002, 18.004 4.004, 18.002 4.002))";5;;;;;;

msr-1;MSR 1;;;;LINESTRING (18 4, 18.1 4, 18.2 4.1);;25;;;"mon-fri 06:00-18:00 Africa/Juba; sat 08:00-12:00";2026-01-01T00:00:00Z;2026-12-31T00:00:00+03:00
p-1;P 1;patrol;4.05;18.05;;10;;8;2026-11-24T10:15:00Z;;;
""".encode()  # noqa: E501 - one row a line


def zipped(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("files/icon.png", b"\x89PNG")
        archive.writestr("doc.kml", data)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [SHAPES_GEOJSON, SHAPES_KML, zipped(SHAPES_KML), SHAPES_CSV],
    ids=["json", "kml", "kmz", "csv"],
)
def test_every_format_tells_the_same(data: bytes) -> None:
    found = read_positions(data)
    assert found.faults == ()
    camp, road, patrol = found.positions
    assert (camp.position_id, camp.display_name, camp.kind) == (
        "camp-1",
        "Camp 1",
        PositionKind.CAMP,
    )
    assert camp.shape == Polygon(
        rings_lonlat=(
            ((18.0, 4.0), (18.01, 4.0), (18.01, 4.01), (18.0, 4.01)),
            ((18.002, 4.002), (18.004, 4.002), (18.004, 4.004)),
        )
    )
    assert camp.sigma_m == 5.0
    assert (camp.latitude_deg, camp.longitude_deg) == pytest.approx((4.005, 18.005), abs=2e-4)
    assert (road.position_id, road.kind) == ("msr-1", PositionKind.ROUTE)
    assert road.shape == Line(
        vertices_lonlat=((18.0, 4.0), (18.1, 4.0), (18.2, 4.1)), buffer_m=25.0
    )
    weekdays = frozenset({Day.MONDAY, Day.TUESDAY, Day.WEDNESDAY, Day.THURSDAY, Day.FRIDAY})
    assert road.use_times == (
        Hours(start=time(6), end=time(18), zone="Africa/Juba", days=weekdays),
        Hours(start=time(8), end=time(12), zone="UTC", days=frozenset({Day.SATURDAY})),
    )
    assert road.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert road.valid_until == datetime(2026, 12, 30, 21, tzinfo=UTC)
    assert patrol.aging == Aging(speed_m_s=8.0)
    assert patrol.reported_at == datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
    assert (patrol.position_id, patrol.sigma_m, patrol.shape) == ("p-1", 10.0, None)


def test_every_fault_is_told_at_once_with_entry_and_field() -> None:
    bow = [[18.0, 4.0], [18.01, 4.01], [18.01, 4.0], [18.0, 4.01], [18.0, 4.0]]
    data = collection(
        feature([18.0, 4.0], id="a"),
        feature([4.0, 118.0], id="b", kind="castle", sigma_m="wide"),
        feature([], "MultiPolygon", id="c"),
        feature([18.0, 4.0], id="a", radius_m=-5),
        feature(["x", None], name=3),
        "nonsense",
        feature([18.0, 4.0], id="d e", sigma_m=True),
        feature([bow], "Polygon", id="bow", kind="base"),
        feature([SQUARE], "Polygon", id="whose"),
        feature([[18.0, 4.0]], "LineString", id="short"),
        feature([[18.0, 4.0], [18.1, 95.0]], "LineString", id="far", buffer_m=-1),
        feature([18.0, 4.0], id="p", kind="patrol"),
        feature([18.0, 4.0], id="t", valid_from="yesterday", use_times=["mon", "at noon"]),
        feature([18.0, 4.0], id="r", kind="route"),
    )
    assert faults(data) == [
        (2, "properties.kind"),
        (2, "properties.sigma_m"),
        (2, "geometry.coordinates[1]"),
        (3, "geometry"),
        (4, "properties.radius_m"),
        (4, "properties.id"),
        (5, "geometry.coordinates[0]"),
        (5, "geometry.coordinates[1]"),
        (5, "properties.name"),
        (5, "properties.id"),
        (6, ""),
        (7, "properties.sigma_m"),
        (7, "properties.id"),
        (8, "geometry"),
        (9, "properties.kind"),
        (10, "geometry.coordinates"),
        (11, "geometry.coordinates[1][1]"),
        (11, "properties.buffer_m"),
        (12, "properties.sigma_m"),
        (13, "properties.valid_from"),
        (13, "properties.use_times"),
        (14, "geometry"),
    ]
    found = read_positions(data)
    assert [it.position_id for it in found.positions] == ["a"]
    said = {(it.entry, it.field): it.message for it in found.faults}
    assert "swapped with longitude" in said[2, "geometry.coordinates[1]"]
    assert "one position each" in said[3, "geometry"]
    assert "crosses itself" in said[8, "geometry"]
    assert "a line has at least 2" in said[10, "geometry.coordinates"]


def test_faults_of_kml_and_csv_are_found_in_their_files() -> None:
    kml = SHAPES_KML.replace(b"18.1,4.0 ", b"18.1;4.0 ").replace(b"<Point>", b"<Model/><Point>")
    assert faults(kml) == [(2, "LineString.coordinates[1]"), (3, "geometry")]
    text = b"name,lat,lon,sigma_m\nOne,4.0,18.0,\nTwo,,18.0,x\nThree,95,18.0,1,1\nOne,5,5,0\n"
    assert faults(text) == [
        (3, "latitude"),
        (3, "sigma_m"),
        (4, ""),
        (4, "latitude"),
        (5, "id"),
    ]
    comma = b'name;lat;lon\nOne;"4,05";18.0\n'
    (fault,) = read_positions(comma).faults
    assert "decimal comma" in fault.message
    assert faults(b"name;wkt\nA;POLYGON((0 0, 1 1)\nB;MULTIPOINT(0 0, 1 1)\n") == [
        (2, "geometry"),
        (3, "geometry"),
    ]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"{", ""),
        (b"{\xff\xfe\x00", ""),
        (b"[" * 100_000, ""),
        (collection(feature([18.0, 4.0], id="a")).replace(b"18.0", b"NaN"), ""),
        (b"[]", "type"),
        (b'{"type": "Topology"}', "type"),
        (b'{"type": "FeatureCollection", "features": []}', "features"),
        (
            collection(
                feature([5e5, 4e5], id="a"),
                crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
            ),
            "crs",
        ),
        (b"<kml>", ""),
        (b"<html/>", ""),
        (b"<kml><Document/></kml>", ""),
        (b'<!DOCTYPE k [<!ENTITY a "b">]><kml>&a;</kml>', ""),
        (b"PK\x03\x04 and then nothing", ""),
        (b"", ""),
        (b"\xff\xfenot text", ""),
        (b"name,easting,northing\na,1,2\n", "heading"),
        (b"lat,latitude,lon\n1,2,3\n", "heading"),
        (b"name,lat,lon\n", ""),
    ],
)
def test_a_file_that_holds_no_positions_says_so(data: bytes, field: str) -> None:
    assert faults(data) == [(0, field)]


def test_entities_are_never_expanded() -> None:
    bomb = b'<!DOCTYPE k [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><kml>&b;</kml>'
    (fault,) = read_positions(bomb, ImportFormat.KML).faults
    assert "refused" in fault.message


def test_numbers_beyond_doubles_are_a_fault() -> None:
    data = collection(feature([18.0, 4.0], id="a")).replace(b"18.0", b"1" + b"0" * 400)
    assert faults(data) == [(1, "geometry.coordinates[0]")]


def test_one_entry_does_not_drown_the_others() -> None:
    data = collection(
        feature([["x", "y"]] * 500, "LineString", id="a"), feature([200.0, 4.0], id="b")
    )
    found = read_positions(data).faults
    assert len([it for it in found if it.entry == 1]) == 21
    assert "980 more" in found[20].message
    assert found[-1].entry == 2


def near_names(data: bytes) -> list[tuple[int, str, str]]:
    found = read_positions(data)
    return [(it.entry, it.field, it.message) for it in found.faults]


def test_a_property_that_is_nearly_ours_is_named_once_and_keeps_nobody_out() -> None:
    data = collection(
        feature([18.55, 4.36], id="base-1", radius=800, colour="blue", fid=3),
        feature([18.6, 4.4], id="post-2", radius=300, description="by the bridge"),
        feature([18.7, 4.4], id="post-3", radius_m=300, radius=1),
        feature([18.8, 4.4], id="post-4", validFrom="2026-11-24T00:00Z", radius=None),
    )
    assert near_names(data) == [
        (
            *(0, "properties.radius"),
            (
                "not read, in 2 entries (the first is 1); did you mean radius_m? Rename it, or "
                "take it out"
            ),
        ),
        (
            *(0, "properties.validFrom"),
            "not read, in entry 4; did you mean valid_from? Rename it, or take it out",
        ),
    ]
    assert [it.position_id for it in read_positions(data).positions] == [
        *("base-1", "post-2", "post-3", "post-4")
    ]


def test_a_column_that_is_nearly_ours_is_named() -> None:
    told = near_names(b"id,lat,lon,Radius,note\npost-1,4.3,18.5,800,x\npost-2,4.4,18.5,,y\n")
    assert [(field, "radius_m?" in message) for _, field, message in told] == [("Radius", True)]
    assert "in entry 2;" in told[0][2]


def test_a_datum_of_kml_that_is_nearly_ours_is_named() -> None:
    data = (
        b'<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>Post 1</name><ExtendedData>'
        b'<Data name="sigma"><value>20</value></Data><Data name="Name"><value>Post</value></Data>'
        b"</ExtendedData><Point><coordinates>18.5,4.3</coordinates></Point></Placemark></kml>"
    )
    told = near_names(data)
    assert [field for _, field, _ in told] == ["ExtendedData.sigma"]
    assert "sigma_m?" in told[0][2]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("radius", "radius_m"), ("Radius_KM", "radius_m"), ("raduis_m", "radius_m")),
        *(("useTimes", "use_times"), ("speed_kmh", "speed_m_s"), ("accuracy", "sigma_m")),
        *(("Name", "name"), ("kinds", "kind")),
        *(("fid", None), ("time", None), ("title", None), ("layer", None), ("max_speed", None)),
    ],
)
def test_what_somebody_may_have_meant(name: str, meant: str | None) -> None:
    assert resembled(name) == meant


@pytest.mark.parametrize("geometry", [None, {}, {"type": None}])
def test_a_geometry_that_is_missing_is_said_to_be(geometry: Any) -> None:
    data = collection({"type": "Feature", "geometry": geometry, "properties": {"id": "a"}})
    (fault,) = read_positions(data).faults
    assert fault.message.startswith("missing; a position is a Point")
