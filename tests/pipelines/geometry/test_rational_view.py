"""A satellite scene over terrain: held against its surveyed ground control."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyproj import CRS, Geod

from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.raster_placement import placed_raster
from pipelines.geometry.rational import RationalCamera
from pipelines.geometry.rational_view import RationalView, control_shift, rational_view
from pipelines.imagery.placement import Placement
from pipelines.imagery.raster_source import open_source
from pipelines.outcome import Outcome

GEOD = Geod(ellps="WGS84")
SIZE = (850, 1450)


@pytest.fixture(scope="module")
def placement(data_dir: Path) -> Placement:
    with open_source(data_dir / "photos/orthority/rpc/qb2_basic1b.tif") as source:
        assert (source.width_px, source.height_px) == SIZE
        return source.placement


@pytest.fixture(scope="module")
def terrain(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> TerrainSource:
    folder = tmp_path_factory.mktemp("dem")
    shutil.copy(data_dir / "photos/orthority/ngi/dem.tif", folder)
    return TerrainSource(folder)


def _view(placement: Placement, terrain: TerrainSource) -> RationalView:
    view = placed_raster(placement, *SIZE, terrain)
    assert isinstance(view, RationalView)
    return view


def test_each_control_point_is_found_from_the_others(
    placement: Placement, terrain: TerrainSource
) -> None:
    for index, point in enumerate(placement.control):
        pixel = np.array([[point.column_px, point.row_px]])
        if not ((pixel >= 0) & (pixel <= SIZE)).all():  # two were measured beyond the crop
            continue
        others = placement.control[:index] + placement.control[index + 1 :]
        (found,) = _view(replace(placement, control=others), terrain).locate(pixel)
        assert found.outcome is Outcome.LOCATED
        assert found.hae_m == pytest.approx(point.z, abs=5.0)
        assert found.longitude_deg is not None
        assert found.latitude_deg is not None
        error = GEOD.inv(point.x, point.y, found.longitude_deg, found.latitude_deg)[2]
        assert found.ce90_m is not None
        assert error < found.ce90_m < 4.0


def test_without_control_the_stated_error_stands(
    placement: Placement, terrain: TerrainSource
) -> None:
    view = _view(replace(placement, control=()), terrain)
    assert view.sigma_m == pytest.approx(np.hypot(12.15, 0.3))
    (found,) = view.locate(np.array([[821.3, 62.3]]))
    truth = placement.control[0]
    error = GEOD.inv(truth.x, truth.y, found.longitude_deg, found.latitude_deg)[2]
    # This scene's bias is 2.4 of its sigmas: one in seventeen is as bad.
    assert 25.0 < error < 3 * 12.15
    assert found.ce90_m == pytest.approx(2.146 * 12.15, rel=0.02)
    unstated = placement.rational
    assert unstated is not None
    silent = replace(placement, control=(), rational=replace(unstated, bias_m=None, random_m=None))
    assert _view(silent, terrain).sigma_m == pytest.approx(10.7, abs=0.1)


def test_places_lie_on_the_terrain_and_project_back(
    placement: Placement, terrain: TerrainSource
) -> None:
    view = _view(placement, terrain)
    grid = np.stack(np.meshgrid(np.linspace(5, 845, 9), np.linspace(5, 1445, 15)), -1)
    pixels = grid.reshape(-1, 2)
    points = view.locate(pixels)
    located = np.array([point.outcome is Outcome.LOCATED for point in points])
    assert located.mean() > 0.9
    assert all(point.outcome in {Outcome.LOCATED, Outcome.DEM_GAP} for point in points)
    places = np.array(
        [
            (p.longitude_deg, p.latitude_deg, p.hae_m)
            for p, seen in zip(points, located, strict=True)
            if seen
        ],
        np.float64,
    )
    ground = view.terrain.height_m(places[:, 1], places[:, 0])
    assert np.abs(ground - places[:, 2]).max() < 0.02
    back = view.project(places[:, 0], places[:, 1])
    assert np.abs(back - pixels[located]).max() < 0.05
    (outside,) = view.locate(np.array([[900.0, 10.0]]))
    assert outside.outcome is Outcome.OUTSIDE_IMAGE


def test_without_terrain_flat_ground_costs_what_the_heights_may_differ(
    placement: Placement,
) -> None:
    view = rational_view(replace(placement, control=()), *SIZE, TerrainSource(None))
    assert view is not None
    assert "no elevation model covers it" in view.statement
    (found,) = view.locate(np.array([[425.0, 725.0]]))
    # A sigma of 250 m of height through the lean of this look, which is measured here:
    known = placement.rational
    assert known is not None
    camera = RationalCamera(coefficients=known)
    ends = [camera.locate(np.array([[425.0, 725.0]]), np.array([h])) for h in (453.0, 953.0)]
    lean = GEOD.inv(ends[0][0][0], ends[0][1][0], ends[1][0][0], ends[1][1][0])[2] / 500.0
    assert found.covariance_enu_m2 is not None
    major = np.linalg.eigvalsh(found.covariance_enu_m2[:2, :2])[-1]
    assert np.sqrt(major) == pytest.approx(np.hypot(lean * 250.5, 12.15), rel=0.01)
    assert found.le90_m == pytest.approx(1.645 * 250.5, rel=1e-3)


def test_too_few_or_flat_points_shift_nothing(placement: Placement) -> None:
    known = placement.rational
    assert known is not None
    camera = RationalCamera(coefficients=known)
    assert control_shift(camera, placement.control[:2], placement.control_crs) is None
    assert control_shift(camera, placement.control, None) is None
    flat = CRS.from_epsg(4326).to_wkt()
    assert control_shift(camera, placement.control, flat) is None
