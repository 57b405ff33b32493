"""From one sigma of every input to the covariance of places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import ecef_from_enu
from pipelines.geometry.ray_crossing import MAX_RANGE_M
from pipelines.geometry.sightline import (
    Stations,
    at_stations,
    meet,
    normals,
    pixel_gain,
)
from pipelines.geometry.terrain import DEM_GAP, LOCATED
from pipelines.geometry.uncertainty import (
    SIGMA_POINT_DEPRESSION_DEG,
    SIGMA_POINT_STEP,
    RayErrors,
    covariance_of_columns,
    covariance_of_sigma_points,
    linear_columns,
)

Floats = NDArray[np.float64]

_MISS_RANGE = 10.0
"""Where a sigma point misses the ground, it is taken to lie so many times further away."""


def place_covariance(
    cameras: Stations,
    station: NDArray[np.intp],
    direction: Floats,
    slant_range_m: Floats,
    place: tuple[Floats, Floats],
    pixel_sigma_px: Floats,
) -> Floats:
    """Covariances (N, 3, 3), east, north, up, of places, their cameras' common datum left out.

    Args:
        cameras: all of them.
        station: (N,) index of the camera of each place.
        direction: (N, 3) unit rays, ECEF.
        slant_range_m: (N,) from camera to place.
        place: (N,) latitude and (N,) longitude.
        pixel_sigma_px: (N, 2) one sigma of the pixel.
    """
    origin = at_stations(cameras.position, station)
    local = ecef_from_enu(*place)
    normal = np.matmul(local, normals(cameras, station, *place)[:, :, None])[:, :, 0]
    down = np.einsum("ni,ni->n", at_stations(cameras.axes, station)[:, :, 2], direction)
    horizontal = slant_range_m * np.sqrt(np.clip(1 - down**2, 0.0, None))
    errors = _errors(cameras, station, direction, pixel_sigma_px, horizontal)
    moves = linear_columns(direction, slant_range_m, normal, local[:, :, 2], errors)
    # Turned before they are squared, so that no variance can come out below zero.
    covariance = covariance_of_columns(moves @ local)
    shallow = np.sin(np.radians(SIGMA_POINT_DEPRESSION_DEG))
    grazing = np.flatnonzero(np.minimum(-np.einsum("ni,ni->n", normal, direction), down) < shallow)
    if grazing.size:
        covariance[grazing] = _sigma_points(
            cameras,
            station[grazing],
            origin[grazing],
            direction[grazing],
            slant_range_m[grazing],
            local[grazing],
            RayErrors(
                camera=errors.camera[grazing],
                direction=errors.direction[grazing],
                terrain_m=errors.terrain_m[grazing],
            ),
            moves[grazing],
        )
    return covariance


def _errors(
    cameras: Stations,
    station: NDArray[np.intp],
    direction: Floats,
    pixel_sigma_px: Floats,
    horizontal_m: Floats,
) -> RayErrors:
    """One sigma of every input of some rays."""
    sigmas, axes = at_stations(cameras.sigmas, station), at_stations(cameras.axes, station)
    rotation = at_stations(cameras.rotation, station)
    camera = np.swapaxes(axes, 1, 2) * sigmas[:, [0, 0, 1], None]
    # Small rotations about down, the level right and the optical axis.
    turns = np.stack(
        [axes[:, :, 2], at_stations(cameras.level_right, station), rotation[:, :, 2]], axis=1
    )
    turns = turns * sigmas[:, 2:5, None]
    x, y, z = direction[:, None, 0], direction[:, None, 1], direction[:, None, 2]
    # A pixel moves the ray within the image plane, as the lens bends it there.
    forward = np.einsum("ni,ni->n", rotation[:, :, 2], direction)
    gain = pixel_gain(cameras, station, direction) * (pixel_sigma_px * forward[:, None])[:, None, :]
    shift = np.matmul(np.swapaxes(gain, 1, 2), np.swapaxes(rotation[:, :, :2], 1, 2))
    along = np.matmul(shift, direction[:, :, None])
    changes = np.empty((len(station), 5, 3))
    changes[:, :3, 0] = turns[:, :, 1] * z - turns[:, :, 2] * y
    changes[:, :3, 1] = turns[:, :, 2] * x - turns[:, :, 0] * z
    changes[:, :3, 2] = turns[:, :, 0] * y - turns[:, :, 1] * x
    changes[:, 3:] = shift - along * direction[:, None, :]
    return RayErrors(
        camera=camera,
        direction=changes,
        terrain_m=np.hypot(sigmas[:, 6], at_stations(cameras.slope_sigma, station) * horizontal_m),
    )


def _sigma_points(
    cameras: Stations,
    station: NDArray[np.intp],
    origin: Floats,
    direction: Floats,
    distance: Floats,
    local: Floats,
    errors: RayErrors,
    linear: Floats,
) -> Floats:
    """Covariances (N, 3, 3), east, north, up, by meeting the terrain anew for every moved input."""
    count = len(station)
    place, up = origin + distance[:, None] * direction, local[:, :, 2]
    moved: list[Floats] = []
    for sign in (1.0, -1.0):
        step = sign * SIGMA_POINT_STEP
        raised = (step * errors.terrain_m)[:, None] * up
        # Terrain that rises under a camera is a camera that sinks over the terrain.
        origins = np.concatenate(
            [
                origin[:, None] + step * errors.camera,
                np.repeat(origin[:, None], 5, axis=1),
                (origin - raised)[:, None],
            ],
            axis=1,
        )
        bend = step * errors.direction
        angle = np.linalg.norm(bend, axis=2, keepdims=True)
        bent = direction[:, None] * np.cos(angle) + bend * np.sinc(angle / np.pi)
        ways = np.repeat(direction[:, None], 9, axis=1)
        ways[:, 3:8] = bent
        crossings = meet(
            cameras, np.repeat(station, 9), origins.reshape(-1, 3), ways.reshape(-1, 3)
        )
        far = np.minimum(_MISS_RANGE * distance, max(MAX_RANGE_M, float(distance.max())))
        ranges = np.where(crossings.code == LOCATED, crossings.range_m, np.repeat(far, 9)).reshape(
            count, 9
        )
        ends = origins + ranges[:, :, None] * ways
        ends[:, 8] += raised
        moves = ends - place[:, None]
        # Where the model of the terrain ends, the closed form goes on.
        gap = (crossings.code == DEM_GAP).reshape(count, 9)
        moves[gap] = step * linear[gap]
        moved.append(moves @ local)
    return covariance_of_sigma_points(moved[0], moved[1])
