"""Which object each detection of a frame is, and where all of them are now."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks import track_linking, track_merging
from pipelines.threats.tracks.coverage import area_m2, shows, well_inside
from pipelines.threats.tracks.fusion import horizontal
from pipelines.threats.tracks.gate import within_gate
from pipelines.threats.tracks.pairing import Shown, paired
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint
from pipelines.threats.tracks.track_anchor import anchor
from pipelines.threats.tracks.track_state import begin_track, replayed, see_again
from pipelines.threats.tracks.twins import twins

TRACK_HOLD = timedelta(hours=12)
"""An object not seen for longer is a new one when something is seen there again."""
NEAR_M = 400.0
"""Tracks so far around a frame may be what it shows, or belong to a group with it."""
_NAMESPACE = uuid.UUID("0b0d8a0c-0f6b-5a5e-8d6f-6a3a7c1f2e94")
# A place nearer to the edge than so many sigmas may have been cut off by an error of pose.
_EDGE_SIGMAS = 2.5
# What a flight does not find at its first looks it may miss at all of them, by its light or its
# angle: unless it found it before, it counts no more often than this.
_EMPTY_LOOKS_A_FLIGHT = 2
# From farther above, what was seen before may be too small to be found.
_WIDER_VIEW = 1.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What one photograph shows.

    Attributes:
        imagery_id: the frame.
        captured_at: when it was taken, aware; None where that is unknown.
        ground: place of each detection or why it has none, N points.
        categories: taxonomy category of each, N strings.
        confidences: of each, N numbers, 0 to 1.
        footprint_lonlat: (K, 2) closed ring of the ground that it shows, degrees; None where that
            is unknown, which is then held against nothing.
        within: indices of the detections that are followed; None for all that have a place.
        sortie_id: the flight it was taken on, whose errors of pose are alike; empty where unknown.
        is_alone: no other frame of its flight is known, so that there is no further look to wait
            for.
        xyxy: (N, 4) box of each detection, pixels: tells which of them are one object; None where
            they are not known.
    """

    imagery_id: str
    captured_at: datetime | None
    ground: Sequence[GroundPoint]
    categories: Sequence[str]
    confidences: Sequence[float]
    footprint_lonlat: NDArray[np.float64] | None = None
    within: frozenset[int] | None = None
    sortie_id: str = ""
    is_alone: bool = False
    xyxy: NDArray[np.floating] | None = None

    def looks(self) -> dict[int, TrackPoint]:
        """The detections that are followed, by index."""
        found = {}
        for index, point in enumerate(self.ground):
            if point.outcome is not Outcome.LOCATED:
                continue
            if self.within is not None and index not in self.within:
                continue
            latitude, longitude, covariance = horizontal(point)
            found[index] = TrackPoint(
                imagery_id=self.imagery_id,
                detection_index=index,
                captured_at=self.captured_at,
                latitude_deg=latitude,
                longitude_deg=longitude,
                covariance_m2=covariance,
                category=self.categories[index],
                confidence=float(self.confidences[index]),
                sortie_id=self.sortie_id,
            )
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackUpdate:
    """What a frame did to the tracks near by.

    Attributes:
        track_of: the track of each detection that is followed, by index, after the frame.
        changed: every track to be written: seen, begun, looked for in vain, or merged into.
        begun: identifiers of those that this frame began.
        missed: identifiers of those whose place it shows, and not them.
        removed: identifiers of those of which nothing is left: an earlier look at this frame had
            begun them, and this one does not show them.
        merged: older track by the younger one that proved to be it and is no more.
        repeated: indices of detections that were counted before: the frame came again.
        retracted: identifiers of those that lost what an earlier look at this frame had told.
        twins: detections that are the object of another, with the one that speaks for it.
    """

    track_of: Mapping[int, Track]
    changed: tuple[Track, ...]
    begun: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    merged: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    repeated: frozenset[int] = frozenset()
    retracted: frozenset[str] = frozenset()
    twins: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


def track_id(imagery_id: str, detection_index: int) -> str:
    """The identifier of the track that a detection begins: the same whenever it is made."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps([imagery_id, detection_index])))


def may_hold(track: Track, captured_at: datetime | None) -> bool:
    """Whether a track may still take in what a frame of some time shows."""
    if captured_at is None or track.last_seen_at is None:
        return True
    if captured_at >= track.last_seen_at:
        return captured_at - track.last_seen_at <= TRACK_HOLD
    return (track.first_seen_at or track.last_seen_at) - captured_at <= TRACK_HOLD


def near(tracks: Iterable[Track], frame: Frame, *, margin_m: float = NEAR_M) -> tuple[Track, ...]:
    """The tracks that a frame may show, or that stand near to what it shows, or hold a look of it.

    Args:
        tracks: in any order.
        frame: the frame.
        margin_m: how far from the ground that it shows a track may be.
    """
    kept = tuple(tracks)
    box = bounds(frame, margin_m=margin_m)
    if box is None or not kept:
        return tuple(
            track for track in kept if any(it.imagery_id == frame.imagery_id for it in track.points)
        )
    latitude = np.array([track.latitude_deg for track in kept])
    longitude = np.array([track.longitude_deg for track in kept])
    south, west, north, east = box
    span = (east - west) % 360.0
    inside = (latitude >= south) & (latitude <= north) & ((longitude - west) % 360.0 <= span)
    return tuple(
        track
        for track, within in zip(kept, inside, strict=True)
        if within or any(it.imagery_id == frame.imagery_id for it in track.points)
    )


def bounds(frame: Frame, *, margin_m: float = NEAR_M) -> tuple[float, float, float, float] | None:
    """South, west, north and east in degrees of what a frame shows and some ground around it.

    None where nothing of it has a place. West may exceed east across the antimeridian.
    """
    rows = [
        (point.latitude_deg, point.longitude_deg, 3.0 * math.sqrt(float(np.trace(covariance))))
        for point, covariance in ((look, look.covariance_m2) for look in frame.looks().values())
    ]
    if frame.footprint_lonlat is not None:
        rows += [(float(lat), float(lon), 0.0) for lon, lat in frame.footprint_lonlat]
    if not rows:
        return None
    latitude, longitude, reach = np.array(rows).T
    plane = LocalPlane(latitude_deg=float(latitude[0]), longitude_deg=float(longitude[0]))
    enu = plane.enu(latitude, longitude)
    wide = (reach + margin_m)[:, None]
    south, west = plane.place((enu - wide).min(axis=0))
    north, east = plane.place((enu + wide).max(axis=0))
    return max(south, -90.0), west, min(north, 90.0), east


def footprints_needed(tracks: Iterable[Track], frame: Frame) -> frozenset[str]:
    """The frames whose footprints `advance` asks for.

    Of each track that the frame can show, the one nearest in time.
    """
    reached = within_gate(
        tuple(tracks),
        frame.looks().values(),
        captured_at=frame.captured_at,
        sortie_id=frame.sortie_id,
    )
    return frozenset(
        anchor(track, frame.captured_at, frame.sortie_id).imagery_id for track in reached
    )


def advance(
    tracks: Iterable[Track],
    frame: Frame,
    *,
    footprints: Mapping[str, NDArray[np.float64]] = MappingProxyType({}),
    pinned: Collection[str] = (),
) -> TrackUpdate:
    """Join what one frame shows to the tracks near by, or begin new ones.

    Detections are assigned one to one to the tracks they may be
    (`pipelines.threats.tracks.association`), within the groups of categories that are confused for
    each other. Each is looked for where it stood, and where it was driving to.

    An object may have moved only where the frame shows the place at which it stood, and where the
    frame before shows the place at which it stands: else an object that was not looked at twice
    would be taken for another. Of two errors the lesser is chosen: to count one object twice rather
    than to lose one behind another. Two tracks that prove to be one are merged afterwards.

    A frame that comes again changes nothing; one that is looked at anew, with another pose or time,
    takes back what it told before. Nothing here reads a clock or depends on the order of its
    arguments.

    Args:
        tracks: those that the frame may show, and those that hold a look of it.
        frame: what it shows.
        footprints: ground of the frames that `footprints_needed` names, by imagery.
        pinned: identifiers of tracks that people have dismissed: things at a place, which do not
            move and have a short reach.

    Raises:
        ValueError: the time is naive.
    """
    if frame.captured_at is not None and frame.captured_at.tzinfo is None:
        raise ValueError("captured_at must be aware")
    tracks = tuple(tracks)
    every = frame.looks()
    spoken_for = twins(every, frame.xyxy)
    looks = {index: look for index, look in every.items() if index not in spoken_for}
    known, retracted, repeated = _without(tracks, frame, looks)
    removed = retracted - known.keys()
    before = {track.track_id: track for track in tracks}
    track_of = {
        point.detection_index: track
        for track in known.values()
        for point in track.points
        if point.imagery_id == frame.imagery_id
    }
    held = {track.track_id for track in track_of.values()}
    rest = [
        track
        for name, track in sorted(known.items())
        if name not in held and may_hold(track, frame.captured_at)
    ]
    left = [index for index in sorted(looks) if index not in track_of]
    found = paired(
        rest,
        [looks[index] for index in left],
        Shown(
            captured_at=frame.captured_at,
            sortie_id=frame.sortie_id,
            footprint_lonlat=frame.footprint_lonlat,
            earlier=footprints,
        ),
        pinned,
    )
    width = 0.0 if frame.footprint_lonlat is None else area_m2(frame.footprint_lonlat)
    pairs = [(left[column], track, at) for track, at, column in found]
    for index, track in zip(
        [index for index, *_ in pairs],
        see_again([(track, at, looks[index]) for index, track, at in pairs], shown_m2=width),
        strict=True,
    ):
        track_of[index] = track
        known[track.track_id] = track
    begun = set()
    for index in left:
        if index not in track_of:
            name = track_id(frame.imagery_id, index)
            known[name] = track_of[index] = begin_track(name, looks[index], shown_m2=width)
            begun.add(name)
    seen = {track.track_id for track in track_of.values()}
    missed = _missed([track for track in rest if track.track_id not in seen], frame, width)
    if not repeated:
        known |= {track.track_id: track for track in missed}
    merged = track_merging.merge(known, touched=seen, pinned=pinned)
    goes_on = track_linking.links(
        merged.tracks,
        seen=seen & merged.tracks.keys(),
        pinned=pinned,
        footprint_lonlat=frame.footprint_lonlat,
    )
    merged = track_merging.linked(merged, goes_on)
    known = dict(merged.tracks)
    track_of |= {index: track_of[other] for index, other in spoken_for.items()}
    return TrackUpdate(
        track_of={
            index: known[merged.into.get(track.track_id, track.track_id)]
            for index, track in track_of.items()
        },
        changed=tuple(
            track for name, track in sorted(known.items()) if before.get(name) is not track
        ),
        begun=frozenset(begun) - merged.into.keys(),
        missed=frozenset(track.track_id for track in missed) if not repeated else frozenset(),
        removed=removed - known.keys(),
        merged=merged.into,
        repeated=repeated | {index for index, other in spoken_for.items() if other in repeated},
        retracted=retracted,
        twins=spoken_for,
    )


def _without(
    tracks: Iterable[Track], frame: Frame, looks: Mapping[int, TrackPoint]
) -> tuple[dict[str, Track], frozenset[str], frozenset[int]]:
    """The tracks without what an earlier look at the frame told otherwise.

    Returns:
        Tracks by identifier, without those of which nothing is left; identifiers of those that
        lost a look; indices of the detections that are as they were.
    """
    known: dict[str, Track] = {}
    retracted, repeated = set(), set()
    for track in tracks:
        stale = set()
        for point in track.points:
            if point.imagery_id != frame.imagery_id:
                continue
            look = looks.get(point.detection_index)
            if look is not None and _same(look, point):
                repeated.add(point.detection_index)
            else:
                stale.add(point.detection_index)
        if not stale:
            known[track.track_id] = track
            continue
        kept = tuple(point for point in track.points if point.imagery_id != frame.imagery_id)
        retracted.add(track.track_id)
        if kept:
            known[track.track_id] = replayed(track, kept)
    return known, frozenset(retracted), frozenset(repeated)


def _same(look: TrackPoint, point: TrackPoint) -> bool:
    return (
        look.captured_at == point.captured_at
        and abs(look.latitude_deg - point.latitude_deg) < 1e-9
        and abs(look.longitude_deg - point.longitude_deg) < 1e-9
    )


def _missed(unseen: Sequence[Track], frame: Frame, width_m2: float) -> list[Track]:
    """Tracks that the frame should have shown where they stood, counted as looked for in vain.

    Only where the place lies well inside the frame, the view is no wider than one that it was seen
    in, the frame is not older than the last look, and the object was not driving.
    """
    if frame.footprint_lonlat is None or frame.captured_at is None:
        return []
    within = shows(
        frame.footprint_lonlat,
        np.array([track.latitude_deg for track in unseen]),
        np.array([track.longitude_deg for track in unseen]),
    )
    unseen = [track for track, is_within in zip(unseen, within.tolist(), strict=True) if is_within]
    if not unseen:
        return []
    covariances = np.stack([track.covariance_m2 for track in unseen])
    margin = _EDGE_SIGMAS * np.sqrt(np.linalg.eigvalsh(covariances)[:, -1])
    inside = well_inside(
        frame.footprint_lonlat,
        np.array([track.latitude_deg for track in unseen]),
        np.array([track.longitude_deg for track in unseen]),
        margin,
    )
    found = []
    for track, shown in zip(unseen, inside, strict=True):
        if (
            not shown
            or track.mobility is Mobility.MOVING
            or track.last_seen_at is None
            or frame.captured_at < track.last_seen_at
            or frame.imagery_id in track.missed_in
            or (track.shown_m2 > 0.0 and width_m2 > _WIDER_VIEW * track.shown_m2)
        ):
            continue
        flights = track.empty_flights
        if (
            frame.sortie_id == track.points[-1].sortie_id
            or flights.count(frame.sortie_id) < _EMPTY_LOOKS_A_FLIGHT
        ):
            flights = (*flights, frame.sortie_id)
        found.append(
            replace(
                track,
                missed_in=(*track.missed_in, frame.imagery_id)[-track_merging.FRAMES_KEPT :],
                missed_count=track.missed_count + 1,
                empty_flights=flights[-track_merging.FRAMES_KEPT :],
            )
        )
    return found
