"""Whether a frame shows a place at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane


def shows(
    footprint_lonlat: NDArray[np.float64],
    latitude_deg: NDArray[np.float64],
    longitude_deg: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which places lie within the footprint of a frame.

    A footprint is some hundred metres to a few kilometres wide, so its edges are taken as straight
    in longitude and latitude, and longitudes are compared around the first corner, so that the
    antimeridian is no edge. A place is within when a ray to the east crosses the ring an odd number
    of times (M. Shimrat, "Algorithm 112: Position of point relative to polygon", Communications of
    the ACM 5(8), 1962).

    Args:
        footprint_lonlat: (K, 2) closed ring, longitude and latitude in degrees.
        latitude_deg: (N,) WGS 84.
        longitude_deg: (N,) WGS 84.

    Returns:
        (N,) true where the frame shows the place.
    """
    origin = footprint_lonlat[0, 0]
    east = _wrapped(footprint_lonlat[:, 0] - origin)
    north = footprint_lonlat[:, 1]
    x, y = _wrapped(longitude_deg - origin)[:, None], latitude_deg[:, None]
    x0, x1, y0, y1 = east[:-1], east[1:], north[:-1], north[1:]
    straddles = (y0 > y) != (y1 > y)
    rise = np.where(y1 == y0, 1.0, y1 - y0)
    crossing = x0 + (y - y0) / rise * (x1 - x0)
    return np.asarray(np.sum(straddles & (x < crossing), axis=1) % 2 == 1)


def _wrapped(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.mod(degrees + 180.0, 360.0) - 180.0)


def well_inside(
    footprint_lonlat: NDArray[np.float64],
    latitude_deg: NDArray[np.float64],
    longitude_deg: NDArray[np.float64],
    margin_m: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which places lie within the footprint of a frame and not near to its edge.

    Args:
        footprint_lonlat: (K, 2) closed ring, longitude and latitude in degrees.
        latitude_deg: (N,) WGS 84.
        longitude_deg: (N,) WGS 84.
        margin_m: (N,) how far from the edge each has to be.

    Returns:
        (N,) true where the frame shows the place and all around it.
    """
    return depth_m(footprint_lonlat, latitude_deg, longitude_deg) >= margin_m


def depth_m(
    footprint_lonlat: NDArray[np.float64],
    latitude_deg: NDArray[np.float64],
    longitude_deg: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How far inside the footprint of a frame places lie, metres; negative outside of it.

    Args:
        footprint_lonlat: (K, 2) closed ring, longitude and latitude in degrees.
        latitude_deg: (N,) WGS 84.
        longitude_deg: (N,) WGS 84.
    """
    inside = shows(footprint_lonlat, latitude_deg, longitude_deg)
    plane = LocalPlane(
        latitude_deg=float(footprint_lonlat[0, 1]), longitude_deg=float(footprint_lonlat[0, 0])
    )
    ring = plane.enu(footprint_lonlat[:, 1], footprint_lonlat[:, 0])
    places = plane.enu(latitude_deg, longitude_deg)
    start, along = ring[:-1], ring[1:] - ring[:-1]
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    offset = places[:, None] - start[None]
    share = np.clip((offset * along[None]).sum(axis=2) / length, 0.0, 1.0)
    nearest = np.linalg.norm(offset - share[..., None] * along[None], axis=2).min(axis=1)
    return np.asarray(np.where(inside, nearest, -nearest), np.float64)


def area_m2(footprint_lonlat: NDArray[np.float64]) -> float:
    """Ground within a closed ring of (K, 2) longitude and latitude in degrees, square metres."""
    plane = LocalPlane(
        latitude_deg=float(footprint_lonlat[0, 1]), longitude_deg=float(footprint_lonlat[0, 0])
    )
    x, y = plane.enu(footprint_lonlat[:, 1], footprint_lonlat[:, 0]).T
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2.0
