"""What one image file says about how it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.camera import Intrinsics
from pipelines.outcome import Finding, Outcome
from pipelines.pose import HeightReference, Pose, Sigmas


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """How one image was taken: what its metadata or its submitter say, checked and repaired.

    Attributes:
        width_px: width of the file as it lies on disk.
        height_px: height of the file as it lies on disk.
        make: maker of the camera; None when not told.
        model: model of the camera; None when not told.
        captured_at: aware UTC time; None when neither metadata nor submitter tell it for certain.
        pose: camera pose; None when the frame cannot be located (`outcome` says why).
        relative_height_m: height above take-off where the metadata tell it; None otherwise.
            Barometric in most makes: good to some metres, and equal to the height above the
            ground below the camera only where that ground is as high as the place of take-off.
            Where it is believable, a pose from metadata bears it as ABOVE_GROUND.
        absolute_height_m: height of the camera over `absolute_height_reference` as the metadata
            tell it; None when not told, or when its datum is not known. `pose` bears it only
            where no relative height is known. With terrain, it is the better height where
            `absolute_height_sigma_m` is below `sigmas.vertical_m` (RTK).
        absolute_height_reference: HAE or MSL; None exactly when `absolute_height_m` is.
        absolute_height_sigma_m: one standard deviation of it; None exactly when it is. Without
            RTK it is wide: two flights over one place differ by more than 15 m
            (OpenDroneMap/ODM#711).
        thermal: whether it shows thermal infrared instead of visible light; None where the
            metadata do not tell.
        intrinsics: inner geometry for this file; None when unknown (`outcome` says so).
        sigmas: one standard deviation of each of these; `vertical_m` is that of `pose.height_m`.
        outcome: LOCATED when pixels of this frame can be asked for, else why they cannot.
        findings: everything worth telling about the metadata, most severe first.
    """

    width_px: int
    height_px: int
    make: str | None
    model: str | None
    captured_at: datetime | None
    pose: Pose | None
    relative_height_m: float | None
    intrinsics: Intrinsics | None
    sigmas: Sigmas
    outcome: Outcome
    findings: tuple[Finding, ...]
    absolute_height_m: float | None = None
    absolute_height_reference: HeightReference | None = None
    absolute_height_sigma_m: float | None = None
    thermal: bool | None = None
