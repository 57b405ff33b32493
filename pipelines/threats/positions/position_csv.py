"""Entries of a CSV file: a heading, then a row for each position.

Columns bear the names of `pipelines.threats.positions.position_import`; the place is in `latitude`
and `longitude`, or in `geometry` as well-known text (POINT, LINESTRING or POLYGON, longitude
first).
"""

from __future__ import annotations

import csv
import io
import math

from models.errors import InvalidInputError
from models.wording import counted
from pipelines.threats.positions.position_import import (
    Faults,
    Geometry,
    GeometryType,
    RawEntry,
    open_ring,
)
from pipelines.threats.positions.position_keys import KEYS

_COLUMNS = {
    "lat": "latitude",
    "latitude_deg": "latitude",
    "lon": "longitude",
    "lng": "longitude",
    "long": "longitude",
    "longitude_deg": "longitude",
    "wkt": "geometry",
    "geom": "geometry",
    "position_id": "id",
    "display_name": "name",
}
_KNOWN = frozenset({*KEYS, "latitude", "longitude", "geometry"})
_LONGEST_FIELD = 1 << 20


class _Names:
    """Columns of a row."""

    def value(self, key: str) -> str:
        return key

    def vertex(self, geometry: Geometry, ring: int, vertex: int, axis: str) -> str:
        if geometry.type is GeometryType.POINT:
            return axis.removesuffix("_deg")
        return f"{self.ring(geometry, ring)}, vertex {vertex + 1}, {axis.removesuffix('_deg')}"

    def ring(self, geometry: Geometry, ring: int) -> str:
        return f"geometry, ring {ring + 1}" if len(geometry.rings) > 1 else "geometry"

    def geometry(self) -> str:
        return "geometry"


_NAMES = _Names()


def csv_entries(data: bytes) -> list[RawEntry]:
    """The rows of a file in UTF-8, with commas, semicolons or tabs between.

    Raises:
        InvalidInputError: it is no text, or its heading names no place.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"not UTF-8: {error}") from error
    heading = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InvalidInputError(f"line {reader.line_num}: {error}") from error
    rows = [(line, row) for line, row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise InvalidInputError("is empty")
    columns = [_column(cell) for cell in rows[0][1]]
    doubled = sorted({name for name in columns if name in _KNOWN and columns.count(name) > 1})
    if doubled:
        raise InvalidInputError(f"the heading names {', '.join(doubled)} twice", field="heading")
    if "geometry" not in columns and not {"latitude", "longitude"} <= set(columns):
        raise InvalidInputError(
            "the heading needs latitude and longitude, or geometry (well-known text); it has "
            f"{', '.join(cell.strip() for cell in rows[0][1])[:200]}",
            field="heading",
        )
    return [_entry(number, columns, row) for number, (_, row) in enumerate(rows[1:], start=2)]


def _column(cell: str) -> str:
    """The key of a column; of one that is not read what the file calls it."""
    name = cell.strip().lower().replace(" ", "_")
    name = _COLUMNS.get(name, name)
    return name if name in _KNOWN else cell.strip()


def _entry(number: int, columns: list[str], row: list[str]) -> RawEntry:
    faults: Faults = []
    if len(row) > len(columns):
        faults.append(("", f"{counted(len(row), 'cell')} under a heading of {len(columns)}"))
    values = {name: cell.strip() for name, cell in zip(columns, row, strict=False) if name}
    geometry = _geometry(values, faults)
    return RawEntry(
        number=number, geometry=geometry, values=values, named=_NAMES, faults=tuple(faults)
    )


def _geometry(values: dict[str, str], faults: Faults) -> Geometry | None:
    text = values.get("geometry", "")
    if text:
        return _well_known(text, faults)
    pair = []
    for name in ("longitude", "latitude"):
        cell = values.get(name, "")
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            comma = "; write a point for the decimal comma" if "," in cell else ""
            faults.append(
                (name, "missing" if not cell else f"{cell[:40]!r} is not a number{comma}")
            )
        pair.append(number)
    if not all(math.isfinite(number) for number in pair):
        return None
    return Geometry(type=GeometryType.POINT, rings=(((pair[0], pair[1]),),))


def _well_known(text: str, faults: Faults) -> Geometry | None:
    import shapely

    try:
        found = shapely.from_wkt(text)
    except shapely.errors.ShapelyError as error:
        faults.append(("geometry", f"not well-known text: {error}"[:300]))
        return None
    kind = {kind.value: kind for kind in GeometryType}.get(found.geom_type)
    if kind is None or found.is_empty:
        faults.append(
            ("geometry", f"{found.geom_type}: a position is a POINT, LINESTRING or POLYGON")
        )
        return None
    parts = [found.exterior, *found.interiors] if kind is GeometryType.POLYGON else [found]
    rings = []
    for part in parts:
        places = [(float(x), float(y)) for x, y in shapely.get_coordinates(part)]
        rings.append(open_ring(places) if kind is GeometryType.POLYGON else tuple(places))
    if not all(math.isfinite(number) for ring in rings for place in ring for number in place):
        faults.append(("geometry", "holds a number that is not finite"))
        return None
    return Geometry(type=kind, rings=tuple(rings))
