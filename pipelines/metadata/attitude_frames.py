"""Attitudes told in other frames than ours, brought into that of `pipelines.pose.Pose`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipelines.camera import ned_from_camera
from pipelines.metadata.telemetry import Attitude

# Columns: the body's forward, right and down in a camera that looks along the body's forward.
_CAMERA_FROM_BODY = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def attitude_of_pix4d(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Attitude:
    """The attitude that Pix4D's yaw, pitch and roll describe.

    They turn a body (forward, right, down) whose camera looks along its *down* with the top of the
    picture forward: pitch 0 is nadir, 90 the horizon, and roll turns about the top of the picture,
    not about the optical axis. Source: Pix4D, "Yaw, Pitch, Roll and Omega, Phi, Kappa angles"
    (article 202558969). Parrot's documentation gives one attitude in both frames, and they agree.
    """
    body = _ned_from_body(yaw_deg, pitch_deg, roll_deg)
    return _attitude(np.column_stack([body[:, 1], -body[:, 0], body[:, 2]]))


def composed_attitude(platform: Attitude, mounted: Attitude) -> Attitude:
    """The attitude of a camera whose angles count from its platform's forward, right and down."""
    inner = ned_from_camera(mounted.yaw_deg, mounted.pitch_deg, mounted.roll_deg)
    outer = _ned_from_body(platform.yaw_deg, platform.pitch_deg, platform.roll_deg)
    return _attitude(outer @ inner)


def angle_between(one: Attitude, other: Attitude) -> float:
    """Degrees of the one rotation that carries one attitude into the other."""
    turn = ned_from_camera(one.yaw_deg, one.pitch_deg, one.roll_deg).T @ ned_from_camera(
        other.yaw_deg, other.pitch_deg, other.roll_deg
    )
    return math.degrees(math.acos(max(-1.0, min(1.0, (float(np.trace(turn)) - 1.0) / 2.0))))


def _ned_from_body(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Rotation of a body's forward, right and down, yaw first, then pitch (nose up), then roll."""
    rotation: NDArray[np.float64] = (
        ned_from_camera(yaw_deg, pitch_deg, roll_deg) @ _CAMERA_FROM_BODY
    )
    return rotation


def _attitude(ned: NDArray[np.float64]) -> Attitude:
    """Angles of a rotation with columns right, down, forward; at the nadir the roll is zero."""
    right, down, forward = ned[:, 0], ned[:, 1], ned[:, 2]
    pitch = math.asin(max(-1.0, min(1.0, float(-forward[2]))))
    if math.hypot(float(forward[0]), float(forward[1])) < 1e-9:
        top = down if forward[2] < 0 else -down
        yaw, roll = math.atan2(float(top[1]), float(top[0])), 0.0
    else:
        yaw = math.atan2(float(forward[1]), float(forward[0]))
        roll = math.atan2(float(right[2]), float(down[2]))
    return Attitude(
        yaw_deg=math.degrees(yaw), pitch_deg=math.degrees(pitch), roll_deg=math.degrees(roll)
    )
