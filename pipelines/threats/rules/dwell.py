"""How long an object has stayed near a position, as far as its looks tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import numpy as np

from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.disc_probability import probability_within
from pipelines.threats.rules.closing import in_plane, outline_of, probability_near
from pipelines.threats.rules.requirements import Dwell
from pipelines.threats.tracks.track import Track, TrackPoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """The latest stay of an object within a radius.

    Attributes:
        least_s: from the first to the last of its looks that are within; it stayed so long.
        most_s: the same where looks that cannot tell, or are no longer known one by one, count too.
    """

    least_s: float
    most_s: float


class _Look(Enum):
    WITHIN = "within"
    BEYOND = "beyond"
    VAGUE = "vague"


def stay(track: Track, position: Position, radius_m: float, asked: Dwell) -> Stay | None:
    """How long an object has been within the radius up to its latest look.

    Each look counts by its own probability of being within, with the errors of object and position.
    One whose ellipse is so wide that not even an object on the position itself would count can tell
    nothing: it neither begins nor ends a stay. Looks farther apart than the rule's gap are of two
    stays.

    Returns:
        None where the times of the looks are not known, or none of the latest can tell.
    """
    timed = [(point.captured_at, point) for point in track.points if point.captured_at is not None]
    if not timed or len(timed) < len(track.points):
        return None
    timed.sort(key=lambda pair: pair[0])
    times = [moment for moment, _ in timed]
    looks = _looks([point for _, point in timed], position, radius_m, asked.probability)
    if all(look is _Look.VAGUE for look in looks):
        return None
    begin = _first_of_stay(times, looks, asked.max_gap_s)
    if begin is None:
        return Stay(least_s=0.0, most_s=0.0)
    latest = times[-1]
    within = [times[at] for at in range(begin, len(times)) if looks[at] is _Look.WITHIN]
    least = (within[-1] - within[0]).total_seconds() if within else 0.0
    first = times[begin]
    if begin == 0 and track.sighting_count > len(timed) and track.first_seen_at is not None:
        # Its older looks are no longer known one by one: it may have been here all the time.
        first = min(first, track.first_seen_at)
    return Stay(least_s=least, most_s=max((latest - first).total_seconds(), least))


def _first_of_stay(
    times: Sequence[datetime], looks: Sequence[_Look], max_gap_s: float
) -> int | None:
    """Where the run of looks begins that the latest is part of; None where that is beyond."""
    begin = None
    for at in range(len(times) - 1, -1, -1):
        if looks[at] is _Look.BEYOND:
            break
        if begin is not None and (times[begin] - times[at]).total_seconds() > max_gap_s:
            break
        begin = at
    return begin


def _looks(
    points: Sequence[TrackPoint], position: Position, radius_m: float, probability: float
) -> list[_Look]:
    outline = outline_of(position)
    error = position.sigma_m**2 * np.eye(2)
    offsets, covariances = [], []
    for point in points:
        offset, turn = in_plane(position, point.latitude_deg, point.longitude_deg)
        offsets.append(offset)
        covariances.append(turn @ point.covariance_m2 @ turn.T + error)
    radius = np.full(len(points), radius_m)
    spread = np.stack(covariances)
    at_best = probability_within(np.zeros((len(points), 2)), spread, radius)
    if outline.is_point:
        here = probability_within(np.stack(offsets), spread, radius)
    else:
        here = np.array(
            [
                probability_near(outline, offset, covariance, radius_m)
                for offset, covariance in zip(offsets, covariances, strict=True)
            ]
        )
    return [
        _Look.WITHIN
        if value >= probability
        else (_Look.VAGUE if best < probability else _Look.BEYOND)
        for value, best in zip(here.tolist(), at_best.tolist(), strict=True)
    ]
