"""JPEG files with planted metadata, built with Pillow and by hand: not with the code they judge."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from PIL import Image

XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"


def packet(body: str, namespaces: str = "") -> bytes:
    """An XMP packet with one description."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {namespaces} {body}</rdf:RDF></x:xmpmeta>'
    ).encode()


def dji_packet(**values: object) -> bytes:
    """An XMP packet as DJI writes it."""
    attributes = " ".join(f'drone-dji:{name}="{value}"' for name, value in values.items())
    return packet(f"{attributes}/>", 'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"')


def dms(degrees: float) -> tuple[Fraction, Fraction, Fraction]:
    """Degrees, minutes and seconds as EXIF holds them."""
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    seconds = Fraction((degrees - whole) * 3600 - minutes * 60).limit_denominator(1_000_000)
    return Fraction(whole), Fraction(minutes), seconds


def photograph(
    *packets: bytes,
    size: tuple[int, int] = (400, 300),
    main: Mapping[int, Any] | None = None,
    camera: Mapping[int, Any] | None = None,
    gps: Mapping[int, Any] | None = None,
) -> bytes:
    """A grey JPEG with these EXIF tags and XMP packets."""
    exif = Image.Exif()
    exif.update(dict(main or {}))
    if camera:
        exif.get_ifd(0x8769).update(camera)
    if gps:
        exif.get_ifd(0x8825).update(gps)
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG", exif=exif)
    data = out.getvalue()
    segments = b""
    for one in packets:
        body = XMP_HEAD + one
        segments += b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    return data[:2] + segments + data[2:]


GPS = {1: "S", 2: dms(12.5), 3: "E", 4: dms(30.25)}
DJI = {
    "GimbalYawDegree": "+30.00",
    "GimbalPitchDegree": "-45.00",
    "GimbalRollDegree": "+0.00",
    "RelativeAltitude": "+100.00",
    "AbsoluteAltitude": "+350.00",
}
DJI_MAIN = {271: "DJI", 272: "FC6310"}
DJI_CAMERA = {37386: 8.8, 41989: 24, 40962: 400, 40963: 300}
