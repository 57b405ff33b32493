"""The fitted map against PROJ's own conversions."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray

from pipelines.geometry.geodesy import ecef_from_enu, ecef_from_geodetic
from pipelines.geometry.local_map import fit_local_map

Floats = NDArray[np.float64]
TO_GEODETIC = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


@pytest.mark.parametrize(
    ("latitude", "longitude", "crs", "posts_a_unit"),
    [
        (31.6, -110.4, "EPSG:32612", 1 / 30),
        (-33.7, 24.4, "EPSG:4326", 3600.0),
        (71.0, 25.0, "EPSG:3035", 1 / 10),
        (-16.9, 179.95, "EPSG:32760", 1 / 5),
    ],
)
@pytest.mark.parametrize("reach_m", [300.0, 5000.0])
def test_the_map_is_good_to_a_millimetre(
    latitude: float, longitude: float, crs: str, posts_a_unit: float, reach_m: float
) -> None:
    to_map = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    post_m = (111_000 if crs == "EPSG:4326" else 1.0) / posts_a_unit

    def exact(position: Floats) -> Floats:
        lon, lat, height = TO_GEODETIC.transform(position[:, 0], position[:, 1], position[:, 2])
        x, y = to_map.transform(lon, lat)
        return np.stack([x * posts_a_unit, y * posts_a_unit, height])

    rng = np.random.default_rng(1)
    local = rng.uniform(-1, 1, (500, 3)) * (reach_m, reach_m, min(reach_m, 1500.0))
    centre = ecef_from_geodetic(latitude, longitude, 900.0)
    position = centre + local @ ecef_from_enu(latitude, longitude).T
    plane = fit_local_map(position.T, exact, post_m)
    assert plane is not None
    error = np.abs(plane.grid(plane.box(position.T)) - exact(position))
    assert (error.max(axis=1) * (post_m, post_m, 1.0) < 0.001).all()


def test_no_map_where_it_would_err() -> None:
    def kinked(position: Floats) -> Floats:
        result: Floats = np.abs(position.T - position.mean(axis=0)[:, None])
        return result

    centre = ecef_from_geodetic(10.0, 20.0, 0.0)
    rng = np.random.default_rng(2)
    near = (centre + rng.uniform(-500, 500, (50, 3))).T
    assert fit_local_map(near, kinked, 1.0) is None
    assert fit_local_map((centre + rng.uniform(-9e4, 9e4, (50, 3))).T, kinked, 1.0) is None
