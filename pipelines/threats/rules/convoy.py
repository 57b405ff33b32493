"""Vehicles in line: on a straight, along a bend, or along a known route."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.rules.requirements import Convoy

# From one stretch of a bend to the next; a queue that turns back on itself is none.
_MAX_TURN_DEG = 45.0
# Faster than this with fair certainty, a vehicle moves.
_MOVING_M_S = 1.0
# Centres closer than this are side by side, as in a car park, not one behind the other.
_SIDE_BY_SIDE_M = 4.0
# So many vehicles in one place are a car park, which is searched by its nearest neighbours alone.
_MOST_NEIGHBOURS = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Vehicle:
    """A vehicle at one time.

    Attributes:
        place_m: (2,) east and north in a common plane.
        velocity_m_s: (2,); None where it is not known.
        velocity_sigma_m_s: one sigma of its speed.
    """

    place_m: NDArray[np.float64]
    velocity_m_s: NDArray[np.float64] | None = None
    velocity_sigma_m_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """Vehicles in line.

    Attributes:
        members: their indices, from one end to the other.
        moving: whether they move; None where no velocity of theirs is known.
    """

    members: tuple[int, ...]
    moving: bool | None


def columns(
    vehicles: Sequence[Vehicle], asked: Convoy, routes: Sequence[NDArray[np.float64]] = ()
) -> tuple[Column, ...]:
    """The columns among some vehicles, the longest first; no vehicle is in two.

    Vehicles are in line where each is no farther from the next than the rule's spacing, and they
    lie on one straight or along one route within its offset, or on a path that bends by no more
    than 45 degrees from one vehicle to the next. Vehicles side by side are in no column. Of those
    whose heading is known, none differs from the next such by more than the rule's spread; of those
    whose speed is known, most move or most stand, and where the rule asks for a moving column,
    standing ones are none.

    Args:
        vehicles: N of them.
        asked: what makes a column.
        routes: vertices (K, 2) of known routes in the same plane.
    """
    left = _apart(vehicles)
    found: list[Column] = []
    while len(left) >= asked.min_count:
        best: tuple[int, ...] = ()
        for chain in _chains(vehicles, left, asked, routes):
            if len(chain) > len(best):
                best = chain
        if len(best) < asked.min_count:
            break
        moving = _moving([vehicles[index] for index in best])
        if moving is not False or not asked.moving:
            found.append(Column(members=best, moving=moving))
        left = [index for index in left if index not in best]
    return tuple(found)


def _apart(vehicles: Sequence[Vehicle]) -> list[int]:
    """Indices of those that no other stands side by side with."""
    if not vehicles:
        return []
    places = np.stack([vehicle.place_m for vehicle in vehicles])
    gaps = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    np.fill_diagonal(gaps, np.inf)
    return [int(index) for index in np.flatnonzero(gaps.min(axis=1) >= _SIDE_BY_SIDE_M)]


def _chains(
    vehicles: Sequence[Vehicle],
    left: Sequence[int],
    asked: Convoy,
    routes: Sequence[NDArray[np.float64]],
) -> list[tuple[int, ...]]:
    """Candidates, each the longest of its kind."""
    places = np.stack([vehicles[index].place_m for index in left])
    gaps = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    chains = []
    for route in routes:
        along, across = _along(route, places)
        on = np.flatnonzero(across <= asked.max_offset_m)
        chains += _runs(on[np.argsort(along[on])], gaps, asked.max_spacing_m)
    pairs = _pairs(gaps, asked.max_spacing_m)
    for first, second in pairs:
        axis = (places[second] - places[first]) / gaps[first, second]
        step = places - places[first]
        across = np.abs(axis[0] * step[:, 1] - axis[1] * step[:, 0])
        on = np.flatnonzero(across <= asked.max_offset_m)
        order = on[np.argsort(step[on] @ axis)]
        chains += _runs(order, gaps, asked.max_spacing_m)
        chains.append(_bend(places, gaps, first, second, asked.max_spacing_m))
    kept = []
    for chain in {tuple(int(at) for at in chain) for chain in chains}:
        if len(chain) >= asked.min_count:
            named = tuple(left[at] for at in chain)
            if _agreeing(vehicles, named, asked.max_heading_spread_deg):
                kept.append(named)
    return sorted(kept, key=lambda chain: (-len(chain), chain))


def _pairs(gaps: NDArray[np.float64], spacing_m: float) -> list[tuple[int, int]]:
    """Ordered pairs that may follow each other, of each vehicle with its nearest neighbours."""
    pairs = []
    for first in range(len(gaps)):
        near = [
            int(at)
            for at in np.argsort(gaps[first], kind="stable")
            if at != first and 0.0 < gaps[first, at] <= spacing_m
        ]
        pairs += [(first, second) for second in near[:_MOST_NEIGHBOURS]]
    return pairs


def _runs(
    order: NDArray[np.intp], gaps: NDArray[np.float64], spacing_m: float
) -> list[tuple[int, ...]]:
    """Parts of an order in which each is within the spacing of the next."""
    runs: list[list[int]] = []
    for at in order.tolist():
        if runs and gaps[runs[-1][-1], at] <= spacing_m:
            runs[-1].append(at)
        else:
            runs.append([at])
    return [tuple(run) for run in runs]


def _bend(
    places: NDArray[np.float64],
    gaps: NDArray[np.float64],
    first: int,
    second: int,
    spacing_m: float,
) -> tuple[int, ...]:
    """From a pair on, always to the nearest that is ahead."""
    chain = [first, second]
    cosine = math.cos(math.radians(_MAX_TURN_DEG))
    while True:
        here = chain[-1]
        course = places[here] - places[chain[-2]]
        following = None
        for at in np.argsort(gaps[here], kind="stable").tolist():
            gap = gaps[here, at]
            if gap > spacing_m:
                break
            if at in chain or gap == 0.0:
                continue
            step = places[at] - places[here]
            if float(course @ step) >= cosine * float(np.hypot(*course)) * gap:
                following = at
                break
        if following is None:
            return tuple(chain)
        chain.append(following)


def _along(
    route: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each place (N, 2) how far along a route (K, 2) it is, and how far from it."""
    edges = np.diff(route, axis=0)
    lengths = np.hypot(*edges.T)
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    square = np.where(lengths > 0.0, lengths**2, 1.0)
    part = np.einsum("nkj,kj->nk", places[:, None] - route[None, :-1], edges) / square
    part = np.clip(part, 0.0, 1.0)
    points = route[None, :-1] + part[..., None] * edges
    away = np.hypot(*(places[:, None] - points).transpose(2, 0, 1))
    nearest = np.argmin(away, axis=1)
    rows = np.arange(len(places))
    return starts[nearest] + part[rows, nearest] * lengths[nearest], away[rows, nearest]


def _agreeing(vehicles: Sequence[Vehicle], chain: Sequence[int], spread_deg: float) -> bool:
    """Whether each known heading agrees with the next known one along the chain."""
    known = [heading for index in chain if (heading := _heading_deg(vehicles[index])) is not None]
    turns = [abs(math.remainder(b - a, 360.0)) for a, b in itertools.pairwise(known)]
    return all(turn <= spread_deg for turn in turns)


def _heading_deg(vehicle: Vehicle) -> float | None:
    velocity = vehicle.velocity_m_s
    if velocity is None:
        return None
    speed = float(np.hypot(*velocity))
    if speed < max(_MOVING_M_S, 2.0 * vehicle.velocity_sigma_m_s):
        return None
    return math.degrees(math.atan2(float(velocity[0]), float(velocity[1])))


def _moving(column: Sequence[Vehicle]) -> bool | None:
    """Whether most of those whose speed is known well enough move."""
    votes = []
    for vehicle in column:
        if vehicle.velocity_m_s is None:
            continue
        speed = float(np.hypot(*vehicle.velocity_m_s))
        sigma = vehicle.velocity_sigma_m_s
        if speed - sigma > _MOVING_M_S:
            votes.append(True)
        elif speed + sigma < _MOVING_M_S or speed < _MOVING_M_S:
            votes.append(False)
    return None if not votes else sum(votes) * 2 >= len(votes)
