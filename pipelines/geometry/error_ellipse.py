"""The ellipse that holds 90 % of the horizontal errors of a place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import destination

# The square of the radius that holds 90 % of a unit Gaussian in the plane: -2 ln(1 - 0.9).
_CHI2_90 = -2.0 * math.log(0.1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorEllipse:
    """A 90 % ellipse of horizontal error.

    Attributes:
        semi_major_m: half the longer axis.
        semi_minor_m: half the shorter axis.
        azimuth_deg: of the longer axis, clockwise from true north, 0 to below 180.
    """

    semi_major_m: float
    semi_minor_m: float
    azimuth_deg: float


def error_ellipse(covariance_enu_m2: NDArray[np.float64]) -> ErrorEllipse:
    """The ellipse of equal density that holds 90 % of a Gaussian.

    Args:
        covariance_enu_m2: (2, 2) or (3, 3) covariance in east, north, up, square metres.
    """
    variances, axes = np.linalg.eigh(covariance_enu_m2[:2, :2])
    minor, major = np.sqrt(np.maximum(variances, 0.0) * _CHI2_90)
    east, north = axes[:, 1]
    return ErrorEllipse(
        semi_major_m=float(major),
        semi_minor_m=float(minor),
        azimuth_deg=math.degrees(math.atan2(east, north)) % 180.0,
    )


def ellipse_ring(
    latitude_deg: float,
    longitude_deg: float,
    covariance_enu_m2: NDArray[np.float64],
    *,
    vertices: int = 48,
) -> NDArray[np.float64]:
    """The 90 % ellipse around a place as a closed ring.

    Args:
        latitude_deg: of its centre, WGS 84.
        longitude_deg: of its centre, WGS 84.
        covariance_enu_m2: (2, 2) or (3, 3) covariance in east, north, up, square metres.
        vertices: corners of the polygon.

    Returns:
        (vertices + 1, 2) longitude and latitude in degrees, counter-clockwise, last equal to first.
    """
    ellipse = error_ellipse(covariance_enu_m2)
    turn = np.linspace(0.0, 2.0 * np.pi, vertices + 1)
    along = ellipse.semi_major_m * np.cos(turn)
    across = ellipse.semi_minor_m * np.sin(turn)
    # `across` points left of `along`, so that the ring runs counter-clockwise seen from above.
    azimuth_rad = math.radians(ellipse.azimuth_deg)
    east = along * math.sin(azimuth_rad) - across * math.cos(azimuth_rad)
    north = along * math.cos(azimuth_rad) + across * math.sin(azimuth_rad)
    latitude, longitude = destination(
        latitude_deg, longitude_deg, np.degrees(np.arctan2(east, north)), np.hypot(east, north)
    )
    ring = np.column_stack([longitude, latitude])
    ring[-1] = ring[0]
    return ring
