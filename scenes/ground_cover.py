"""What the ground looks like: soil, grass, furrows, a road; a colour for each place on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.world import Road, World, Yard

_TILE_TEXELS = 256
# Texel sides of the octaves of noise, metres, and what each adds to the brightness.
_OCTAVES = ((9.0, 0.05), (3.1, 0.05), (1.05, 0.045), (0.37, 0.05), (0.13, 0.055), (0.045, 0.05))
_SOIL = np.array([172.0, 152.0, 122.0], np.float32)
_CLAY = np.array([150.0, 122.0, 94.0], np.float32)
_GRASS = np.array([118.0, 118.0, 76.0], np.float32)
_SEAL = np.array([108.0, 107.0, 106.0], np.float32)
_GRAVEL = np.array([164.0, 156.0, 142.0], np.float32)
_PAINT = np.array([222.0, 220.0, 212.0], np.float32)
_BEATEN = np.array([186.0, 172.0, 148.0], np.float32)

Field = NDArray[np.float32]


@lru_cache(maxsize=64)
def _tile(seed: int, layer: int) -> Field:
    """A (256, 256) tile of smooth noise of zero mean and unit deviation that repeats seamlessly."""
    chance = np.random.default_rng([seed, layer])
    raw = chance.standard_normal((_TILE_TEXELS, _TILE_TEXELS)).astype(np.float32)
    wide = np.pad(raw, 8, mode="wrap")
    smooth = cv2.GaussianBlur(wide, (0, 0), 0.9)[8:-8, 8:-8]
    return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)


def _noise(seed: int, layer: int, texel_m: float, east: Field, north: Field) -> Field:
    """Noise whose grains are some two texels wide, at places of the ground."""
    turn = 0.7 * layer  # layers do not share their axes, so that no grid is seen
    # Plain floats: a float64 scalar of numpy would widen every array it meets.
    cosine, sine = math.cos(turn) / texel_m, math.sin(turn) / texel_m
    along = east * cosine + north * sine
    across = north * cosine - east * sine
    return np.asarray(
        cv2.remap(
            _tile(seed, layer),
            along - _TILE_TEXELS * np.floor(along / _TILE_TEXELS),
            across - _TILE_TEXELS * np.floor(across / _TILE_TEXELS),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        ),
        np.float32,
    )


def _sine_cosine(azimuth_deg: float) -> tuple[float, float]:
    return math.sin(math.radians(azimuth_deg)), math.cos(math.radians(azimuth_deg))


def _step(signed_m: NDArray[np.floating[Any]], soft_m: Field) -> Field:
    """1 inside (positive), 0 outside, blended over the width of a pixel."""
    return np.asarray(np.clip(0.5 + signed_m / soft_m, 0, 1), np.float32)


def _mix(below: Field, colour: NDArray[np.float32], share: Field) -> Field:
    return np.asarray(below + (colour - below) * share[..., None], np.float32)


@dataclass(frozen=True, slots=True)
class GroundCover:
    """The colour of a world's ground."""

    world: World

    def colours(self, east: Field, north: Field, footprint_m: Field) -> Field:
        """Colours of places.

        Args:
            east: (H, W) metres.
            north: (H, W) metres.
            footprint_m: (H, W) size of a pixel on the ground; finer grain fades out by it, so that
                distant ground does not shimmer.

        Returns:
            (H, W, 3) RGB in full daylight, 0 to 255.
        """
        seed = self.world.seed
        patches = _noise(seed, 20, 11.0, east, north) + 0.6 * _noise(seed, 21, 4.3, east, north)
        tufts = _noise(seed, 22, 0.7, east, north)
        soil = _mix(
            np.broadcast_to(_SOIL, (*east.shape, 3)).astype(np.float32),
            _CLAY,
            np.clip(0.5 + 0.3 * _noise(seed, 23, 17.0, east, north), 0, 1),
        )
        grass = np.clip(0.3 + 0.45 * patches + 0.22 * tufts, 0, 0.85).astype(np.float32)
        colour = _mix(soil, _GRASS, grass)
        colour *= (1 + self._furrows(east, north, footprint_m) * (1 - grass))[..., None]
        grain = np.zeros_like(east)
        for layer, (texel_m, strength) in enumerate(_OCTAVES):
            fade = np.clip(2 * texel_m / footprint_m - 0.6, 0, 1)
            if float(fade.max()) > 0:
                grain += strength * fade * _noise(seed, layer, texel_m, east, north)
        for yard in self.world.yards:
            colour = self._with_yard(yard, colour, east, north, footprint_m)
        smooth = np.ones_like(east)
        if self.world.road is not None:
            colour, smooth = self._with_road(self.world.road, colour, east, north, footprint_m)
        return np.asarray(colour * (1 + grain * smooth)[..., None], np.float32)

    def _furrows(self, east: Field, north: Field, footprint_m: Field) -> Field:
        """Plough marks where a slow noise says that there is a field."""
        field = np.clip(_noise(self.world.seed, 24, 37.0, east, north) - 0.3, 0, 1)
        wave = np.sin((0.8 * east + 0.6 * north) * (2 * math.pi / 1.1))
        return np.asarray(0.09 * field * wave * np.clip(0.25 / footprint_m - 0.6, 0, 1), np.float32)

    def _with_yard(
        self, yard: Yard, colour: Field, east: Field, north: Field, footprint_m: Field
    ) -> Field:
        sine, cosine = _sine_cosine(yard.azimuth_deg)
        de, dn = east - yard.east_m, north - yard.north_m
        along = np.abs(de * sine + dn * cosine)
        across = np.abs(de * cosine - dn * sine)
        ragged = 1.2 * _noise(self.world.seed, 25, 2.0, east, north)
        inside = np.minimum(yard.length_m / 2 - along, yard.width_m / 2 - across) + ragged
        return _mix(colour, _BEATEN, 0.85 * _step(inside.astype(np.float32), footprint_m + 1.5))

    def _with_road(
        self, road: Road, colour: Field, east: Field, north: Field, footprint_m: Field
    ) -> tuple[Field, Field]:
        """The ground with the road on it, and how much grain is left at each place."""
        sine, cosine = _sine_cosine(road.azimuth_deg)
        de, dn = east - road.east_m, north - road.north_m
        across = np.abs(de * cosine - dn * sine)
        along = de * sine + dn * cosine
        ragged = 0.35 * _noise(self.world.seed, 26, 0.8, east, north)
        half = road.width_m / 2
        colour = _mix(colour, _GRAVEL, 0.8 * _step(half + 1.3 + ragged - across, footprint_m + 0.5))
        seal = _step(half - across, footprint_m)
        worn = 1 + 0.06 * _noise(self.world.seed, 27, 2.3, east, north)
        tracks = 1 - 0.07 * np.exp(-(((across - 0.25 * road.width_m) / 0.5) ** 2))
        colour = _mix(colour, _SEAL, seal)
        colour *= (1 + seal * (worn * tracks - 1))[..., None]
        edge = _step(0.06 - np.abs(across - (half - 0.25)), footprint_m)
        dash = _step(0.07 - across, footprint_m) * _step(
            1.5 - np.abs(np.mod(along, 9.0) - 4.5).astype(np.float32), footprint_m
        )
        # A line thinner than a pixel covers a part of it.
        thin = np.clip(0.13 / footprint_m, 0, 1)
        colour = _mix(colour, _PAINT, 0.8 * thin * np.maximum(edge, dash))
        return colour, np.asarray(1 - 0.45 * seal, np.float32)
