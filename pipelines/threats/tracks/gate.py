"""Which of many tracks can be what a frame shows, before anything dear is asked of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.association import GATE_CHI2
from pipelines.threats.tracks.motion import (
    BOX_SIGMA_M,
    FARTHEST_MOTION_M,
    driven_variance_m2,
    fresh_share,
    motion_sigma_m,
)
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint
from pipelines.threats.tracks.track_anchor import LONGEST_DRIFT_S, SAME_ERRORS_S

Floats = NDArray[np.float64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# By then whatever moves has moved as far as it may; infinitely long times no speed is no number.
_LONG_S = 1e6
# No degree of latitude is longer on WGS 84, and none of longitude on the equator.
_LONGEST_DEGREE_M = 111_700.0
# Distances in the planes of two origins differ by less.
_PLANE_SHARE, _PLANE_M = 0.01, 1.0
# Tracks are told apart by which object they are; one that is kept stays the same from frame to
# frame.
_TRACKS_KEPT = 16_384


def within_gate(
    tracks: Sequence[Track],
    looks: Collection[TrackPoint],
    *,
    captured_at: datetime | None,
    sortie_id: str,
) -> list[Track]:
    """The tracks that any of some looks can be of, in the order given; often a few of hundreds.

    None is left out that `pipelines.threats.tracks.association.associate` could pair with any of
    the looks: each is taken to be where `pipelines.threats.tracks.track_anchor.anchor` may put it,
    to have moved as far as it may, or to have driven on in any direction.

    Args:
        tracks: in any order.
        looks: of one frame.
        captured_at: when it was taken, aware; None where that is unknown.
        sortie_id: its flight.
    """
    if not tracks or not looks:
        return []
    reach = _reach(np.array([_row(track, sortie_id) for track in tracks]).T, captured_at)
    seen = np.array([(it.latitude_deg, it.longitude_deg, _variance_m2(it)) for it in looks])
    plane = LocalPlane(latitude_deg=float(seen[0, 0]), longitude_deg=float(seen[0, 1]))
    places = plane.enu(reach.latitude_deg, reach.longitude_deg)
    step = places[:, None] - plane.enu(seen[:, 0], seen[:, 1])[None]
    # No eigenvalue of a covariance exceeds its trace.
    variance = reach.own_m2[:, None] + reach.share[:, None] * seen[None, :, 2]
    farthest = reach.slack_m[:, None] + np.sqrt(GATE_CHI2 * variance)
    near = np.hypot(step[..., 0], step[..., 1]) <= farthest * (1.0 + _PLANE_SHARE) + _PLANE_M
    return [track for track, kept in zip(tracks, near.any(axis=1).tolist(), strict=True) if kept]


class _Reach(NamedTuple):
    """Where N tracks are looked for, and how far from there, (N,) each.

    Attributes:
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        slack_m: each may be so far aside, whatever the covariances are.
        share: of a look's variance that counts, at most.
        own_m2: variance of both axes beside that.
    """

    latitude_deg: Floats
    longitude_deg: Floats
    slack_m: Floats
    share: Floats
    own_m2: Floats


def _reach(columns: Floats, captured_at: datetime | None) -> _Reach:
    """Where tracks are looked for, from the columns of their rows: see `_Row`."""
    row = _Row(*columns)
    gap_s = np.full(len(row.time), np.nan)
    since_s = gap_s
    if captured_at is not None:
        now = _microseconds(captured_at)
        gap_s, since_s = (now - row.time) / 1e6, (now - row.flown_time) / 1e6
    # A frame that came late, or at no known time, may find an object at any of its looks.
    late = gap_s < 0.0
    anywhere = late | np.isnan(gap_s)
    flown = (since_s <= SAME_ERRORS_S) & ~anywhere
    gap_s = np.where(anywhere, 0.0, np.where(flown, since_s, gap_s))
    share = np.where(flown, row.flown_share, 1.0)
    moved_m2 = np.minimum(row.rate_m_s * gap_s, row.most_m) ** 2
    drifts = (row.speed_m_s >= 0.0) & (gap_s > 0.0) & (gap_s <= LONGEST_DRIFT_S)
    driven_m2 = row.speed_variance * gap_s**2 + row.driven_m2 * gap_s**3
    moved_m2 = np.where(drifts, np.maximum(moved_m2, driven_m2), moved_m2)
    slack_m = np.where(drifts, row.speed_m_s * gap_s, np.where(flown, row.flown_extent_m, 0.0))
    own_m2 = share * np.where(flown, row.flown_m2, row.variance_m2) + moved_m2
    farthest = np.where(late & (row.drives > 0.0), np.inf, row.extent_m)
    return _Reach(
        latitude_deg=np.where(flown, row.flown_latitude_deg, row.latitude_deg),
        longitude_deg=np.where(flown, row.flown_longitude_deg, row.longitude_deg),
        slack_m=np.where(anywhere, farthest, slack_m),
        share=share,
        own_m2=np.where(anywhere, row.widest_m2 + FARTHEST_MOTION_M**2, own_m2)
        + 2.0 * BOX_SIGMA_M**2,
    )


class _Row(NamedTuple):
    """What is asked of a track with every frame of a flight, in numbers; or of N tracks, (N,) each.

    Attributes:
        latitude_deg: of the track, WGS 84.
        longitude_deg: of the track, WGS 84.
        variance_m2: of both axes there.
        time: of its last look, microseconds; NaN where unknown.
        flown_latitude_deg: of its latest look of the flight that has a time; NaN where none has.
        flown_longitude_deg: of that look.
        flown_m2: variance of both axes of that look.
        flown_time: of that look, microseconds.
        flown_share: of the variance of a pair of looks of the flight that is new, at most.
        flown_extent_m: from that look to where it is looked for instead, at most: what was seen to
            stand, at the mean of some of its looks.
        extent_m: from its place to its farthest look.
        widest_m2: the widest variance of any look.
        drives: 1 where it was seen to drive or has a velocity, else 0.
        speed_m_s: with which it is looked for farther on; -1 where it is not.
        speed_variance: of both axes.
        rate_m_s: one sigma of motion in a second.
        most_m: one sigma of motion at most.
        driven_m2: variance of both axes from acceleration, after a second.
    """

    latitude_deg: Any
    longitude_deg: Any
    variance_m2: Any
    time: Any
    flown_latitude_deg: Any
    flown_longitude_deg: Any
    flown_m2: Any
    flown_time: Any
    flown_share: Any
    flown_extent_m: Any
    extent_m: Any
    widest_m2: Any
    drives: Any
    speed_m_s: Any
    speed_variance: Any
    rate_m_s: Any
    most_m: Any
    driven_m2: Any


@functools.lru_cache(maxsize=_TRACKS_KEPT)
def _row(track: Track, sortie_id: str) -> _Row:
    latest: TrackPoint | None = None
    latest_time = math.nan
    flown = []
    for point in track.points:
        if point.sortie_id == sortie_id and point.captured_at is not None:
            flown.append(point)
            time = _microseconds(point.captured_at)
            if latest is None or time >= latest_time:
                latest, latest_time = point, time
    moving = track.mobility is Mobility.MOVING
    stands = track.mobility is Mobility.STILL
    speed_m_s, group = -1.0, track.group
    if track.velocity_m_s is not None and not stands:
        speed_m_s = math.hypot(*track.drift_m_s.tolist())
    return _Row(
        latitude_deg=track.latitude_deg,
        longitude_deg=track.longitude_deg,
        variance_m2=_variance_m2(track),
        time=math.nan if track.last_seen_at is None else _microseconds(track.last_seen_at),
        flown_latitude_deg=math.nan if latest is None else latest.latitude_deg,
        flown_longitude_deg=math.nan if latest is None else latest.longitude_deg,
        flown_m2=math.nan if latest is None else _variance_m2(latest),
        flown_time=latest_time,
        flown_share=fresh_share(SAME_ERRORS_S) if sortie_id else 1.0,
        flown_extent_m=_extent_m(latest, flown) if stands and latest is not None else 0.0,
        extent_m=_extent_m(track, track.points),
        widest_m2=max([_variance_m2(track), *map(_variance_m2, track.points)]),
        drives=float(moving or track.velocity_m_s is not None),
        speed_m_s=speed_m_s,
        speed_variance=float(track.state_covariance[2, 2] + track.state_covariance[3, 3]),
        rate_m_s=motion_sigma_m(group, 1.0, driving=moving),
        most_m=motion_sigma_m(group, _LONG_S, driving=moving),
        driven_m2=2.0 * driven_variance_m2(group, 1.0),
    )


def _microseconds(moment: datetime) -> float:
    """Whole microseconds since 1970, so that their differences are exact."""
    return float((moment - _EPOCH) // _MICROSECOND)


def _extent_m(place: Track | TrackPoint, points: Sequence[TrackPoint]) -> float:
    """From a place to the farthest of some looks, a little more rather than less."""
    farthest = 0.0
    narrow = math.cos(math.radians(place.latitude_deg))
    for point in points:
        east = math.remainder(point.longitude_deg - place.longitude_deg, 360.0) * narrow
        away = math.hypot(east, point.latitude_deg - place.latitude_deg)
        farthest = max(farthest, away * _LONGEST_DEGREE_M)
    return farthest


def _variance_m2(place: Track | TrackPoint) -> float:
    """Of both axes together."""
    return float(place.covariance_m2[0, 0] + place.covariance_m2[1, 1])
