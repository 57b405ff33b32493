"""Tracks on the ground within the transaction that ends a job."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    insert,
    or_,
    select,
    update,
)

from pipelines.threats.tracks.track import Track
from pipelines.threats.tracks.tracker import TRACK_HOLD, Frame, TrackUpdate, bounds
from service.ledger.dialect import insert_those_absent
from service.ledger.records import Marking, stricter
from service.ledger.tables import track_looks, tracks
from service.ledger.track_documents import track_document, track_value

_AT_ONCE = 500
# Around a frame hundreds of tracks are read each time, of which a few have changed since.
_TRACKS_KEPT = 4096
# The document as it was written: the text tells whether it was read before.
_READ = select(tracks.c.track_id, tracks.c.marking, cast(tracks.c.record, Text))
_READ_SEEN_IN = _READ.where(
    tracks.c.mission_id == bindparam("asked_mission"),
    tracks.c.track_id.in_(
        select(track_looks.c.track_id).where(
            track_looks.c.mission_id == bindparam("asked_mission"),
            track_looks.c.imagery_id == bindparam("asked_imagery"),
        )
    ),
)
_WRITE = update(tracks).where(
    tracks.c.mission_id == bindparam("of_mission"), tracks.c.track_id == bindparam("of_track")
)
_INSERT_LOOKS = insert(track_looks)
_FORGET_LOOKS = delete(track_looks).where(
    track_looks.c.mission_id == bindparam("of_mission"),
    track_looks.c.imagery_id == bindparam("of_imagery"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackRecord:
    """A track with what the mission knows around it.

    Attributes:
        track: the track.
        marking: the strictest of the imagery that it was seen in.
    """

    track: Track
    marking: Marking


class AroundKind(NamedTuple):
    """What tells one question for the tracks around a frame from another but its values.

    Attributes:
        is_across: the antimeridian lies within the box.
        is_timed: the frame has a capture time.
    """

    is_across: bool
    is_timed: bool

    @property
    def condition(self) -> ColumnElement[bool]:
        """Which tracks are around a frame, asked for by the values of `Around`."""
        column = tracks.c.longitude_deg
        west: BindParameter[float] = bindparam("asked_west")
        east: BindParameter[float] = bindparam("asked_east")
        # At a pole and where a frame spans half the earth, every longitude counts.
        beside = (
            or_(column >= west, column <= east) if self.is_across else column.between(west, east)
        )
        recent: ColumnElement[bool] = tracks.c.changed_at >= bindparam("asked_changed")
        if self.is_timed:
            recent = or_(
                and_(
                    tracks.c.last_seen_at >= bindparam("asked_since"),
                    tracks.c.first_seen_at <= bindparam("asked_until"),
                ),
                and_(tracks.c.last_seen_at.is_(None), recent),
            )
        return and_(
            tracks.c.mission_id == bindparam("asked_mission"),
            tracks.c.latitude_deg.between(bindparam("asked_south"), bindparam("asked_north")),
            beside,
            recent,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """Which tracks are around a frame: statements of one kind are built once, and asked anew.

    Attributes:
        kind: of the question.
        asked: its values.
    """

    kind: AroundKind
    asked: Mapping[str, Any]

    @classmethod
    def of(cls, mission_id: str, frame: Frame, *, now: datetime) -> Self | None:
        """Those around one frame; None where nothing of it has a place.

        Where a capture time is unknown, what changed within the hold counts: else every track there
        ever was would be loaded for good.
        """
        box = bounds(frame)
        if box is None:
            return None
        south, west, north, east = box
        asked = {
            "asked_mission": mission_id,
            "asked_south": south,
            "asked_north": north,
            "asked_west": west,
            "asked_east": east,
            "asked_changed": now - TRACK_HOLD,
        }
        if frame.captured_at is not None:
            asked["asked_since"] = frame.captured_at - TRACK_HOLD
            asked["asked_until"] = frame.captured_at + TRACK_HOLD
        kind = AroundKind(is_across=west > east, is_timed=frame.captured_at is not None)
        return cls(kind=kind, asked=asked)


def tracks_near(
    connection: Connection,
    mission_id: str,
    around: Around | None,
    *,
    imagery_id: str,
    looked_before: bool,
) -> tuple[TrackRecord, ...]:
    """The tracks that a frame may show or that stand near to it, and those that hold a look of it.

    Args:
        connection: within a transaction.
        mission_id: the mission.
        around: which are around the frame; None where nothing of it has a place.
        imagery_id: the frame.
        looked_before: the frame was looked at before, so that tracks may hold looks of it.
    """
    found: dict[str, TrackRecord] = {}
    if around is not None:
        rows = connection.execute(_read_around(around.kind), around.asked)
        found = {name: _known(*rest) for name, *rest in rows.all()}
    if looked_before:
        rows = connection.execute(
            _READ_SEEN_IN, {"asked_mission": mission_id, "asked_imagery": imagery_id}
        )
        found |= {name: _known(*rest) for name, *rest in rows.all()}
    return tuple(found[name] for name in sorted(found))


def write_tracks(
    connection: Connection,
    mission_id: str,
    update_: TrackUpdate,
    *,
    imagery_id: str,
    markings: Mapping[str, Marking],
    known: Iterable[str],
    looked_before: bool,
    now: datetime,
) -> None:
    """Write what a frame did to tracks.

    Args:
        connection: within a transaction.
        mission_id: the mission.
        update_: what it did.
        imagery_id: the frame.
        markings: of every track that changed.
        known: identifiers of the tracks that there were.
        looked_before: the frame was looked at before, so that tracks may hold looks of it.
        now: the time now.
    """
    existing = set(known)
    fresh: list[dict[str, Any]] = []
    further: list[dict[str, Any]] = []
    for track in update_.changed:
        values = _values(track, markings[track.track_id], now)
        if track.track_id in existing:
            further.append({"of_mission": mission_id, "of_track": track.track_id} | values)
        else:
            fresh.append({"mission_id": mission_id, "track_id": track.track_id} | values)
    if further:
        connection.execute(_WRITE, further)
    insert_those_absent(connection, tracks, fresh)
    _point_looks(connection, mission_id, update_, imagery_id, looked_before=looked_before)
    gone = sorted(update_.removed | update_.merged.keys())
    for start in range(0, len(gone), _AT_ONCE):
        connection.execute(
            delete(tracks).where(
                tracks.c.mission_id == mission_id,
                tracks.c.track_id.in_(gone[start : start + _AT_ONCE]),
            )
        )


def _point_looks(
    connection: Connection,
    mission_id: str,
    update_: TrackUpdate,
    imagery_id: str,
    *,
    looked_before: bool,
) -> None:
    if update_.merged:
        connection.execute(
            update(track_looks).where(
                track_looks.c.mission_id == mission_id,
                track_looks.c.track_id == bindparam("younger"),
            ),
            [
                {"younger": younger, "track_id": older}
                for younger, older in sorted(update_.merged.items())
            ],
        )
    if looked_before:
        connection.execute(_FORGET_LOOKS, {"of_mission": mission_id, "of_imagery": imagery_id})
    rows = [
        {
            "mission_id": mission_id,
            "imagery_id": imagery_id,
            "detection_index": index,
            "track_id": track.track_id,
        }
        for index, track in sorted(update_.track_of.items())
    ]
    if rows:
        connection.execute(_INSERT_LOOKS, rows)


def markings_after(
    known: Sequence[TrackRecord], update_: TrackUpdate, marking: Marking
) -> dict[str, Marking]:
    """The marking of each track after a frame: the strictest of the imagery it was seen in."""
    found = {record.track.track_id: record.marking for record in known}
    for younger, older in update_.merged.items():
        if younger in found:
            found[older] = stricter(found.get(older, found[younger]), found[younger])
    for track in update_.track_of.values():
        found[track.track_id] = stricter(found.get(track.track_id, marking), marking)
    return found


def _values(track: Track, marking: Marking, now: datetime) -> dict[str, Any]:
    return {
        "latitude_deg": float(track.latitude_deg),
        "longitude_deg": float(track.longitude_deg),
        "first_seen_at": track.first_seen_at,
        "last_seen_at": track.last_seen_at,
        "changed_at": now,
        "marking": marking.value,
        "record": track_document(track),
    }


@functools.cache
def _read_around(kind: AroundKind) -> Select[Any]:
    return _READ.where(kind.condition)


@functools.lru_cache(maxsize=_TRACKS_KEPT)
def _known(marking: str, document: str) -> TrackRecord:
    """The track that a document tells; one object for all who read it, which nobody can change."""
    return TrackRecord(track=track_value(json.loads(document)), marking=Marking(marking))
