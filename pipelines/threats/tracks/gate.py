"""Which of many tracks can be what a frame shows, before anything dear is asked of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

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
    latitude, longitude, slack_m, share, own_m2 = np.array(
        [_reach(track, captured_at, sortie_id) for track in tracks]
    ).T
    seen = np.array([(it.latitude_deg, it.longitude_deg, _variance_m2(it)) for it in looks])
    plane = LocalPlane(latitude_deg=float(seen[0, 0]), longitude_deg=float(seen[0, 1]))
    step = plane.enu(latitude, longitude)[:, None] - plane.enu(seen[:, 0], seen[:, 1])[None]
    # No eigenvalue of a covariance exceeds its trace.
    variance = own_m2[:, None] + share[:, None] * seen[None, :, 2]
    reach = slack_m[:, None] + np.sqrt(GATE_CHI2 * variance)
    near = np.hypot(step[..., 0], step[..., 1]) <= reach * (1.0 + _PLANE_SHARE) + _PLANE_M
    return [track for track, kept in zip(tracks, near.any(axis=1).tolist(), strict=True) if kept]


class _Reach(NamedTuple):
    """Where a track is looked for, and how far from there.

    Attributes:
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        slack_m: it may be so far aside, whatever the covariances are.
        share: of a look's variance that counts.
        own_m2: variance of both axes beside that.
    """

    latitude_deg: float
    longitude_deg: float
    slack_m: float
    share: float
    own_m2: float


# What the ledger is asked for before a frame is taken in is asked again while it is.
@functools.lru_cache(maxsize=4096)
def _reach(track: Track, captured_at: datetime | None, sortie_id: str) -> _Reach:
    if captured_at is None or track.last_seen_at is None or captured_at < track.last_seen_at:
        return _anywhere(track, late=captured_at is not None and track.last_seen_at is not None)
    known = _known(track)
    latitude_deg, longitude_deg, variance_m2 = known.place
    gap_s, share = (captured_at - track.last_seen_at).total_seconds(), 1.0
    latest = known.latest.get(sortie_id)
    if latest is not None:
        since_s = (captured_at - latest[0]).total_seconds()
        if since_s <= SAME_ERRORS_S:
            latitude_deg, longitude_deg, variance_m2 = latest[1]
            gap_s, share = since_s, fresh_share(since_s) if sortie_id else 1.0
    moved_m2 = motion_sigma_m(known.group, gap_s, driving=known.is_moving) ** 2
    slack_m = 0.0
    if track.mobility is Mobility.STILL:
        # The mean of some of its looks.
        slack_m = _extent(track)[0]
    elif known.speed is not None and 0.0 < gap_s <= LONGEST_DRIFT_S:
        speed_m_s, speed_variance = known.speed
        slack_m = speed_m_s * gap_s
        driven_m2 = speed_variance * gap_s**2 + 2.0 * driven_variance_m2(known.group, gap_s)
        moved_m2 = max(moved_m2, driven_m2)
    return _Reach(
        latitude_deg,
        longitude_deg,
        slack_m,
        share,
        share * variance_m2 + 2.0 * BOX_SIGMA_M**2 + moved_m2,
    )


def _anywhere(track: Track, *, late: bool) -> _Reach:
    """Of a frame that came late, or at no known time: at any of its looks, or between them."""
    farthest, variance = _extent(track)
    drives = track.mobility is Mobility.MOVING or track.velocity_m_s is not None
    return _Reach(
        latitude_deg=track.latitude_deg,
        longitude_deg=track.longitude_deg,
        slack_m=math.inf if late and drives else farthest,
        share=1.0,
        own_m2=variance + 2.0 * BOX_SIGMA_M**2 + FARTHEST_MOTION_M**2,
    )


@functools.lru_cache(maxsize=_TRACKS_KEPT)
def _extent(track: Track) -> tuple[float, float]:
    """Metres from its place to its farthest look, and the widest variance of any, square metres."""
    farthest, variance = 0.0, _variance_m2(track)
    narrow = math.cos(math.radians(track.latitude_deg))
    for point in track.points:
        east = math.remainder(point.longitude_deg - track.longitude_deg, 360.0) * narrow
        away = math.hypot(east, point.latitude_deg - track.latitude_deg)
        farthest = max(farthest, away * _LONGEST_DEGREE_M)
        variance = max(variance, _variance_m2(point))
    return farthest, variance


class _Known(NamedTuple):
    """What is asked of a track with every frame.

    Attributes:
        place: latitude and longitude in degrees, and the variance of both axes, square metres.
        latest: time and place of its latest look that has a time, by flight.
        group: of categories.
        is_moving: it was seen to drive.
        speed: metres a second, and the variance of both axes; None where it has no velocity.
    """

    place: tuple[float, float, float]
    latest: Mapping[str, tuple[datetime, tuple[float, float, float]]]
    group: str
    is_moving: bool
    speed: tuple[float, float] | None


@functools.lru_cache(maxsize=_TRACKS_KEPT)
def _known(track: Track) -> _Known:
    latest: dict[str, tuple[datetime, tuple[float, float, float]]] = {}
    for point in track.points:
        before = latest.get(point.sortie_id)
        if point.captured_at is not None and (before is None or point.captured_at >= before[0]):
            latest[point.sortie_id] = point.captured_at, _place(point)
    speed = None
    if track.velocity_m_s is not None:
        variance = float(track.state_covariance[2, 2] + track.state_covariance[3, 3])
        speed = math.hypot(*track.drift_m_s.tolist()), variance
    return _Known(
        place=_place(track),
        latest=latest,
        group=track.group,
        is_moving=track.mobility is Mobility.MOVING,
        speed=speed,
    )


def _place(place: Track | TrackPoint) -> tuple[float, float, float]:
    return place.latitude_deg, place.longitude_deg, _variance_m2(place)


def _variance_m2(place: Track | TrackPoint) -> float:
    """Of both axes together."""
    return float(place.covariance_m2[0, 0] + place.covariance_m2[1, 1])
