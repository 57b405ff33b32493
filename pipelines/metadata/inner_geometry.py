"""The inner geometry of a photograph, out of all that its metadata tell of it.

In this order: a calibration in the metadata, the table of cameras, the focal plane's resolution,
the 35 mm equivalent focal length; each next one with a wider error (where one is worse than the
last, that one is used), and none against the last by more than rounding. Digital zoom enlarges what
the lens drew, so it multiplies a focal length of the lens alone; whether a maker's focal length in
pixels or its 35 mm equivalent holds it already differs, and is believed only where another focal
length tells.
"""

from __future__ import annotations

import math
from dataclasses import replace

from pipelines.metadata.calibration import (
    Calibration,
    centred,
    fit,
    from_film_equivalent,
)
from pipelines.metadata.camera_table import find_camera, is_fisheye
from pipelines.metadata.exif import Exif
from pipelines.metadata.telemetry import Telemetry
from pipelines.outcome import Finding, Severity

Size = tuple[int, int]

# The 35 mm equivalent is rounded, compares diagonals or widths as makers like (4 % on 4:3), and
# says nothing of distortion; what is further off belongs to another camera or mode.
_FOCAL_AGREEMENT = 1.15
_ZOOM_AGREEMENT = 1.1
_LEAST_ZOOM, _LITTLE_ZOOM = 1.01, 1.05
# Hybrid zoom reaches 200; the rest is a value that was never set.
_MOST_ZOOM = 256.0


def find_inner_geometry(
    exif: Exif,
    telemetry: Telemetry,
    file: Size,
    make: str | None,
    model: str | None,
    *,
    any_way_up: bool = False,
) -> tuple[Calibration | None, tuple[Finding, ...]]:
    """The calibration for the file as it lies on disk, and what to tell of it.

    Args:
        exif: of the file.
        telemetry: what its maker's metadata say.
        file: width and height now.
        make: maker of the camera.
        model: model of the camera.
        any_way_up: the attitude is somebody's word on this picture as it lies, so that a picture
            higher than wide is not a turned one.

    Returns:
        None where it is not known, with a finding that is an error and says why.
    """
    shot = file
    if exif.width_px is not None and exif.height_px is not None:
        shot = (exif.width_px, exif.height_px)
    notes: list[Finding] = []
    if telemetry.fisheye or is_fisheye(make, model):
        return None, (
            _error(
                "FISHEYE_LENS",
                f"{make or '?'} {model or '?'} took a fisheye image, which no pinhole camera "
                "describes; take photographs in a rectilinear mode, or submit them rectified with "
                "a pose file that states the camera",
            ),
        )
    if telemetry.cut_out:
        return None, (
            _error(
                "PICTURE_CUT_OUT",
                "this camera cuts its pictures out of a fisheye image; the focal length in its "
                "EXIF is not theirs: state camera.fx_px in a pose file",
            ),
        )
    calibration, zoom = _choose(exif, telemetry, shot, make, model, notes)
    if calibration is None:
        return None, tuple(notes)
    inner = calibration.intrinsics
    if shot[1] > shot[0] and inner.height_px > inner.width_px and not any_way_up:
        # The only sizes are the picture's own: nothing tells which way the sensor lay.
        notes.append(
            _error(
                "SENSOR_TURNED",
                f"the picture is {shot[0]} x {shot[1]}, higher than wide: which way the camera "
                "was turned is not told; take pictures wider than high, or state the pose",
            )
        )
        return None, tuple(notes)
    notes.append(
        Finding(
            code="INTRINSICS_SOURCE",
            severity=Severity.NOTE if calibration.focal_sigma <= 0.01 else Severity.WARNING,
            message=f"inner geometry from: {calibration.source}; focal length good to "
            f"{100 * calibration.focal_sigma:.1f} %",
        )
    )
    fitted, fit_notes = fit(calibration, shot=shot, file=file, zoom=zoom)
    return fitted, (*notes, *fit_notes)


def _choose(
    exif: Exif,
    telemetry: Telemetry,
    shot: Size,
    make: str | None,
    model: str | None,
    notes: list[Finding],
) -> tuple[Calibration | None, float]:
    """A calibration for the sensor, and the digital zoom that it does not hold yet."""
    zoom = exif.digital_zoom or 1.0
    lens = find_camera(make, model, exif.focal_mm, shot, thermal=telemetry.thermal)
    film = None if exif.focal_35mm is None else from_film_equivalent(exif.focal_35mm, *shot)
    plane = _from_focal_plane(exif, shot)
    own = telemetry.calibration
    if zoom > _LEAST_ZOOM and telemetry.upscaled_zoom and _is_thermal(telemetry, shot):
        # Theta-Limited/OpenAthenaAndroid: Autel's EVO II 640T.
        notes.append(
            Finding(
                code="DIGITAL_ZOOM",
                severity=Severity.NOTE,
                message=f"digital zoom {zoom:g} of this thermal camera only adds pixels to the "
                "whole view; it is not in the focal length",
            )
        )
        zoom = 1.0
    if zoom > _LEAST_ZOOM:
        return _zoomed(zoom, own=own, lens=lens or plane, film=film, shot=shot, notes=notes)
    found = own or lens or plane
    if found is not None and film is not None and found.focal_sigma > film.focal_sigma:
        found = film
    if found is not None and film is not None and not _agree(found, film, shot):
        notes.append(
            Finding(
                code="FOCAL_LENGTHS_DISAGREE",
                severity=Severity.WARNING,
                message=f"the {found.source} contradicts the 35 mm equivalent of "
                f"{exif.focal_35mm:g} mm; the latter is used, with a wider error",
            )
        )
        # Two that disagree: the truth is likely one of them.
        found = replace(film, focal_sigma=max(film.focal_sigma, 0.06))
    found = found or film
    if found is None:
        notes.append(
            _error(
                "NO_INTRINSICS",
                f"no focal length is known for camera {make or '?'} {model or '?'}; state "
                "camera.fx_px in a pose file",
            )
        )
    return found, 1.0


def _zoomed(
    zoom: float,
    *,
    own: Calibration | None,
    lens: Calibration | None,
    film: Calibration | None,
    shot: Size,
    notes: list[Finding],
) -> tuple[Calibration | None, float]:
    """A focal length, and the zoom that it does not hold yet."""
    believable = zoom <= _MOST_ZOOM
    told = None
    if believable:
        told = (
            _told_by_each_other(zoom, own, film, shot)
            if lens is None
            else _told_by_lens(zoom, (own, film), lens, shot)
        )
    if told is not None:
        return told
    if lens is not None and believable:
        if own is None and film is None:
            return lens, zoom
        notes.append(
            Finding(
                code="FOCAL_LENGTHS_DISAGREE",
                severity=Severity.WARNING,
                message=f"the {lens.source} and the maker's focal lengths fit at no zoom; the "
                "former is used, with a wider error",
            )
        )
        return replace(lens, focal_sigma=max(lens.focal_sigma, 0.06)), zoom
    found = own or film
    if found is not None and zoom < _LITTLE_ZOOM:
        return replace(found, focal_sigma=math.hypot(found.focal_sigma, zoom - 1.0)), 1.0
    notes.append(
        _error(
            "ZOOM_UNRESOLVED",
            f"digital zoom {zoom:g}, and nothing tells whether the focal length holds it already; "
            "take photographs without digital zoom, or state camera.fx_px in a pose file",
        )
    )
    return None, 1.0


def _told_by_lens(
    zoom: float, candidates: tuple[Calibration | None, ...], lens: Calibration, shot: Size
) -> tuple[Calibration, float] | None:
    """The glass holds no zoom: what is as long holds none, what is longer by the zoom holds it."""
    for found in candidates:
        if found is None:
            continue
        ratio = _relative(found, shot) / _relative(lens, shot)
        if _near(ratio, zoom):
            return found, 1.0
        if _near(ratio, 1.0):
            return found, zoom
    return None


def _told_by_each_other(
    zoom: float, own: Calibration | None, film: Calibration | None, shot: Size
) -> tuple[Calibration, float] | None:
    """Two of the maker's that differ by the zoom: the longer one holds it."""
    if own is None or film is None or _near(zoom, 1.0):
        return None
    ratio = _relative(own, shot) / _relative(film, shot)
    if _near(ratio, zoom):
        return own, 1.0
    return (own, zoom) if _near(ratio, 1.0 / zoom) else None


def _from_focal_plane(exif: Exif, shot: Size) -> Calibration | None:
    """EXIF's focal length over its focal plane's resolution; 4 %, for rounding and distortion."""
    if exif.focal_mm is None or exif.focal_plane_per_mm is None:
        return None
    fx, fy = (exif.focal_mm * per_mm for per_mm in exif.focal_plane_per_mm)
    if not (0.25 * shot[0] <= fx <= 50.0 * shot[0] and abs(fx / fy - 1.0) < 0.05):
        return None
    return Calibration(
        intrinsics=centred(*shot, fx, fy),
        focal_sigma=0.04,
        source="focal length and focal plane resolution in EXIF",
    )


def _is_thermal(telemetry: Telemetry, shot: Size) -> bool:
    return telemetry.thermal or (telemetry.thermal is None and shot[0] * 4 == shot[1] * 5)


def _agree(one: Calibration, other: Calibration, shot: Size) -> bool:
    """Whether two focal lengths are of one camera."""
    return 1 / _FOCAL_AGREEMENT <= _relative(one, shot) / _relative(other, shot) <= _FOCAL_AGREEMENT


def _relative(calibration: Calibration, shot: Size) -> float:
    """The focal length in widths of the picture, which keeps the sensor's width or its height."""
    inner = calibration.intrinsics
    scale = max(shot[0] / inner.width_px, shot[1] / inner.height_px)
    return inner.fx_px * scale / shot[0]


def _near(one: float, other: float) -> bool:
    return 1 / _ZOOM_AGREEMENT <= one / other <= _ZOOM_AGREEMENT


def _error(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message)
