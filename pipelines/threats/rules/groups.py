"""Objects that stand or drive together, and of which one incident speaks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models.taxonomy import GROUPS
from pipelines.threats.positions.position import PositionKind
from pipelines.threats.positions.shapes import Line
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.convoy import Vehicle, columns
from pipelines.threats.rules.requirements import Cluster, Convoy
from pipelines.threats.rules.rule import Rule, weighed_categories
from pipelines.threats.rules.scene import Present, Scene
from pipelines.threats.tracks.track import Track

_VEHICLES = frozenset(GROUPS["vehicle"])
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Objects together.

    Attributes:
        objects: all of them, those that are no sightings themselves among them.
        sightings: theirs, the one that speaks for the group first.
        in_line: whether they are vehicles in line.
        moving: whether these move; None where that is not known.
    """

    objects: tuple[Present, ...]
    sightings: tuple[Sighting, ...]
    in_line: bool = False
    moving: bool | None = None


def clusters(
    sightings: Sequence[Sighting], rule: Rule, asked: Cluster, scene: Scene
) -> tuple[Group, ...]:
    """The clusters around some sightings of one rule and one position.

    A sighting is in one where so many objects of the rule's categories, itself among them, are no
    farther from it than the cluster's radius. Clusters that share an object are one.
    """
    present = _counted(rule, scene, weighed_categories(rule))
    if len(present) < asked.min_count or not sightings:
        return ()
    places = np.stack([it.place_m for it in present])
    row_of = {it.key: row for row, it in enumerate(present)}
    gathered: list[tuple[set[int], list[Sighting]]] = []
    for sighting in sightings:
        row = row_of[scene.key_of(sighting)]
        near = set(np.flatnonzero(np.hypot(*(places - places[row]).T) <= asked.radius_m).tolist())
        if len(near) < asked.min_count:
            continue
        members, joined = near, [sighting]
        apart = []
        for rows, seen in gathered:
            if rows & members:
                members, joined = members | rows, seen + joined
            else:
                apart.append((rows, seen))
        gathered = [*apart, (members, joined)]
    return tuple(
        Group(
            objects=tuple(present[row] for row in sorted(rows)),
            sightings=_spoken_for(seen, scene),
        )
        for rows, seen in gathered
    )


def convoys(
    sightings: Sequence[Sighting], rule: Rule, asked: Convoy, scene: Scene
) -> tuple[Group, ...]:
    """The columns of vehicles that some sightings of one rule and one position are part of."""
    present = _counted(rule, scene, weighed_categories(rule) & _VEHICLES)
    if len(present) < asked.min_count:
        return ()
    by_key = {scene.key_of(sighting): sighting for sighting in sightings}
    groups = []
    for column in columns([_vehicle(it) for it in present], asked, _routes(scene)):
        objects = tuple(present[index] for index in column.members)
        seen = [by_key[it.key] for it in objects if it.key in by_key]
        if seen:
            groups.append(
                Group(
                    objects=objects,
                    sightings=_spoken_for(seen, scene),
                    in_line=True,
                    moving=column.moving,
                )
            )
    return tuple(groups)


def _counted(rule: Rule, scene: Scene, categories: frozenset[str]) -> list[Present]:
    return [
        it
        for it in scene.present
        if it.category in categories and it.confidence >= rule.min_confidence
    ]


def _spoken_for(sightings: Sequence[Sighting], scene: Scene) -> tuple[Sighting, ...]:
    """Sightings with one first that stays the same from frame to frame: that of the oldest track.

    Alerts go before what is possible only, so that what a group is known by is near the position.
    """

    def age(sighting: Sighting) -> tuple[bool, datetime, str, int]:
        track = scene.track_of.get(sighting.detection_index)
        first = None if track is None else track.first_seen_at
        return (
            sighting.level is not Level.ALERT,
            _LATEST if first is None else first,
            "" if track is None else track.track_id,
            sighting.detection_index,
        )

    return tuple(sorted(sightings, key=age))


def _vehicle(present: Present) -> Vehicle:
    track = present.track
    if track is None or track.velocity_m_s is None or track.velocity_covariance is None:
        return Vehicle(place_m=present.place_m)
    return Vehicle(
        place_m=present.place_m,
        velocity_m_s=track.velocity_m_s,
        velocity_sigma_m_s=_speed_sigma(track, track.velocity_covariance),
    )


def _speed_sigma(track: Track, covariance: NDArray[np.float64]) -> float:
    told = track.speed_m_s
    return math.sqrt(float(np.trace(covariance)) / 2.0) if told is None else told[1]


def _routes(scene: Scene) -> list[NDArray[np.float64]]:
    """The known routes near the frame, (K, 2) vertices in the plane of the scene."""
    found = []
    for position in scene.positions.values():
        if position.kind is not PositionKind.ROUTE or not isinstance(position.shape, Line):
            continue
        # Around the frame, where alone it matters: far stretches of it may be some metres off.
        vertices = np.array(position.shape.vertices_lonlat, np.float64)
        found.append(scene.plane.enu(vertices[:, 1], vertices[:, 0]))
    return found
