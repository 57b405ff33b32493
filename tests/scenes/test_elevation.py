from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.imagery.raster import open_bytes
from scenes.elevation import elevation_geotiff
from scenes.outpost import outpost
from scenes.terrain import Swell, Terrain

WORLD = replace(
    outpost(),
    terrain=Terrain(
        level_hae_m=31.0,
        swells=(Swell(amplitude_m=3.0, wavelength_m=200.0, azimuth_deg=30.0, phase_deg=10.0),),
    ),
)


def test_gdal_reads_the_heights_where_the_formula_has_them() -> None:
    data = elevation_geotiff(WORLD, half_side_m=200.0, post_m=2.0)
    with open_bytes(data, "GTiff") as dataset:
        assert dataset.crs.to_epsg() == 4979
        heights = dataset.read(1)
        for row, column in ((0, 0), (37, 151), (100, 100), (200, 12)):
            longitude, latitude = dataset.xy(row, column)
            east, north, _ = WORLD.frame.from_geodetic([latitude, longitude, 31.0])
            expected = float(WORLD.terrain.hae_m(float(east), float(north)))
            assert heights[row, column] == pytest.approx(expected, abs=2e-3)


def test_holes_hold_no_heights() -> None:
    data = elevation_geotiff(WORLD, half_side_m=100.0, post_m=2.0, holes=((50.0, -30.0, 15.0),))
    with open_bytes(data, "GTiff") as dataset:
        gaps = np.isnan(dataset.read(1))
        # A disc of 15 m over posts of 2 m.
        assert gaps.sum() == pytest.approx(np.pi * 15**2 / 4, rel=0.05)
        rows, columns = np.nonzero(gaps)
        # Each post is 2 m; the middle post is the scene's middle.
        assert (columns.mean() - 50) * 2 == pytest.approx(50.0, abs=0.5)
        assert (50 - rows.mean()) * 2 == pytest.approx(-30.0, abs=0.5)
        assert dataset.dataset_mask()[rows[0], columns[0]] == 0
