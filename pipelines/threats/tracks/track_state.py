"""What one more look makes of a track."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.fusion import intersect
from pipelines.threats.tracks.motion import (
    BOX_SIGMA_M,
    CREEP_M,
    OWN_SHARE,
    Estimate,
    begin,
    fresh_share,
    motion_sigma_m,
    step,
    transition,
    velocity_told,
    way_sigma_m,
)
from pipelines.threats.tracks.track import (
    POINTS_KEPT,
    Mobility,
    Track,
    TrackPoint,
    category_group,
)
from pipelines.threats.tracks.track_anchor import Anchor

# How far apart two explanations must be, as twice the difference of their log likelihoods, for one
# to count as observed.
_DECISIVE = 1.0
# Over a longer way, more: there are several to choose from.
_CLEARLY = 7.0
_SHORTEST_WAY_S, _LONGEST_WAY_S = 2.5, 40.0
# A velocity so many sigmas from none, and faster than so many metres a second, is motion.
_MOVING_SIGMAS, _MOVING_M_S = 3.5, 0.5
# However many looks agree, the filter's place counts no more than so many of one: the errors of a
# sortie's frames are not independent.
_LARGEST_WEIGHT = 8.0


def begin_track(track_id: str, look: TrackPoint, *, shown_m2: float) -> Track:
    """The track of an object that is seen for the first time."""
    group = category_group(look.category)
    estimate = begin(np.zeros(2), look.covariance_m2, group)
    return Track(
        track_id=track_id,
        category=look.category,
        confidence=look.confidence,
        latitude_deg=look.latitude_deg,
        longitude_deg=look.longitude_deg,
        covariance_m2=look.covariance_m2,
        velocity_m_s=None,
        velocity_covariance=None,
        sighting_count=1,
        first_seen_at=look.captured_at,
        last_seen_at=look.captured_at,
        imagery_id=look.imagery_id,
        points=(look,),
        drift_m_s=estimate.mean[2:],
        state_covariance=estimate.covariance,
        shown_m2=shown_m2,
    )


def see_again(seen: Sequence[tuple[Track, Anchor, TrackPoint]], *, shown_m2: float) -> list[Track]:
    """Take the looks of one frame into the tracks that they belong to.

    Args:
        seen: each track, where it was looked for, and its look.
        shown_m2: ground that the frame shows, square metres; 0 where unknown.

    Returns:
        The tracks in the same order.
    """
    found_to = [_mobility(*it) for it in seen]
    # What was not known to drive, and is now seen to.
    turned = {
        index
        for index, ((track, *_), now) in enumerate(zip(seen, found_to, strict=True))
        if now is Mobility.MOVING and track.mobility is not Mobility.MOVING
    }
    seen = [
        (replace(track, mobility=now), at, look)
        for (track, at, look), now in zip(seen, found_to, strict=True)
    ]
    ordered = [
        index
        for index, (track, at, _) in enumerate(seen)
        if not at.late or track.mobility is Mobility.STILL
    ]
    found: dict[int, Track] = {}
    if ordered:
        found = dict(zip(ordered, _filtered([seen[index] for index in ordered]), strict=True))
    for index, (track, at, look) in enumerate(seen):
        counted = _counted(found.get(index, track), look, shown_m2, late=at.late)
        if index not in found or index in turned:
            counted = _refiltered(counted)
        found[index] = _settled(counted)
    return [found[index] for index in range(len(seen))]


def replayed(track: Track, points: Sequence[TrackPoint]) -> Track:
    """The track as some of its looks alone tell it.

    Looks that were dropped for their number stay counted; the place is that of the rest.
    """
    lost = len(track.points) - len(points)
    surest = max(points, key=lambda point: point.confidence)
    times = [point.captured_at for point in points if point.captured_at is not None]
    whole = track.sighting_count == len(track.points)
    first = min(times, default=None) if whole else track.first_seen_at
    known = surest.category or track.category
    return _settled(
        _refiltered(
            replace(
                track,
                points=tuple(points),
                category=known,
                confidence=surest.confidence or track.confidence,
                sighting_count=max(track.sighting_count - lost, 1),
                first_seen_at=first,
                last_seen_at=max(times, default=None),
                imagery_id=points[-1].imagery_id,
            )
        )
    )


def in_order(points: Sequence[TrackPoint]) -> tuple[TrackPoint, ...]:
    """Looks by capture time, those of no known time where they were; the latest that are kept."""
    timed = iter(sorted((point for point in points if point.captured_at is not None), key=_time))
    merged = [point if point.captured_at is None else next(timed) for point in points]
    return tuple(merged[-POINTS_KEPT:])


def _time(point: TrackPoint) -> datetime:
    if point.captured_at is None:
        raise ValueError("a look of no known time has no place in time")
    return point.captured_at


def _filtered(seen: Sequence[tuple[Track, Anchor, TrackPoint]]) -> list[Track]:
    """The tracks with place and velocity after a frame that is not older than their last looks."""
    first = seen[0][2]
    plane = LocalPlane(latitude_deg=first.latitude_deg, longitude_deg=first.longitude_deg)
    places = plane.enu(
        np.array([track.latitude_deg for track, *_ in seen]),
        np.array([track.longitude_deg for track, *_ in seen]),
    )
    looks = plane.enu(
        np.array([look.latitude_deg for *_, look in seen]),
        np.array([look.longitude_deg for *_, look in seen]),
    )
    covariances = np.stack([look.covariance_m2 for *_, look in seen])
    estimates = step(
        [
            Estimate(mean=np.array([*place, *track.drift_m_s]), covariance=_prior(track, look))
            for place, (track, _, look) in zip(places, seen, strict=True)
        ],
        [transition(at.gap_s, track.group, track.mobility) for track, at, _ in seen],
        looks,
        covariances,
        np.array([_fresh_share(track.points, look, at.gap_s) for track, at, look in seen]),
    )
    return [
        _placed(track, plane, estimate, at.gap_s, look.covariance_m2)
        for (track, at, look), estimate in zip(seen, estimates, strict=True)
    ]


def _fresh_share(points: Sequence[TrackPoint], look: TrackPoint, gap_s: float | None) -> float:
    """How much of the variance of a frame's pose is new to an object with some looks."""
    if not look.sortie_id or any(point.sortie_id != look.sortie_id for point in points):
        return 1.0
    return fresh_share(gap_s)


def _prior(track: Track, look: TrackPoint) -> NDArray[np.float64]:
    """The filter's covariance before a look.

    What one flight alone has shown errs with all of it: known only once another flight looks.
    """
    flights = {point.sortie_id for point in track.points}
    if len(flights) > 1 or look.sortie_id in flights:
        return track.state_covariance
    widened = track.state_covariance.copy()
    widened[:2, :2] += track.covariance_m2
    return widened


def _placed(
    track: Track,
    plane: LocalPlane,
    estimate: Estimate,
    gap_s: float | None,
    look_covariance: NDArray[np.float64],
) -> Track:
    """The track at the place of an estimate, which a look of some covariance has led to."""
    latitude, longitude = plane.place(estimate.mean[:2])
    stated = fused_covariance(
        track.covariance_m2,
        look_covariance,
        motion_m=CREEP_M
        if track.mobility is Mobility.STILL
        else motion_sigma_m(track.group, gap_s, driving=track.mobility is Mobility.MOVING),
    )
    return replace(
        track,
        latitude_deg=latitude,
        longitude_deg=longitude,
        covariance_m2=stated,
        drift_m_s=estimate.mean[2:],
        state_covariance=_no_surer(estimate.covariance, stated),
    )


def fused_covariance(
    older: NDArray[np.float64], newer: NDArray[np.float64], *, motion_m: float
) -> NDArray[np.float64]:
    """(2, 2) what two looks together support, whatever errors they have in common.

    Args:
        older: (2, 2) of the place before.
        newer: (2, 2) of the look.
        motion_m: how far the object may have moved between, one sigma of each axis.
    """
    floor = BOX_SIGMA_M**2 * np.eye(2)
    fused, _, _ = intersect(older + floor + motion_m**2 * np.eye(2), newer + floor)
    values, axes = np.linalg.eigh(0.5 * (fused + fused.T) - floor)
    return np.asarray(axes @ np.diag(np.maximum(values, 0.0)) @ axes.T, np.float64)


def _no_surer(covariance: NDArray[np.float64], stated: NDArray[np.float64]) -> NDArray[np.float64]:
    floor = (float(np.trace(stated)) / 2.0 + BOX_SIGMA_M**2) / _LARGEST_WEIGHT
    lack = floor - float(np.trace(covariance[:2, :2])) / 2.0
    if lack <= 0.0:
        return covariance
    widened = covariance.copy()
    widened[:2, :2] += lack * np.eye(2)
    return widened


def _refiltered(track: Track) -> Track:
    """The track as its looks in order of time tell it, one after the other."""
    first, *rest = track.points
    plane = LocalPlane(latitude_deg=first.latitude_deg, longitude_deg=first.longitude_deg)
    group = track.group
    estimate = begin(np.zeros(2), first.covariance_m2, group)
    known = replace(
        track,
        latitude_deg=first.latitude_deg,
        longitude_deg=first.longitude_deg,
        covariance_m2=first.covariance_m2,
        drift_m_s=estimate.mean[2:],
        state_covariance=estimate.covariance,
    )
    time = first.captured_at
    for number, look in enumerate(rest, start=1):
        before = track.points[:number]
        gap_s = (
            None
            if time is None or look.captured_at is None
            else abs((look.captured_at - time).total_seconds())
        )
        at = plane.enu(np.array([look.latitude_deg]), np.array([look.longitude_deg]))
        known = replace(known, points=before)
        (estimate,) = step(
            [Estimate(mean=estimate.mean, covariance=_prior(known, look))],
            [transition(gap_s, group, track.mobility)],
            at,
            look.covariance_m2[None],
            np.array([_fresh_share(before, look, gap_s)]),
        )
        known = _placed(known, plane, estimate, gap_s, look.covariance_m2)
        time = look.captured_at or time
    return replace(known, points=track.points)


def _counted(track: Track, look: TrackPoint, shown_m2: float, *, late: bool) -> Track:
    """The track with one look more in its books."""
    times = [
        time
        for time in (track.first_seen_at, track.last_seen_at, look.captured_at)
        if time is not None
    ]
    surer = look.confidence > track.confidence
    return replace(
        track,
        category=look.category if surer else track.category,
        confidence=look.confidence if surer else track.confidence,
        sighting_count=track.sighting_count + 1,
        first_seen_at=min(times, default=None),
        last_seen_at=max(times, default=None),
        imagery_id=track.imagery_id if late else look.imagery_id,
        points=in_order((*track.points, look)),
        empty_flights=track.empty_flights if late else (),
        shown_m2=max(track.shown_m2, shown_m2),
    )


def _mobility(track: Track, at: Anchor, look: TrackPoint) -> Mobility:
    """Whether the object stood or drove until this look; as before where neither shows.

    A slow one is seen to drive by its way over several looks: each step alone is lost in noise.
    """
    nearest = TrackPoint(
        imagery_id=at.imagery_id,
        detection_index=0,
        captured_at=None,
        latitude_deg=at.latitude_deg,
        longitude_deg=at.longitude_deg,
        covariance_m2=at.covariance_m2,
        sortie_id=look.sortie_id if at.same_flight else "",
    )
    driving = track.mobility is Mobility.MOVING
    lead = _standing(
        nearest, look, motion_sigma_m(track.group, at.gap_s, driving=driving), at.gap_s
    )
    for point in track.points:
        gap_s = _seconds(point, look)
        if gap_s is not None and _SHORTEST_WAY_S <= gap_s <= _LONGEST_WAY_S:
            way = _standing(point, look, way_sigma_m(track.group, gap_s), gap_s)
            if way < -_CLEARLY:
                return Mobility.MOVING
    if abs(lead) <= _DECISIVE:
        return track.mobility
    if lead > 0.0:
        return Mobility.STILL
    return Mobility.MOVING


def _seconds(point: TrackPoint, look: TrackPoint) -> float | None:
    if point.captured_at is None or look.captured_at is None:
        return None
    return abs((look.captured_at - point.captured_at).total_seconds())


def _standing(point: TrackPoint, look: TrackPoint, motion_m: float, gap_s: float | None) -> float:
    """Twice the logarithm by which two looks are likelier of what stood than of what moved."""
    plane = LocalPlane(latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg)
    offset = plane.step(look.latitude_deg, look.longitude_deg)
    pair = point.covariance_m2 + look.covariance_m2
    if look.sortie_id and point.sortie_id == look.sortie_id:
        pair = (OWN_SHARE + fresh_share(gap_s)) * pair
    (east, both), (_, north) = pair.tolist()
    still = _surprise(offset, (east, both, north), 2.0 * BOX_SIGMA_M**2)
    moved = _surprise(offset, (east, both, north), 2.0 * BOX_SIGMA_M**2 + motion_m**2)
    return moved - still


def _surprise(
    offset: tuple[float, float], covariance: tuple[float, float, float], more_m2: float
) -> float:
    """Squared distance in sigmas and the logarithm of the determinant of a covariance.

    Args:
        offset: east and north, metres.
        covariance: variance east, covariance, variance north.
        more_m2: added to the variance of each axis.
    """
    # Written out: of two by two numbers, calling a solver takes ten times as long as solving.
    east, north = offset
    variance_east, both, variance_north = covariance
    variance_east += more_m2
    variance_north += more_m2
    determinant = variance_east * variance_north - both * both
    weighed = variance_north * east**2 - 2.0 * both * east * north + variance_east * north**2
    return float(weighed / determinant + math.log(determinant))


def _settled(track: Track) -> Track:
    """The track with a velocity where its looks tell one."""
    covariance = track.state_covariance[2:, 2:]
    speed = float(np.hypot(*track.drift_m_s))
    sigma = math.sqrt(float(np.trace(covariance)) / 2.0)
    if track.mobility is Mobility.UNKNOWN and speed > max(_MOVING_SIGMAS * sigma, _MOVING_M_S):
        track = replace(track, mobility=Mobility.MOVING)
    timed = sum(point.captured_at is not None for point in track.points) > 1
    if timed and velocity_told(track.drift_m_s, covariance, track.group):
        return replace(track, velocity_m_s=track.drift_m_s, velocity_covariance=covariance)
    return replace(track, velocity_m_s=None, velocity_covariance=None)
