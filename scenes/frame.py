"""The local east, north, up frame in which a scene is laid out, tied to the WGS 84 ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

# WGS 84 defining constants, NIMA TR8350.2 (2000), table 3.1 and 3.3.
SEMI_MAJOR_M = 6378137.0
FIRST_ECCENTRICITY_SQUARED = 6.69437999014e-3

_TO_ECEF = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
_FROM_ECEF = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


def enu_basis(latitude_deg: float, longitude_deg: float) -> NDArray[np.float64]:
    """The (3, 3) matrix whose rows are east, north and up at a place, in ECEF axes.

    Up is the ellipsoid's outward normal, east is the derivative of that normal by longitude and
    north completes the right-handed frame, so nothing here is taken from a printed matrix.
    """
    latitude, longitude = np.radians([latitude_deg, longitude_deg])
    up = np.array(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    return np.stack([east, np.cross(up, east), up])


@dataclass(frozen=True, kw_only=True)
class LocalFrame:
    """A tangent frame: east, north and up in metres from one point of WGS 84.

    Attributes:
        latitude_deg: of the origin.
        longitude_deg: of the origin.
        hae_m: height of the origin above the ellipsoid.
    """

    latitude_deg: float
    longitude_deg: float
    hae_m: float

    @cached_property
    def basis(self) -> NDArray[np.float64]:
        """(3, 3) rows east, north and up at the origin, in ECEF axes."""
        return enu_basis(self.latitude_deg, self.longitude_deg)

    @cached_property
    def origin_ecef_m(self) -> NDArray[np.float64]:
        """(3,) ECEF coordinates of the origin."""
        return np.array(_TO_ECEF.transform(self.longitude_deg, self.latitude_deg, self.hae_m))

    def to_geodetic(self, enu_m: ArrayLike) -> NDArray[np.float64]:
        """Latitude and longitude in degrees and height above the ellipsoid, of ENU metres.

        Args:
            enu_m: (..., 3) east, north, up.

        Returns:
            (..., 3) latitude, longitude, height.
        """
        ecef = np.asarray(enu_m, np.float64) @ self.basis + self.origin_ecef_m
        longitude, latitude, height = _FROM_ECEF.transform(ecef[..., 0], ecef[..., 1], ecef[..., 2])
        return np.stack([latitude, longitude, height], axis=-1)

    def from_geodetic(self, geodetic: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `to_geodetic`: (..., 3) latitude, longitude, height to (..., 3) ENU."""
        place = np.asarray(geodetic, np.float64)
        ecef = np.stack(_TO_ECEF.transform(place[..., 1], place[..., 0], place[..., 2]), axis=-1)
        return np.asarray((ecef - self.origin_ecef_m) @ self.basis.T)

    def up_of_height(
        self, east_m: ArrayLike, north_m: ArrayLike, hae_m: ArrayLike
    ) -> NDArray[np.float64]:
        """The up coordinate at which a vertical of this frame reaches a height above the ellipsoid.

        The earth falls away from the tangent plane by e^2 / 2N + n^2 / 2M, M and N being the radii
        of curvature along the meridian and across it; the next term is under 0.1 mm at 1 km.
        """
        across_m, along_m = self._radii_m
        east, north = np.asarray(east_m, np.float64), np.asarray(north_m, np.float64)
        drop = east * east / (2 * across_m) + north * north / (2 * along_m)
        return np.asarray(np.asarray(hae_m, np.float64) - self.hae_m - drop)

    @cached_property
    def _radii_m(self) -> tuple[float, float]:
        """Radii of curvature at the origin: across the meridian, along the meridian."""
        sine = float(np.sin(np.radians(self.latitude_deg)))
        root = float(np.sqrt(1 - FIRST_ECCENTRICITY_SQUARED * sine * sine))
        across = SEMI_MAJOR_M / root
        along = SEMI_MAJOR_M * (1 - FIRST_ECCENTRICITY_SQUARED) / root**3
        return across + self.hae_m, along + self.hae_m
