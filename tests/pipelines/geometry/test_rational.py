"""Rational polynomials: held against GDAL's and orthority's, and against surveyed ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from orthority.camera import RpcCamera
from orthority.param_io import read_oty_rpc_param
from rasterio.transform import RPCTransformer

from pipelines.geometry.rational import RationalCamera
from pipelines.imagery.raster_source import open_source

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def scene(data_dir: Path) -> Path:
    return data_dir / "photos" / "orthority" / "rpc"


@pytest.fixture(scope="module")
def camera(scene: Path) -> RationalCamera:
    with open_source(scene / "qb2_basic1b.tif") as source:
        known = source.placement.rational
    assert known is not None
    assert (known.bias_m, known.random_m) == (12.15, 0.3)
    return RationalCamera(coefficients=known)


@pytest.fixture(scope="module")
def places() -> tuple[Floats, Floats, Floats]:
    random = np.random.default_rng(3)
    return (
        random.uniform(24.38, 24.43, 500),
        random.uniform(-33.70, -33.64, 500),
        random.uniform(100.0, 900.0, 500),
    )


def test_pixels_are_gdals(
    scene: Path, camera: RationalCamera, places: tuple[Floats, Floats, Floats]
) -> None:
    longitude, latitude, hae = places
    with (
        rasterio.open(scene / "qb2_basic1b.tif") as dataset,
        RPCTransformer(dataset.rpcs) as gdal,
    ):
        rows, columns = gdal.rowcol(longitude, latitude, zs=hae, op=lambda value: value)
    found = camera.project(longitude, latitude, hae)
    assert np.abs(found - np.column_stack([columns, rows])).max() < 1e-6


def test_pixels_and_ground_are_orthoritys(
    scene: Path, camera: RationalCamera, places: tuple[Floats, Floats, Floats]
) -> None:
    longitude, latitude, hae = places
    stated = read_oty_rpc_param(scene / "rpc_param.yaml")["qb2_basic1b.tif"]
    options = {"RPC_PIXEL_ERROR_THRESHOLD": 1e-6, "RPC_MAX_ITERATIONS": 100}
    rival = RpcCamera(stated["im_size"], stated["rpc"], rpc_options=options)
    # It counts from the centre of the first pixel.
    theirs = rival.world_to_pixel(np.stack([longitude, latitude, hae])).T + 0.5
    assert np.abs(camera.project(longitude, latitude, hae) - theirs).max() < 1e-6
    x, y, _ = rival.pixel_to_world_z((theirs - 0.5).T, hae)
    ours = camera.locate(theirs, hae)
    assert np.abs(ours[0] - x).max() < 1e-9
    assert np.abs(ours[1] - y).max() < 1e-9
    # As it comes, its inverse (GDAL's) stops a tenth of a metre or more before the answer.
    hasty = RpcCamera(stated["im_size"], stated["rpc"])
    x, y, _ = hasty.pixel_to_world_z((theirs - 0.5).T, hae)
    assert np.hypot(x - longitude, y - latitude).max() > 1e-6
    assert np.hypot(ours[0] - longitude, ours[1] - latitude).max() < 1e-10


def test_the_inverse_is_one(camera: RationalCamera, places: tuple[Floats, Floats, Floats]) -> None:
    longitude, latitude, hae = places
    again = camera.locate(camera.project(longitude, latitude, hae), hae)
    assert np.abs(again[0] - longitude).max() < 1e-10
    assert np.abs(again[1] - latitude).max() < 1e-10
    nowhere = camera.locate(np.array([[1e9, 1e9], [np.nan, 3.0]]), np.zeros(2))
    assert np.isnan(nowhere[0]).all()
