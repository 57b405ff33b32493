"""Rasters with ground control: held against GDAL's spline and points left out of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Geod
from rasterio.transform import GCPTransformer
from rasterio.warp import transform as warp

from pipelines.geometry.control_view import ControlView, control_view
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.raster_placement import placed_raster
from pipelines.imagery.placement import ControlPoint, Placement
from pipelines.imagery.raster_source import open_source
from pipelines.outcome import Outcome

GEOD = Geod(ellps="WGS84")
SIZE = (1280, 837)


@pytest.fixture(scope="module")
def path(data_dir: Path) -> Path:
    return data_dir / "rasters" / "rio_tiler" / "cog_gcps.tif"


@pytest.fixture(scope="module")
def placement(path: Path) -> Placement:
    with open_source(path) as source:
        assert (source.width_px, source.height_px) == SIZE
        return source.placement


def _view(placement: Placement) -> ControlView:
    view = placed_raster(placement, *SIZE, TerrainSource(None))
    assert isinstance(view, ControlView)
    return view


def test_places_are_those_of_gdals_spline(path: Path, placement: Placement) -> None:
    pixels = np.random.default_rng(0).uniform((5, 5), (1275, 832), (200, 2))
    with (
        rasterio.open(path) as dataset,
        GCPTransformer(dataset.gcps[0], tps=True) as gdal,
    ):
        x, y = gdal.xy(pixels[:, 1], pixels[:, 0], offset="ul")
    view = _view(placement)
    assert "thin plate spline" in view.statement
    points = view.locate(pixels)
    apart = [
        GEOD.inv(a, b, point.longitude_deg, point.latitude_deg)[2]
        for a, b, point in zip(x, y, points, strict=True)
    ]
    # A pixel of this reduced radar scene spans 200 m. GDAL bends its spline in degrees.
    assert max(apart) < 2.0
    back = view.project(
        np.array([point.longitude_deg for point in points], np.float64),
        np.array([point.latitude_deg for point in points], np.float64),
    )
    assert np.abs(back - pixels).max() < 1e-3


def test_the_stated_error_holds_for_points_kept_back(placement: Placement) -> None:
    kept_back = placement.control[3::7]
    rest = tuple(one for one in placement.control if one not in kept_back)
    view = _view(replace(placement, control=rest))
    pixels = np.array([(one.column_px, one.row_px) for one in kept_back])
    points = view.locate(pixels)
    errors = np.array(
        [
            GEOD.inv(one.x, one.y, point.longitude_deg, point.latitude_deg)[2]
            for one, point in zip(kept_back, points, strict=True)
        ]
    )
    assert len(errors) == 30
    ce90 = points[0].ce90_m
    assert ce90 is not None
    assert np.mean(errors <= ce90) >= 0.8
    assert ce90 < 20 * np.median(errors)


def test_few_points_and_any_system() -> None:
    # UTM 36 N, 0.5 m pixels, north up; corners of a frame of 600 x 400.
    corners = [(0.0, 0.0), (600.0, 0.0), (0.0, 400.0), (600.0, 400.0), (300.0, 200.0)]
    control = tuple(
        ControlPoint(column_px=x, row_px=y, x=700_000.0 + x / 2, y=3_675_000.0 - y / 2, z=0.0)
        for x, y in corners
    )
    wkt = rasterio.CRS.from_epsg(32636).to_wkt()
    view = control_view(control, wkt, 600, 400)
    assert view is not None
    # The grid is straight to a millimetre over 300 m.
    assert view.sigma_m < 0.01
    (point,) = view.locate(np.array([[100.0, 300.0]]))
    (longitude,), (latitude,) = warp(wkt, "EPSG:4326", [700_050.0], [3_674_850.0])
    assert GEOD.inv(longitude, latitude, point.longitude_deg, point.latitude_deg)[2] < 0.01
    three = control_view(control[:3], wkt, 600, 400)
    assert three is not None
    assert three.sigma_m == pytest.approx(5.0)
    assert "too few to tell" in three.statement
    assert control_view(control[:2], wkt, 600, 400) is None
    assert control_view(control, None, 600, 400) is None
    (outside,) = view.locate(np.array([[601.0, 10.0]]))
    assert outside.outcome is Outcome.OUTSIDE_IMAGE
