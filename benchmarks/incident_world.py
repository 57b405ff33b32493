"""Who is where, when: people and vehicles of a simulated day, as truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

WALK_M_S, RIDE_M_S, DRIVE_M_S = 1.3, 8.0, 11.0
"""Common speeds on foot, on two wheels and on an unsealed road through a village."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Path:
    """A way over the ground.

    Attributes:
        time_s: (K,) rising, seconds of the day.
        place_m: (K, 2) east and north in the area's frame.
    """

    time_s: Floats
    place_m: Floats

    def at(self, time_s: ArrayLike) -> Floats:
        """(..., 2) where it is; NaN before it begins and after it ends."""
        time = np.asarray(time_s, np.float64)
        outside = (time < self.time_s[0]) | (time > self.time_s[-1])
        place = np.stack(
            [np.interp(time, self.time_s, self.place_m[:, axis]) for axis in (0, 1)], axis=-1
        )
        place[outside] = np.nan
        return place


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Thing:
    """A person or a vehicle.

    Attributes:
        number: its name in the truth, from 0.
        category: taxonomy category.
        behaviour: what it does, in a word.
        path: where it is.
    """

    number: int
    category: str
    behaviour: str
    path: Path


@dataclass(kw_only=True)
class Cast:
    """Everything that moves and stands in one area on one day, made by chance.

    Attributes:
        chance: source of all draws.
        things: what was put there so far.
    """

    chance: np.random.Generator
    things: list[Thing] = field(default_factory=list)

    def add(self, category: str, behaviour: str, path: Path) -> None:
        """Put one thing there."""
        self.things.append(
            Thing(number=len(self.things), category=category, behaviour=behaviour, path=path)
        )

    def near(self, centre: ArrayLike, radius_m: float) -> Floats:
        """(2,) a place drawn evenly from a disc."""
        turn, share = self.chance.uniform(0.0, 2.0 * np.pi), np.sqrt(self.chance.uniform())
        return _beside(centre, radius_m * share, turn)

    def ring(self, centre: ArrayLike, low_m: float, high_m: float) -> Floats:
        """(2,) a place drawn evenly from a ring."""
        turn = self.chance.uniform(0.0, 2.0 * np.pi)
        away = np.sqrt(self.chance.uniform(low_m**2, high_m**2))
        return _beside(centre, float(away), turn)

    def traffic(
        self, road: Floats, begin_s: float, end_s: float, *, an_hour: float, share_two: float = 0.35
    ) -> None:
        """Passes along a road (K, 2), either way, at random times."""
        for start in self._arrivals(begin_s, end_s, an_hour):
            if self.chance.uniform() < share_two:
                category, speed = "two-wheeler", RIDE_M_S
            else:
                category = str(self.chance.choice(["car", "car", "van", "truck"]))
                speed = DRIVE_M_S
            way = road if self.chance.uniform() < 0.5 else road[::-1]
            self.pass_along(category, way, start, speed * self.chance.uniform(0.6, 1.4))

    def walkers(self, road: Floats, begin_s: float, end_s: float, *, an_hour: float) -> None:
        """People on foot along a road, some of them in groups of two to four."""
        for start in self._arrivals(begin_s, end_s, an_hour):
            way = road if self.chance.uniform() < 0.5 else road[::-1]
            pace = WALK_M_S * self.chance.uniform(0.7, 1.3)
            count = int(self.chance.choice([1, 1, 1, 2, 3, 4]))
            for _ in range(count):
                self.pass_along(
                    "person", way + self.chance.normal(0.0, 1.5, 2), start, pace, aside_m=3.0
                )

    def _arrivals(self, begin_s: float, end_s: float, an_hour: float) -> Floats:
        count = self.chance.poisson(an_hour * (end_s - begin_s) / 3600.0)
        return np.sort(self.chance.uniform(begin_s, end_s, count))

    def pass_along(
        self, category: str, way: Floats, start_s: float, speed_m_s: float, aside_m: float = 2.0
    ) -> None:
        """One thing that comes along a way (K, 2) and goes."""
        side = way + self.chance.normal(0.0, aside_m, 2)
        self.add(category, "passes", along(side, start_s, speed_m_s))

    def park(self, category: str, place: ArrayLike, begin_s: float, end_s: float) -> None:
        """A vehicle that stands in one place."""
        self.add(category, "parked", standing(place, begin_s, end_s))

    def row(
        self, categories: Sequence[str], start: ArrayLike, step: ArrayLike, hours: Sequence[float]
    ) -> None:
        """Vehicles parked side by side; `hours` are the begin and the end, in seconds."""
        for index, category in enumerate(categories):
            place = np.asarray(start, np.float64) + index * np.asarray(step, np.float64)
            self.park(category, place + self.chance.normal(0.0, 0.3, 2), hours[0], hours[1])

    def calls(
        self,
        category: str,
        road: Floats,
        stop: ArrayLike,
        arrive_s: float,
        stay_s: float,
        speed_m_s: float = DRIVE_M_S,
    ) -> None:
        """A vehicle that comes by the road, parks, and leaves again."""
        there = np.asarray(stop, np.float64)
        gate = road[int(np.argmin(np.linalg.norm(road - there, axis=1)))]
        first, last = (road[0], road[-1]) if self.chance.uniform() < 0.5 else (road[-1], road[0])
        come = along(np.stack([first, gate, there]), arrive_s, speed_m_s)
        leave = along(np.stack([there, gate, last]), come.time_s[-1] + stay_s, speed_m_s)
        self.add(category, "calls", joined(come, leave))

    def stands(self, place: ArrayLike, begin_s: float, end_s: float, sway_m: float = 1.5) -> None:
        """A person who keeps to a place: a guard, a trader."""
        self.add(
            "person",
            "stands",
            self._strolling(place, sway_m, begin_s, end_s, pause_s=(20.0, 180.0)),
        )

    def loiters(
        self, place: ArrayLike, reach_m: float, begin_s: float, end_s: float, kind: str = "person"
    ) -> None:
        """Somebody who hangs about near a place."""
        self.add(
            kind,
            "loiters",
            self._strolling(place, reach_m, begin_s, end_s, pause_s=(10.0, 120.0)),
        )

    def approaches(
        self,
        category: str,
        start: ArrayLike,
        goal: ArrayLike,
        begin_s: float,
        *,
        speed_m_s: float,
        stay_s: float,
    ) -> None:
        """Something that comes up to a place, stays a little and goes back."""
        way = np.stack([np.asarray(start, np.float64), np.asarray(goal, np.float64)])
        come = along(way, begin_s, speed_m_s)
        back = along(way[::-1], come.time_s[-1] + stay_s, speed_m_s)
        self.add(category, "approaches", joined(come, back))

    def group(
        self, count: int, start: ArrayLike, goal: ArrayLike, begin_s: float, stay_s: float
    ) -> None:
        """People who come together and go together, two metres or so apart."""
        pace = WALK_M_S * self.chance.uniform(0.8, 1.2)
        for _ in range(count):
            offset = self.chance.normal(0.0, 2.0, 2)
            way = np.stack([np.asarray(start, np.float64), np.asarray(goal, np.float64)]) + offset
            come = along(way, begin_s, pace)
            back = along(way[::-1], come.time_s[-1] + stay_s, pace)
            self.add("person", "group", joined(come, back))

    def convoy(
        self,
        categories: Sequence[str],
        road: Floats,
        start_s: float,
        speed_m_s: float,
        gap_m: float,
    ) -> None:
        """Vehicles in line along a road."""
        for index, category in enumerate(categories):
            late = index * gap_m / speed_m_s + self.chance.normal(0.0, 0.5)
            self.add(category, "convoy", along(road, start_s + late, speed_m_s))

    def _strolling(
        self,
        place: ArrayLike,
        reach_m: float,
        begin_s: float,
        end_s: float,
        *,
        pause_s: tuple[float, float],
    ) -> Path:
        times, places = [begin_s], [self.near(place, reach_m)]
        while times[-1] < end_s:
            goal = self.near(place, reach_m)
            walk = float(np.linalg.norm(goal - places[-1])) / (0.8 * WALK_M_S) + 0.1
            pause = self.chance.uniform(*pause_s)
            times += [times[-1] + pause, times[-1] + pause + walk]
            places += [places[-1], goal]
        return Path(time_s=np.array(times), place_m=np.stack(places))


def _beside(centre: ArrayLike, away_m: float, turn: float) -> Floats:
    return np.asarray(
        np.asarray(centre, np.float64) + away_m * np.array([np.cos(turn), np.sin(turn)])
    )


def along(way: ArrayLike, start_s: float, speed_m_s: float) -> Path:
    """A path along a way (K, 2) at one speed."""
    place = np.asarray(way, np.float64)
    step = np.linalg.norm(np.diff(place, axis=0), axis=1)
    return Path(
        time_s=start_s + np.concatenate([[0.0], np.cumsum(step)]) / speed_m_s, place_m=place
    )


def standing(place: ArrayLike, begin_s: float, end_s: float) -> Path:
    """A path that stays."""
    return Path(
        time_s=np.array([begin_s, end_s]), place_m=np.tile(np.asarray(place, np.float64), (2, 1))
    )


def joined(*paths: Path) -> Path:
    """One path after the other; between them it waits."""
    return Path(
        time_s=np.concatenate([path.time_s for path in paths]),
        place_m=np.concatenate([path.place_m for path in paths]),
    )
