"""What a frame shows of the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import destination, geodetic_from_ecef
from pipelines.geometry.sightline import rays
from pipelines.geometry.terrain import LOCATED
from pipelines.geometry.viewpoint import Viewpoint

FOOTPRINT_RANGE_M = 10_000.0
"""Ground further away is haze in the photographs of a small drone."""

_POINTS_A_SIDE = 32


def footprint(
    viewpoint: Viewpoint, max_range_m: float = FOOTPRINT_RANGE_M
) -> NDArray[np.float64] | None:
    """The ground a frame shows, as a polygon.

    Rays along the edge of the image that meet no ground within the range, because they go to the
    sky or beyond the model of the terrain, end at the range in their direction.

    Args:
        viewpoint: the camera.
        max_range_m: no corner is further from the camera.

    Returns:
        (M, 2) closed ring, longitude and latitude in degrees, counter-clockwise; None where no
        ray along the edge meets the ground.
    """
    width, height = viewpoint.intrinsics.width_px, viewpoint.intrinsics.height_px
    share = np.arange(_POINTS_A_SIDE) / _POINTS_A_SIDE
    zero, one = np.zeros_like(share), np.ones_like(share)
    # Counter-clockwise in the image, as seen.
    edge = np.concatenate(
        [
            np.column_stack([zero, share]),
            np.column_stack([share, one]),
            np.column_stack([one, 1 - share]),
            np.column_stack([1 - share, zero]),
        ]
    ) * (width, height)
    station = np.zeros(len(edge), np.intp)
    direction, code = rays([viewpoint], station, edge)
    keep = code == LOCATED
    direction = direction[keep]
    origin = np.broadcast_to(viewpoint.position_ecef, direction.shape)
    crossings = viewpoint.terrain.meet(origin, direction)
    met = (crossings.code == LOCATED) & (crossings.range_m <= max_range_m)
    if not met.any():
        return None
    latitude, longitude, _ = geodetic_from_ecef(
        origin + np.where(met, crossings.range_m, 0.0)[:, None] * direction
    )
    north, east, _ = viewpoint.ecef_from_ned.T @ direction.T
    far_latitude, far_longitude = destination(
        viewpoint.pose.latitude_deg,
        viewpoint.pose.longitude_deg,
        np.degrees(np.arctan2(east, north)),
        max_range_m,
    )
    ring = np.column_stack(
        [np.where(met, longitude, far_longitude), np.where(met, latitude, far_latitude)]
    )
    x = ring[:, 0] - ring[0, 0]
    y = ring[:, 1]
    if np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) < 0:
        ring = ring[::-1]
    return np.vstack([ring, ring[:1]])
