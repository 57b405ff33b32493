"""What is really there, and where it is in each picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scenes.camera import Camera, View, Viewpoint
from scenes.world import World


@dataclass(frozen=True, kw_only=True, slots=True)
class ThingTruth:
    """A vehicle or a person as it stands.

    Attributes:
        thing_id: its name.
        category: "car", "van", "truck" or "person".
        latitude_deg: of the middle of its footprint, WGS 84.
        longitude_deg: of the same.
        hae_m: of the ground there, above the WGS 84 ellipsoid.
        heading_deg: clockwise from north.
    """

    thing_id: str
    category: str
    latitude_deg: float
    longitude_deg: float
    hae_m: float
    heading_deg: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxTruth:
    """Where a thing is in one picture; its shadow is not part of it.

    Attributes:
        thing_id: the thing.
        xyxy_px: left, top, right, bottom of its silhouette within the picture, in pixels from the
            outer corner of the first.
        shown: the share of the silhouette's box that lies within the picture, above 0, at most 1.
        foot_px: the middle of its footprint, which may lie outside of the picture.
    """

    thing_id: str
    xyxy_px: tuple[float, float, float, float]
    shown: float
    foot_px: tuple[float, float]


def things_of(world: World) -> tuple[ThingTruth, ...]:
    """The truth of every thing of a world."""
    rows = []
    for thing in world.things:
        latitude, longitude, hae = world.frame.to_geodetic(
            world.surface_m(thing.east_m, thing.north_m)
        )
        rows.append(
            ThingTruth(
                thing_id=thing.thing_id,
                category=thing.category,
                latitude_deg=float(latitude),
                longitude_deg=float(longitude),
                hae_m=float(hae),
                heading_deg=thing.heading_deg,
            )
        )
    return tuple(rows)


def boxes_of(world: World, camera: Camera, viewpoint: Viewpoint) -> tuple[BoxTruth, ...]:
    """The box of every thing that a picture shows, in whole or in part."""
    view = View(camera, viewpoint, world.frame)
    rows = []
    for thing in world.things:
        pixels, depth = view.project(world.points_m(thing, thing.body().points_m))
        if not bool(np.all(depth > 1.0)):
            continue
        left, top = pixels.min(axis=0)
        right, bottom = pixels.max(axis=0)
        within = (
            float(max(left, 0.0)),
            float(max(top, 0.0)),
            float(min(right, camera.width_px)),
            float(min(bottom, camera.height_px)),
        )
        if within[2] <= within[0] or within[3] <= within[1]:
            continue
        area = (within[2] - within[0]) * (within[3] - within[1])
        foot, _ = view.project(world.surface_m(thing.east_m, thing.north_m))
        rows.append(
            BoxTruth(
                thing_id=thing.thing_id,
                xyxy_px=within,
                shown=float(area / ((right - left) * (bottom - top))),
                foot_px=(float(foot[0]), float(foot[1])),
            )
        )
    return tuple(rows)


def as_json(value: ThingTruth | BoxTruth | Viewpoint | Camera) -> dict[str, Any]:
    """A value as JSON knows it: its own field names."""
    return asdict(value)
