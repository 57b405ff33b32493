"""Pixels to places on the ground, with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import geodetic_from_ecef
from pipelines.geometry.place_error import place_covariance
from pipelines.geometry.sightline import Stations, at_stations, meet, rays, stations
from pipelines.geometry.terrain import LOCATED, RAY_OUTCOMES
from pipelines.geometry.uncertainty import LE90_SIGMAS, confidence_radius_m
from pipelines.geometry.viewpoint import Viewpoint
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome

Floats = NDArray[np.float64]

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
    *,
    with_errors: bool = True,
) -> Places:
    """Places of pixels of many frames.

    Args:
        viewpoints: the cameras.
        station: (N,) index of the camera of each pixel.
        pixels: (N, 2) x and y from the outer corner of the first pixel.
        pixel_sigma_px: (N, 2) one sigma of each; the viewpoints' own by default.
        with_errors: whether to work out how wrong each is; without, those figures are NaN.
    """
    cameras = stations(viewpoints)
    parts = [
        _locate(
            cameras,
            station[start : start + _RAYS_AT_ONCE],
            pixels[start : start + _RAYS_AT_ONCE],
            None if pixel_sigma_px is None else pixel_sigma_px[start : start + _RAYS_AT_ONCE],
            with_errors=with_errors,
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


def _locate(
    cameras: Stations,
    station: NDArray[np.intp],
    pixels: Floats,
    pixel_sigma_px: Floats | None,
    *,
    with_errors: bool,
) -> Places:
    count = len(pixels)
    direction, code = rays(cameras.viewpoints, station, pixels)
    down = np.einsum("ni,ni->n", at_stations(cameras.axes, station)[:, :, 2], direction)
    depression = np.degrees(np.arcsin(np.clip(down, -1.0, 1.0)))
    origin = at_stations(cameras.position, station)
    slant, next_range = np.full(count, np.nan), np.full(count, np.nan)
    usable = _chosen(code == LOCATED)
    if direction[usable].size:
        crossings = meet(cameras, station[usable], origin[usable], direction[usable])
        code[usable], slant[usable] = crossings.code, crossings.range_m
        next_range[usable] = crossings.next_range_m
    latitude, longitude, hae = (np.full(count, np.nan) for _ in range(3))
    covariance = np.full((count, 3, 3), np.nan)
    ce90 = np.full(count, np.nan)
    located = _chosen(code == LOCATED)
    here, ray, distance = station[located], direction[located], slant[located]
    datum_sigma = at_stations(cameras.datum_sigma, station)
    if here.size:
        place = origin[located] + distance[:, None] * ray
        latitude[located], longitude[located], hae[located] = geodetic_from_ecef(place)
    if here.size and with_errors:
        if pixel_sigma_px is None:
            pixel_sigma = at_stations(cameras.sigmas, here)[:, [5, 5]]
        else:
            pixel_sigma = pixel_sigma_px[located]
        enu = place_covariance(
            cameras, here, ray, distance, (latitude[located], longitude[located]), pixel_sigma
        )
        enu[:, 2, 2] += np.nan_to_num(datum_sigma[located]) ** 2
        covariance[located] = enu
        ce90[located] = confidence_radius_m(enu)
    unknown_height = np.isnan(datum_sigma)
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


def _chosen(mask: NDArray[np.bool_]) -> NDArray[np.intp] | slice:
    """The rows of a mask, as a view where that is all of them."""
    return slice(None) if mask.all() else np.flatnonzero(mask)


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
