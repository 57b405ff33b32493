"""The shapes of positions: polygons, and lines with a buffer.

Edges run along geodesics of the WGS 84 ellipsoid, the shorter way round, so that the antimeridian
is no edge of anything. Whatever is measured of a shape is measured in the plane around its
reference point that keeps distances and directions from there (azimuthal equidistant): its scale
across errs by a sixth of (distance / earth radius) squared, under 3e-4 at the widest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from models.wording import counted

Vertices = tuple[tuple[float, float], ...]
"""Longitude and latitude of each vertex, WGS 84 degrees."""

MAX_RADIUS_M = 100_000.0
"""Nothing farther away is near to anything."""
MAX_VERTICES = 2_000
MAX_EXTENT_M = 500_000.0
"""From the first vertex to any other: the longest supply route of a mission, and no country."""
MAX_BUFFER_M = 50_000.0
MAX_SHAPE_LATITUDE_DEG = 85.0
_MAX_RINGS = 50
# Longer edges are cut along the geodesic, which in the plane is then straight to a centimetre.
_STEP_M = 5_000.0
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, kw_only=True, slots=True)
class Polygon:
    """An area on the ground.

    Attributes:
        rings_lonlat: the outer ring, then holes; the first vertex is not repeated at the end.
    """

    rings_lonlat: tuple[Vertices, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line along the ground.

    Attributes:
        vertices_lonlat: from its start to its end.
        buffer_m: how far to each side it reaches; 0 for the bare line.
    """

    vertices_lonlat: Vertices
    buffer_m: float = 0.0


Shape = Polygon | Line


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlaneShape:
    """A shape in the plane around a point on the ground.

    Attributes:
        core: the polygon, or the line without its buffer, east and north in metres (shapely).
        margin_m: the buffer of a line; 0 for a polygon.
        extent_m: distance from the point within which all of it lies, the buffer included.
    """

    core: Any
    margin_m: float
    extent_m: float


@lru_cache(maxsize=4096)
def plane_shape(shape: Shape, latitude_deg: float, longitude_deg: float) -> PlaneShape:
    """A valid shape in the plane around a point (WGS 84 degrees)."""
    import shapely

    rings = [
        _plane(_along(vertices, closed=isinstance(shape, Polygon)), latitude_deg, longitude_deg)
        for vertices in _parts(shape)
    ]
    extent = max(float(np.hypot(ring[:, 0], ring[:, 1]).max()) for ring in rings)
    if isinstance(shape, Polygon):
        core, margin = shapely.Polygon(rings[0], rings[1:]), 0.0
    else:
        core, margin = shapely.LineString(rings[0]), shape.buffer_m
    shapely.prepare(core)
    return PlaneShape(core=core, margin_m=margin, extent_m=extent + margin)


def reference_point(shape: Shape) -> tuple[float, float]:
    """Latitude and longitude of a point that stands for a valid shape, degrees.

    The centroid of a polygon, or a point inside where the centroid is not; the middle of a line.
    """
    start_lon, start_lat = _parts(shape)[0][0]
    core = plane_shape(shape, start_lat, start_lon).core
    if isinstance(shape, Polygon):
        point = core.centroid if core.contains(core.centroid) else core.representative_point()
    else:
        point = core.interpolate(0.5, normalized=True)
    longitude, latitude = _on_ground(point.x, point.y, start_lat, start_lon)
    # A tenth of a millimetre: the same shape gives the same point on every machine.
    return round(latitude, 9), round(longitude, 9)


def shape_faults(shape: Shape) -> tuple[tuple[str, str], ...]:
    """Everything that is wrong with a shape, as (field, message).

    Fields are those of the contract: "polygon.rings[0].vertices[3].latitude_deg", "line.buffer_m".
    """
    faults = tuple(_vertex_faults(shape))
    if not faults:
        faults = tuple(_plane_faults(shape))
    if isinstance(shape, Line) and not 0.0 <= shape.buffer_m <= MAX_BUFFER_M:
        faults += (("line.buffer_m", f"{shape.buffer_m} is not between 0 and {MAX_BUFFER_M:.0f}"),)
    return faults


def nearest_places(
    shape: PlaneShape,
    places_m: NDArray[np.float64],
    latitude_deg: float,
    longitude_deg: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes of the points of a shape that are nearest to places outside it.

    Args:
        shape: in the plane around a point.
        places_m: (N, 2) in that plane.
        latitude_deg: of the point, WGS 84.
        longitude_deg: of the point, WGS 84.

    Returns:
        (N,) and (N,) degrees, at the edge of the buffer of a line; NaN for places inside.
    """
    import shapely

    lines = shapely.shortest_line(shape.core, shapely.points(places_m))
    starts = shapely.get_coordinates(lines).reshape(-1, 2, 2)[:, 0]
    away = places_m - starts
    length = np.hypot(away[:, 0], away[:, 1])
    outside = length > shape.margin_m
    edge = starts + away * (shape.margin_m / np.where(outside, length, 1.0))[:, None]
    count = len(places_m)
    longitude, latitude, _ = _GEOD.fwd(
        np.full(count, longitude_deg),
        np.full(count, latitude_deg),
        np.degrees(np.arctan2(edge[:, 0], edge[:, 1])),
        np.hypot(edge[:, 0], edge[:, 1]),
    )
    return np.where(outside, latitude, np.nan), np.where(outside, longitude, np.nan)


def _parts(shape: Shape) -> tuple[Vertices, ...]:
    return shape.rings_lonlat if isinstance(shape, Polygon) else (shape.vertices_lonlat,)


def _field(shape: Shape, part: int) -> str:
    return f"polygon.rings[{part}]" if isinstance(shape, Polygon) else "line"


def _vertex_faults(shape: Shape) -> Iterator[tuple[str, str]]:
    """What is wrong with single vertices, and with how many there are."""
    parts = _parts(shape)
    least, what = (3, "a ring") if isinstance(shape, Polygon) else (2, "a line")
    if not 1 <= len(parts) <= _MAX_RINGS:
        yield "polygon.rings", f"{counted(len(parts), 'ring')}; an outer ring, and at most 49 holes"
        return
    count = sum(len(vertices) for vertices in parts)
    if count > MAX_VERTICES:
        field = "polygon" if isinstance(shape, Polygon) else "line.vertices"
        yield field, f"{counted(count, 'vertex')}; at most {MAX_VERTICES}: simplify it before"
        return
    for index, vertices in enumerate(parts):
        field = _field(shape, index)
        for place, (longitude, latitude) in enumerate(vertices):
            here = f"{field}.vertices[{place}]"
            if not -90.0 <= latitude <= 90.0:
                yield f"{here}.latitude_deg", f"{latitude} is not between -90 and 90"
            elif abs(latitude) > MAX_SHAPE_LATITUDE_DEG:
                yield f"{here}.latitude_deg", f"{latitude} is within 5 degrees of a pole"
            if not -180.0 <= longitude <= 180.0:
                yield f"{here}.longitude_deg", f"{longitude} is not between -180 and 180"
        distinct = len(set(vertices))
        if distinct < least:
            noun = "vertex" if distinct == 1 else "vertices"
            yield f"{field}.vertices", f"{distinct} distinct {noun}; {what} has at least {least}"


def _plane_faults(shape: Shape) -> Iterator[tuple[str, str]]:
    """What is wrong with the whole, each of its vertices being right."""
    import shapely

    parts = _parts(shape)
    start_lon, start_lat = parts[0][0]
    every = [vertex for vertices in parts for vertex in vertices]
    if isinstance(shape, Polygon):
        for index, ring in enumerate(parts):
            turned = sum(
                _turn(before[0], after[0]) for before, after in itertools.pairwise((*ring, ring[0]))
            )
            if abs(turned) > 180.0:
                yield _field(shape, index), "goes around a pole"
                return
    around = np.array(every, np.float64)
    widest = float(np.hypot(*_plane(around, start_lat, start_lon).T).max())
    if widest > MAX_EXTENT_M:
        field = "polygon" if isinstance(shape, Polygon) else "line.vertices"
        most = f"at most {MAX_EXTENT_M / 1000:.0f}: split it (are longitude and latitude swapped?)"
        yield field, f"{widest / 1000:.0f} km from its first vertex to another; {most}"
        return
    if isinstance(shape, Line):
        return
    core = plane_shape(shape, start_lat, start_lon).core
    if core.area == 0.0:
        yield "polygon", "has no area: its vertices lie on one line"
        return
    if not core.is_valid:
        yield "polygon", _invalid(shapely.is_valid_reason(core), start_lat, start_lon)


def _invalid(reason: str, latitude_deg: float, longitude_deg: float) -> str:
    """What GEOS says of an invalid polygon, with the place in degrees."""
    words, _, place = reason.partition("[")
    east, _, north = place.rstrip("]").partition(" ")
    longitude, latitude = _on_ground(float(east), float(north), latitude_deg, longitude_deg)
    said = {
        "Self-intersection": "its outline crosses itself",
        "Ring Self-intersection": "its outline touches itself",
        "Hole lies outside shell": "a hole lies outside the outer ring",
        "Holes are nested": "a hole lies inside another",
        "Interior is disconnected": "holes cut it in two",
    }.get(words, words[:1].lower() + words[1:])
    return f"{said} at latitude {latitude:.6f}, longitude {longitude:.6f}"


def _turn(from_deg: float, to_deg: float) -> float:
    return (to_deg - from_deg + 180.0) % 360.0 - 180.0


def _along(vertices: Vertices, *, closed: bool) -> NDArray[np.float64]:
    """(K, 2) vertices, and more of them on edges that are long."""
    path = (*vertices, vertices[0]) if closed else vertices
    places = [path[0]]
    for before, after in itertools.pairwise(path):
        if before == after:
            continue
        _, _, length = _GEOD.inv(*before, *after)
        cuts = math.ceil(length / _STEP_M) - 1
        if cuts > 0:
            places += _GEOD.npts(*before, *after, cuts)
        places.append(after)
    return np.array(places, np.float64)


def _plane(
    lonlat: NDArray[np.float64], latitude_deg: float, longitude_deg: float
) -> NDArray[np.float64]:
    """(K, 2) east and north of places (K, 2), in the plane around a point."""
    count = len(lonlat)
    azimuth, _, distance = _GEOD.inv(
        np.full(count, longitude_deg), np.full(count, latitude_deg), lonlat[:, 0], lonlat[:, 1]
    )
    turn = np.radians(azimuth)
    return np.column_stack([distance * np.sin(turn), distance * np.cos(turn)])


def _on_ground(
    east_m: float, north_m: float, latitude_deg: float, longitude_deg: float
) -> tuple[float, float]:
    """Longitude and latitude of a place in the plane around a point."""
    longitude, latitude, _ = _GEOD.fwd(
        longitude_deg,
        latitude_deg,
        math.degrees(math.atan2(east_m, north_m)),
        math.hypot(east_m, north_m),
    )
    return float(longitude), float(latitude)
