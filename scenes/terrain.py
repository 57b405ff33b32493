"""Ground whose height is a formula, so that an elevation model and the truth cannot disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Swell:
    """One sine wave of a rolling ground.

    Attributes:
        amplitude_m: half the height from trough to crest.
        wavelength_m: from crest to crest.
        azimuth_deg: direction in which it runs, clockwise from north.
        phase_deg: at the origin.
    """

    amplitude_m: float
    wavelength_m: float
    azimuth_deg: float
    phase_deg: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Terrain:
    """Height above the ellipsoid as a level plus swells; no swells is flat ground.

    Attributes:
        level_hae_m: mean height above the WGS 84 ellipsoid.
        swells: waves on it.
    """

    level_hae_m: float
    swells: tuple[Swell, ...] = ()

    def hae_m(self, east_m: ArrayLike, north_m: ArrayLike) -> NDArray[np.float64]:
        """Height above the ellipsoid at east and north metres of the scene; any shape, the same."""
        east, north = np.asarray(east_m, np.float64), np.asarray(north_m, np.float64)
        height = np.full(np.broadcast(east, north).shape, self.level_hae_m)
        for swell in self.swells:
            height = height + swell.amplitude_m * np.sin(self._angle(swell, east, north))
        return height

    def slope(
        self, east_m: ArrayLike, north_m: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rise per metre to the east and to the north."""
        east, north = np.asarray(east_m, np.float64), np.asarray(north_m, np.float64)
        to_east = np.zeros(np.broadcast(east, north).shape)
        to_north = to_east.copy()
        for swell in self.swells:
            azimuth = np.radians(swell.azimuth_deg)
            steepness = (
                swell.amplitude_m
                * (2 * np.pi / swell.wavelength_m)
                * np.cos(self._angle(swell, east, north))
            )
            to_east += steepness * np.sin(azimuth)
            to_north += steepness * np.cos(azimuth)
        return to_east, to_north

    @staticmethod
    def _angle(
        swell: Swell, east: NDArray[np.float64], north: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        azimuth = np.radians(swell.azimuth_deg)
        run = east * np.sin(azimuth) + north * np.cos(azimuth)
        return np.asarray(2 * np.pi * run / swell.wavelength_m + np.radians(swell.phase_deg))
