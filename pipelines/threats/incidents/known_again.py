"""Whether something that looks new may be what an incident tells of already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.coverage import shows
from pipelines.threats.tracks.motion import BOX_SIGMA_M, OWN_SHARE, motion_sigma_m
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint, category_group
from pipelines.threats.tracks.track_anchor import Anchor, anchor
from pipelines.threats.tracks.track_merging import seen_together
from pipelines.threats.tracks.twins import sides_apart

# Squared Mahalanobis distance that 95 % of true pairs stay within (chi-square, 2 degrees).
_WITHIN_CHI2 = 6.0
# A second box lies hardly ever farther than so many sides from the first; what is seen there with
# it so often is an object of its own.
_BESIDE_SIDES, _TOGETHER = 1.5, 2
_RIDDEN = {"person", "two-wheeler"}


def may_be_known(
    new: Mapping[str, TrackPoint],
    unseen: Sequence[Track],
    *,
    captured_at: datetime | None,
    sortie_id: str,
    footprint_lonlat: NDArray[np.float64] | None,
) -> Mapping[str, str]:
    """Which of some tracks may be another that the frame does not show elsewhere.

    Each known object that the frame does not show can be one of those that look new: the nearest.
    So of several that look new at once, as many are new as there are more of them.

    Args:
        new: the look of this frame at each track that looks new, by its identifier.
        unseen: tracks that incidents tell of and that the frame does not show.
        captured_at: when the frame was taken; None where that is unknown.
        sortie_id: its flight.
        footprint_lonlat: (K, 2) closed ring of the ground that it shows; None where unknown. What
            stands outside of it was not looked for, and is not taken to have moved.

    Returns:
        Identifiers of the known ones by those of the new ones that may be them.
    """
    pairs = []
    for track in unseen:
        at = anchor(track, captured_at, sortie_id)
        looked_for = footprint_lonlat is None or bool(
            shows(footprint_lonlat, np.array([at.latitude_deg]), np.array([at.longitude_deg]))[0]
        )
        for name, look in new.items():
            if not _alike(track, look):
                continue
            length = _length(track, at, look, looked_for=looked_for)
            if length <= _WITHIN_CHI2:
                pairs.append((length, name, track.track_id))
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, name, other in sorted(pairs):
        if name not in found and other not in taken:
            found[name] = other
            taken.add(other)
    return found


def may_be_second_boxes(
    new: Sequence[Track], told: Sequence[Track], xyxy: NDArray[np.float64]
) -> set[str]:
    """Which of some tracks may be made of second boxes on objects that the frame shows as well.

    They lie beside one, and were hardly ever seen together with it.

    Args:
        new: N tracks that look new.
        told: M tracks that incidents tell of.
        xyxy: (N + M, 4) box of each in the frame, pixels.

    Returns:
        Identifiers of those of the new ones.
    """
    away = sides_apart(xyxy)[: len(new), len(new) :]
    return {
        track.track_id
        for track, row in zip(new, away, strict=True)
        for column in np.flatnonzero(row <= _BESIDE_SIDES).tolist()
        if told[column].group == track.group and seen_together(track, told[column]) < _TOGETHER
    }


def _alike(track: Track, look: TrackPoint) -> bool:
    other = category_group(look.category)
    return track.group == other or {track.group, other} == _RIDDEN


def _length(track: Track, at: Anchor, look: TrackPoint, *, looked_for: bool) -> float:
    plane = LocalPlane(latitude_deg=at.latitude_deg, longitude_deg=at.longitude_deg)
    (step,) = plane.enu(np.array([look.latitude_deg]), np.array([look.longitude_deg]))
    share = min(at.fresh_share + OWN_SHARE, 1.0)
    still = share * (at.covariance_m2 + look.covariance_m2) + 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    motion = motion_sigma_m(track.group, at.gap_s, driving=track.mobility is Mobility.MOVING)
    moved = still + (motion**2 if looked_for else 0.0) * np.eye(2)
    lengths = [float(step @ np.linalg.solve(moved, step))]
    if np.isfinite(at.drift_m).all():
        ahead = step - at.drift_m
        lengths.append(float(ahead @ np.linalg.solve(still + at.drift_covariance_m2, ahead)))
    return min(lengths)
