"""Places on the ground with their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.outcome import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class GroundPoint:
    """One place on the ground; every other field is None or empty unless `outcome` is LOCATED.

    Attributes:
        outcome: whether the pixel has a place, or why not.
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        hae_m: height above the WGS 84 ellipsoid; None where only a height above ground is known.
        covariance_enu_m2: (3, 3) float64 in the local east, north, up frame.
        ce90_m: radius that holds 90 % of horizontal errors.
        le90_m: half interval that holds 90 % of vertical errors; None where `hae_m` is.
        slant_range_m: distance from camera to point.
        depression_deg: angle of the ray below the camera's horizontal.
        terrain: what the ray was met with, for example "dem:srtm.tif" or "flat:relative_height".
        occlusion_risk: the ray meets the terrain again close behind this point.
    """

    outcome: Outcome
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    hae_m: float | None = None
    covariance_enu_m2: NDArray[np.float64] | None = None
    ce90_m: float | None = None
    le90_m: float | None = None
    slant_range_m: float | None = None
    depression_deg: float | None = None
    terrain: str = ""
    occlusion_risk: bool = False
