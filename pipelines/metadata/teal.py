"""Reads the metadata of Teal 2, written by the Teledyne FLIR camera it carries.

XMP's EXIF namespace holds `PlatformYaw`, `PlatformPitch`, `PlatformRoll` of the aircraft and
`CameraYaw`, `CameraPitch`, `CameraRoll` of the camera in it, as fractions of degrees. The maker
documents none of it. That the camera's count from the aircraft is what a public tool found on its
photographs (Theta-Limited/OpenAthenaAndroid#159), which adds the angles; rotations do not add, so
here they compose, and by how far the two ways differ is added to the errors. Where that is far, the
aircraft was banking and neither is used. What Golden Eagle writes no public source tells.
"""

from __future__ import annotations

from pipelines.metadata.attitude_frames import angle_between, composed_attitude
from pipelines.metadata.exif import Exif
from pipelines.metadata.telemetry import AbsoluteHeight, Attitude, Telemetry, gnss_sigma
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity
from pipelines.pose import HeightReference

_FARTHEST_DEG = 5.0
# EXIF calls it above sea level, the public tool reads it so, nobody documents it.
_ALTITUDE_SIGMA_M = 15.0


def is_teal(make: str | None, values: dict[str, str]) -> bool:
    """Whether a file is one that Teal's aircraft wrote; `values` are XMP's of EXIF."""
    return "flir" in (make or "").lower() and "PlatformYaw" in values


def read_teal(exif: Exif, values: dict[str, str]) -> Telemetry:
    """Camera and flight from XMP's `exif` properties, with EXIF beside them."""
    findings: list[Finding] = []
    attitude, doubt = _attitude(values, findings)
    return Telemetry(
        latitude_deg=exif.latitude_deg,
        longitude_deg=exif.longitude_deg,
        attitude=attitude,
        attitude_doubt_deg=doubt,
        absolute_height=None
        if exif.altitude_m is None
        else AbsoluteHeight(
            height_m=exif.altitude_m, reference=HeightReference.MSL, sigma_m=_ALTITUDE_SIGMA_M
        ),
        horizontal_sigma_m=gnss_sigma(exif.horizontal_error_m),
        findings=tuple(findings),
    )


def _attitude(values: dict[str, str], findings: list[Finding]) -> tuple[Attitude | None, float]:
    platform, mounted = _angles(values, "Platform"), _angles(values, "Camera")
    if platform is None or mounted is None:
        return None, 0.0
    added = Attitude(
        yaw_deg=platform.yaw_deg + mounted.yaw_deg,
        pitch_deg=platform.pitch_deg + mounted.pitch_deg,
        roll_deg=platform.roll_deg + mounted.roll_deg,
    )
    composed = composed_attitude(platform, mounted)
    apart = angle_between(added, composed)
    if apart > _FARTHEST_DEG:
        findings.append(
            Finding(
                code="ATTITUDE_OF_UNKNOWN_FRAME",
                severity=Severity.WARNING,
                message=f"the aircraft leaned, and the two ways to read its and the camera's "
                f"angles differ by {apart:.0f} degrees; neither is used. Take photographs level",
            )
        )
        return None, 0.0
    findings.append(
        Finding(
            code="ATTITUDE_COMPOSED",
            severity=Severity.WARNING,
            message="the camera's direction is put together from the aircraft's and the camera's "
            "angles, as a public tool found them; the maker does not document them",
        )
    )
    return composed, apart


def _angles(values: dict[str, str], word: str) -> Attitude | None:
    yaw, pitch, roll = (number(values, f"{word}{angle}") for angle in ("Yaw", "Pitch", "Roll"))
    if yaw is None or pitch is None or roll is None:
        return None
    return Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
