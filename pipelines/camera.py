"""The pinhole camera with Brown distortion: pixels to rays and back."""

from __future__ import annotations

from dataclasses import dataclass, field


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
