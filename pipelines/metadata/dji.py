"""Reads DJI's metadata.

Conventions by DJI's manuals (Mavic 3E/3T/3M, Matrice 4, Zenmuse P1 "XMP data list") and those in
`pipelines.pose`: gimbal angles are absolute, rotated yaw, pitch, roll in a north-east-down frame.
"""

from __future__ import annotations

import math
import re

from pipelines.camera import Distortion, Intrinsics
from pipelines.metadata.calibration import Calibration, centred
from pipelines.metadata.exif import Exif
from pipelines.metadata.telemetry import AbsoluteHeight, Attitude, Telemetry, gnss_sigma
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity
from pipelines.pose import HeightReference

# RtkFlag by the manuals: 0 no position, 16 single point (metres), 32 to 49 float (decimetres to
# metres), 50 fixed (centimetres); DJI's Onboard SDK names those between.
_RTK_FAILED, _RTK_FLOAT, _RTK_FIXED = 0, 32, 50
# What the receiver calls its deviation leaves out lever arm and exposure time.
_RTK_FLOOR_M = {True: 0.03, False: 0.3}
# Two flights over one place differ by more than this (OpenDroneMap/ODM#711).
_BAROMETRIC_SIGMA_M = 15.0
# Corrections older than this no longer hold a fixed solution.
_OLDEST_CORRECTION_S = 60.0
_YAWS_APART_DEG = 20.0


def read_dji(exif: Exif, values: dict[str, str]) -> Telemetry:
    """Camera and flight from the `drone-dji` properties of XMP, with EXIF beside them."""
    findings: list[Finding] = []
    flag = _rtk_flag(values, findings)
    rtk = flag is not None and _RTK_FLOAT <= flag <= _RTK_FIXED
    latitude = number(values, "GpsLatitude", "Latitude")
    # Early firmware misspells its own name.
    longitude = number(values, "GpsLongitude", "GpsLongtitude", "Longitude")
    if latitude is None or longitude is None:
        latitude, longitude = exif.latitude_deg, exif.longitude_deg
    attitude, yaw_doubt_deg = _attitude(values, findings)
    return Telemetry(
        latitude_deg=latitude,
        longitude_deg=longitude,
        attitude=attitude,
        yaw_doubt_deg=yaw_doubt_deg,
        relative_height_m=number(values, "RelativeAltitude"),
        absolute_height=_absolute(values, rtk=rtk, flag=flag, findings=findings),
        horizontal_sigma_m=_horizontal(exif, values, rtk=rtk, fixed=flag == _RTK_FIXED),
        calibration=dji_calibration(exif, values),
        thermal=_thermal(values),
        utc=values.get("UTCAtExposure"),
        findings=tuple(findings),
    )


def _rtk_flag(values: dict[str, str], findings: list[Finding]) -> float | None:
    """The flag; a fixed solution on old corrections counts as a floating one."""
    flag, age = number(values, "RtkFlag"), number(values, "RtkDiffAge")
    if flag == _RTK_FAILED:
        findings.append(
            Finding(
                code="RTK_FAILED",
                severity=Severity.WARNING,
                message="RtkFlag 0: the RTK receiver had no position; this one is from plain "
                "satellite navigation",
            )
        )
    if flag == _RTK_FIXED and age is not None and age > _OLDEST_CORRECTION_S:
        findings.append(
            Finding(
                code="RTK_CORRECTION_OLD",
                severity=Severity.WARNING,
                message=f"the RTK corrections were {age:.0f} s old: the link to the base was lost; "
                "the position is taken as good to decimetres only",
            )
        )
        return float(_RTK_FLOAT)
    return flag


def _thermal(values: dict[str, str]) -> bool | None:
    """Which lens of two, as `ImageSource` tells: InfraredCamera, else one for visible light."""
    source = values.get("ImageSource", "").lower()
    if not source:
        return None
    return "infrared" in source or "thermal" in source


def _attitude(values: dict[str, str], findings: list[Finding]) -> tuple[Attitude | None, float]:
    """The gimbal's attitude, and one standard deviation of yaw beyond the usual."""
    yaw = number(values, "GimbalYawDegree")
    pitch = number(values, "GimbalPitchDegree")
    roll = number(values, "GimbalRollDegree")
    if yaw is None or pitch is None:
        return None, 0.0
    if any(number(values, name) == 1.0 for name in ("CamReverse", "GimbalReverse")):
        findings.append(
            Finding(
                code="CAMERA_REVERSED",
                severity=Severity.WARNING,
                message="the camera hung upside down (CamReverse or GimbalReverse is 1), and "
                "whether the picture was turned for it is not told; the attitude is not used",
            )
        )
        return None, 0.0
    flight, doubt = number(values, "FlightYawDegree"), 0.0
    apart = 0.0 if flight is None else abs((yaw - flight + 180.0) % 360.0 - 180.0)
    # A gimbal that turned over its nadir tells its yaw from the other side.
    flipped = roll is not None and abs(roll) > 150.0
    if apart > _YAWS_APART_DEG and yaw == 0.0 and not flipped:
        doubt = apart
        findings.append(
            Finding(
                code="GIMBAL_YAW_DOUBTFUL",
                severity=Severity.WARNING,
                message=f"the gimbal's yaw is exactly 0 while the aircraft headed {flight:.0f}: it "
                f"was likely not reported; the yaw is taken as good to {apart:.0f} degrees",
            )
        )
    elif apart > _YAWS_APART_DEG and not flipped:
        findings.append(
            Finding(
                code="GIMBAL_AND_FLIGHT_YAW_DIFFER",
                severity=Severity.NOTE,
                message=f"the gimbal looks {apart:.0f} degrees beside the aircraft's heading; "
                "the gimbal's yaw is used",
            )
        )
    return Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll or 0.0), doubt


def _absolute(
    values: dict[str, str], *, rtk: bool, flag: float | None, findings: list[Finding]
) -> AbsoluteHeight | None:
    """The absolute altitude, where its datum is known.

    With RTK it is ellipsoidal. `AltitudeType` does not prove that, `RtkFlag` does
    (Theta-Limited/OpenAthenaIOS#17). Without, it is barometric over a sea level of its own.
    """
    height = number(values, "AbsoluteAltitude")
    if height is None:
        return None
    if rtk:
        fixed = flag == _RTK_FIXED
        sigma = number(values, "RtkStdHgt")
        floor = _RTK_FLOOR_M[fixed]
        return AbsoluteHeight(
            height_m=height,
            reference=HeightReference.HAE,
            sigma_m=floor if sigma is None else max(sigma, floor),
        )
    if "rtk" in values.get("AltitudeType", "").lower():
        findings.append(
            Finding(
                code="RTK_NOT_FIXED",
                severity=Severity.WARNING,
                message="AltitudeType says RTK, but RtkFlag says there was no RTK solution: the "
                "absolute altitude's datum is not known and it is not used; check the base "
                "station or network link",
            )
        )
        return None
    return AbsoluteHeight(
        height_m=height, reference=HeightReference.MSL, sigma_m=_BAROMETRIC_SIGMA_M
    )


def _horizontal(exif: Exif, values: dict[str, str], *, rtk: bool, fixed: bool) -> float | None:
    if not rtk:
        return gnss_sigma(exif.horizontal_error_m)
    stated = [number(values, "RtkStdLon"), number(values, "RtkStdLat")]
    return max([_RTK_FLOOR_M[fixed], *(value for value in stated if value is not None)])


def dji_calibration(exif: Exif, values: dict[str, str]) -> Calibration | None:
    """`DewarpData`, else `CalibratedFocalLength`; both in pixels of the picture when taken.

    DewarpData is "date;fx,fy,cx,cy,k1,k2,p1,p2,k3" with the centre counted from the middle of the
    photograph. Where DewarpFlag says that the camera has undistorted already, its distortion is
    gone from the picture.
    """
    size = _size(exif, values)
    if size is None:
        return None
    width, height = size
    figures = _figures(values.get("DewarpData", ""))
    if figures is not None and _believable(figures[0], width) and _believable(figures[1], width):
        fx, fy, cx, cy, k1, k2, p1, p2, k3 = figures
        dewarped = number(values, "DewarpFlag") == 1.0
        return Calibration(
            intrinsics=Intrinsics(
                width_px=width,
                height_px=height,
                fx_px=fx,
                fy_px=fy,
                cx_px=width / 2 + (0.0 if dewarped else cx),
                cy_px=height / 2 + (0.0 if dewarped else cy),
                distortion=Distortion()
                if dewarped
                else Distortion(k1=k1, k2=k2, p1=p1, p2=p2, k3=k3),
            ),
            focal_sigma=0.005 if dewarped else 0.001,
            source="calibration of this camera in its metadata (DewarpData)",
        )
    focal = number(values, "CalibratedFocalLength")
    if focal is None or not _believable(focal, width):
        return None
    return Calibration(
        intrinsics=centred(width, height, focal, focal),
        focal_sigma=0.01,
        source="design focal length in the metadata (CalibratedFocalLength)",
    )


def _size(exif: Exif, values: dict[str, str]) -> tuple[int, int] | None:
    """The size when taken; where software lost the EXIF, twice the design optical centre."""
    if exif.width_px is not None and exif.height_px is not None:
        return exif.width_px, exif.height_px
    x = number(values, "CalibratedOpticalCenterX")
    y = number(values, "CalibratedOpticalCenterY")
    if x is None or y is None or x < 1.0 or y < 1.0:
        return None
    return round(2 * x), round(2 * y)


def _figures(text: str) -> tuple[float, ...] | None:
    try:
        figures = tuple(
            float(part) for part in re.split(r"[,\s]+", text.rsplit(";", 1)[-1].strip())
        )
    except ValueError:
        return None
    return figures if len(figures) == 9 and all(map(math.isfinite, figures)) else None


def _believable(focal_px: float, width_px: int) -> bool:
    """A field of view between 1.1 and 127 degrees; the rest are zeros and other units."""
    return 0.25 * width_px <= focal_px <= 50.0 * width_px
