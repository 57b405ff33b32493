"""A track that begins where another one ends: one object, lost and found again."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.association import GATE_CHI2
from pipelines.threats.tracks.coverage import shows
from pipelines.threats.tracks.motion import (
    BOX_SIGMA_M,
    LONGEST_WALK_S,
    OWN_SHARE,
    lost_sigma_m,
)
from pipelines.threats.tracks.track import (
    Mobility,
    Track,
    TrackPoint,
    category_group,
    ridden,
)
from pipelines.threats.tracks.track_anchor import LONGEST_DRIFT_S, Anchor, anchor
from pipelines.threats.tracks.track_merging import seen_together

NEW_PER_M2 = 1e-5
"""Newcomers to a square metre and frame that a look is held against: one to a hectare in ten
frames, which is much for anything but a crowd, so that little is doubted."""
_NEW_COST = -2.0 * math.log(2.0 * math.pi * NEW_PER_M2)
LOOKS = 4
"""So often a young track is seen, and never the lost one, where the two are one. What is found six
times in ten where it is shown is missed so often in a row once in forty."""


def alike(group: str, category: str) -> bool:
    """Whether a track of some group and a look of some category can be of one object."""
    other = category_group(category)
    return group == other or ridden(group, other)


def strangeness(track: Track, at: Anchor, look: TrackPoint, *, looked_for: bool = True) -> float:
    """How much rather a look is of a newcomer than of a track that was lost.

    Twice the logarithm of the likelihood of the one over that of the other: the density that the
    track has where the look is, as wide as the time since it was last seen lets it be, against
    that of newcomers (S. S. Blackman and R. Popoli, Design and Analysis of Modern Tracking Systems,
    1999, 6.2). What was lost for long is spread so wide that it speaks for nothing.

    Args:
        track: that was lost.
        at: where it was last, and where it drove to from there.
        look: at something that looks new.
        looked_for: the frame shows where it was last: it is not there any more.

    Returns:
        0 where the two are as likely, less where it is rather the track; infinite beyond the gate.
    """
    plane = LocalPlane(latitude_deg=at.latitude_deg, longitude_deg=at.longitude_deg)
    (step,) = plane.enu(np.array([look.latitude_deg]), np.array([look.longitude_deg]))
    share = min(at.fresh_share + OWN_SHARE, 1.0)
    still = share * (at.covariance_m2 + look.covariance_m2) + 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    motion = 0.0
    if looked_for:
        stands = track.mobility is Mobility.STILL
        motion = lost_sigma_m(track.group, at.gap_s, stands=stands)
    drove = np.isfinite(at.drift_m).all()
    if drove and track.mobility is Mobility.MOVING and track.group != "person":
        # Wheels go on; somebody on foot may as well stop or turn.
        return _cost(step - at.drift_m, still + at.drift_covariance_m2)
    found = [_cost(step, still + motion**2 * np.eye(2))]
    if drove:
        found.append(_cost(step - at.drift_m, still + at.drift_covariance_m2))
    return min(found)


def _cost(step: NDArray[np.float64], spread: NDArray[np.float64]) -> float:
    length = float(step @ np.linalg.solve(spread, step))
    if length > GATE_CHI2:
        return math.inf
    return length + math.log(float(np.linalg.det(spread))) - _NEW_COST


def one_to_one(pairs: Iterable[tuple[float, str, str]]) -> dict[str, str]:
    """Of pairs of identifiers, each with what it costs, the cheapest; each of either side once."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, name, other in sorted(pairs):
        if name not in found and other not in taken:
            found[name] = other
            taken.add(other)
    return found


def links(
    tracks: Mapping[str, Track],
    *,
    seen: Collection[str],
    pinned: Collection[str],
    footprint_lonlat: NDArray[np.float64] | None,
) -> dict[str, str]:
    """The young tracks that go on where older ones were lost.

    One that a frame shows goes on another where it was seen often since the other was last seen,
    and never with it; where all of its looks are later than those of the other; where it began
    within reach of the other's end; and where the frame shows the place at which the other was
    lost, and not the other. An object of its own would have been seen beside it by then.

    Args:
        tracks: near by, by identifier.
        seen: identifiers of those that the frame shows.
        pinned: identifiers of those that people dismissed; they go on nothing, and nothing on them.
        footprint_lonlat: (K, 2) closed ring of the ground that the frame shows; None where unknown.

    Returns:
        Identifiers of older tracks by those of the younger ones; each of either side once.
    """
    young = [
        tracks[name] for name in sorted(seen) if name not in pinned and _is_young(tracks[name])
    ]
    lost = [
        track
        for name, track in sorted(tracks.items())
        if name not in seen and name not in pinned and track.last_seen_at is not None
    ]
    if not young or not lost:
        return {}
    return one_to_one(_pairs(young, lost, footprint_lonlat))


def _pairs(
    young: Sequence[Track], lost: Sequence[Track], footprint_lonlat: NDArray[np.float64] | None
) -> list[tuple[float, str, str]]:
    """How much rather young tracks are newcomers than lost ones, and their identifiers.

    Only of those that are rather the lost ones.
    """
    reach = _within_reach(young, lost)
    began: dict[tuple[datetime, str], list[int]] = {}
    for row, track in enumerate(young):
        first = track.points[0]
        if first.captured_at is not None:
            began.setdefault((first.captured_at, first.sortie_id), []).append(row)
    pairs = []
    for (captured_at, sortie_id), rows in began.items():
        reached = [
            column
            for column in np.flatnonzero(reach[rows].any(axis=0)).tolist()
            if _ended_before(lost[column], captured_at)
        ]
        ends = _ends([lost[it] for it in reached], captured_at, sortie_id, footprint_lonlat)
        for row in rows:
            track = young[row]
            for column, at in zip(reached, ends, strict=True):
                other = lost[column]
                if at is None or not reach[row, column] or not alike(other.group, track.category):
                    continue
                if seen_together(track, other):
                    continue
                cost = strangeness(other, at, track.points[0])
                if cost <= 0.0:
                    pairs.append((cost, track.track_id, other.track_id))
    return pairs


def _ended_before(track: Track, moment: datetime) -> bool:
    return track.last_seen_at is not None and track.last_seen_at < moment


def _ends(
    lost: Sequence[Track],
    captured_at: datetime,
    sortie_id: str,
    footprint_lonlat: NDArray[np.float64] | None,
) -> list[Anchor | None]:
    """Where tracks were lost; None where the frame does not show that."""
    ends = [anchor(track, captured_at, sortie_id) for track in lost]
    if footprint_lonlat is None or not ends:
        return list(ends)
    shown = shows(
        footprint_lonlat,
        np.array([it.latitude_deg for it in ends]),
        np.array([it.longitude_deg for it in ends]),
    )
    return [at if is_shown else None for at, is_shown in zip(ends, shown.tolist(), strict=True)]


def _is_young(track: Track) -> bool:
    """Whether all looks of a track are kept, enough of them, and all with their times."""
    return LOOKS <= track.sighting_count == len(track.points) and all(
        point.captured_at is not None for point in track.points
    )


def _within_reach(young: Sequence[Track], lost: Sequence[Track]) -> NDArray[np.bool_]:
    """(N, M) which of N tracks may have begun where which of M were lost; wider than it need be."""
    first = [track.points[0] for track in young]
    plane = LocalPlane(latitude_deg=first[0].latitude_deg, longitude_deg=first[0].longitude_deg)
    begun = plane.enu(
        np.array([it.latitude_deg for it in first]), np.array([it.longitude_deg for it in first])
    )
    ended = plane.enu(
        np.array([it.latitude_deg for it in lost]), np.array([it.longitude_deg for it in lost])
    )
    away = np.linalg.norm(begun[:, None] - ended[None], axis=2)
    spread = np.array([_spread(track) for track in lost])
    variance = np.array([np.trace(it.covariance_m2) for it in first])[:, None] + spread[None, :, 0]
    return np.asarray(away <= np.sqrt(GATE_CHI2 * variance) + spread[None, :, 1])


# Asked with every frame until they are found again or forgotten.
@functools.lru_cache(maxsize=16_384)
def _spread(track: Track) -> tuple[float, float]:
    """Variance of where a lost track may be, both axes, and how far it may have driven, metres."""
    motion = lost_sigma_m(track.group, LONGEST_WALK_S, stands=track.mobility is Mobility.STILL)
    variance = float(np.trace(track.covariance_m2)) + 2.0 * (motion**2 + 2.0 * BOX_SIGMA_M**2)
    if track.velocity_m_s is None:
        return variance, 0.0
    return variance, float(np.hypot(*track.drift_m_s)) * LONGEST_DRIFT_S
