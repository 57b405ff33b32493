"""The ellipsoid against PROJ."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from pipelines.geometry.geodesy import (
    destination,
    ecef_from_enu,
    ecef_from_geodetic,
    ecef_from_ned,
    geodetic_from_ecef,
    metres_per_degree,
    range_and_bearing,
)

RNG = np.random.default_rng(7)
LATITUDE = np.concatenate([RNG.uniform(-90, 90, 2000), [0.0, 90.0, -90.0, 45.0]])
LONGITUDE = np.concatenate([RNG.uniform(-180, 180, 2000), [0.0, 0.0, 0.0, 180.0]])
HEIGHT = np.concatenate([RNG.uniform(-5_000, 60_000, 2000), [0.0, 100.0, 100.0, -400.0]])
TO_ECEF = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


def test_ecef_is_projs() -> None:
    theirs = np.stack(TO_ECEF.transform(LONGITUDE, LATITUDE, HEIGHT), axis=-1)
    np.testing.assert_allclose(
        ecef_from_geodetic(LATITUDE, LONGITUDE, HEIGHT), theirs, rtol=0, atol=1e-6
    )


def test_geodetic_undoes_ecef() -> None:
    x, y, z = TO_ECEF.transform(LONGITUDE, LATITUDE, HEIGHT)
    latitude, longitude, height = geodetic_from_ecef(np.stack([x, y, z], axis=-1))
    np.testing.assert_allclose(latitude, LATITUDE, rtol=0, atol=1e-11)
    off_pole = np.abs(LATITUDE) < 90
    np.testing.assert_allclose(longitude[off_pole], LONGITUDE[off_pole], rtol=0, atol=1e-11)
    np.testing.assert_allclose(height, HEIGHT, rtol=0, atol=2e-6)


def test_local_axes_are_the_derivatives_of_position() -> None:
    latitude, longitude = np.array([31.6, -70.0]), np.array([-110.4, 12.0])
    axes = ecef_from_enu(latitude, longitude)
    here = np.stack(TO_ECEF.transform(longitude, latitude, [0.0, 0.0]), axis=-1)
    step = 1e-6
    for axis, moved in enumerate(
        [
            TO_ECEF.transform(longitude + step, latitude, [0.0, 0.0]),
            TO_ECEF.transform(longitude, latitude + step, [0.0, 0.0]),
            TO_ECEF.transform(longitude, latitude, [1.0, 1.0]),
        ]
    ):
        way = np.stack(moved, axis=-1) - here
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        np.testing.assert_allclose(axes[:, :, axis], way, atol=1e-6)
    ned = ecef_from_ned(latitude, longitude)
    np.testing.assert_allclose(np.linalg.det(ned), 1.0)
    np.testing.assert_allclose(ned[:, :, 2], -axes[:, :, 2])


def test_range_and_bearing_of_a_published_geodesic() -> None:
    # Karney, "Algorithms for geodesics" (2013), section 6, table 2: from 40 N 0 E at azimuth
    # 30 degrees over 10,000 km to 41.79331020506 N 137.84490004377 E.
    distance, bearing = range_and_bearing(40.0, 0.0, 41.79331020506, 137.84490004377)
    assert float(distance) == pytest.approx(10_000_000.0, abs=1e-3)
    assert float(bearing) == pytest.approx(30.0, abs=1e-8)
    latitude, longitude = destination(40.0, 0.0, 30.0, 10_000_000.0)
    assert float(latitude) == pytest.approx(41.79331020506, abs=1e-10)
    assert float(longitude) == pytest.approx(137.84490004377, abs=1e-10)


def test_bearings_run_from_zero_to_below_360() -> None:
    _, bearing = range_and_bearing(10.0, 20.0, [11.0, 10.0, 9.0, 10.0], [20.0, 21.0, 20.0, 19.0])
    np.testing.assert_allclose(bearing, [0.0, 89.9, 180.0, 270.1], atol=0.1)


def test_metres_per_degree_are_geodesics() -> None:
    north, east = metres_per_degree(31.6)
    step = 1e-4
    assert float(north) == pytest.approx(
        float(range_and_bearing(31.6 - step, 5.0, 31.6 + step, 5.0)[0]) / (2 * step), rel=1e-8
    )
    assert float(east) == pytest.approx(
        float(range_and_bearing(31.6, 5.0 - step, 31.6, 5.0 + step)[0]) / (2 * step), rel=1e-8
    )
