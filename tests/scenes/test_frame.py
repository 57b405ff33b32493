from __future__ import annotations

import numpy as np
import pytest
from pyproj import Geod, Transformer

from scenes.frame import LocalFrame

PLACES = [(-2.7183, -8.1415, 31.0), (46.84, -91.99, 180.0), (-54.4, 3.4, 700.0), (69.0, 178.9, 5.0)]


@pytest.mark.parametrize(("latitude", "longitude", "height"), PLACES)
def test_agrees_with_proj_topocentric_conversion(
    latitude: float, longitude: float, height: float
) -> None:
    proj = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart "
        f"+ellps=WGS84 +step +proj=topocentric +ellps=WGS84 +lat_0={latitude} "
        f"+lon_0={longitude} +h_0={height}"
    )
    frame = LocalFrame(latitude_deg=latitude, longitude_deg=longitude, hae_m=height)
    place = (latitude + 0.004, longitude - 0.003, height + 55.0)
    expected = proj.transform(place[1], place[0], place[2])
    assert frame.from_geodetic(place) == pytest.approx(expected, abs=1e-6)
    back = frame.to_geodetic(expected)
    assert back[:2] == pytest.approx(place[:2], abs=1e-11)
    assert back[2] == pytest.approx(place[2], abs=1e-6)


@pytest.mark.parametrize(("latitude", "longitude", "height"), PLACES)
@pytest.mark.parametrize("azimuth", [0.0, 63.0, 180.0, 300.0])
def test_ground_of_constant_height_follows_the_ellipsoid(
    latitude: float, longitude: float, height: float, azimuth: float
) -> None:
    frame = LocalFrame(latitude_deg=latitude, longitude_deg=longitude, hae_m=height)
    east, north = 1000 * np.sin(np.radians(azimuth)), 1000 * np.cos(np.radians(azimuth))
    up = frame.up_of_height(east, north, height + 12.0)
    geodetic = frame.to_geodetic([east, north, float(up)])
    assert geodetic[2] == pytest.approx(height + 12.0, abs=2e-4)
    # The earth has fallen away by some 8 cm at a kilometre: flat would have been wrong.
    assert float(up) == pytest.approx(12.0 - 1000**2 / (2 * 6.37e6), abs=1e-3)
    bearing, _, distance = Geod(ellps="WGS84").inv(longitude, latitude, geodetic[1], geodetic[0])
    assert distance == pytest.approx(1000.0, abs=0.2)
    assert (bearing - azimuth) % 360 == pytest.approx(0.0, abs=0.01) or (
        bearing - azimuth
    ) % 360 == pytest.approx(360.0, abs=0.01)
