"""What image bytes are, how large they say they are, and where their metadata lie.

Only headers are walked: no pixel is decoded and no decoder is needed, so the field client tells
the kind of a file, and reads its metadata, with what it has. Every offset and length in a file is
the file's own claim: all are checked against the bytes there are.

Sources: ITU-T T.81 annex B (JPEG markers), W3C PNG third edition, TIFF 6.0, the BigTIFF design,
MIL-STD-2500A and C (NITF), Adobe XMP specification part 3 (where XMP lies in each).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from models.errors import UnreadableImageError
from pipelines.imagery.tiff_directory import TIFF_MAGICS, TiffError, integer, read_directory

_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"
_XMP_MORE_HEAD = b"http://ns.adobe.com/xmp/extension/\x00"
_EXIF_HEAD = b"Exif\x00\x00"
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_NITF_MAGICS = frozenset({b"NITF02.00", b"NITF02.10", b"NSIF01.00"})
_PNG_XMP = b"XML:com.adobe.xmp\x00"
_MAX_XMP = 4 << 20
_MAX_SEGMENTS = 2_000
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_XMP = 256, 257, 700
# GeoTIFF 1.1: pixel scale or a whole transformation or tie points, and the directory of keys;
# rational polynomials as DigitalGlobe writes them.
_GEO_SCALE, _GEO_TRANSFORM, _GEO_KEYS, _GEO_POINTS, _RPC = 33550, 34264, 34735, 33922, 50844
# Three tie points of six numbers.
_LEAST_POINTS = 18
_TIFF_TAGS = frozenset(
    {
        _TIFF_WIDTH,
        _TIFF_HEIGHT,
        _TIFF_XMP,
        _GEO_SCALE,
        _GEO_TRANSFORM,
        _GEO_KEYS,
        _GEO_POINTS,
        _RPC,
    }
)

# What else arrives by mistake, so that a refusal can name it.
_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream"),
    (b"<VRT", "a GDAL virtual dataset"),
    (b"<?xml", "an XML document"),
    (b"\x1f\x8b", "a gzip file"),
    (b"8BPS", "a Photoshop document"),
)


class MediaKind(StrEnum):
    """What image bytes are, told by their first bytes."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    NITF = "nitf"


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaHeader:
    """What the header of an image says.

    Attributes:
        kind: told by the first bytes.
        width_px: as claimed; nothing is decoded yet.
        height_px: as claimed.
        exif: a TIFF structure holding the EXIF data; None without any.
        xmp: XMP packets in the order found.
        georeferenced: a TIFF or NITF that says where on Earth its pixels lie.
    """

    kind: MediaKind
    width_px: int
    height_px: int
    exif: bytes | None
    xmp: tuple[bytes, ...]
    georeferenced: bool = False


def sniff(first_bytes: bytes) -> MediaKind:
    """The kind of an image, told by its first bytes (16 suffice), never by its name.

    Raises:
        UnreadableImageError: none of JPEG, PNG, TIFF, NITF; the message names what was seen.
    """
    if first_bytes.startswith(b"\xff\xd8\xff"):
        return MediaKind.JPEG
    if first_bytes.startswith(_PNG_MAGIC):
        return MediaKind.PNG
    if first_bytes[:4] in TIFF_MAGICS:
        return MediaKind.TIFF
    if first_bytes[:9] in _NITF_MAGICS:
        return MediaKind.NITF
    raise UnreadableImageError(f"this is {_seen(first_bytes)}; JPEG, PNG, TIFF and NITF are read")


def _seen(first_bytes: bytes) -> str:
    if not first_bytes:
        return "an empty file"
    if first_bytes[:4] == b"RIFF" and first_bytes[8:12] == b"WEBP":
        return "a WebP"
    if first_bytes[4:8] == b"ftyp":
        return "a video or HEIF file"
    for magic, name in _OTHERS:
        if first_bytes.startswith(magic):
            return name
    return f"no image known here (it starts with {first_bytes[:8].hex(' ')})"


def read_header(data: bytes) -> MediaHeader:
    """The claimed size and the metadata blocks of an image, without decoding it.

    Raises:
        UnreadableImageError: not an image of a known kind, or its header is damaged.
    """
    kind = sniff(data[:16])
    if kind is MediaKind.JPEG:
        header = _jpeg(data)
    elif kind is MediaKind.PNG:
        header = _png(data)
    elif kind is MediaKind.NITF:
        header = _nitf(data)
    else:
        header = _tiff(data)
    if header.width_px < 1 or header.height_px < 1:
        raise UnreadableImageError(f"the {kind.value.upper()} says it has no pixels")
    return header


def _jpeg(data: bytes) -> MediaHeader:
    size: tuple[int, int] | None = None
    exif: bytes | None = None
    xmp: list[bytes] = []
    more: list[bytes] = []
    for marker, body in _jpeg_segments(data):
        # A start of frame: every SOF but DHT (C4), JPG (C8) and DAC (CC).
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if len(body) >= 5 and size is None:
                size = int.from_bytes(body[3:5]), int.from_bytes(body[1:3])
        elif marker == 0xE1 and body.startswith(_EXIF_HEAD):
            exif = exif or body[len(_EXIF_HEAD) :]
        elif marker == 0xE1 and body.startswith(_XMP_HEAD):
            xmp.append(body[len(_XMP_HEAD) :])
        elif marker == 0xE1 and body.startswith(_XMP_MORE_HEAD):
            more.append(body[len(_XMP_MORE_HEAD) :])
    if size is None:
        raise UnreadableImageError("the JPEG ends before it says how large it is")
    return MediaHeader(
        kind=MediaKind.JPEG,
        width_px=size[0],
        height_px=size[1],
        exif=exif,
        xmp=(*xmp, *_extended_xmp(more)),
    )


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment before the first scan."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while at < len(data) and data[at] != 0xFF:  # padding that some cameras leave
            at += 1
        while at < len(data) and data[at] == 0xFF:
            at += 1
        if at + 3 > len(data):
            return
        marker = data[at]
        if marker in (0xDA, 0xD9):
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these stand alone
            at += 1
            continue
        length = int.from_bytes(data[at + 1 : at + 3])
        if length < 2:
            return
        yield marker, data[at + 3 : at + 1 + length]
        at += 1 + length


def _extended_xmp(parts: list[bytes]) -> list[bytes]:
    """The extended packet of each GUID, where every piece of it is there and it is not huge."""
    whole: dict[bytes, tuple[int, dict[int, bytes]]] = {}
    for part in parts:
        if len(part) < 40:
            continue
        guid = part[:32]
        length, offset = int.from_bytes(part[32:36]), int.from_bytes(part[36:40])
        whole.setdefault(guid, (length, {}))[1][offset] = part[40:]
    packets = []
    for length, pieces in whole.values():
        packet = b"".join(piece for _, piece in sorted(pieces.items()))
        if len(packet) == length <= _MAX_XMP:
            packets.append(packet)
    return packets


def _png(data: bytes) -> MediaHeader:
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise UnreadableImageError("the PNG does not start with its header")
    exif: bytes | None = None
    xmp: list[bytes] = []
    at = 8
    for _ in range(_MAX_SEGMENTS):
        if at + 8 > len(data):
            break
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if name == b"IEND":
            break
        if name == b"eXIf":
            exif = data[at + 8 : at + 8 + length].removeprefix(_EXIF_HEAD)
        elif name == b"iTXt":
            packet = _png_xmp(data[at + 8 : at + 8 + length])
            if packet is not None:
                xmp.append(packet)
        at += 12 + length
    return MediaHeader(
        kind=MediaKind.PNG,
        width_px=int.from_bytes(data[16:20]),
        height_px=int.from_bytes(data[20:24]),
        exif=exif,
        xmp=tuple(xmp),
    )


def _png_xmp(body: bytes) -> bytes | None:
    """The packet of an iTXt chunk: keyword, flag, method, language, translation, text."""
    if not body.startswith(_PNG_XMP):
        return None
    rest = body[len(_PNG_XMP) :]
    fields = rest[2:].split(b"\x00", 2)
    if len(rest) < 2 or len(fields) != 3:
        return None
    if rest[0] == 0:
        return fields[2]
    inflate = zlib.decompressobj()
    try:
        packet = inflate.decompress(fields[2], _MAX_XMP)
    except zlib.error:
        return b""  # kept as a packet, so that the reader reports it as broken
    return packet if inflate.eof else b""


def _tiff(data: bytes) -> MediaHeader:
    try:
        tags = read_directory(data, wanted=_TIFF_TAGS)
    except TiffError as error:
        raise UnreadableImageError(f"the TIFF is damaged: {error}") from error
    width, height = integer(tags, _TIFF_WIDTH), integer(tags, _TIFF_HEIGHT)
    if width is None or height is None:
        raise UnreadableImageError("the TIFF does not say how large it is")
    packet = tags.get(_TIFF_XMP)
    if isinstance(packet, tuple):  # written as bytes of type BYTE
        packet = bytes(int(value) & 0xFF for value in packet)
    return MediaHeader(
        kind=MediaKind.TIFF,
        width_px=width,
        height_px=height,
        exif=data,
        xmp=(packet,) if packet else (),
        georeferenced=_RPC in tags
        or (
            _GEO_KEYS in tags
            and (
                _GEO_SCALE in tags
                or _GEO_TRANSFORM in tags
                or len(tags.get(_GEO_POINTS, ())) >= _LEAST_POINTS
            )
        ),
    )


def _nitf(data: bytes) -> MediaHeader:
    """The first image segment; widths of fields as in MIL-STD-2500C tables A-1 and A-3.

    2.0 differs in what the 167 bytes of security fields hold, and adds 40 to them where the
    downgrade code is 999998.
    """
    old = data[4:9] == b"02.00"
    at = 354 + (40 if old and data[280:286] == b"999998" else 0)
    header_bytes = _nitf_number(data, at, 6)
    if _nitf_number(data, at + 6, 3) < 1:
        raise UnreadableImageError("the NITF holds no image")
    if data[header_bytes : header_bytes + 2] != b"IM":
        raise UnreadableImageError("the NITF is damaged: its image is not where it says")
    size_at = header_bytes + 333
    if old and data[header_bytes + 284 : header_bytes + 290] == b"999998":
        size_at += 40
    coordinates = data[size_at + 38 : size_at + 39]
    return MediaHeader(
        kind=MediaKind.NITF,
        width_px=_nitf_number(data, size_at + 8, 8),
        height_px=_nitf_number(data, size_at, 8),
        exif=None,
        xmp=(),
        # A blank, and in 2.0 an N: no coordinates.
        georeferenced=coordinates not in (b" ", b"N", b""),
    )


def _nitf_number(data: bytes, at: int, digits: int) -> int:
    field = data[at : at + digits]
    if len(field) != digits or not field.isdigit():
        raise UnreadableImageError(
            "the NITF is damaged: its header holds no number where one is due"
        )
    return int(field)
