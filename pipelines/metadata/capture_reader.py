"""Reads how an image was taken: bytes to `Capture`.

The submitter's pose, where there is one, stands above the metadata; of these, each maker's own
reader knows the conventions; the pose check decides what is believed. Inner geometry comes from
the pose file, else from what the metadata tell (`pipelines.metadata.inner_geometry`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.errors import InvalidInputError
from pipelines.camera import Intrinsics
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
    resized,
    same_aspect,
)
from pipelines.metadata.capture_time import capture_time, position_age
from pipelines.metadata.exif import Exif, read_exif
from pipelines.metadata.inner_geometry import find_inner_geometry
from pipelines.metadata.makers import read_telemetry
from pipelines.metadata.pose_check import DEFAULT_SIGMAS, CheckedPose, check_pose
from pipelines.metadata.pose_file import StatedPose, parse_pose
from pipelines.metadata.spectrum import is_thermal
from pipelines.metadata.telemetry import Telemetry
from pipelines.metadata.xmp import Xmp, read_xmp
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.pose import Sigmas

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def read_capture(
    data: bytes,
    *,
    stated_pose: str | None = None,
    stated_captured_at: datetime | None = None,
    terrain_sigma_m: float | None = None,
) -> Capture:
    """How an image was taken; pixels are not decoded.

    Args:
        data: the file's bytes.
        stated_pose: the submitter's pose file (`pipelines.metadata.pose_file`), which wins.
        stated_captured_at: the submitter's capture time, aware; it wins, also over the pose
            file's.
        terrain_sigma_m: one standard deviation of the terrain's height where the pose file states
            none; None for the default.

    Raises:
        UnreadableImageError: the bytes are no image of a known kind, or have no header.
        InvalidInputError: the stated pose is not valid, or is of an image of another shape.
    """
    defaults = DEFAULT_SIGMAS
    if terrain_sigma_m is not None:
        defaults = replace(defaults, terrain_m=terrain_sigma_m)
    stated = None if stated_pose is None else parse_pose(stated_pose, defaults=defaults)
    header = read_header(data)
    exif = read_exif(header.exif)
    xmp = read_xmp(header.xmp)
    file = (header.width_px, header.height_px)
    # Software that loses the EXIF often keeps its copy in XMP.
    copied = xmp.group("tiff")
    make, model = exif.make or copied.get("Make"), exif.model or copied.get("Model")
    telemetry = replace(read_telemetry(exif, xmp, make, model), position_age_s=position_age(exif))
    if stated is None:
        checked = check_pose(telemetry, elsewhere=(exif.latitude_deg, exif.longitude_deg))
        calibration, notes = find_inner_geometry(exif, telemetry, file, make, model)
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
    if stated is None:
        # No metadata tell of the terrain.
        sigmas = replace(sigmas, terrain_m=defaults.terrain_m)
    if calibration is None:
        outcome = Outcome.NO_INTRINSICS if outcome is Outcome.LOCATED else outcome
    else:
        sigmas = _with_lens(sigmas, calibration)
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
        thermal=is_thermal(make, model, xmp) if telemetry.thermal is None else telemetry.thermal,
    )


def stated_camera(
    stated: StatedPose,
) -> tuple[Intrinsics | None, Sigmas, tuple[Finding, ...]]:
    """The inner geometry that a pose file tells without any image, sigmas, and what to know of it.

    A camera of which only maker and model are stated is looked up for the size stated, as it is for
    an image without metadata.
    """
    if stated.intrinsics is not None:
        return stated.intrinsics, stated.sigmas, ()
    if stated.size_px is None:
        finding = Finding(
            code="NO_INTRINSICS",
            severity=Severity.ERROR,
            message="without an image, state camera.fx_px with camera.width_px and "
            "camera.height_px; or camera.make and camera.model with both sizes",
        )
        return None, stated.sigmas, (finding,)
    calibration, findings = find_inner_geometry(
        Exif(), Telemetry(), stated.size_px, stated.make, stated.model, any_way_up=True
    )
    if calibration is None:
        return None, stated.sigmas, findings
    return calibration.intrinsics, _with_lens(stated.sigmas, calibration), findings


def _with_lens(sigmas: Sigmas, calibration: Calibration) -> Sigmas:
    """The pixel's sigma widened by the focal length's, unless somebody stated another."""
    if sigmas.pixel_px != DEFAULT_SIGMAS.pixel_px:
        return sigmas
    return replace(sigmas, pixel_px=calibration.pixel_sigma(sigmas.pixel_px))


def _altered(calibration: Calibration | None, alteration: Alteration) -> Calibration | None:
    """The calibration of a picture that was turned since."""
    if calibration is None or alteration.quarter_turn:
        return None
    if alteration.half_turn:
        return replace(calibration, intrinsics=turned_intrinsics(calibration.intrinsics))
    return calibration


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
        return find_inner_geometry(exif, telemetry, file, make, model, any_way_up=True)
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
