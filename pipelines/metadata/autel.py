"""Reads Autel's metadata, whose meaning changed between firmwares.

Newer firmware writes DJI's schema, with the pitch counted from the horizon; older firmware writes
Pix4D's `Camera` schema, with the pitch counted from the nadir. The EVO Lite 640T (XL715) mixes
them: Pix4D's schema with the pitch from the horizon (Theta-Limited/OpenAthenaIOS#62), and a
`GimbalPitchDegree` that some of its firmware gets wrong (OpenAthenaIOS#72). So where both are told
they must agree, and a pitch that fits no way of counting is not used.

What altitudes are over is not known: the same public tools that fly these aircraft have called old
firmware's mean sea level (OpenAthenaIOS#6) and ellipsoid (OpenAthenaIOS#65), against `VertCS`. They
are not used; the height over take-off is.
"""

from __future__ import annotations

from pipelines.metadata.attitude_frames import attitude_of_pix4d
from pipelines.metadata.dji import dji_calibration
from pipelines.metadata.exif import Exif
from pipelines.metadata.pix4d import stated_angles
from pipelines.metadata.telemetry import Attitude, Telemetry, gnss_sigma
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity

# The gimbals reach from 90 degrees down to 30 up.
_LOWEST_DEG, _HIGHEST_DEG = -92.0, 32.0
_AGREEMENT_DEG = 2.0
# Of these, Pix4D's schema bears the pitch as DJI counts it.
_FROM_HORIZON = ("XL715",)


def is_autel(make: str | None, model: str | None) -> bool:
    """Whether a camera is Autel's; the EVO Lite 640T calls its maker "Camera" in EXIF."""
    named, word = (make or "").lower(), (model or "").upper()
    return "autel" in named or (named == "camera" and word.startswith(("XL7", "XT7")))


def read_autel(
    exif: Exif, model: str | None, values: dict[str, str], camera: dict[str, str]
) -> Telemetry:
    """Camera and flight.

    Args:
        exif: of the file.
        model: model of the camera, from EXIF or its copy in XMP.
        values: the properties of DJI's schema in XMP.
        camera: the properties of Pix4D's.
    """
    findings: list[Finding] = []
    latitude = number(values, "GpsLatitude", "Latitude")
    longitude = number(values, "GpsLongitude", "GpsLongtitude", "Longitude")
    if latitude is None or longitude is None:
        latitude, longitude = exif.latitude_deg, exif.longitude_deg
    relative = number(values, "RelativeAltitude")
    if exif.altitude_m is not None or "AbsoluteAltitude" in values:
        findings.append(
            Finding(
                code="HEIGHT_DATUM_UNKNOWN",
                severity=Severity.NOTE if relative is not None else Severity.WARNING,
                message="Autel's altitudes are above sea level in some firmware and above the "
                "ellipsoid in other, whatever the file says; they are not used",
            )
        )
    return Telemetry(
        latitude_deg=latitude,
        longitude_deg=longitude,
        attitude=_attitude(model, values, camera, findings),
        relative_height_m=relative,
        horizontal_sigma_m=gnss_sigma(number(camera, "GPSXYAccuracy") or exif.horizontal_error_m),
        calibration=dji_calibration(exif, values),
        upscaled_zoom=True,
        findings=tuple(findings),
    )


def _attitude(
    model: str | None, values: dict[str, str], camera: dict[str, str], findings: list[Finding]
) -> Attitude | None:
    gimbal, schema = _gimbal(values), _schema(model, camera)
    doubt = _doubt(model, gimbal, schema)
    if doubt is None:
        return gimbal or schema
    findings.append(
        Finding(
            code="ATTITUDE_OF_UNKNOWN_FRAME",
            severity=Severity.WARNING,
            message=f"{doubt}: what Autel counts the pitch from changed between firmwares; it is "
            "not used. Update the firmware, or state yaw_deg, pitch_deg and roll_deg in a pose "
            "file",
        )
    )
    return None


def _doubt(model: str | None, gimbal: Attitude | None, schema: Attitude | None) -> str | None:
    """Why neither can be believed; None where one can, or neither is told."""
    if gimbal is not None and schema is not None:
        if abs(gimbal.pitch_deg - schema.pitch_deg) > _AGREEMENT_DEG:
            return (
                f"GimbalPitchDegree says {gimbal.pitch_deg:.1f} and Camera:Pitch "
                f"{schema.pitch_deg:.1f} degrees from the horizon"
            )
    elif gimbal is not None:
        if (model or "").upper().startswith(_FROM_HORIZON):
            return "GimbalPitchDegree of this model is wrong in some firmware, and stands alone"
        if gimbal.pitch_deg > 0.0:
            return (
                f"GimbalPitchDegree {gimbal.pitch_deg:.1f} is above the horizon, or counted from "
                "the nadir as older firmware does"
            )
    found = gimbal or schema
    if found is not None and not _LOWEST_DEG <= found.pitch_deg <= _HIGHEST_DEG:
        return f"the pitch would be {found.pitch_deg:.1f} degrees from the horizon"
    return None


def _gimbal(values: dict[str, str]) -> Attitude | None:
    yaw, pitch = number(values, "GimbalYawDegree"), number(values, "GimbalPitchDegree")
    if yaw is None or pitch is None:
        return None
    roll = number(values, "GimbalRollDegree") or 0.0
    return Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)


def _schema(model: str | None, camera: dict[str, str]) -> Attitude | None:
    angles = stated_angles(camera)
    if angles is None:
        return None
    if (model or "").upper().startswith(_FROM_HORIZON):
        yaw, pitch, roll = angles
        return Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    if angles[1] < _LOWEST_DEG + 90.0:
        # Further back than straight down: counted some other way.
        return Attitude(yaw_deg=angles[0], pitch_deg=angles[1] - 90.0, roll_deg=angles[2])
    return attitude_of_pix4d(*angles)
