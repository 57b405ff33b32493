"""How far from a position anything can be that a rule weighs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.disc_probability import REACH_SIGMAS
from pipelines.threats.positions import Position
from pipelines.threats.rules import Rule

BEYOND_RADIUS = 1.5
"""What has left the radius still tells where it went: as far again as half the radius."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reach:
    """Discs outside of which nothing is weighed.

    Attributes:
        latitude_deg: (P,) of their centres, WGS 84.
        longitude_deg: (P,) of their centres, WGS 84.
        radius_m: (P,) with the error of the position, without that of an object.
    """

    latitude_deg: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]
    radius_m: NDArray[np.float64]


def reach(positions: Sequence[Position], rules: Sequence[Rule]) -> Reach | None:
    """Where rules weigh objects; None without positions, for then a person looks at everything.

    As far as `pipelines.threats.proximity.weigh` ever reaches from a place that is known exactly,
    and by half the radius more. A position that no rule guards has no disc.
    """
    if not positions or not rules:
        return None
    rows = []
    for position in positions:
        radii = [
            rule.radius_m if position.radius_m is None else position.radius_m
            for rule in rules
            if not rule.position_kinds or position.kind in rule.position_kinds
        ]
        if radii:
            error_m = REACH_SIGMAS * math.sqrt(2.0) * position.sigma_m
            rows.append(
                (
                    position.latitude_deg,
                    position.longitude_deg,
                    BEYOND_RADIUS * max(radii) + error_m,
                )
            )
    latitude, longitude, radius = np.array(rows, np.float64).reshape(-1, 3).T
    return Reach(latitude_deg=latitude, longitude_deg=longitude, radius_m=radius)
