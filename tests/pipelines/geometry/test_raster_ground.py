"""Orthomosaics are placed by their own transform: held against GDAL's own arithmetic."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.warp import transform as warp

from pipelines.geometry.raster_ground import RasterView, affine_view
from pipelines.imagery.decode import read_image
from pipelines.outcome import Outcome


def _geotiff(crs: str, coefficients: Sequence[float]) -> bytes:
    """A GeoTIFF of 60 x 40 pixels with a transform of a, b, c, d, e, f."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=60,
            height=40,
            count=3,
            dtype="uint8",
            crs=crs,
            transform=rasterio.Affine(*coefficients),
        ) as dataset:
            dataset.write(np.full((3, 40, 60), 90, np.uint8))
        return bytes(memory.read())


def _placed(data: bytes) -> RasterView | None:
    image = read_image(data)
    return affine_view(image.geotransform, image.crs, image.width_px, image.height_px)


def _view(data: bytes) -> RasterView:
    view = _placed(data)
    assert view is not None
    return view


@pytest.mark.parametrize("crs", ["EPSG:32636", "EPSG:4326", "EPSG:3857"])
def test_pixels_are_placed_as_gdal_places_them(crs: str) -> None:
    step = 1e-5 if crs == "EPSG:4326" else 0.5
    (x,), (y,) = warp("EPSG:4326", crs, [35.5], [33.2])
    # Turned by half a radian, so that columns and rows cannot be taken for one another.
    cosine, sine = step * math.cos(0.5), step * math.sin(0.5)
    view = _view(_geotiff(crs, (cosine, sine, x, sine, -cosine, y)))
    pixels = np.array([[0.0, 0.0], [60.0, 40.0], [12.25, 31.5]])
    eastings = x + cosine * pixels[:, 0] + sine * pixels[:, 1]
    northings = y + sine * pixels[:, 0] - cosine * pixels[:, 1]
    longitudes, latitudes = warp(crs, "EPSG:4326", eastings, northings)
    for point, longitude, latitude in zip(view.locate(pixels), longitudes, latitudes, strict=True):
        assert point.outcome is Outcome.LOCATED
        assert point.longitude_deg == pytest.approx(longitude, abs=1e-9)
        assert point.latitude_deg == pytest.approx(latitude, abs=1e-9)
        assert point.terrain == "raster:geotransform"
        # Five metres on each axis: 2.146 of them hold nine errors in ten.
        assert point.ce90_m == pytest.approx(2.146 * 5.0, rel=1e-3)
        assert point.hae_m is None
    back = view.project(np.array(longitudes), np.array(latitudes))
    assert back == pytest.approx(pixels, abs=1e-4)


def test_outside_is_an_outcome() -> None:
    view = _view(_geotiff("EPSG:32636", (0.5, 0.0, 700_000.0, 0.0, -0.5, 3_675_000.0)))
    (point,) = view.locate(np.array([[60.5, 10.0]]))
    assert point.outcome is Outcome.OUTSIDE_IMAGE
    assert point.latitude_deg is None


def test_a_photograph_is_no_such_raster() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), (90, 90, 90)).save(stream, "TIFF")
    assert _placed(stream.getvalue()) is None


def test_a_local_system_places_nothing_on_the_earth() -> None:
    local = 'LOCAL_CS["site grid",UNIT["metre",1]]'
    data = _geotiff(local, (0.5, 0.0, 10.0, 0.0, -0.5, 20.0))
    assert _placed(data) is None


def test_a_real_orthomosaic(data_dir: Path) -> None:
    path = data_dir / "rasters" / "rio_tiler" / "pix4d_alpha_nodata.tif"
    view = _view(path.read_bytes())
    with rasterio.open(path) as dataset:
        west, south, east, north = rasterio.warp.transform_bounds(
            dataset.crs, "EPSG:4326", *dataset.bounds
        )
    ring = view.footprint()
    assert ring.min(axis=0) == pytest.approx([west, south], abs=1e-7)
    assert ring.max(axis=0) == pytest.approx([east, north], abs=1e-7)
