"""How large a pixel is on the ground at the centre of a frame, and where north is there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import range_and_bearing
from pipelines.geometry.ground_view import GroundView
from pipelines.ground import GroundPoint

# Where to look for ground, as a share of the height, when the centre shows sky.
_ROWS = (0.5, 0.65, 0.8, 0.95)
# Half the step of the numeric derivative, as a share of the larger side of the frame.
_STEP = 0.004
# Pixels this much longer on the ground than wide make a frame oblique: some 25 degrees off nadir.
_OBLIQUE_RATIO = 1.1


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameScale:
    """Scale and orientation of a frame at one of its pixels.

    Attributes:
        gsd_m: ground distance that one pixel spans along the image's x axis, metres.
        north_deg: direction of true north on the ground as the image shows it, clockwise from
            image up, 0 to below 360.
        oblique: whether the scale differs so much across the frame that it holds there only.
        x_px: the pixel.
        y_px: the pixel; below the centre where the centre shows sky.
        at_centre: whether that pixel is the centre.
    """

    gsd_m: float
    north_deg: float
    oblique: bool
    x_px: float
    y_px: float
    at_centre: bool


def frame_scale(view: GroundView, width_px: int, height_px: int) -> FrameScale | None:
    """The scale at the centre, or at the first row below it that shows ground; None without one.

    The derivative of the ground position with respect to the pixel is taken by central differences
    on the ground the frame really shows, and inverted for the direction of north.
    """
    step = _STEP * max(width_px, height_px)
    x = width_px / 2.0
    for row in _ROWS:
        y = height_px * row
        offsets = np.array([[0, 0], [-step, 0], [step, 0], [0, -step], [0, step]], np.float64)
        points = view.locate(np.array([x, y]) + offsets)
        places = [_east_north(points[0], point) for point in points]
        if any(place is None for place in places):
            continue
        _, west, east, up, down = (place for place in places if place is not None)
        derivative = np.column_stack([east - west, down - up]) / (2.0 * step)
        if abs(np.linalg.det(derivative)) < 1e-12:
            continue
        right, downward = np.linalg.solve(derivative, np.array([0.0, 1.0]))
        across, along = np.linalg.norm(derivative, axis=0)
        return FrameScale(
            gsd_m=float(across),
            north_deg=math.degrees(math.atan2(right, -downward)) % 360.0,
            oblique=bool(max(across, along) > _OBLIQUE_RATIO * min(across, along)),
            x_px=x,
            y_px=y,
            at_centre=row == _ROWS[0],
        )
    return None


def _east_north(origin: GroundPoint, point: GroundPoint) -> NDArray[np.float64] | None:
    """(2,) east and north of a point from an origin in metres; None where either has no place."""
    if (
        origin.longitude_deg is None
        or origin.latitude_deg is None
        or point.longitude_deg is None
        or point.latitude_deg is None
    ):
        return None
    distance, bearing = range_and_bearing(
        origin.latitude_deg, origin.longitude_deg, point.latitude_deg, point.longitude_deg
    )
    turn = math.radians(float(bearing))
    return float(distance) * np.array([math.sin(turn), math.cos(turn)])
