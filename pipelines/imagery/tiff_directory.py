"""Reads the tags of a TIFF directory: of TIFF and BigTIFF files, and of EXIF, which is one.

Only tags that are asked for are read, each at most once and within the bytes there are: a maker
note, a loop of directories or a count of four thousand million costs nothing.

Source: TIFF 6.0 section 2; BigTIFF design, www.awaresystems.be/imaging/tiff/bigtiff.html.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Literal

from models.errors import VedetteError
from models.wording import counted

TIFF_MAGICS = frozenset({b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"})

TagValue = tuple[float, ...] | bytes
"""Numbers, or the bytes of a text or an opaque value."""

# TIFF type -> (struct code, bytes of one value); types 5 and 10 are fractions of two.
_NUMBERS = {
    1: ("B", 1),
    3: ("H", 2),
    4: ("I", 4),
    5: ("I", 8),
    6: ("b", 1),
    8: ("h", 2),
    9: ("i", 4),
    10: ("i", 8),
    11: ("f", 4),
    12: ("d", 8),
    13: ("I", 4),
    16: ("Q", 8),
    17: ("q", 8),
    18: ("Q", 8),
}
_BYTES = (2, 7)
_FRACTIONS = (5, 10)
_MAX_ENTRIES = 4_096
_MAX_VALUE = 4 << 20


class TiffError(VedetteError):
    """A TIFF structure is damaged."""

    reason = "DAMAGED_TIFF"


def read_directory(
    data: bytes, *, wanted: frozenset[int], offset: int | None = None
) -> dict[int, TagValue]:
    """The wanted tags of one directory; a tag whose value lies outside the bytes is left out.

    Args:
        data: a whole TIFF structure, from its byte order mark.
        wanted: tag numbers to read.
        offset: where the directory starts; None for the first.

    Raises:
        TiffError: there is no such structure or directory.
    """
    if data[:4] not in TIFF_MAGICS:
        raise TiffError("it does not start as a TIFF does")
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    big = b"+" in data[2:4]
    at = _first(data, order, big=big) if offset is None else offset
    count_code, entry_bytes = ("Q", 20) if big else ("H", 12)
    count_bytes = struct.calcsize(count_code)
    if at < 8 or at + count_bytes > len(data):
        raise TiffError("its directory lies outside the file")
    (count,) = struct.unpack_from(order + count_code, data, at)
    if count > _MAX_ENTRIES:
        raise TiffError(f"its directory claims {counted(count, 'entry')}")
    tags: dict[int, TagValue] = {}
    for index in range(count):
        start = at + count_bytes + index * entry_bytes
        if start + entry_bytes > len(data):
            break
        (tag,) = struct.unpack_from(order + "H", data, start)
        if tag in wanted and tag not in tags:
            value = _value(data, start, order, big=big)
            if value is not None:
                tags[tag] = value
    return tags


def _first(data: bytes, order: str, *, big: bool) -> int:
    if len(data) < (16 if big else 8):
        raise TiffError("it ends within its header")
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    return int(at)


def _value(data: bytes, start: int, order: str, *, big: bool) -> TagValue | None:
    """The value of the entry at `start`; None where it is damaged or of no known type."""
    (kind,) = struct.unpack_from(order + "H", data, start + 2)
    (count,) = struct.unpack_from(order + ("Q" if big else "I"), data, start + 4)
    if kind not in _NUMBERS and kind not in _BYTES:
        return None
    width = 1 if kind in _BYTES else _NUMBERS[kind][1]
    size = width * count
    field, inline = (start + 12, 8) if big else (start + 8, 4)
    if size > inline:
        (field,) = struct.unpack_from(order + ("Q" if big else "I"), data, field)
    if size > _MAX_VALUE or field + size > len(data):
        return None
    if kind in _BYTES:
        return data[field : field + size]
    code = _NUMBERS[kind][0]
    if kind not in _FRACTIONS:
        return tuple(float(v) for v in struct.unpack_from(f"{order}{count}{code}", data, field))
    raw = struct.unpack_from(f"{order}{2 * count}{code}", data, field)
    return tuple(
        top / bottom if bottom else math.nan
        for top, bottom in zip(raw[::2], raw[1::2], strict=True)
    )


def integer(tags: Mapping[int, TagValue], tag: int) -> int | None:
    """The first value of a tag as a whole number; None where there is none."""
    number = real(tags, tag)
    return None if number is None else int(number)


def real(tags: Mapping[int, TagValue], tag: int) -> float | None:
    """The first value of a tag as a finite number; None where there is none."""
    value = tags.get(tag)
    if not isinstance(value, tuple) or not value or not math.isfinite(value[0]):
        return None
    return value[0]


def text(tags: Mapping[int, TagValue], tag: int) -> str | None:
    """A text up to its first NUL, trimmed; None where there is none."""
    value = tags.get(tag)
    if not isinstance(value, bytes):
        return None
    # EXIF says ASCII; makers write UTF-8 and worse.
    return value.split(b"\x00", 1)[0].decode("utf-8", "replace").strip() or None
