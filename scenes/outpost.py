"""The demonstration: a made-up observation post on a road, and a flight over it.

The place is open sea in the Gulf of Guinea, so that nobody's ground is depicted; the island, the
road and everybody on it exist nowhere. The post stands at the middle of the scene. Around it are
things near enough to matter and things that are not, with a gap of a few dozen metres between
the two, so that which is which does not hang on a metre.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from scenes.camera import Camera
from scenes.frame import LocalFrame
from scenes.sortie import Shot, viewpoint_over
from scenes.terrain import Terrain
from scenes.world import Road, Sun, Thing, World, Yard

LATITUDE_DEG, LONGITUDE_DEG = -2.7183, -8.1415
RADIUS_M = 75.0
UNDULATION_M = 18.0  # roughly what EGM96 has there; the flight has an RTK fix and needs none
_GROUND_HAE_M = 31.0
_ROAD = Road(east_m=0.0, north_m=-9.0, azimuth_deg=68.0, width_m=7.0)
_SECONDS_APART = 10

# Category, metres along the road, metres to the left of it, heading against it, colour. The road
# passes 9 m south of the post.
_NEAR = (
    ("car", -38.0, -1.8, 0.0, 3),
    ("car", 12.0, 1.8, 180.0, 0),
    ("truck", -12.0, -1.9, 0.0, 2),
    ("van", 46.0, 12.0, 35.0, 5),
    ("car", 34.0, -14.0, 70.0, 4),
    ("person", -22.0, 9.0, 120.0, 0),
    ("person", 22.0, -8.5, 200.0, 1),
)
_FAR = (
    ("car", 128.0, -1.8, 0.0, 2),
    ("truck", 146.0, 1.9, 180.0, 2),
    ("car", 138.0, 16.0, 250.0, 0),
    ("van", -126.0, 1.8, 180.0, 0),
    ("car", -142.0, -1.8, 0.0, 1),
)
# Metres along the road, metres to the left of it, height, yaw against the road, pitch.
_SHOTS = (
    (8.0, -48.0, 48.0, -90.0, -45.0),
    (-132.0, 0.0, 62.0, 0.0, -90.0),
    (-30.0, 2.0, 62.0, 0.0, -90.0),
    (8.0, 2.0, 62.0, 0.0, -90.0),
    (40.0, 2.0, 62.0, 12.0, -84.0),
    (138.0, 4.0, 62.0, 180.0, -90.0),
    (4.0, 54.0, 48.0, 90.0, -50.0),
    (-66.0, -6.0, 46.0, 4.0, -52.0),
)


def phantom(width_px: int = 2048) -> Camera:
    """The camera of a DJI Phantom 4 RTK, its 3:2 picture reduced to a width.

    Its design focal length is 8.8 mm at 2.4 micrometres a pixel, which is 3666.67 of its 5472.
    """
    scale = width_px / 5472
    height_px = round(3648 * scale)
    return Camera(
        make="DJI",
        model="FC6310R",
        width_px=width_px,
        height_px=height_px,
        fx_px=round(3666.666504 * scale, 6),
        fy_px=round(3666.666504 * scale, 6),
        cx_px=width_px / 2,
        cy_px=height_px / 2,
        focal_length_mm=8.8,
    )


def outpost(seed: int = 7) -> World:
    """The post's surroundings; the seed draws the ground's texture only."""
    things = []
    for group, rows in (("near", _NEAR), ("far", _FAR)):
        for number, (category, along, left, turn, colour) in enumerate(rows, start=1):
            east, north = _beside_road(along, left)
            things.append(
                Thing(
                    thing_id=f"{group}-{number}-{category}",
                    category=category,
                    east_m=east,
                    north_m=north,
                    heading_deg=(_ROAD.azimuth_deg + turn) % 360,
                    colour=colour,
                )
            )
    yard_east, yard_north = _beside_road(40.0, 16.0)
    return World(
        seed=seed,
        frame=LocalFrame(
            latitude_deg=LATITUDE_DEG, longitude_deg=LONGITUDE_DEG, hae_m=_GROUND_HAE_M
        ),
        terrain=Terrain(level_hae_m=_GROUND_HAE_M),
        sun=Sun(azimuth_deg=292.0, elevation_deg=62.0),
        road=_ROAD,
        yards=(
            Yard(
                east_m=yard_east,
                north_m=yard_north,
                azimuth_deg=_ROAD.azimuth_deg,
                length_m=34.0,
                width_m=16.0,
            ),
        ),
        things=tuple(things),
    )


def flight(world: World, first_at: datetime) -> tuple[Shot, ...]:
    """Eight photographs along and around the post, aslant and straight down.

    The first shows everything near the post at once, the others parts of it again.

    Args:
        world: what `outpost` made.
        first_at: aware time of the first photograph.
    """
    shots = []
    for index, (along, left, height, turn, pitch) in enumerate(_SHOTS):
        east, north = _beside_road(along, left)
        shots.append(
            Shot(
                file_name=f"DJI_{index + 1:04d}.JPG",
                viewpoint=viewpoint_over(
                    world,
                    east_m=east,
                    north_m=north,
                    height_m=height,
                    yaw_deg=(_ROAD.azimuth_deg + turn) % 360,
                    pitch_deg=pitch,
                ),
                captured_at=first_at + timedelta(seconds=_SECONDS_APART * index),
            )
        )
    return tuple(shots)


def _beside_road(along_m: float, left_m: float) -> tuple[float, float]:
    """East and north of a place given along the road and to the left of its centre line."""
    azimuth = np.radians(_ROAD.azimuth_deg)
    east = _ROAD.east_m + along_m * np.sin(azimuth) - left_m * np.cos(azimuth)
    north = _ROAD.north_m + along_m * np.cos(azimuth) + left_m * np.sin(azimuth)
    return float(east), float(north)
