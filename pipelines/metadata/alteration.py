"""What software did to a file after the camera had written it, where the file tells.

Turning, cropping and resizing leave the pose in the metadata as it was and make it wrong for the
picture. Sizes tell of a resize, a crop and a quarter turn. Half a turn keeps the size: only the
name of the program is left to tell. Windows Photo Viewer is the one that turns photographs and
changes nothing else, so a file that bears its name and has kept its shape was turned by half:
four frames of OpenDroneMap's brighton_beach bear it, and features matched with the two others show
them turned by 180 degrees (less 3 to 6 of the compass's; the ground then agrees to 2-5 m, not 30).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.camera import Intrinsics
from pipelines.metadata.exif import Exif
from pipelines.outcome import Finding, Severity
from pipelines.pose import Pose

_TURNS_ONLY = "windows photo viewer"
_EDITORS = (
    "photoshop",
    "lightroom",
    "gimp",
    "paint",
    "photo viewer",
    "photo gallery",
    "photos",
    "picasa",
    "irfanview",
    "snapseed",
    "acdsee",
    "imagemagick",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alteration:
    """What is known of it.

    Attributes:
        half_turn: the picture was turned by 180 degrees.
        quarter_turn: it was turned by 90 degrees, which way is not told.
        findings: what to tell.
    """

    half_turn: bool
    quarter_turn: bool
    findings: tuple[Finding, ...]


def find_alteration(exif: Exif, file: tuple[int, int]) -> Alteration:
    """What software did to a file of this width and height since it was taken."""
    software = exif.software or ""
    if _TURNS_ONLY in software.lower():
        # Cameras of aircraft take pictures wider than high.
        quarter = file[1] > file[0]
        turn = "by 90 degrees, which way it does not say" if quarter else "by 180 degrees"
        remedy = (
            "submit the original file"
            if quarter
            else "the attitude is turned with it; better submit the original file"
        )
        return Alteration(
            half_turn=not quarter,
            quarter_turn=quarter,
            findings=(
                Finding(
                    code="IMAGE_TURNED",
                    severity=Severity.ERROR if quarter else Severity.WARNING,
                    message=f"{software} turned this picture {turn}: {remedy}",
                ),
            ),
        )
    if any(name in software.lower() for name in _EDITORS):
        return Alteration(
            half_turn=False,
            quarter_turn=False,
            findings=(
                Finding(
                    code="SAVED_BY_EDITOR",
                    severity=Severity.NOTE,
                    message=f"saved by {software} after it was taken; a crop that kept its shape, "
                    "or half a turn, would not show: better submit the original file",
                ),
            ),
        )
    return Alteration(half_turn=False, quarter_turn=False, findings=())


def turned_pose(pose: Pose) -> Pose:
    """The pose of the camera that would have taken the picture turned by half."""
    return replace(pose, roll_deg=(pose.roll_deg + 360.0) % 360.0 - 180.0)


def turned_intrinsics(intrinsics: Intrinsics) -> Intrinsics:
    """Its inner geometry: both image axes change sign, so the tangential distortion does too."""
    lens = intrinsics.distortion
    return replace(
        intrinsics,
        cx_px=intrinsics.width_px - intrinsics.cx_px,
        cy_px=intrinsics.height_px - intrinsics.cy_px,
        distortion=replace(lens, p1=-lens.p1, p2=-lens.p2),
    )
