"""Where a track is looked for in a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.association import Drift
from pipelines.threats.local_plane import LocalPlane
from pipelines.threats.motion import own_covariance, transition
from pipelines.threats.tracks import Mobility, Track, TrackPoint, category_group

# So many looks at what stands make its place relative to its neighbours surer, and no more do.
_AVERAGED = 4
# Nobody drives straight on for longer.
_LONGEST_DRIFT_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Anchor:
    """Where an object was at the look that is nearest in time, and where it drove to from there.

    Attributes:
        imagery_id: the frame of that look.
        latitude_deg: WGS 84; of what stands, that of all looks together.
        longitude_deg: WGS 84.
        covariance_m2: (2, 2) of the place.
        own_m2: (2, 2) of it without what it shares with its neighbours.
        gap_s: seconds between that look and the frame; None where unknown.
        late: the frame was taken before the latest look.
        drift_m: (2,) east and north that it should have driven until the frame; NaN where it is
            not known to drive.
        drift_covariance_m2: (2, 2) of that.
    """

    imagery_id: str
    latitude_deg: float
    longitude_deg: float
    covariance_m2: NDArray[np.float64]
    own_m2: NDArray[np.float64]
    gap_s: float | None
    late: bool
    drift_m: NDArray[np.float64]
    drift_covariance_m2: NDArray[np.float64]

    @staticmethod
    def drifts(anchors: Sequence[Anchor]) -> Drift | None:
        """The drifts of some anchors; None where nothing drives."""
        steps = np.stack([it.drift_m for it in anchors])
        if not np.isfinite(steps).any():
            return None
        return Drift(
            step_m=steps, covariance_m2=np.stack([it.drift_covariance_m2 for it in anchors])
        )


def anchor(track: Track, captured_at: datetime | None) -> Anchor:
    """Where to look for a track in a frame of some time."""
    if captured_at is None or track.last_seen_at is None:
        return _at_place(track, None, late=False)
    gap_s = (captured_at - track.last_seen_at).total_seconds()
    if gap_s >= 0.0 or track.mobility is Mobility.STILL:
        return _at_place(track, gap_s, late=gap_s < 0.0)
    return _at_point(track, captured_at)


def _at_place(track: Track, gap_s: float | None, *, late: bool) -> Anchor:
    count = min(track.sighting_count, _AVERAGED) if track.mobility is Mobility.STILL else 1
    step, covariance = np.full(2, np.nan), np.eye(2)
    if (
        track.mobility is Mobility.MOVING
        and track.velocity_m_s is not None
        and gap_s is not None
        and 0.0 < gap_s <= _LONGEST_DRIFT_S
    ):
        step = track.drift_m_s * gap_s
        covariance = _grown(track, gap_s)
    return Anchor(
        imagery_id=track.imagery_id,
        latitude_deg=track.latitude_deg,
        longitude_deg=track.longitude_deg,
        covariance_m2=track.covariance_m2,
        own_m2=own_covariance(track.covariance_m2) / count,
        gap_s=None if gap_s is None else abs(gap_s),
        late=late,
        drift_m=step,
        drift_covariance_m2=covariance,
    )


def _grown(track: Track, gap_s: float) -> NDArray[np.float64]:
    """What the velocity adds to the covariance of the place in some time, (2, 2)."""
    _, noise = transition(gap_s, category_group(track.category), Mobility.MOVING)
    return np.asarray(track.state_covariance[2:, 2:] * gap_s**2 + noise[:2, :2], np.float64)


def _at_point(track: Track, captured_at: datetime) -> Anchor:
    """Of what moves, in a frame that was taken before the latest look."""
    timed = [(point.captured_at, point) for point in track.points if point.captured_at is not None]
    if not timed:
        return _at_place(track, None, late=True)
    after = [it for it in timed if it[0] > captured_at]
    before = [it for it in timed if it[0] <= captured_at]
    time, nearest = min(
        (*before[-1:], *after[:1]), key=lambda it: abs((it[0] - captured_at).total_seconds())
    )
    away_s = (captured_at - time).total_seconds()
    step, covariance = np.full(2, np.nan), np.eye(2)
    if track.mobility is Mobility.MOVING:
        if before and after:
            step, covariance = _between(track, before[-1][1], after[0][1], nearest, captured_at)
        elif track.velocity_m_s is not None and abs(away_s) <= _LONGEST_DRIFT_S:
            step = track.drift_m_s * away_s
            covariance = _grown(track, abs(away_s))
    return Anchor(
        imagery_id=nearest.imagery_id,
        latitude_deg=nearest.latitude_deg,
        longitude_deg=nearest.longitude_deg,
        covariance_m2=nearest.covariance_m2,
        own_m2=own_covariance(nearest.covariance_m2),
        gap_s=abs(away_s),
        late=True,
        drift_m=step,
        drift_covariance_m2=covariance,
    )


def _between(
    track: Track,
    first: TrackPoint,
    last: TrackPoint,
    nearest: TrackPoint,
    captured_at: datetime,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From the nearest of two looks to where the object was between them."""
    if first.captured_at is None or last.captured_at is None:
        return np.full(2, np.nan), np.eye(2)
    plane = LocalPlane(latitude_deg=nearest.latitude_deg, longitude_deg=nearest.longitude_deg)
    ends = plane.enu(
        np.array([first.latitude_deg, last.latitude_deg]),
        np.array([first.longitude_deg, last.longitude_deg]),
    )
    since = (captured_at - first.captured_at).total_seconds()
    until = (last.captured_at - captured_at).total_seconds()
    share = since / max(since + until, 1e-6)
    _, noise = transition(min(since, until), category_group(track.category), Mobility.MOVING)
    # Errors of the farther look come in by its share.
    weight = min(share, 1.0 - share)
    covariance = noise[:2, :2] + weight**2 * own_covariance(last.covariance_m2)
    return (1.0 - share) * ends[0] + share * ends[1], covariance
