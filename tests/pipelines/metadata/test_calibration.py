from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.camera import Distortion, Intrinsics, project
from pipelines.metadata.calibration import Calibration, fit, from_film_equivalent

SENSOR = Intrinsics(
    width_px=4000,
    height_px=3000,
    fx_px=3000.0,
    fy_px=2990.0,
    cx_px=2010.0,
    cy_px=1490.0,
    distortion=Distortion(k1=-0.1, k2=0.02),
)
CALIBRATION = Calibration(intrinsics=SENSOR, focal_sigma=0.001, source="test")
POINT = np.array([[0.1, -0.15, 1.0]])


def fitted(shot: tuple[int, int], file: tuple[int, int], zoom: float = 1.0) -> Intrinsics:
    calibration, _ = fit(CALIBRATION, shot=shot, file=file, zoom=zoom)
    assert calibration is not None
    inner = calibration.intrinsics
    assert (inner.width_px, inner.height_px) == file
    return inner


def test_a_crop_moves_a_point_by_the_rows_cut_off() -> None:
    whole = project(POINT, SENSOR)[0]
    strip = project(POINT, fitted((4000, 2250), (4000, 2250)))[0]
    assert strip == pytest.approx(whole - [0, 375])


def test_a_resize_scales_a_point_from_the_corner() -> None:
    whole = project(POINT, SENSOR)[0]
    half = project(POINT, fitted((4000, 3000), (2000, 1500)))[0]
    assert half == pytest.approx(whole / 2)


def test_crop_in_the_camera_then_resize_of_the_file() -> None:
    whole = project(POINT, SENSOR)[0]
    small = project(POINT, fitted((4000, 2250), (1000, 563)))[0]
    assert small == pytest.approx((whole - [0, 375]) * [1000 / 4000, 563 / 2250])


def test_digital_zoom_enlarges_about_the_centre() -> None:
    whole = project(POINT, SENSOR)[0]
    zoomed = project(POINT, fitted((4000, 3000), (4000, 3000), zoom=2.0))[0]
    centre = np.array([2000.0, 1500.0])
    assert zoomed == pytest.approx(centre + 2 * (whole - centre))


@pytest.mark.parametrize(
    ("file", "code"), [((3000, 3000), "IMAGE_CROPPED"), ((3000, 4000), "IMAGE_TURNED")]
)
def test_a_later_crop_or_turn_has_no_known_camera(file: tuple[int, int], code: str) -> None:
    calibration, findings = fit(CALIBRATION, shot=(4000, 3000), file=file, zoom=1.0)
    assert calibration is None
    assert [finding.code for finding in findings] == [code]


def test_an_upright_picture_of_a_wide_sensor_has_no_known_camera() -> None:
    calibration, findings = fit(CALIBRATION, shot=(2250, 4000), file=(2250, 4000), zoom=1.0)
    assert calibration is None
    assert [finding.code for finding in findings] == ["SENSOR_TURNED"]


def test_the_film_equivalent_keeps_the_diagonal_field_of_view() -> None:
    inner = from_film_equivalent(24.0, 5472, 3648).intrinsics
    ours = math.atan(math.hypot(5472, 3648) / 2 / inner.fx_px)
    film = math.atan(math.hypot(36, 24) / 2 / 24.0)
    assert ours == pytest.approx(film)
    # DJI's FC6310 has 8.8 mm and pixels of 2.41 micrometres.
    assert inner.fx_px == pytest.approx(8.8 / 0.00241, rel=0.03)


@pytest.mark.parametrize(
    ("focal_35mm", "size", "true_px"),
    [
        (20.0, (4000, 2250), 3.61 / (6.3175 / 4000)),  # DJI FC300S by its pixel size
        (21.0, (4056, 2282), 2377.7),  # Skydio 2 by its own calibration
    ],
)
def test_a_wide_picture_is_taken_as_a_strip_of_the_sensor(
    focal_35mm: float, size: tuple[int, int], true_px: float
) -> None:
    found = from_film_equivalent(focal_35mm, *size)
    assert found.intrinsics.fx_px == pytest.approx(true_px, rel=found.focal_sigma)
