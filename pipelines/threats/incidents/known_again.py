"""Whether something that looks new may be what an incident tells of already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.tracks.coverage import shows
from pipelines.threats.tracks.track import Track
from pipelines.threats.tracks.track_anchor import anchor
from pipelines.threats.tracks.track_linking import LOOKS, alike, one_to_one, strangeness
from pipelines.threats.tracks.track_merging import seen_together
from pipelines.threats.tracks.twins import sides_apart

# A second box lies hardly ever farther than so many sides from the first; what is seen there with
# it so often is an object of its own.
_BESIDE_SIDES, _TOGETHER = 1.5, 2


def may_be_known(
    new: Sequence[Track],
    unseen: Sequence[Track],
    *,
    imagery_id: str,
    captured_at: datetime | None,
    sortie_id: str,
    footprint_lonlat: NDArray[np.float64] | None,
) -> Mapping[str, str]:
    """Which of some tracks may be another that the frame does not show elsewhere.

    Each known object that the frame does not show can be one of those that look new: the likeliest.
    So of several that look new at once, as many are new as there are more of them. What was seen in
    one frame with the known one is another; and what was seen often since that was lost, without
    being linked to it, is so as well.

    Args:
        new: tracks that look new, each with a look of the frame.
        unseen: tracks that incidents tell of and that the frame does not show.
        imagery_id: the frame.
        captured_at: when it was taken; None where that is unknown.
        sortie_id: its flight.
        footprint_lonlat: (K, 2) closed ring of the ground that it shows; None where unknown. What
            stands outside of it was not looked for, and is not taken to have moved.

    Returns:
        Identifiers of the known ones by those of the new ones that may be them.
    """
    looks = {
        track.track_id: point
        for track in new
        for point in track.points
        if point.imagery_id == imagery_id
    }
    pairs = []
    for known in unseen:
        at = anchor(known, captured_at, sortie_id)
        looked_for = footprint_lonlat is None or bool(
            shows(footprint_lonlat, np.array([at.latitude_deg]), np.array([at.longitude_deg]))[0]
        )
        for track in new:
            if (
                track.track_id not in looks
                or not alike(known.group, looks[track.track_id].category)
                or _looks_since(track, known) >= LOOKS
                or seen_together(track, known)
            ):
                continue
            cost = strangeness(known, at, looks[track.track_id], looked_for=looked_for)
            if cost <= 0.0:
                pairs.append((cost, track.track_id, known.track_id))
    return one_to_one(pairs)


def _looks_since(track: Track, known: Track) -> int:
    """How often a track was seen since another one was seen last; all looks where no time tells."""
    last = known.last_seen_at
    if last is None or any(point.captured_at is None for point in track.points):
        return track.sighting_count
    return sum(point.captured_at is not None and point.captured_at > last for point in track.points)


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
