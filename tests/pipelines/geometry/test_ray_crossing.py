"""Crossings in closed form against the march in steps, a finer march, and PROJ's geodesy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.geometry.elevation import DemTerrain, TerrainSource
from pipelines.geometry.geodesy import ecef_from_geodetic, ecef_from_ned, geodetic_from_ecef
from pipelines.geometry.ray_crossing import every_crossing, meet_field
from pipelines.geometry.ray_march import PostGrid, Rays, march
from pipelines.geometry.terrain import LOCATED, Crossings

Floats = NDArray[np.float64]

LATITUDE, LONGITUDE = 31.62, -110.42
STEP = 0.0003
TO_GEODETIC = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


def rough(seed: int, relief_m: float, size: int = 512) -> Floats:
    """Ground like mountains: white noise whose spectrum falls with the wave number."""
    rng = np.random.default_rng(seed)
    wave = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    wave[0, 0] = 1.0
    ground = np.fft.irfft2(
        np.fft.rfft2(rng.standard_normal((size, size))) * wave**-1.9, s=(size, size)
    )
    heights: Floats = 1500 + (ground - ground.mean()) / ground.std() * relief_m
    return heights


def write(
    path: Path, heights: Floats, *, row: int = 0, column: int = 0, step: float = STEP
) -> None:
    """A model whose first post is so many steps of 0.0003 degrees from one common corner."""
    west, north = -110.5 + column * STEP, 31.7 - row * STEP
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=heights.shape[1],
        height=heights.shape[0],
        count=1,
        dtype="float32",
        crs="EPSG:4979",
        nodata=-9999.0,
        transform=rasterio.Affine(step, 0, west, 0, -step, north),
    ) as dem:
        dem.write(heights.astype(np.float32), 1)


def terrain_of(folder: Path) -> DemTerrain:
    terrain = TerrainSource(folder).near(LATITUDE, LONGITUDE)
    assert terrain is not None
    return terrain


def fan(
    terrain: DemTerrain, above_m: float, depression_deg: Floats, azimuth_deg: Floats
) -> tuple[Floats, Floats]:
    ground = float(terrain.height_m(np.array([LATITUDE]), np.array([LONGITUDE]))[0])
    down, azimuth = np.radians(depression_deg), np.radians(azimuth_deg)
    ned = np.stack(
        [np.cos(down) * np.cos(azimuth), np.cos(down) * np.sin(azimuth), np.sin(down)], axis=1
    )
    origin = np.tile(ecef_from_geodetic(LATITUDE, LONGITUDE, ground + above_m), (len(ned), 1))
    return origin, ned @ ecef_from_ned(LATITUDE, LONGITUDE).T


class Marched:
    """The same field without grids, so that every ray is marched in steps."""

    def __init__(self, terrain: DemTerrain) -> None:
        self._terrain = terrain
        self.post_m = terrain.post_m
        self.lowest_m, self.highest_m = terrain.lowest_m, terrain.highest_m
        self.height_m, self.covers = terrain.height_m, terrain.covers
        self.plane, self.plane_height_m = terrain.plane, terrain.plane_height_m
        self.posts = terrain.posts
        self.grids: Sequence[PostGrid] = ()


def clearance(terrain: DemTerrain, origin: Floats, way: Floats, distance: Floats) -> Floats:
    """Height of a ray over the ground, by PROJ's geodesy."""
    x, y, z = (origin + distance[:, None] * way).T
    longitude, latitude, height = TO_GEODETIC.transform(x, y, z)
    result: Floats = height - terrain.height_m(latitude, longitude)
    return result


def first_event(
    terrain: DemTerrain, origin: Floats, way: Floats, reach_m: float, step_m: float
) -> tuple[str, float]:
    """What a fine march meets first, and where."""
    distance = np.arange(0.0, reach_m, step_m)
    above = clearance(terrain, origin, way, distance)
    event = np.flatnonzero(~(above > 0))
    if not event.size:
        return "nothing", np.nan
    return "gap" if np.isnan(above[event[0]]) else "ground", float(distance[event[0]])


def reference(terrain: DemTerrain, origin: Floats, way: Floats) -> Crossings:
    """First crossings and outcomes by the march in half posts."""
    return meet_field(Marched(terrain), origin, way)


def test_the_reference_marches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path / "a.tif", rough(1, 100.0))
    terrain = terrain_of(tmp_path)
    marched: list[int] = []

    def counted(field: Marched, rays: Rays, *rest: Floats, rising: bool) -> object:
        marched.append(len(rays.origin))
        return march(field, rays, *rest, rising=rising)

    monkeypatch.setattr("pipelines.geometry.ray_crossing.march", counted)
    rays = fan(terrain, 100.0, np.linspace(20, 80, 60), np.linspace(0, 300, 60))
    reference(terrain, *rays)
    assert marched[0] == 60
    marched.clear()
    terrain.meet(*rays)
    assert not marched


@pytest.mark.parametrize(
    ("name", "above_m", "lowest", "highest"),
    [
        ("mountains", 150.0, 1.0, 89.0),
        ("grazing", 60.0, -3.0, 12.0),
        ("holes", 200.0, 5.0, 89.0),
        ("from high", 4000.0, 30.0, 89.0),
    ],
)
def test_closed_form_and_march_agree(
    tmp_path: Path, name: str, above_m: float, lowest: float, highest: float
) -> None:
    heights = rough(1, 150.0)
    rng = np.random.default_rng(2)
    if name == "holes":
        heights[rng.random(heights.shape) < 0.002] = -9999.0
    write(tmp_path / "a.tif", heights)
    terrain = terrain_of(tmp_path)
    count = 1500
    origin, way = fan(
        terrain, above_m, rng.uniform(lowest, highest, count), rng.uniform(0, 360, count)
    )
    ours, theirs = terrain.meet(origin, way), reference(terrain, origin, way)
    both = (ours.code == LOCATED) & (theirs.code == LOCATED)
    assert both.sum() > 0.5 * count
    apart = np.where(both, np.abs(ours.range_m - theirs.range_m) > 0.01, ours.code != theirs.code)
    # A march in half posts steps over what is narrower; there a finer march is with us.
    assert apart.mean() < (0.03 if name == "holes" else 0.005)
    for index in np.flatnonzero(apart)[:10]:
        reach = np.nanmax([ours.range_m[index], theirs.range_m[index], 1000.0]) + 5
        event, distance = first_event(terrain, origin[index], way[index], float(reach), 0.02)
        if event == "ground":
            assert ours.range_m[index] == pytest.approx(distance, abs=0.05)
        else:
            assert ours.code[index] != LOCATED
    same = both & ~apart
    occluded = np.isfinite(ours.next_range_m), np.isfinite(theirs.next_range_m)
    assert np.mean(occluded[0][same] != occluded[1][same]) < 0.01
    again = same & occluded[0] & occluded[1]
    if name == "grazing":
        assert again.sum() > 20
    near = np.abs(ours.next_range_m - theirs.next_range_m)[again] < 0.02
    assert (~near).sum() <= 0.05 * again.sum()


def test_overlapping_models_of_two_posts_are_met_as_they_are_read(tmp_path: Path) -> None:
    heights = rough(3, 120.0)
    write(tmp_path / "coarse.tif", heights[::2, ::2], step=2 * STEP)
    write(tmp_path / "fine.tif", heights[200:330, 200:330], row=200, column=200)
    terrain = terrain_of(tmp_path)
    assert len(terrain.sheets) == 2
    rng = np.random.default_rng(4)
    origin, way = fan(terrain, 250.0, rng.uniform(3, 89, 300), rng.uniform(0, 360, 300))
    crossings = terrain.meet(origin, way)
    located = np.flatnonzero(crossings.code == LOCATED)
    assert located.size > 280
    for index in located:
        (over,) = clearance(
            terrain, origin[index], way[index], crossings.range_m[index : index + 1]
        )
        # On the finest ground there; at the seam between both the ground itself has a step.
        before, after = clearance(
            terrain, origin[index], way[index], crossings.range_m[index] + np.array([-0.05, 0.05])
        )
        assert abs(over) < 0.02 or (before > 0 > after)


@given(
    seed=st.integers(0, 40),
    relief=st.sampled_from([5.0, 60.0, 300.0]),
    above=st.sampled_from([-20.0, 3.0, 80.0, 1500.0]),
    holes=st.booleans(),
    angles=st.lists(
        st.tuples(st.floats(-30, 90), st.floats(0, 360)), min_size=1, max_size=60, unique=True
    ),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_is_placed_without_a_crossing(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    relief: float,
    above: float,
    holes: bool,
    angles: list[tuple[float, float]],
) -> None:
    heights = rough(seed, relief, 256)
    if holes:
        heights[np.random.default_rng(seed).random(heights.shape) < 0.001] = -9999.0
    folder = tmp_path_factory.mktemp("dem")
    write(folder / "a.tif", heights, row=140, column=140)
    terrain = terrain_of(folder)
    if not np.isfinite(terrain.height_m(np.array([LATITUDE]), np.array([LONGITUDE]))).all():
        return
    depression, azimuth = np.array(angles).T
    origin, way = fan(terrain, above, depression, azimuth)
    crossings = terrain.meet(origin, way)
    placed = crossings.code == LOCATED
    assert (np.isfinite(crossings.range_m) == placed).all()
    assert not np.isfinite(crossings.next_range_m[~placed]).any()
    if above < 0:
        assert not placed.any()
    for index in np.flatnonzero(placed):
        distance = crossings.range_m[index]
        steps = np.append(np.arange(0.0, distance - 0.05, max(distance / 400, 0.5)), distance)
        over = clearance(terrain, origin[index], way[index], steps)
        # Clear all the way, over gaps above all that is known, and on the ground at its end.
        _, _, height = geodetic_from_ecef(origin[index] + steps[:-1, None] * way[index])
        assert ((over[:-1] > -0.01) | (height > terrain.highest_m)).all()
        assert abs(over[-1]) < 0.01


def test_every_crossing_is_kept_in_order(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", rough(5, 80.0))
    terrain = terrain_of(tmp_path)
    rng = np.random.default_rng(6)
    origin, way = fan(terrain, 40.0, rng.uniform(-2, 6, 60), rng.uniform(0, 360, 60))
    found = terrain.every_crossing(origin, way)
    first = terrain.meet(origin, way)
    counts = []
    for index, ours in enumerate(found):
        if first.code[index] == LOCATED:
            assert ours[0] == first.range_m[index]
            if np.isfinite(first.next_range_m[index]):
                assert ours[1] == pytest.approx(first.next_range_m[index], abs=0.01)
        steps = np.arange(0.0, 4000.0, 0.1)
        above = clearance(terrain, origin[index], way[index], steps)
        known = ~np.isnan(above)
        end = steps[known][-1] if known.all() else steps[np.flatnonzero(~known)[0]]
        changes = np.flatnonzero(np.diff((above > 0).astype(int)) != 0)
        truth = steps[changes][steps[changes] < end - 1.0] + 0.05
        mine = ours[ours < min(end - 1.0, 3999.0)]
        # Two changes within a step of the judge escape it.
        missing = [one for one in truth if not np.isclose(mine, one, atol=0.11).any()]
        assert not missing
        assert (np.diff(ours) > 0).all()
        counts.append(len(mine))
    assert max(counts) >= 5


def test_the_edge_of_a_model_has_a_name(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((256, 256), 1500.0), row=140, column=140)
    terrain = terrain_of(tmp_path)
    origin, way = fan(terrain, 400.0, np.array([1.0, -1.0, 80.0]), np.array([90.0, 90.0, 90.0]))
    crossings = terrain.meet(origin, way)
    assert [int(code) for code in crossings.code] == [3, 1, 0]
    assert every_crossing(terrain, origin[:2], way[:2])[0].size == 0
    latitude, _, _ = geodetic_from_ecef(origin[2] + crossings.range_m[2] * way[2])
    assert latitude == pytest.approx(LATITUDE, abs=1e-6)
