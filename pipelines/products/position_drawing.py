"""The shapes of positions as GeoJSON and KML draw them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.products import kml
from pipelines.products.geojson import point_geometry, polygon_geometry
from pipelines.threats.positions.position import Position
from pipelines.threats.positions.shapes import Line, Polygon, Vertices


def position_geometry(position: Position) -> dict[str, Any]:
    """A point, polygon or line of longitude and latitude (RFC 7946), cut at the antimeridian."""
    shape = position.shape
    if isinstance(shape, Polygon):
        return _polygon(shape)
    if isinstance(shape, Line):
        return _line(shape)
    return point_geometry(position.latitude_deg, position.longitude_deg)


def position_element(position: Position) -> kml.Element:
    """The same in KML; a polygon without its holes."""
    shape = position.shape
    if isinstance(shape, Polygon):
        return kml.polygon(_ring(shape.rings_lonlat[0]))
    if isinstance(shape, Line):
        return kml.line(shape.vertices_lonlat)
    return kml.point(position.latitude_deg, position.longitude_deg)


def _ring(vertices: Vertices) -> NDArray[np.float64]:
    return np.array((*vertices, vertices[0]), np.float64)


def _polygon(shape: Polygon) -> dict[str, Any]:
    outer = polygon_geometry(_ring(shape.rings_lonlat[0]))
    if outer["type"] != "Polygon":
        # Across the antimeridian; what lies in its holes is drawn as well.
        return outer
    # RFC 7946 3.1.6: holes run clockwise.
    holes = [polygon_geometry(_ring(ring))["coordinates"][0] for ring in shape.rings_lonlat[1:]]
    return {
        "type": "Polygon",
        "coordinates": [*outer["coordinates"], *(hole[::-1] for hole in holes)],
    }


def _line(shape: Line) -> dict[str, Any]:
    parts: list[list[list[float]]] = [[]]
    before: tuple[float, float] | None = None
    for longitude, latitude in shape.vertices_lonlat:
        if before is not None and abs(longitude - before[0]) > 180.0:
            edge = 180.0 if before[0] > 0.0 else -180.0
            turned = longitude + 2.0 * edge
            share = (edge - before[0]) / (turned - before[0]) if turned != before[0] else 0.0
            middle = before[1] + share * (latitude - before[1])
            parts[-1].append(point_geometry(middle, edge)["coordinates"])
            parts.append([point_geometry(middle, -edge)["coordinates"]])
        parts[-1].append(point_geometry(latitude, longitude)["coordinates"])
        before = (longitude, latitude)
    if len(parts) == 1:
        return {"type": "LineString", "coordinates": parts[0]}
    return {"type": "MultiLineString", "coordinates": parts}
