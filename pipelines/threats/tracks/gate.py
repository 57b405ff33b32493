"""Which of many tracks can be what a frame shows, before anything dear is asked of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from datetime import datetime

import numpy as np

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.association import GATE_CHI2
from pipelines.threats.tracks.motion import BOX_SIGMA_M, FARTHEST_MOTION_M, driven_variance_m2
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint
from pipelines.threats.tracks.track_anchor import LONGEST_DRIFT_S, SAME_ERRORS_S

# No degree of latitude is longer on WGS 84, and none of longitude on the equator.
_LONGEST_DEGREE_M = 111_700.0
# Distances in the planes of two origins differ by less.
_PLANE_SHARE, _PLANE_M = 0.01, 1.0
_ANY_VARIANCE_M2 = 2.0 * BOX_SIGMA_M**2 + FARTHEST_MOTION_M**2
# Tracks are told apart by which object they are; one that is kept stays the same from frame to
# frame.
_EXTENTS_KEPT = 16_384


def within_gate(
    tracks: Sequence[Track],
    looks: Collection[TrackPoint],
    *,
    captured_at: datetime | None,
    sortie_id: str,
) -> list[Track]:
    """The tracks that any of some looks can be of, in the order given; often a few of hundreds.

    None is left out that `pipelines.threats.tracks.association.associate` could pair with any of
    the looks: each is taken to be anywhere among its looks, as unsure as the least sure of them,
    to have moved as far as anything may, or to have driven on in any direction.

    Args:
        tracks: in any order.
        looks: of one frame.
        captured_at: when it was taken, aware; None where that is unknown.
        sortie_id: its flight.
    """
    if not tracks or not looks:
        return []
    extents = np.array([_extent(track) for track in tracks])
    driven = np.array([_driven(track, captured_at, sortie_id) for track in tracks])
    seen = np.array([(it.latitude_deg, it.longitude_deg, _variance_m2(it)) for it in looks])
    plane = LocalPlane(latitude_deg=float(seen[0, 0]), longitude_deg=float(seen[0, 1]))
    step = (
        plane.enu(extents[:, 0], extents[:, 1])[:, None]
        - plane.enu(seen[:, 0], seen[:, 1])[None, :]
    )
    # No eigenvalue of a covariance exceeds its trace.
    variance = (extents[:, 3] + driven[:, 1])[:, None] + seen[None, :, 2] + _ANY_VARIANCE_M2
    reach = (extents[:, 2] + driven[:, 0])[:, None] + np.sqrt(GATE_CHI2 * variance)
    near = np.hypot(step[..., 0], step[..., 1]) <= reach * (1.0 + _PLANE_SHARE) + _PLANE_M
    return [track for track, kept in zip(tracks, near.any(axis=1).tolist(), strict=True) if kept]


@functools.lru_cache(maxsize=_EXTENTS_KEPT)
def _extent(track: Track) -> tuple[float, float, float, float]:
    """Place in degrees, metres from there to the farthest look, and widest variance, m2."""
    farthest, variance = 0.0, _variance_m2(track)
    narrow = math.cos(math.radians(track.latitude_deg))
    for point in track.points:
        east = math.remainder(point.longitude_deg - track.longitude_deg, 360.0) * narrow
        away = math.hypot(east, point.latitude_deg - track.latitude_deg)
        farthest = max(farthest, away * _LONGEST_DEGREE_M)
        variance = max(variance, _variance_m2(point))
    return track.latitude_deg, track.longitude_deg, farthest, variance


def _driven(track: Track, captured_at: datetime | None, sortie_id: str) -> tuple[float, float]:
    """How far it may have driven on until a frame, metres, and the variance of that.

    See `pipelines.threats.tracks.track_anchor.anchor`, which says from which look on. In a frame
    that comes late it may be anywhere.
    """
    if track.mobility is Mobility.STILL or captured_at is None or track.last_seen_at is None:
        return 0.0, 0.0
    gap_s = (captured_at - track.last_seen_at).total_seconds()
    moving = track.mobility is Mobility.MOVING
    if gap_s < 0.0:
        return (math.inf, 0.0) if moving or track.velocity_m_s is not None else (0.0, 0.0)
    if track.velocity_m_s is None or gap_s > LONGEST_DRIFT_S:
        return 0.0, 0.0
    speed, variance, group, latest = _drive(track)
    since = latest.get(sortie_id)
    if since is not None and (captured_at - since).total_seconds() <= SAME_ERRORS_S:
        gap_s = max(gap_s, (captured_at - since).total_seconds())
    if gap_s > LONGEST_DRIFT_S:
        return 0.0, 0.0
    return speed * gap_s, variance * gap_s**2 + 2.0 * driven_variance_m2(group, gap_s)


@functools.lru_cache(maxsize=_EXTENTS_KEPT)
def _drive(track: Track) -> tuple[float, float, str, dict[str, datetime]]:
    """Speed and the variance of both its axes, group, and the time of the latest look by flight."""
    latest: dict[str, datetime] = {}
    for point in track.points:
        if point.captured_at is not None:
            known = latest.get(point.sortie_id, point.captured_at)
            latest[point.sortie_id] = max(known, point.captured_at)
    speed = math.hypot(*track.drift_m_s.tolist())
    variance = float(track.state_covariance[2, 2] + track.state_covariance[3, 3])
    return speed, variance, track.group, latest


def _variance_m2(place: Track | TrackPoint) -> float:
    """Of both axes together."""
    return float(place.covariance_m2[0, 0] + place.covariance_m2[1, 1])
