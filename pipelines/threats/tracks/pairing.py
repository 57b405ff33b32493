"""Which track each look of a frame is of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks import track_merging
from pipelines.threats.tracks.association import Places, associate
from pipelines.threats.tracks.coverage import depth_m
from pipelines.threats.tracks.gate import within_gate
from pipelines.threats.tracks.motion import motion_sigma_m
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint, category_group, ridden
from pipelines.threats.tracks.track_anchor import Anchor, anchor

PINNED_REACH_M = 50.0
"""What is pinned takes in nothing farther away, however wide the ellipses are."""

# Twice the negative logarithm of the chance that an object seen once, seen again where it stood, or
# seen to drive moves on before the next frame: three in ten, one in a hundred, always.
_MOVE_COST = {Mobility.UNKNOWN: 2.4, Mobility.STILL: 9.2, Mobility.MOVING: 0.0}
# The same of a detector missing what it could have seen, one in seven: less than it often is, so
# that what was not looked at twice is rather taken for two.
_MISS_COST = 4.0
# The same of finding somebody on a two-wheeler as the one and then as the other.
_RIDDEN_COST = 2.0
# What was lost driving for longer is not somewhere near to where it was lost.
_GONE_S = 300.0
# An error of pose moves what stands at the edge of a frame across it.
_EDGE_SLACK = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """When a frame was taken, and what it and those before it show.

    Attributes:
        captured_at: when it was taken, aware; None where that is unknown.
        sortie_id: its flight; empty where unknown.
        footprint_lonlat: (K, 2) closed ring of the ground that it shows, degrees; None where
            unknown.
        earlier: the same of the frames that tracks were seen in, by imagery.
    """

    captured_at: datetime | None
    sortie_id: str
    footprint_lonlat: NDArray[np.float64] | None
    earlier: Mapping[str, NDArray[np.float64]]


def paired(
    tracks: Sequence[Track],
    looks: Sequence[TrackPoint],
    shown: Shown,
    pinned: Collection[str],
) -> list[tuple[Track, Anchor, int]]:
    """Each track that a frame shows, where it was looked for, and the index of its look.

    What is known well chooses first: a track that a stray second box began fits the looks of the
    object as well as the track of the object does; it gets only what is left, and starves.

    Args:
        tracks: near by, in any order.
        looks: of the frame.
        shown: when it was taken and what it shows.
        pinned: identifiers of tracks that people have dismissed, which do not move.

    Returns:
        In order of the identifiers of tracks.
    """
    reached = within_gate(tracks, looks, captured_at=shown.captured_at, sortie_id=shown.sortie_id)
    first = track_merging.established(reached, among=tracks)
    left = list(range(len(looks)))
    pairs: list[tuple[Track, Anchor, int]] = []
    for wanted in (True, False):
        part = [track for track, is_first in zip(reached, first, strict=True) if is_first is wanted]
        found, anchors = _pair(part, [looks[column] for column in left], shown, pinned)
        pairs += [(part[row], anchors[row], left[column]) for row, column in found]
        taken = {left[column] for _, column in found}
        left = [column for column in left if column not in taken]
    return sorted(pairs, key=lambda pair: pair[0].track_id)


def _pair(
    rest: Sequence[Track],
    looks: Sequence[TrackPoint],
    shown: Shown,
    pinned: Collection[str],
) -> tuple[list[tuple[int, int]], list[Anchor]]:
    """(index of track, index of look) of the same object, and where each track was looked for."""
    anchors = [anchor(track, shown.captured_at, shown.sortie_id) for track in rest]
    if not rest or not looks:
        return [], anchors
    plane = LocalPlane(latitude_deg=looks[0].latitude_deg, longitude_deg=looks[0].longitude_deg)
    latitude = np.array([it.latitude_deg for it in anchors])
    longitude = np.array([it.longitude_deg for it in anchors])
    known = Places(
        enu_m=plane.enu(latitude, longitude),
        covariance_m2=np.stack([it.covariance_m2 for it in anchors]),
    )
    look_latitude = np.array([it.latitude_deg for it in looks])
    look_longitude = np.array([it.longitude_deg for it in looks])
    seen = Places(
        enu_m=plane.enu(look_latitude, look_longitude),
        covariance_m2=np.stack([it.covariance_m2 for it in looks]),
    )
    groups = [track.group for track in rest]
    look_groups = [category_group(look.category) for look in looks]
    allowed = np.array([[group == other for other in look_groups] for group in groups])
    rides = np.array([[ridden(group, other) for other in look_groups] for group in groups])
    allowed |= rides
    held = np.array([track.track_id in pinned for track in rest])
    away = np.linalg.norm(known.enu_m[:, None] - seen.enu_m[None], axis=2)
    allowed &= ~held[:, None] | (away <= PINNED_REACH_M)
    if not allowed.any():
        return [], anchors
    motion = np.array(
        [
            0.0
            if still
            else motion_sigma_m(group, at.gap_s, driving=track.mobility is Mobility.MOVING)
            for track, group, at, still in zip(rest, groups, anchors, held, strict=True)
        ]
    )
    motion = np.tile(motion[:, None], (1, len(looks)))
    slack = _EDGE_SLACK * np.sqrt(known.covariance_m2.trace(axis1=1, axis2=2) / 2.0)
    here = np.ones(len(rest), np.bool_)
    if shown.footprint_lonlat is not None:
        here = depth_m(shown.footprint_lonlat, latitude, longitude) >= -slack
    look_slack = _EDGE_SLACK * np.sqrt(seen.covariance_m2.trace(axis1=1, axis2=2) / 2.0)
    were = {name: np.ones(len(looks), np.bool_) for name in {it.imagery_id for it in anchors}}
    for name in were.keys() & shown.earlier.keys():
        were[name] = depth_m(shown.earlier[name], look_latitude, look_longitude) >= -look_slack
    before = np.stack([were[it.imagery_id] for it in anchors])
    # What drives is seen to leave its place; of anything else the new place must have been seen
    # empty as well.
    driving = np.array([track.mobility is Mobility.MOVING for track in rest])
    motion[~(here[:, None] & (before | driving[:, None]))] = 0.0
    # What drove and was lost for long is elsewhere, or has stopped right there.
    gone = driving & np.array([(at.gap_s or 0.0) > _GONE_S for at in anchors])
    motion[gone] = 0.0
    pairs = associate(
        known,
        seen,
        motion,
        allowed,
        pair_cost=_MISS_COST * ((~here[:, None]).astype(float) + (~before).astype(float))
        + _RIDDEN_COST * rides,
        move_cost=np.array([_MOVE_COST[track.mobility] for track in rest]),
        own_m2=np.stack([it.own_m2 for it in anchors]),
        drift=Anchor.drifts(anchors),
        same_flight=np.array([it.same_flight for it in anchors]),
        fresh_share=np.array([it.fresh_share for it in anchors]),
    )
    return pairs, anchors
