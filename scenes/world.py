"""A made-up place: its ground, road, sun, and the things that stand on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenes import shapes
from scenes.frame import LocalFrame
from scenes.terrain import Terrain


@dataclass(frozen=True, kw_only=True, slots=True)
class Sun:
    """Where the sun stands, in the scene's frame.

    Attributes:
        azimuth_deg: clockwise from north.
        elevation_deg: above the horizon.
    """

    azimuth_deg: float
    elevation_deg: float

    @property
    def direction(self) -> NDArray[np.float64]:
        """(3,) unit east, north, up, towards the sun."""
        azimuth, elevation = np.radians([self.azimuth_deg, self.elevation_deg])
        return np.array(
            [
                np.sin(azimuth) * np.cos(elevation),
                np.cos(azimuth) * np.cos(elevation),
                np.sin(elevation),
            ]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Road:
    """A straight sealed road without ends.

    Attributes:
        east_m: a point of its centre line.
        north_m: the same point.
        azimuth_deg: direction in which it runs, clockwise from north.
        width_m: between the edges of the seal.
    """

    east_m: float
    north_m: float
    azimuth_deg: float
    width_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Yard:
    """A rectangle of beaten, light ground, on which things are parked.

    Attributes:
        east_m: of its centre.
        north_m: of its centre.
        azimuth_deg: of its long side, clockwise from north.
        length_m: of the long side.
        width_m: of the short side.
    """

    east_m: float
    north_m: float
    azimuth_deg: float
    length_m: float
    width_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """A vehicle or a person.

    Attributes:
        thing_id: its name in the truth.
        category: "car", "van", "truck" or "person".
        east_m: of the middle of its footprint.
        north_m: of the middle of its footprint.
        heading_deg: clockwise from north.
        colour: index into the palette of its kind.
    """

    thing_id: str
    category: str
    east_m: float
    north_m: float
    heading_deg: float
    colour: int = 0

    def body(self) -> shapes.Body:
        """Its shape in its own axes.

        Raises:
            ValueError: no shape is known for the category.
        """
        palette = shapes.Palette()
        paint = palette.vehicles[self.colour % len(palette.vehicles)]
        if self.category == "car":
            return shapes.car(paint)
        if self.category == "van":
            return shapes.van(paint)
        if self.category == "truck":
            return shapes.truck(paint, palette.loads[self.colour % len(palette.loads)])
        if self.category == "person":
            return shapes.person(
                palette.shirts[self.colour % len(palette.shirts)],
                palette.trousers[self.colour % len(palette.trousers)],
            )
        raise ValueError(f"no shape for a {self.category!r}")


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that a camera could see.

    Attributes:
        seed: of the ground's texture; the same seed is the same ground.
        frame: the scene's east, north, up.
        terrain: height of the ground.
        sun: where the light comes from.
        road: the sealed road; None for open ground.
        yards: beaten ground.
        things: vehicles and people.
    """

    seed: int
    frame: LocalFrame
    terrain: Terrain
    sun: Sun
    road: Road | None = None
    yards: tuple[Yard, ...] = ()
    things: tuple[Thing, ...] = ()

    @classmethod
    def generate(
        cls,
        seed: int,
        *,
        latitude_deg: float,
        longitude_deg: float,
        terrain: Terrain,
        vehicles: int,
        people: int,
        extent_m: float,
    ) -> World:
        """Scatter vehicles and people over open ground with a road, none closer than 9 m.

        Args:
            seed: of everything that is drawn by chance.
            latitude_deg: of the middle.
            longitude_deg: of the middle.
            terrain: height of the ground.
            vehicles: how many.
            people: how many.
            extent_m: things stand within this distance east, west, north and south.
        """
        chance = np.random.default_rng(seed)
        placed: list[Thing] = []
        kinds = [("car", "car", "van", "truck")[index % 4] for index in range(vehicles)]
        for index, category in enumerate(kinds + ["person"] * people):
            while True:
                east, north = chance.uniform(-extent_m, extent_m, 2)
                if all(np.hypot(east - o.east_m, north - o.north_m) > 9.0 for o in placed):
                    break
            placed.append(
                Thing(
                    thing_id=f"{category}-{index + 1}",
                    category=category,
                    east_m=float(east),
                    north_m=float(north),
                    heading_deg=float(chance.uniform(0, 360)),
                    colour=int(chance.integers(0, 6)),
                )
            )
        return cls(
            seed=seed,
            frame=LocalFrame(
                latitude_deg=latitude_deg, longitude_deg=longitude_deg, hae_m=terrain.level_hae_m
            ),
            terrain=terrain,
            sun=Sun(azimuth_deg=float(chance.uniform(0, 360)), elevation_deg=50.0),
            road=Road(east_m=0, north_m=0, azimuth_deg=float(chance.uniform(0, 180)), width_m=7.0),
            things=tuple(placed),
        )

    def without(self, thing_id: str) -> World:
        """The same world, one thing taken away."""
        kept = tuple(thing for thing in self.things if thing.thing_id != thing_id)
        return replace(self, things=kept)

    def surface_m(self, east_m: float, north_m: float) -> NDArray[np.float64]:
        """(3,) the point of the ground at east and north, in the scene's frame."""
        hae = self.terrain.hae_m(east_m, north_m)
        up = self.frame.up_of_height(east_m, north_m, hae)
        return np.array([east_m, north_m, float(up)])

    def axes_of(self, thing: Thing) -> NDArray[np.float64]:
        """(3, 3) columns forward, left and up of a thing that stands on the sloping ground."""
        to_east, to_north = self.terrain.slope(thing.east_m, thing.north_m)
        up = np.array([-float(to_east), -float(to_north), 1.0])
        up /= np.linalg.norm(up)
        heading = np.radians(thing.heading_deg)
        if thing.category == "person":  # people stand plumb
            up = np.array([0.0, 0.0, 1.0])
        level = np.array([np.sin(heading), np.cos(heading), 0.0])
        forward = level - up * (level @ up)
        forward /= np.linalg.norm(forward)
        return np.stack([forward, np.cross(up, forward), up], axis=1)

    def points_m(self, thing: Thing, local_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points given in a thing's own axes, (K, 3), in the scene's frame."""
        return self.surface_m(thing.east_m, thing.north_m) + local_m @ self.axes_of(thing).T
