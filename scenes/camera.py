"""The camera that photographs a scene: where it stands, how it looks, what it projects where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.frame import LocalFrame, enu_basis

_UNDISTORT_STEPS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Camera:
    """A pinhole with Brown distortion, and what its maker calls it.

    Pixels start at the outer corner of the first pixel, x right, y down.

    Attributes:
        make: maker, as EXIF names it.
        model: model, as EXIF names it.
        width_px: image width.
        height_px: image height.
        fx_px: focal length along x.
        fy_px: focal length along y.
        cx_px: principal point x.
        cy_px: principal point y.
        focal_length_mm: as EXIF names it.
        distortion: k1, k2, p1, p2, k3 on normalised coordinates, in OpenCV's order.
    """

    make: str
    model: str
    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    focal_length_mm: float
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def distort(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Normalised image coordinates as the lens bends them (Brown 1971, OpenCV's signs)."""
        k1, k2, p1, p2, k3 = self.distortion
        square = x * x + y * y
        radial = 1 + square * (k1 + square * (k2 + square * k3))
        bent_x = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x)
        bent_y = y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y
        return bent_x, bent_y

    def undistort(
        self, bent_x: NDArray[np.float64], bent_y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The inverse of `distort`, by fixed-point steps."""
        x, y = bent_x, bent_y
        if any(self.distortion):
            for _ in range(_UNDISTORT_STEPS):
                again_x, again_y = self.distort(x, y)
                x, y = x + (bent_x - again_x), y + (bent_y - again_y)
        return x, y


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewpoint:
    """Where a camera stands and looks.

    Attributes:
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        hae_m: height above the WGS 84 ellipsoid.
        yaw_deg: of the optical axis, clockwise from true north.
        pitch_deg: 0 level, -90 straight down.
        roll_deg: positive: right side down.
    """

    latitude_deg: float
    longitude_deg: float
    hae_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float = 0.0

    @property
    def camera_axes_ned(self) -> NDArray[np.float64]:
        """(3, 3) columns: image right, image down and forward, in north, east, down here.

        The camera starts looking north, right is east, down is down, and is turned about its own
        down axis (yaw), then its own right (pitch), then its own forward (roll).
        """
        yaw, pitch, roll = np.radians([self.yaw_deg, self.pitch_deg, self.roll_deg])
        north, east, down = np.eye(3)
        forward = north * np.cos(yaw) + east * np.sin(yaw)
        right = east * np.cos(yaw) - north * np.sin(yaw)
        # A positive pitch lifts the axis, that is against down.
        lifted = forward * np.cos(pitch) - down * np.sin(pitch)
        sunk = down * np.cos(pitch) + forward * np.sin(pitch)
        # A positive roll takes the right side towards the camera's down.
        rolled_right = right * np.cos(roll) + sunk * np.sin(roll)
        rolled_down = sunk * np.cos(roll) - right * np.sin(roll)
        return np.stack([rolled_right, rolled_down, lifted], axis=1)

    def axes_in(self, frame: LocalFrame) -> NDArray[np.float64]:
        """(3, 3) columns image right, image down, forward in a frame's east, north, up.

        The verticals of the camera and of the frame's origin are not parallel: the rotation goes
        through ECEF.
        """
        north, east, down = self.camera_axes_ned
        enu_here = np.stack([east, north, -down])
        ecef = enu_basis(self.latitude_deg, self.longitude_deg).T @ enu_here
        return np.asarray(frame.basis @ ecef)

    def place_in(self, frame: LocalFrame) -> NDArray[np.float64]:
        """(3,) the projection centre in a frame's east, north, up metres."""
        return frame.from_geodetic([self.latitude_deg, self.longitude_deg, self.hae_m])


@dataclass(frozen=True, slots=True)
class View:
    """A camera at a viewpoint in a frame: points to pixels and pixels to rays."""

    camera: Camera
    viewpoint: Viewpoint
    frame: LocalFrame

    def project(self, enu_m: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels of points.

        Args:
            enu_m: (..., 3) east, north, up metres of the frame.

        Returns:
            (..., 2) pixels, and (...) distance along the optical axis in metres; where that is not
            positive the point is behind the camera and its pixel means nothing.
        """
        away = np.asarray(enu_m, np.float64) - self.viewpoint.place_in(self.frame)
        local = away @ self.viewpoint.axes_in(self.frame)
        depth = local[..., 2]
        safe = np.where(depth > 0, depth, np.nan)
        bent_x, bent_y = self.camera.distort(local[..., 0] / safe, local[..., 1] / safe)
        pixels = np.stack(
            [
                self.camera.fx_px * bent_x + self.camera.cx_px,
                self.camera.fy_px * bent_y + self.camera.cy_px,
            ],
            axis=-1,
        )
        return pixels, depth

    def rays(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Directions of pixels, (..., 2) to (..., 3) unit east, north, up."""
        place = np.asarray(pixels, np.float64)
        x, y = self.camera.undistort(
            (place[..., 0] - self.camera.cx_px) / self.camera.fx_px,
            (place[..., 1] - self.camera.cy_px) / self.camera.fy_px,
        )
        local = np.stack([x, y, np.ones_like(x)], axis=-1)
        ray = local @ self.viewpoint.axes_in(self.frame).T
        return np.asarray(ray / np.linalg.norm(ray, axis=-1, keepdims=True))
