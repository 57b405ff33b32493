"""A post, some things around it, and what rules make of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.conditions import Judgement, judge
from pipelines.threats.rules.looks import Look
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from pipelines.threats.rules.severity import Severity
from pipelines.threats.tracks.track import Track, TrackPoint

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POST = Position(
    position_id="alpha",
    display_name="Post Alpha",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=18.0,
)


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        18.0, 4.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something on the ground: where it is now, how it moves, and when it was seen."""

    at: tuple[float, float]
    category: str = "car"
    sigma: float = 5.0
    confidence: float = 0.8
    velocity: tuple[float, float] | None = None
    velocity_sigma: float = 0.5
    seconds_before: Sequence[float] = ()
    name: str = ""
    tracked: bool = True
    timed: bool = True


@dataclass(frozen=True, kw_only=True)
class World:
    things: Sequence[Thing]
    rules: Sequence[Rule] = (DEFAULT_RULE,)
    positions: Sequence[Position] = (POST,)
    unseen: Sequence[Thing] = ()
    looks: Sequence[Look] = ()
    captured_at: datetime | None = NOON
    named: Mapping[str, Position] | None = field(default=None)

    def judged(self) -> Judgement:
        ground = [point(thing) for thing in self.things]
        sightings = weigh(
            ground,
            [thing.category for thing in self.things],
            [thing.confidence for thing in self.things],
            self.positions,
            self.rules,
        )
        tracks = {
            index: track(thing, str(index), self.captured_at)
            for index, thing in enumerate(self.things)
            if thing.tracked
        }
        others = [track(thing, f"u{at}", self.captured_at) for at, thing in enumerate(self.unseen)]
        positions = self.named
        if positions is None:
            positions = {position.position_id: position for position in self.positions}
        return judge(
            sightings,
            track_of=tracks,
            tracks=[*tracks.values(), *others],
            positions=positions,
            rules=self.rules,
            captured_at=self.captured_at,
            looks=self.looks,
        )

    def only(self) -> tuple[str, Severity]:
        found = self.judged()
        assert len(found.shown) == 1
        assert found.withheld == ()
        return found.shown[0].reason, found.shown[0].severity

    def withheld(self) -> list[str]:
        found = self.judged()
        assert found.shown == ()
        return [it.reason for it in found.withheld]


def point(thing: Thing) -> GroundPoint:
    lon, lat = lonlat(*thing.at)
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=lat,
        longitude_deg=lon,
        covariance_enu_m2=np.diag([thing.sigma**2, thing.sigma**2, 9.0]),
    )


def track(thing: Thing, name: str, now: datetime | None) -> Track:
    velocity = np.array(thing.velocity or (0.0, 0.0))
    points = []
    for number, before in enumerate(sorted([0.0, *thing.seconds_before], reverse=True)):
        lon, lat = lonlat(*(np.array(thing.at) - before * velocity))
        seen_at = None if now is None or not thing.timed else now - timedelta(seconds=before)
        points.append(
            TrackPoint(
                imagery_id=f"i{number}",
                detection_index=0,
                captured_at=seen_at,
                latitude_deg=lat,
                longitude_deg=lon,
                covariance_m2=thing.sigma**2 * np.eye(2),
            )
        )
    known = thing.velocity is not None
    return Track(
        track_id=thing.name or f"t{name}",
        category=thing.category,
        confidence=thing.confidence,
        latitude_deg=points[-1].latitude_deg,
        longitude_deg=points[-1].longitude_deg,
        covariance_m2=points[-1].covariance_m2,
        velocity_m_s=velocity if known else None,
        velocity_covariance=thing.velocity_sigma**2 * np.eye(2) if known else None,
        sighting_count=len(points),
        first_seen_at=points[0].captured_at,
        last_seen_at=points[-1].captured_at,
        imagery_id=points[-1].imagery_id,
        points=tuple(points),
    )


def rule(**changes: object) -> Rule:
    return replace(DEFAULT_RULE, rule_id="mine", **changes)  # type: ignore[arg-type]


CROWD = [
    Thing(at=(300.0 + 6.0 * at, 4.0 * (at % 2)), category="person", name=f"p{at}")
    for at in range(4)
]


COLUMN = [
    Thing(
        at=(400.0 + 40.0 * at, 3.0 * (-1) ** at),
        category="truck",
        name=f"c{at}",
        velocity=(-10.0, 0.0),
        seconds_before=[2.0 + at, 4.0],
    )
    for at in range(3)
]
