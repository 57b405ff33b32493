"""Elevation files: datums, mosaics, projections, gaps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from numpy.typing import NDArray

from models.errors import InvalidInputError
from pipelines.geometry.elevation import DemTerrain, TerrainSource, datum_findings
from pipelines.geometry.geodesy import ecef_from_geodetic, ecef_from_ned, geodetic_from_ecef
from pipelines.geometry.heights import undulation_m

LATITUDE, LONGITUDE = 31.6, -110.4


def write(
    path: Path,
    heights: NDArray[np.generic],
    *,
    crs: str | None = "EPSG:4326",
    west: float = -110.5,
    north: float = 31.7,
    step: float = 0.001,
    nodata: float | None = -32768,
) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=heights.shape[1],
        height=heights.shape[0],
        count=1,
        dtype=heights.dtype,
        crs=crs,
        nodata=nodata,
        transform=rasterio.Affine(step, 0.0, west, 0.0, -step, north),
    ) as dem:
        dem.write(heights, 1)


def terrain_at(folder: Path) -> DemTerrain:
    terrain = TerrainSource(folder).near(LATITUDE, LONGITUDE)
    assert terrain is not None
    return terrain


def height_at(terrain: DemTerrain, latitude: float, longitude: float) -> float:
    return float(terrain.height_m(np.array([latitude]), np.array([longitude]))[0])


def test_heights_of_no_stated_datum_are_read_as_egm96_and_it_is_said(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((200, 200), 1450, np.int16))
    terrain = terrain_at(tmp_path)
    # 28.57 m below the ellipsoid's surface in Arizona: NGA's geoid.
    assert height_at(terrain, LATITUDE, LONGITUDE) == pytest.approx(1450 - 28.57, abs=0.05)
    assert [finding.code for finding in datum_findings(terrain)] == ["DEM_DATUM_ASSUMED"]
    assert terrain.label == "dem:a.tif"


def test_a_stated_datum_is_believed(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((200, 200), 1450.0, np.float32), crs="EPSG:4979")
    terrain = terrain_at(tmp_path)
    assert height_at(terrain, LATITUDE, LONGITUDE) == pytest.approx(1450.0, abs=1e-3)
    assert datum_findings(terrain) == ()


def test_a_compound_reference_is_read(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((200, 200), 1450.0, np.float32), crs="EPSG:4326+5773")
    terrain = terrain_at(tmp_path)
    assert height_at(terrain, LATITUDE, LONGITUDE) == pytest.approx(1421.43, abs=0.05)
    assert datum_findings(terrain) == ()


def test_a_datum_without_a_grid_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((200, 200), 1450.0, np.float32), crs="EPSG:4326+5703")
    (finding,) = datum_findings(terrain_at(tmp_path))
    assert "NAVD88" in finding.message


def test_heights_are_bilinear_between_post_centres(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    posts = rng.uniform(1000, 1100, (600, 600)).astype(np.float32)
    write(tmp_path / "a.tif", posts, crs="EPSG:4979", step=0.0005)
    terrain = terrain_at(tmp_path)
    column, row = rng.uniform(0, 598, 3000), rng.uniform(0, 598, 3000)
    x, y = column % 1, row % 1
    left, top = column.astype(int), row.astype(int)
    expected = (1 - y) * ((1 - x) * posts[top, left] + x * posts[top, left + 1]) + y * (
        (1 - x) * posts[top + 1, left] + x * posts[top + 1, left + 1]
    )
    ours = terrain.height_m(31.7 - (row + 0.5) * 0.0005, -110.5 + (column + 0.5) * 0.0005)
    # Posts of all nine tiles, seams between them among these.
    np.testing.assert_allclose(ours, expected, atol=2e-3)


def test_a_gap_stays_a_gap_and_another_file_fills_it(tmp_path: Path) -> None:
    coarse = np.full((200, 200), 1450, np.int16)
    coarse[90:110, 90:110] = -32768
    write(tmp_path / "coarse.tif", coarse)
    assert np.isnan(height_at(terrain_at(tmp_path), LATITUDE, LONGITUDE))
    write(
        tmp_path / "fine.tif",
        np.full((400, 400), 1500, np.int16),
        west=-110.42,
        north=31.62,
        step=0.0001,
    )
    terrain = terrain_at(tmp_path)
    assert height_at(terrain, LATITUDE, LONGITUDE) == pytest.approx(1500 - 28.57, abs=0.05)
    assert height_at(terrain, 31.65, -110.45) == pytest.approx(1450 - 28.6, abs=0.1)
    assert np.isnan(height_at(terrain, 32.9, -110.45))


def test_a_projected_model_in_feet_over_the_sea(tmp_path: Path) -> None:
    utm = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32612", always_xy=True)
    x, y = utm.transform(LONGITUDE, LATITUDE)
    columns, rows = np.meshgrid(np.arange(300) - 150, np.arange(300) - 150)
    # In US survey feet; rises 1 in 10 to the grid's east.
    heights = ((1450.0 + columns * 10.0 * 0.1) / (1200 / 3937)).astype(np.float32)
    write(
        tmp_path / "a.tif",
        heights + 0 * rows,
        crs="EPSG:32612+6360",
        west=x - 1505.0,
        north=y + 1505.0,
        step=10.0,
    )
    terrain = terrain_at(tmp_path)
    expected = 1450.0 + float(undulation_m(LATITUDE, LONGITUDE))
    assert height_at(terrain, LATITUDE, LONGITUDE) == pytest.approx(expected, abs=0.01)
    east_longitude, east_latitude = utm.transform(x + 400.0, y, direction="INVERSE")
    assert height_at(terrain, east_latitude, east_longitude) == pytest.approx(
        expected + 40.0, abs=0.05
    )
    normal = terrain.normal_enu(np.array([LATITUDE]), np.array([LONGITUDE]))[0]
    assert normal[0] / normal[2] == pytest.approx(-0.1, abs=0.002)


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(b"II*\x00 nothing")
    write(tmp_path / "nowhere.tif", np.zeros((20, 20), np.int16), crs=None)
    write(tmp_path / "photo.tif", np.zeros((20, 20), np.uint8), nodata=None)
    source = TerrainSource(tmp_path)
    assert not source.has_files
    assert [finding.code for finding in source.findings] == ["DEM_UNUSABLE"] * 4
    with pytest.raises(InvalidInputError, match="not a folder"):
        TerrainSource(tmp_path / "missing")


def test_a_place_far_from_every_model_has_no_terrain(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((200, 200), 1450, np.int16))
    assert TerrainSource(tmp_path).near(0.0, 0.0) is None
    assert TerrainSource(None).near(LATITUDE, LONGITUDE) is None


def test_files_around_places_are_named_with_their_hash(tmp_path: Path) -> None:
    for number, west in enumerate((-110.5, -110.45, -110.4)):
        heights = np.full((100, 50), 1450.0 + number, np.float32)
        write(tmp_path / f"{number}.tif", heights, crs="EPSG:4979", west=west)
    terrain = terrain_at(tmp_path)
    assert len(terrain.sheets) == 1

    def around(*places: tuple[float, float]) -> list[str]:
        return [file.raster.name for file in terrain.files_around(np.array(places))]

    assert around((-110.47, 31.65)) == ["0.tif"]
    assert around((-110.47, 31.65), (-110.38, 31.66)) == ["0.tif", "1.tif", "2.tif"]
    assert around((-110.47 + 360.0, 31.65)) == ["0.tif"]
    assert around((-110.47, 31.75)) == []
    (file,) = terrain.files_around(np.array([(-110.37, 31.65)]))
    data = (tmp_path / "2.tif").read_bytes()
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert file.raster.size_bytes == len(data)
    # Once a file: what is written over it later is not what was read.
    (tmp_path / "2.tif").write_bytes(b"")
    assert file.sha256 == hashlib.sha256(data).hexdigest()


def test_the_relief_around_a_place(tmp_path: Path) -> None:
    columns = np.arange(400, dtype=np.float32)
    write(tmp_path / "a.tif", np.tile(columns, (400, 1)), crs="EPSG:4979", step=0.0005)
    # A slope of 1 m in 47.4 m: a uniform disc of radius 200 m spreads 100 m, one sigma, along it.
    relief = terrain_at(tmp_path).relief_m(LATITUDE, LONGITUDE, 200.0)
    assert relief == pytest.approx(100.0 / 47.4, rel=0.1)


def test_a_ray_over_the_antimeridian(tmp_path: Path) -> None:
    write(
        tmp_path / "east.tif",
        np.full((200, 200), 100.0, np.float32),
        crs="EPSG:4979",
        west=179.95,
        north=0.05,
        step=0.0005,
    )
    source = TerrainSource(tmp_path)
    terrain = source.near(0.0, 179.99)
    assert terrain is not None
    origin = ecef_from_geodetic([0.0], [179.999], [400.0])
    # 45 degrees down to the east: 300 m further on, past 180 degrees.
    direction = np.array([[0.0, np.sqrt(0.5), np.sqrt(0.5)]]) @ ecef_from_ned(0.0, 179.999).T
    crossings = terrain.meet(origin, direction)
    assert crossings.range_m[0] == pytest.approx(300 * np.sqrt(2), abs=0.05)
    _, longitude, _ = geodetic_from_ecef(origin + crossings.range_m[0] * direction)
    assert longitude[0] < -179.99
