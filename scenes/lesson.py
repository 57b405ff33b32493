"""Pictures of made-up ground for a network to learn from, with what truly is in each.

Every number draws another place, light, height and slant. Ground is strewn with clutter; with
things on it, it shows what is to be found, without, what is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenes.clutter import paint
from scenes.outpost import phantom
from scenes.render import render
from scenes.sortie import viewpoint_over
from scenes.terrain import Terrain
from scenes.truth import boxes_of
from scenes.world import World

_LATITUDE_DEG, _LONGITUDE_DEG, _LEVEL_M = -2.7, -8.1, 30.0  # open sea: nobody's ground
_LOWEST_M, _HIGHEST_M = 25.0, 140.0
_THINGS_WIDTH_PX, _EMPTY_WIDTH_PX = 1280, 960
_LEAST_SHOWN = 0.35
_CLEAR_PX = 4.0
_EMPTY_SEEDS, _THINGS_SEEDS = 5000, 1000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lesson:
    """One picture and its truth.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        xyxy: (N, 4) float64 left, top, right, bottom of each thing, pixels.
        categories: "car", "van", "truck" or "person", of each.
        cut_off: (M, 4) float64 things of which too little is seen to learn from.
        gsd_m: metres of ground for one pixel below the camera.
    """

    pixels: NDArray[np.uint8]
    xyxy: NDArray[np.float64]
    categories: tuple[str, ...]
    cut_off: NDArray[np.float64]
    gsd_m: float


def lesson(number: int, *, things: bool) -> Lesson:
    """The picture of a number; the same number is the same picture.

    Args:
        number: from 0; beyond 3,999 the empty ones are as many as one likes.
        things: with vehicles and people, or empty.
    """
    seed = number + (_THINGS_SEEDS if things else _EMPTY_SEEDS)
    chance = np.random.default_rng([seed, 77])
    camera = phantom(_THINGS_WIDTH_PX if things else _EMPTY_WIDTH_PX)
    height_m = math.exp(chance.uniform(math.log(_LOWEST_M), math.log(_HIGHEST_M)))
    pitch_deg = -90.0 if chance.uniform() < 0.5 else float(chance.uniform(-90, -50))
    extent_m = 0.6 * height_m
    world = World.generate(
        seed,
        latitude_deg=_LATITUDE_DEG,
        longitude_deg=_LONGITUDE_DEG,
        terrain=Terrain(level_hae_m=_LEVEL_M),
        vehicles=int(min(40, 6 + extent_m / 5)) if things else 0,
        people=int(min(30, 6 + extent_m / 6)) if things else 0,
        extent_m=max(extent_m, 28),
    )
    if chance.uniform() < 0.5:
        world = replace(world, road=None)
    viewpoint = viewpoint_over(
        world,
        east_m=0,
        north_m=0 if pitch_deg < -70 else -0.4 * height_m,
        height_m=height_m,
        yaw_deg=0,
        pitch_deg=pitch_deg,
    )
    boxes = boxes_of(world, camera, viewpoint)
    gsd_m = height_m / camera.fx_px
    margin = np.array([-_CLEAR_PX, -_CLEAR_PX, _CLEAR_PX, _CLEAR_PX])
    count = int(chance.integers(5, 60))
    pixels = paint(
        render(world, camera, viewpoint),
        gsd_m=gsd_m,
        sun_azimuth_deg=world.sun.azimuth_deg,
        count=count,
        chance=chance,
        keep_clear=[tuple(np.array(box.xyxy_px) + margin) for box in boxes],
    )
    category_of = {thing.thing_id: thing.category for thing in world.things}
    whole = [box for box in boxes if box.shown > _LEAST_SHOWN]
    rest = [box for box in boxes if box.shown <= _LEAST_SHOWN]
    return Lesson(
        pixels=pixels,
        xyxy=np.array([box.xyxy_px for box in whole], np.float64).reshape(-1, 4),
        categories=tuple(category_of[box.thing_id] for box in whole),
        cut_off=np.array([box.xyxy_px for box in rest], np.float64).reshape(-1, 4),
        gsd_m=gsd_m,
    )
