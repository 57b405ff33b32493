"""Entries of a GeoJSON file (RFC 7946)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from models.errors import InvalidInputError
from models.wording import counted
from pipelines.threats.positions.position_import import (
    MAX_ENTRIES,
    Faults,
    Geometry,
    GeometryType,
    RawEntry,
    open_ring,
)

_CRS84 = frozenset({"urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"})
_AXES = {"longitude_deg": 0, "latitude_deg": 1}


class _Names:
    """Paths within a feature."""

    def value(self, key: str) -> str:
        return f"properties.{key}"

    def vertex(self, geometry: Geometry, ring: int, vertex: int, axis: str) -> str:
        place = {
            GeometryType.POINT: "",
            GeometryType.LINE: f"[{vertex}]",
            GeometryType.POLYGON: f"[{ring}][{vertex}]",
        }[geometry.type]
        return f"geometry.coordinates{place}[{_AXES[axis]}]"

    def ring(self, geometry: Geometry, ring: int) -> str:
        polygon = geometry.type is GeometryType.POLYGON
        return f"geometry.coordinates[{ring}]" if polygon else "geometry.coordinates"

    def geometry(self) -> str:
        return "geometry"


_NAMES = _Names()


def geojson_entries(data: bytes) -> list[RawEntry]:
    """The features of a FeatureCollection, or one Feature.

    Raises:
        InvalidInputError: it is not GeoJSON, or not in WGS 84 longitude and latitude.
    """
    try:
        document = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"not JSON: {error}"[:300]) from error
    if not isinstance(document, Mapping) or document.get("type") not in (
        "FeatureCollection",
        "Feature",
    ):
        raise InvalidInputError(
            'a GeoJSON file of positions is a "FeatureCollection"', field="type"
        )
    crs = document.get("crs")
    if crs is not None:
        properties = crs.get("properties") if isinstance(crs, Mapping) else None
        name = properties.get("name") if isinstance(properties, Mapping) else None
        if name not in _CRS84:
            told = "without a name" if name is None else f"{str(name)[:80]!r}"
            raise InvalidInputError(
                f"{told}; only WGS 84 longitude and latitude (RFC 7946)", field="crs"
            )
    features = [document] if document["type"] == "Feature" else document.get("features")
    if not isinstance(features, list) or not features:
        raise InvalidInputError("a list with at least one feature", field="features")
    if len(features) > MAX_ENTRIES:
        raise InvalidInputError(
            f"{counted(len(features), 'feature')}; at most {MAX_ENTRIES}", field="features"
        )
    return [_entry(number, feature) for number, feature in enumerate(features, start=1)]


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _entry(number: int, feature: Any) -> RawEntry:
    if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
        return RawEntry(
            number=number,
            geometry=None,
            values={"id": "unread"},
            named=_NAMES,
            faults=(("", 'not a "Feature"'),),
        )
    faults: Faults = []
    properties = feature.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, Mapping):
        faults.append(("properties", "not an object"))
        properties = {}
    values = dict(properties)
    if values.get("id") is None:
        values["id"] = feature.get("id")
    geometry = _geometry(feature.get("geometry"), faults)
    return RawEntry(
        number=number, geometry=geometry, values=values, named=_NAMES, faults=tuple(faults)
    )


def _geometry(geometry: Any, faults: Faults) -> Geometry | None:
    told = geometry.get("type") if isinstance(geometry, Mapping) else None
    known = {kind.value: kind for kind in GeometryType}
    if not isinstance(told, str) or told not in known:
        one = " (one position each)" if str(told).startswith("Multi") else ""
        given = "missing" if told is None else f"{str(told)[:40]!r}"
        faults.append(("geometry", f"{given}; a position is a Point, LineString or Polygon{one}"))
        return None
    kind, coordinates = known[told], geometry.get("coordinates")
    depth = {GeometryType.POINT: 0, GeometryType.LINE: 1, GeometryType.POLYGON: 2}[kind]
    found = len(faults)
    if depth == 0:
        rings = [[_place(coordinates, "geometry.coordinates", faults)]]
    elif depth == 1:
        rings = [_places(coordinates, "geometry.coordinates", faults)]
    else:
        if not isinstance(coordinates, list) or not coordinates:
            faults.append(("geometry.coordinates", "a list of rings"))
            return None
        rings = [
            list(open_ring(_places(ring, f"geometry.coordinates[{index}]", faults)))
            for index, ring in enumerate(coordinates)
        ]
    if len(faults) > found:
        return None
    return Geometry(type=kind, rings=tuple(tuple(ring) for ring in rings))


def _places(value: Any, path: str, faults: Faults) -> list[tuple[float, float]]:
    if not isinstance(value, list) or not value:
        faults.append((path, "a list of places"))
        return [(0.0, 0.0)]
    return [_place(place, f"{path}[{index}]", faults) for index, place in enumerate(value)]


def _place(value: Any, path: str, faults: Faults) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) not in {2, 3}:
        faults.append((path, "longitude, latitude and perhaps a height"))
        return 0.0, 0.0
    pair = [0.0, 0.0]
    for axis in range(2):
        given = value[axis]
        if isinstance(given, bool) or not isinstance(given, int | float):
            missing = "missing" if given is None else f"{str(given)[:40]!r} is not a number"
            faults.append((f"{path}[{axis}]", missing))
            continue
        try:
            pair[axis] = float(given)
        except OverflowError:
            pair[axis] = math.inf
        if not math.isfinite(pair[axis]):
            faults.append((f"{path}[{axis}]", "not a finite number"))
    return pair[0], pair[1]
