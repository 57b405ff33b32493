"""Which height a camera is given, and when it is given none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pipelines.camera import Intrinsics
from pipelines.capture import Capture
from pipelines.geometry.camera_height import Unlocatable
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import georeference
from pipelines.geometry.vertical_reference import DemDatum
from pipelines.geometry.viewpoint import Viewpoint, find_viewpoint
from pipelines.metadata.capture_reader import read_capture
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference, Pose

LATITUDE, LONGITUDE = 31.6, -110.4
UNDULATION = -28.57
NONE = TerrainSource(None)


def capture(
    height_m: float,
    reference: HeightReference,
    *,
    relative_m: float | None = None,
    absolute_m: float | None = None,
    absolute_reference: HeightReference | None = None,
    absolute_sigma_m: float | None = None,
) -> Capture:
    return Capture(
        width_px=4000,
        height_px=3000,
        make=None,
        model=None,
        captured_at=None,
        pose=Pose(
            latitude_deg=LATITUDE,
            longitude_deg=LONGITUDE,
            height_m=height_m,
            height_reference=reference,
            yaw_deg=0.0,
            pitch_deg=-90.0,
            roll_deg=0.0,
        ),
        relative_height_m=relative_m,
        intrinsics=Intrinsics(
            width_px=4000, height_px=3000, fx_px=3000, fy_px=3000, cx_px=2000, cy_px=1500
        ),
        sigmas=DEFAULT_SIGMAS,
        outcome=Outcome.LOCATED,
        findings=(),
        absolute_height_m=absolute_m,
        absolute_height_reference=absolute_reference,
        absolute_height_sigma_m=absolute_sigma_m,
    )


@pytest.fixture
def dem(tmp_path: Path) -> TerrainSource:
    """A plain 1,450 m above the sea around the camera."""
    with rasterio.open(
        tmp_path / "plain.tif",
        "w",
        driver="GTiff",
        width=200,
        height=200,
        count=1,
        dtype="int16",
        crs="EPSG:4326",
        transform=rasterio.Affine(0.0005, 0, -110.45, 0, -0.0005, 31.65),
    ) as file:
        file.write(np.full((200, 200), 1450, np.int16), 1)
    return TerrainSource(tmp_path)


def found(capture_: Capture, source: TerrainSource, ground: float | None = None) -> Viewpoint:
    viewpoint = find_viewpoint(capture_, source, ground_hae_m=ground)
    assert isinstance(viewpoint, Viewpoint)
    return viewpoint


def codes(viewpoint: Viewpoint | Unlocatable) -> list[str]:
    return [finding.code for finding in viewpoint.findings]


def test_absolute_heights_over_a_model(dem: TerrainSource) -> None:
    msl = found(capture(1530.0, HeightReference.MSL), dem)
    assert msl.above_ground_m == pytest.approx(80.0, abs=0.01)
    assert msl.hae_m == pytest.approx(1530.0 + UNDULATION, abs=0.05)
    hae = found(capture(1530.0 + UNDULATION, HeightReference.HAE), dem)
    assert hae.above_ground_m == pytest.approx(80.0, abs=0.05)
    assert hae.terrain.label == "dem:plain.tif"


def test_a_stated_height_above_ground_over_a_model(dem: TerrainSource) -> None:
    viewpoint = found(capture(80.0, HeightReference.ABOVE_GROUND), dem)
    assert viewpoint.hae_m == pytest.approx(1530.0 + UNDULATION, abs=0.05)
    assert viewpoint.sigmas.vertical_m == DEFAULT_SIGMAS.vertical_m


@pytest.mark.parametrize(
    ("absolute", "reference", "code"),
    [
        (1535.0, HeightReference.MSL, "HEIGHT_OVER_TAKE_OFF_TAKEN"),
        # 1,530 m over the sea said to be over the ellipsoid, and the other way round.
        (1530.0, HeightReference.HAE, "ALTITUDE_DATUM_CONTRADICTED"),
        (1530.0 + UNDULATION, HeightReference.MSL, "ALTITUDE_DATUM_CONTRADICTED"),
        (1930.0, HeightReference.MSL, "ALTITUDE_IMPLAUSIBLE"),
    ],
)
def test_the_height_over_take_off_judges_the_absolute_one(
    dem: TerrainSource, absolute: float, reference: HeightReference, code: str
) -> None:
    viewpoint = found(
        capture(
            80.0,
            HeightReference.ABOVE_GROUND,
            relative_m=80.0,
            absolute_m=absolute,
            absolute_reference=reference,
            absolute_sigma_m=6.0,
        ),
        dem,
    )
    assert viewpoint.above_ground_m == pytest.approx(80.0, abs=0.01)
    assert codes(viewpoint)[0] == code
    if code == "ALTITUDE_IMPLAUSIBLE":
        assert viewpoint.sigmas.vertical_m > 100.0


def test_a_surveyed_altitude_is_better_than_a_barometer(dem: TerrainSource) -> None:
    viewpoint = found(
        capture(
            80.0,
            HeightReference.ABOVE_GROUND,
            relative_m=80.0,
            absolute_m=1532.0,
            absolute_reference=HeightReference.MSL,
            absolute_sigma_m=0.05,
        ),
        dem,
    )
    assert viewpoint.above_ground_m == pytest.approx(82.0, abs=0.01)
    assert viewpoint.sigmas.vertical_m == 0.05


def test_a_model_of_no_stated_datum_widens_what_depends_on_it(
    dem: TerrainSource, tmp_path: Path
) -> None:
    own = DEFAULT_SIGMAS.terrain_m
    # 1.5 m for another sea level; one in ten for the ellipsoid, 28.57 m away.
    unsure = np.hypot(1.5, np.sqrt(0.1) * UNDULATION)
    absolute = found(capture(1530.0, HeightReference.MSL), dem)
    assert absolute.sigmas.terrain_m == pytest.approx(np.hypot(own, unsure), abs=0.02)
    assert absolute.datum_sigma_m == 0.0
    # Measured from the ground, the camera is off with it, and nothing horizontal widens.
    relative = found(capture(80.0, HeightReference.ABOVE_GROUND), dem)
    assert relative.sigmas.terrain_m == own
    assert relative.datum_sigma_m == pytest.approx(unsure, abs=0.02)
    points = [
        georeference(viewpoint, np.array([[2000.0, 200.0]]))[0]
        for viewpoint in (absolute, relative)
    ]
    assert (points[0].ce90_m or 0) > (points[1].ce90_m or 0) + 2.0
    # A surveyed altitude that agrees with a barometer over that ground rules the ellipsoid out.
    surveyed = found(
        capture(
            80.0,
            HeightReference.ABOVE_GROUND,
            relative_m=80.0,
            absolute_m=1531.0,
            absolute_reference=HeightReference.MSL,
            absolute_sigma_m=0.05,
        ),
        dem,
    )
    assert surveyed.sigmas.terrain_m == pytest.approx(np.hypot(own, 1.5))
    stated = found(
        capture(1530.0, HeightReference.MSL), TerrainSource(tmp_path, datum=DemDatum.EGM96)
    )
    assert stated.sigmas.terrain_m == own


def test_without_a_model_the_ground_is_flat_and_its_height_may_be_unknown() -> None:
    viewpoint = found(capture(80.0, HeightReference.ABOVE_GROUND, relative_m=80.0), NONE)
    assert viewpoint.terrain.label == "flat:relative_height"
    (point,) = georeference(viewpoint, np.array([[2000.0, 1500.0]]))
    assert point.outcome is Outcome.LOCATED
    assert point.hae_m is None
    assert point.le90_m is None
    assert point.slant_range_m == pytest.approx(80.0, abs=1e-6)
    assert point.latitude_deg == pytest.approx(LATITUDE, abs=1e-9)


def test_an_absolute_height_tells_the_flat_grounds_height() -> None:
    viewpoint = found(
        capture(
            80.0,
            HeightReference.ABOVE_GROUND,
            relative_m=80.0,
            absolute_m=1530.0,
            absolute_reference=HeightReference.MSL,
            absolute_sigma_m=12.0,
        ),
        NONE,
    )
    (point,) = georeference(viewpoint, np.array([[2000.0, 1500.0]]))
    assert point.hae_m == pytest.approx(1450.0 + UNDULATION, abs=0.05)
    assert point.le90_m == pytest.approx(1.645 * np.hypot(12.0, DEFAULT_SIGMAS.terrain_m), rel=0.01)


def test_an_absolute_height_alone_is_no_height_over_the_ground() -> None:
    for reference in (HeightReference.MSL, HeightReference.HAE):
        answer = find_viewpoint(capture(1530.0, reference), NONE)
        assert isinstance(answer, Unlocatable)
        assert answer.outcome is Outcome.NO_HEIGHT
        assert codes(answer) == ["GROUND_UNKNOWN"]


def test_a_camera_below_the_ground_is_rejected(dem: TerrainSource) -> None:
    answer = find_viewpoint(capture(1440.0, HeightReference.MSL), dem)
    assert isinstance(answer, Unlocatable)
    assert answer.outcome is Outcome.POSE_REJECTED
    assert codes(answer)[0] == "CAMERA_BELOW_GROUND"


def test_a_model_that_does_not_cover_the_camera_is_told(dem: TerrainSource) -> None:
    away = capture(80.0, HeightReference.ABOVE_GROUND)
    assert away.pose is not None
    near = replace(away, pose=replace(away.pose, latitude_deg=31.7))
    viewpoint = found(near, dem)
    assert viewpoint.terrain.label == "flat:relative_height"
    assert "DEM_WITHOUT_COVERAGE" in codes(viewpoint)
    far = replace(away, pose=replace(away.pose, latitude_deg=0.0))
    assert "DEM_WITHOUT_COVERAGE" in codes(found(far, dem))


def test_stated_ground_stands_in_for_a_model(dem: TerrainSource) -> None:
    viewpoint = found(capture(80.0, HeightReference.ABOVE_GROUND), dem, 900.0)
    assert (viewpoint.hae_m, viewpoint.terrain.label) == (980.0, "flat:stated_height")
    assert found(capture(980.0, HeightReference.HAE), NONE, 900.0).above_ground_m == 80.0


def test_why_a_frame_has_no_viewpoint_is_handed_on() -> None:
    blind = replace(capture(1.0, HeightReference.HAE), pose=None, outcome=Outcome.NO_ATTITUDE)
    answer = find_viewpoint(blind, NONE)
    assert isinstance(answer, Unlocatable)
    assert answer.outcome is Outcome.NO_ATTITUDE


def test_the_skydio_photographs_altitude_is_over_the_sea(data_dir: Path) -> None:
    """Worked by hand: DEM 975.8 m + 52.6 m over take-off = 1028.3 m; N = -29.5 m.

    The altitude of 1034.4 m is 6 m from that as a height over the sea, 36 m as one over the
    ellipsoid.
    """
    folder = data_dir / "photos" / "skydio"
    read = read_capture((folder / "skydio-catilina.jpg").read_bytes())
    viewpoint = found(read, TerrainSource(folder))
    assert viewpoint.hae_m == pytest.approx(1028.4 - 29.4, abs=1.0)
    assert viewpoint.above_ground_m == pytest.approx(52.57, abs=0.01)
    assert codes(viewpoint)[0] == "HEIGHT_OVER_TAKE_OFF_TAKEN"
    lied = replace(read, absolute_height_reference=HeightReference.HAE, absolute_height_sigma_m=5.0)
    assert codes(found(lied, TerrainSource(folder)))[0] == "ALTITUDE_DATUM_CONTRADICTED"
