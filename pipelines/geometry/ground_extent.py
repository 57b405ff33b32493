"""How much ground a frame shows, and how finely."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipelines.geometry.geodesy import ring_area_m2
from pipelines.geometry.ground_view import GroundView


@dataclass(frozen=True, kw_only=True, slots=True)
class GroundExtent:
    """The ground in view of one frame.

    Attributes:
        area_km2: square kilometres.
        gsd_m: metres of ground for one pixel; None where that differs over the frame by more than
            a tenth, as it does in oblique frames.
    """

    area_km2: float
    gsd_m: float | None


_MOST_SPREAD = 1.1
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def ground_extent(view: GroundView, width_px: int, height_px: int) -> GroundExtent | None:
    """The ground in view; None where a corner shows sky, or ground beyond all elevation models.

    Args:
        view: the frame's window on the ground.
        width_px: columns of the frame.
        height_px: rows of the frame.
    """
    size = np.array([width_px, height_px], np.float64)
    # Just inside the frame, where every view gives an answer.
    corners = view.locate(np.clip(_CORNERS * size, 0.5, size - 0.5))
    places = [
        (point.longitude_deg, point.latitude_deg)
        for point in corners
        if point.longitude_deg is not None and point.latitude_deg is not None
    ]
    ring = view.footprint()
    if len(places) < len(_CORNERS) or ring is None:
        return None
    area = ring_area_m2(ring)
    middle = size / 2
    spans = []
    for at in _CORNERS:
        # The quarter of the frame between its middle and each corner, as it lies on the ground.
        x, y = np.sort([middle[0], at[0] * size[0]]), np.sort([middle[1], at[1] * size[1]])
        pixels = np.array([[x[0], y[0]], [x[0], y[1]], [x[1], y[1]], [x[1], y[0]]])
        points = view.locate(np.clip(pixels, 0.5, size - 0.5))
        quarter = [
            (point.longitude_deg, point.latitude_deg)
            for point in points
            if point.longitude_deg is not None and point.latitude_deg is not None
        ]
        if len(quarter) < len(pixels):
            return GroundExtent(area_km2=area / 1e6, gsd_m=None)
        spans.append(
            math.sqrt(ring_area_m2(np.array([*quarter, quarter[0]])) / float(np.prod(middle)))
        )
    even = max(spans) <= _MOST_SPREAD * min(spans)
    return GroundExtent(
        area_km2=area / 1e6, gsd_m=math.sqrt(area / float(np.prod(size))) if even else None
    )
