"""Places against surveyed control points, real photographs and an independent camera."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.camera import Distortion, Intrinsics
from pipelines.geometry.camera_height import StatedHeights, Unlocatable, decide_height
from pipelines.geometry.camera_view import CameraView
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.geodesy import range_and_bearing
from pipelines.geometry.georeference import Places, georeference, locate
from pipelines.geometry.viewpoint import Viewpoint, find_viewpoint, set_up
from pipelines.metadata.capture_reader import read_capture
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference, Pose, Sigmas

CAMERA = Intrinsics(width_px=4000, height_px=3000, fx_px=3000, fy_px=3000, cx_px=2000, cy_px=1500)
NONE = TerrainSource(None)


def stand(pose: Pose, intrinsics: Intrinsics, sigmas: Sigmas, ground_hae_m: float) -> Viewpoint:
    heights = StatedHeights(
        latitude_deg=pose.latitude_deg,
        longitude_deg=pose.longitude_deg,
        absolute_m=pose.height_m,
        absolute_reference=HeightReference.HAE,
        absolute_sigma_m=sigmas.vertical_m,
    )
    viewpoint = set_up(
        pose, intrinsics, sigmas, decide_height(heights, NONE, ground_hae_m=ground_hae_m)
    )
    assert not isinstance(viewpoint, Unlocatable)
    return viewpoint


def thunderstorm(folder: Path) -> tuple[Places, NDArray[np.float64], NDArray[np.float64]]:
    """Places of the pixels whose control point is known, its survey, the public tool's place.

    The tool's own ground is taken: its heights are all too high by the same amount, which leaves
    the height of the camera over the ground as it was.
    """
    with (folder / "gcps.csv").open(encoding="utf-8-sig") as file:
        survey = {
            row["Remarks"]: (float(row["Latitude"]), float(row["Longitude"]))
            for row in csv.DictReader(file)
        }
    with (folder / "located.csv").open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["gcp"]]
    viewpoints, pixels = [], []
    for row in rows:
        values = {key: float(value) for key, value in row.items() if _is_number(value)}
        width, height = int(values["imageWidth"]), int(values["imageLength"])
        intrinsics = Intrinsics(
            width_px=width,
            height_px=height,
            fx_px=values["f_x"],
            fy_px=values["f_y"],
            cx_px=width / 2,
            cy_px=height / 2,
            distortion=Distortion(
                **{name: values[name] for name in ("k1", "k2", "k3", "p1", "p2")}
            ),
        )
        pose = Pose(
            latitude_deg=values["droneLatitude"],
            longitude_deg=values["droneLongitude"],
            height_m=values["droneElevationHAE"],
            height_reference=HeightReference.HAE,
            yaw_deg=values["yaw_deg"],
            pitch_deg=-values["cameraSlantAngleDeg"],
            roll_deg=values["cameraRollAngleDeg"],
        )
        viewpoints.append(stand(pose, intrinsics, DEFAULT_SIGMAS, values["hae"]))
        pixels.append(
            (
                values["imageSelectedProportionX"] * width,
                values["imageSelectedProportionY"] * height,
            )
        )
    places = locate(viewpoints, np.arange(len(rows)), np.array(pixels))
    truth = np.array([survey[row["gcp"]] for row in rows])
    return places, truth, np.array([(float(row["lat"]), float(row["lon"])) for row in rows])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_surveyed_control_points(data_dir: Path) -> None:
    places, truth, public = thunderstorm(data_dir / "truth" / "thunderstorm")
    error, _ = range_and_bearing(
        truth[:, 0], truth[:, 1], places.latitude_deg, places.longitude_deg
    )
    theirs, _ = range_and_bearing(truth[:, 0], truth[:, 1], public[:, 0], public[:, 1])
    assert len(error) == 45
    cep, ce90 = np.median(error), np.percentile(error, 90)
    coverage = np.mean(error <= places.ce90_m)
    print(
        f"CEP {cep:.1f} m, CE90 {ce90:.1f} m; public tool {np.median(theirs):.1f}, "
        f"{np.percentile(theirs, 90):.1f} m; our CE90 covers {coverage:.0%}, "
        f"mean {places.ce90_m.mean():.1f} m"
    )
    assert cep <= 6.5
    assert ce90 <= 11.5
    assert np.median(theirs) > 1.5 * cep
    # More points, and photographs left out: test_thunderstorm.py.
    assert 0.88 <= coverage <= 0.92
    assert places.ce90_m.mean() < 12.0


def test_the_skydio_photograph(data_dir: Path) -> None:
    folder = data_dir / "photos" / "skydio"
    capture = read_capture((folder / "skydio-catilina.jpg").read_bytes())
    viewpoint = find_viewpoint(capture, TerrainSource(folder))
    assert isinstance(viewpoint, Viewpoint)
    sky, road, outside = georeference(
        viewpoint, np.array([[750.0, 10.0], [750.0, 600.0], [1501.0, 10.0]])
    )
    assert sky.outcome is Outcome.ABOVE_HORIZON
    assert sky.latitude_deg is None
    assert outside.outcome is Outcome.OUTSIDE_IMAGE
    assert road.outcome is Outcome.LOCATED
    assert road.latitude_deg is not None
    assert road.longitude_deg is not None
    distance, bearing = range_and_bearing(
        32.518935, -110.924547, road.latitude_deg, road.longitude_deg
    )
    # 18.8 degrees down from 52.6 m over ground that falls by some metres, to the south-east.
    assert 130 < float(distance) < 175
    assert float(bearing) == pytest.approx(127.4, abs=0.3)
    assert road.terrain == "dem:skydio-catilina-dem.tiff"


def test_a_pixel_and_its_place_are_each_others(data_dir: Path) -> None:
    folder = data_dir / "photos" / "skydio"
    capture = read_capture((folder / "skydio-catilina.jpg").read_bytes())
    viewpoint = find_viewpoint(capture, TerrainSource(folder))
    assert isinstance(viewpoint, Viewpoint)
    view = CameraView(viewpoint=viewpoint)
    pixels = np.array([[100.0, 500.0], [750.0, 800.0], [1400.0, 420.0]])
    points = view.locate(pixels)
    again = view.project(
        np.array([point.longitude_deg for point in points]),
        np.array([point.latitude_deg for point in points]),
    )
    np.testing.assert_allclose(again, pixels, atol=0.05)


def test_many_cameras_at_once_are_one_at_a_time() -> None:
    rng = np.random.default_rng(9)
    viewpoints = [
        stand(
            Pose(
                latitude_deg=rng.uniform(-60, 60),
                longitude_deg=rng.uniform(-180, 180),
                height_m=700.0,
                height_reference=HeightReference.HAE,
                yaw_deg=rng.uniform(0, 360),
                pitch_deg=rng.uniform(-90, 0),
                roll_deg=rng.uniform(-5, 5),
            ),
            CAMERA
            if index % 2
            else Intrinsics(
                width_px=640, height_px=512, fx_px=800, fy_px=800, cx_px=320, cy_px=256
            ),
            DEFAULT_SIGMAS,
            600.0 + index,
        )
        for index in range(12)
    ]
    station = rng.integers(0, 12, 200)
    pixels = rng.uniform(0, (640, 512), (200, 2))
    together = locate(viewpoints, station, pixels)
    outcomes = set()
    for index, (one, pixel) in enumerate(zip(station, pixels, strict=True)):
        alone = locate([viewpoints[one]], np.zeros(1, np.intp), pixel[None])
        outcomes.add(int(alone.code[0]))
        for name in ("code", "latitude_deg", "longitude_deg", "hae_m", "ce90_m"):
            np.testing.assert_allclose(
                getattr(together, name)[index], getattr(alone, name)[0], rtol=1e-9
            )
    assert len(outcomes) == 2


def test_no_pixels_no_points() -> None:
    pose = Pose(
        latitude_deg=1.0,
        longitude_deg=2.0,
        height_m=100.0,
        height_reference=HeightReference.HAE,
        yaw_deg=0.0,
        pitch_deg=-90.0,
        roll_deg=0.0,
    )
    assert georeference(stand(pose, CAMERA, DEFAULT_SIGMAS, 0.0), np.zeros((0, 2))) == ()


def test_exactly_known_ground_has_no_vertical_error() -> None:
    exact = Sigmas(
        horizontal_m=2.0,
        vertical_m=2.0,
        yaw_deg=1.0,
        pitch_deg=1.0,
        roll_deg=1.0,
        pixel_px=1.0,
        terrain_m=0.0,
    )
    rng = np.random.default_rng(10)
    for _ in range(20):
        pose = Pose(
            latitude_deg=rng.uniform(-80, 80),
            longitude_deg=rng.uniform(-180, 180),
            height_m=100.0,
            height_reference=HeightReference.HAE,
            yaw_deg=rng.uniform(0, 360),
            pitch_deg=rng.uniform(-90, -30),
            roll_deg=0.0,
        )
        points = georeference(stand(pose, CAMERA, exact, 0.0), rng.uniform(0, 3000, (50, 2)))
        assert all(point.outcome is Outcome.LOCATED for point in points)
        assert max(point.le90_m or 0.0 for point in points) < 0.1
