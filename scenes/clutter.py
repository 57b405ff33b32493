"""Things on empty ground that are taken for vehicles and people: shrubs, rocks, posts, marks.

They are painted on a picture, from above, at the size that its ground sampling gives them. A
picture with nothing else on it shows what must not be found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Share = NDArray[np.float32]

_SHADE = 0.45
_SHRUBS = ((58, 70, 36), (84, 92, 52), (46, 54, 34), (112, 108, 70), (70, 58, 40), (134, 122, 92))
_ROCKS = ((150, 146, 138), (118, 112, 106), (176, 164, 148), (92, 88, 86), (198, 194, 186))
_SOILS = ((92, 74, 56), (150, 128, 100), (196, 180, 150), (64, 58, 52))

KINDS = ("shrub", "rock", "post", "patch", "furrows", "tracks")
"""What can be painted."""


def paint(
    picture: NDArray[np.uint8],
    *,
    gsd_m: float,
    sun_azimuth_deg: float,
    count: int,
    chance: np.random.Generator,
    keep_clear: Sequence[Sequence[float]] = (),
) -> NDArray[np.uint8]:
    """A picture with clutter on it.

    Args:
        picture: (height, width, 3) RGB, seen from above.
        gsd_m: metres of ground for one pixel.
        sun_azimuth_deg: of the light, clockwise from the top of the picture; shadows fall away.
        count: how many things, groups of them counted once.
        chance: draws what and where.
        keep_clear: left, top, right, bottom of places to leave as they are, pixels.

    Returns:
        (height, width, 3) RGB, a copy.
    """
    canvas = picture.astype(np.float32)
    height, width = picture.shape[:2]
    away = math.radians(sun_azimuth_deg + 180)
    shadow = (math.sin(away), -math.cos(away))
    for _ in range(count):
        kind = KINDS[int(chance.choice(len(KINDS), p=(0.42, 0.24, 0.08, 0.12, 0.08, 0.06)))]
        x, y = chance.uniform(0, width), chance.uniform(0, height)
        if kind == "furrows":
            _furrows(canvas, x, y, chance.uniform(6, 40) / gsd_m, gsd_m, chance)
        elif kind == "tracks":
            _tracks(canvas, x, y, gsd_m, chance)
        else:
            # Some stand alone, most in loose groups or rows, as on a median or a field's edge.
            many = 1 if chance.uniform() < 0.4 else int(chance.integers(2, 9))
            turn, apart = chance.uniform(0, 2 * math.pi), chance.uniform(1.5, 7) / gsd_m
            ragged = chance.uniform(0, 0.8)
            for place in range(many):
                dx = place * apart * (math.cos(turn) + ragged * chance.normal() / 2)
                dy = place * apart * (math.sin(turn) + ragged * chance.normal() / 2)
                _thing(canvas, kind, x + dx, y + dy, gsd_m, shadow, chance)
    for left, top, right, bottom in keep_clear:
        rows = slice(max(math.floor(top), 0), math.ceil(bottom))
        columns = slice(max(math.floor(left), 0), math.ceil(right))
        canvas[rows, columns] = picture[rows, columns]
    return np.asarray(np.clip(canvas + 0.5, 0, 255), np.uint8)


def _thing(
    canvas: Picture,
    kind: str,
    x: float,
    y: float,
    gsd_m: float,
    shadow: tuple[float, float],
    chance: np.random.Generator,
) -> None:
    """One shrub, rock, post or patch."""
    size_m = {
        "shrub": chance.uniform(0.5, 5.0),
        "rock": chance.uniform(0.3, 2.2),
        "post": chance.uniform(0.15, 0.5),
        "patch": chance.uniform(0.5, 6.0),
    }[kind]
    side = size_m / gsd_m
    if side < 1.5:
        return
    long = {"shrub": 1.5, "rock": 1.7, "post": 1.2, "patch": 3.5}[kind]
    stretch = chance.uniform(1, long)
    rough = {"shrub": 0.35, "rock": 0.12, "post": 0.0, "patch": 0.3}[kind]
    mask = _blob(side * stretch, side, chance.uniform(0, 180), rough, chance)
    palette = {"shrub": _SHRUBS, "rock": _ROCKS, "post": _ROCKS, "patch": _SOILS}[kind]
    colour = np.array(palette[int(chance.integers(len(palette)))], np.float32)
    colour *= chance.uniform(0.75, 1.25, 3).astype(np.float32) ** 0.5
    if kind != "patch":
        # Height gives the shadow's length; a low sun makes it longer than the thing.
        reach = side * chance.uniform(0.2, 1.1) * (4 if kind == "post" else 1)
        steps = max(int(reach / max(side / 4, 1)), 1)
        shade = np.zeros_like(mask)
        pad = math.ceil(reach)
        shade = np.pad(shade, pad)
        for step in range(1, steps + 1):
            dx, dy = (round(reach * step / steps * part) for part in shadow)
            rows = slice(pad + dy, pad + dy + mask.shape[0])
            columns = slice(pad + dx, pad + dx + mask.shape[1])
            shade[rows, columns] = np.maximum(shade[rows, columns], mask)
        _blend(canvas, x, y, shade, lambda below: below * _SHADE)
    texture = _grain(mask.shape, max(side / 9, 1.0), chance)
    lit = _slope(mask, shadow) if kind == "rock" else np.zeros_like(mask)
    depth = 0.35 if kind == "shrub" else 0.12
    tone = (1 + depth * texture + 0.5 * lit)[..., None] * colour
    strength = chance.uniform(0.3, 0.8) if kind == "patch" else 1.0
    _blend(canvas, x, y, mask * strength, lambda _: tone)


def _blob(
    long_px: float, short_px: float, turn_deg: float, rough: float, chance: np.random.Generator
) -> Share:
    """(n, n) how much of each pixel a lump covers, 0 to 1."""
    half = max(int(0.8 * long_px), 2)
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    sine, cosine = math.sin(math.radians(turn_deg)), math.cos(math.radians(turn_deg))
    along, across = xx * cosine + yy * sine, yy * cosine - xx * sine
    radius = np.hypot(along / (long_px / 2), across / (short_px / 2))
    edge = radius + rough * _grain(radius.shape, max(short_px / 5, 1.0), chance)
    return np.asarray(np.clip((1 - edge) * short_px / 3 + 0.5, 0, 1), np.float32)


def _grain(shape: tuple[int, ...], size_px: float, chance: np.random.Generator) -> Share:
    """Smooth noise of zero mean and unit deviation, its grains so many pixels wide."""
    few = [max(int(length / size_px) + 2, 3) for length in shape[:2]]
    coarse = chance.standard_normal(few).astype(np.float32)
    wide = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((wide - wide.mean()) / max(float(wide.std()), 1e-6), np.float32)


def _slope(mask: Share, shadow: tuple[float, float]) -> Share:
    """Brighter on the side that faces the light, darker on the other, about -1 to 1."""
    height, width = mask.shape
    yy, xx = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(-(xx * shadow[0] + yy * shadow[1]), np.float32)


def _blend(canvas: Picture, x: float, y: float, share: Share, tone: Any) -> None:
    """Mix a tone into the canvas around a place, where it lies within."""
    high, wide = share.shape
    top, left = round(y - high / 2), round(x - wide / 2)
    rows = slice(max(top, 0), min(top + high, canvas.shape[0]))
    columns = slice(max(left, 0), min(left + wide, canvas.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = canvas[rows, columns]
    inner = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    toned = tone(part)
    if toned.shape[:2] == share.shape:
        toned = toned[inner]
    part += (toned - part) * share[inner][..., None]


def _furrows(
    canvas: Picture, x: float, y: float, side_px: float, gsd_m: float, chance: np.random.Generator
) -> None:
    """A field of plough marks, dark and light, with gaps."""
    half = max(int(side_px / 2), 4)
    rows = slice(max(int(y) - half, 0), min(int(y) + half, canvas.shape[0]))
    columns = slice(max(int(x) - half, 0), min(int(x) + half, canvas.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    yy, xx = np.mgrid[rows, columns].astype(np.float32)
    turn = chance.uniform(0, math.pi)
    across = yy * math.cos(turn) - xx * math.sin(turn)
    wave = np.sin(across * (2 * math.pi * gsd_m / chance.uniform(0.5, 2.5)))
    sharp = np.tanh(wave * chance.uniform(1, 6))
    broken = _grain(xx.shape, chance.uniform(0.6, 3) / gsd_m, chance)
    lumps = np.clip(broken - chance.uniform(0.4, 1.6), 0, 1) * chance.uniform(0, 0.8)
    edge = np.clip((half - np.maximum(abs(xx - x), abs(yy - y))) / 6, 0, 1)
    tone = 1 + edge * (chance.uniform(0.05, 0.3) * sharp - lumps)
    canvas[rows, columns] *= tone[..., None].astype(np.float32)


def _tracks(canvas: Picture, x: float, y: float, gsd_m: float, chance: np.random.Generator) -> None:
    """Two ruts that wheels have left."""
    turn, bend = chance.uniform(0, 2 * math.pi), chance.uniform(-0.02, 0.02)
    gauge, reach = 1.6 / gsd_m, chance.uniform(8, 60) / gsd_m
    mask = np.zeros(canvas.shape[:2], np.uint8)
    for side in (-gauge / 2, gauge / 2):
        steps = np.linspace(0, reach, 24)
        heading = turn + bend * steps * gsd_m
        px = x + np.cumsum(np.cos(heading)) * reach / 24 + side * np.sin(heading)
        py = y + np.cumsum(np.sin(heading)) * reach / 24 - side * np.cos(heading)
        line = np.stack([px, py], axis=1).astype(np.int32)
        cv2.polylines(mask, [line], False, 255, max(round(0.3 / gsd_m), 1), cv2.LINE_AA)
    depth = chance.uniform(-0.35, 0.3)
    canvas *= (1 + depth * mask.astype(np.float32) / 255)[..., None]
