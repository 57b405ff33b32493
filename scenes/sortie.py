"""A flight over a world: photographs with metadata, and the truth of each."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from PIL import Image

from scenes.camera import Camera, Viewpoint
from scenes.metadata import Reading, Rtk, exif_bytes, xmp_bytes
from scenes.render import Sensor, render
from scenes.truth import BoxTruth, ThingTruth, as_json, boxes_of, things_of
from scenes.world import World

_JPEG_QUALITY = 93
_RTK_BELOW_M = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class PoseNoise:
    """One sigma of how far the written pose is from the true one.

    Attributes:
        horizontal_m: position, east and north each.
        vertical_m: height; the same error stands in the absolute and in the relative height.
        yaw_deg: gimbal yaw.
        pitch_deg: gimbal pitch.
        roll_deg: gimbal roll.
    """

    horizontal_m: float = 0.0
    vertical_m: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One release of the shutter.

    Attributes:
        file_name: of the photograph.
        viewpoint: where the camera truly is and looks.
        captured_at: aware time.
    """

    file_name: str
    viewpoint: Viewpoint
    captured_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One photograph with its truth.

    Attributes:
        shot: how it was truly taken.
        written: the pose that its metadata tell; the true one without noise.
        jpeg: the file.
        boxes: what it shows, where.
    """

    shot: Shot
    written: Viewpoint
    jpeg: bytes
    boxes: tuple[BoxTruth, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sortie:
    """All photographs of a flight.

    Attributes:
        world: what was flown over.
        camera: what photographed it.
        frames: the photographs in the order they were taken.
    """

    world: World
    camera: Camera
    frames: tuple[Frame, ...]

    @property
    def things(self) -> tuple[ThingTruth, ...]:
        """What was really there."""
        return things_of(self.world)

    def truth_json(self) -> dict[str, Any]:
        """The whole truth, fit for `json.dumps`."""
        return {
            "rendered": True,
            "seed": self.world.seed,
            "camera": as_json(self.camera),
            "things": [as_json(thing) for thing in self.things],
            "frames": [
                {
                    "file_name": frame.shot.file_name,
                    "captured_at": frame.shot.captured_at.isoformat(),
                    "viewpoint": as_json(frame.shot.viewpoint),
                    "written_viewpoint": as_json(frame.written),
                    "boxes": [as_json(box) for box in frame.boxes],
                }
                for frame in self.frames
            ],
        }


def viewpoint_over(
    world: World,
    *,
    east_m: float,
    north_m: float,
    height_m: float,
    yaw_deg: float,
    pitch_deg: float,
    roll_deg: float = 0.0,
) -> Viewpoint:
    """A viewpoint given by where it hangs in the scene.

    Heights are rounded to millimetres, as the metadata write them.

    Args:
        world: the world.
        east_m: of the scene's frame.
        north_m: of the scene's frame.
        height_m: above the level of the ground at the scene's middle.
        yaw_deg: clockwise from true north.
        pitch_deg: 0 level, -90 straight down.
        roll_deg: positive: right side down.
    """
    hae = round(float(world.terrain.hae_m(0.0, 0.0)) + height_m, 3)
    up = world.frame.up_of_height(east_m, north_m, hae)
    latitude, longitude, _ = world.frame.to_geodetic([east_m, north_m, float(up)])
    return Viewpoint(
        latitude_deg=round(float(latitude), 11),
        longitude_deg=round(float(longitude), 11),
        hae_m=hae,
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=roll_deg,
    )


def photograph(
    world: World,
    camera: Camera,
    shot: Shot,
    *,
    noise: PoseNoise | None = None,
    noise_seed: int = 0,
    undulation_m: float = 0.0,
    sensor: Sensor | None = None,
) -> Frame:
    """Take one photograph.

    Args:
        world: what is photographed; the aircraft took off from the ground at its middle.
        camera: what photographs it.
        shot: from where and when.
        noise: how wrong the metadata are; None for an exact pose with a carrier-phase fix.
        noise_seed: of the errors.
        undulation_m: geoid above the ellipsoid here.
        sensor: how far from perfect the picture is.
    """
    written = shot.viewpoint if noise is None else _disturbed(world, shot, noise, noise_seed)
    sharp = noise is None or max(noise.horizontal_m, noise.vertical_m) < _RTK_BELOW_M
    reading = Reading(
        viewpoint=written,
        relative_height_m=written.hae_m - float(world.terrain.hae_m(0.0, 0.0)),
        undulation_m=undulation_m,
        captured_at=shot.captured_at,
        rtk=Rtk(
            horizontal_m=max(0.01, noise.horizontal_m if noise else 0.0),
            vertical_m=max(0.02, noise.vertical_m if noise else 0.0),
        )
        if sharp
        else None,
    )
    picture = Image.fromarray(render(world, camera, shot.viewpoint, sensor))
    file = io.BytesIO()
    picture.save(
        file,
        "JPEG",
        quality=_JPEG_QUALITY,
        exif=exif_bytes(camera, reading),
        xmp=xmp_bytes(camera, reading),
    )
    return Frame(
        shot=shot,
        written=written,
        jpeg=file.getvalue(),
        boxes=boxes_of(world, camera, shot.viewpoint),
    )


def _disturbed(world: World, shot: Shot, noise: PoseNoise, seed: int) -> Viewpoint:
    """The true viewpoint plus one draw of the errors; each file name draws its own."""
    chance = np.random.default_rng([seed, *shot.file_name.encode()])
    east, north, up, yaw, pitch, roll = (float(value) for value in chance.standard_normal(6))
    true = shot.viewpoint
    place = true.place_in(world.frame)
    shifted = place + np.array([east, north, 0.0]) * noise.horizontal_m
    latitude, longitude, _ = world.frame.to_geodetic(shifted)
    return Viewpoint(
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        hae_m=true.hae_m + up * noise.vertical_m,
        yaw_deg=true.yaw_deg + yaw * noise.yaw_deg,
        pitch_deg=true.pitch_deg + pitch * noise.pitch_deg,
        roll_deg=true.roll_deg + roll * noise.roll_deg,
    )
