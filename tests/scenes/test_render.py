from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from scenes.camera import View
from scenes.frame import LocalFrame
from scenes.outpost import phantom
from scenes.render import Sensor, meet_ground, render
from scenes.sortie import viewpoint_over
from scenes.terrain import Swell, Terrain
from scenes.truth import boxes_of
from scenes.world import Sun, Thing, World

CAMERA = phantom(640)
CLEAN = Sensor(blur_px=0.0, noise=0.0)
ROLLING = Terrain(
    level_hae_m=180.0,
    swells=(Swell(amplitude_m=3.0, wavelength_m=160.0, azimuth_deg=30.0, phase_deg=70.0),),
)


def world(*things: Thing, terrain: Terrain = ROLLING) -> World:
    return World(
        seed=5,
        frame=LocalFrame(latitude_deg=46.84, longitude_deg=-91.99, hae_m=180.0),
        terrain=terrain,
        sun=Sun(azimuth_deg=135.0, elevation_deg=45.0),
        things=things,
    )


def thing(category: str, east: float, north: float, heading: float = 30.0) -> Thing:
    return Thing(
        thing_id=f"{category}-1",
        category=category,
        east_m=east,
        north_m=north,
        heading_deg=heading,
        colour=3,
    )


def changed(with_it: NDArray[np.uint8], without: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(np.any(with_it != without, axis=2))


VIEWS = [
    (0.0, 0.0, 20.0, -90.0, 15.0),
    (0.0, -35.0, 0.0, -40.0, 30.0),
    (30.0, 10.0, 250.0, -30.0, 25.0),
]


@pytest.mark.parametrize("category", ["car", "van", "truck", "person"])
@pytest.mark.parametrize(("east", "north", "yaw", "pitch", "height"), VIEWS)
def test_the_box_of_a_thing_holds_its_pixels_and_is_tight(
    category: str,
    east: float,
    north: float,
    yaw: float,
    pitch: float,
    height: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The shadow is not part of a thing's box.
    monkeypatch.setattr("scenes.render._draw_shadow", lambda *_: None)
    place = world(thing(category, 3.0, 2.0))
    viewpoint = viewpoint_over(
        place, east_m=east, north_m=north, height_m=height, yaw_deg=yaw, pitch_deg=pitch
    )
    bare = place.without(f"{category}-1")
    mask = changed(render(place, CAMERA, viewpoint, CLEAN), render(bare, CAMERA, viewpoint, CLEAN))
    rows, columns = np.nonzero(mask)
    (box,) = boxes_of(place, CAMERA, viewpoint)
    left, top, right, bottom = box.xyxy_px
    # Pixel k covers k to k + 1; a thin tip may colour a pixel too little to change its number.
    assert left - 0.3 <= columns.min() + 1 <= left + 3
    assert right + 0.3 >= columns.max() >= right - 3
    assert top - 0.3 <= rows.min() + 1 <= top + 3
    assert bottom + 0.3 >= rows.max() >= bottom - 3


def test_a_pixel_down_is_height_over_focal_length() -> None:
    flat = Terrain(level_hae_m=180.0)
    place = world(thing("car", 0.0, 0.0, 0.0), terrain=flat)
    viewpoint = viewpoint_over(
        place, east_m=0.0, north_m=0.0, height_m=40.0, yaw_deg=0.0, pitch_deg=-90.0
    )
    (box,) = boxes_of(place, CAMERA, viewpoint)
    gsd = 40.0 / CAMERA.fx_px
    # 4.5 m long; its ends are 0.48 to 0.72 m above the ground and so a little larger.
    assert (box.xyxy_px[3] - box.xyxy_px[1]) * gsd == pytest.approx(4.5, rel=0.02)
    assert box.foot_px == pytest.approx((CAMERA.width_px / 2, CAMERA.height_px / 2), abs=1e-3)


def test_shadows_fall_away_from_the_sun() -> None:
    flat = Terrain(level_hae_m=180.0)
    place = world(thing("truck", 0.0, 0.0, 0.0), terrain=flat)
    viewpoint = viewpoint_over(
        place, east_m=0.0, north_m=0.0, height_m=60.0, yaw_deg=0.0, pitch_deg=-90.0
    )
    bare = render(place.without("truck-1"), CAMERA, viewpoint, CLEAN).astype(float)
    full = render(place, CAMERA, viewpoint, CLEAN).astype(float)
    (box,) = boxes_of(place, CAMERA, viewpoint)
    ratio = full.mean(axis=2) / bare.mean(axis=2)
    middle = int((box.xyxy_px[1] + box.xyxy_px[3]) / 2)
    metre = CAMERA.fx_px / 60.0
    west, east = int(box.xyxy_px[0] - 0.8 * metre), int(box.xyxy_px[2] + 0.8 * metre)
    # The sun stands in the south-east; a lorry 3.2 m high shades 3.2 / sqrt(2) m to its west.
    assert ratio[middle, west] < 0.6
    assert ratio[middle, east] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("pitch", [-90.0, -45.0, -20.0])
def test_rays_end_on_the_ground(pitch: float) -> None:
    place = world()
    viewpoint = viewpoint_over(
        place, east_m=20.0, north_m=-15.0, height_m=70.0, yaw_deg=77.0, pitch_deg=pitch
    )
    view = View(CAMERA, viewpoint, place.frame)
    x, y = np.meshgrid([10.0, 320.0, 630.0], [220.0, 300.0, 420.0])
    rays = view.rays(np.stack([x, y], axis=-1))
    origin = viewpoint.place_in(place.frame)
    distance = meet_ground(place, origin, rays)
    points = origin + distance[..., None] * rays
    geodetic = place.frame.to_geodetic(points)
    expected = place.terrain.hae_m(points[..., 0], points[..., 1])
    assert geodetic[..., 2] == pytest.approx(expected, abs=1e-3)


STEEP = Terrain(
    level_hae_m=180.0,
    swells=(
        Swell(amplitude_m=25.0, wavelength_m=140.0, azimuth_deg=20.0, phase_deg=10.0),
        Swell(amplitude_m=6.0, wavelength_m=45.0, azimuth_deg=75.0, phase_deg=100.0),
    ),
)


@pytest.mark.parametrize("height", [-5.0, 15.0, 60.0])
def test_the_first_ground_is_met_behind_no_crest_and_in_no_hole(height: float) -> None:
    place = world(terrain=STEEP)
    rng = np.random.default_rng(int(height) + 9)
    azimuth, down = rng.uniform(0, 2 * np.pi, 120), np.radians(rng.uniform(-20, 60, 120))
    rays = np.stack(
        [np.cos(down) * np.sin(azimuth), np.cos(down) * np.cos(azimuth), -np.sin(down)], axis=1
    )
    east, north = 12.0, -31.0
    ground = float(place.terrain.hae_m(east, north)) - place.frame.hae_m
    origin = np.array([east, north, max(ground + 1.0, 31.0 + height)])
    distance = meet_ground(place, origin, rays)
    # Another way: so many small steps that nothing is stepped over.
    steps = np.arange(0.0, 3_000.0, 0.1)
    for ray, found in zip(rays, distance, strict=True):
        points = origin + steps[:, None] * ray
        geodetic = place.frame.to_geodetic(points)
        over = geodetic[:, 2] - place.terrain.hae_m(points[:, 0], points[:, 1])
        under = np.flatnonzero(over < 0)
        if not under.size:
            assert np.isnan(found) or found > 2_999.0 or np.abs(over[int(found / 0.1)]) < 0.1
        elif abs(found - steps[under[0]]) > 0.2:
            # Only a crest so thin that the steps of a tenth of a metre miss it comes before.
            assert found < steps[under[0]]
            assert np.abs(over[int(found / 0.1)]) < 0.1
    assert np.isfinite(distance).sum() > 60


def test_there_is_no_ground_in_the_sky() -> None:
    place = world(terrain=Terrain(level_hae_m=180.0))
    viewpoint = viewpoint_over(
        place, east_m=0.0, north_m=0.0, height_m=50.0, yaw_deg=0.0, pitch_deg=0.0
    )
    view = View(CAMERA, viewpoint, place.frame)
    up_and_down = view.rays([[320.0, 20.0], [320.0, 400.0]])
    distance = meet_ground(place, viewpoint.place_in(place.frame), up_and_down)
    assert np.isnan(distance[0])
    assert np.isfinite(distance[1])
    picture = render(place, CAMERA, viewpoint, CLEAN)
    red, _, blue = picture[20, 320].astype(int)
    assert blue > red + 30  # sky above
    red, _, blue = picture[-10, 320].astype(int)
    assert red > blue  # earth below


def test_the_same_seed_is_the_same_picture_and_another_is_not() -> None:
    place = world(thing("car", 3.0, 2.0))
    viewpoint = viewpoint_over(
        place, east_m=0.0, north_m=0.0, height_m=40.0, yaw_deg=0.0, pitch_deg=-70.0
    )
    first = render(place, CAMERA, viewpoint)
    assert np.array_equal(first, render(place, CAMERA, viewpoint))
    assert not np.array_equal(first, render(replace(place, seed=6), CAMERA, viewpoint))


def test_generated_worlds_repeat_and_keep_things_apart() -> None:
    first, second = (
        World.generate(
            11,
            latitude_deg=46.84,
            longitude_deg=-91.99,
            terrain=ROLLING,
            vehicles=8,
            people=4,
            extent_m=50.0,
        )
        for _ in range(2)
    )
    assert first.things == second.things
    assert len(first.things) == 12
    places = np.array([(one.east_m, one.north_m) for one in first.things])
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert apart[~np.eye(12, dtype=bool)].min() > 9.0
