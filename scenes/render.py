"""Photographs of a world."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera, View, Viewpoint
from scenes.ground_cover import GroundCover
from scenes.shapes import Facet
from scenes.world import Thing, World

_STRIP_ROWS = 256
_SUPERSAMPLING = 4
_FAR_M = 20_000.0
_BEND = 0.004  # by so much a metre the Earth may fall away from the scene's plane within that
_STEP_M, _STEP_SHARE, _SECANTS = 0.02, 2e-4, 3
_HAZE = np.array([190.0, 200.0, 212.0], np.float32)
_SKY_TOP = np.array([112.0, 150.0, 200.0], np.float32)
_SHADE = 0.42  # what is left of daylight in a shadow
_BITS = 6  # cv2 takes sub-pixel coordinates as fixed-point numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensor:
    """How far from perfect the photograph is.

    Attributes:
        blur_px: sigma of the lens and pixel blur.
        noise: sigma of the sensor noise, of 255.
    """

    blur_px: float = 0.55
    noise: float = 2.2


def render(
    world: World, camera: Camera, viewpoint: Viewpoint, sensor: Sensor | None = None
) -> NDArray[np.uint8]:
    """A photograph of a world.

    The ground is met pixel by pixel along its ray; things are drawn facet by facet, the farthest
    first, over their shadows. The same arguments give the same picture.

    Returns:
        (height, width, 3) RGB.
    """
    sensor = sensor or Sensor()
    view = View(camera, viewpoint, world.frame)
    picture = _ground(world, view)
    seen = [thing for thing in world.things if _in_sight(world, view, thing)]
    for thing in seen:
        _draw_shadow(picture, world, view, thing)
    place = viewpoint.place_in(world.frame)

    def distance(thing: Thing) -> float:
        return float(np.linalg.norm(world.surface_m(thing.east_m, thing.north_m) - place))

    for thing in sorted(seen, key=distance, reverse=True):
        _draw_thing(picture, world, view, thing)
    if sensor.blur_px > 0:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sensor.blur_px), np.float32)
    if sensor.noise > 0:
        chance = np.random.default_rng([world.seed, camera.width_px, *_stamp(viewpoint)])
        shared = chance.standard_normal(picture.shape[:2], np.float32)[..., None]
        own = chance.standard_normal(picture.shape, np.float32)
        picture += sensor.noise * (0.8 * shared + 0.5 * own)
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)


def _stamp(viewpoint: Viewpoint) -> tuple[int, ...]:
    """Whole numbers that tell viewpoints apart, for seeding."""
    return (
        int((viewpoint.latitude_deg + 90) * 1e7),
        int((viewpoint.longitude_deg + 180) * 1e7),
        int(abs(viewpoint.hae_m) * 100),
        int((viewpoint.yaw_deg % 360) * 100),
        int((viewpoint.pitch_deg + 90) * 100),
    )


def meet_ground(
    world: World, place_m: NDArray[np.float64], rays: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances along rays at which they first meet the ground; NaN where they do not.

    The height of a ray over the ground is a formula, and it is never lost faster than on the
    steepest slope that the swells can add up to. So a ray is followed by as much as its height lets
    it go for certain, and a little more; the meeting lies in that little.

    Args:
        world: the world.
        place_m: (3,) the origin of all rays, in the scene's frame.
        rays: (..., 3) unit directions.
    """
    ways = rays.reshape(-1, 3)
    swells = world.terrain.swells
    crest = world.terrain.level_hae_m - world.frame.hae_m + sum(it.amplitude_m for it in swells)
    steepest = sum(it.amplitude_m * 2 * np.pi / it.wavelength_m for it in swells) + _BEND
    climb = ways[:, 2]
    loss = steepest * np.hypot(ways[:, 0], ways[:, 1]) - climb

    def over(index: NDArray[np.intp], distance: NDArray[np.float64]) -> NDArray[np.float64]:
        points = place_m + distance[:, None] * ways[index]
        east, north = points[:, 0], points[:, 1]
        hae = world.terrain.hae_m(east, north)
        return np.asarray(points[:, 2] - world.frame.up_of_height(east, north, hae))

    # No ray meets ground before it has sunk to the highest crest, nor climbing above it.
    sinks = climb < -1e-4
    above = place_m[2] > crest
    nearest = np.where(sinks & above, (crest - place_m[2]) / np.where(sinks, climb, -1.0), 0.0)
    farthest = np.full(len(ways), _FAR_M)
    if not above:
        climbs = climb > 0
        farthest[climbs] = np.minimum((crest - place_m[2]) / climb[climbs], _FAR_M)
    clear, distance = nearest.copy(), nearest
    met = np.zeros(len(ways), np.bool_)
    active = np.flatnonzero((sinks | (not above)) & (loss > 0) & (nearest < _FAR_M))
    while active.size:
        height = over(active, distance[active])
        below = height <= 0
        met[active[below]] = True
        active, height = active[~below], height[~below]
        clear[active] = distance[active] + height / loss[active]
        distance[active] = clear[active] + np.maximum(_STEP_M, _STEP_SHARE * clear[active])
        active = active[clear[active] < farthest[active]]
    found = np.flatnonzero(met)
    low, high = clear[found], distance[found]
    at_low, at_high, middle = over(found, low), over(found, high), high
    for turn in range(_SECANTS):
        fall = at_low - at_high
        middle = low + (high - low) * np.clip(at_low / np.where(fall > 0, fall, 1.0), 0.0, 1.0)
        if turn + 1 < _SECANTS:
            at_middle = over(found, middle)
            under = at_middle <= 0
            low, high = np.where(under, low, middle), np.where(under, middle, high)
            at_low, at_high = (
                np.where(under, at_low, at_middle),
                np.where(under, at_middle, at_high),
            )
    result = np.full(len(ways), np.nan)
    result[found] = middle
    return result.reshape(rays.shape[:-1])


def _ground(world: World, view: View) -> NDArray[np.float32]:
    """The picture of the ground and the sky, without things."""
    camera = view.camera
    cover = GroundCover(world)
    place = view.viewpoint.place_in(world.frame)
    picture = np.empty((camera.height_px, camera.width_px, 3), np.float32)
    columns = np.arange(camera.width_px) + 0.5
    for top in range(0, camera.height_px, _STRIP_ROWS):
        rows = np.arange(top, min(top + _STRIP_ROWS, camera.height_px)) + 0.5
        x, y = np.meshgrid(columns, rows)
        rays = view.rays(np.stack([x, y], axis=-1))
        distance = meet_ground(world, place, rays)
        sky = np.isnan(distance)
        reach = np.where(sky, _FAR_M, distance)
        east = (place[0] + reach * rays[..., 0]).astype(np.float32)
        north = (place[1] + reach * rays[..., 1]).astype(np.float32)
        footprint = reach / camera.fx_px / np.sqrt(np.clip(-rays[..., 2], 0.02, 1))
        colour = cover.colours(east, north, footprint.astype(np.float32))
        colour *= _relief(world, east, north)[..., None]
        haze = 1 - np.exp(-reach / 9_000.0)
        colour += (_HAZE - colour) * haze[..., None].astype(np.float32)
        height = np.clip(rays[..., 2] * 2.5, 0, 1).astype(np.float32)
        colour[sky] = (_HAZE + (_SKY_TOP - _HAZE) * height[..., None])[sky]
        picture[top : top + len(rows)] = colour
    return picture


def _relief(
    world: World, east: NDArray[np.float32], north: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How the slope of the ground takes the light, 1 where it is level."""
    to_east, to_north = world.terrain.slope(east, north)
    sun = world.sun.direction
    facing = (sun[2] - to_east * sun[0] - to_north * sun[1]) / np.sqrt(1 + to_east**2 + to_north**2)
    return np.asarray(_SHADE + (1 - _SHADE) * np.clip(facing / sun[2], 0, 1.5), np.float32)


def _in_sight(world: World, view: View, thing: Thing) -> bool:
    """Whether a thing or its shadow may touch the picture."""
    pixels, depth = view.project(world.points_m(thing, thing.body().points_m))
    if not bool(np.all(depth > 1.0)):
        return False
    size = float(np.ptp(pixels, axis=0).max())
    margin = 3 * size + 10
    return bool(
        pixels[:, 0].max() > -margin
        and pixels[:, 0].min() < view.camera.width_px + margin
        and pixels[:, 1].max() > -margin
        and pixels[:, 1].min() < view.camera.height_px + margin
    )


@dataclass(frozen=True, slots=True)
class _Patch:
    """A window of the picture, drawn finer than the picture is."""

    left: int
    top: int
    width: int
    height: int

    def fixed(self, pixels: NDArray[np.float64]) -> NDArray[np.int32]:
        """Pixels of the picture as cv2's fixed-point pixels of the fine window.

        cv2 puts the centre of the first pixel at 0, the picture's convention at 0.5.
        """
        fine = (pixels - (self.left, self.top)) * _SUPERSAMPLING - 0.5
        return np.round(fine * (1 << _BITS)).astype(np.int32)

    def shrink(self, fine: NDArray[np.float32]) -> NDArray[np.float32]:
        """The fine window at the picture's scale."""
        size = (self.width, self.height)
        return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), np.float32)


def _patch(picture: NDArray[np.float32], pixels: NDArray[np.float64], margin: int) -> _Patch | None:
    """The window around pixels, cut at the picture's edges; None outside of it."""
    height, width = picture.shape[:2]
    left = max(0, int(np.floor(pixels[:, 0].min())) - margin)
    top = max(0, int(np.floor(pixels[:, 1].min())) - margin)
    right = min(width, int(np.ceil(pixels[:, 0].max())) + margin)
    bottom = min(height, int(np.ceil(pixels[:, 1].max())) + margin)
    if right <= left or bottom <= top:
        return None
    return _Patch(left, top, right - left, bottom - top)


def _draw_shadow(picture: NDArray[np.float32], world: World, view: View, thing: Thing) -> None:
    """Darken the ground where a thing keeps the sun off, and a little around where it stands."""
    foot = world.surface_m(thing.east_m, thing.north_m)
    axes = world.axes_of(thing)
    sun = world.sun.direction
    up = axes[:, 2]
    outlines = []
    for part in thing.body().parts:
        points = world.points_m(thing, part.points_m)
        lift = (points - foot) @ up
        cast = points - np.outer(lift / (sun @ up), sun)
        pixels, depth = view.project(cast)
        if bool(np.all(depth > 1.0)):
            outlines.append(pixels)
    if not outlines:
        return
    patch = _patch(picture, np.concatenate(outlines), 6)
    if patch is None:
        return
    shape = (patch.height * _SUPERSAMPLING, patch.width * _SUPERSAMPLING)
    mask = np.zeros(shape, np.float32)
    for pixels in outlines:
        hull = cv2.convexHull(patch.fixed(pixels))
        cv2.fillPoly(mask, [hull], 1.0, cv2.LINE_8, _BITS)
    soft = cv2.GaussianBlur(patch.shrink(mask), (0, 0), 0.8)
    window = picture[patch.top : patch.top + patch.height, patch.left : patch.left + patch.width]
    # Light from the sky is bluer than that of the sun.
    shade = np.array([_SHADE * 0.95, _SHADE, _SHADE * 1.12], np.float32)
    window *= 1 - soft[..., None] * (1 - shade)


def _draw_thing(picture: NDArray[np.float32], world: World, view: View, thing: Thing) -> None:
    """Paint a thing's facets that face the camera, part by part from the ground up."""
    body = thing.body()
    pixels, _ = view.project(world.points_m(thing, body.points_m))
    patch = _patch(picture, pixels, 2)
    if patch is None:
        return
    shape = (patch.height * _SUPERSAMPLING, patch.width * _SUPERSAMPLING)
    paint = np.zeros((*shape, 3), np.float32)
    cover = np.zeros(shape, np.float32)
    place = view.viewpoint.place_in(world.frame)
    for part in body.parts:
        for facet in (*part.facets, *part.marks):
            points = world.points_m(thing, facet.points_m)
            normal = _normal(points)
            if normal @ (place - points.mean(axis=0)) <= 0:
                continue
            corners = patch.fixed(view.project(points)[0])
            colour = _lit(facet, normal, points, world, place)
            cv2.fillPoly(paint, [corners], colour, cv2.LINE_8, _BITS)
            cv2.fillPoly(cover, [corners], 1.0, cv2.LINE_8, _BITS)
    share = patch.shrink(cover)[..., None]
    painted = patch.shrink(paint)  # already weighted by its cover: bare places are black
    window = picture[patch.top : patch.top + patch.height, patch.left : patch.left + patch.width]
    window *= 1 - share
    window += painted


def _normal(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) outward unit normal of a counter-clockwise polygon, by Newell's sum."""
    total = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length > 0 else np.array([0.0, 0.0, 1.0]))


def _lit(
    facet: Facet,
    normal: NDArray[np.float64],
    points: NDArray[np.float64],
    world: World,
    place: NDArray[np.float64],
) -> tuple[float, float, float]:
    """A facet's colour under sun and sky; glossy ones mirror the sky at a glancing look."""
    sun = world.sun.direction
    direct = max(0.0, float(normal @ sun)) / float(sun[2])
    sky = 0.5 + 0.5 * float(normal[2])
    light = (1 - _SHADE) * min(direct, 1.35) + _SHADE * (0.45 + 0.55 * sky)
    colour = np.array(facet.colour) * light
    if facet.glossy:
        look = place - points.mean(axis=0)
        look /= np.linalg.norm(look)
        glance = (1 - abs(float(normal @ look))) ** 3
        colour = colour + (np.array([205.0, 214.0, 226.0]) - colour) * (0.06 + 0.3 * glance) * sky
        mirrored = 2 * normal * float(normal @ look) - look
        colour = colour + 90.0 * max(0.0, float(mirrored @ sun)) ** 24
    red, green, blue = np.clip(colour, 0, 255)
    return float(red), float(green), float(blue)
