"""Rays over elevation models, against truth that is solved without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from numpy.typing import NDArray

from pipelines.geometry.elevation import DemTerrain, TerrainSource
from pipelines.geometry.geodesy import ecef_from_geodetic, ecef_from_ned
from pipelines.geometry.terrain import RAY_OUTCOMES, Crossings
from pipelines.outcome import Outcome

Floats = NDArray[np.float64]
Surface = Callable[[Floats, Floats], Floats]

LATITUDE, LONGITUDE = 6.0, 30.0
TO_GEODETIC = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
# Metres of a degree here, for surfaces that are stated in metres north and east.
NORTH_M, EAST_M = 110_577.0, 110_710.0


def metres(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    return (latitude - LATITUDE) * NORTH_M, (longitude - LONGITUDE) * EAST_M


def plane(latitude: Floats, longitude: Floats) -> Floats:
    north, east = metres(latitude, longitude)
    return 300.0 + 0.08 * north - 0.05 * east


def ridge(latitude: Floats, longitude: Floats) -> Floats:
    north, _ = metres(latitude, longitude)
    return 300.0 + np.maximum(0.0, 60.0 - 0.4 * np.abs(north - 400.0))


def sine(latitude: Floats, longitude: Floats) -> Floats:
    north, east = metres(latitude, longitude)
    return 300.0 + 12.0 * np.sin(north / 90.0) * np.cos(east / 120.0)


def write_dem(
    path: Path, surface: Surface, *, half_m: float, post_m: float, crs: str = "EPSG:4979"
) -> None:
    """A model whose posts bear the surface exactly; the ridge falls on posts."""
    step = post_m / NORTH_M
    count = 2 * round(half_m / post_m) + 1
    west, north = LONGITUDE - (count // 2) * step, LATITUDE + (count // 2) * step
    longitude, latitude = np.meshgrid(
        west + step * np.arange(count), north - step * np.arange(count)
    )
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=count,
        height=count,
        count=1,
        dtype="float64",
        crs=crs,
        nodata=-9999.0,
        transform=rasterio.Affine(step, 0.0, west - step / 2, 0.0, -step, north + step / 2),
    ) as dem:
        dem.write(surface(latitude, longitude), 1)


def terrain_of(folder: Path) -> DemTerrain:
    terrain = TerrainSource(folder).near(LATITUDE, LONGITUDE)
    assert terrain is not None
    return terrain


def fan(hae_m: float, off_nadir_deg: Floats, azimuth_deg: Floats) -> tuple[Floats, Floats]:
    tilt, azimuth = np.radians(off_nadir_deg), np.radians(azimuth_deg)
    ned = np.stack(
        [np.sin(tilt) * np.cos(azimuth), np.sin(tilt) * np.sin(azimuth), np.cos(tilt)], axis=1
    )
    origin = np.tile(ecef_from_geodetic(LATITUDE, LONGITUDE, hae_m), (len(ned), 1))
    return origin, ned @ ecef_from_ned(LATITUDE, LONGITUDE).T


def true_ranges(
    surface: Surface, origin: Floats, direction: Floats, *, reach_m: float, step_m: float
) -> Floats:
    """First crossings by a fine march with PROJ's own geodesy over the surface itself."""
    result = np.full(len(origin), np.nan)
    steps = np.arange(0.0, reach_m, step_m)
    for index, (start, way) in enumerate(zip(origin, direction, strict=True)):
        x, y, z = (start + steps[:, None] * way).T
        longitude, latitude, height = TO_GEODETIC.transform(x, y, z)
        clearance = height - surface(latitude, longitude)
        below = np.flatnonzero(clearance <= 0)
        if below.size:
            last = below[0]
            share = clearance[last - 1] / (clearance[last - 1] - clearance[last])
            result[index] = steps[last - 1] + share * step_m
    return result


@pytest.mark.parametrize("surface", [plane, ridge, sine])
def test_places_are_where_an_analytic_surface_says(tmp_path: Path, surface: Surface) -> None:
    write_dem(tmp_path / "dem.tif", surface, half_m=1400.0, post_m=2.5)
    terrain = terrain_of(tmp_path)
    rng = np.random.default_rng(3)
    origin, direction = fan(395.0, rng.uniform(0, 85, 250), rng.uniform(0, 360, 250))
    truth = true_ranges(surface, origin, direction, reach_m=1500.0, step_m=0.05)
    crossings = terrain.meet(origin, direction)
    located = np.isfinite(truth)
    assert located.sum() > 200
    assert [RAY_OUTCOMES[code] for code in crossings.code[located]] == [Outcome.LOCATED] * int(
        located.sum()
    )
    error = np.abs(crossings.range_m - truth)[located]
    assert np.percentile(error, 99) <= 0.05


def test_a_coarse_model_is_met_as_a_five_centimetre_march_meets_it(tmp_path: Path) -> None:
    write_dem(tmp_path / "dem.tif", sine, half_m=3000.0, post_m=30.0)
    terrain = terrain_of(tmp_path)
    rng = np.random.default_rng(4)
    origin, direction = fan(420.0, rng.uniform(40, 84, 100), rng.uniform(0, 360, 100))

    def bilinear(latitude: Floats, longitude: Floats) -> Floats:
        # Our own posts, interpolated anew.
        step = 30.0 / NORTH_M
        column, row = (longitude - LONGITUDE) / step, (LATITUDE - latitude) / step
        left, top = np.floor(column), np.floor(row)
        x, y = column - left, row - top

        def post(right: int, down: int) -> Floats:
            return sine(LATITUDE - (top + down) * step, LONGITUDE + (left + right) * step)

        return (1 - y) * ((1 - x) * post(0, 0) + x * post(1, 0)) + y * (
            (1 - x) * post(0, 1) + x * post(1, 1)
        )

    truth = true_ranges(bilinear, origin, direction, reach_m=2000.0, step_m=0.05)
    crossings = terrain.meet(origin, direction)
    assert np.isfinite(truth).sum() > 90
    both = np.isfinite(truth) & np.isfinite(crossings.range_m)
    assert both.sum() == np.isfinite(truth).sum()
    assert np.abs(crossings.range_m - truth)[both].max() <= 0.1


def meet_one(terrain: DemTerrain, hae_m: float, off_nadir: float, azimuth: float) -> Crossings:
    return terrain.meet(*fan(hae_m, np.array([off_nadir]), np.array([azimuth])))


def test_a_ridge_hides_what_is_behind_it(tmp_path: Path) -> None:
    write_dem(tmp_path / "dem.tif", ridge, half_m=1400.0, post_m=2.0)
    terrain = terrain_of(tmp_path)
    # The crest, 360 m high, is 400 m north; from 395 m, 85.2 degrees off nadir hits just below it.
    grazing = meet_one(terrain, 395.0, 84.9, 0.0)
    assert RAY_OUTCOMES[grazing.code[0]] is Outcome.LOCATED
    assert 350.0 < grazing.range_m[0] < 402.0
    assert grazing.range_m[0] < grazing.next_range_m[0] < 450.0
    steep = meet_one(terrain, 395.0, 45.0, 0.0)
    assert np.isnan(steep.next_range_m[0])
    over = meet_one(terrain, 395.0, 85.2, 0.0)
    assert over.range_m[0] > 500.0


def test_sky_gap_and_edge_have_names_and_no_place(tmp_path: Path) -> None:
    def holed(latitude: Floats, longitude: Floats) -> Floats:
        north, east = metres(latitude, longitude)
        heights = plane(latitude, longitude)
        return np.where((north > 200) & (north < 300) & (np.abs(east) < 100), -9999.0, heights)

    write_dem(tmp_path / "dem.tif", holed, half_m=1000.0, post_m=5.0)
    terrain = terrain_of(tmp_path)
    origin, direction = fan(
        400.0, np.array([70.0, 100.0, 60.0, 87.5]), np.array([0.0, 0.0, 180.0, 180.0])
    )
    crossings = terrain.meet(origin, direction)
    assert [RAY_OUTCOMES[code] for code in crossings.code] == [
        Outcome.DEM_GAP,  # into the hole
        Outcome.ABOVE_HORIZON,
        Outcome.LOCATED,
        Outcome.DEM_GAP,  # over the southern edge, going down
    ]
    assert np.isnan(crossings.range_m[[0, 1, 3]]).all()


def test_a_camera_under_the_model_is_given_no_place(tmp_path: Path) -> None:
    write_dem(tmp_path / "dem.tif", plane, half_m=500.0, post_m=5.0)
    crossings = meet_one(terrain_of(tmp_path), 290.0, 60.0, 180.0)
    assert RAY_OUTCOMES[crossings.code[0]] is Outcome.NO_INTERSECTION
