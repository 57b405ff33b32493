"""Whether an object crossed a line, or the edge of an area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.position import Position
from pipelines.threats.rules.closing import Outline, draws, in_plane, outline_of
from pipelines.threats.tracks.track import Track, TrackPoint

# Farther from all of a path than this many sigmas an edge is not crossed.
_REACH_SIGMAS = 5.0
_MEAN_OF = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Way(StrEnum):
    """How it went."""

    OVER = "over"
    INTO = "into"
    OUT_OF = "out of"


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """How likely an object has crossed.

    Attributes:
        probability: that it was on the one side at some look and is on the other now.
        way: over a line, or into or out of an area.
    """

    probability: float
    way: Way


def passage(track: Track, position: Position) -> Passage | None:
    """How likely an object crossed the line, or the edge of the area, that a position is.

    Where it was before is held against where it is now: over draws of both places and of the
    position's own error, which is the same in both, the straight path between them is counted
    against every edge, once in each direction. The likeliest earlier place counts, in its likelier
    direction. Among n looks at something that goes along the line, some lie on its other side by
    chance, so that the chance of a single look to mislead is taken n times (Bonferroni); the mean
    of five that follow each other, with the error of one, is taken as it is.

    Returns:
        None where the position has no outline, or the times of the looks are not known; a
        probability of 0 after a single look.
    """
    outline = outline_of(position)
    if outline.is_point or track.last_seen_at is None:
        return None
    times = [point.captured_at for point in track.points]
    if not times or any(moment is None for moment in times):
        return None
    earlier = [
        point
        for point in track.points
        if point.captured_at is not None and point.captured_at < track.last_seen_at
    ]
    now, turn = in_plane(position, track.latitude_deg, track.longitude_deg)
    now_covariance = turn @ track.covariance_m2 @ turn.T
    common = position.sigma_m**2 * np.eye(2)
    best, entered = 0.0, False
    for then, then_covariance, chances in _places_before(position, earlier):
        covariance = np.tile(common, (2, 2))
        covariance[:2, :2] += then_covariance
        covariance[2:, 2:] += now_covariance
        edges = _near(outline, np.stack([then, now]), covariance)
        if not len(edges):
            continue
        net = _net_crossings(outline, edges, draws(np.concatenate([then, now]), covariance))
        probability = max(float(np.mean(net > 0)), float(np.mean(net < 0)))
        probability = max(1.0 - chances * (1.0 - probability), 0.0)
        if probability > best:
            best, entered = probability, outline.holds(now)
    way = Way.OVER if outline.core is None else (Way.INTO if entered else Way.OUT_OF)
    return Passage(probability=best, way=way)


def _places_before(
    position: Position, looks: Sequence[TrackPoint]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], int]]:
    """Earlier places (2,), their covariances (2, 2), and how many chances they had to mislead."""
    places, covariances = [], []
    for look in sorted(looks, key=lambda it: it.captured_at or _EPOCH):
        place, turn = in_plane(position, look.latitude_deg, look.longitude_deg)
        places.append(place)
        covariances.append(turn @ look.covariance_m2 @ turn.T)
    count = len(places)
    found = [
        (place, covariance, count) for place, covariance in zip(places, covariances, strict=True)
    ]
    for first in range(count - _MEAN_OF + 1):
        part = slice(first, first + _MEAN_OF)
        found.append((np.mean(places[part], axis=0), np.mean(covariances[part], axis=0), 1))
    return found


def _near(
    outline: Outline, path: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Which edges lie in the box around a path (2, 2) and its errors (4, 4)."""
    spread = _REACH_SIGMAS * float(np.sqrt(np.diag(covariance).max()))
    low, high = path.min(axis=0) - spread, path.max(axis=0) + spread
    first = np.minimum(outline.starts, outline.ends)
    last = np.maximum(outline.starts, outline.ends)
    return np.flatnonzero(((first <= high) & (last >= low)).all(axis=1))


def _net_crossings(
    outline: Outline, edges: NDArray[np.intp], paths: NDArray[np.float64]
) -> NDArray[np.int64]:
    """(N,) how often each path crosses edges from their right to their left, less the reverse.

    Args:
        outline: of which
        edges: (K,) some edges.
        paths: (N, 4) from (x, y) to (x, y).
    """
    start, stop = paths[:, :2], paths[:, 2:]
    net = np.zeros(len(paths), np.int64)
    for edge in edges:
        a, b = outline.starts[edge], outline.ends[edge]
        before, after = _side(a, b, start), _side(a, b, stop)
        # One end of an edge belongs to it and the other to the next, so that none counts twice.
        ends = (_cross(start, stop, a) > 0.0) != (_cross(start, stop, b) > 0.0)
        net += np.where(ends & (before <= 0.0) & (after > 0.0), 1, 0)
        net -= np.where(ends & (before > 0.0) & (after <= 0.0), 1, 0)
    return net


def _side(
    a: NDArray[np.float64], b: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) positive left of the line from a to b."""
    edge, step = b - a, places - a
    return np.asarray(edge[0] * step[:, 1] - edge[1] * step[:, 0], np.float64)


def _cross(
    start: NDArray[np.float64], stop: NDArray[np.float64], place: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) positive where one place is left of each path."""
    path, step = stop - start, place - start
    return np.asarray(path[:, 0] * step[:, 1] - path[:, 1] * step[:, 0], np.float64)
