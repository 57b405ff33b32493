"""Earlier looks at the ground, and whether what stands there now is new."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.rules.requirements import NewObject
from pipelines.threats.tracks.coverage import shows
from pipelines.threats.tracks.track import Track, category_group

MAX_LOOKS = 300
"""So many of the latest looks are asked whether something is new; what no more of them show is not
known."""
# 99 % of a chi-squared variable of two degrees of freedom.
_GATE = 9.21
# Half a car: which part of an object was seen.
_BOX_SIGMA_M = 1.5
_MARGIN_SIGMAS = 2.0
# Faster than this with fair certainty, an object moves.
_MOVING_M_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Look:
    """A frame that showed some ground.

    Attributes:
        imagery_id: the frame.
        captured_at: when it was taken, aware.
        footprint_lonlat: (K, 2) closed ring of the ground that it shows, degrees.
    """

    imagery_id: str
    captured_at: datetime
    footprint_lonlat: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Newness:
    """Whether an object is new at its place.

    Attributes:
        is_new: it stands where the look of `empty_at` saw nothing.
        empty_at: the latest such look; None where it is not new.
    """

    is_new: bool
    empty_at: datetime | None = None


def newness(
    track: Track,
    asked: NewObject,
    *,
    looks: Sequence[Look],
    tracks: Sequence[Track],
    captured_at: datetime | None,
) -> Newness | None:
    """Whether an object stands where an earlier look, that showed the ground, saw nothing.

    What is known to move is not new at its place: it passes.
    The look has to be earlier than the object's first sight and no older than the rule allows, and
    has to show the place with two sigmas around it. An object that some other track of its kind was
    seen at before is not new: it is rather the same, followed badly.

    Returns:
        None where no such look showed the place, or a time is not known.
    """
    first = track.first_seen_at
    if first is None or captured_at is None:
        return None
    if _moves(track):
        return Newness(is_new=False)
    if captured_at - first > timedelta(seconds=asked.since_s):
        return Newness(is_new=False)
    if any(_seen_there(other, track, first) for other in tracks):
        return Newness(is_new=False)
    oldest = captured_at - timedelta(seconds=asked.since_s)
    earlier = sorted(
        (look for look in looks if oldest <= look.captured_at < first),
        key=lambda look: look.captured_at,
        reverse=True,
    )
    latitude, longitude = _around(track)
    for look in earlier:
        if bool(shows(look.footprint_lonlat, latitude, longitude).all()):
            return Newness(is_new=True, empty_at=look.captured_at)
    return None


def _moves(track: Track) -> bool:
    told = track.speed_m_s
    return told is not None and told[0] - told[1] > _MOVING_M_S


def _around(track: Track) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A place and the ends of the axes of its ellipse, (5,) latitudes and longitudes."""
    plane = LocalPlane(latitude_deg=track.latitude_deg, longitude_deg=track.longitude_deg)
    values, axes = np.linalg.eigh(track.covariance_m2)
    arms = (axes * (_MARGIN_SIGMAS * np.sqrt(np.maximum(values, 0.0)))).T
    places = [plane.place(arm) for arm in (np.zeros(2), *arms, *-arms)]
    return np.array([lat for lat, _ in places]), np.array([lon for _, lon in places])


def _seen_there(other: Track, track: Track, before: datetime) -> bool:
    """Whether another object of the kind was seen at the place of this one before it was."""
    if other.track_id == track.track_id or category_group(other.category) != category_group(
        track.category
    ):
        return False
    plane = LocalPlane(latitude_deg=track.latitude_deg, longitude_deg=track.longitude_deg)
    for point in other.points:
        if point.captured_at is None or point.captured_at >= before:
            continue
        (step,) = plane.enu(np.array([point.latitude_deg]), np.array([point.longitude_deg]))
        error = track.covariance_m2 + point.covariance_m2 + 2.0 * _BOX_SIGMA_M**2 * np.eye(2)
        if math.isfinite(step[0]) and float(step @ np.linalg.solve(error, step)) <= _GATE:
            return True
    return False
