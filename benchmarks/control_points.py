"""Clicked pixels of the Thunderstorm field test, and the surveyed points that were clicked.

The record (Theta-Limited/OA-Accuracy-Testing, MIT) does not say which control point a click is.
It is found here from the pattern of the clicks of one photograph: every way to lay two of them
onto two points of the survey is tried, the rest is assigned, and the camera's own errors (place,
yaw, pitch, height) are adjusted. A photograph counts where its best assignment fits the survey and
the next best is a hundred times less likely. How large the adjusted errors may be is left wide
(`_LOOSE`: two to three times what is found), so that the choice does not favour small errors.
"""

from __future__ import annotations

import csv
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipelines.camera import Distortion, Intrinsics
from pipelines.geometry.camera_height import Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import Places, locate
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose, Sigmas

Floats = NDArray[np.float64]

CLICKS_NEEDED = 4
"""Fewer clicks than this are no pattern."""

_GROUND_HAE_M = 1380.0
_LOOSE = np.array([6.0, 6.0, 5.0, 6.0, 2.0])
_CLICK_SIGMA_M = 1.5
_REACH_M = 40.0
_WORST_FIT, _LEAST_LEAD = 3.0, 9.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Click:
    """One clicked pixel.

    Attributes:
        photo: number of the photograph.
        pose: as recorded; its height is above the ground that the public tool had there.
        intrinsics: as recorded.
        pixel: x and y.
        noted: control point by the notes of the data; "" where they leave it open.
        tool_latitude_deg: where the public tool placed it.
        tool_longitude_deg: likewise.
    """

    photo: int
    pose: Pose
    intrinsics: Intrinsics
    pixel: tuple[float, float]
    noted: str
    tool_latitude_deg: float
    tool_longitude_deg: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The control points.

    Attributes:
        names: of N points.
        latitude_deg: (N,).
        longitude_deg: (N,).
    """

    names: tuple[str, ...]
    latitude_deg: Floats
    longitude_deg: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlPoints:
    """Clicks whose control point is known.

    Attributes:
        clicks: N of them.
        survey: all control points.
        point: (N,) index into the survey.
    """

    clicks: tuple[Click, ...]
    survey: Survey
    point: NDArray[np.intp]

    @property
    def photo(self) -> NDArray[np.intp]:
        """(N,) number of the photograph."""
        return np.array([click.photo for click in self.clicks])

    @property
    def noted(self) -> NDArray[np.bool_]:
        """(N,) whether the notes of the data name the point as well."""
        return np.array([bool(click.noted) for click in self.clicks])

    def errors_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """(N, 2) east and north of places (N,) from the survey, metres."""
        truth = self.survey.latitude_deg[self.point], self.survey.longitude_deg[self.point]
        azimuth, _, distance = pyproj.Geod(ellps="WGS84").inv(
            truth[1], truth[0], longitude_deg, latitude_deg
        )
        turn = np.radians(azimuth)
        return np.stack([distance * np.sin(turn), distance * np.cos(turn)], axis=1)


def read_survey(folder: Path) -> Survey:
    """The control points; the second that is called O4 in the file is the missing O5."""
    names: list[str] = []
    places = []
    with (folder / "gcps.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            name = row["Remarks"].strip()
            names.append("O5" if name == "O4" and "O4" in names else name)
            places.append((float(row["Latitude"]), float(row["Longitude"])))
    latitude, longitude = np.array(places).T
    return Survey(names=tuple(names), latitude_deg=latitude, longitude_deg=longitude)


def read_clicks(folder: Path) -> tuple[Click, ...]:
    """Every clicked pixel in the order of the file."""
    with (folder / "located.csv").open(encoding="utf-8-sig") as file:
        return tuple(_click(row) for row in csv.DictReader(file))


def _click(row: dict[str, str]) -> Click:
    width, height = int(row["imageWidth"]), int(row["imageLength"])
    return Click(
        photo=int(row["photo"]),
        pose=Pose(
            latitude_deg=float(row["droneLatitude"]),
            longitude_deg=float(row["droneLongitude"]),
            # Both are too high by the same amount, so that their difference is right.
            height_m=float(row["droneElevationHAE"]) - float(row["hae"]),
            height_reference=HeightReference.ABOVE_GROUND,
            yaw_deg=float(row["yaw_deg"]),
            pitch_deg=-float(row["cameraSlantAngleDeg"]),
            roll_deg=float(row["cameraRollAngleDeg"]),
        ),
        intrinsics=Intrinsics(
            width_px=width,
            height_px=height,
            fx_px=float(row["f_x"]),
            fy_px=float(row["f_y"]),
            cx_px=width / 2,
            cy_px=height / 2,
            distortion=Distortion(
                **{name: float(row[name]) for name in ("k1", "k2", "k3", "p1", "p2")}
            ),
        ),
        pixel=(
            float(row["imageSelectedProportionX"]) * width,
            float(row["imageSelectedProportionY"]) * height,
        ),
        noted=row["gcp"].strip(),
        tool_latitude_deg=float(row["lat"]),
        tool_longitude_deg=float(row["lon"]),
    )


def place(clicks: Sequence[Click], sigmas: Sigmas = DEFAULT_SIGMAS) -> Places:
    """Places of clicks over ground of stated height."""
    viewpoints = [_viewpoint(click.pose, click.intrinsics, sigmas) for click in clicks]
    return locate(
        viewpoints, np.arange(len(clicks)), np.array([click.pixel for click in clicks], np.float64)
    )


def _viewpoint(pose: Pose, intrinsics: Intrinsics, sigmas: Sigmas) -> Viewpoint:
    height = decide_height(
        stated_heights(pose, sigmas), TerrainSource(None), ground_hae_m=_GROUND_HAE_M
    )
    viewpoint = set_up(pose, intrinsics, sigmas, height)
    if isinstance(viewpoint, Unlocatable):
        raise SystemExit(f"a recorded pose cannot be located: {viewpoint.outcome}")
    return viewpoint


def known_control_points(folder: Path) -> ControlPoints:
    """The clicks whose control point follows from the pattern of their photograph."""
    survey = read_survey(folder)
    plane = pyproj.Proj(
        proj="aeqd",
        lat_0=float(survey.latitude_deg.mean()),
        lon_0=float(survey.longitude_deg.mean()),
        ellps="WGS84",
    )
    marks = np.stack(plane(survey.longitude_deg, survey.latitude_deg), axis=1)
    photographs: dict[int, list[Click]] = defaultdict(list)
    for click in read_clicks(folder):
        photographs[click.photo].append(click)
    clicks: list[Click] = []
    points: list[int] = []
    for of_photo in photographs.values():
        if len(of_photo) < CLICKS_NEEDED:
            continue
        found = _assignment(of_photo, marks, plane)
        if found is not None:
            clicks += of_photo
            points += found
    return ControlPoints(clicks=tuple(clicks), survey=survey, point=np.array(points, np.intp))


def _assignment(clicks: list[Click], marks: Floats, plane: pyproj.Proj) -> list[int] | None:
    """Indices of the marks that were clicked; None where that is not certain."""
    start, moves = _moves(clicks, plane)
    weights: dict[tuple[int, ...], float] = {}
    near = [np.flatnonzero(np.hypot(*(marks - one).T) < _REACH_M) for one in start]
    spread = np.hypot(*(start[:, None] - start[None]).transpose(2, 0, 1))
    pairs = sorted(itertools.combinations(range(len(clicks)), 2), key=lambda p: -spread[p])[:6]
    for first, second in pairs:
        for one, other in itertools.product(near[first], near[second]):
            ratio = np.hypot(*(marks[one] - marks[other])) / max(spread[first, second], 1.0)
            if one == other or not 0.7 < ratio < 1.4:
                continue
            pair = [first, second]
            errors, _ = _adjusted(start[pair], moves[pair], marks[[one, other]])
            for _ in range(3):
                laid = start + moves @ errors
                square = np.sum((laid[:, None] - marks[None]) ** 2, axis=2)
                _, chosen = linear_sum_assignment(np.minimum(square, (_REACH_M / 2) ** 2))
                errors, misfit = _adjusted(start, moves, marks[chosen])
            key = tuple(int(index) for index in chosen)
            weights[key] = min(misfit, weights.get(key, np.inf))
    ranked = sorted(weights.items(), key=lambda item: item[1])
    if not ranked or ranked[0][1] > _WORST_FIT * len(clicks):
        return None
    if len(ranked) > 1 and ranked[1][1] - ranked[0][1] < _LEAST_LEAD:
        return None
    return list(ranked[0][0])


def _moves(clicks: list[Click], plane: pyproj.Proj) -> tuple[Floats, Floats]:
    """Places (N, 2) in a plane, and how they move with each loose sigma (N, 2, 5)."""

    def placed(changed: list[Click]) -> Floats:
        places = place(changed)
        east, north = plane(places.longitude_deg, places.latitude_deg)
        return np.stack([east, north], axis=1)

    start = placed(clicks)
    columns = [np.tile(unit, (len(clicks), 1)) for unit in np.eye(2)]
    for name, step in (("height_m", 0.5), ("yaw_deg", 0.1), ("pitch_deg", 0.1)):
        changed = [
            replace(click, pose=replace(click.pose, **{name: getattr(click.pose, name) + step}))
            for click in clicks
        ]
        columns.append((placed(changed) - start) / step)
    return start, np.stack(columns, axis=2) * _LOOSE


def _adjusted(start: Floats, moves: Floats, marks: Floats) -> tuple[Floats, float]:
    """Errors of the camera in loose sigmas that lay places onto marks, and what is left (chi2)."""
    design = moves.reshape(-1, moves.shape[2]) / _CLICK_SIGMA_M
    gap = (marks - start).reshape(-1) / _CLICK_SIGMA_M
    normal = design.T @ design + np.eye(len(_LOOSE))
    errors = np.asarray(np.linalg.solve(normal, design.T @ gap), np.float64)
    return errors, float(np.sum((gap - design @ errors) ** 2) + errors @ errors)
