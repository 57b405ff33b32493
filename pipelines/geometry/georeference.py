"""Pixels to places on the ground, with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.camera import Intrinsics, unproject
from pipelines.geometry.geodesy import ecef_from_enu, geodetic_from_ecef
from pipelines.geometry.ray_crossing import MAX_RANGE_M
from pipelines.geometry.terrain import (
    DEM_GAP,
    LOCATED,
    NO_INTRINSICS,
    OUTSIDE_IMAGE,
    RAY_OUTCOMES,
    Crossings,
    FlatTerrain,
    Terrain,
    meet_flat,
)
from pipelines.geometry.uncertainty import (
    LE90_SIGMAS,
    SIGMA_POINT_DEPRESSION_DEG,
    SIGMA_POINT_STEP,
    RayErrors,
    confidence_radius_m,
    covariance_of_columns,
    covariance_of_sigma_points,
    linear_columns,
)
from pipelines.geometry.viewpoint import Viewpoint
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome

Floats = NDArray[np.float64]

_MISS_RANGE = 10.0
"""Where a sigma point misses the ground, it is taken to lie so many times further away."""

_RAYS_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Places of N pixels; every figure is NaN unless located.

    Attributes:
        code: (N,) uint8 index into `pipelines.geometry.terrain.RAY_OUTCOMES`.
        latitude_deg: (N,) WGS 84.
        longitude_deg: (N,) WGS 84.
        hae_m: (N,) above the ellipsoid; NaN where only heights above ground are known.
        covariance_enu_m2: (N, 3, 3) in local east, north, up.
        ce90_m: (N,) radius that holds 90 % of horizontal errors.
        le90_m: (N,) half interval that holds 90 % of vertical errors; NaN where `hae_m` is.
        slant_range_m: (N,) from camera to place.
        depression_deg: (N,) of the ray below the camera's horizontal, also when not located.
        occlusion_risk: (N,) the ray leaves the ground again close behind the place.
    """

    code: NDArray[np.uint8]
    latitude_deg: Floats
    longitude_deg: Floats
    hae_m: Floats
    covariance_enu_m2: Floats
    ce90_m: Floats
    le90_m: Floats
    slant_range_m: Floats
    depression_deg: Floats
    occlusion_risk: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stations:
    """Cameras as arrays, one row each."""

    viewpoints: Sequence[Viewpoint]
    position: Floats
    rotation: Floats
    axes: Floats
    level_right: Floats
    focal_px: Floats
    sigmas: Floats
    flat_hae: Floats
    datum_sigma: Floats
    slope_sigma: Floats


def _stations(viewpoints: Sequence[Viewpoint]) -> _Stations:
    yaw = np.radians([one.pose.yaw_deg for one in viewpoints])
    level = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=1)
    axes = np.stack([one.ecef_from_ned for one in viewpoints])
    return _Stations(
        viewpoints=viewpoints,
        position=np.stack([one.position_ecef for one in viewpoints]),
        rotation=np.stack([one.ecef_from_camera for one in viewpoints]),
        axes=axes,
        level_right=np.einsum("vij,vj->vi", axes, level),
        focal_px=np.array([(one.intrinsics.fx_px, one.intrinsics.fy_px) for one in viewpoints]),
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


def georeference(
    viewpoint: Viewpoint, pixels: NDArray[np.float64], pixel_sigma_px: Floats | None = None
) -> tuple[GroundPoint, ...]:
    """Places of the pixels of one frame.

    Args:
        viewpoint: the camera.
        pixels: (N, 2) x and y from the outer corner of the first pixel.
        pixel_sigma_px: (N, 2) one sigma of each; the viewpoint's own by default.

    Returns:
        N points, each located or with the reason why it is not.
    """
    pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
    station = np.zeros(len(pixels), np.intp)
    places = locate([viewpoint], station, pixels, pixel_sigma_px)
    return ground_points(places, [viewpoint], station)


def locate(
    viewpoints: Sequence[Viewpoint],
    station: NDArray[np.intp],
    pixels: Floats,
    pixel_sigma_px: Floats | None = None,
) -> Places:
    """Places of pixels of many frames.

    Args:
        viewpoints: the cameras.
        station: (N,) index of the camera of each pixel.
        pixels: (N, 2) x and y from the outer corner of the first pixel.
        pixel_sigma_px: (N, 2) one sigma of each; the viewpoints' own by default.
    """
    cameras = _stations(viewpoints)
    parts = [
        _locate(
            cameras,
            station[start : start + _RAYS_AT_ONCE],
            pixels[start : start + _RAYS_AT_ONCE],
            None if pixel_sigma_px is None else pixel_sigma_px[start : start + _RAYS_AT_ONCE],
        )
        for start in range(0, max(len(pixels), 1), _RAYS_AT_ONCE)
    ]
    if len(parts) == 1:
        return parts[0]
    return Places(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Places.__slots__
        }
    )


def rays(
    viewpoints: Sequence[Viewpoint], station: NDArray[np.intp], pixels: Floats
) -> tuple[Floats, NDArray[np.uint8]]:
    """Unit rays (N, 3) in ECEF and the code of each pixel that has none (else LOCATED)."""
    camera_rays = np.full((len(pixels), 3), np.nan)
    code = np.full(len(pixels), LOCATED, np.uint8)
    kinds: dict[Intrinsics, list[int]] = {}
    for index, viewpoint in enumerate(viewpoints):
        kinds.setdefault(viewpoint.intrinsics, []).append(index)
    for intrinsics, members in kinds.items():
        chosen = (
            np.arange(len(pixels))
            if len(kinds) == 1
            else np.flatnonzero(np.isin(station, np.array(members)))
        )
        own = pixels[chosen]
        camera_rays[chosen] = unproject(own, intrinsics)
        code[chosen[np.isnan(camera_rays[chosen, 0])]] = NO_INTRINSICS
        inside = ((own >= 0) & (own <= (intrinsics.width_px, intrinsics.height_px))).all(axis=1)
        code[chosen[~inside]] = OUTSIDE_IMAGE
    rotation = np.stack([viewpoint.ecef_from_camera for viewpoint in viewpoints])
    return np.einsum("nij,nj->ni", rotation[station], camera_rays), code


def _meet(
    cameras: _Stations, station: NDArray[np.intp], origin: Floats, direction: Floats
) -> Crossings:
    """First crossings of rays with the terrain of each ray's own camera."""
    flat = cameras.flat_hae[station]
    if np.isfinite(flat).all():
        return meet_flat(origin, direction, flat)
    code = np.empty(len(station), np.uint8)
    range_m, next_range_m = np.empty(len(station)), np.empty(len(station))
    for terrain, chosen in _by_terrain(cameras, station):
        crossings = terrain.meet(origin[chosen], direction[chosen])
        code[chosen] = crossings.code
        range_m[chosen] = crossings.range_m
        next_range_m[chosen] = crossings.next_range_m
    return Crossings(code=code, range_m=range_m, next_range_m=next_range_m)


def _by_terrain(
    cameras: _Stations, station: NDArray[np.intp]
) -> list[tuple[Terrain, NDArray[np.intp]]]:
    """Each terrain with the rays whose cameras stand over it."""
    numbers: dict[int, int] = {}
    number = np.array(
        [numbers.setdefault(id(one.terrain), len(numbers)) for one in cameras.viewpoints]
    )
    of_ray = number[station]
    groups = []
    for one in np.unique(of_ray):
        chosen = np.flatnonzero(of_ray == one)
        groups.append((cameras.viewpoints[station[chosen[0]]].terrain, chosen))
    return groups


def _normals(
    cameras: _Stations, station: NDArray[np.intp], latitude: Floats, longitude: Floats
) -> Floats:
    """Upward unit normals (N, 3) of the terrain at places, east, north, up."""
    if np.isfinite(cameras.flat_hae[station]).all():
        return np.tile([0.0, 0.0, 1.0], (len(station), 1))
    normal = np.empty((len(station), 3))
    for terrain, chosen in _by_terrain(cameras, station):
        normal[chosen] = terrain.normal_enu(latitude[chosen], longitude[chosen])
    return normal


def _errors(
    cameras: _Stations,
    station: NDArray[np.intp],
    direction: Floats,
    pixel_sigma_px: Floats,
    horizontal_m: Floats,
) -> RayErrors:
    """One sigma of every input of some rays."""
    sigmas, axes = cameras.sigmas[station], cameras.axes[station]
    rotation = cameras.rotation[station]
    scale = sigmas[:, [0, 0, 1]]
    camera = np.swapaxes(axes, 1, 2) * scale[:, :, None]
    # Small rotations about down, the level right and the optical axis.
    turns = np.stack([axes[:, :, 2], cameras.level_right[station], rotation[:, :, 2]], axis=1)
    turned = np.cross(turns, direction[:, None, :]) * sigmas[:, 2:5, None]
    forward = np.einsum("ni,ni->n", rotation[:, :, 2], direction)
    shift = np.swapaxes(rotation[:, :, :2], 1, 2)
    across = shift - np.einsum("nki,ni->nk", shift, direction)[:, :, None] * direction[:, None, :]
    shifted = across * (pixel_sigma_px / cameras.focal_px[station] * forward[:, None])[:, :, None]
    return RayErrors(
        camera=camera,
        direction=np.concatenate([turned, shifted], axis=1),
        terrain_m=np.hypot(sigmas[:, 6], cameras.slope_sigma[station] * horizontal_m),
    )


def _locate(
    cameras: _Stations,
    station: NDArray[np.intp],
    pixels: Floats,
    pixel_sigma_px: Floats | None,
) -> Places:
    count = len(pixels)
    direction, code = rays(cameras.viewpoints, station, pixels)
    down = np.einsum("ni,ni->n", cameras.axes[station][:, :, 2], direction)
    depression = np.degrees(np.arcsin(np.clip(down, -1.0, 1.0)))
    slant, next_range = np.full(count, np.nan), np.full(count, np.nan)
    usable = np.flatnonzero(code == LOCATED)
    if usable.size:
        crossings = _meet(
            cameras, station[usable], cameras.position[station[usable]], direction[usable]
        )
        code[usable], slant[usable] = crossings.code, crossings.range_m
        next_range[usable] = crossings.next_range_m
    latitude, longitude, hae = (np.full(count, np.nan) for _ in range(3))
    covariance = np.full((count, 3, 3), np.nan)
    ce90 = np.full(count, np.nan)
    located = np.flatnonzero(code == LOCATED)
    if located.size:
        here = station[located]
        if pixel_sigma_px is None:
            pixel_sigma = cameras.sigmas[here][:, [5, 5]]
        else:
            pixel_sigma = pixel_sigma_px[located]
        origin, ray, distance = cameras.position[here], direction[located], slant[located]
        place = origin + distance[:, None] * ray
        latitude[located], longitude[located], hae[located] = geodetic_from_ecef(place)
        local = ecef_from_enu(latitude[located], longitude[located])
        normal = np.einsum(
            "nij,nj->ni", local, _normals(cameras, here, latitude[located], longitude[located])
        )
        horizontal = distance * np.sqrt(np.clip(1 - down[located] ** 2, 0.0, None))
        errors = _errors(cameras, here, ray, pixel_sigma, horizontal)
        moves = linear_columns(ray, distance, normal, local[:, :, 2], errors)
        # Turned before they are squared, so that no variance can come out below zero.
        enu = covariance_of_columns(moves @ local)
        shallow = np.sin(np.radians(SIGMA_POINT_DEPRESSION_DEG))
        grazing = np.flatnonzero(
            np.minimum(-np.einsum("ni,ni->n", normal, ray), down[located]) < shallow
        )
        if grazing.size:
            enu[grazing] = _sigma_points(
                cameras,
                here[grazing],
                origin[grazing],
                ray[grazing],
                distance[grazing],
                local[grazing],
                RayErrors(
                    camera=errors.camera[grazing],
                    direction=errors.direction[grazing],
                    terrain_m=errors.terrain_m[grazing],
                ),
                moves[grazing],
            )
        enu[:, 2, 2] += np.nan_to_num(cameras.datum_sigma[here]) ** 2
        covariance[located] = enu
        ce90[located] = confidence_radius_m(enu)
    unknown_height = np.isnan(cameras.datum_sigma[station])
    hae[unknown_height] = np.nan
    le90 = LE90_SIGMAS * np.sqrt(covariance[:, 2, 2])
    le90[unknown_height] = np.nan
    return Places(
        code=code,
        latitude_deg=latitude,
        longitude_deg=longitude,
        hae_m=hae,
        covariance_enu_m2=covariance,
        ce90_m=ce90,
        le90_m=le90,
        slant_range_m=slant,
        depression_deg=depression,
        occlusion_risk=np.isfinite(next_range),
    )


def _sigma_points(
    cameras: _Stations,
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
        crossings = _meet(
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


def ground_points(
    places: Places, viewpoints: Sequence[Viewpoint], station: NDArray[np.intp]
) -> tuple[GroundPoint, ...]:
    """Places as N values."""
    points = []
    for index, code in enumerate(places.code):
        if code != LOCATED:
            points.append(GroundPoint(outcome=RAY_OUTCOMES[code]))
            continue
        known = not np.isnan(places.hae_m[index])
        points.append(
            GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=float(places.latitude_deg[index]),
                longitude_deg=float(places.longitude_deg[index]),
                hae_m=float(places.hae_m[index]) if known else None,
                covariance_enu_m2=places.covariance_enu_m2[index],
                ce90_m=float(places.ce90_m[index]),
                le90_m=float(places.le90_m[index]) if known else None,
                slant_range_m=float(places.slant_range_m[index]),
                depression_deg=float(places.depression_deg[index]),
                terrain=viewpoints[station[index]].terrain.label,
                occlusion_risk=bool(places.occlusion_risk[index]),
            )
        )
    return tuple(points)
