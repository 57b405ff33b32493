"""Lines of sight from many cameras: pixels as rays, and what they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.camera import Intrinsics, ideal_per_pixel, unproject
from pipelines.geometry.terrain import (
    LOCATED,
    NO_INTRINSICS,
    OUTSIDE_IMAGE,
    Crossings,
    FlatTerrain,
    Terrain,
    meet_flat,
)
from pipelines.geometry.viewpoint import Viewpoint

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stations:
    """Cameras as arrays, one row each.

    Attributes:
        viewpoints: V cameras.
        position: (V, 3) ECEF.
        rotation: (V, 3, 3) of camera vectors into ECEF.
        axes: (V, 3, 3) columns north, east, down in ECEF.
        level_right: (V, 3) the horizontal to the right of the optical axis, ECEF.
        sigmas: (V, 7) horizontal, vertical, yaw, pitch, roll (radians), pixel, terrain.
        flat_hae: (V,) height of flat ground; NaN over elevation models.
        datum_sigma: (V,) see `Viewpoint.datum_sigma_m`; NaN where that is None.
        slope_sigma: (V,) see `Viewpoint`.
    """

    viewpoints: Sequence[Viewpoint]
    position: Floats
    rotation: Floats
    axes: Floats
    level_right: Floats
    sigmas: Floats
    flat_hae: Floats
    datum_sigma: Floats
    slope_sigma: Floats


def at_stations(values: Floats, station: NDArray[np.intp]) -> Floats:
    """Rows (N, ...) of per-camera values (V, ...); not to be written to."""
    if len(values) == 1:
        return np.broadcast_to(values[0], (len(station), *values.shape[1:]))
    rows: Floats = values[station]
    return rows


def stations(viewpoints: Sequence[Viewpoint]) -> Stations:
    """Cameras as arrays."""
    yaw = np.radians([one.pose.yaw_deg for one in viewpoints])
    level = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=1)
    axes = np.stack([one.ecef_from_ned for one in viewpoints])
    return Stations(
        viewpoints=viewpoints,
        position=np.stack([one.position_ecef for one in viewpoints]),
        rotation=np.stack([one.ecef_from_camera for one in viewpoints]),
        axes=axes,
        level_right=np.einsum("vij,vj->vi", axes, level),
        sigmas=np.array(
            [
                (
                    one.sigmas.horizontal_m,
                    one.sigmas.vertical_m,
                    np.radians(one.sigmas.yaw_deg),
                    np.radians(one.sigmas.pitch_deg),
                    np.radians(one.sigmas.roll_deg),
                    one.sigmas.pixel_px,
                    one.sigmas.terrain_m,
                )
                for one in viewpoints
            ]
        ),
        flat_hae=np.array(
            [
                one.terrain.hae_m if isinstance(one.terrain, FlatTerrain) else np.nan
                for one in viewpoints
            ]
        ),
        datum_sigma=np.array(
            [np.nan if one.datum_sigma_m is None else one.datum_sigma_m for one in viewpoints]
        ),
        slope_sigma=np.array([one.slope_sigma for one in viewpoints]),
    )


def _by_intrinsics(
    viewpoints: Sequence[Viewpoint], station: NDArray[np.intp]
) -> list[tuple[Intrinsics, NDArray[np.intp] | slice]]:
    """Each inner geometry with the pixels of its cameras."""
    kinds: dict[Intrinsics, list[int]] = {}
    for index, viewpoint in enumerate(viewpoints):
        kinds.setdefault(viewpoint.intrinsics, []).append(index)
    if len(kinds) == 1:
        return [(viewpoints[0].intrinsics, slice(None))]
    return [
        (intrinsics, np.flatnonzero(np.isin(station, np.array(members))))
        for intrinsics, members in kinds.items()
    ]


def rays(
    viewpoints: Sequence[Viewpoint], station: NDArray[np.intp], pixels: Floats
) -> tuple[Floats, NDArray[np.uint8]]:
    """Unit rays (N, 3) in ECEF and the code of each pixel that has none (else LOCATED)."""
    camera_rays = np.full((len(pixels), 3), np.nan)
    code = np.full(len(pixels), LOCATED, np.uint8)
    for intrinsics, chosen in _by_intrinsics(viewpoints, station):
        own = pixels[chosen]
        camera_rays[chosen] = unproject(own, intrinsics)
        x, y = own[:, 0], own[:, 1]
        inside = (x >= 0) & (y >= 0) & (x <= intrinsics.width_px) & (y <= intrinsics.height_px)
        code[chosen] = np.where(
            inside,
            np.where(np.isnan(camera_rays[chosen, 0]), NO_INTRINSICS, LOCATED),
            OUTSIDE_IMAGE,
        )
    if len(viewpoints) == 1:
        return camera_rays @ viewpoints[0].ecef_from_camera.T, code
    rotation = np.stack([viewpoint.ecef_from_camera for viewpoint in viewpoints])
    return np.einsum("nij,nj->ni", rotation[station], camera_rays), code


def pixel_gain(cameras: Stations, station: NDArray[np.intp], direction: Floats) -> Floats:
    """How ideal image coordinates change with the pixel, (N, 2, 2), at unit rays (N, 3) in ECEF."""
    gain = np.empty((len(station), 2, 2))
    camera_rays = np.matmul(direction[:, None, :], at_stations(cameras.rotation, station))[:, 0]
    for intrinsics, chosen in _by_intrinsics(cameras.viewpoints, station):
        gain[chosen] = ideal_per_pixel(camera_rays[chosen], intrinsics)
    return gain


def meet(
    cameras: Stations, station: NDArray[np.intp], origin: Floats, direction: Floats
) -> Crossings:
    """First crossings of rays with the terrain of each ray's own camera."""
    flat = at_stations(cameras.flat_hae, station)
    if np.isfinite(flat).all():
        return meet_flat(origin, direction, flat)
    code = np.empty(len(station), np.uint8)
    range_m, next_range_m = np.empty(len(station)), np.empty(len(station))
    groups = _by_terrain(cameras, station)
    if len(groups) == 1:
        return groups[0][0].meet(origin, direction)
    for terrain, chosen in groups:
        crossings = terrain.meet(origin[chosen], direction[chosen])
        code[chosen] = crossings.code
        range_m[chosen] = crossings.range_m
        next_range_m[chosen] = crossings.next_range_m
    return Crossings(code=code, range_m=range_m, next_range_m=next_range_m)


def _by_terrain(
    cameras: Stations, station: NDArray[np.intp]
) -> list[tuple[Terrain, NDArray[np.intp]]]:
    """Each terrain with the rays whose cameras stand over it."""
    numbers: dict[int, int] = {}
    number = np.array(
        [numbers.setdefault(id(one.terrain), len(numbers)) for one in cameras.viewpoints]
    )
    if number.max() == 0:
        return [(cameras.viewpoints[0].terrain, np.arange(len(station)))]
    of_ray = number[station]
    groups = []
    for one in np.unique(of_ray):
        chosen = np.flatnonzero(of_ray == one)
        groups.append((cameras.viewpoints[station[chosen[0]]].terrain, chosen))
    return groups


def normals(
    cameras: Stations, station: NDArray[np.intp], latitude: Floats, longitude: Floats
) -> Floats:
    """Upward unit normals (N, 3) of the terrain at places, east, north, up."""
    if np.isfinite(cameras.flat_hae[station]).all():
        return np.tile([0.0, 0.0, 1.0], (len(station), 1))
    normal = np.empty((len(station), 3))
    for terrain, chosen in _by_terrain(cameras, station):
        normal[chosen] = terrain.normal_enu(latitude[chosen], longitude[chosen])
    return normal
