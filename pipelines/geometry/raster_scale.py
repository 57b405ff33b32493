"""Which tiles of a placed raster to look at, and at which scale, from the ground that it shows."""

from __future__ import annotations

import numpy as np

from models.detector import DetectionParameters, DetectorIdentity
from models.tiles.tile_plan import ScaleField, TilePlan, plan_tiles, plan_unknown_scale
from pipelines.geometry.ground_scale import (
    CAR_M,
    LARGEST_M,
    LEAST_CAR_PX,
    OUT_OF_REACH,
    Discs,
    Floats,
    GroundCorners,
    cells,
    distances_m,
    scale_for,
    within_reach,
)
from pipelines.geometry.ground_view import GroundView


def plan_raster(
    view: GroundView | None,
    size_px: tuple[int, int],
    identity: DetectorIdentity,
    parameters: DetectionParameters,
    discs: Discs | None = None,
) -> TilePlan:
    """The tiles of one raster.

    Args:
        view: where its pixels lie; None where that is not known: then everything is looked at as
            it is.
        size_px: columns and rows.
        identity: the model's input and what it finds best.
        parameters: overlap, and whether to look everywhere.
        discs: ground outside of which nothing is looked for; all ground without them.
    """
    width, height = size_px
    side, overlap = identity.input_px, parameters.tile_overlap
    if view is None:
        return plan_unknown_scale(width, height, side, overlap)
    field = raster_field(
        view,
        size_px,
        car_px=identity.car_px,
        discs=None if parameters.everywhere else discs,
    )
    return plan_tiles(width, height, side, overlap, field)


def raster_field(
    view: GroundView,
    size_px: tuple[int, int],
    *,
    car_px: tuple[int, int] | None,
    discs: Discs | None = None,
) -> ScaleField:
    """At which scale each place of a raster is looked at.

    As a frame is (`pipelines.geometry.ground_scale.scale_field`), but for what is too coarse to
    tell a car: it is looked at as it is, for whoever sent it knows why.

    Args:
        view: where its pixels lie.
        size_px: columns and rows.
        car_px: shortest and longest car that the model finds best; None leaves all at scale 1.
        discs: ground outside of which nothing is looked for; all ground without them.
    """
    width, height = size_px
    cell, x, y = cells(width, height)
    ground = _ground_corners(view, x, y)
    gsd = _gsd_m(ground, np.diff(x), np.diff(y))
    known = np.isfinite(gsd) & (gsd > 0)
    car = CAR_M / np.where(known, gsd, np.nan)
    scale = np.where(known & (car >= LEAST_CAR_PX), scale_for(car, car_px), 1.0)
    object_px = np.nan_to_num(LARGEST_M / CAR_M * car)
    if discs is None:
        return ScaleField(cell_px=cell, scale=scale, object_px=object_px)
    beyond = known & ~within_reach(ground, discs)
    scale[beyond] = 0.0
    area = np.diff(y)[:, None] * np.diff(x)[None, :] / (width * height)
    share = round(float(area[beyond].sum()), 4)
    return ScaleField(
        cell_px=cell,
        scale=scale,
        object_px=object_px,
        unsearched={OUT_OF_REACH: share} if beyond.any() else {},
    )


def _ground_corners(view: GroundView, x: Floats, y: Floats) -> GroundCorners:
    points = view.locate(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    rows = [
        (np.nan,) * 3
        if point.latitude_deg is None
        or point.longitude_deg is None
        or point.covariance_enu_m2 is None
        else (
            point.latitude_deg,
            point.longitude_deg,
            float(np.sqrt(np.trace(point.covariance_enu_m2[:2, :2]))),
        )
        for point in points
    ]
    latitude, longitude, sigma = np.array(rows, np.float64).T.reshape(3, len(y), len(x))
    return GroundCorners(latitude_deg=latitude, longitude_deg=longitude, sigma_m=sigma)


def _gsd_m(ground: GroundCorners, columns: Floats, rows: Floats) -> Floats:
    """(R, C) metres that a pixel spans: the mean of both ways; infinite where that is not known.

    Args:
        ground: the corners of the cells.
        columns: (C,) width of the cells, pixels.
        rows: (R,) their height.
    """
    whole, here, after = slice(None), slice(None, -1), slice(1, None)
    along_x = distances_m(ground, (whole, here), (whole, after)) / columns
    along_y = distances_m(ground, (here, whole), (after, whole)) / rows[:, None]
    across = (along_x[:-1] + along_x[1:]) / 2
    down = (along_y[:, :-1] + along_y[:, 1:]) / 2
    return np.asarray(np.sqrt(across * down))
