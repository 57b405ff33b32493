"""Which of many tracks can be what a frame shows, before anything dear is asked of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence

import numpy as np

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.association import GATE_CHI2
from pipelines.threats.tracks.motion import BOX_SIGMA_M, FARTHEST_MOTION_M
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint

# No degree of latitude is longer on WGS 84, and none of longitude on the equator.
_LONGEST_DEGREE_M = 111_700.0
# Distances in the planes of two origins differ by less.
_PLANE_SHARE, _PLANE_M = 0.01, 1.0
# Tracks are told apart by which object they are; one that is kept stays the same from frame to
# frame.
_EXTENTS_KEPT = 16_384


def within_gate(tracks: Sequence[Track], looks: Collection[TrackPoint]) -> list[Track]:
    """The tracks that any of some looks can be of, in the order given; often a few of hundreds.

    None is left out that `pipelines.threats.tracks.association.associate` could pair with any of
    the looks: each is taken to be anywhere among its looks, as unsure as the least sure of them,
    and to have moved as far as anything may. What drives may be wherever it drove to, and is kept.
    """
    if not tracks or not looks:
        return []
    extents = np.array([_extent(track) for track in tracks])
    seen = np.array([(it.latitude_deg, it.longitude_deg, _variance_m2(it)) for it in looks])
    plane = LocalPlane(latitude_deg=float(seen[0, 0]), longitude_deg=float(seen[0, 1]))
    step = (
        plane.enu(extents[:, 0], extents[:, 1])[:, None]
        - plane.enu(seen[:, 0], seen[:, 1])[None, :]
    )
    # No eigenvalue of a covariance exceeds its trace.
    variance = extents[:, 3, None] + seen[None, :, 2] + 2.0 * BOX_SIGMA_M**2 + FARTHEST_MOTION_M**2
    reach = extents[:, 2, None] + np.sqrt(GATE_CHI2 * variance)
    near = np.hypot(step[..., 0], step[..., 1]) <= reach * (1.0 + _PLANE_SHARE) + _PLANE_M
    return [track for track, kept in zip(tracks, near.any(axis=1).tolist(), strict=True) if kept]


@functools.lru_cache(maxsize=_EXTENTS_KEPT)
def _extent(track: Track) -> tuple[float, float, float, float]:
    """Place in degrees, farthest look from there in metres, and widest variance in square metres.

    The farthest is infinite for what drives.
    """
    place = track.latitude_deg, track.longitude_deg
    if track.mobility is Mobility.MOVING or track.velocity_m_s is not None:
        return *place, math.inf, 0.0
    farthest, variance = 0.0, _variance_m2(track)
    narrow = math.cos(math.radians(track.latitude_deg))
    for point in track.points:
        east = math.remainder(point.longitude_deg - track.longitude_deg, 360.0) * narrow
        away = math.hypot(east, point.latitude_deg - track.latitude_deg)
        farthest = max(farthest, away * _LONGEST_DEGREE_M)
        variance = max(variance, _variance_m2(point))
    return *place, farthest, variance


def _variance_m2(place: Track | TrackPoint) -> float:
    """Of both axes together."""
    return float(place.covariance_m2[0, 0] + place.covariance_m2[1, 1])
