"""Pixels to places by JSON lines: many poses, many pixels, one line out for each line in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any, NoReturn

import numpy as np

from models.errors import InvalidInputError
from pipelines.geometry.camera_height import Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import ground_points, locate
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.ground import GroundPoint
from pipelines.metadata.capture_reader import stated_camera
from pipelines.metadata.pose_file import each_once, finite_number, parse_pose
from pipelines.outcome import Outcome

_LINES_AT_ONCE = 20_000
_KEYS = frozenset({"id", "pose", "pixel", "ground_hae_m"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """One line that can be answered."""

    identifier: object
    viewpoint: Viewpoint | Unlocatable
    pixel: tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refused:
    """One line that cannot."""

    identifier: object
    line: int
    error: InvalidInputError


def answer_lines(lines: Iterable[str], source: TerrainSource) -> Iterator[dict[str, Any]]:
    """One answer for each line that is not blank, in their order.

    A line that cannot be read is answered with its `id`, its number and `error` (`field` and
    `reason`); the others go on. Lines are worked on in blocks, so that a file of any length is
    answered in bounded memory, and equal poses are set up once a block.

    Args:
        lines: JSON objects of `id`, `pose`, `pixel` and, in place of an elevation model,
            `ground_hae_m`.
        source: elevation models.
    """
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    while block := list(islice(numbered, _LINES_AT_ONCE)):
        viewpoints: dict[str, Viewpoint | Unlocatable] = {}
        yield from _answers([_read(line, number, source, viewpoints) for number, line in block])


def _answers(block: list[_Asked | _Refused]) -> Iterator[dict[str, Any]]:
    cameras: dict[int, int] = {}
    viewpoints: list[Viewpoint] = []
    station: list[int] = []
    pixels: list[tuple[float, float]] = []
    for item in block:
        if isinstance(item, _Asked) and isinstance(item.viewpoint, Viewpoint):
            key = id(item.viewpoint)
            if key not in cameras:
                cameras[key] = len(viewpoints)
                viewpoints.append(item.viewpoint)
            station.append(cameras[key])
            pixels.append(item.pixel)
    points: Iterator[GroundPoint] = iter(())
    if pixels:
        index = np.array(station, np.intp)
        places = locate(viewpoints, index, np.array(pixels, np.float64))
        points = iter(ground_points(places, viewpoints, index))
    for item in block:
        if isinstance(item, _Refused):
            yield {
                "id": item.identifier,
                "line": item.line,
                "error": {"field": item.error.field, "reason": str(item.error)},
            }
        else:
            viewpoint = item.viewpoint
            point = (
                GroundPoint(outcome=viewpoint.outcome)
                if isinstance(viewpoint, Unlocatable)
                else next(points)
            )
            yield {
                "id": item.identifier,
                **document(point),
                "findings": [asdict(one) for one in viewpoint.findings],
            }


def _read(
    line: str, number: int, source: TerrainSource, viewpoints: dict[str, Viewpoint | Unlocatable]
) -> _Asked | _Refused:
    identifier: object = None
    try:
        values = _object(line)
        identifier = values.get("id")
        for key in values:
            if key not in _KEYS:
                _refuse(key, f"is not known here; known are {', '.join(sorted(_KEYS))}")
        pixel = _pixel(values.get("pixel"))
        ground = values.get("ground_hae_m")
        if ground is not None:
            ground = finite_number(ground, "ground_hae_m")
            if not -1000.0 <= ground <= 10_000.0:
                _refuse("ground_hae_m", f"must be from -1000 to 10000, not {ground:g}")
        if values.get("pose") is None:
            _refuse("pose", "is required")
        key = json.dumps([values["pose"], ground])
        viewpoint = viewpoints.get(key)
        if viewpoint is None:
            viewpoint = _viewpoint(values["pose"], ground, source)
            viewpoints[key] = viewpoint
        return _Asked(identifier=identifier, viewpoint=viewpoint, pixel=pixel)
    except InvalidInputError as error:
        return _Refused(identifier=identifier, line=number, error=error)


def _viewpoint(
    pose: Any, ground_hae_m: float | None, source: TerrainSource
) -> Viewpoint | Unlocatable:
    try:
        stated = parse_pose(pose)
    except InvalidInputError as error:
        raise InvalidInputError(str(error), field=f"pose.{error.field}".rstrip(".")) from error
    intrinsics, sigmas, findings = stated_camera(stated)
    if intrinsics is None:
        return Unlocatable(outcome=Outcome.NO_INTRINSICS, findings=findings)
    height = decide_height(stated_heights(stated.pose, sigmas), source, ground_hae_m=ground_hae_m)
    viewpoint = set_up(stated.pose, intrinsics, sigmas, height)
    return replace(viewpoint, findings=(*viewpoint.findings, *findings))


def _object(line: str) -> dict[str, Any]:
    try:
        values = json.loads(
            line,
            object_pairs_hook=each_once,
            parse_constant=lambda name: _refuse("", f"the line holds {name}"),
        )
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"the line is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InvalidInputError("the line is not a JSON object")
    return values


def _pixel(value: object) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        _refuse("pixel", "must be [x, y]")
    return finite_number(value[0], "pixel"), finite_number(value[1], "pixel")


def _refuse(field: str, reason: str) -> NoReturn:
    raise InvalidInputError(f"{field} {reason}".strip(), field=field)


def document(point: GroundPoint) -> dict[str, Any]:
    """A place as JSON; figures that are not known are null.

    Degrees are given to a tenth of a millimetre, lengths to a tenth of one.
    """
    covariance = point.covariance_enu_m2
    return {
        "outcome": point.outcome.value,
        "latitude_deg": _rounded(point.latitude_deg, 9),
        "longitude_deg": _rounded(point.longitude_deg, 9),
        "hae_m": _rounded(point.hae_m, 4),
        "ce90_m": _rounded(point.ce90_m, 4),
        "le90_m": _rounded(point.le90_m, 4),
        "covariance_enu_m2": None if covariance is None else covariance.round(6).tolist(),
        "slant_range_m": _rounded(point.slant_range_m, 4),
        "depression_deg": _rounded(point.depression_deg, 4),
        "terrain": point.terrain or None,
        "occlusion_risk": point.occlusion_risk,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
