"""A day of one area as a row of frames, in the order in which they come to the program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.incident_areas import AREAS, DAY, Area, Site
from benchmarks.incident_looks import Ground, Look, look_at, make_ground
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.threats.positions.position import Position
from scenes.frame import LocalFrame

Floats = NDArray[np.float64]

FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)
LATITUDE_DEG, LONGITUDE_DEG, HAE_M = 13.6, 2.1, 220.0
# What a patrol may have moved since it reported, one sigma of each axis: half of what it drives.
_PATROL_M_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Day:
    """One area on one day.

    Attributes:
        number: of the day, from 0.
        area: what was there.
        ground: and on what.
        looks: its frames in the order in which they come.
    """

    number: int
    area: Area
    ground: Ground
    looks: tuple[Look, ...]

    def captured_at(self, look: Look) -> datetime | None:
        """What the frame tells of its time."""
        if not look.tells_time:
            return None
        return FIRST_DAY + timedelta(days=self.number, seconds=look.taken_s)

    def positions(self, look: Look) -> tuple[Position, ...]:
        """The positions as they are known when the frame was taken."""
        return tuple(_as_known(site, self.ground.frame, look.taken_s) for site in self.area.sites)


def play(seed: int, number: int, which: int) -> Day:
    """One day of the area `AREAS[which]`; the same numbers give the same day."""
    chance = np.random.default_rng([seed, number, which])
    frame = LocalFrame(latitude_deg=LATITUDE_DEG, longitude_deg=LONGITUDE_DEG, hae_m=HAE_M)
    area = AREAS[which](chance)
    ground = make_ground(chance, frame, area.half_side_m, DEFAULT_SIGMAS.terrain_m)
    looks: list[Look] = []
    for flight in area.flights:
        taken = look_at(ground, area.things, flight, chance)
        looks += taken
        looks += [
            replace(
                look,
                imagery_id=f"{look.imagery_id}-again",
                arrives_s=look.arrives_s + chance.uniform(1.0, 60.0),
                copy_of=look.imagery_id,
            )
            for look in taken
            if chance.uniform() < flight.doubled
        ]
    looks.sort(key=lambda look: (look.arrives_s, look.imagery_id))
    return Day(number=number, area=area, ground=ground, looks=tuple(looks))


def _as_known(site: Site, frame: LocalFrame, time_s: float) -> Position:
    if not site.report_every_s:
        place, sigma = site.path.at(0.0), 0.0
    else:
        count = int(time_s // site.report_every_s)
        reported_s = max(count * site.report_every_s, float(site.path.time_s[0]))
        # The same report is the same wrong, whoever asks.
        chance = np.random.default_rng([count, 7])
        place = site.path.at(reported_s) + chance.normal(0.0, site.report_sigma_m, 2)
        sigma = float(np.hypot(site.report_sigma_m, _PATROL_M_S * (time_s - reported_s)))
    up = frame.up_of_height(place[0], place[1], frame.hae_m)
    latitude, longitude, _ = frame.to_geodetic([place[0], place[1], float(up)])
    return Position(
        position_id=site.site_id,
        display_name=site.site_id,
        kind=site.kind,
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        sigma_m=sigma,
        radius_m=site.radius_m,
    )


def threats(day: Day, look: Look) -> set[tuple[int, str]]:
    """Things that this frame shows truly within the radius of a position, with the position."""
    found = set()
    for site in day.area.sites:
        centre = site.path.at(min(look.taken_s, DAY))
        for number in look.in_view:
            place = day.area.things[number].path.at(look.taken_s)
            if float(np.hypot(*(place - centre))) <= site.radius_m:
                found.add((number, site.site_id))
    return found
