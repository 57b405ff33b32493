"""Inner geometry of a camera as it was calibrated, and its fit to the file at hand.

Between sensor and file lie up to three steps: the camera crops (16:9 out of 4:3 keeps the width),
it enlarges the centre (digital zoom), and somebody resizes the file later. Each moves the focal
length in pixels and the principal point; distortion stands in normalised coordinates and stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pipelines.camera import Distortion, Intrinsics
from pipelines.outcome import Finding, Severity

# Makers round: 4056 x 2282 is 16:9 to 0.02 %, 844 rows of 1500 columns to 0.03 %.
_SAME_ASPECT = 0.005
_FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)
# Mean distance of a pixel from the centre of a 4:3 image, as a part of its diagonal.
_MEAN_RADIUS = 0.29


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Inner geometry for one size of image.

    Attributes:
        intrinsics: for that size.
        focal_sigma: one standard deviation of the focal length, as a part of it.
        source: where it comes from, for people.
    """

    intrinsics: Intrinsics
    focal_sigma: float
    source: str

    def pixel_sigma(self, pixel_px: float) -> float:
        """A pixel's sigma widened by what the focal length's error moves a pixel on average."""
        diagonal = math.hypot(self.intrinsics.width_px, self.intrinsics.height_px)
        return math.hypot(pixel_px, self.focal_sigma * _MEAN_RADIUS * diagonal)


def from_film_equivalent(focal_35mm: float, width_px: int, height_px: int) -> Calibration:
    """A camera of which only the 35 mm equivalent focal length is known.

    By CIPA DCG-001 the diagonals' fields of view are equal, so f = f35 * diagonal / 43.27 mm. The
    value is rounded to a millimetre, some makers compare widths instead, and the lens's distortion
    is not known: 3 % is what remains. Makers state it for the whole sensor; a picture of 16:9 is
    taken as the full width of a 4:3 one, whose diagonal is 1.25 widths, and then 5 % remains
    (known cameras: FC300S 1 %, Skydio 2 4 %; by the picture's own diagonal 7 and 5 %).
    """
    wide = max(width_px, height_px) > 1.6 * min(width_px, height_px)
    diagonal = 1.25 * max(width_px, height_px) if wide else math.hypot(width_px, height_px)
    focal = focal_35mm * diagonal / _FILM_DIAGONAL_MM
    return Calibration(
        intrinsics=centred(width_px, height_px, focal, focal),
        focal_sigma=0.05 if wide else 0.03,
        source="35 mm equivalent focal length",
    )


def centred(
    width_px: int, height_px: int, fx_px: float, fy_px: float, distortion: Distortion | None = None
) -> Intrinsics:
    """Intrinsics with the principal point in the centre of the image."""
    return Intrinsics(
        width_px=width_px,
        height_px=height_px,
        fx_px=fx_px,
        fy_px=fy_px,
        cx_px=width_px / 2,
        cy_px=height_px / 2,
        distortion=distortion or Distortion(),
    )


def fit(
    calibration: Calibration,
    *,
    shot: tuple[int, int],
    file: tuple[int, int],
    zoom: float,
) -> tuple[Calibration | None, tuple[Finding, ...]]:
    """The calibration for the file as it lies on disk.

    Args:
        calibration: for the size it was made at.
        shot: width and height of the picture when it was taken.
        file: width and height of the file now.
        zoom: digital zoom, 1 for none.

    Returns:
        The calibration, or None where the picture was turned, or cropped by somebody since.
    """
    findings: list[Finding] = []
    sensor = (calibration.intrinsics.width_px, calibration.intrinsics.height_px)
    if (sensor[0] - sensor[1]) * (shot[0] - shot[1]) < 0:
        return None, (
            Finding(
                code="SENSOR_TURNED",
                severity=Severity.ERROR,
                message=f"the picture is {shot[0]} x {shot[1]}, the sensor {sensor[0]} x "
                f"{sensor[1]}: which way it was turned is not told; take pictures wider than "
                "high, or state the camera in a pose file",
            ),
        )
    taken = _crop(calibration.intrinsics, shot, findings)
    if zoom > 1.0:
        taken = _zoomed(taken, zoom)
        findings.append(
            Finding(
                code="DIGITAL_ZOOM",
                severity=Severity.NOTE,
                message=f"digital zoom {zoom:g} is in the focal length",
            )
        )
    if shot == file:
        return replace(calibration, intrinsics=taken), tuple(findings)
    if not _same_aspect(shot, file):
        turned = _same_aspect((shot[1], shot[0]), file)
        findings.append(
            Finding(
                code="IMAGE_TURNED" if turned else "IMAGE_CROPPED",
                severity=Severity.ERROR,
                message=f"taken as {shot[0]} x {shot[1]}, but the file is {file[0]} x {file[1]}: "
                f"it was {'turned' if turned else 'cropped'} later; submit the original file, "
                "or a pose file with the camera of this one",
            )
        )
        return None, tuple(findings)
    findings.append(
        Finding(
            code="IMAGE_RESIZED",
            severity=Severity.NOTE,
            message=f"taken as {shot[0]} x {shot[1]} and resized to {file[0]} x {file[1]} later; "
            "the camera is scaled with it",
        )
    )
    return replace(calibration, intrinsics=resized(taken, file)), tuple(findings)


def same_aspect(intrinsics: Intrinsics, file: tuple[int, int]) -> bool:
    """Whether a file has the shape of the image these intrinsics are for."""
    return _same_aspect((intrinsics.width_px, intrinsics.height_px), file)


def resized(intrinsics: Intrinsics, file: tuple[int, int]) -> Intrinsics:
    """The same camera with its image resampled to another size of the same shape."""
    x, y = file[0] / intrinsics.width_px, file[1] / intrinsics.height_px
    return Intrinsics(
        width_px=file[0],
        height_px=file[1],
        fx_px=intrinsics.fx_px * x,
        fy_px=intrinsics.fy_px * y,
        cx_px=intrinsics.cx_px * x,
        cy_px=intrinsics.cy_px * y,
        distortion=intrinsics.distortion,
    )


def _same_aspect(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1.0) <= _SAME_ASPECT


def _crop(intrinsics: Intrinsics, shot: tuple[int, int], findings: list[Finding]) -> Intrinsics:
    """What the camera keeps of the calibrated image: scaled until it covers, centred."""
    width, height = intrinsics.width_px, intrinsics.height_px
    if shot == (width, height):
        return intrinsics
    if _same_aspect((width, height), shot):
        return resized(intrinsics, shot)
    scale = max(shot[0] / width, shot[1] / height)
    findings.append(
        Finding(
            code="SENSOR_CROPPED",
            severity=Severity.NOTE,
            message=f"the camera kept {shot[0]} x {shot[1]} of its {width} x {height}; "
            "the crop is taken as centred",
        )
    )
    return Intrinsics(
        width_px=shot[0],
        height_px=shot[1],
        fx_px=intrinsics.fx_px * scale,
        fy_px=intrinsics.fy_px * scale,
        cx_px=intrinsics.cx_px * scale - (width * scale - shot[0]) / 2,
        cy_px=intrinsics.cy_px * scale - (height * scale - shot[1]) / 2,
        distortion=intrinsics.distortion,
    )


def _zoomed(intrinsics: Intrinsics, zoom: float) -> Intrinsics:
    """The centre of the image, enlarged to its full size."""
    middle_x, middle_y = intrinsics.width_px / 2, intrinsics.height_px / 2
    return replace(
        intrinsics,
        fx_px=intrinsics.fx_px * zoom,
        fy_px=intrinsics.fy_px * zoom,
        cx_px=middle_x + (intrinsics.cx_px - middle_x) * zoom,
        cy_px=middle_y + (intrinsics.cy_px - middle_y) * zoom,
    )
