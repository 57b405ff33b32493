"""Where a track is looked for in a frame."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.association import Drift
from pipelines.threats.tracks.motion import driven_variance_m2, fresh_share, own_covariance
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint

# So many looks at what stands make its place relative to its neighbours surer, and no more do.
_AVERAGED = 4
# What was seen for a shorter time may as well drive slowly: the mean of its looks would lag.
_STANDS_S = 8.0
LONGEST_DRIFT_S = 20.0
"""Nobody drives straight on for longer."""
SAME_ERRORS_S = 90.0
"""Errors of pose wander within a flight: after so long its frames are as those of another."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Anchor:
    """Where an object was at the look that is nearest in time, and where it drove to from there.

    Attributes:
        imagery_id: the frame of that look.
        latitude_deg: WGS 84; of what stands, that of several looks together.
        longitude_deg: WGS 84.
        covariance_m2: (2, 2) of the place.
        own_m2: (2, 2) of it without what it shares with its neighbours.
        gap_s: seconds between that look and the frame; None where unknown.
        late: the frame was taken before the latest look.
        drift_m: (2,) east and north that it should have driven until the frame; NaN where it is
            not known to drive.
        drift_covariance_m2: (2, 2) of that.
        same_flight: the place is as looks of the same flight told it, shortly before or after: it
            errs as the frame does.
        fresh_share: how much of the variance of a pair of looks is new since then.
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
    same_flight: bool
    fresh_share: float

    @staticmethod
    def drifts(anchors: Sequence[Anchor]) -> Drift | None:
        """The drifts of some anchors; None where nothing drives."""
        steps = np.stack([it.drift_m for it in anchors])
        if not np.isfinite(steps).any():
            return None
        return Drift(
            step_m=steps, covariance_m2=np.stack([it.drift_covariance_m2 for it in anchors])
        )


# What the ledger is asked for before a frame is taken in is asked again while it is.
@functools.lru_cache(maxsize=2048)
def anchor(track: Track, captured_at: datetime | None, sortie_id: str) -> Anchor:
    """Where to look for a track in a frame of some time and flight.

    Errors of pose are alike for a while on one flight, so that the nearest of its looks tells best
    where the next one will put the object, wherever all looks together have it.
    """
    late = (
        captured_at is not None
        and track.last_seen_at is not None
        and captured_at < track.last_seen_at
    )
    flown = [point for point in track.points if point.sortie_id == sortie_id]
    near = [point for point in flown if _near(point, captured_at)]
    if near:
        return _at_points(track, near, captured_at, late=late, same_flight=True)
    timed = [point for point in track.points if point.captured_at is not None]
    if late and timed and track.mobility is not Mobility.STILL:
        return _at_points(track, timed, captured_at, late=True, same_flight=False)
    return _at_place(track, captured_at, late=late)


def _near(point: TrackPoint, captured_at: datetime | None) -> bool:
    if captured_at is None or point.captured_at is None:
        return captured_at is None and point.captured_at is None
    return abs((captured_at - point.captured_at).total_seconds()) <= SAME_ERRORS_S


def _at_place(track: Track, captured_at: datetime | None, *, late: bool) -> Anchor:
    gap_s = (
        None
        if captured_at is None or track.last_seen_at is None
        else (captured_at - track.last_seen_at).total_seconds()
    )
    count = min(track.sighting_count, _AVERAGED) if track.mobility is Mobility.STILL else 1
    step, covariance = _drift(track, gap_s)
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
        same_flight=False,
        fresh_share=1.0,
    )


def _drift(track: Track, gap_s: float | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far an object drives in some time, back in time too, and the covariance of that."""
    if (
        track.mobility is Mobility.STILL
        or track.velocity_m_s is None
        or gap_s is None
        or not 0.0 < abs(gap_s) <= LONGEST_DRIFT_S
    ):
        return np.full(2, np.nan), np.eye(2)
    covariance = track.state_covariance[2:, 2:] * gap_s**2
    covariance += driven_variance_m2(track.group, abs(gap_s)) * np.eye(2)
    return track.drift_m_s * gap_s, covariance


def _at_points(
    track: Track,
    points: Sequence[TrackPoint],
    captured_at: datetime | None,
    *,
    late: bool,
    same_flight: bool,
) -> Anchor:
    """At the nearest of some looks; of what stands, at the mean of the nearest ones."""
    gaps = [_gap_s(point, captured_at) for point in points]
    order = sorted(range(len(points)), key=lambda index: (abs(gaps[index] or 0.0), -index))
    nearest, gap_s = points[order[0]], gaps[order[0]]
    latitude, longitude, count = nearest.latitude_deg, nearest.longitude_deg, 1
    if track.mobility is Mobility.STILL and _span_s(points) >= _STANDS_S:
        kept = [points[index] for index in order[:_AVERAGED]]
        count = len(kept)
        plane = LocalPlane(latitude_deg=latitude, longitude_deg=longitude)
        place = plane.enu(
            np.array([point.latitude_deg for point in kept]),
            np.array([point.longitude_deg for point in kept]),
        ).mean(axis=0)
        latitude, longitude = plane.place(place)
    step, covariance = _drift(track, gap_s)
    if track.mobility is Mobility.MOVING and captured_at is not None:
        before = [index for index in order if (gaps[index] or 0.0) >= 0.0]
        after = [index for index in order if (gaps[index] or 0.0) < 0.0]
        if before and after:
            step, covariance = _between(
                track, nearest, points[before[0]], points[after[0]], captured_at
            )
    return Anchor(
        imagery_id=nearest.imagery_id,
        latitude_deg=latitude,
        longitude_deg=longitude,
        covariance_m2=nearest.covariance_m2,
        own_m2=own_covariance(nearest.covariance_m2) / count,
        gap_s=None if gap_s is None else abs(gap_s),
        late=late,
        drift_m=step,
        drift_covariance_m2=covariance,
        same_flight=same_flight,
        fresh_share=fresh_share(gap_s) if same_flight and nearest.sortie_id else 1.0,
    )


def _span_s(points: Sequence[TrackPoint]) -> float:
    times = [point.captured_at for point in points if point.captured_at is not None]
    return (max(times) - min(times)).total_seconds() if times else _STANDS_S


def _gap_s(point: TrackPoint, captured_at: datetime | None) -> float | None:
    if captured_at is None or point.captured_at is None:
        return None
    return (captured_at - point.captured_at).total_seconds()


def _between(
    track: Track,
    nearest: TrackPoint,
    first: TrackPoint,
    last: TrackPoint,
    captured_at: datetime,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From the nearest look to where the object was between two looks."""
    plane = LocalPlane(latitude_deg=nearest.latitude_deg, longitude_deg=nearest.longitude_deg)
    ends = plane.enu(
        np.array([first.latitude_deg, last.latitude_deg]),
        np.array([first.longitude_deg, last.longitude_deg]),
    )
    since, until = _gap_s(first, captured_at) or 0.0, -(_gap_s(last, captured_at) or 0.0)
    share = since / max(since + until, 1e-6)
    driven = driven_variance_m2(track.group, min(since, until)) * np.eye(2)
    # Errors of the farther look come in by its share.
    weight = min(share, 1.0 - share)
    covariance = driven + weight**2 * own_covariance(last.covariance_m2)
    return (1.0 - share) * ends[0] + share * ends[1], np.asarray(covariance, np.float64)
