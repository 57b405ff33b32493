"""The camera model by its properties, and against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.camera import (
    Distortion,
    Intrinsics,
    distort,
    domain_radius,
    ideal_per_pixel,
    ned_from_camera,
    project,
    undistort,
    unproject,
)

# Lenses of real drones: Skydio 2, Skydio X2 (thunderstorm), DJI FC300S (DroneModels), none.
LENSES = [
    Distortion(k1=0.124826, k2=-0.233427, k3=0.098182),
    Distortion(k1=-0.077582, k2=0.197062, k3=-0.06815, p1=0.001172, p2=0.000239),
    Distortion(k1=-0.132438, k2=0.111056, p1=0.00011023, p2=0.000114239, k3=-0.0158256),
    Distortion(),
]


def camera_with(lens: Distortion) -> Intrinsics:
    return Intrinsics(
        width_px=4000,
        height_px=3000,
        fx_px=3100.0,
        fy_px=3080.0,
        cx_px=2013.0,
        cy_px=1490.0,
        distortion=lens,
    )


@settings(max_examples=200, deadline=None)
@given(
    lens=st.sampled_from(LENSES),
    x=st.floats(0, 4000),
    y=st.floats(0, 3000),
    depth=st.floats(0.1, 1e5),
)
def test_project_undoes_unproject(lens: Distortion, x: float, y: float, depth: float) -> None:
    camera = camera_with(lens)
    pixels = np.array([[x, y]])
    ray = unproject(pixels, camera)
    assert np.linalg.norm(ray) == pytest.approx(1.0)
    np.testing.assert_allclose(project(ray * depth, camera), pixels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("lens", LENSES)
def test_projection_is_opencvs(lens: Distortion) -> None:
    camera = camera_with(lens)
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(-0.6, 0.6, (500, 2)), np.ones(500)]) * 40.0
    matrix = np.array([[3100.0, 0, 2013.0], [0, 3080.0, 1490.0], [0, 0, 1]])
    coefficients = np.array([lens.k1, lens.k2, lens.p1, lens.p2, lens.k3])
    theirs, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, coefficients)
    np.testing.assert_allclose(project(points, camera), theirs[:, 0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("lens", LENSES)
def test_undistortion_is_opencvs(lens: Distortion) -> None:
    rng = np.random.default_rng(2)
    distorted = rng.uniform(-0.5, 0.5, (500, 2))
    coefficients = np.array([lens.k1, lens.k2, lens.p1, lens.p2, lens.k3])
    theirs = cv2.undistortPointsIter(
        distorted[:, None],
        np.eye(3),
        coefficients,
        np.eye(3),
        np.eye(3),
        (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-15),
    )
    np.testing.assert_allclose(undistort(distorted, lens), theirs[:, 0], rtol=0, atol=1e-9)


def test_a_lens_has_an_edge_beyond_which_nothing_is_told() -> None:
    barrel = Distortion(k1=-0.3)
    # d(r - 0.3 r^3)/dr = 0.
    assert domain_radius(barrel) == pytest.approx(np.sqrt(1 / 0.9))
    edge = domain_radius(barrel)
    highest = edge - 0.3 * edge**3
    inside = undistort(np.array([[highest * 0.999, 0.0]]), barrel)
    np.testing.assert_allclose(distort(inside, barrel), [[highest * 0.999, 0.0]], atol=1e-11)
    assert np.isnan(undistort(np.array([[highest * 1.01, 0.0]]), barrel)).all()
    # A direction far outside the view must not be folded back into the image.
    camera = camera_with(barrel)
    assert np.isnan(project(np.array([[1.5, 0.0, 1.0]]), camera)).all()


def test_what_is_behind_the_camera_is_not_seen() -> None:
    points = np.array([[0.0, 0.0, -5.0], [0.1, 0.1, 0.0], [0.0, 0.0, 5.0]])
    pixels = project(points, camera_with(Distortion()))
    assert np.isnan(pixels[:2]).all()
    np.testing.assert_allclose(pixels[2], [2013.0, 1490.0])


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "right", "down", "forward"),
    [
        # The convention in words, as north, east, down.
        (0, 0, 0, (0, 1, 0), (0, 0, 1), (1, 0, 0)),
        (90, 0, 0, (-1, 0, 0), (0, 0, 1), (0, 1, 0)),
        (0, -90, 0, (0, 1, 0), (-1, 0, 0), (0, 0, 1)),
        (0, 0, 90, (0, 0, 1), (0, -1, 0), (1, 0, 0)),
        (90, -90, 0, (-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    ],
)
def test_the_pose_convention(
    yaw: float,
    pitch: float,
    roll: float,
    right: tuple[int, ...],
    down: tuple[int, ...],
    forward: tuple[int, ...],
) -> None:
    expected = np.column_stack([right, down, forward])
    np.testing.assert_allclose(ned_from_camera(yaw, pitch, roll), expected, atol=1e-15)


@settings(max_examples=50, deadline=None)
@given(yaw=st.floats(-180, 180), pitch=st.floats(-90, 90), roll=st.floats(-180, 180))
def test_attitude_is_three_turns_in_the_order_of_the_convention(
    yaw: float, pitch: float, roll: float
) -> None:
    def turn(axis: list[float], angle_deg: float) -> NDArray[np.float64]:
        matrix: NDArray[np.float64] = cv2.Rodrigues(np.array(axis) * np.radians(angle_deg))[0]
        return matrix

    # Intrinsic turns about down, right and forward, then the camera's own axes.
    body = turn([0, 0, 1], yaw) @ turn([0, 1, 0], pitch) @ turn([1, 0, 0], roll)
    expected = body @ np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(ned_from_camera(yaw, pitch, roll), expected, atol=1e-12)


@pytest.mark.parametrize("lens", LENSES)
def test_what_a_pixel_spans_is_the_difference_of_its_neighbours_rays(lens: Distortion) -> None:
    camera = camera_with(lens)
    rng = np.random.default_rng(7)
    pixels = rng.uniform((100, 100), (3900, 2900), (200, 2))
    gain = ideal_per_pixel(unproject(pixels, camera), camera)

    def ideal(moved: NDArray[np.float64]) -> NDArray[np.float64]:
        rays = unproject(moved, camera)
        return rays[:, :2] / rays[:, 2:]

    for axis, step in enumerate(np.eye(2) * 0.01):
        difference = (ideal(pixels + step) - ideal(pixels - step)) / 0.02
        np.testing.assert_allclose(gain[:, :, axis], difference, rtol=1e-5, atol=1e-10)
    if lens != Distortion():
        spans = np.sqrt(np.abs(np.linalg.det(gain))) * 3090.0
        # Not a pinhole's: that would be one everywhere.
        assert np.ptp(spans) > 0.01
