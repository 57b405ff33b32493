"""Reads XMP packets: properties as attributes or as elements, flat or in structures.

XML comes from strangers: no document type, no entity, no reference outside is accepted
(defusedxml). A broken packet is reported and the others are still read.

Source: Adobe XMP specification part 1, section 7 (RDF serialisation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as SafeTree

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_MAX_PACKET = 4 << 20
_MAX_DEPTH = 4
_MAX_PACKETS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Xmp:
    """What XMP packets say.

    Attributes:
        properties: namespace URI -> property name -> text. The members of a structure are named
            with a slash: "CameraOrientationNED/Yaw". The first packet that names one wins.
        faults: one sentence for each packet that could not be read.
    """

    properties: dict[str, dict[str, str]]
    faults: tuple[str, ...]

    def group(self, word: str) -> dict[str, str]:
        """Properties of every namespace whose URI has `word` as one of its path's parts.

        Makers change the rest of their URI between firmwares, and some have none to speak of
        (Parrot's is "Camera/").
        """
        merged: dict[str, str] = {}
        for uri, values in self.properties.items():
            if word.lower() in uri.lower().split("/"):
                merged = {**values, **merged}
        return merged


def read_xmp(packets: Sequence[bytes]) -> Xmp:
    """Read all packets of a file; never raises for what a file holds."""
    properties: dict[str, dict[str, str]] = {}
    faults: list[str] = []
    for packet in packets[:_MAX_PACKETS]:
        try:
            root = SafeTree.fromstring(_trimmed(packet), forbid_dtd=True)
        except DefusedXmlException:
            faults.append("an XMP packet defines entities or a document type and was refused")
            continue
        except (ParseError, ValueError, LookupError) as error:
            faults.append(f"an XMP packet is broken XML ({error})")
            continue
        for graph in root.iter(f"{_RDF}RDF"):
            for description in graph.findall(f"{_RDF}Description"):
                _collect(description, "", properties, 0)
    if len(packets) > _MAX_PACKETS:
        faults.append(f"only the first {_MAX_PACKETS} of {len(packets)} XMP packets were read")
    return Xmp(properties=properties, faults=tuple(faults))


def number(values: dict[str, str], *names: str) -> float | None:
    """The first of these properties that is a finite number; "+39.80" and "527/100" are."""
    for name in names:
        top, slash, bottom = values.get(name, "").partition("/")
        try:
            value = float(top) / (float(bottom) if slash else 1.0)
        except (ValueError, ZeroDivisionError):
            continue
        if math.isfinite(value):
            return value
    return None


def _trimmed(packet: bytes) -> bytes:
    """The XML alone: makers pad with NULs and blanks, and leave rubbish behind the end."""
    if len(packet) > _MAX_PACKET:
        raise ValueError(f"longer than {_MAX_PACKET} bytes")
    for start, end in ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>")):
        first, last = packet.find(start), packet.rfind(end)
        if 0 <= first < last:
            # What lies before may hold a document type: it must be seen and refused, not cut off.
            if b"<!" in packet[:first]:
                return packet.strip(b"\x00 \r\n\t")
            return packet[first : last + len(end)]
    return packet.strip(b"\x00 \r\n\t")


def _collect(
    element: Element, prefix: str, properties: dict[str, dict[str, str]], depth: int
) -> None:
    """Every property below an element, by namespace."""
    for name, value in element.attrib.items():
        _keep(name, prefix, value, properties)
    if depth >= _MAX_DEPTH:
        return
    for child in element:
        _, local = _split(child.tag)
        if child.tag == f"{_RDF}Description":
            _collect(child, prefix, properties, depth + 1)  # it only groups
            continue
        if child.text and child.text.strip():
            _keep(child.tag, prefix, child.text.strip(), properties)
        if len(child) or child.attrib:
            _collect(child, f"{prefix}{local}/", properties, depth + 1)


def _keep(name: str, prefix: str, value: str, properties: dict[str, dict[str, str]]) -> None:
    uri, local = _split(name)
    if uri and f"{{{uri}}}" != _RDF:
        properties.setdefault(uri, {}).setdefault(prefix + local, value.strip())


def _split(name: str) -> tuple[str, str]:
    """A qualified name "{uri}local" in its parts."""
    if name.startswith("{"):
        uri, _, local = name[1:].partition("}")
        return uri, local
    return "", name
