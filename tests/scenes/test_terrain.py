from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.terrain import Swell, Terrain

ROLLING = Terrain(
    level_hae_m=100.0,
    swells=(
        Swell(amplitude_m=3.0, wavelength_m=200.0, azimuth_deg=30.0, phase_deg=10.0),
        Swell(amplitude_m=1.0, wavelength_m=73.0, azimuth_deg=140.0, phase_deg=200.0),
    ),
)


def test_a_swell_runs_where_its_azimuth_points() -> None:
    east_swell = Terrain(
        level_hae_m=50.0,
        swells=(Swell(amplitude_m=2.0, wavelength_m=40.0, azimuth_deg=90.0, phase_deg=0.0),),
    )
    assert east_swell.hae_m([0.0, 10.0, 20.0, 30.0], 7.0) == pytest.approx([50, 52, 50, 48])


@given(east=st.floats(-500, 500), north=st.floats(-500, 500))
def test_slope_is_the_derivative_of_height(east: float, north: float) -> None:
    step = 1e-4
    to_east, to_north = ROLLING.slope(east, north)
    by_east = np.diff(ROLLING.hae_m(np.array([east - step, east + step]), north))[0]
    by_north = np.diff(ROLLING.hae_m(east, np.array([north - step, north + step])))[0]
    assert float(to_east) == pytest.approx(by_east / (2 * step), abs=1e-6)
    assert float(to_north) == pytest.approx(by_north / (2 * step), abs=1e-6)
