"""Rays against a field of heights, by marching.

A ray is followed in steps of at most half a post until it dips below the field, and the crossing
is bisected. Between three exact points of a stretch the ray's plane coordinates and height are
taken as quadratics of the distance: over 5 km that errs by less than a tenth of a millimetre in
height, and the Earth's curvature is in it.

This is the way over grids that lie on one another; `pipelines.geometry.ray_crossing` has a quicker
one over a single grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import geodetic_from_ecef

Floats = NDArray[np.float64]

PRECISION_M = 0.002
"""Crossings are bisected until the ray's height over the ground is known to this."""

STRETCH_M = 5_000.0
"""Quadratics of the distance are not used over more."""

_SAMPLES_AT_ONCE = 400_000
ALOFT, CROSSED, GAP = range(3)


class PostGrid(Protocol):
    """Posts one step apart in some map grid."""

    @property
    def post_m(self) -> float:
        """Distance of its closest posts."""
        ...

    @property
    def columns(self) -> int:
        """Posts in a row."""
        ...

    @property
    def rows(self) -> int:
        """Posts in a column."""
        ...

    def grid_of(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """Column and row (N,) counted from the centre of the first post."""
        ...


class HeightField(Protocol):
    """Heights above the ellipsoid over some part of the Earth."""

    @property
    def post_m(self) -> float:
        """Distance of its closest posts."""
        ...

    @property
    def lowest_m(self) -> float:
        """No height is lower."""
        ...

    @property
    def highest_m(self) -> float:
        """No height is higher."""
        ...

    def height_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Heights (N,); NaN in a gap and outside."""
        ...

    def plane(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """Coordinates (N,) in which heights are looked up fastest, smooth in those given."""
        ...

    def plane_height_m(self, u: Floats, v: Floats) -> Floats:
        """Heights (N,) at coordinates of `plane`; NaN in a gap and outside."""
        ...

    @property
    def grids(self) -> Sequence[PostGrid]:
        """What its heights come from, the first that knows one."""
        ...

    def posts(
        self, grid: PostGrid, column: int, row: int, width: int, height: int
    ) -> NDArray[np.float32]:
        """Heights (height, width) of posts of one of the grids, all inside it; NaN in gaps."""
        ...

    def covers(self, latitude_deg: Floats, longitude_deg: Floats) -> NDArray[np.bool_]:
        """Whether places (N,) lie inside its bounds, in a gap or not."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Rays:
    """N rays.

    Attributes:
        origin: (N, 3) ECEF.
        direction: (N, 3) unit vectors.
        step_m: (N,) just under half a post along the ray.
    """

    origin: Floats
    direction: Floats
    step_m: Floats

    def select(self, index: NDArray[np.intp]) -> Rays:
        """Some of them."""
        return Rays(
            origin=self.origin[index], direction=self.direction[index], step_m=self.step_m[index]
        )

    def at(self, distance_m: Floats) -> tuple[Floats, Floats, Floats]:
        """Latitude, longitude, height at distances (N,)."""
        return geodetic_from_ecef(self.origin + distance_m[:, None] * self.direction)

    def quadratics(self, field: HeightField, begin: Floats, end: Floats) -> Floats:
        """Coefficients (3, 3, N) of 1, t, t^2; columns are coordinates and height, t is 0 to 1."""

        def point(distance: Floats) -> Floats:
            latitude, longitude, height = self.at(distance)
            return np.stack([*field.plane(latitude, longitude), height])

        first, middle, last = point(begin), point((begin + end) / 2), point(end)
        return np.stack([first, 4 * middle - 3 * first - last, 2 * (first + last) - 4 * middle])


def _clearance(field: HeightField, coefficients: Floats, t: Floats) -> Floats:
    """Height of rays over the field at parameters (N, K)."""
    constant, linear, square = coefficients[..., None]
    u, v, height = constant + t * (linear + t * square)
    ground = field.plane_height_m(u.ravel(), v.ravel())
    clearance: Floats = height - ground.reshape(height.shape)
    return clearance


def march(
    field: HeightField, rays: Rays, begin: Floats, end: Floats, *, rising: bool
) -> tuple[NDArray[np.uint8], Floats]:
    """Where rays (N) first go below the field (or, rising, above it) between two distances.

    Returns:
        (N,) state, and (N,) the distance of the crossing or the gap; NaN where there is neither.
    """
    state = np.full(len(begin), ALOFT, np.uint8)
    where = np.full(len(begin), np.nan)
    sign = -1.0 if rising else 1.0
    reached = begin.copy()
    active = np.flatnonzero(end > begin)
    while active.size:
        count = int(np.clip(_SAMPLES_AT_ONCE // active.size, 4, 256))
        some = rays.select(active)
        start = reached[active]
        stretch = np.minimum(np.minimum(end[active] - start, count * some.step_m), STRETCH_M)
        # As few samples as the longest of these stretches wants.
        count = max(1, int(np.ceil((stretch / some.step_m).max() - 1e-9)))
        coefficients = some.quadratics(field, start, start + stretch)
        t = np.broadcast_to(np.linspace(0.0, 1.0, count + 1), (active.size, count + 1))
        clearance = sign * _clearance(field, coefficients, t)
        event = ~(clearance > 0)
        # The first sample was the last of the stretch before; only a gap counts there.
        event[:, 0] = np.isnan(clearance[:, 0])
        found = event.any(axis=1)
        first = event.argmax(axis=1)
        gap = found & np.isnan(clearance[np.arange(active.size), first])
        crossed = np.flatnonzero(found & ~gap)
        state[active[gap]] = GAP
        where[active[gap]] = (start + stretch * (first / count))[gap]
        if crossed.size:
            t_low, t_high = (first[crossed] - 1) / count, first[crossed] / count
            parts = coefficients[..., crossed]
            precision = PRECISION_M / max(float(stretch[crossed].max()), PRECISION_M)
            for _ in range(int(np.ceil(np.log2(max(1 / count / precision, 1.0))))):
                middle = (t_low + t_high) / 2
                over = sign * _clearance(field, parts, middle[:, None])[:, 0] > 0
                t_low, t_high = np.where(over, middle, t_low), np.where(over, t_high, middle)
            state[active[crossed]] = CROSSED
            where[active[crossed]] = start[crossed] + stretch[crossed] * (t_low + t_high) / 2
        reached[active] = start + stretch
        active = active[~found & (reached[active] < end[active] - 1e-6)]
    return state, where
