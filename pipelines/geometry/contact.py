"""Where the box of an object touches the ground.

Seen level, a standing object touches the ground at the bottom of its box; seen from straight
above, in its middle. In between, an upright cylinder of radius r and height H, seen at the
depression a, spans r sin a below its foot's middle and H cos a + r sin a above it, so that the
middle of its foot is r sin a / (2 r sin a + H cos a) of the box above its lower edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.camera import unproject
from pipelines.geometry.viewpoint import Viewpoint

VEHICLE_HEIGHT_RATIO = 1.0
"""Height over radius of a car: 1.6 m over half the mean of its length and width."""

PERSON_HEIGHT_RATIO = 6.0
"""The same of a person: 1.7 m over 0.28 m."""

BOX_SIGMA = 0.06
"""One sigma of a box's edge, as a share of its side: IoU of some 0.8 with the true box."""


def contact_pixels(
    xyxy: NDArray[np.floating], viewpoint: Viewpoint, height_ratio: float = VEHICLE_HEIGHT_RATIO
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where standing objects touch the ground, from their boxes.

    Args:
        xyxy: (N, 4) left, top, right, bottom in pixels.
        viewpoint: the camera.
        height_ratio: the object's height over its radius.

    Returns:
        (N, 2) pixels, inside the box and the image, and (N, 2) one sigma of each, which unites the
        viewpoint's own pixel error and the box's.
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    rays = unproject(centre, viewpoint.intrinsics)
    down = viewpoint.ecef_from_camera.T @ viewpoint.ecef_from_ned[:, 2]
    sine = np.clip(rays @ down, 0.0, 1.0)
    cosine = np.sqrt(1 - sine**2)
    share = sine / np.maximum(2 * sine + height_ratio * cosine, 1e-12)
    share = np.where(np.isnan(share), 0.5, share)
    # Image direction in which a thing that falls moves: towards the vanishing point of down.
    fall = down[:2] * rays[:, 2:] - rays[:, :2] * down[2]
    fall = np.nan_to_num(fall)
    length = np.linalg.norm(fall, axis=1, keepdims=True)
    fall = np.where(length > 1e-9, fall / np.maximum(length, 1e-12), 0.0)
    reach = np.min(half / np.maximum(np.abs(fall), 1e-12), axis=1)
    pixels = centre + fall * (reach * (1 - 2 * share))[:, None]
    size = (viewpoint.intrinsics.width_px, viewpoint.intrinsics.height_px)
    sigma = np.hypot(viewpoint.sigmas.pixel_px, BOX_SIGMA * 2 * half)
    return np.clip(pixels, 0.0, size), sigma
