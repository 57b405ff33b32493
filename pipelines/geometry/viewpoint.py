"""A camera set up in the world: everything that turns its pixels into places."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.camera import Intrinsics, ned_from_camera
from pipelines.capture import Capture
from pipelines.geometry.camera_height import CameraHeight, StatedHeights, Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.geodesy import ecef_from_geodetic, ecef_from_ned
from pipelines.geometry.terrain import Terrain
from pipelines.outcome import Finding, Outcome
from pipelines.pose import HeightReference, Pose, Sigmas

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Viewpoint:
    """Position, attitude and inner geometry of a camera over a terrain.

    Attributes:
        pose: as it was stated or read.
        intrinsics: inner geometry.
        sigmas: one standard deviation of each input; `vertical_m` is of the height over the
            terrain, as it was decided, and `terrain_m` knows of an unsure datum.
        hae_m: camera height above the ellipsoid; in the terrain's own frame where `datum_sigma_m`
            is None.
        above_ground_m: camera height over the ground below it; None where that is not known.
        datum_sigma_m: one sigma that camera and terrain are high or low by together; None where
            nothing tells heights above the ellipsoid.
        slope_sigma: metres of further terrain error for each metre of horizontal distance.
        terrain: what rays are met with.
        position_ecef: (3,) of the projection centre.
        ecef_from_camera: (3, 3) rotation of camera vectors (right, down, forward) into ECEF.
        ecef_from_ned: (3, 3) rotation of north, east, down at the camera into ECEF.
        findings: what was assumed or contradicted about heights.
    """

    pose: Pose
    intrinsics: Intrinsics
    sigmas: Sigmas
    hae_m: float
    above_ground_m: float | None
    datum_sigma_m: float | None
    slope_sigma: float
    terrain: Terrain
    position_ecef: Floats
    ecef_from_camera: Floats
    ecef_from_ned: Floats
    findings: tuple[Finding, ...]


def find_viewpoint(
    capture: Capture, source: TerrainSource, *, ground_hae_m: float | None = None
) -> Viewpoint | Unlocatable:
    """The viewpoint of a frame, or why it has none.

    Args:
        capture: what is known of how it was taken.
        source: elevation models; `TerrainSource(None)` for none.
        ground_hae_m: ground of this ellipsoidal height in place of any elevation model.
    """
    if capture.outcome is not Outcome.LOCATED:
        return Unlocatable(outcome=capture.outcome, findings=())
    if capture.pose is None:
        return Unlocatable(outcome=Outcome.NO_POSITION, findings=())
    if capture.intrinsics is None:
        return Unlocatable(outcome=Outcome.NO_INTRINSICS, findings=())
    heights = stated_heights(capture.pose, capture.sigmas)
    if capture.relative_height_m is not None:
        heights = replace(
            heights,
            above_ground_m=None,
            over_take_off_m=capture.relative_height_m,
            relative_sigma_m=capture.sigmas.vertical_m,
        )
    if capture.absolute_height_m is not None and capture.absolute_height_sigma_m is not None:
        heights = replace(
            heights,
            absolute_m=capture.absolute_height_m,
            absolute_reference=capture.absolute_height_reference,
            absolute_sigma_m=capture.absolute_height_sigma_m,
        )
    return set_up(
        capture.pose,
        capture.intrinsics,
        capture.sigmas,
        decide_height(heights, source, ground_hae_m=ground_hae_m),
    )


def stated_heights(pose: Pose, sigmas: Sigmas) -> StatedHeights:
    """What a pose alone says of heights."""
    if pose.height_reference is HeightReference.ABOVE_GROUND:
        return StatedHeights(
            latitude_deg=pose.latitude_deg,
            longitude_deg=pose.longitude_deg,
            above_ground_m=pose.height_m,
            relative_sigma_m=sigmas.vertical_m,
        )
    return StatedHeights(
        latitude_deg=pose.latitude_deg,
        longitude_deg=pose.longitude_deg,
        absolute_m=pose.height_m,
        absolute_reference=pose.height_reference,
        absolute_sigma_m=sigmas.vertical_m,
    )


def set_up(
    pose: Pose, intrinsics: Intrinsics, sigmas: Sigmas, height: CameraHeight | Unlocatable
) -> Viewpoint | Unlocatable:
    """The viewpoint of a pose at a height that was decided on."""
    if isinstance(height, Unlocatable):
        return height
    axes = ecef_from_ned(pose.latitude_deg, pose.longitude_deg)
    return Viewpoint(
        pose=pose,
        intrinsics=intrinsics,
        sigmas=replace(
            sigmas,
            vertical_m=height.vertical_sigma_m,
            terrain_m=math.hypot(sigmas.terrain_m, height.terrain_sigma_m),
        ),
        hae_m=height.hae_m,
        above_ground_m=height.above_ground_m,
        datum_sigma_m=height.datum_sigma_m,
        slope_sigma=height.slope_sigma,
        terrain=height.terrain,
        position_ecef=ecef_from_geodetic(pose.latitude_deg, pose.longitude_deg, height.hae_m),
        ecef_from_camera=axes @ ned_from_camera(pose.yaw_deg, pose.pitch_deg, pose.roll_deg),
        ecef_from_ned=axes,
        findings=height.findings,
    )
