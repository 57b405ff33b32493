"""The WGS 84 ellipsoid: positions, local axes, distances.

Angles are degrees, lengths metres. ECEF is EPSG:4978. Every function takes arrays of any equal
shape `(...)` and returns arrays of that shape, vectors along one more last axis.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray

# NIMA TR8350.2, "Department of Defense World Geodetic System 1984", table 3.1.
SEMI_MAJOR_M = 6378137.0
FLATTENING = 1 / 298.257223563
SEMI_MINOR_M = SEMI_MAJOR_M * (1 - FLATTENING)
ECCENTRICITY_SQUARED = FLATTENING * (2 - FLATTENING)
_SECOND_ECCENTRICITY_SQUARED = ECCENTRICITY_SQUARED / (1 - ECCENTRICITY_SQUARED)

Floats = NDArray[np.float64]


def ecef_from_geodetic(
    latitude_deg: ArrayLike, longitude_deg: ArrayLike, hae_m: ArrayLike
) -> Floats:
    """Earth-centred positions (..., 3) of geodetic ones."""
    latitude = np.radians(np.asarray(latitude_deg, np.float64))
    longitude = np.radians(np.asarray(longitude_deg, np.float64))
    height = np.asarray(hae_m, np.float64)
    sine, cosine = np.sin(latitude), np.cos(latitude)
    prime_vertical = SEMI_MAJOR_M / np.sqrt(1 - ECCENTRICITY_SQUARED * sine**2)
    equatorial = (prime_vertical + height) * cosine
    return np.stack(
        np.broadcast_arrays(
            equatorial * np.cos(longitude),
            equatorial * np.sin(longitude),
            (prime_vertical * (1 - ECCENTRICITY_SQUARED) + height) * sine,
        ),
        axis=-1,
    )


def geodetic_from_ecef(position_ecef: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Latitude, longitude and height above the ellipsoid of positions (..., 3).

    Bowring's iteration on the reduced latitude, twice: below a micrometre from 10 km under to
    100 km over the ellipsoid. Source: B. R. Bowring, "Transformation from spatial to geographical
    coordinates", Survey Review 23 (1976).
    """
    position = np.asarray(position_ecef, np.float64)
    x, y, z = position[..., 0], position[..., 1], position[..., 2]
    equatorial = np.hypot(x, y)
    # Sine and cosine of the reduced latitude, without trigonometry.
    up, out = z * SEMI_MAJOR_M, equatorial * SEMI_MINOR_M
    for _ in range(2):
        norm = np.hypot(up, out)
        sine, cosine = up / norm, out / norm
        rise = z + _SECOND_ECCENTRICITY_SQUARED * SEMI_MINOR_M * sine**3
        run = equatorial - ECCENTRICITY_SQUARED * SEMI_MAJOR_M * cosine**3
        up, out = (1 - FLATTENING) * rise, run
    norm = np.hypot(rise, run)
    sine, cosine = rise / norm, run / norm
    height = (
        equatorial * cosine + z * sine - SEMI_MAJOR_M * np.sqrt(1 - ECCENTRICITY_SQUARED * sine**2)
    )
    return np.degrees(np.arctan2(rise, run)), np.degrees(np.arctan2(y, x)), height


def ecef_from_enu(latitude_deg: ArrayLike, longitude_deg: ArrayLike) -> Floats:
    """Rotations (..., 3, 3) that turn local east, north, up vectors into ECEF ones."""
    latitude = np.radians(np.asarray(latitude_deg, np.float64))
    longitude = np.radians(np.asarray(longitude_deg, np.float64))
    latitude, longitude = np.broadcast_arrays(latitude, longitude)
    sin_lat, cos_lat = np.sin(latitude), np.cos(latitude)
    sin_lon, cos_lon = np.sin(longitude), np.cos(longitude)
    east = np.stack([-sin_lon, cos_lon, np.zeros_like(sin_lon)], axis=-1)
    north = np.stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat], axis=-1)
    up = np.stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat], axis=-1)
    return np.stack([east, north, up], axis=-1)


def ecef_from_ned(latitude_deg: ArrayLike, longitude_deg: ArrayLike) -> Floats:
    """Rotations (..., 3, 3) that turn local north, east, down vectors into ECEF ones."""
    enu = ecef_from_enu(latitude_deg, longitude_deg)
    return np.stack([enu[..., 1], enu[..., 0], -enu[..., 2]], axis=-1)


def metres_per_degree(latitude_deg: ArrayLike, hae_m: ArrayLike = 0.0) -> tuple[Floats, Floats]:
    """Metres along one degree of latitude and one of longitude, at a place."""
    latitude = np.radians(np.asarray(latitude_deg, np.float64))
    height = np.asarray(hae_m, np.float64)
    denominator = 1 - ECCENTRICITY_SQUARED * np.sin(latitude) ** 2
    meridian = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / denominator**1.5
    prime_vertical = SEMI_MAJOR_M / np.sqrt(denominator)
    return (
        np.radians(meridian + height),
        np.radians((prime_vertical + height) * np.cos(latitude)),
    )


def _copies(*values: ArrayLike) -> list[Floats]:
    arrays = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in values))
    return [np.array(array) for array in arrays]


@lru_cache(maxsize=1)
def _geod() -> pyproj.Geod:
    return pyproj.Geod(ellps="WGS84")


def ring_area_m2(ring_lonlat: ArrayLike) -> float:
    """Area inside a closed ring (M, 2) of longitude and latitude in degrees, square metres."""
    ring = np.asarray(ring_lonlat, np.float64)
    area, _ = _geod().polygon_area_perimeter(ring[:, 0], ring[:, 1])
    return abs(float(area))


def range_and_bearing(
    from_latitude_deg: ArrayLike,
    from_longitude_deg: ArrayLike,
    to_latitude_deg: ArrayLike,
    to_longitude_deg: ArrayLike,
) -> tuple[Floats, Floats]:
    """Geodesic distance in metres, and bearing at the start, 0 to 360 clockwise from true north."""
    starts_lon, starts_lat, ends_lon, ends_lat = _copies(
        from_longitude_deg, from_latitude_deg, to_longitude_deg, to_latitude_deg
    )
    azimuth, _, distance = _geod().inv(starts_lon, starts_lat, ends_lon, ends_lat)
    return np.asarray(distance, np.float64), np.mod(np.asarray(azimuth, np.float64), 360.0)


def destination(
    latitude_deg: ArrayLike, longitude_deg: ArrayLike, bearing_deg: ArrayLike, range_m: ArrayLike
) -> tuple[Floats, Floats]:
    """Latitude and longitude at a geodesic distance in a direction."""
    starts_lon, starts_lat, bearings, ranges = _copies(
        longitude_deg, latitude_deg, bearing_deg, range_m
    )
    longitude, latitude, _ = _geod().fwd(starts_lon, starts_lat, bearings, ranges)
    return np.asarray(latitude, np.float64), np.asarray(longitude, np.float64)
