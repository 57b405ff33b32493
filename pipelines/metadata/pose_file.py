"""The pose file: a submitter's word on where a camera was and where it looked.

A JSON object. `docs/reference.md` ("Pose format") tells its keys and what is assumed of those that
are left out or null.

With `camera.fx_px`, the size it is for (`camera.width_px` and `camera.height_px`) is required: a
focal length in pixels means nothing without it. A key that is not of this list is refused, so
that a misspelt one is never silently ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, NoReturn

from models.errors import InvalidInputError
from pipelines.camera import Distortion, Intrinsics
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose, Sigmas

_MAX_TEXT = 65_536
_REQUIRED = (
    "latitude_deg",
    "longitude_deg",
    "height_m",
    "height_reference",
    "yaw_deg",
    "pitch_deg",
)
_OPTIONAL = ("roll_deg", "camera", "sigmas", "captured_at")
_CAMERA = (
    "make",
    "model",
    "width_px",
    "height_px",
    "fx_px",
    "fy_px",
    "cx_px",
    "cy_px",
    "distortion",
)
_DISTORTION = tuple(field.name for field in fields(Distortion))
_SIGMAS = tuple(field.name for field in fields(Sigmas))
# No aircraft that photographs the ground for us flies higher; no ground lies lower.
_LOWEST_M, _HIGHEST_M = -500.0, 100_000.0
_MAX_SIDE_PX = 1_000_000
_MAX_SIGMA = 100_000.0
_MAX_COEFFICIENT = 1_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedPose:
    """A pose file, checked.

    Attributes:
        pose: position and attitude.
        intrinsics: inner geometry for the size the file states; None where it states none.
        sigmas: one standard deviation of each input, defaults filled in.
        captured_at: aware UTC time; None where it states none.
        make: maker of the camera; None where it states none.
        model: model of the camera; None where it states none.
        size_px: width and height of the image it is for; None where it states none.
    """

    pose: Pose
    intrinsics: Intrinsics | None
    sigmas: Sigmas
    captured_at: datetime | None
    make: str | None
    model: str | None
    size_px: tuple[int, int] | None = None


def parse_pose(source: str | Mapping[str, Any], *, defaults: Sigmas = DEFAULT_SIGMAS) -> StatedPose:
    """Read a pose file, or the object it holds.

    Args:
        source: its text, or the object.
        defaults: sigmas that it does not state.

    Raises:
        InvalidInputError: naming the dotted field at fault, for example "camera.fx_px".
    """
    values = _object(_load(source) if isinstance(source, str) else source, "")
    _keys(values, (*_REQUIRED, *_OPTIONAL), "")
    for name in _REQUIRED:
        if values.get(name) is None:
            _refuse(name, "is required")
    reference = _reference(values["height_reference"])
    lowest = 0.0 if reference is HeightReference.ABOVE_GROUND else _LOWEST_M
    pose = Pose(
        latitude_deg=_number(values, "latitude_deg", "", -90.0, 90.0),
        longitude_deg=_number(values, "longitude_deg", "", -180.0, 180.0),
        height_m=_number(values, "height_m", "", lowest, _HIGHEST_M),
        height_reference=reference,
        yaw_deg=_number(values, "yaw_deg", "", -360.0, 360.0),
        pitch_deg=_number(values, "pitch_deg", "", -90.0, 90.0),
        roll_deg=_number(values, "roll_deg", "", -180.0, 180.0, default=0.0),
    )
    camera = values.get("camera")
    make, model, intrinsics = _camera(camera)
    return StatedPose(
        pose=pose,
        intrinsics=intrinsics,
        sigmas=_sigmas(values.get("sigmas"), defaults),
        captured_at=_time(values.get("captured_at")),
        make=make,
        model=model,
        size_px=None if camera is None else _size(camera),
    )


def _load(text: str) -> object:
    """JSON as it is meant: no NaN, no key twice, no endless nesting."""
    if len(text) > _MAX_TEXT:
        _refuse("", f"is longer than {_MAX_TEXT} characters")
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=each_once,
            parse_constant=lambda name: _refuse("", f"holds {name}"),
        )
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"the pose is not JSON: {error}") from error
    except (RecursionError, ValueError) as error:
        raise InvalidInputError("the pose is not JSON of a usual size and depth") from error
    return value


def each_once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """A JSON object out of its pairs, for `json.loads`.

    Raises:
        InvalidInputError: a key is given twice: which of the two is meant cannot be told.
    """
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            _refuse(key, "is given twice")
        result[key] = value
    return result


def _refuse(field: str, reason: str) -> NoReturn:
    named = f"{field} {reason}" if field else f"the pose {reason}"
    raise InvalidInputError(named, field=field)


def _object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        _refuse(field, "must be a JSON object")
    return value


def _keys(values: Mapping[str, Any], known: tuple[str, ...], prefix: str) -> None:
    for key in values:
        if key not in known:
            _refuse(f"{prefix}{key}", f"is not known here; known are {', '.join(known)}")


def _number(
    values: Mapping[str, Any],
    name: str,
    prefix: str,
    low: float,
    high: float,
    *,
    default: float | None = None,
) -> float:
    """A number within its range."""
    field = prefix + name
    value = values.get(name)
    if value is None:
        return _refuse(field, "is required") if default is None else default
    number = finite_number(value, field)
    if not low <= number <= high:
        _refuse(field, f"must be from {low:g} to {high:g}, not {number:g}")
    return number


def finite_number(value: object, field: str) -> float:
    """A number of JSON; booleans and texts are none.

    Raises:
        InvalidInputError: naming the field.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(field, "must be a number")
    try:
        number = float(value)
    except OverflowError:
        _refuse(field, "is too large")
    if not math.isfinite(number):
        _refuse(field, "must be finite")
    return number


def _above_zero(
    values: Mapping[str, Any], name: str, prefix: str, *, default: float | None = None
) -> float:
    number = _number(values, name, prefix, 0.0, math.inf, default=default)
    if number == 0.0:
        _refuse(prefix + name, "must be above 0")
    return number


def _text(values: Mapping[str, Any], name: str, prefix: str) -> str | None:
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 200:
        _refuse(prefix + name, "must be a text of at most 200 characters")
    return value.strip() or None


def _side(values: Mapping[str, Any], name: str, prefix: str) -> int:
    value = _number(values, name, prefix, 1, _MAX_SIDE_PX)
    if value != int(value):
        _refuse(prefix + name, "must be a whole number of pixels")
    return int(value)


def _size(camera: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height of the image; None where neither is stated."""
    names = ("width_px", "height_px")
    if all(camera.get(name) is None for name in names):
        return None
    width, height = (_side(camera, name, "camera.") for name in names)
    return width, height


def _reference(value: object) -> HeightReference:
    known = [reference.value for reference in HeightReference]
    if not isinstance(value, str) or value not in known:
        _refuse("height_reference", f"must be one of {', '.join(known)}")
    return HeightReference(value)


def _camera(value: object) -> tuple[str | None, str | None, Intrinsics | None]:
    if value is None:
        return None, None, None
    prefix = "camera."
    values = _object(value, "camera")
    _keys(values, _CAMERA, prefix)
    make = _text(values, "make", prefix)
    model = _text(values, "model", prefix)
    if values.get("fx_px") is None:
        for name in ("fy_px", "cx_px", "cy_px", "distortion"):
            if values.get(name) is not None:
                _refuse("camera.fx_px", f"is required where camera.{name} is given")
        return make, model, None
    if (size := _size(values)) is None:
        _refuse("camera.width_px", "and camera.height_px are required with camera.fx_px")
    width, height = size
    fx = _above_zero(values, "fx_px", prefix)
    # A crop may put the principal point outside the image, but not by whole images.
    return (
        make,
        model,
        Intrinsics(
            width_px=width,
            height_px=height,
            fx_px=fx,
            fy_px=_above_zero(values, "fy_px", prefix, default=fx),
            cx_px=_number(values, "cx_px", prefix, -width, 2.0 * width, default=width / 2),
            cy_px=_number(values, "cy_px", prefix, -height, 2.0 * height, default=height / 2),
            distortion=_distortion(values.get("distortion")),
        ),
    )


def _distortion(value: object) -> Distortion:
    if value is None:
        return Distortion()
    prefix = "camera.distortion."
    values = _object(value, "camera.distortion")
    _keys(values, _DISTORTION, prefix)
    limit = _MAX_COEFFICIENT
    return Distortion(
        **{name: _number(values, name, prefix, -limit, limit, default=0.0) for name in _DISTORTION}
    )


def _sigmas(value: object, defaults: Sigmas) -> Sigmas:
    if value is None:
        return defaults
    values = _object(value, "sigmas")
    _keys(values, _SIGMAS, "sigmas.")
    return Sigmas(
        **{
            name: _number(values, name, "sigmas.", 0.0, _MAX_SIGMA, default=getattr(defaults, name))
            for name in _SIGMAS
        }
    )


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse("captured_at", "must be an ISO 8601 text, for example 2026-03-01T12:00:00Z")
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            _refuse("captured_at", 'needs a zone, for example "Z" or "+02:00"')
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            "captured_at must be an ISO 8601 text, for example 2026-03-01T12:00:00Z",
            field="captured_at",
        ) from error
