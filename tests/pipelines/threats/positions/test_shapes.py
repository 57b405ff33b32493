from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Geod, Transformer

from pipelines.threats.positions.shapes import (
    MAX_VERTICES,
    Line,
    Polygon,
    Shape,
    nearest_places,
    plane_shape,
    reference_point,
    shape_faults,
)

GEOD = Geod(ellps="WGS84")
CAMP = Polygon(rings_lonlat=(((18.0, 4.0), (18.01, 4.0), (18.01, 4.01), (18.0, 4.01)),))
ROAD = Line(vertices_lonlat=((18.0, 4.0), (18.2, 4.1), (18.3, 4.0)), buffer_m=20.0)


def test_the_plane_agrees_with_another_projection_of_the_same_name() -> None:
    other = Transformer.from_crs(
        "EPSG:4326",
        "+proj=aeqd +lat_0=4.02 +lon_0=18.1 +ellps=WGS84 +units=m",
        always_xy=True,
    )
    plane = plane_shape(ROAD, 4.02, 18.1)
    corners = np.array(other.transform(*np.array(ROAD.vertices_lonlat).T)).T
    found = np.array(plane.core.coords)
    for corner in corners:
        # +proj=aeqd is exact to a centimetre at this distance.
        assert np.hypot(*(found - corner).T).min() < 0.05
    assert plane.margin_m == 20.0
    assert plane.extent_m == pytest.approx(np.hypot(*corners.T).max() + 20.0, abs=0.1)


def test_areas_are_those_of_the_ellipsoid() -> None:
    latitude, longitude = reference_point(CAMP)
    area, _ = GEOD.polygon_area_perimeter(*np.array(CAMP.rings_lonlat[0]).T)
    assert plane_shape(CAMP, latitude, longitude).core.area == pytest.approx(abs(area), rel=1e-7)


def test_long_edges_follow_the_geodesic() -> None:
    line = Line(vertices_lonlat=((10.0, 50.0), (14.0, 50.0)))
    # The middle of the geodesic lies north of the parallel by some 1.9 km.
    azimuth, _, length = GEOD.inv(10.0, 50.0, 14.0, 50.0)
    middle_lon, middle_lat, _ = GEOD.fwd(10.0, 50.0, azimuth, length / 2)
    latitude, longitude = reference_point(line)
    assert (latitude, longitude) == pytest.approx((middle_lat, middle_lon), abs=2e-5)
    assert latitude > 50.017
    # A place beside a quarter of it, seen from the middle.
    quarter_lon, quarter_lat, back = GEOD.fwd(10.0, 50.0, azimuth, length / 4)
    lon, lat, _ = GEOD.fwd(quarter_lon, quarter_lat, back - 90.0, 300.0)
    to, _, away = GEOD.inv(longitude, latitude, lon, lat)
    place = away * np.array([[math.sin(math.radians(to)), math.cos(math.radians(to))]])
    plane = plane_shape(line, latitude, longitude)
    found_lat, found_lon = nearest_places(plane, place, latitude, longitude)
    *_, distance = GEOD.inv(found_lon, found_lat, [lon], [lat])
    assert distance[0] == pytest.approx(300.0, abs=0.1)


def test_a_shape_across_the_antimeridian_is_as_any_other() -> None:
    here = Polygon(rings_lonlat=(((179.995, -17.0), (-179.995, -17.0), (-179.995, -16.99)),))
    there = Polygon(rings_lonlat=(((9.995, -17.0), (10.005, -17.0), (10.005, -16.99)),))
    assert shape_faults(here) == ()
    latitude, longitude = reference_point(here)
    moved_lat, moved_lon = reference_point(there)
    assert latitude == pytest.approx(moved_lat, abs=1e-8)
    assert abs(longitude) > 179.99
    one = plane_shape(here, latitude, longitude).core
    two = plane_shape(there, moved_lat, moved_lon).core
    assert one.area == pytest.approx(two.area, rel=1e-9)


def test_the_reference_point_lies_inside_whatever_the_form() -> None:
    crescent = Polygon(rings_lonlat=(((0, 0), (0.03, 0), (0.03, 0.03), (0, 0.03), (0.025, 0.015)),))
    latitude, longitude = reference_point(crescent)
    assert plane_shape(crescent, latitude, longitude).core.contains_properly(
        plane_shape(crescent, latitude, longitude).core.representative_point()
    )
    assert longitude > 0.02
    *_, away = GEOD.inv(longitude, latitude, 0.0, 0.015)
    assert away > 2000.0


def test_nearest_places_stop_at_the_buffer_and_inside_there_are_none() -> None:
    line = Line(vertices_lonlat=((0.0, 0.0), (0.01, 0.0)), buffer_m=50.0)
    plane = plane_shape(line, 0.0, 0.005)
    latitude, longitude = nearest_places(
        plane, np.array([[0.0, 300.0], [0.0, 49.0], [1000.0, 0.0]]), 0.0, 0.005
    )
    assert np.isnan(latitude[1])
    assert np.isnan(longitude[1])
    *_, north = GEOD.inv(0.005, 0.0, longitude[0], latitude[0])
    assert north == pytest.approx(50.0, abs=1e-6)
    *_, east = GEOD.inv(0.01, 0.0, longitude[2], latitude[2])
    assert east == pytest.approx(50.0, abs=1e-3)


@pytest.mark.parametrize(
    ("shape", "field", "words"),
    [
        (
            Polygon(rings_lonlat=(((0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01)),)),
            "polygon",
            "crosses itself at latitude 0.005000, longitude 0.005000",
        ),
        (
            Polygon(rings_lonlat=(((0, 0), (0.01, 0)),)),
            "polygon.rings[0].vertices",
            "2 distinct vertices; a ring has at least 3",
        ),
        (Polygon(rings_lonlat=(((0, 0), (0.01, 0), (0.02, 0)),)), "polygon", "no area"),
        (Polygon(rings_lonlat=()), "polygon.rings", "0 rings"),
        (
            Polygon(
                rings_lonlat=(
                    ((0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01)),
                    ((0.02, 0.02), (0.03, 0.02), (0.03, 0.03)),
                )
            ),
            "polygon",
            "a hole lies outside the outer ring",
        ),
        (
            Polygon(rings_lonlat=(((0, 88), (90, 88), (180, 88), (-90, 88)),)),
            "polygon.rings[0].vertices[0].latitude_deg",
            "pole",
        ),
        (
            Polygon(rings_lonlat=(((0, 80), (90, 80), (180, 80), (-90, 80)),)),
            "polygon.rings[0]",
            "goes around a pole",
        ),
        (
            Polygon(rings_lonlat=(((0, 0), (181, 0), (0, 91)),)),
            "polygon.rings[0].vertices[1].longitude_deg",
            "181 is not between -180 and 180",
        ),
        (
            Polygon(rings_lonlat=(((0, math.nan), (1, 0), (0, 1)),)),
            "polygon.rings[0].vertices[0].latitude_deg",
            "nan",
        ),
        (Line(vertices_lonlat=((18.0, 4.0),)), "line.vertices", "1 distinct vertex; a line"),
        (Line(vertices_lonlat=((18.0, 4.0),) * 5), "line.vertices", "1 distinct vertex"),
        (
            Line(vertices_lonlat=tuple((18.0 + i / 1e5, 4.0) for i in range(MAX_VERTICES + 1))),
            "line.vertices",
            "2,001 vertices; at most 2000",
        ),
        (Line(vertices_lonlat=((4.0, 18.0), (18.0, 4.0))), "line.vertices", "swapped"),
        (Line(vertices_lonlat=((0, 0), (0.1, 0)), buffer_m=-1.0), "line.buffer_m", "-1.0"),
        (Line(vertices_lonlat=((0, 0), (0.1, 0)), buffer_m=math.inf), "line.buffer_m", "inf"),
    ],
)
def test_what_cannot_be_a_shape_is_refused_by_field_and_reason(
    shape: Shape, field: str, words: str
) -> None:
    told = shape_faults(shape)
    assert told[0][0] == field
    assert words in told[0][1]


def test_good_shapes_have_no_faults() -> None:
    assert shape_faults(CAMP) == shape_faults(ROAD) == ()
    # A road may cross itself.
    assert shape_faults(Line(vertices_lonlat=((0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01)))) == ()
