"""Reads the `Camera` schema that Pix4D defined and several makers write.

Angles: `pipelines.metadata.attitude_frames.attitude_of_pix4d`. Not every maker keeps to them: of
two, Autel's EVO Lite 640T counts the pitch from the horizon (Theta-Limited/OpenAthenaIOS#62), and
Parrot's Disco writes the aircraft's. So they are believed of makers alone that are known to keep to
them, and each maker's reader says of which.

Source: Pix4D, "Specifications of xmp.camera tags" (article 360016450032).
"""

from __future__ import annotations

import math

from pipelines.camera import Distortion, Intrinsics
from pipelines.metadata.attitude_frames import attitude_of_pix4d
from pipelines.metadata.calibration import Calibration
from pipelines.metadata.exif import Exif
from pipelines.metadata.telemetry import Attitude
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity


def stated_angles(camera: dict[str, str]) -> tuple[float, float, float] | None:
    """Yaw, pitch and roll as they stand there; None unless all three do."""
    yaw, pitch, roll = (number(camera, name) for name in ("Yaw", "Pitch", "Roll"))
    if yaw is None or pitch is None or roll is None:
        return None
    return yaw, pitch, roll


def pix4d_attitude(camera: dict[str, str]) -> Attitude | None:
    """The camera's attitude, of a maker that keeps to the schema; None where it is not told."""
    angles = stated_angles(camera)
    return None if angles is None else attitude_of_pix4d(*angles)


def unknown_frame(camera: dict[str, str]) -> tuple[Finding, ...]:
    """What to tell of angles whose frame is not known of their maker; none where there are none."""
    angles = stated_angles(camera)
    if angles is None:
        return ()
    read = attitude_of_pix4d(*angles)
    return (
        Finding(
            code="ATTITUDE_OF_UNKNOWN_FRAME",
            severity=Severity.NOTE,
            message="Camera:Yaw, Pitch and Roll are there, but what they count from differs "
            "between makers and firmwares and is not known of this one; they are not used. If "
            f"the picture agrees with Pix4D's convention, yaw_deg {read.yaw_deg:.1f}, pitch_deg "
            f"{read.pitch_deg:.1f}, roll_deg {read.roll_deg:.1f}, state that in a pose file",
        ),
    )


def is_fisheye_model(camera: dict[str, str]) -> bool:
    """Whether the schema calls the picture a fisheye image."""
    return camera.get("ModelType", "").strip().lower() == "fisheye"


def pix4d_calibration(exif: Exif, camera: dict[str, str]) -> Calibration | None:
    """The perspective camera of the schema, in millimetres there; None where it is not told whole.

    R1, R2, R3, T1, T2 are Brown's k1, k2, k3, p1, p2 on normalised coordinates. The size of a pixel
    is that of EXIF's focal plane resolution.
    """
    focal_mm = number(camera, "PerspectiveFocalLength")
    centre = _numbers(camera.get("PrincipalPoint", ""), 2)
    units = camera.get("PerspectiveFocalLengthUnits", "mm").strip().lower()
    pixels_per_mm = exif.focal_plane_per_mm
    if (
        is_fisheye_model(camera)
        or focal_mm is None
        or centre is None
        or pixels_per_mm is None
        or exif.width_px is None
        or exif.height_px is None
        or units != "mm"
    ):
        return None
    per_x, per_y = pixels_per_mm
    width, height = exif.width_px, exif.height_px
    cx, cy = centre[0] * per_x, centre[1] * per_y
    fx, fy = focal_mm * per_x, focal_mm * per_y
    # Off the middle by more than a tenth it is of another size than the picture.
    if abs(cx - width / 2) > 0.1 * width or abs(cy - height / 2) > 0.1 * height:
        return None
    if not 0.25 * width <= fx <= 50.0 * width:
        return None
    lens = _numbers(camera.get("PerspectiveDistortion", ""), 5) or (0.0,) * 5
    return Calibration(
        intrinsics=Intrinsics(
            width_px=width,
            height_px=height,
            fx_px=fx,
            fy_px=fy,
            cx_px=cx,
            cy_px=cy,
            distortion=Distortion(k1=lens[0], k2=lens[1], k3=lens[2], p1=lens[3], p2=lens[4]),
        ),
        focal_sigma=0.01,
        source="perspective camera in its metadata (Camera schema)",
    )


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None
