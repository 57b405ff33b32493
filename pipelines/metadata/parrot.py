"""Reads Parrot's metadata: the ANAFI family tells the camera's attitude, Disco and Bebop do not.

ANAFI tells it twice, from the horizon (`drone-parrot`) and as Pix4D does (`Camera`). Altitudes are
above the EGM96 geoid on ANAFI 4K, Thermal and USA, above the ellipsoid on ANAFI Ai.
Source: Parrot, "Embedded Photo Metadata" (GroundSDK tools).
"""

from __future__ import annotations

from pipelines.metadata.exif import Exif
from pipelines.metadata.pix4d import (
    is_fisheye_model,
    pix4d_attitude,
    pix4d_calibration,
    stated_angles,
)
from pipelines.metadata.telemetry import AbsoluteHeight, Attitude, Telemetry, gnss_sigma
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity
from pipelines.pose import HeightReference

_GNSS_SIGMA_M = 10.0


def read_parrot(
    exif: Exif,
    model: str | None,
    values: dict[str, str],
    camera: dict[str, str],
    copied: dict[str, str],
) -> Telemetry:
    """Camera and flight.

    Args:
        exif: of the file.
        model: model of the camera, from EXIF or its copy in XMP.
        values: the `drone-parrot` properties of XMP.
        camera: the `Camera` properties of XMP.
        copied: the `exif` properties of XMP.
    """
    findings: list[Finding] = []
    name = "".join((model or "").upper().split())
    anafi = name.startswith("ANAFI")
    # Of the fixed wing and its kin the schema's angles are the aircraft's.
    cut_out = name.startswith(("DISCO", "BEBOP"))
    return Telemetry(
        latitude_deg=exif.latitude_deg,
        longitude_deg=exif.longitude_deg,
        attitude=_attitude(values, camera, findings, anafi=anafi),
        horizontal_sigma_m=gnss_sigma(
            (number(camera, "GPSXYAccuracy") if anafi else None) or exif.horizontal_error_m
        ),
        relative_height_m=_relative(camera, findings, anafi=anafi),
        absolute_height=_absolute(exif, name, camera) if anafi else None,
        calibration=pix4d_calibration(exif, camera) if anafi else None,
        fisheye=not cut_out and is_fisheye_model(camera),
        cut_out=cut_out,
        utc=_utc(copied),
        findings=tuple(findings),
    )


def _attitude(
    values: dict[str, str], camera: dict[str, str], findings: list[Finding], *, anafi: bool
) -> Attitude | None:
    yaw = number(values, "CameraYawDegree")
    pitch = number(values, "CameraPitchDegree")
    roll = number(values, "CameraRollDegree")
    if yaw is not None and pitch is not None and roll is not None:
        return Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    if anafi:
        return pix4d_attitude(camera)
    if stated_angles(camera) is not None:
        # On a Disco that looks some 30 degrees down these say 2 degrees: they are not the
        # direction of the picture, which the aircraft cuts out of a fisheye.
        findings.append(
            Finding(
                code="ATTITUDE_OF_UNKNOWN_FRAME",
                severity=Severity.NOTE,
                message="Camera:Yaw, Pitch and Roll of this model do not tell where the picture "
                "looks, which is cut out of a fisheye image; they are not used",
            )
        )
    return None


def _relative(camera: dict[str, str], findings: list[Finding], *, anafi: bool) -> float | None:
    """`AboveGroundAltitude`, which on a Disco is an ultrasonic sensor that sees a few metres."""
    height = number(camera, "AboveGroundAltitude")
    if height is None or anafi:
        return height
    findings.append(
        Finding(
            code="HEIGHT_UNBELIEVABLE",
            severity=Severity.WARNING,
            message=f"AboveGroundAltitude {height:g} m is the lower limit or the reach of an "
            "ultrasonic sensor, not a height of flight; it is not used",
        )
    )
    return None


def _absolute(exif: Exif, name: str, camera: dict[str, str]) -> AbsoluteHeight | None:
    if exif.altitude_m is None:
        return None
    stated = number(camera, "GPSZAccuracy")
    return AbsoluteHeight(
        height_m=exif.altitude_m,
        reference=HeightReference.HAE if name.startswith("ANAFIAI") else HeightReference.MSL,
        # The receiver's own figure is of precision; heights err by twice what positions do.
        sigma_m=_GNSS_SIGMA_M if stated is None else max(stated, _GNSS_SIGMA_M / 2),
    )


def _utc(copied: dict[str, str]) -> str | None:
    """The time with its zone; one without would be of the camera's clock."""
    text = copied.get("DateTimeOriginal", "")
    return text if text.endswith("Z") or "+" in text[10:] or "-" in text[10:] else None
