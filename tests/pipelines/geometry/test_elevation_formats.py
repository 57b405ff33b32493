"""SRTM and DTED tiles that the test writes itself, mosaics of them, and models read in ranges."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from pipelines.geometry.elevation import DemTerrain, TerrainSource, datum_findings
from pipelines.geometry.elevation_sheet import TileCache
from pipelines.geometry.elevation_store import rasters_in_folder, rasters_of_objects
from pipelines.geometry.geodesy import ecef_from_geodetic, ecef_from_ned, geodetic_from_ecef
from pipelines.geometry.heights import undulation_m
from pipelines.geometry.terrain import LOCATED
from pipelines.geometry.vertical_reference import DemDatum

Floats = NDArray[np.float64]


def hills(latitude: Floats, longitude: Floats) -> Floats:
    """Whole metres, so that files of integers bear it exactly, and smooth over the turn."""
    turn = np.radians(longitude)
    waves = 90 * np.sin(np.radians(latitude * 900)) * np.cos(turn * 1200)
    heights: Floats = np.round(700 + waves + 40 * np.sin(turn * 300))
    return heights


def named(latitude: int, longitude: int) -> str:
    return (
        f"{'S' if latitude < 0 else 'N'}{abs(latitude):02d}"
        f"{'W' if longitude < 0 else 'E'}{abs(longitude):03d}"
    )


def grid(latitude: int, longitude: int, posts: int) -> tuple[Floats, Floats]:
    """Latitudes and longitudes of a one-degree tile, north to south and west to east."""
    share = np.arange(posts) / (posts - 1)
    lat, lon = np.meshgrid(latitude + 1 - share, longitude + share, indexing="ij")
    return lat, lon


def write_hgt(folder: Path, latitude: int, longitude: int, void: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    heights = hills(*grid(latitude, longitude, 1201)).astype(">i2")
    if void:
        heights[600:604, 600:604] = -32768
    (folder / f"{named(latitude, longitude)}.hgt").write_bytes(heights.tobytes())


def write_dted(path: Path, latitude: int, longitude: int, posts: int) -> None:
    """By MIL-PRF-89020B: three headers, then one record a meridian, from west and from south."""

    def angle(degrees: int, positive: str, negative: str) -> str:
        return f"{abs(degrees):03d}0000{negative if degrees < 0 else positive}"

    interval = f"{36000 // (posts - 1):04d}"
    header = (
        "UHL1"
        + angle(longitude, "E", "W")
        + angle(latitude, "N", "S")
        + interval * 2
        + "NA  U  "
        + " " * 12
        + f"{posts:04d}" * 2
        + "0"
        + " " * 24
    ).encode()
    assert len(header) == 80
    heights = hills(*grid(latitude, longitude, posts)).astype(int)
    records = []
    for number in range(posts):
        column = heights[::-1, number]
        signed = np.where(column < 0, 0x8000 | -column, column).astype(">u2").tobytes()
        record = b"\xaa" + number.to_bytes(3, "big") + struct.pack(">HH", number, 0) + signed
        records.append(record + struct.pack(">I", sum(record)))
    description = b"DSIU".ljust(648)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + description + b"ACC".ljust(2700) + b"".join(records))


def terrain_of(source: TerrainSource, latitude: float, longitude: float) -> DemTerrain:
    assert source.findings == ()
    terrain = source.near(latitude, longitude)
    assert terrain is not None
    return terrain


def bilinear(latitude: Floats, longitude: Floats, posts: int) -> Floats:
    """The analytic surface at its posts, and bilinear between them."""
    x, y = longitude * (posts - 1), latitude * (posts - 1)
    left, low = np.floor(x), np.floor(y)
    u, v = x - left, y - low

    def post(right: int, up: int) -> Floats:
        return hills((low + up) / (posts - 1), (left + right) / (posts - 1))

    return (1 - v) * ((1 - u) * post(0, 0) + u * post(1, 0)) + v * (
        (1 - u) * post(0, 1) + u * post(1, 1)
    )


@pytest.mark.parametrize(("latitude", "longitude"), [(31, -111), (-34, 24), (-17, -68), (5, 10)])
@pytest.mark.parametrize("kind", ["hgt", "dt2"])
def test_a_tile_lies_where_its_name_or_header_says(
    tmp_path: Path, kind: str, latitude: int, longitude: int
) -> None:
    if kind == "hgt":
        posts = 1201
        write_hgt(tmp_path / "a" / "b", latitude, longitude)
        (path,) = tmp_path.rglob("*.hgt")
    else:
        posts = 301
        path = tmp_path / "below" / "tile.dt2"
        write_dted(path, latitude, longitude, posts)
    terrain = terrain_of(TerrainSource(tmp_path), latitude + 0.5, longitude + 0.5)
    rng = np.random.default_rng(1)
    lat, lon = latitude + rng.uniform(0, 1, 400), longitude + rng.uniform(0, 1, 400)
    geoid = undulation_m(lat, lon)
    np.testing.assert_allclose(
        terrain.height_m(lat, lon) - geoid, bilinear(lat, lon, posts), atol=0.01
    )
    # GDAL's own sampling, at posts.
    row, column = rng.integers(0, posts, 100), rng.integers(0, posts, 100)
    with rasterio.open(path) as tile:
        x, y = tile.xy(row, column)
        theirs = np.array([value[0] for value in tile.sample(np.column_stack([x, y]))])
    x, y = np.asarray(x), np.asarray(y)
    np.testing.assert_allclose(
        terrain.height_m(y, x) - undulation_m(y, x), theirs.astype(float), atol=0.01
    )
    # Both formats prescribe EGM96.
    assert datum_findings(terrain) == ()
    assert terrain.datum_sigma_m(latitude + 0.5, longitude + 0.5) == 0.0


@pytest.mark.parametrize(("latitude", "longitude"), [(31, -112), (-18, 179)])
def test_seams_between_tiles_are_no_gaps(tmp_path: Path, latitude: int, longitude: int) -> None:
    east = longitude + 1 if longitude < 179 else -180
    for north in (latitude, latitude + 1):
        write_hgt(tmp_path / str(north), north, longitude)
        write_hgt(tmp_path / str(north), north, east)
    corner = latitude + 1.0, longitude + 1.0
    terrain = terrain_of(TerrainSource(tmp_path), *corner)
    assert len(terrain.sheets) == 1
    rng = np.random.default_rng(2)
    lat = corner[0] + rng.uniform(-0.003, 0.003, 500)
    lon = corner[1] + rng.uniform(-0.003, 0.003, 500)
    lat[:100], lon[100:200] = corner
    wrapped = np.mod(lon + 180, 360) - 180
    expected = bilinear(lat, lon, 1201) + undulation_m(lat, lon)
    np.testing.assert_allclose(terrain.height_m(lat, wrapped), expected, atol=0.01)
    # Rays over the corner, all around.
    azimuth = np.radians(np.arange(0, 360, 10.0))
    ned = np.stack([np.cos(azimuth), np.sin(azimuth), np.full(36, 0.5)], axis=1) / np.sqrt(1.25)
    origin = np.tile(ecef_from_geodetic(corner[0] - 1e-4, corner[1] - 1e-4, 1400.0), (36, 1))
    way = ned @ ecef_from_ned(corner[0] - 1e-4, corner[1] - 1e-4).T
    crossings = terrain.meet(origin, way)
    assert (crossings.code == LOCATED).all()
    found_lat, found_lon, found = geodetic_from_ecef(origin + crossings.range_m[:, None] * way)
    unwrapped = np.where(found_lon < corner[1] - 180, found_lon + 360, found_lon)
    expected = bilinear(found_lat, unwrapped, 1201) + undulation_m(found_lat, found_lon)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_tiles_of_areas_join_bilinearly(tmp_path: Path) -> None:
    """Two files that share no post: between the last of one and the first of the other."""
    for name, west, height in (("a", 10.0, 100.0), ("b", 10.1, 110.0)):
        with rasterio.open(
            tmp_path / f"{name}.tif",
            "w",
            driver="GTiff",
            width=100,
            height=100,
            count=1,
            dtype="float32",
            crs="EPSG:4979",
            transform=rasterio.Affine(0.001, 0, west, 0, -0.001, 5.1),
        ) as dem:
            dem.write(np.full((100, 100), height, np.float32), 1)
    terrain = terrain_of(TerrainSource(tmp_path), 5.05, 10.1)
    lon = 10.1 + np.array([-0.0006, -0.00025, 0.0, 0.00025, 0.0006])
    np.testing.assert_allclose(
        terrain.height_m(np.full(5, 5.05), lon), [100.0, 102.5, 105.0, 107.5, 110.0], atol=1e-3
    )


def test_a_void_stays_a_gap(tmp_path: Path) -> None:
    write_hgt(tmp_path, 31, -111, void=True)
    terrain = terrain_of(TerrainSource(tmp_path), 31.5, -110.5)
    heights = terrain.height_m(np.array([31.4995, 31.45]), np.array([-110.4995, -110.45]))
    assert np.isnan(heights[0])
    assert np.isfinite(heights[1])


class Bucket:
    """Objects in memory, with a count of what was read of them."""

    def __init__(self, folder: Path) -> None:
        self.objects = {
            f"dem/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        self.read_bytes = 0

    def list(self) -> Iterator[tuple[str, int]]:
        for name, data in self.objects.items():
            yield name, len(data)

    def read(self, name: str, offset: int, length: int) -> bytes:
        self.read_bytes += length
        return self.objects[name][offset : offset + length]


def test_models_are_read_in_ranges_from_wherever_they_lie(tmp_path: Path) -> None:
    write_hgt(tmp_path / "hgt", 31, -111)
    write_dted(tmp_path / "dted" / "w110.dt1", 31, -110, 301)
    rng = np.random.default_rng(3)
    with rasterio.open(
        tmp_path / "big.tif",
        "w",
        driver="GTiff",
        width=3000,
        height=3000,
        count=1,
        dtype="float32",
        crs="EPSG:4979",
        tiled=True,
        blockxsize=256,
        blockysize=256,
        transform=rasterio.Affine(0.0001, 0, 10.0, 0, -0.0001, 5.0),
    ) as dem:
        dem.write(rng.uniform(100, 200, (3000, 3000)).astype(np.float32), 1)
    (tmp_path / "notes.txt").write_text("no model")
    bucket = Bucket(tmp_path)
    far, near = TerrainSource(None, reader=bucket), TerrainSource(tmp_path)
    assert far.has_files
    bucket.read_bytes = 0
    for place in ((31.4, -110.6), (31.4, -109.6), (4.9, 10.05)):
        ours, theirs = terrain_of(far, *place), terrain_of(near, *place)
        lat, lon = place[0] + rng.uniform(-0.01, 0.01, 50), place[1] + rng.uniform(-0.01, 0.01, 50)
        assert ours.label == theirs.label
        np.testing.assert_array_equal(ours.height_m(lat, lon), theirs.height_m(lat, lon))
    size = sum(len(data) for data in bucket.objects.values())
    assert bucket.read_bytes < size / 4


def test_a_model_of_a_store_is_hashed_whole_where_it_is_not_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hgt(tmp_path, 31, -111)
    (near,) = rasters_in_folder(tmp_path)
    (far,) = rasters_of_objects(Bucket(tmp_path))
    data = next(tmp_path.iterdir()).read_bytes()
    monkeypatch.setattr("pipelines.geometry.elevation_store._PIECE_BYTES", 1_000_003)
    assert far.sha256() == near.sha256() == hashlib.sha256(data).hexdigest()
    assert far.size_bytes == near.size_bytes == len(data)
    monkeypatch.setattr("pipelines.geometry.elevation_store.MOST_HASHED_BYTES", len(data) - 1)
    assert far.sha256() is None


@pytest.mark.parametrize(
    ("datum", "code", "lower", "sigma"),
    [
        (None, ["DEM_DATUM_ASSUMED"], 0.0, (1.5**2 + 0.1 * 28.57**2) ** 0.5),
        (DemDatum.EGM96, [], 0.0, 0.0),
        (DemDatum.ELLIPSOID, [], -28.57, 0.0),
        # No grid for it comes with Vedette: read as EGM96, and so much less certain.
        (DemDatum.EGM2008, ["DEM_DATUM_ASSUMED"], 0.0, 1.5),
    ],
)
def test_the_user_may_say_what_heights_are_over(
    tmp_path: Path, datum: DemDatum | None, code: list[str], lower: float, sigma: float
) -> None:
    with rasterio.open(
        tmp_path / "a.tif",
        "w",
        driver="GTiff",
        width=200,
        height=200,
        count=1,
        dtype="int16",
        crs="EPSG:4326",
        transform=rasterio.Affine(0.001, 0, -110.5, 0, -0.001, 31.7),
    ) as dem:
        dem.write(np.full((200, 200), 1450, np.int16), 1)
    terrain = terrain_of(TerrainSource(tmp_path, datum=datum), 31.6, -110.4)
    height = float(terrain.height_m(np.array([31.6]), np.array([-110.4]))[0])
    assert height == pytest.approx(1450 - 28.57 - lower, abs=0.05)
    assert [finding.code for finding in datum_findings(terrain)] == code
    assert terrain.datum_sigma_m(31.6, -110.4) == pytest.approx(sigma, abs=0.02)


def test_tiles_are_kept_in_bounded_memory(tmp_path: Path) -> None:
    write_hgt(tmp_path, 31, -111)
    (sheet,) = terrain_of(TerrainSource(tmp_path), 31.5, -110.5).sheets
    cache = TileCache(capacity=3)
    reads = []
    read = sheet.tile

    def counted(column: int, row: int) -> NDArray[np.float32]:
        reads.append((column, row))
        return read(column, row)

    sheet.tile = counted  # type: ignore[method-assign,assignment] # counts what is read
    for column in (0, 1, 2, 0, 3, 0, 1):
        cache.get(sheet, column, 0)
    # The fourth pushes out the one that was longest unused.
    assert reads == [(0, 0), (1, 0), (2, 0), (3, 0), (1, 0)]
    assert len(cache._tiles) == 3
