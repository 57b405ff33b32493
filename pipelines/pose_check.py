"""What is believed of a camera pose, what is repaired, and how wrong the rest may be."""

from __future__ import annotations

from pipelines.pose import Sigmas

DEFAULT_SIGMAS = Sigmas(
    horizontal_m=5.0,
    vertical_m=5.0,
    yaw_deg=5.0,
    pitch_deg=1.5,
    roll_deg=1.0,
    pixel_px=2.0,
    terrain_m=5.0,
)
"""One standard deviation of each input where neither metadata nor submitter tell another.

Horizontal, vertical, yaw and pitch are those that cover 86 % of the errors of the Thunderstorm
field test (Theta-Limited/OA-Accuracy-Testing), a test of real photographs against surveyed ground
control; roll is held by the gimbal's level and errs less than pitch; a box edge is good to some
two pixels; five metres of terrain is what a 30 m global model claims on open ground.
"""
