"""Tracks that prove to be one object, or each of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.association import GATE_CHI2, squared
from pipelines.threats.tracks.motion import BOX_SIGMA_M
from pipelines.threats.tracks.track import Mobility, Track
from pipelines.threats.tracks.track_state import in_order, replayed

FRAMES_KEPT = 24
"""Frames that looked for a track in vain are remembered so many back."""

# Frames that showed both places and exactly one of the two objects. Of two objects that are each
# found three times in four, one frame in four shows just one; so many in a row and never both are
# one in a thousand.
_ENOUGH = 5
# What was seen so often is an object, and no second box on another one.
_OFTEN_SEEN = 4
# So is what was seen so often in one frame with each of those that it could be.
_SEEN_BESIDE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What merging left.

    Attributes:
        tracks: by identifier, without those that were merged into another.
        into: the track that each of those was merged into.
    """

    tracks: Mapping[str, Track]
    into: Mapping[str, str]


def merge(
    tracks: Mapping[str, Track], *, touched: Collection[str], pinned: Collection[str]
) -> Merged:
    """Merge tracks that prove to be one: the younger goes into the older.

    Two that stand are one when their places agree, no frame has shown both, and several have shown
    the ground of both and only one of them: a row of frames in which exactly one of two neighbours
    is found, and never both, is less likely than one object that was once placed badly.

    Args:
        tracks: near by, by identifier.
        touched: identifiers of those that changed; only their pairs are looked at.
        pinned: identifiers of those that people dismissed; they are merged with nothing.
    """
    known, into = dict(tracks), dict[str, str]()
    held = set(pinned)
    misses = {
        name: len(track.missed_in)
        for name, track in tracks.items()
        if name not in held and track.mobility is not Mobility.MOVING
    }
    # Only pairs that were missed often enough can be one; of those, in the order of their names.
    pairs = sorted(
        {
            (min(name, other), max(name, other))
            for name in misses.keys() & set(touched)
            for other, count in misses.items()
            if count + misses[name] >= _ENOUGH and other != name
        }
    )
    for first, second in pairs:
        if first not in known or second not in known:
            continue
        if _are_one(known[first], known[second]):
            _put_into(*_by_age(known[first], known[second]), known, into)
    return Merged(tracks=known, into=into)


def linked(merged: Merged, links: Mapping[str, str]) -> Merged:
    """Merge young tracks into the older ones that they go on.

    Args:
        merged: what merging left.
        links: identifiers of older tracks by those of the younger ones, none of them on both sides.
    """
    tracks, into = dict(merged.tracks), dict(merged.into)
    for younger, older in sorted(links.items()):
        _put_into(tracks[older], tracks[younger], tracks, into)
    return Merged(tracks=tracks, into=into)


def _put_into(older: Track, younger: Track, tracks: dict[str, Track], into: dict[str, str]) -> None:
    """Let a track go on in an older one, and so what had gone into it."""
    tracks[older.track_id] = _united(older, tracks.pop(younger.track_id))
    for name in [name for name, to in into.items() if to == younger.track_id]:
        into[name] = older.track_id
    into[younger.track_id] = older.track_id


def established(tracks: Sequence[Track], *, among: Sequence[Track]) -> list[bool]:
    """Which tracks are of an object of their own for sure.

    Those seen often, and those seen twice in one frame with each of these that they could be: no
    second box comes again like that.

    Args:
        tracks: in any order.
        among: all near by, these too.

    Returns:
        For each of the tracks.
    """
    often = [track.sighting_count >= _OFTEN_SEEN for track in tracks]
    if all(often):
        return often
    known = [track for track in among if track.sighting_count >= _OFTEN_SEEN]
    if not known:
        return often
    asked = [
        row
        for row, track in enumerate(tracks)
        if not often[row] and track.sighting_count >= _SEEN_BESIDE
    ]
    kept = [tracks[row] for row in asked]
    beside = [True] * len(asked)
    for row, other in np.argwhere(_close(kept, known)).tolist():
        if beside[row] and known[other].group == kept[row].group:
            beside[row] = seen_together(kept[row], known[other]) >= _SEEN_BESIDE
    for row, is_beside in zip(asked, beside, strict=True):
        often[row] = is_beside
    return often


def _close(tracks: Sequence[Track], known: Sequence[Track]) -> NDArray[np.bool_]:
    """(N, M) which of N tracks may be where which of M stand."""
    plane = LocalPlane(latitude_deg=known[0].latitude_deg, longitude_deg=known[0].longitude_deg)
    places, others = (
        plane.enu(
            np.array([it.latitude_deg for it in part]), np.array([it.longitude_deg for it in part])
        )
        for part in (tracks, known)
    )
    spread = (
        np.array([it.covariance_m2 for it in tracks]).reshape(-1, 1, 2, 2)
        + np.stack([it.covariance_m2 for it in known])[None]
        + 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    )
    return squared(others[None] - places[:, None], spread) <= GATE_CHI2


def seen_together(first: Track, second: Track) -> int:
    """How many of the frames that are kept of two tracks show both."""
    return len({it.imagery_id for it in first.points} & {it.imagery_id for it in second.points})


def _are_one(first: Track, second: Track) -> bool:
    if Mobility.MOVING in {first.mobility, second.mobility}:
        return False
    if not first.missed_in and not second.missed_in:
        return False
    if first.group != second.group:
        return False
    seen = [{point.imagery_id for point in track.points} for track in (first, second)]
    if seen[0] & seen[1]:
        return False
    alone = len(seen[0] & set(second.missed_in)) + len(seen[1] & set(first.missed_in))
    if alone < _ENOUGH:
        return False
    plane = LocalPlane(latitude_deg=first.latitude_deg, longitude_deg=first.longitude_deg)
    (step,) = plane.enu(np.array([second.latitude_deg]), np.array([second.longitude_deg]))
    spread = first.covariance_m2 + second.covariance_m2 + 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    return float(step @ np.linalg.solve(spread, step)) <= GATE_CHI2


def _by_age(first: Track, second: Track) -> tuple[Track, Track]:
    """The older and the younger of two; by name where no time tells."""

    def age(track: Track) -> tuple[bool, float, str]:
        began = track.first_seen_at
        return began is None, 0.0 if began is None else began.timestamp(), track.track_id

    older, younger = sorted((first, second), key=age)
    return older, younger


def _united(older: Track, younger: Track) -> Track:
    count = older.sighting_count + younger.sighting_count
    points = in_order((*older.points, *younger.points))
    times = [
        time
        for track in (older, younger)
        for time in (track.first_seen_at, track.last_seen_at)
        if time is not None
    ]
    surest = max((older, younger), key=lambda track: track.confidence)
    found = replayed(older, points)
    return replace(
        found,
        category=surest.category,
        confidence=surest.confidence,
        sighting_count=count,
        first_seen_at=min(times, default=None),
        last_seen_at=max(times, default=None),
        missed_in=(),
        missed_count=min(older.missed_count, younger.missed_count),
        empty_flights=min((older.empty_flights, younger.empty_flights), key=len),
        shown_m2=max(older.shown_m2, younger.shown_m2),
    )
