"""What one frame does to the tracks and incidents of a mission, in the transaction of its job."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Text, bindparam, cast, select

from pipelines.assessment import Assessment
from pipelines.threats.incidents.incident import QUIET, Incident, IncidentChange
from pipelines.threats.incidents.sentry import Known, observe
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Sighting
from pipelines.threats.rules.looks import Look
from pipelines.threats.rules.rule import Rule
from pipelines.threats.tracks.fusion import horizontal
from pipelines.threats.tracks.track import Track, TrackPoint
from pipelines.threats.tracks.track_state import begin_track
from pipelines.threats.tracks.tracker import Frame, footprints_needed, track_id
from service.ledger.incidents import (
    incidents_around,
    incidents_of_tracks,
    incidents_without_track,
    write_events,
    write_quietly,
)
from service.ledger.pledges import caveats_of_tracks
from service.ledger.positions import position_names
from service.ledger.records import ImageryRecord, IncidentEventRecord, IncidentRecord, stricter
from service.ledger.replay import looks_before, ring_of_text
from service.ledger.suppressions import count_suppressed, take_back_suppressed
from service.ledger.tables import imagery
from service.ledger.tracks import (
    Around,
    TrackRecord,
    markings_after,
    tracks_near,
    write_tracks,
)

_READ_COMPANY = (
    select(imagery.c.imagery_id)
    .where(
        imagery.c.mission_id == bindparam("asked_mission"),
        imagery.c.pledge_id == bindparam("asked_pledge"),
        imagery.c.sortie_id == bindparam("asked_sortie"),
        imagery.c.imagery_id != bindparam("asked_imagery"),
    )
    .limit(1)
)
_READ_FOOTPRINTS = select(imagery.c.imagery_id, cast(imagery.c.footprint_lonlat, Text)).where(
    imagery.c.mission_id == bindparam("asked_mission"),
    imagery.c.imagery_id.in_(bindparam("asked_imagery", expanding=True)),
    imagery.c.footprint_lonlat.is_not(None),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Before:
    """What the ledger knew before the frame."""

    tracks: tuple[TrackRecord, ...]
    incidents: dict[str, IncidentRecord]
    footprints: dict[str, NDArray[np.float64]]
    looks: tuple[Look, ...]


def take_in(
    connection: Connection,
    image: ImageryRecord,
    assessment: Assessment,
    *,
    positions: Sequence[Position],
    rules: Sequence[Rule],
    sequence: int,
    now: datetime,
) -> list[IncidentEventRecord]:
    """Write what a frame does to tracks, incidents and what is not shown.

    The mission is locked by the caller.

    Args:
        connection: within the transaction.
        image: the frame as it was before this look at it.
        assessment: what it shows.
        positions: of the mission, as far as they are known.
        rules: in force.
        sequence: the mission's last event.
        now: the time now.

    Returns:
        The events, in the order of their sequences.
    """
    mission_id = image.mission_id
    frame = Frame(
        imagery_id=image.imagery_id,
        captured_at=assessment.capture.captured_at,
        ground=assessment.ground,
        categories=assessment.categories,
        confidences=[float(value) for value in assessment.detections.confidence],
        footprint_lonlat=assessment.footprint_lonlat,
        # Flights of two pledges may bear one name.
        sortie_id=f"{image.pledge_id}/{image.sortie_id}",
        is_alone=not _has_company(connection, image),
        xyxy=assessment.detections.xyxy,
    )
    before = _read(connection, image, assessment, frame, now, rules)
    concerned = {sighting.position_id for sighting in assessment.sightings} | {
        name for record in before.incidents.values() for name in record.incident.position_ids
    }
    if any(rule.convoy is not None for rule in rules):
        # Along which a convoy may drive.
        concerned |= {it.position_id for it in positions if it.kind is PositionKind.ROUTE}
    seen = observe(
        Known(
            tracks=[record.track for record in before.tracks],
            incidents=[record.incident for record in before.incidents.values()],
            footprints=before.footprints,
            looks=before.looks,
        ),
        frame,
        assessment.sightings,
        positions={it.position_id: it for it in positions if it.position_id in concerned},
        rules=rules,
    )
    markings = markings_after(before.tracks, seen.update, image.marking)
    write_tracks(
        connection,
        mission_id,
        seen.update,
        imagery_id=image.imagery_id,
        markings=markings,
        known=[record.track.track_id for record in before.tracks],
        looked_before=image.looked_before,
        now=now,
    )
    if image.looked_before:
        take_back_suppressed(
            connection, mission_id, image.imagery_id, repeated=seen.update.repeated
        )
    count_suppressed(connection, mission_id, seen.suppressed, marking=image.marking, now=now)
    names = position_names(connection, mission_id, concerned) if seen.changes else {}
    caveats = caveats_of_tracks(
        connection, mission_id, {change.incident.track_id for change in seen.changes}
    )
    events: list[IncidentEventRecord] = []
    quiet: list[IncidentRecord] = []
    for change in seen.changes:
        record = _record(change, image, before.incidents, names, now)
        if change.incident.track_id in markings:
            marking = stricter(record.marking, markings[change.incident.track_id])
            record = replace(record, marking=marking)
        held_back = caveats.get(change.incident.track_id, frozenset())
        record = replace(record, caveats=record.caveats | held_back)
        if change.kind in QUIET:
            quiet.append(record)
            continue
        sequence += 1
        events.append(
            IncidentEventRecord(sequence=sequence, kind=change.kind, record=record, occurred_at=now)
        )
    write_quietly(connection, quiet)
    write_events(connection, mission_id, events)
    return events


def _has_company(connection: Connection, image: ImageryRecord) -> bool:
    """Whether the mission has other imagery of the same flight."""
    asked = {
        "asked_mission": image.mission_id,
        "asked_pledge": image.pledge_id,
        "asked_sortie": image.sortie_id,
        "asked_imagery": image.imagery_id,
    }
    return connection.execute(_READ_COMPANY, asked).first() is not None


def _read(
    connection: Connection,
    image: ImageryRecord,
    assessment: Assessment,
    frame: Frame,
    now: datetime,
    rules: Sequence[Rule],
) -> _Before:
    mission_id = image.mission_id
    around = Around.of(mission_id, frame, now=now)
    tracks = list(
        tracks_near(
            connection,
            mission_id,
            around,
            imagery_id=image.imagery_id,
            looked_before=image.looked_before,
        )
    )
    held = _incidents(connection, image, assessment, around, now, tracks)
    held.sort(key=lambda it: (it.raised_at, it.incident.incident_id))
    incidents = {record.incident.incident_id: record for record in held}
    position_ids = {sighting.position_id for sighting in assessment.sightings}
    known = {record.track.track_id for record in tracks}
    for record in incidents_without_track(connection, mission_id, position_ids, now=now):
        track = _track_of(record.incident)
        incidents[record.incident.incident_id] = replace(
            record, incident=replace(record.incident, track_id=track.track_id)
        )
        if track.track_id not in known:
            known.add(track.track_id)
            tracks.append(TrackRecord(track=track, marking=record.marking))
    rings = footprints_needed((record.track for record in tracks), frame)
    return _Before(
        tracks=tuple(tracks),
        incidents=incidents,
        footprints=_footprints(connection, mission_id, rings),
        looks=_looks(connection, mission_id, frame, assessment.sightings, rules),
    )


def _incidents(
    connection: Connection,
    image: ImageryRecord,
    assessment: Assessment,
    around: Around | None,
    now: datetime,
    tracks: Sequence[TrackRecord],
) -> list[IncidentRecord]:
    """The incidents of the tracks that were read, in no order."""
    captured_at = assessment.capture.captured_at
    if not image.looked_before:
        if around is None:
            return []
        return incidents_around(connection, around, captured_at=captured_at, now=now)
    # What a second look begins anew has the identifier it had.
    names = {record.track.track_id for record in tracks} | {
        track_id(image.imagery_id, index) for index in range(len(assessment.ground))
    }
    return incidents_of_tracks(
        connection, image.mission_id, names, captured_at=captured_at, now=now
    )


def _looks(
    connection: Connection,
    mission_id: str,
    frame: Frame,
    sightings: Sequence[Sighting],
    rules: Sequence[Rule],
) -> tuple[Look, ...]:
    """Earlier looks, as far back as any rule that weighs what is seen asks what is new."""
    weighing = {sighting.rule_id for sighting in sightings}
    asked = [
        rule.new_object.since_s
        for rule in rules
        if rule.new_object is not None and rule.rule_id in weighing
    ]
    if not asked or frame.captured_at is None:
        return ()
    return looks_before(connection, mission_id, frame.captured_at, max(asked))


def _track_of(incident: Incident) -> Track:
    """The track of an incident from before there were tracks: one look, where it last stood."""
    best = incident.best
    latitude, longitude, covariance = horizontal(best.ground)
    look = TrackPoint(
        imagery_id=incident.imagery_id,
        detection_index=best.detection_index,
        captured_at=incident.last_seen_at,
        latitude_deg=latitude,
        longitude_deg=longitude,
        covariance_m2=covariance,
        category=best.category,
        confidence=best.confidence,
    )
    begun = begin_track(track_id(incident.imagery_id, best.detection_index), look, shown_m2=0.0)
    return replace(
        begun,
        sighting_count=incident.sighting_count,
        first_seen_at=incident.first_seen_at,
        mobility=incident.mobility,
    )


def _record(
    change: IncidentChange,
    image: ImageryRecord,
    known: Mapping[str, IncidentRecord],
    names: Mapping[str, str],
    now: datetime,
) -> IncidentRecord:
    """The incident after a change, with what the mission knows around it."""
    before = known.get(change.incident.incident_id)
    position_id = change.incident.best.position_id

    def called(name: str) -> str:
        # A position that was removed keeps its name here.
        return names.get(name) or (name if before is None else before.position_name(name))

    near = {name: called(name) for name in change.incident.position_ids[1:]}
    if before is None:
        return IncidentRecord(
            mission_id=image.mission_id,
            incident=change.incident,
            position_display_name=called(position_id),
            near_display_names=near,
            raised_at=now,
            marking=image.marking,
            decision=None,
        )
    return replace(
        before,
        incident=change.incident,
        position_display_name=called(position_id),
        near_display_names=near,
        # What is made of two sources bears the stricter marking.
        marking=stricter(before.marking, image.marking),
    )


def _footprints(
    connection: Connection, mission_id: str, imagery_ids: Collection[str]
) -> dict[str, NDArray[np.float64]]:
    """What some imagery shows of the ground, where that is known: (K, 2) rings by imagery."""
    if not imagery_ids:
        return {}
    rows = connection.execute(
        _READ_FOOTPRINTS, {"asked_mission": mission_id, "asked_imagery": sorted(imagery_ids)}
    )
    return {name: ring_of_text(ring) for name, ring in rows}
