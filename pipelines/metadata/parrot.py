"""Reads Parrot's metadata: the ANAFI family tells the camera's attitude, Disco and Bebop do not.

Source: Parrot, "Embedded Photo Metadata" (ANAFI Ai); Pix4D's XMP camera tags for the older ones.
"""

from __future__ import annotations

from pipelines.metadata.exif import Exif
from pipelines.metadata.telemetry import AbsoluteHeight, Attitude, Telemetry, gnss_sigma
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity
from pipelines.pose import HeightReference

_GNSS_SIGMA_M = 10.0


def read_parrot(exif: Exif, values: dict[str, str], camera: dict[str, str]) -> Telemetry:
    """Camera and flight.

    Args:
        exif: of the file.
        values: the `drone-parrot` properties of XMP.
        camera: the `Camera` properties of XMP.
    """
    findings: list[Finding] = []
    yaw = number(values, "CameraYawDegree")
    pitch = number(values, "CameraPitchDegree")
    roll = number(values, "CameraRollDegree")
    attitude = None
    if yaw is not None and pitch is not None and roll is not None:
        attitude = Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    elif number(camera, "Yaw", "Pitch", "Roll") is not None:
        # On a Disco that looks some 30 degrees down these say 2 degrees: they are not the
        # direction of the picture, which the aircraft cuts out of a fisheye.
        findings.append(
            Finding(
                code="ATTITUDE_OF_UNKNOWN_FRAME",
                severity=Severity.NOTE,
                message="Camera:Yaw, Pitch and Roll of this maker do not tell where the picture "
                "looks, which is cut out of a fisheye image; they are not used",
            )
        )
    return Telemetry(
        latitude_deg=exif.latitude_deg,
        longitude_deg=exif.longitude_deg,
        attitude=attitude,
        horizontal_sigma_m=gnss_sigma(exif.horizontal_error_m),
        relative_height_m=_relative(camera, findings),
        absolute_height=_absolute(exif),
        cut_out=(exif.model or "").upper().startswith(("DISCO", "BEBOP")),
        findings=tuple(findings),
    )


def _relative(camera: dict[str, str], findings: list[Finding]) -> float | None:
    """`AboveGroundAltitude` comes from an ultrasonic sensor that sees a few metres."""
    height = number(camera, "AboveGroundAltitude")
    if height is not None:
        findings.append(
            Finding(
                code="HEIGHT_UNBELIEVABLE",
                severity=Severity.WARNING,
                message=f"AboveGroundAltitude {height:g} m is the lower limit or the reach of an "
                "ultrasonic sensor, not a height of flight; it is not used",
            )
        )
    return None


def _absolute(exif: Exif) -> AbsoluteHeight | None:
    """ANAFI Ai writes heights above the ellipsoid; of the others the datum is not known."""
    if exif.altitude_m is None or "ANAFI" not in (exif.model or "").upper():
        return None
    if "AI" not in (exif.model or "").upper().removeprefix("ANAFI"):
        return None
    return AbsoluteHeight(
        height_m=exif.altitude_m, reference=HeightReference.HAE, sigma_m=_GNSS_SIGMA_M
    )
