"""The areas that are played: positions, what goes on around them, and who flies over them when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.incident_flights import (
    TELE,
    THERMAL,
    WIDE,
    Course,
    Flight,
    after_another,
    follow,
    mapping,
    stare,
    transit,
)
from benchmarks.incident_world import Cast, Path, Thing, along, standing
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.threats.positions.position import PositionKind

Floats = NDArray[np.float64]

HOUR = 3600.0
DAY = 24.0 * HOUR
# A receiver with corrections, beside a gimbal and a compass like any other.
RTK = replace(DEFAULT_SIGMAS, horizontal_m=0.05, vertical_m=0.1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Site:
    """A position as it truly is.

    Attributes:
        site_id: its identifier.
        kind: base, post or patrol.
        path: where it is.
        radius_m: distance that counts as near.
        report_every_s: a patrol reports this often; 0 for what does not move.
        report_sigma_m: one sigma of each axis of a report.
    """

    site_id: str
    kind: PositionKind
    path: Path
    radius_m: float
    report_every_s: float = 0.0
    report_sigma_m: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Area:
    """One area on one day.

    Attributes:
        name: of the scenario.
        sites: its positions.
        things: everybody and everything that may be seen.
        flights: over it.
        half_side_m: it is a square of twice this side around its origin.
    """

    name: str
    sites: tuple[Site, ...]
    things: list[Thing]
    flights: tuple[Flight, ...]
    half_side_m: float = 1500.0


@dataclass(kw_only=True)
class _Flown:
    """Flights put together with what is common to them."""

    flights: list[Flight] = field(default_factory=list)

    def add(self, contributor: str, course: Course, **changed: object) -> None:
        kind = {"lens": WIDE, "thermal": False} | changed
        self.flights.append(
            Flight(
                name=f"{contributor.lower()}-{len(self.flights) + 1}",
                contributor=contributor,
                time_s=course.time_s,
                place_m=course.place_m,
                yaw_deg=course.yaw_deg,
                pitch_deg=course.pitch_deg,
                **kind,  # type: ignore[arg-type] # fields of Flight, by name
            )
        )


def _fixed(site_id: str, kind: PositionKind, place: ArrayLike, radius_m: float) -> Site:
    return Site(site_id=site_id, kind=kind, path=standing(place, 0.0, DAY), radius_m=radius_m)


def _road(north_m: float, bend_m: float = 60.0, half_m: float = 1800.0) -> Floats:
    """A road from west to east with a bend in it."""
    east = np.linspace(-half_m, half_m, 25)
    return np.column_stack([east, north_m + bend_m * np.sin(east / 500.0)])


def _own_forces(cast: Cast, centre: Sequence[float]) -> None:
    """What stands at a position itself: two vehicles and two guards."""
    cast.row(["truck", "car"], (centre[0] - 8.0, centre[1] + 5.0), (6.0, 0.0), (0.0, DAY))
    for side in (-30.0, 30.0):
        cast.stands((centre[0] + side, centre[1] - 25.0), 0.0, DAY)


def base_routine(chance: np.random.Generator) -> Area:
    """A base beside a road, mapped twice and watched once: routine traffic, parked vehicles."""
    cast = Cast(chance=chance)
    road = _road(-260.0)
    morning = 8.0 * HOUR + chance.uniform(0.0, HOUR)
    noon = morning + chance.uniform(2.0, 3.0) * HOUR
    later = noon + chance.uniform(0.5, 1.5) * HOUR
    _own_forces(cast, (0.0, 0.0))
    spans = [(morning, 700.0), (noon, 700.0), (later, 300.0)]
    for begin, length in spans:
        cast.traffic(road, begin - 300.0, begin + length, an_hour=30)
        cast.walkers(road, begin - 1800.0, begin + length, an_hour=10)
    for _ in range(8):
        cast.park(
            str(chance.choice(["car", "van", "truck"])),
            cast.ring((0.0, 0.0), 80.0, 700.0),
            morning - chance.uniform(0.0, 2.0) * HOUR,
            later + chance.uniform(-1.0, 1.0) * HOUR,
        )
    for _ in range(6):
        cast.stands(cast.ring((0.0, 0.0), 100.0, 650.0), morning - HOUR, later + HOUR)
    for _ in range(3):
        cast.calls(
            "car",
            road,
            cast.ring((0.0, 0.0), 60.0, 250.0),
            morning + chance.uniform(0, 300),
            1200.0,
        )
    flown = _Flown()
    flown.add("GHA", mapping((0.0, 0.0), 500.0, morning, height_m=100.0, lines_m=70.0))
    flown.add("BGD", mapping((0.0, 0.0), 500.0, noon, height_m=120.0, lines_m=80.0), sigmas=RTK)
    flown.add(
        "GHA",
        stare((0.0, -150.0), later, 300.0, from_deg=160.0, away_m=350.0, height_m=120.0),
        lens=TELE,
    )
    return Area(
        name="base routine",
        sites=(_fixed("base", PositionKind.BASE, (0.0, 0.0), 500.0),),
        things=cast.things,
        flights=tuple(flown.flights),
    )


def post_approach(chance: np.random.Generator) -> Area:
    """A post that people come up to and hang about, under the stares of two drones."""
    cast = Cast(chance=chance)
    track = _road(-120.0, bend_m=30.0)
    begin = 14.0 * HOUR + chance.uniform(0.0, HOUR)
    second = begin + chance.uniform(0.7, 1.5) * HOUR
    _own_forces(cast, (0.0, 0.0))
    for start in (begin, second):
        for _ in range(4):
            cast.approaches(
                "person",
                cast.ring((0.0, 0.0), 320.0, 450.0),
                cast.ring((0.0, 0.0), 60.0, 140.0),
                start + chance.uniform(-240.0, 100.0),
                speed_m_s=1.3 * chance.uniform(0.8, 1.3),
                stay_s=chance.uniform(20.0, 200.0),
            )
        cast.approaches(
            "two-wheeler",
            cast.ring((0.0, 0.0), 500.0, 700.0),
            cast.ring((0.0, 0.0), 80.0, 200.0),
            start + chance.uniform(0.0, 150.0),
            speed_m_s=6.0,
            stay_s=60.0,
        )
        cast.group(
            int(chance.integers(3, 6)),
            cast.ring((0.0, 0.0), 250.0, 400.0),
            cast.ring((0.0, 0.0), 100.0, 200.0),
            start + chance.uniform(-200.0, 60.0),
            stay_s=200.0,
        )
        cast.traffic(track, start - 200.0, start + 360.0, an_hour=20, share_two=0.6)
    for _ in range(4):
        cast.loiters(
            cast.ring((0.0, 0.0), 90.0, 260.0), 25.0, begin - 600.0, second + chance.uniform(0, 900)
        )
    cast.park("car", cast.ring((0.0, 0.0), 80.0, 220.0), begin - HOUR, second + HOUR)
    flown = _Flown()
    flown.add(
        "GHA",
        stare((0.0, 0.0), begin, 360.0, from_deg=200.0, away_m=300.0, height_m=110.0, sweep_deg=10),
        lens=TELE,
    )
    flown.add(
        "BGD",
        stare((0.0, -40.0), begin + 120.0, 300.0, from_deg=80.0, away_m=260.0, height_m=100.0),
        lens=TELE,
    )
    flown.add(
        "URY",
        stare((0.0, 0.0), second, 300.0, from_deg=310.0, away_m=300.0, height_m=120.0, sweep_deg=8),
        lens=TELE,
        sigmas=RTK,
    )
    return Area(
        name="post approached",
        sites=(_fixed("post", PositionKind.POST, (0.0, 0.0), 300.0),),
        things=cast.things,
        flights=tuple(flown.flights),
    )


def route_convoy(chance: np.random.Generator) -> Area:
    """A checkpoint on a road: convoys, queues and parked rows, flown along ahead of a column."""
    cast = Cast(chance=chance)
    road = _road(0.0, bend_m=40.0, half_m=2200.0)
    begin = 10.0 * HOUR + chance.uniform(0.0, HOUR)
    second = begin + chance.uniform(0.4, 1.0) * HOUR
    _own_forces(cast, (20.0, 40.0))
    count = int(chance.integers(5, 9))
    cast.row(["truck"] * count, (-220.0, 18.0), (0.0, 5.5), (begin - HOUR, second + HOUR))
    cast.row(
        ["car"] * 5, (120.0, -14.0), (3.2, 0.0), (begin - HOUR, second + chance.uniform(0, 600))
    )
    for start in (begin, second):
        cast.convoy(
            ["car", *["truck"] * int(chance.integers(3, 7)), "car"],
            road if chance.uniform() < 0.5 else road[::-1],
            start - 120.0,
            speed_m_s=9.0,
            gap_m=30.0,
        )
        cast.traffic(road, start - 300.0, start + 300.0, an_hour=40)
        cast.walkers(road, start - 1200.0, start + 300.0, an_hour=15)
    flown = _Flown()
    flown.add("IDN", transit(road, begin, height_m=90.0, speed_m_s=15.0, pitch_deg=-45.0))
    flown.add("IDN", transit(road[::-1], second, height_m=90.0, speed_m_s=15.0, pitch_deg=-45.0))
    flown.add(
        "BGD",
        stare((0.0, 0.0), second + 60.0, 240.0, from_deg=20.0, away_m=280.0, height_m=120.0),
    )
    return Area(
        name="route with convoys",
        sites=(_fixed("checkpoint", PositionKind.POST, (0.0, 30.0), 400.0),),
        things=cast.things,
        flights=tuple(flown.flights),
    )


def patrol(chance: np.random.Generator) -> Area:
    """A patrol of two vehicles on the move, reported every half minute, with a drone above it."""
    cast = Cast(chance=chance)
    road = _road(100.0, bend_m=120.0)
    begin = 11.0 * HOUR + chance.uniform(0.0, HOUR)
    path = along(road[4:], begin - 30.0, 4.0)
    behind = along(road[4:], begin - 36.0, 4.0)
    cast.add("truck", "own patrol", path)
    cast.add("car", "own patrol", behind)
    cast.traffic(road, begin - 300.0, begin + 400.0, an_hour=40)
    cast.walkers(road, begin - 1800.0, begin + 400.0, an_hour=25)
    for _ in range(6):
        beside = path.at(begin + chance.uniform(0.0, 360.0))
        cast.park(str(chance.choice(["car", "truck", "van"])), cast.near(beside, 120.0), 0.0, DAY)
        cast.stands(cast.near(beside, 150.0), begin - HOUR, begin + HOUR)
    flown = _Flown()
    flown.add("GHA", follow(path, begin, 360.0, height_m=90.0, back_m=90.0))
    return Area(
        name="patrol",
        sites=(
            Site(
                site_id="patrol",
                kind=PositionKind.PATROL,
                path=path,
                radius_m=200.0,
                report_every_s=30.0,
                report_sigma_m=5.0,
            ),
        ),
        things=cast.things,
        flights=tuple(flown.flights),
    )


def market(chance: np.random.Generator) -> Area:
    """A crowd and closely parked cars within the radius of a base."""
    cast = Cast(chance=chance)
    begin = 9.0 * HOUR + chance.uniform(0.0, HOUR)
    second = begin + chance.uniform(0.3, 0.8) * HOUR
    place = cast.ring((0.0, 0.0), 230.0, 330.0)
    _own_forces(cast, (0.0, 0.0))
    for _ in range(14):
        cast.stands(cast.near(place, 30.0), begin - HOUR, second + HOUR, sway_m=1.0)
    for _ in range(10):
        cast.loiters(cast.near(place, 30.0), 20.0, begin - HOUR, second + HOUR)
    cast.row(
        ["car"] * 6, (place[0] + 35.0, place[1] - 10.0), (0.0, 2.9), (begin - HOUR, second + HOUR)
    )
    road = _road(float(place[1]) - 60.0, bend_m=20.0)
    for start in (begin, second):
        cast.traffic(road, start - 200.0, start + 240.0, an_hour=40, share_two=0.6)
    flown = _Flown()
    flown.add(
        "GHA",
        stare(place, begin, 180.0, from_deg=140.0, away_m=220.0, height_m=120.0),
        lens=TELE,
    )
    flown.add("BGD", mapping(place, 200.0, second, height_m=80.0, lines_m=60.0))
    return Area(
        name="market",
        sites=(_fixed("base", PositionKind.BASE, (0.0, 0.0), 500.0),),
        things=cast.things,
        flights=tuple(flown.flights),
    )


def night(chance: np.random.Generator) -> Area:
    """A thermal camera going round a post at night: few people, all of interest."""
    cast = Cast(chance=chance)
    begin = 23.0 * HOUR
    _own_forces(cast, (0.0, 0.0))
    for _ in range(3):
        cast.approaches(
            "person",
            cast.ring((0.0, 0.0), 200.0, 350.0),
            cast.ring((0.0, 0.0), 40.0, 90.0),
            begin + chance.uniform(-120.0, 200.0),
            speed_m_s=1.0,
            stay_s=100.0,
        )
    cast.loiters(cast.ring((0.0, 0.0), 60.0, 140.0), 15.0, begin - 600.0, begin + 900.0)
    cast.traffic(_road(-150.0), begin - 200.0, begin + 400.0, an_hour=12, share_two=0.7)
    corners = [(-110.0, -110.0), (110.0, -110.0), (110.0, 110.0), (-110.0, 110.0), (-110.0, -110.0)]
    flown = _Flown()
    flown.add(
        "URY",
        transit(np.array(corners), begin, height_m=80.0, speed_m_s=6.0, pitch_deg=-75.0),
        lens=THERMAL,
        thermal=True,
    )
    flown.add(
        "URY",
        stare((0.0, 0.0), begin + 200.0, 180.0, from_deg=250.0, away_m=90.0, height_m=100.0),
        lens=THERMAL,
        thermal=True,
    )
    return Area(
        name="night, thermal",
        sites=(_fixed("post", PositionKind.POST, (0.0, 0.0), 200.0),),
        things=cast.things,
        flights=tuple(flown.flights),
    )


def poor_pose(chance: np.random.Generator) -> Area:
    """The approached post again; true errors of poses and pixels are 1.5 times those stated."""
    area = post_approach(chance)
    worse = tuple(replace(flight, error_scale=1.5) for flight in area.flights)
    return replace(area, name="errors 1.5 times stated", flights=worse)


def poor_link(chance: np.random.Generator) -> Area:
    """The approached post again: one drone without times, frames late, out of order and twice."""
    area = post_approach(chance)
    first, second, third = area.flights
    return replace(
        area,
        name="poor link, no times",
        flights=(
            replace(first, late_s=30.0, doubled=0.1),
            replace(second, tells_time=False),
            replace(third, late_s=10.0, doubled=0.1),
        ),
    )


def quiet_country(chance: np.random.Generator) -> Area:
    """Open ground around a post: hardly anybody, and much that looks like somebody."""
    cast = Cast(chance=chance)
    begin = 15.0 * HOUR + chance.uniform(0.0, HOUR)
    _own_forces(cast, (0.0, 0.0))
    for _ in range(3):
        cast.stands(cast.ring((0.0, 0.0), 120.0, 600.0), begin - HOUR, begin + 2 * HOUR)
    cast.traffic(_road(450.0), begin - 200.0, begin + 500.0, an_hour=6)
    lines = np.array([(-600.0, -200.0), (600.0, -200.0), (600.0, 100.0), (-600.0, 100.0)])
    flown = _Flown()
    flown.add("IDN", transit(lines, begin, height_m=100.0, speed_m_s=14.0, pitch_deg=-60.0))
    flown.add(
        "IDN",
        after_another(
            [mapping((0.0, 0.0), 300.0, begin + 1.2 * HOUR, height_m=100.0, lines_m=75.0)]
        ),
    )
    return Area(
        name="quiet country",
        sites=(_fixed("post", PositionKind.POST, (0.0, 0.0), 300.0),),
        things=cast.things,
        flights=tuple(flown.flights),
    )


AREAS: tuple[Callable[[np.random.Generator], Area], ...] = (
    base_routine,
    post_approach,
    route_convoy,
    patrol,
    market,
    night,
    poor_pose,
    poor_link,
    quiet_country,
)
"""Played side by side each day, by name."""
