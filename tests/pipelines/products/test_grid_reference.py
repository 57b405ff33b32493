"""Grid references against published ones and against the projection they are made of."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from models.errors import InvalidInputError
from pipelines.products.grid_reference import mgrs


@pytest.mark.parametrize(
    ("latitude", "longitude", "published"),
    [
        # Where equator and prime meridian meet: UTM 31N, 166021.443 E, 0 N.
        (0.0, 0.0, "31N AA 66021 00000"),
        # Baghdad, the worked example of GeographicLib's MGRS class.
        (33.3, 44.4, "38S MB 44140 84706"),
        # The README example of the mgrs package.
        (42.0, -93.0, "15T WG 00000 49776"),
        # Geographic poles: easting and northing 2,000,000 m in UPS.
        (90.0, 0.0, "Z AH 00000 00000"),
        (-90.0, 0.0, "B AN 00000 00000"),
    ],
)
def test_published_examples(latitude: float, longitude: float, published: str) -> None:
    assert mgrs(latitude, longitude) == published


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-79.9, 55.9),
    st.floats(-179.9, 179.9),
)
def test_digits_are_the_projection_s_own_cut_to_metres(latitude: float, longitude: float) -> None:
    # On the very edge of a zone either one is right.
    assume(1e-9 < longitude % 6.0 < 6.0 - 1e-9)
    zone = int((longitude + 180) // 6) + 1
    south = "+south" if latitude < 0 else ""
    utm = Transformer.from_crs(
        "EPSG:4326", f"+proj=utm +zone={zone} {south} +datum=WGS84", always_xy=True
    )
    easting, northing = utm.transform(longitude, latitude)
    designator, square, east, north = mgrs(latitude, longitude).split()
    assert int(designator[:-1]) == zone
    assert len(square) == 2
    # Cut, not rounded; a hair of a metre either way where two implementations meet a whole one.
    for digits, value in ((east, easting), (north, northing)):
        off = (value % 100_000.0) - int(digits)
        assert -0.01 <= off % 100_000.0 < 1.01 or off % 100_000.0 > 99_999.99


def test_fewer_digits_name_the_larger_square() -> None:
    assert mgrs(0.0, 0.0, digits=2) == "31N AA 66 00"
    assert mgrs(0.0, 0.0, digits=0) == "31N AA"


@pytest.mark.parametrize(("latitude", "longitude"), [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0)])
def test_no_such_place(latitude: float, longitude: float) -> None:
    with pytest.raises(InvalidInputError):
        mgrs(latitude, longitude)
