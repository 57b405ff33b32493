"""Positions from a file of GeoJSON, KML, KMZ or CSV, with everything that is wrong with it at once.

Each format gives entries: a geometry and what is written beside it. What they mean is the same in
all: `id` (made of the name where it is left out), `name` (the id), `kind` (of a point a post, of a
line a route; of a polygon it must be said), `sigma_m`, `radius_m`, `buffer_m` of a line,
`speed_m_s`, `max_sigma_m`, `max_age_s` and `report_time` of a patrol, `valid_from`, `valid_until`,
and `use_times`, with semicolons between.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from models.errors import InvalidInputError
from models.wording import counted
from pipelines.threats.positions.position import (
    DEFAULT_AGING,
    Aging,
    Position,
    PositionKind,
    placed,
    position_faults,
)
from pipelines.threats.positions.position_keys import KEYS, resembled
from pipelines.threats.positions.shapes import Line, Polygon, Shape
from pipelines.threats.positions.use_times import parse_use_time
from pipelines.threats.rules.requirements import Hours

MAX_ENTRIES = 20_000
MAX_FAULTS_OF_ENTRY = 20
Faults = list[tuple[str, str]]


class ImportFormat(StrEnum):
    """Files of positions that are read."""

    GEOJSON = "geojson"
    KML = "kml"
    CSV = "csv"


class GeometryType(StrEnum):
    """Geometries that a position may have."""

    POINT = "Point"
    LINE = "LineString"
    POLYGON = "Polygon"


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """A geometry as a file tells it.

    Attributes:
        type: which.
        rings: longitude and latitude of each vertex, ring by ring; of a point one ring of one.
    """

    type: GeometryType
    rings: tuple[tuple[tuple[float, float], ...], ...]


class Naming(Protocol):
    """What a format calls the parts of an entry, so that a fault can be found in the file."""

    def value(self, key: str) -> str:
        """What is written beside the geometry."""
        ...

    def vertex(self, geometry: Geometry, ring: int, vertex: int, axis: str) -> str:
        """A longitude or latitude ("longitude_deg" or "latitude_deg")."""
        ...

    def ring(self, geometry: Geometry, ring: int) -> str:
        """A ring, or the vertices of a line."""
        ...

    def geometry(self) -> str:
        """The whole geometry."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class RawEntry:
    """A feature, placemark or row before it is understood.

    Attributes:
        number: from 1, in the file; rows of CSV are counted with the heading.
        geometry: None where it could not be read; that is then among the faults.
        values: what is written beside it, by the names above.
        faults: (field, message) of what could not be read.
        named: names of its parts.
    """

    number: int
    geometry: Geometry | None
    values: Mapping[str, Any]
    named: Naming
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFault:
    """One thing that is wrong with a file of positions.

    Attributes:
        entry: number of the feature, placemark or row, from 1; 0 for the file as a whole.
        position_id: of the position where it is known, else empty.
        field: path within the entry, or within the file.
        message: what is wrong.
    """

    entry: int
    position_id: str = ""
    field: str
    message: str

    def __str__(self) -> str:
        where = f"entry {self.entry}" if self.entry else "the file"
        return f"{where}: {self.field + ': ' if self.field else ''}{self.message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedFile:
    """What a file tells.

    Attributes:
        positions: those without a fault, in the order of the file.
        entries: the number of each in the file.
        faults: everything that is wrong, in the order of the file.
    """

    positions: tuple[Position, ...]
    entries: tuple[int, ...]
    faults: tuple[ImportFault, ...]


class PositionImportError(InvalidInputError):
    """A file of positions has faults."""

    reason = "INVALID_POSITIONS"


def read_positions(data: bytes, file_format: ImportFormat | None = None) -> ImportedFile:
    """Read a file of positions.

    Args:
        data: its bytes.
        file_format: None to tell it by the first bytes.
    """
    from pipelines.threats.positions.position_csv import csv_entries
    from pipelines.threats.positions.position_geojson import geojson_entries
    from pipelines.threats.positions.position_kml import kml_entries

    readers = {
        ImportFormat.GEOJSON: geojson_entries,
        ImportFormat.KML: kml_entries,
        ImportFormat.CSV: csv_entries,
    }
    try:
        entries = readers[file_format or _told_by(data)](data)
    except InvalidInputError as error:
        return _refused(error.field, str(error))
    if not entries:
        return _refused("", "holds no position")
    if len(entries) > MAX_ENTRIES:
        return _refused("", f"{counted(len(entries), 'entry')}; at most {MAX_ENTRIES}: split it")
    return _understood(entries)


def _refused(field_name: str, message: str) -> ImportedFile:
    fault = ImportFault(entry=0, field=field_name, message=message)
    return ImportedFile(positions=(), entries=(), faults=(fault,))


def _told_by(data: bytes) -> ImportFormat:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"{", b"[")):
        return ImportFormat.GEOJSON
    if start.startswith((b"<", b"PK\x03\x04")):
        return ImportFormat.KML
    return ImportFormat.CSV


def _understood(entries: Sequence[RawEntry]) -> ImportedFile:
    positions: list[Position] = []
    numbers: list[int] = []
    faults = _misnamed(entries)
    seen: dict[str, int] = {}
    for entry in entries:
        values = _Values(entry=entry)
        position = values.position()
        first = seen.setdefault(position.position_id, entry.number) if values.identified else None
        if first not in (None, entry.number):
            values.faults.append(
                (entry.named.value("id"), f"{position.position_id!r} is that of entry {first} too")
            )
        if not values.faults:
            positions.append(position)
            numbers.append(entry.number)
        told = values.faults[:MAX_FAULTS_OF_ENTRY]
        if len(values.faults) > len(told):
            told.append(("", f"and {counted(len(values.faults) - len(told), 'more fault')}"))
        faults += [
            ImportFault(
                entry=entry.number,
                position_id=position.position_id if values.identified else "",
                field=field_name,
                message=message,
            )
            for field_name, message in told
        ]
    return ImportedFile(positions=tuple(positions), entries=tuple(numbers), faults=tuple(faults))


def _misnamed(entries: Sequence[RawEntry]) -> list[ImportFault]:
    """What would not be read because its name is not one of ours but nearly; once for the file.

    It keeps no position out of a partial import: without that value they are what the file tells.
    """
    names = {name for entry in entries for name in entry.values}.difference(KEYS)
    meant = {name: key for name in names if (key := resembled(name)) is not None}
    found: dict[tuple[str, str], list[int]] = {}
    for entry in entries:
        for name, value in entry.values.items():
            key = meant.get(name)
            if key is None or value in (None, ""):
                continue
            if entry.values.get(key) in (None, ""):
                found.setdefault((entry.named.value(name), key), []).append(entry.number)
    return [
        ImportFault(
            entry=0,
            field=where,
            message=f"not read, in {_entries(numbers)}; did you mean {key}? Rename it, or take it "
            "out",
        )
        for (where, key), numbers in found.items()
    ]


def _entries(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"entry {numbers[0]}"
    return f"{counted(len(numbers), 'entry')} (the first is {numbers[0]})"


@dataclass(kw_only=True, slots=True)
class _Values:
    """The values of one entry, read one after the other; faults gather."""

    entry: RawEntry
    faults: Faults = field(default_factory=list)
    identified: bool = False

    def position(self) -> Position:
        """The position, with a stand-in for each value that could not be read."""
        self.faults += self.entry.faults
        known = len(self.faults)
        name = self._text("name")
        position_id = self._identifier(name)
        geometry = self.entry.geometry
        kind = self._kind(geometry)
        shape = self._shape(geometry)
        longitude, latitude = (0.0, 0.0) if geometry is None else geometry.rings[0][0]
        position = Position(
            position_id=position_id or "unread",
            display_name=name or position_id or "unread",
            kind=_stand_in(kind, geometry),
            latitude_deg=latitude,
            longitude_deg=longitude,
            sigma_m=self._number("sigma_m") or 0.0,
            radius_m=self._number("radius_m"),
            shape=shape,
            aging=self._aging(),
            reported_at=self._time("report_time"),
            valid_from=self._time("valid_from"),
            valid_until=self._time("valid_until"),
            use_times=self._use_times(),
        )
        self._check(position)
        if len(self.faults) > known or self.entry.faults:
            return position
        return placed(position)

    def _check(self, position: Position) -> None:
        geometry, named = self.entry.geometry, self.entry.named
        for name, message in position_faults(position):
            if name == "display_name" and self.entry.values.get("name") in (None, ""):
                continue  # it stands for the id, which has its own fault
            of_shape = name.split(".")[0] in ("polygon", "line") and name != "line.buffer_m"
            if geometry is not None and of_shape:
                self.faults.append((_shape_field(named, geometry, name), message))
            elif geometry is not None and name in ("latitude_deg", "longitude_deg"):
                hint = " (swapped with longitude?)" if name == "latitude_deg" else ""
                self.faults.append((named.vertex(geometry, 0, 0, name), message + hint))
            else:
                self.faults.append((named.value(_KEYS.get(name, name)), message))

    def _raw(self, key: str) -> Any:
        value = self.entry.values.get(key)
        if isinstance(value, str):
            value = value.strip()
        return None if value == "" else value

    def _fault(self, key: str, message: str) -> None:
        self.faults.append((self.entry.named.value(key), message))

    def _text(self, key: str) -> str | None:
        value = self._raw(key)
        if value is None or isinstance(value, str):
            return value
        self._fault(key, "not text")
        return None

    def _number(self, key: str) -> float | None:
        value = self._raw(key)
        if value is None:
            return None
        try:
            number = float("x" if isinstance(value, bool) else value)
        except (TypeError, ValueError):
            self._fault(key, f"{str(value)[:40]!r} is not a number")
            return None
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._fault(key, "not a finite number")
            return None
        return number

    def _time(self, key: str) -> datetime | None:
        value = self._raw(key)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self._fault(key, f"{str(value)[:40]!r} is not a time such as 2026-11-24T10:15:00Z")
            return None
        if moment.tzinfo is None:
            self._fault(key, "names no zone; add Z for UTC or +03:00")
            return None
        return moment.astimezone(UTC)

    def _use_times(self) -> tuple[Hours, ...]:
        value = self._raw("use_times")
        parts = value.split(";") if isinstance(value, str) else value
        found: list[Hours] = []
        for part in parts if isinstance(parts, list) else []:
            try:
                found.append(parse_use_time(str(part)))
            except ValueError as error:
                self._fault("use_times", str(error))
        return tuple(found)

    def _identifier(self, name: str | None) -> str | None:
        value = self._raw("id")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None and name is not None:
            value = _slug(name)
        if not isinstance(value, str):
            self._fault("id", "missing, or not text")
            return None
        self.identified = True
        return value

    def _kind(self, geometry: Geometry | None) -> PositionKind | None:
        value = self._raw("kind")
        kinds = {kind.value: kind for kind in PositionKind}
        if value is None:
            if geometry is None or geometry.type is GeometryType.POINT:
                return PositionKind.POST
            if geometry.type is GeometryType.LINE:
                return PositionKind.ROUTE
            self._fault("kind", f"a polygon needs one of {', '.join(kinds)}")
            return None
        word = value.lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else ""
        if word not in kinds:
            self._fault("kind", f"{str(value)[:40]!r} is none of {', '.join(kinds)}")
            return None
        return kinds[word]

    def _shape(self, geometry: Geometry | None) -> Shape | None:
        buffer_m = self._number("buffer_m")
        if geometry is None or geometry.type is GeometryType.POINT:
            return None
        if geometry.type is GeometryType.LINE:
            return Line(vertices_lonlat=geometry.rings[0], buffer_m=buffer_m or 0.0)
        return Polygon(rings_lonlat=geometry.rings)

    def _aging(self) -> Aging | None:
        keys = ("speed_m_s", "max_sigma_m", "max_age_s")
        told = {key: number for key in keys if (number := self._number(key)) is not None}
        if not told:
            return None
        return Aging(**{key: told.get(key, getattr(DEFAULT_AGING, key)) for key in keys})


def _stand_in(kind: PositionKind | None, geometry: Geometry | None) -> PositionKind:
    """The kind, or one that finds no fault with a geometry where either could not be read."""
    if geometry is None:
        return PositionKind.PATROL if kind is PositionKind.PATROL else PositionKind.POST
    if kind is None:
        line = geometry.type is GeometryType.LINE
        return PositionKind.ROUTE if line else PositionKind.POST
    return kind


_KEYS = {
    "position_id": "id",
    "display_name": "name",
    "line.buffer_m": "buffer_m",
    "aging.speed_m_s": "speed_m_s",
    "aging.max_sigma_m": "max_sigma_m",
    "aging.max_age_s": "max_age_s",
    "aging": "speed_m_s",
}
_VERTEX = re.compile(r"(?:polygon\.rings\[(\d+)\]|line)\.vertices\[(\d+)\]\.(\w+)")
_RING = re.compile(r"(?:polygon\.rings\[(\d+)\](?:\.vertices)?|line\.vertices)")


def _shape_field(named: Naming, geometry: Geometry, name: str) -> str:
    """What the file calls a part of a shape that the contract calls otherwise."""
    if (vertex := _VERTEX.fullmatch(name)) is not None:
        return named.vertex(geometry, int(vertex[1] or 0), int(vertex[2]), vertex[3])
    if (ring := _RING.fullmatch(name)) is not None:
        return named.ring(geometry, int(ring[1] or 0))
    return named.geometry()


def _slug(name: str) -> str:
    """An identifier made of a name: "Río Post 7" is "rio-post-7"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:63].strip("-")


def open_ring(vertices: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """A ring without the repetition of its first vertex."""
    closed = len(vertices) > 1 and vertices[0] == vertices[-1]
    return tuple(vertices[:-1] if closed else vertices)
