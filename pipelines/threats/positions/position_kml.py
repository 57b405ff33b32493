"""Entries of a KML 2.2 file, or of the KML within a KMZ."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as SafeElementTree

from models.errors import InvalidInputError
from models.wording import counted
from pipelines.threats.positions.position_import import (
    Faults,
    Geometry,
    GeometryType,
    RawEntry,
    open_ring,
)

_LARGEST_KML = 64 << 20
_GEOMETRIES = {kind.value for kind in GeometryType}
_OTHERS = {"MultiGeometry", "LinearRing", "Model", "Track", "MultiTrack"}


class _Names:
    """Paths within a placemark."""

    def value(self, key: str) -> str:
        return key if key == "name" else f"ExtendedData.{key}"

    def vertex(self, geometry: Geometry, ring: int, vertex: int, axis: str) -> str:
        return f"{self.ring(geometry, ring)}[{vertex}] {axis.removesuffix('_deg')}"

    def ring(self, geometry: Geometry, ring: int) -> str:
        if geometry.type is not GeometryType.POLYGON:
            return f"{geometry.type.value}.coordinates"
        if ring == 0:
            return "Polygon.outerBoundaryIs.coordinates"
        return f"Polygon.innerBoundaryIs[{ring - 1}].coordinates"

    def geometry(self) -> str:
        return "geometry"


_NAMES = _Names()


def kml_entries(data: bytes) -> list[RawEntry]:
    """The placemarks of a file, those in folders too.

    Raises:
        InvalidInputError: it is no KML, or its XML declares entities.
    """
    if data.startswith(b"PK"):
        data = _unpacked(data)
    try:
        root = SafeElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InvalidInputError("declares a document type or entities; refused") from error
    except (SafeElementTree.ParseError, ValueError, LookupError) as error:
        raise InvalidInputError(f"not XML: {error}"[:300]) from error
    if _tag(root) != "kml":
        raise InvalidInputError(f"its root is {_tag(root)[:40]!r}, not 'kml'")
    placemarks = [element for element in root.iter() if _tag(element) == "Placemark"]
    return [_entry(number, element) for number, element in enumerate(placemarks, start=1)]


def _unpacked(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [it for it in archive.infolist() if it.filename.lower().endswith(".kml")]
            if not inside:
                raise InvalidInputError("this KMZ holds no .kml")
            with archive.open(inside[0]) as stream:
                text = stream.read(_LARGEST_KML + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InvalidInputError(f"this KMZ cannot be opened: {error}"[:300]) from error
    if len(text) > _LARGEST_KML:
        raise InvalidInputError(f"its KML is larger than {_LARGEST_KML >> 20} MiB")
    return text


def _tag(element: Any) -> str:
    # Files bear the namespace of OGC, of Google, or none.
    return str(element.tag).rpartition("}")[2]


def _entry(number: int, placemark: Any) -> RawEntry:
    values: dict[str, Any] = {}
    if placemark.get("id"):
        values["id"] = placemark.get("id")
    for element in placemark.iter():
        tag, key = _tag(element), element.get("name")
        if tag == "SimpleData" and key:
            values[key] = element.text
        elif tag == "Data" and key:
            values[key] = next((it.text for it in element if _tag(it) == "value"), None)
    for child in placemark:
        if _tag(child) == "name":
            values["name"] = child.text
    faults: Faults = []
    geometry = _geometry(placemark, faults)
    return RawEntry(
        number=number, geometry=geometry, values=values, named=_NAMES, faults=tuple(faults)
    )


def _geometry(placemark: Any, faults: Faults) -> Geometry | None:
    found = [child for child in placemark if _tag(child) in _GEOMETRIES | _OTHERS]
    if len(found) != 1 or _tag(found[0]) in _OTHERS:
        told = ", ".join(_tag(child) for child in found) or "none"
        faults.append(("geometry", f"{told}: a position is one Point, LineString or Polygon"))
        return None
    element, kind = found[0], GeometryType(_tag(found[0]))
    if kind is GeometryType.POLYGON:
        outer = [it for it in element if _tag(it) == "outerBoundaryIs"]
        parts = [*outer, *(it for it in element if _tag(it) == "innerBoundaryIs")]
        if len(outer) != 1:
            faults.append(("Polygon", "has no outerBoundaryIs, or several"))
            return None
    else:
        parts = [element]
    rings = []
    for index, part in enumerate(parts):
        named = _NAMES.ring(Geometry(type=kind, rings=()), index)
        texts = [it.text or "" for it in part.iter() if _tag(it) == "coordinates"]
        places = _places(" ".join(texts), named, faults)
        rings.append(open_ring(places) if kind is GeometryType.POLYGON else tuple(places))
        if kind is GeometryType.POINT and len(places) > 1:
            faults.append((named, f"{counted(len(places), 'place')}; a Point is one"))
    if faults:
        return None
    return Geometry(type=kind, rings=tuple(rings))


def _places(text: str, path: str, faults: Faults) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for index, word in enumerate(text.split()):
        parts = word.split(",")
        try:
            pair = (float(parts[0]), float(parts[1]))
        except (ValueError, IndexError):
            pair = (math.nan, math.nan)
        if len(parts) > 3 or not all(math.isfinite(number) for number in pair):
            faults.append((f"{path}[{index}]", f"{word[:40]!r} is not longitude,latitude[,height]"))
        found.append(pair)
    if not found:
        faults.append((path, "no coordinates"))
    return found
