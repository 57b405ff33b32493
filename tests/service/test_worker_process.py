"""What a worker makes of the settings of terrain."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyproj.datadir
import pytest
import rasterio

from pipelines.geometry.heights import undulation_m
from pipelines.geometry.vertical_reference import DemDatum
from service.errors import StartupError
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess
from service.settings import Settings, load_settings
from service.worker_process import open_ground

PLACE = np.array([4.5]), np.array([30.5])


@pytest.fixture
def level(tmp_path: Path) -> Path:
    """A folder with level ground at 400 m, over what it does not say."""
    folder = tmp_path / "dem"
    folder.mkdir()
    with rasterio.open(
        folder / "level.tif",
        "w",
        driver="GTiff",
        width=20,
        height=20,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=rasterio.Affine(0.05, 0, 30, 0, -0.05, 5),
    ) as file:
        file.write(np.full((20, 20), 400, np.float32), 1)
    return folder


@pytest.mark.parametrize(
    ("datum", "undulations"), [(DemDatum.ELLIPSOID, 0), (DemDatum.EGM96, 1), (None, 1)]
)
def test_heights_are_over_the_stated_datum(
    level: Path, datum: DemDatum | None, undulations: int
) -> None:
    settings = load_settings(dem_dir=str(level), dem_datum=datum, terrain_sigma_m=6.0)
    with open_ground(settings) as ground:
        terrain = ground.terrain.near(4.5, 30.5)
        assert terrain is not None
        # The geoid lies 14 m below the ellipsoid there, so that both cannot be right.
        expected = 400 + undulations * float(undulation_m(*PLACE)[0])
        assert float(terrain.height_m(*PLACE)[0]) == pytest.approx(expected, abs=0.02)
        assert ground.sigma_m == 6.0


def test_geoid_grids_are_found_before_a_model_is_opened(level: Path, tmp_path: Path) -> None:
    before = pyproj.datadir.get_data_dir()
    try:
        with open_ground(load_settings(dem_dir=str(level), geoid_grid_dir=tmp_path)):
            assert str(tmp_path) in pyproj.datadir.get_data_dir().split(os.pathsep)
    finally:
        pyproj.datadir.set_data_dir(before)


def test_objects_without_a_model_stop_the_start(objects: ObjectStore, s3: SeaweedProcess) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    objects.put_verified("dem/readme.txt", b"", sha256=empty, content_type="text/plain")
    key = s3.credentials

    def stored(name: str) -> Settings:
        return load_settings(
            dem_dir=name,
            s3_endpoint=s3.endpoint,
            s3_access_key=key.access_key,
            s3_secret_key=key.secret_key,
        )

    for name, sentence in (
        (f"s3://{objects.bucket}/dem", "no elevation model .* lies in"),
        (f"s3://{objects.bucket}/den", "nothing lies there; put elevation models there"),
        ("s3://no-such-bucket/dem", "has no bucket 'no-such-bucket'"),
        ("s3://No_Bucket", "not a bucket's name"),
    ):
        with pytest.raises(StartupError, match=sentence), open_ground(stored(name)):
            pass
