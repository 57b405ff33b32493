"""What a ray is met with: a surface of the ground, and where rays cross it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipelines.geometry.geodesy import SEMI_MAJOR_M, SEMI_MINOR_M, geodetic_from_ecef
from pipelines.outcome import Outcome

Floats = NDArray[np.float64]

RAY_OUTCOMES = (
    Outcome.LOCATED,
    Outcome.ABOVE_HORIZON,
    Outcome.NO_INTERSECTION,
    Outcome.DEM_GAP,
    Outcome.OUTSIDE_IMAGE,
    Outcome.NO_INTRINSICS,
)
"""What the codes of `Crossings` mean."""

LOCATED, ABOVE_HORIZON, NO_INTERSECTION, DEM_GAP, OUTSIDE_IMAGE, NO_INTRINSICS = range(6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossings:
    """Where N rays first meet a terrain.

    Attributes:
        code: (N,) uint8 index into `RAY_OUTCOMES`.
        range_m: (N,) distance along the ray; NaN unless located.
        next_range_m: (N,) distance at which the ray, led on behind the first crossing, leaves the
            ground again; NaN where it does not within half the range again. There a slightly
            higher ray would have missed this ground and gone on.
    """

    code: NDArray[np.uint8]
    range_m: Floats
    next_range_m: Floats


class Terrain(Protocol):
    """A surface of the ground, and a word for what it is."""

    @property
    def label(self) -> str:
        """For example "dem:srtm.tif" or "flat:relative_height"."""
        ...

    def meet(self, origin_ecef: Floats, direction_ecef: Floats) -> Crossings:
        """First crossings of N rays (N, 3) from N origins (N, 3); directions are unit vectors."""
        ...

    def height_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Heights (N,) above the ellipsoid; NaN in a gap."""
        ...

    def normal_enu(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Upward unit normals (N, 3) in local east, north, up."""
        ...


def meet_shell(
    origin_ecef: Floats, direction_ecef: Floats, hae_m: ArrayLike
) -> tuple[Floats, Floats]:
    """Distances (N,) at which rays enter and leave ellipsoids with axes longer by a height.

    Such an ellipsoid is within 5 cm of the surface of that height, up to 9 km.

    Args:
        origin_ecef: (N, 3) where the rays start.
        direction_ecef: (N, 3) unit vectors.
        hae_m: (N,) or one height.

    Returns:
        Both distances, negative where they lie behind; NaN where the ray misses the ellipsoid.
    """
    height = np.asarray(hae_m, np.float64)
    long, short = SEMI_MAJOR_M + height, SEMI_MINOR_M + height
    x, y, z = origin_ecef[:, 0] / long, origin_ecef[:, 1] / long, origin_ecef[:, 2] / short
    way_x, way_y = direction_ecef[:, 0] / long, direction_ecef[:, 1] / long
    way_z = direction_ecef[:, 2] / short
    square = way_x * way_x + way_y * way_y + way_z * way_z
    half = x * way_x + y * way_y + z * way_z
    # (start.start - 1) with the large parts taken out first, for the last digits.
    third = 1 / np.sqrt(3)
    rest = (x - third) * (x + third) + (y - third) * (y + third) + (z - third) * (z + third)
    discriminant = half * half - square * rest
    root = np.sqrt(np.where(discriminant >= 0, discriminant, np.nan))
    return (-half - root) / square, (-half + root) / square


def meet_height(
    origin_ecef: Floats, direction_ecef: Floats, hae_m: ArrayLike, *, outward: bool = False
) -> Floats:
    """Distances (N,) at which rays meet surfaces of constant height above the ellipsoid.

    `meet_shell` comes near, and Newton's method takes it to the true surface.

    Args:
        origin_ecef: (N, 3) where the rays start.
        direction_ecef: (N, 3) unit vectors.
        hae_m: (N,) or one height.
        outward: the way out through the surface, else the way in.

    Returns:
        The distance, negative where the surface lies behind; NaN where the ray misses it.
    """
    height = np.asarray(hae_m, np.float64)
    distance = meet_shell(origin_ecef, direction_ecef, height)[1 if outward else 0]
    for _ in range(3):
        place = origin_ecef + distance[:, None] * direction_ecef
        latitude, longitude, found = geodetic_from_ecef(place)
        lat, lon = np.radians(latitude), np.radians(longitude)
        climb = np.cos(lat) * (
            np.cos(lon) * direction_ecef[:, 0] + np.sin(lon) * direction_ecef[:, 1]
        ) + (np.sin(lat) * direction_ecef[:, 2])
        # A grazing ray has no slope to divide by; the quadratic's answer stands.
        step = (height - found) / np.where(np.abs(climb) > 1e-4, climb, np.inf)
        distance = distance + step
    return distance


@dataclass(frozen=True, kw_only=True, slots=True)
class FlatTerrain:
    """Ground of one height above the ellipsoid, curved as the Earth is.

    Attributes:
        hae_m: its height; in a frame of its own where only heights above ground are known.
        label: what it rests on, for example "flat:relative_height".
    """

    hae_m: float
    label: str

    def meet(self, origin_ecef: Floats, direction_ecef: Floats) -> Crossings:
        """First crossings; see `Terrain.meet`."""
        return meet_flat(origin_ecef, direction_ecef, self.hae_m)

    def height_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """The one height, (N,)."""
        del longitude_deg
        return np.full(np.shape(latitude_deg), self.hae_m)

    def normal_enu(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Straight up, (N, 3)."""
        del longitude_deg
        return np.tile([0.0, 0.0, 1.0], (len(latitude_deg), 1))


def meet_flat(origin_ecef: Floats, direction_ecef: Floats, hae_m: Floats | float) -> Crossings:
    """First crossings of N rays with surfaces of N heights, or of one."""
    distance = meet_height(origin_ecef, direction_ecef, hae_m)
    _, _, camera_hae = geodetic_from_ecef(origin_ecef)
    below = camera_hae <= hae_m
    code = np.full(len(distance), LOCATED, np.uint8)
    code[~(distance > 0)] = ABOVE_HORIZON
    code[below] = NO_INTERSECTION
    return Crossings(
        code=code,
        range_m=np.where(code == LOCATED, distance, np.nan),
        next_range_m=np.full(len(distance), np.nan),
    )
