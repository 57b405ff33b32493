"""The plane around a place, in which objects some kilometres apart are compared."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# WGS 84: equatorial radius and first eccentricity squared.
_A_M = 6_378_137.0
_E2 = 6.694_379_990_141_316e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPlane:
    """East and north of an origin, by the radii of curvature there.

    Within a few kilometres, distances between neighbours are right to some millimetres and those
    from the origin to a part in a thousand (J. P. Snyder, "Map Projections: A Working Manual",
    USGS Professional Paper 1395, 1987, equations 4-18 and 4-20 for the radii).

    Attributes:
        latitude_deg: of the origin, WGS 84.
        longitude_deg: of the origin, WGS 84.
    """

    latitude_deg: float
    longitude_deg: float

    def enu(
        self, latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(N, 2) east and north in metres of N places, the shorter way around."""
        east_m, north_m = _degree_m(self.latitude_deg)
        plane = np.empty((len(latitude_deg), 2))
        plane[:, 0] = np.mod(longitude_deg - self.longitude_deg + 180.0, 360.0) - 180.0
        plane[:, 0] *= east_m
        plane[:, 1] = (latitude_deg - self.latitude_deg) * north_m
        return plane

    def step(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        """East and north in metres of one place, as `enu` has them of many."""
        east_m, north_m = _degree_m(self.latitude_deg)
        east = (longitude_deg - self.longitude_deg + 180.0) % 360.0 - 180.0
        return east * east_m, (latitude_deg - self.latitude_deg) * north_m

    def place(self, enu_m: NDArray[np.float64]) -> tuple[float, float]:
        """Latitude and longitude in degrees of (2,) east and north in metres."""
        east_m, north_m = _degree_m(self.latitude_deg)
        longitude = math.remainder(self.longitude_deg + float(enu_m[0]) / east_m, 360.0)
        return self.latitude_deg + float(enu_m[1]) / north_m, longitude


# The same few places are asked for again and again while a frame is looked at.
@functools.lru_cache(maxsize=4096)
def _degree_m(latitude_deg: float) -> tuple[float, float]:
    """Metres of a degree of longitude and of latitude at a latitude."""
    latitude = math.radians(latitude_deg)
    root = 1.0 - _E2 * math.sin(latitude) ** 2
    east = _A_M / math.sqrt(root) * max(math.cos(latitude), 1e-9)
    north = _A_M * (1.0 - _E2) / root**1.5
    return math.radians(east), math.radians(north)
