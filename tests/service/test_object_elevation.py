"""Elevation models in a real S3 are the same ground as the same files in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from minio import Minio

from pipelines.geometry.elevation import TerrainSource
from service.errors import NotFoundError, UnavailableError
from service.object_elevation import ElevationObjects
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess

WEST, NORTH, STEP = 30.0, 5.0, 1 / 600


def put(objects: ObjectStore, key: str, data: bytes) -> None:
    objects.put_verified(
        key, data, sha256=hashlib.sha256(data).hexdigest(), content_type="image/tiff"
    )


def remove(s3: SeaweedProcess, objects: ObjectStore, key: str) -> None:
    Minio(
        endpoint=s3.endpoint.removeprefix("http://"),
        access_key=s3.credentials.access_key,
        secret_key=s3.credentials.secret_key,
        secure=False,
    ).remove_object(bucket_name=objects.bucket, object_name=key)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of 1.4 MB, so that no single range holds it."""
    row, column = np.mgrid[:600, :600]
    heights = (400 + 30 * np.sin(row / 40) * np.cos(column / 50)).astype(np.float32)
    path = tmp_path / "models" / "hills.tif"
    path.parent.mkdir()
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=600,
        height=600,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=rasterio.Affine(STEP, 0, WEST, 0, -STEP, NORTH),
        tiled=True,
    ) as file:
        file.write(heights, 1)
    return path


def test_names_are_those_below_the_prefix_and_ranges_their_bytes(objects: ObjectStore) -> None:
    data = bytes(range(256)) * 3000
    for key in ("dem/a.tif", "dem/deep/b.hgt", "dem2/c.tif", "d.tif"):
        put(objects, key, data)
    reader = ElevationObjects(objects, "/dem/")
    assert list(reader.list()) == [("a.tif", len(data)), ("deep/b.hgt", len(data))]
    assert len(list(ElevationObjects(objects, "").list())) == 4
    assert reader.read("deep/b.hgt", 300_001, 70_000) == data[300_001:370_001]
    assert reader.read("a.tif", len(data) - 5, 100) == data[-5:]


def test_terrain_from_objects_is_that_of_the_folder(objects: ObjectStore, model: Path) -> None:
    put(objects, "dem/hills.tif", model.read_bytes())
    put(objects, "dem/notes.txt", b"not a model")
    reader = ElevationObjects(objects, "dem")
    chance = np.random.default_rng(4)
    latitude = NORTH - chance.uniform(0.01, 0.99, 500)
    longitude = WEST + chance.uniform(0.01, 0.99, 500)
    heights = []
    for source in (TerrainSource(None, reader=reader), TerrainSource(model.parent)):
        terrain = source.near(4.5, 30.5)
        assert terrain is not None
        assert (terrain.label, source.findings) == ("dem:hills.tif", ())
        heights.append(terrain.height_m(latitude, longitude))
    assert np.isfinite(heights[0]).all()
    np.testing.assert_array_equal(heights[0], heights[1])


# rasterio cannot pass the error on from inside GDAL's own calls of a file that fails.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_model_lost_meanwhile_is_told_as_a_store_that_fails(
    objects: ObjectStore, s3: SeaweedProcess, model: Path
) -> None:
    put(objects, "dem/hills.tif", model.read_bytes())
    reader = ElevationObjects(objects, "dem")
    with reader.unbroken():
        terrain = TerrainSource(None, reader=reader).near(4.5, 30.5)
    assert terrain is not None
    remove(s3, objects, "dem/hills.tif")
    with pytest.raises(UnavailableError, match=r"hills\.tif is gone"), reader.unbroken():
        terrain.height_m(np.array([4.5]), np.array([30.5]))
    # Also where the work inside has made something of it: here a file that is no model.
    put(objects, "dem/other.tif", model.read_bytes())
    names = list(reader.list())
    remove(s3, objects, "dem/other.tif")

    class Stale(ElevationObjects):
        def list(self) -> Iterator[tuple[str, int]]:
            yield from names

    stale = Stale(objects, "dem")
    with pytest.raises(UnavailableError, match=r"other\.tif is gone"), stale.unbroken():
        assert TerrainSource(None, reader=stale).findings
    with stale.unbroken():
        pass


def test_a_bucket_that_is_not_there_is_not_an_empty_one(s3: SeaweedProcess) -> None:
    store = ObjectStore(s3.endpoint, s3.credentials, "no-such-bucket")
    with pytest.raises(NotFoundError):
        list(ElevationObjects(store, "dem").list())
    store.close()
