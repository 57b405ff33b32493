"""Reads Skydio's metadata.

`CameraOrientationNED` holds yaw, pitch and roll in degrees, rotated in that order in a
north-east-down frame, the convention of `pipelines.pose`. That is proved by the same packet's
`CameraOrientationQuatNED`: its forward axis (first column of the rotation) has azimuth Yaw and
elevation Pitch, and its left axis (second column) rises by Roll.
Source of names and units: Skydio support, "Skydio camera and metadata overview".
"""

from __future__ import annotations

from pipelines.camera import Distortion, Intrinsics
from pipelines.metadata.calibration import Calibration
from pipelines.metadata.exif import Exif
from pipelines.metadata.telemetry import AbsoluteHeight, Attitude, Telemetry, gnss_sigma
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity
from pipelines.pose import HeightReference

# Skydio 2, 2+ and X2 photographs, and the calibration in their metadata, are of this sensor.
_SENSOR = (4056, 3040)
_ABSOLUTE_SIGMA_M = 10.0


def read_skydio(exif: Exif, values: dict[str, str]) -> Telemetry:
    """Camera and flight from the `drone-skydio` properties of XMP, with EXIF beside them."""
    findings: list[Finding] = []
    latitude = number(values, "Latitude")
    longitude = number(values, "Longitude")
    if latitude is None or longitude is None:
        latitude, longitude = exif.latitude_deg, exif.longitude_deg
    return Telemetry(
        latitude_deg=latitude,
        longitude_deg=longitude,
        attitude=_attitude(values),
        # Forward-left-up from the place of take-off.
        relative_height_m=number(values, "CameraPositionFLU/Z", "VehiclePositionFLU/Z"),
        absolute_height=_absolute(exif, values, findings),
        horizontal_sigma_m=gnss_sigma(exif.horizontal_error_m),
        calibration=_calibration(exif, values),
        thermal=_thermal(values),
        findings=tuple(findings),
    )


def _thermal(values: dict[str, str]) -> bool | None:
    """Which lens, as `CameraSource` tells: "MAIN_VISIBLE" and others."""
    source = values.get("CameraSource", "").upper()
    if "THERMAL" in source or "INFRARED" in source:
        return True
    return False if "VISIBLE" in source else None


def _attitude(values: dict[str, str]) -> Attitude | None:
    yaw = number(values, "CameraOrientationNED/Yaw")
    pitch = number(values, "CameraOrientationNED/Pitch")
    roll = number(values, "CameraOrientationNED/Roll")
    if yaw is None or pitch is None or roll is None:
        return None
    return Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)


def _absolute(exif: Exif, values: dict[str, str], findings: list[Finding]) -> AbsoluteHeight | None:
    """Above sea level for Skydio 2 and X2, above the ellipsoid for X10.

    The first is measured, not documented: less the height over take-off, it gives the ground at
    take-off above sea level to 7 m (photograph near Tucson, geoid at -29 m, SRTM terrain), which
    an ellipsoidal height would miss by 36 m. The second is documented ("Skydio X10 RTK/PPK
    metadata overview"). Of other models the datum is not known.
    """
    height = number(values, "AbsoluteAltitude")
    if height is None:
        return None
    model = (exif.model or "").upper()
    if model.startswith(("VT300", "V100")):
        reference = HeightReference.HAE
    elif model.startswith(("2", "X2")):
        reference = HeightReference.MSL
    else:
        findings.append(
            Finding(
                code="HEIGHT_DATUM_UNKNOWN",
                severity=Severity.NOTE,
                message=f"the datum of AbsoluteAltitude is not known for model {exif.model!r}; "
                "it is not used",
            )
        )
        return None
    return AbsoluteHeight(height_m=height, reference=reference, sigma_m=_ABSOLUTE_SIGMA_M)


def _calibration(exif: Exif, values: dict[str, str]) -> Calibration | None:
    """The camera's own calibration, which is for the whole sensor whatever the picture kept.

    Its optical centre counts from the centre of the first pixel: that of a nominal camera is
    2027.5 of 4056 columns.
    """
    fx = number(values, "CalibratedFocalLength/X")
    fy = number(values, "CalibratedFocalLength/Y")
    cx = number(values, "CalibratedOpticalCenter/X")
    cy = number(values, "CalibratedOpticalCenter/Y")
    if fx is None or fy is None or cx is None or cy is None or min(fx, fy, cx, cy) <= 0.0:
        return None
    width, height = _sensor(exif, cx + 0.5, cy + 0.5)
    k1, k2, k3 = _radial(values.get("DewarpData", ""))
    return Calibration(
        intrinsics=Intrinsics(
            width_px=width,
            height_px=height,
            fx_px=fx,
            fy_px=fy,
            cx_px=cx + 0.5,
            cy_px=cy + 0.5,
            distortion=Distortion(k1=k1, k2=k2, k3=k3),
        ),
        focal_sigma=0.001,
        source="calibration of this camera in its metadata",
    )


def _sensor(exif: Exif, cx_px: float, cy_px: float) -> tuple[int, int]:
    """The image the calibration is for, known by where its optical centre is.

    It is the sensor of Skydio 2 and X2, or the picture itself, or one twice as large as the
    optical centre is far from its corner (X10 and thermal cameras).
    """
    candidates = [_SENSOR]
    if exif.width_px is not None and exif.height_px is not None:
        candidates.insert(0, (exif.width_px, exif.height_px))
    for width, height in candidates:
        if abs(cx_px - width / 2) < 0.02 * width and abs(cy_px - height / 2) < 0.02 * width:
            return width, height
    return round(2 * cx_px), round(2 * cy_px)


def _radial(text: str) -> tuple[float, float, float]:
    """`DewarpData` is "k1,k2,k3" here."""
    parts = text.split(",")
    try:
        return float(parts[0]), float(parts[1]), float(parts[2])
    except (ValueError, IndexError):
        return 0.0, 0.0, 0.0
