"""Positions from a GeoJSON file, with everything that is wrong with it said at once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import InvalidInputError
from pipelines.threats.positions import Position, PositionKind, position_faults

_CRS84 = frozenset({"urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"})
_FIELD_NAMES = {
    "position_id": "properties.id",
    "display_name": "properties.name",
    "latitude_deg": "geometry.coordinates[1]",
    "longitude_deg": "geometry.coordinates[0]",
    "sigma_m": "properties.sigma_m",
    "radius_m": "properties.radius_m",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFault:
    """One thing that is wrong with a file of positions.

    Attributes:
        feature_index: index into the features, from 0; None for the file as a whole.
        field: path within the feature, or within the file.
        message: what is wrong.
    """

    feature_index: int | None
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"

    @property
    def path(self) -> str:
        """The field as a path from the top of the file."""
        if self.feature_index is None:
            return self.field
        return f"features[{self.feature_index}].{self.field}".removesuffix(".")


class PositionImportError(InvalidInputError):
    """A file of positions has faults; none of it is taken.

    Attributes:
        faults: all of them, in the order of the file.
    """

    reason = "INVALID_POSITIONS"

    def __init__(self, faults: tuple[ImportFault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults), field=faults[0].path)
        self.faults = faults


def read_positions(text: str | bytes) -> tuple[Position, ...]:
    """Read positions from a GeoJSON FeatureCollection of Points (RFC 7946: longitude, latitude).

    Properties: `id` (else the feature's own id), `name` (else the id), `kind` (base, post or
    patrol; post when left out), `sigma_m` (0 when left out), `radius_m` (the rule's when left out).
    Other properties are left alone.

    Raises:
        PositionImportError: with every fault of the file, each with its feature and field.
    """
    features = _features(text)
    faults: list[ImportFault] = []
    positions: list[Position] = []
    seen: dict[str, int] = {}
    for index, feature in enumerate(features):
        position, found = _read_feature(feature)
        faults += [
            ImportFault(feature_index=index, field=field, message=message)
            for field, message in found
        ]
        if position is None:
            continue
        first = seen.setdefault(position.position_id, index)
        if first != index:
            faults.append(
                ImportFault(
                    feature_index=index,
                    field="properties.id",
                    message=f"{position.position_id!r} is the id of features[{first}] already",
                )
            )
        positions.append(position)
    if faults:
        raise PositionImportError(tuple(faults))
    return tuple(positions)


def _refuse(field: str, message: str) -> PositionImportError:
    return PositionImportError((ImportFault(feature_index=None, field=field, message=message),))


def _features(text: str | bytes) -> list[Any]:
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _refuse("", f"not JSON: {error}") from error
    if not isinstance(document, Mapping) or document.get("type") != "FeatureCollection":
        raise _refuse("type", 'a GeoJSON file of positions is a "FeatureCollection"')
    crs = document.get("crs")
    if crs is not None:
        properties = crs.get("properties") if isinstance(crs, Mapping) else None
        name = properties.get("name") if isinstance(properties, Mapping) else None
        if name not in _CRS84:
            raise _refuse("crs", f"{name!r}: only WGS 84 longitude and latitude (RFC 7946)")
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise _refuse("features", "a list with at least one feature")
    return features


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _read_feature(feature: Any) -> tuple[Position | None, list[tuple[str, str]]]:
    """One feature as a position (None where it cannot be built), and its faults."""
    if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
        return None, [("", 'not a "Feature"')]
    faults: list[tuple[str, str]] = []
    properties = feature.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, Mapping):
        faults.append(("properties", "not an object"))
        properties = {}
    coordinates = _coordinates(feature.get("geometry"), faults)
    position_id = properties.get("id", feature.get("id"))
    if isinstance(position_id, int) and not isinstance(position_id, bool):
        position_id = str(position_id)
    if not isinstance(position_id, str):
        faults.append(("properties.id", "missing, or not text"))
        position_id = None
    name = properties.get("name")
    if name is None:
        name = position_id
    elif not isinstance(name, str):
        faults.append(("properties.name", "not text"))
        name = None
    kind = _kind(properties.get("kind"), faults)
    sigma_m = _number(properties.get("sigma_m"), "properties.sigma_m", faults)
    radius_m = _number(properties.get("radius_m"), "properties.radius_m", faults)
    # What could be read is checked further, so that one run tells everything.
    position = Position(
        position_id=position_id if position_id is not None else "unread",
        display_name=name if name is not None else "unread",
        kind=kind,
        latitude_deg=coordinates[1],
        longitude_deg=coordinates[0],
        sigma_m=0.0 if sigma_m is None else sigma_m,
        radius_m=radius_m,
    )
    for field, message in position_faults(position):
        if field == "display_name" and properties.get("name") is None:
            continue  # it stands for the id, which has its own fault
        hint = " (GeoJSON writes longitude first)" if field == "latitude_deg" else ""
        faults.append((_FIELD_NAMES[field], message + hint))
    return (position if position_id is not None else None), faults


def _coordinates(geometry: Any, faults: list[tuple[str, str]]) -> tuple[float, float]:
    if not isinstance(geometry, Mapping) or geometry.get("type") != "Point":
        found = geometry.get("type") if isinstance(geometry, Mapping) else None
        faults.append(("geometry", f'{found!r}: a position is a "Point"'))
        return 0.0, 0.0
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list) or len(coordinates) not in {2, 3}:
        faults.append(("geometry.coordinates", "longitude, latitude and perhaps a height"))
        return 0.0, 0.0
    pair = [
        _number(value, f"geometry.coordinates[{axis}]", faults)
        for axis, value in enumerate(coordinates[:2])
    ]
    for axis, value in enumerate(coordinates[:2]):
        if value is None:
            faults.append((f"geometry.coordinates[{axis}]", "missing"))
    return pair[0] or 0.0, pair[1] or 0.0


def _kind(value: Any, faults: list[tuple[str, str]]) -> PositionKind:
    if value is None:
        return PositionKind.POST
    kinds = {kind.value: kind for kind in PositionKind}
    if not isinstance(value, str) or value.lower() not in kinds:
        faults.append(("properties.kind", f"{value!r} is none of {', '.join(sorted(kinds))}"))
        return PositionKind.POST
    return kinds[value.lower()]


def _number(value: Any, field: str, faults: list[tuple[str, str]]) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        faults.append((field, f"{value!r} is not a number"))
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        faults.append((field, "not a finite number"))
        return None
    return number
