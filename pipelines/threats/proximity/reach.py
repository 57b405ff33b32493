"""How far from a position anything can be that a rule weighs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.ground import GroundPoint
from pipelines.threats.positions.position import Position
from pipelines.threats.positions.position_index import (
    PositionIndex,
    indexed,
    unit_vectors,
)
from pipelines.threats.proximity.disc_probability import REACH_SIGMAS
from pipelines.threats.rules.rule import Rule

BEYOND_RADIUS = 1.5
"""What has left the radius still tells where it went: as far again as half the radius."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reach:
    """Discs outside of which nothing is weighed.

    Attributes:
        latitude_deg: (D,) of their centres, WGS 84.
        longitude_deg: (D,) of their centres, WGS 84.
        radius_m: (D,) with the error of the position, without that of an object.
    """

    latitude_deg: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]
    radius_m: NDArray[np.float64]


def reach(positions: Sequence[Position] | PositionIndex, rules: Sequence[Rule]) -> Reach | None:
    """Where rules weigh objects; None without positions, for then a person looks at everything.

    As far as `pipelines.threats.proximity.weighing.weigh` ever reaches from an object that is
    placed exactly, and by half the radius more. A point and a polygon have one disc each, around
    all of it; a line has a chain of them. A position that no rule guards has none.
    """
    index = indexed(positions)
    if not len(index) or not rules:
        return None
    radius = BEYOND_RADIUS * index.radii_m(rules) + REACH_SIGMAS * math.sqrt(2.0) * index.sigma_m
    guarded = ~np.isnan(radius)
    links = index.links
    single = guarded.copy()
    single[links.columns] = False
    linked = guarded[links.columns]
    return Reach(
        latitude_deg=np.concatenate([index.latitude_deg[single], links.latitude_deg[linked]]),
        longitude_deg=np.concatenate([index.longitude_deg[single], links.longitude_deg[linked]]),
        radius_m=np.concatenate(
            [
                (radius + index.extent_m)[single],
                (links.margin_m + radius[links.columns])[linked],
            ]
        ),
    )


def positions_around(
    index: PositionIndex,
    rules: Sequence[Rule],
    footprint_lonlat: NDArray[np.float64] | None,
    ground: Sequence[GroundPoint],
) -> PositionIndex:
    """The guarded positions that reach the ground a frame shows, or an object in it as it may err.

    Args:
        index: of the mission.
        rules: in force.
        footprint_lonlat: (K, 2) ring of that ground, degrees; None where it is unknown.
        ground: places of its detections.
    """
    located = [it for it in ground if it.latitude_deg is not None]
    places = [(it.longitude_deg, it.latitude_deg) for it in located]
    around = np.array(places, np.float64).reshape(-1, 2)
    if footprint_lonlat is not None:
        around = np.concatenate([around, footprint_lonlat])
    if not len(around) or not len(index):
        return index.chosen(np.zeros(0, np.intp))
    errors = [
        float(np.trace(it.covariance_enu_m2[:2, :2]))
        for it in located
        if it.covariance_enu_m2 is not None
    ]
    widest_m = REACH_SIGMAS * math.sqrt(max([0.0, *errors]))
    unit = unit_vectors(around[:, 1], around[:, 0])
    error = index.extent_m + REACH_SIGMAS * math.sqrt(2.0) * index.sigma_m + widest_m
    own = np.fmax(index.radius_m, max((rule.radius_m for rule in rules), default=0.0))
    # Which rules guard a position is asked of those near by alone.
    columns = index.around(unit, BEYOND_RADIUS * own + error)
    near = index.chosen(columns)
    # Of a position that no rule guards the limit is NaN, which nothing is below.
    return near.chosen(near.around(unit, BEYOND_RADIUS * near.radii_m(rules) + error[columns]))
