"""What drones fly over an area, and where their cameras truly are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.incident_world import Path
from pipelines.camera import Intrinsics
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import Sigmas

Floats = NDArray[np.float64]

FRAME_EVERY_S = 2.0
"""One frame of twelve megapixels every two seconds: what a mission's drones deliver."""


def _lens(width_px: int, height_px: int, focal_px: float) -> Intrinsics:
    return Intrinsics(
        width_px=width_px,
        height_px=height_px,
        fx_px=focal_px,
        fy_px=focal_px,
        cx_px=width_px / 2,
        cy_px=height_px / 2,
    )


WIDE = _lens(4000, 3000, 3000.0)
"""A survey camera: 67 degrees across, 2.7 cm a pixel from 80 m."""
TELE = _lens(4000, 3000, 9000.0)
"""The same at threefold zoom, as stares use it: 25 degrees across."""
THERMAL = _lens(640, 512, 1500.0)
"""The thermal camera of HIT-UAV as its cars measure: twice the focal length of its data sheet."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Flight:
    """One sortie as it is truly flown.

    Attributes:
        name: of the flight.
        contributor: who flies it.
        lens: inner geometry of its camera.
        thermal: whether it sees heat.
        time_s: (F,) of its frames, seconds of the day.
        place_m: (F, 3) east, north and height over the ground at the area's origin.
        yaw_deg: (F,) of the optical axis.
        pitch_deg: (F,) of the optical axis; -90 straight down.
        sigmas: what is stated of the errors of its poses.
        error_scale: how many times larger the true errors are.
        tells_time: whether its frames carry their time.
        late_s: frames arrive up to this much later than they are taken, each by its own delay.
        doubled: share of the frames that arrive a second time.
    """

    name: str
    contributor: str
    lens: Intrinsics
    thermal: bool
    time_s: Floats
    place_m: Floats
    yaw_deg: Floats
    pitch_deg: Floats
    sigmas: Sigmas = DEFAULT_SIGMAS
    error_scale: float = 1.0
    tells_time: bool = True
    late_s: float = 0.0
    doubled: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Course:
    """Where a camera is and looks, frame by frame; see `Flight`."""

    time_s: Floats
    place_m: Floats
    yaw_deg: Floats
    pitch_deg: Floats


def mapping(
    centre: ArrayLike, extent_m: float, begin_s: float, *, height_m: float, lines_m: float
) -> Course:
    """Straight lines to and fro over a square, looking down.

    Args:
        centre: (2,) of the square.
        extent_m: its side.
        begin_s: when the first frame is taken.
        height_m: over the ground.
        lines_m: between two lines.
    """
    east, north = np.asarray(centre, np.float64)
    half, ways = extent_m / 2, []
    for index, offset in enumerate(np.arange(-half, half + 1.0, lines_m)):
        ends = [(east - half, north + offset), (east + half, north + offset)]
        ways += ends if index % 2 == 0 else ends[::-1]
    return transit(np.array(ways), begin_s, height_m=height_m, speed_m_s=10.0, pitch_deg=-90.0)


def transit(
    way: Floats, begin_s: float, *, height_m: float, speed_m_s: float, pitch_deg: float
) -> Course:
    """Along a way (K, 2), looking ahead."""
    step = np.linalg.norm(np.diff(way, axis=0), axis=1)
    reached = np.concatenate([[0.0], np.cumsum(step)]) / speed_m_s
    time = np.arange(0.0, reached[-1], FRAME_EVERY_S)
    place = np.stack([np.interp(time, reached, way[:, axis]) for axis in (0, 1)], axis=1)
    leg = np.clip(np.searchsorted(reached, time, side="right") - 1, 0, len(step) - 1)
    ahead = np.diff(way, axis=0)[leg]
    return Course(
        time_s=begin_s + time,
        place_m=np.column_stack([place, np.full(len(time), height_m)]),
        yaw_deg=np.degrees(np.arctan2(ahead[:, 0], ahead[:, 1])),
        pitch_deg=np.full(len(time), pitch_deg),
    )


def stare(
    target: ArrayLike,
    begin_s: float,
    length_s: float,
    *,
    from_deg: float,
    away_m: float,
    height_m: float,
    sweep_deg: float = 0.0,
    drift_m: float = 3.0,
) -> Course:
    """Hovering, looking at a place from one side, and slowly to and fro across it.

    Args:
        target: (2,) what is looked at.
        begin_s: when the first frame is taken.
        length_s: how long.
        from_deg: bearing of the drone from the target.
        away_m: horizontal distance to it.
        height_m: over the ground.
        sweep_deg: half the angle that the camera swings across the target in two minutes.
        drift_m: how far the drone sways.
    """
    time = np.arange(0.0, length_s, FRAME_EVERY_S)
    turn = np.radians(from_deg)
    place = np.asarray(target, np.float64) + away_m * np.array([np.sin(turn), np.cos(turn)])
    sway = drift_m * np.column_stack([np.sin(time / 37.0), np.cos(time / 53.0)])
    return Course(
        time_s=begin_s + time,
        place_m=np.column_stack([place + sway, np.full(len(time), height_m)]),
        yaw_deg=from_deg + 180.0 + sweep_deg * np.sin(2.0 * np.pi * time / 120.0),
        pitch_deg=np.full(len(time), -float(np.degrees(np.arctan2(height_m, away_m)))),
    )


def follow(
    path: Path, begin_s: float, length_s: float, *, height_m: float, back_m: float
) -> Course:
    """Above and behind something that moves, looking at it and what lies ahead of it."""
    time = begin_s + np.arange(0.0, length_s, FRAME_EVERY_S)
    here, ahead = path.at(time), path.at(np.minimum(time + 20.0, path.time_s[-1]))
    way = ahead - here
    moving = np.linalg.norm(way, axis=1) > 1.0
    yaw = np.degrees(np.arctan2(way[:, 0], way[:, 1]))
    yaw = np.interp(time, time[moving], np.unwrap(yaw[moving], period=360.0))
    turn = np.radians(yaw)
    place = here - back_m * np.column_stack([np.sin(turn), np.cos(turn)])
    return Course(
        time_s=time,
        place_m=np.column_stack([place, np.full(len(time), height_m)]),
        yaw_deg=yaw,
        pitch_deg=np.full(len(time), -float(np.degrees(np.arctan2(height_m, 2.0 * back_m)))),
    )


def after_another(courses: Sequence[Course]) -> Course:
    """One course after the other, as one flight."""
    return Course(
        time_s=np.concatenate([one.time_s for one in courses]),
        place_m=np.concatenate([one.place_m for one in courses]),
        yaw_deg=np.concatenate([one.yaw_deg for one in courses]),
        pitch_deg=np.concatenate([one.pitch_deg for one in courses]),
    )
