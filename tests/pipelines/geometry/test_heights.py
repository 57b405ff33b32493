"""Signs and values of the geoid against published undulations."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyproj.network
import pytest

from models.errors import InvalidInputError
from pipelines.geometry.heights import (
    EGM2008_EPSG,
    GRID_FOLDER,
    has_grid,
    undulation_m,
    use_grid_folder,
)

# NGA's sample output of its interpolation program F477 over this grid (latitude, east longitude,
# undulation), and the example of GeographicLib's GeoidEval, which uses a finer grid.
PUBLISHED = [
    (38.6281550, 269.7791550, -31.628),
    (-14.6212170, 305.0211140, -2.969),
    (46.8743190, 102.4487290, -43.575),
    (-23.6174460, 133.8747120, 15.871),
    (38.6254730, 359.9995000, 50.066),
    (-0.4667440, 0.0023000, 17.329),
    (16.775833333, -3.009444444, 28.7068),
]


@pytest.mark.parametrize(("latitude", "longitude", "undulation"), PUBLISHED)
def test_published_undulations(latitude: float, longitude: float, undulation: float) -> None:
    # Theirs is a spline through the posts, ours bilinear between them.
    assert float(undulation_m(latitude, longitude)) == pytest.approx(undulation, abs=0.15)


def test_published_undulations_in_the_mean() -> None:
    latitude, longitude, undulation = np.array(PUBLISHED).T
    assert np.sqrt(np.mean((undulation_m(latitude, longitude) - undulation) ** 2)) < 0.06


def test_the_geoid_lies_on_its_own_side_of_the_ellipsoid() -> None:
    # Arizona: below it, so that a point is lower above the ellipsoid than above sea level.
    assert float(undulation_m(31.6, -110.4)) == pytest.approx(1421.4 - 1450.0, abs=0.1)
    # Mali: above it.
    assert float(undulation_m(16.775833, -3.009444)) == pytest.approx(328.7 - 300.0, abs=0.1)


def test_the_grid_is_whole_and_wraps() -> None:
    latitude, longitude = np.meshgrid(np.linspace(-90, 90, 181), np.linspace(-180, 360, 541))
    values = undulation_m(latitude, longitude)
    assert np.isfinite(values).all()
    # The geoid's extremes: south of India and New Guinea.
    assert values.min() == pytest.approx(-107.0, abs=1.0)
    assert values.max() == pytest.approx(85.0, abs=1.0)
    np.testing.assert_allclose(undulation_m(10.0, -170.0), undulation_m(10.0, 190.0))


def test_a_missing_grid_is_told_and_not_taken_for_zero() -> None:
    if has_grid(EGM2008_EPSG):
        pytest.skip("PROJ has an EGM2008 grid here")
    with pytest.raises(LookupError, match="no grid"):
        undulation_m(0.0, 0.0, vertical_epsg=EGM2008_EPSG)


def test_projs_network_stays_off() -> None:
    undulation_m(0.0, 0.0)
    assert not pyproj.network.is_network_enabled()  # type: ignore[attr-defined] # re-exported


def test_a_folder_of_grids_is_used(tmp_path: Path) -> None:
    """In a process of its own, for PROJ keeps what it found.

    The grid that Vedette ships stands in for EGM2008's under the name PROJ knows that one by.
    """
    shutil.copy(GRID_FOLDER / "us_nga_egm96_15.tif", tmp_path / "us_nga_egm08_25.tif")
    program = """
import sys
from pathlib import Path
from pipelines.geometry.heights import EGM2008_EPSG, has_grid, undulation_m, use_grid_folder
before = has_grid(EGM2008_EPSG)
use_grid_folder(Path(sys.argv[1]))
use_grid_folder(Path(sys.argv[1]))
print(before, float(undulation_m(38.625473, -0.0005, vertical_epsg=EGM2008_EPSG)))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=GRID_FOLDER.parents[1],
    )
    before, undulation = answer.stdout.split()
    if before == "True":
        pytest.skip("PROJ has an EGM2008 grid here")
    assert float(undulation) == pytest.approx(50.066, abs=0.15)
    with pytest.raises(InvalidInputError, match="no-such"):
        use_grid_folder(tmp_path / "no-such")


_TWO_THREADS = """
import threading, pyproj
from pipelines.geometry.heights import undulation_m

used, told, heights = threading.Event(), threading.Event(), []

def work():
    pyproj.Transformer.from_crs(4326, 32636).transform(4.0, 31.0)  # has a PROJ of its own now
    used.set()
    told.wait(30)
    heights.append(float(undulation_m(16.775833333, -3.009444444)))

thread = threading.Thread(target=work)
thread.start()
used.wait(30)
undulation_m(0.0, 0.0)
told.set()
thread.join(30)
print(heights[0])
"""


def test_a_thread_that_computed_before_knows_the_grid_as_well() -> None:
    # In a process of its own: here every thread may have been told already.
    told = subprocess.run(
        [sys.executable, "-c", _TWO_THREADS], check=True, capture_output=True, text=True
    ).stdout
    assert float(told) == pytest.approx(28.7068, abs=0.15)
