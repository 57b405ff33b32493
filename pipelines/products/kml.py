"""KML 2.2 elements (OGC 07-147r2), as maps and situational-awareness tools read them.

Only written here, never read, so the standard library's builder is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from pipelines.products.geojson import utc_text

NAMESPACE = "http://www.opengis.net/kml/2.2"
MEDIA_TYPE = "application/vnd.google-earth.kmz"
Element = ET.Element

# All but tab, line feed and what is above space, less surrogates and non-characters.
_UNWRITABLE = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

# Colours are alpha, blue, green, red. Icons carry no address: every viewer then shows its own pin,
# and none of them calls home for a picture.
_STYLES: dict[str, tuple[str, str, float, float]] = {
    "alert": ("ff0028c8", "660028c8", 4.0, 1.3),
    "possible": ("ff42e4f0", "4d42e4f0", 3.0, 1.1),
    "detection": ("ffe9b456", "33e9b456", 1.5, 0.7),
    "position": ("ff739e00", "33739e00", 2.0, 1.1),
    "footprint": ("ffffffff", "00ffffff", 1.5, 0.0),
}


def document(name: str, description: str, features: Iterable[Element]) -> bytes:
    """A whole KML file with the styles that its features name, as UTF-8."""
    root = ET.Element("kml", xmlns=NAMESPACE)
    body = ET.SubElement(root, "Document")
    _text(body, "name", name)
    _text(body, "description", description)
    for style, (line, fill, width, scale) in _STYLES.items():
        body.append(_style(style, line, fill, width, scale))
    body.extend(features)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def folder(name: str, features: Iterable[Element]) -> Element:
    """A folder of features."""
    element = ET.Element("Folder")
    _text(element, "name", name)
    element.extend(features)
    return element


def placemark(
    name: str,
    geometry: Element | None,
    *,
    style: str,
    description: str = "",
    time: datetime | None = None,
    facts: Mapping[str, object] | None = None,
) -> Element:
    """A placemark.

    Args:
        name: what the map shows beside it.
        geometry: a point, line or polygon; None for a thing without a known place.
        style: one of the document's styles.
        description: lines of plain text.
        time: when it was seen.
        facts: extended data, by name; None values are left out.
    """
    element = ET.Element("Placemark")
    _text(element, "name", name)
    if description:
        _text(element, "description", description)
    if time is not None:
        _text(ET.SubElement(element, "TimeStamp"), "when", utc_text(time) or "")
    _text(element, "styleUrl", f"#{style}")
    known = {key: value for key, value in (facts or {}).items() if value is not None}
    if known:
        data = ET.SubElement(element, "ExtendedData")
        for key, value in known.items():
            _text(ET.SubElement(data, "Data", name=key), "value", str(value))
    if geometry is not None:
        element.append(geometry)
    return element


def point(latitude_deg: float, longitude_deg: float) -> Element:
    """A point on the ground."""
    element = ET.Element("Point")
    _text(element, "coordinates", _coordinates([(longitude_deg, latitude_deg)]))
    return element


def line(places_lonlat: Iterable[tuple[float, float]]) -> Element:
    """A line along the ground through longitudes and latitudes."""
    element = ET.Element("LineString")
    _text(element, "tessellate", "1")
    _text(element, "coordinates", _coordinates(places_lonlat))
    return element


def polygon(ring_lonlat: NDArray[np.float64]) -> Element:
    """A polygon on the ground.

    Args:
        ring_lonlat: (M, 2) closed ring, longitude and latitude in degrees.
    """
    element = ET.Element("Polygon")
    _text(element, "tessellate", "1")
    ring = ET.SubElement(ET.SubElement(element, "outerBoundaryIs"), "LinearRing")
    _text(ring, "coordinates", _coordinates((float(x), float(y)) for x, y in ring_lonlat))
    return element


def ground_overlay(
    name: str, href: str, *, west_deg: float, south_deg: float, east_deg: float, north_deg: float
) -> Element:
    """A picture in the same archive, laid over a box of the map."""
    element = ET.Element("GroundOverlay")
    _text(element, "name", name)
    _text(ET.SubElement(element, "Icon"), "href", href)
    box = ET.SubElement(element, "LatLonBox")
    for side, degrees in (
        ("north", north_deg),
        ("south", south_deg),
        ("east", east_deg),
        ("west", west_deg),
    ):
        _text(box, side, f"{degrees:.8f}")
    return element


def _style(name: str, line_colour: str, fill: str, width: float, scale: float) -> Element:
    style = ET.Element("Style", id=name)
    icon = ET.SubElement(style, "IconStyle")
    _text(icon, "color", line_colour)
    _text(icon, "scale", f"{scale:g}")
    stroke = ET.SubElement(style, "LineStyle")
    _text(stroke, "color", line_colour)
    _text(stroke, "width", f"{width:g}")
    _text(ET.SubElement(style, "PolyStyle"), "color", fill)
    return style


def _coordinates(places_lonlat: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{longitude:.8f},{latitude:.8f}" for longitude, latitude in places_lonlat)


def _text(parent: Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = _xml_safe(text)


def _xml_safe(text: str) -> str:
    """Without the characters that XML 1.0 has no way to write."""
    return _UNWRITABLE.sub("", text)
