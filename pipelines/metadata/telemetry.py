"""What a maker's metadata say of camera and flight, in one form and not yet believed."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.metadata.calibration import Calibration
from pipelines.outcome import Finding
from pipelines.pose import HeightReference


@dataclass(frozen=True, kw_only=True, slots=True)
class Attitude:
    """Where the optical axis points, in the convention of `pipelines.pose.Pose`.

    Attributes:
        yaw_deg: clockwise from true north.
        pitch_deg: 0 level, -90 straight down.
        roll_deg: positive: right side down.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AbsoluteHeight:
    """A height of the camera with its datum.

    Attributes:
        height_m: the height.
        reference: HAE or MSL.
        sigma_m: one standard deviation.
    """

    height_m: float
    reference: HeightReference
    sigma_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Telemetry:
    """One maker's metadata in one form; None where they do not tell.

    Attributes:
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        attitude: of the camera, not of the aircraft.
        relative_height_m: above take-off.
        absolute_height: with a datum that is known.
        horizontal_sigma_m: where the metadata tell how good the position is.
        calibration: inner geometry that the metadata themselves give.
        attitude_doubt_deg: further than the gimbal's own error, one standard deviation about
            every axis.
        yaw_doubt_deg: the same of the yaw alone.
        thermal: which of two lenses took it; None where the metadata do not say.
        fisheye: the metadata call it a fisheye image.
        upscaled_zoom: a zoomed thermal picture is the whole view with more pixels.
        position_age_s: how long before the picture the receiver had its position, where that is
            certain.
        cut_out: the camera cuts its pictures out of a wider one, so that the focal lengths in EXIF
            are not theirs.
        utc: capture time that the maker gives as UTC, as text.
        findings: what is worth telling about how these were read.
    """

    latitude_deg: float | None = None
    longitude_deg: float | None = None
    attitude: Attitude | None = None
    relative_height_m: float | None = None
    absolute_height: AbsoluteHeight | None = None
    horizontal_sigma_m: float | None = None
    calibration: Calibration | None = None
    attitude_doubt_deg: float = 0.0
    yaw_doubt_deg: float = 0.0
    thermal: bool | None = None
    fisheye: bool = False
    upscaled_zoom: bool = False
    position_age_s: float | None = None
    cut_out: bool = False
    utc: str | None = None
    findings: tuple[Finding, ...] = ()


# A receiver's own figure is of precision: without corrections it is not that near the truth.
_GNSS_FLOOR_M = 2.0


def gnss_sigma(error_m: float | None) -> float | None:
    """One standard deviation of a position from the receiver's own estimate; None without one."""
    return None if error_m is None else max(error_m, _GNSS_FLOOR_M)
