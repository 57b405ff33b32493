"""A base, what is seen around it, and all that is known of it frame after frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import decide
from pipelines.threats.incidents.incident import (
    Incident,
    IncidentChange,
)
from pipelines.threats.incidents.sentry import Watch
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Sighting, weigh
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from pipelines.threats.tracks.tracker import Frame

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = Position(
    position_id="base",
    display_name="Base",
    kind=PositionKind.BASE,
    latitude_deg=4.0,
    longitude_deg=18.0,
)


def point(east_m: float, north_m: float, sigma: float | NDArray[np.float64] = 5.0) -> GroundPoint:
    lon, lat, _ = GEOD.fwd(
        18.0, 4.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    cov = np.zeros((3, 3))
    cov[:2, :2] = np.eye(2) * sigma**2 if isinstance(sigma, float | int) else sigma
    cov[2, 2] = 9.0
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=lat,
        longitude_deg=lon,
        hae_m=400.0,
        covariance_enu_m2=cov,
        ce90_m=2.146 * 5,
        le90_m=4.9,
        slant_range_m=120.0,
        depression_deg=50.0,
        terrain="flat:relative_height",
    )


def see(
    *places: tuple[float, float],
    category: str = "car",
    sigma: float = 5.0,
    confidence: float = 0.8,
    rules: Sequence[Rule] = (DEFAULT_RULE,),
    positions: Sequence[Position] = (BASE,),
) -> tuple[Sighting, ...]:
    points = [point(east, north, sigma) for east, north in places]
    return weigh(points, [category] * len(points), [confidence] * len(points), positions, rules)


class Book:
    """Everything known, frame after frame."""

    def __init__(
        self,
        positions: Sequence[Position] = (BASE,),
        rules: Sequence[Rule] = (DEFAULT_RULE,),
    ) -> None:
        self.positions, self.rules = positions, rules
        self.watch = Watch()

    def add(
        self,
        sightings: Sequence[Sighting],
        imagery_id: str,
        captured_at: datetime | None,
        footprint_lonlat: NDArray[np.float64] | None = None,
    ) -> tuple[IncidentChange, ...]:
        """What a frame with these sightings does."""
        of = {it.detection_index: it for it in sightings}
        frame = Frame(
            imagery_id=imagery_id,
            captured_at=captured_at,
            ground=[of[n].ground if n in of else NOWHERE for n in range(max(of, default=-1) + 1)],
            categories=[of[n].category if n in of else "" for n in range(max(of, default=-1) + 1)],
            confidences=[
                of[n].confidence if n in of else 0 for n in range(max(of, default=-1) + 1)
            ],
            footprint_lonlat=footprint_lonlat,
        )
        self.watch, seen = self.watch.observe(
            frame, positions=self.positions, rules=self.rules, sightings=sightings
        )
        return seen.changes

    def decide(self, incident: Incident, verdict: str) -> Incident:
        """What a person decided of it."""
        decided = decide(incident, verdict).incident
        self.watch = replace(
            self.watch, incidents={**self.watch.incidents, decided.incident_id: decided}
        )
        return decided

    @property
    def withheld(self) -> int:
        """How many sightings are counted as not shown."""
        return sum(it.count for it in self.watch.suppressions.values())

    @property
    def incidents(self) -> list[Incident]:
        """In order of their identifiers."""
        return [it for _, it in sorted(self.watch.incidents.items())]


NOWHERE = GroundPoint(outcome=Outcome.NO_INTERSECTION)


def play(
    *frames: tuple[Sighting, ...],
    seconds: float | None = 2.0,
    positions: Sequence[Position] = (BASE,),
) -> list[Incident]:
    book = Book(positions)
    for index, frame in enumerate(frames):
        at = None if seconds is None else NOON + timedelta(seconds=index * seconds)
        book.add(frame, f"i{index}", at)
    return book.incidents


def offset(incident: Incident) -> tuple[float, float]:
    ground = incident.best.ground
    azimuth, _, distance = GEOD.inv(18.0, 4.0, ground.longitude_deg, ground.latitude_deg)
    return distance * math.sin(math.radians(azimuth)), distance * math.cos(math.radians(azimuth))
