"""All positions of a mission as arrays, so that a frame meets only those that it may matter to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.rules.rule import Rule

Floats = NDArray[np.float64]

SPHERE_M = 6_371_000.0
"""Mean radius for coarse filters alone."""
SPHERE_SLACK = 1.006
"""Their error, under 0.6 %, is added to what they look for."""

_KINDS = {kind: number for number, kind in enumerate(PositionKind)}
_GEOD = Geod(ellps="WGS84")


LINK_M = 2_000.0
"""From each place along a line, the next is at most so far along it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Links:
    """Places along lines, close enough that what is near to a line is near to one of them.

    Attributes:
        latitude_deg: (L,) WGS 84.
        longitude_deg: (L,).
        margin_m: (L,) the distance from one to the next at most, and the buffer of the line.
        columns: (L,) the position that each belongs to.
    """

    latitude_deg: Floats
    longitude_deg: Floats
    margin_m: Floats
    columns: NDArray[np.intp]

    def chosen(self, columns: NDArray[np.intp], count: int) -> Links:
        """Those of some of `count` positions, which are then counted in the order given."""
        place = np.full(count, -1, np.intp)
        place[columns] = np.arange(len(columns))
        kept = np.flatnonzero(place[self.columns] >= 0)
        return Links(
            latitude_deg=self.latitude_deg[kept],
            longitude_deg=self.longitude_deg[kept],
            margin_m=self.margin_m[kept],
            columns=place[self.columns[kept]],
        )

    def joined(self, other: Links, count: int) -> Links:
        """These of `count` positions and those of others after them."""
        if not len(other.columns):
            return self
        return Links(
            latitude_deg=np.concatenate([self.latitude_deg, other.latitude_deg]),
            longitude_deg=np.concatenate([self.longitude_deg, other.longitude_deg]),
            margin_m=np.concatenate([self.margin_m, other.margin_m]),
            columns=np.concatenate([self.columns, other.columns + count]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PositionIndex:
    """Positions, each where it is at one time.

    Attributes:
        positions: P of them.
        latitude_deg: (P,) of their reference points, WGS 84.
        longitude_deg: (P,).
        sigma_m: (P,) one sigma of each axis.
        extent_m: (P,) distance from the reference point within which all of a shape lies; 0 of a
            point.
        radius_m: (P,) their own radius; NaN where they keep the rule's.
        kinds: (P,) numbers of their kinds.
        links: places along the lines, see `Links`.
        unknown: identifiers of patrols that nobody knew the place of.
    """

    positions: tuple[Position, ...]
    latitude_deg: Floats
    longitude_deg: Floats
    sigma_m: Floats
    extent_m: Floats
    radius_m: Floats
    kinds: NDArray[np.intp]
    links: Links
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, positions: Iterable[Position], unknown: Sequence[str] = ()) -> PositionIndex:
        """An index of valid positions, in their order."""
        kept = tuple(positions)
        count = len(kept)
        latitude = np.fromiter((it.latitude_deg for it in kept), np.float64, count)
        longitude = np.fromiter((it.longitude_deg for it in kept), np.float64, count)
        return cls(
            positions=kept,
            latitude_deg=latitude,
            longitude_deg=longitude,
            sigma_m=np.fromiter((it.sigma_m for it in kept), np.float64, count),
            extent_m=_extents(kept, latitude, longitude),
            radius_m=np.fromiter(
                (np.nan if it.radius_m is None else it.radius_m for it in kept), np.float64, count
            ),
            kinds=np.fromiter((_KINDS[it.kind] for it in kept), np.intp, count),
            links=_links(kept),
            unknown=tuple(unknown),
        )

    def __len__(self) -> int:
        return len(self.positions)

    def unit(self, columns: NDArray[np.intp]) -> Floats:
        """(N, 3) directions of some reference points from the centre of the Earth."""
        return unit_vectors(self.latitude_deg[columns], self.longitude_deg[columns])

    def around(self, unit: Floats, limit_m: Floats) -> NDArray[np.intp]:
        """The positions that are not certainly farther than a limit each from all of some places.

        Args:
            unit: (N, 3) directions of the places, one at least; all within a cone.
            limit_m: (P,) how far each position matters, NaN for not at all.

        Returns:
            Their columns, in order.
        """
        axis = unit.mean(axis=0)
        axis /= max(float(np.linalg.norm(axis)), 1e-12)
        spread = float(np.linalg.norm(unit - axis, axis=1).max())
        reach = limit_m * SPHERE_SLACK + 1.0
        # No chord is shorter than two parts in pi of what it spans in latitude, which tells of most
        # positions at once that they are too far.
        north = math.asin(max(-1.0, min(1.0, float(axis[2]))))
        span = np.abs(np.radians(self.latitude_deg) - north) * (2.0 / math.pi)
        columns = np.flatnonzero((span - spread) * SPHERE_M <= reach)
        chord = np.linalg.norm(self.unit(columns) - axis, axis=1)
        return np.asarray(columns[(chord - spread) * SPHERE_M <= reach[columns]], np.intp)

    @cached_property
    def sometimes(self) -> NDArray[np.intp]:
        """Columns of the positions that are not always in use."""
        return np.flatnonzero([not it.always_in_use for it in self.positions])

    def chosen(self, columns: NDArray[np.intp]) -> PositionIndex:
        """Some of the positions, in the order given."""
        return PositionIndex(
            positions=tuple(self.positions[column] for column in columns.tolist()),
            latitude_deg=self.latitude_deg[columns],
            longitude_deg=self.longitude_deg[columns],
            sigma_m=self.sigma_m[columns],
            extent_m=self.extent_m[columns],
            radius_m=self.radius_m[columns],
            kinds=self.kinds[columns],
            links=self.links.chosen(columns, len(self)),
            unknown=self.unknown,
        )

    def in_use_at(self, moment: datetime | None) -> PositionIndex:
        """Those that are in use at an aware time."""
        idle = [
            column
            for column in self.sometimes.tolist()
            if not self.positions[column].in_use_at(moment)
        ]
        if not idle:
            return self
        return self.chosen(np.delete(np.arange(len(self)), idle))

    def joined(self, other: PositionIndex) -> PositionIndex:
        """These and others."""
        if not len(other) and not other.unknown:
            return self
        names = ("latitude_deg", "longitude_deg", "sigma_m", "extent_m", "radius_m", "kinds")
        return replace(
            self,
            positions=self.positions + other.positions,
            links=self.links.joined(other.links, len(self)),
            unknown=self.unknown + other.unknown,
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names},
        )

    def radii_m(self, rules: Sequence[Rule]) -> Floats:
        """(P,) the widest radius of any rule that guards each; NaN where none does."""
        widest = np.full(len(self), np.nan)
        for rule in rules:
            guarded = np.ones(len(self), np.bool_)
            if rule.position_kinds:
                guarded &= np.isin(self.kinds, [_KINDS[kind] for kind in rule.position_kinds])
            if rule.position_ids:
                guarded &= np.fromiter(
                    (it.position_id in rule.position_ids for it in self.positions),
                    np.bool_,
                    len(self),
                )
            radius = np.where(np.isnan(self.radius_m), rule.radius_m, self.radius_m)
            widest = np.where(guarded, np.fmax(widest, radius), widest)
        return widest


class PositionSource(Protocol):
    """Where positions come from when the time of an image is known."""

    def at(self, moment: datetime | None) -> PositionIndex:
        """Positions in use at an aware time, patrols where they were then; None where unknown."""
        ...


@dataclass(frozen=True, kw_only=True)
class FixedPositions:
    """Positions that are given as they are, for work on files and for tests."""

    positions: tuple[Position, ...]

    def at(self, moment: datetime | None) -> PositionIndex:
        """Those in use at an aware time."""
        return PositionIndex.of(it for it in self.positions if it.in_use_at(moment))


def indexed(positions: Sequence[Position] | PositionIndex) -> PositionIndex:
    """Positions as an index, made where they are none."""
    return positions if isinstance(positions, PositionIndex) else PositionIndex.of(positions)


def unit_vectors(latitude_deg: Floats, longitude_deg: Floats) -> Floats:
    """(N, 3) directions from the centre of a sphere."""
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _extents(positions: Sequence[Position], latitude: Floats, longitude: Floats) -> Floats:
    """(P,) how far shapes reach from their reference points.

    A geodesic between two places of a disc of this size stays in it.
    """
    extents = np.zeros(len(positions))
    columns: list[int] = []
    vertices: list[tuple[float, float]] = []
    margins: list[float] = []
    for column, position in enumerate(positions):
        shape = position.shape
        if shape is None:
            continue
        outer = shape.rings_lonlat[0] if isinstance(shape, Polygon) else shape.vertices_lonlat
        columns += [column] * len(outer)
        vertices += outer
        margins += [0.0 if isinstance(shape, Polygon) else shape.buffer_m] * len(outer)
    if columns:
        places = np.array(vertices, np.float64)
        *_, away = _GEOD.inv(longitude[columns], latitude[columns], places[:, 0], places[:, 1])
        np.maximum.at(extents, columns, np.asarray(away) + margins)
    return extents


def _links(positions: Sequence[Position]) -> Links:
    places: list[tuple[float, float]] = []
    columns: list[int] = []
    margins: list[float] = []
    for column, position in enumerate(positions):
        line = position.shape
        if not isinstance(line, Line):
            continue
        first = len(places)
        # A bent line is followed from link to link, not from vertex to vertex.
        travelled = math.inf
        vertices = np.array(line.vertices_lonlat, np.float64)
        *_, lengths = _GEOD.inv(
            vertices[:-1, 0], vertices[:-1, 1], vertices[1:, 0], vertices[1:, 1]
        )
        for before, after, length in zip(
            line.vertices_lonlat, line.vertices_lonlat[1:], lengths.tolist(), strict=False
        ):
            if travelled + length > LINK_M:
                places.append(before)
                cuts = math.ceil(length / LINK_M) - 1
                if cuts > 0:
                    places += _GEOD.npts(*before, *after, cuts)
                travelled = length / (cuts + 1)
            else:
                travelled += length
        places.append(line.vertices_lonlat[-1])
        columns += [column] * (len(places) - first)
        margins += [line.buffer_m] * (len(places) - first)
    found = np.array(places, np.float64).reshape(-1, 2)
    return Links(
        latitude_deg=found[:, 1],
        longitude_deg=found[:, 0],
        margin_m=np.array(margins, np.float64) + LINK_M,
        columns=np.array(columns, np.intp),
    )
