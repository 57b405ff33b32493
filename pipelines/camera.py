"""The pinhole camera with Brown distortion: pixels to rays and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Far below a millionth of a pixel at any focal length in use.
_CONVERGED = 1e-13


@dataclass(frozen=True, kw_only=True, slots=True)
class Distortion:
    """Brown's coefficients on normalised image coordinates, in OpenCV's order and signs.

    Source: D. C. Brown, "Close-range camera calibration", Photogrammetric Engineering 37 (1971).
    """

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Intrinsics:
    """The inner geometry of a camera, in pixels of the file as it lies on disk.

    The origin is the outer corner of the first pixel, x right, y down; the centre of the first
    pixel is (0.5, 0.5), the centre of the image (width_px / 2, height_px / 2).

    Attributes:
        width_px: image width.
        height_px: image height.
        fx_px: focal length along x.
        fy_px: focal length along y.
        cx_px: principal point x.
        cy_px: principal point y.
        distortion: lens distortion; none by default.
    """

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    distortion: Distortion = field(default_factory=Distortion)


def ned_from_camera(
    yaw_deg: ArrayLike, pitch_deg: ArrayLike, roll_deg: ArrayLike
) -> NDArray[np.float64]:
    """Rotations (..., 3, 3) of camera vectors (right, down, forward) into north, east, down.

    The angles are those of `pipelines.pose.Pose`, of any equal shape (...).
    """
    angles = np.broadcast_arrays(
        *(np.radians(np.asarray(angle, np.float64)) for angle in (yaw_deg, pitch_deg, roll_deg))
    )
    (sin_yaw, sin_pitch, sin_roll), (cos_yaw, cos_pitch, cos_roll) = np.sin(angles), np.cos(angles)
    forward = np.stack([cos_pitch * cos_yaw, cos_pitch * sin_yaw, -sin_pitch], axis=-1)
    level_right = np.stack([-sin_yaw, cos_yaw, np.zeros_like(sin_yaw)], axis=-1)
    level_down = np.stack([sin_pitch * cos_yaw, sin_pitch * sin_yaw, cos_pitch], axis=-1)
    right = cos_roll[..., None] * level_right + sin_roll[..., None] * level_down
    down = cos_roll[..., None] * level_down - sin_roll[..., None] * level_right
    return np.stack([right, down, forward], axis=-1)


@lru_cache(maxsize=64)
def domain_radius(distortion: Distortion) -> float:
    """Normalised radius up to which distortion can be undone; infinite for most lenses.

    Past it the radial polynomial turns back, and a point far outside the view would be drawn
    inside the image.
    """
    # d(r + k1 r^3 + k2 r^5 + k3 r^7)/dr = 0 in u = r^2.
    roots = np.roots([7 * distortion.k3, 5 * distortion.k2, 3 * distortion.k1, 1.0])
    real = roots[np.abs(roots.imag) < 1e-9 * np.maximum(1.0, np.abs(roots))].real
    positive = real[real > 0]
    return float(np.sqrt(positive.min())) if positive.size else float("inf")


def distort(normalised: NDArray[np.float64], distortion: Distortion) -> NDArray[np.float64]:
    """Distorted image coordinates (N, 2) of ideal ones (N, 2); NaN outside the lens's domain."""
    x, y = normalised[:, 0], normalised[:, 1]
    squared = x * x + y * y
    with np.errstate(over="ignore", invalid="ignore"):
        radial = 1 + squared * (distortion.k1 + squared * (distortion.k2 + squared * distortion.k3))
        product = x * y
        distorted = np.stack(
            [
                x * radial + 2 * distortion.p1 * product + distortion.p2 * (squared + 2 * x * x),
                y * radial + distortion.p1 * (squared + 2 * y * y) + 2 * distortion.p2 * product,
            ],
            axis=1,
        )
    distorted[~(squared < domain_radius(distortion) ** 2)] = np.nan
    return distorted


def undistort(distorted: NDArray[np.float64], distortion: Distortion) -> NDArray[np.float64]:
    """Ideal image coordinates (N, 2) of distorted ones (N, 2); NaN where there are none.

    Newton's method with the full Jacobian, held inside the domain of the lens.
    """
    if distortion == Distortion():
        return distorted.copy()
    limit = min(domain_radius(distortion), 1e6)
    ideal = distorted.copy()
    determinant = np.ones(len(ideal))
    residual = np.full(len(ideal), np.inf)
    for _ in range(60):
        radius = np.hypot(ideal[:, 0], ideal[:, 1])
        ideal *= np.minimum(1.0, 0.999999 * limit / np.maximum(radius, 1e-300))[:, None]
        error = distort(ideal, distortion) - distorted
        xx, xy, yy = _slopes(ideal[:, 0], ideal[:, 1], distortion)
        determinant = xx * yy - xy * xy
        residual = np.hypot(error[:, 0], error[:, 1])
        if not np.any(residual > _CONVERGED):
            break
        safe = np.where(np.abs(determinant) < 1e-12, 1e-12, determinant)
        ideal -= np.stack(
            [
                (yy * error[:, 0] - xy * error[:, 1]) / safe,
                (xx * error[:, 1] - xy * error[:, 0]) / safe,
            ],
            axis=1,
        )
    ideal[~((residual < 1e-11) & (determinant > 0))] = np.nan
    return ideal


def project(points_camera: NDArray[np.float64], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Pixels (N, 2) of points (N, 3) in the camera's frame (right, down, forward), any unit.

    Returns:
        x, y from the outer corner of the first pixel, also outside the image; NaN where the point
        is not in front of the camera or beyond what the lens model can undo.
    """
    forward = points_camera[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        normalised = np.where(
            (forward > 0)[:, None], points_camera[:, :2] / forward[:, None], np.nan
        )
    distorted = distort(normalised, intrinsics.distortion)
    return distorted * (intrinsics.fx_px, intrinsics.fy_px) + (intrinsics.cx_px, intrinsics.cy_px)


def unproject(pixels: NDArray[np.float64], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Unit rays (N, 3) in the camera's frame (right, down, forward) through pixels (N, 2).

    Returns:
        The rays; NaN where no ray of the lens model ends in that pixel.
    """
    distorted = (pixels - (intrinsics.cx_px, intrinsics.cy_px)) / (
        intrinsics.fx_px,
        intrinsics.fy_px,
    )
    ideal = undistort(distorted, intrinsics.distortion)
    x, y = ideal[:, 0], ideal[:, 1]
    forward = 1 / np.sqrt(1 + x * x + y * y)
    rays = np.empty((len(ideal), 3))
    rays[:, 0], rays[:, 1], rays[:, 2] = x * forward, y * forward, forward
    return rays


def ideal_per_pixel(rays: NDArray[np.float64], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """How ideal image coordinates change with the pixel, (N, 2, 2), at rays (N, 3) of the camera.

    It is the inverse of the derivative of the distorted coordinates, over the focal length: a pixel
    near the corner of a barrel of a lens spans more of the world than one in its middle.
    """
    lens = intrinsics.distortion
    result = np.zeros((len(rays), 2, 2))
    if lens == Distortion():
        result[:, 0, 0], result[:, 1, 1] = 1 / intrinsics.fx_px, 1 / intrinsics.fy_px
        return result
    x, y = rays[:, 0] / rays[:, 2], rays[:, 1] / rays[:, 2]
    xx, xy, yy = _slopes(x, y, lens)
    determinant = xx * yy - xy * xy
    result[:, 0, 0] = yy / determinant / intrinsics.fx_px
    result[:, 1, 1] = xx / determinant / intrinsics.fy_px
    result[:, 0, 1] = -xy / determinant / intrinsics.fy_px
    result[:, 1, 0] = -xy / determinant / intrinsics.fx_px
    return result


def _slopes(
    x: NDArray[np.float64], y: NDArray[np.float64], lens: Distortion
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The derivative of distorted by ideal coordinates, which is symmetric: xx, xy, yy."""
    squared = x * x + y * y
    radial = 1 + squared * (lens.k1 + squared * (lens.k2 + squared * lens.k3))
    slope = 2 * (lens.k1 + squared * (2 * lens.k2 + squared * 3 * lens.k3))
    return (
        radial + slope * x * x + 2 * lens.p1 * y + 6 * lens.p2 * x,
        slope * x * y + 2 * lens.p1 * x + 2 * lens.p2 * y,
        radial + slope * y * y + 6 * lens.p1 * y + 2 * lens.p2 * x,
    )
