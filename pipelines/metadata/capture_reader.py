"""Reads how an image was taken: bytes to `Capture`.

The submitter's pose, where there is one, stands above the metadata; of these, each maker's own
reader knows the conventions; the pose check decides what is believed. Inner geometry comes, in
this order, from the pose file, from a calibration in the metadata, from the table of cameras, from
the 35 mm equivalent focal length; each next one with a wider error.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.errors import InvalidInputError
from pipelines.capture import Capture
from pipelines.imagery.media import read_header
from pipelines.metadata.alteration import (
    Alteration,
    find_alteration,
    turned_intrinsics,
    turned_pose,
)
from pipelines.metadata.calibration import (
    Calibration,
    fit,
    from_film_equivalent,
    resized,
    same_aspect,
)
from pipelines.metadata.camera_table import find_camera, is_fisheye
from pipelines.metadata.capture_time import capture_time
from pipelines.metadata.dji import read_dji
from pipelines.metadata.exif import Exif, read_exif
from pipelines.metadata.parrot import read_parrot
from pipelines.metadata.pose_check import DEFAULT_SIGMAS, CheckedPose, check_pose
from pipelines.metadata.pose_file import StatedPose, parse_pose
from pipelines.metadata.sensefly import read_sensefly
from pipelines.metadata.skydio import read_skydio
from pipelines.metadata.telemetry import Telemetry, gnss_sigma
from pipelines.metadata.xmp import Xmp, number, read_xmp
from pipelines.outcome import Finding, Outcome, Severity

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
# A calibration further than this from the 35 mm equivalent, which is rounded and compares
# diagonals or widths as makers like, belongs to another camera or mode.
_FOCAL_AGREEMENT = 1.3


def read_capture(
    data: bytes, *, stated_pose: str | None = None, stated_captured_at: datetime | None = None
) -> Capture:
    """How an image was taken; pixels are not decoded.

    Args:
        data: the file's bytes.
        stated_pose: the submitter's pose file (`pipelines.metadata.pose_file`), which wins.
        stated_captured_at: the submitter's capture time, aware; it wins, also over the pose
            file's.

    Raises:
        UnreadableImageError: the bytes are no image of a known kind, or have no header.
        InvalidInputError: the stated pose is not valid, or is of an image of another shape.
    """
    stated = None if stated_pose is None else parse_pose(stated_pose)
    header = read_header(data)
    exif = read_exif(header.exif)
    xmp = read_xmp(header.xmp)
    telemetry = _telemetry(exif, xmp)
    file = (header.width_px, header.height_px)
    # Software that loses the EXIF often keeps its copy in XMP.
    copied = xmp.group("tiff")
    make, model = exif.make or copied.get("Make"), exif.model or copied.get("Model")
    if stated is None:
        checked = check_pose(telemetry)
        calibration, notes = _from_metadata(exif, telemetry, file, make, model)
    else:
        make, model = stated.make or make, stated.model or model
        checked = _stated(stated)
        calibration, notes = _from_statement(stated, exif, telemetry, file, make, model)
    alteration = find_alteration(exif, file)
    pose = checked.pose
    if stated is None or stated.intrinsics is None:
        calibration = _altered(calibration, alteration)
    if stated is None and pose is not None and alteration.half_turn:
        pose = turned_pose(pose)
    captured_at, time_findings = capture_time(
        exif,
        stated=stated_captured_at or (stated.captured_at if stated else None),
        maker_utc=telemetry.utc,
    )
    findings = [
        *_header_findings(exif, xmp),
        *(telemetry.findings if stated is None else ()),
        *checked.findings,
        *notes,
        *(alteration.findings if stated is None else ()),
        *time_findings,
    ]
    outcome, sigmas = checked.outcome, checked.sigmas
    if calibration is None:
        outcome = Outcome.NO_INTRINSICS if outcome is Outcome.LOCATED else outcome
    elif sigmas.pixel_px == DEFAULT_SIGMAS.pixel_px:
        sigmas = replace(sigmas, pixel_px=calibration.pixel_sigma(sigmas.pixel_px))
    absolute = checked.absolute_height
    return Capture(
        width_px=header.width_px,
        height_px=header.height_px,
        make=make,
        model=model,
        captured_at=captured_at,
        pose=pose if outcome is Outcome.LOCATED else None,
        relative_height_m=checked.relative_height_m,
        intrinsics=None if calibration is None else calibration.intrinsics,
        sigmas=sigmas,
        outcome=outcome,
        findings=tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity))),
        absolute_height_m=None if absolute is None else absolute.height_m,
        absolute_height_reference=None if absolute is None else absolute.reference,
        absolute_height_sigma_m=None if absolute is None else absolute.sigma_m,
    )


def _telemetry(exif: Exif, xmp: Xmp) -> Telemetry:
    """By the maker whose properties are there."""
    if dji := xmp.group("drone-dji"):
        return read_dji(exif, dji)
    if skydio := xmp.group("drone-skydio"):
        return read_skydio(exif, skydio)
    if sensefly := xmp.group("sensefly"):
        return read_sensefly(exif, sensefly)
    parrot = xmp.group("drone-parrot")
    if parrot or (exif.make or "").upper() == "PARROT":
        return read_parrot(exif, parrot, xmp.group("camera"))
    return Telemetry(
        latitude_deg=exif.latitude_deg,
        longitude_deg=exif.longitude_deg,
        horizontal_sigma_m=gnss_sigma(exif.horizontal_error_m),
        findings=_foreign_attitude(xmp),
    )


def _altered(calibration: Calibration | None, alteration: Alteration) -> Calibration | None:
    """The calibration of a picture that was turned since."""
    if calibration is None or alteration.quarter_turn:
        return None
    if alteration.half_turn:
        return replace(calibration, intrinsics=turned_intrinsics(calibration.intrinsics))
    return calibration


def _foreign_attitude(xmp: Xmp) -> tuple[Finding, ...]:
    """Angles that some makers count from the horizon, some from the nadir, some of the aircraft."""
    if number(xmp.group("camera"), "Yaw", "Pitch", "Roll") is None:
        return ()
    return (
        Finding(
            code="ATTITUDE_OF_UNKNOWN_FRAME",
            severity=Severity.NOTE,
            message="Camera:Yaw, Pitch and Roll are there, but what they count from differs "
            "between makers and firmwares and is not known of this one; they are not used",
        ),
    )


def _stated(stated: StatedPose) -> CheckedPose:
    return CheckedPose(
        pose=stated.pose,
        outcome=Outcome.LOCATED,
        sigmas=stated.sigmas,
        relative_height_m=None,
        absolute_height=None,
        findings=(
            Finding(
                code="POSE_STATED",
                severity=Severity.NOTE,
                message="the pose is the submitter's; the metadata's is not used",
            ),
        ),
    )


def _from_statement(
    stated: StatedPose,
    exif: Exif,
    telemetry: Telemetry,
    file: tuple[int, int],
    make: str | None,
    model: str | None,
) -> tuple[Calibration | None, tuple[Finding, ...]]:
    if stated.intrinsics is None:
        return _from_metadata(exif, telemetry, file, make, model)
    intrinsics = stated.intrinsics
    if not same_aspect(intrinsics, file):
        raise InvalidInputError(
            f"the pose is of an image of {intrinsics.width_px} x {intrinsics.height_px} pixels, "
            f"the file has {file[0]} x {file[1]}: they differ in shape",
            field="camera.width_px",
        )
    calibration = Calibration(
        intrinsics=resized(intrinsics, file), focal_sigma=0.0, source="pose file"
    )
    if (intrinsics.width_px, intrinsics.height_px) == file:
        return calibration, ()
    return calibration, (
        Finding(
            code="IMAGE_RESIZED",
            severity=Severity.NOTE,
            message=f"the pose is of {intrinsics.width_px} x {intrinsics.height_px} pixels; its "
            f"camera is scaled to the file's {file[0]} x {file[1]}",
        ),
    )


def _from_metadata(
    exif: Exif, telemetry: Telemetry, file: tuple[int, int], make: str | None, model: str | None
) -> tuple[Calibration | None, tuple[Finding, ...]]:
    shot = file
    if exif.width_px is not None and exif.height_px is not None:
        shot = (exif.width_px, exif.height_px)
    notes: list[Finding] = []
    film = None
    pinhole = not (telemetry.cut_out or is_fisheye(make, model))
    if exif.focal_35mm is not None and pinhole:
        # The whole sensor's field of view, where the picture is a strip of it.
        film = from_film_equivalent(exif.focal_35mm, *shot)
    calibration = telemetry.calibration or find_camera(make, model, exif.focal_mm, shot[0])
    if telemetry.cut_out and calibration is None:
        notes.append(
            Finding(
                code="PICTURE_CUT_OUT",
                severity=Severity.NOTE,
                message="this camera cuts its pictures out of a fisheye image; the focal length "
                "in its EXIF is not theirs",
            )
        )
    if calibration is not None and film is not None and not _agree(calibration, film, shot):
        notes.append(
            Finding(
                code="FOCAL_LENGTHS_DISAGREE",
                severity=Severity.WARNING,
                message=f"the {calibration.source} contradicts the 35 mm equivalent of "
                f"{exif.focal_35mm:g} mm; the latter is used, with a wider error",
            )
        )
        calibration = None
    calibration = calibration or film
    if calibration is None:
        notes.append(
            Finding(
                code="NO_INTRINSICS",
                severity=Severity.ERROR,
                message=f"no focal length is known for camera {make or '?'} {model or '?'}; state "
                "camera.fx_px in a pose file",
            )
        )
        return None, tuple(notes)
    fitted, fit_notes = fit(calibration, shot=shot, file=file, zoom=exif.digital_zoom or 1.0)
    notes.append(
        Finding(
            code="INTRINSICS_SOURCE",
            severity=Severity.NOTE if calibration.focal_sigma <= 0.01 else Severity.WARNING,
            message=f"inner geometry from: {calibration.source}; focal length good to "
            f"{100 * calibration.focal_sigma:.1f} %",
        )
    )
    return fitted, (*notes, *fit_notes)


def _agree(calibration: Calibration, film: Calibration, shot: tuple[int, int]) -> bool:
    """Whether two focal lengths are of one camera, as parts of the image's width."""
    one = calibration.intrinsics.fx_px / calibration.intrinsics.width_px
    other = film.intrinsics.fx_px / shot[0]
    return 1 / _FOCAL_AGREEMENT <= one / other <= _FOCAL_AGREEMENT


def _header_findings(exif: Exif, xmp: Xmp) -> list[Finding]:
    findings = [
        Finding(code="EXIF_DAMAGED", severity=Severity.WARNING, message=fault)
        for fault in exif.faults
    ]
    findings += [
        Finding(code="XMP_DAMAGED", severity=Severity.WARNING, message=fault)
        for fault in xmp.faults
    ]
    if exif.orientation not in (None, 0, 1):
        findings.append(
            Finding(
                code="ORIENTATION_TAG",
                severity=Severity.NOTE,
                message=f"a viewer turns this picture (orientation {exif.orientation}); pixels "
                "count in the file as it lies on disk",
            )
        )
    return findings
