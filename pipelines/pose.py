"""Where a camera was, where it looked, and how wrong that may be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HeightReference(StrEnum):
    """What a height is measured from.

    ABOVE_GROUND is above the ground below the camera.
    """

    HAE = "hae"
    MSL = "msl"
    ABOVE_GROUND = "above_ground"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """Position and attitude of a camera.

    Attributes:
        latitude_deg: WGS 84, -90 to 90.
        longitude_deg: WGS 84, -180 to 180.
        height_m: height over `height_reference`.
        height_reference: what the height is measured from.
        yaw_deg: of the optical axis, clockwise from true north.
        pitch_deg: 0 level, -90 straight down.
        roll_deg: positive: right side down. Rotations in the order yaw, pitch, roll about down,
            right and forward; with all three at zero the camera looks north, image right is east
            and image down is down.
    """

    latitude_deg: float
    longitude_deg: float
    height_m: float
    height_reference: HeightReference
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Sigmas:
    """One standard deviation of everything a place on the ground depends on.

    Attributes:
        horizontal_m: camera position, each horizontal axis.
        vertical_m: camera height.
        yaw_deg: yaw.
        pitch_deg: pitch.
        roll_deg: roll.
        pixel_px: the pixel itself, each axis.
        terrain_m: height of the terrain.
    """

    horizontal_m: float
    vertical_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    pixel_px: float
    terrain_m: float
