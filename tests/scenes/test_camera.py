from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scenes.camera import Camera, View, Viewpoint
from scenes.frame import LocalFrame
from scenes.outpost import phantom

FRAME = LocalFrame(latitude_deg=46.84, longitude_deg=-91.99, hae_m=180.0)
LENS = replace(phantom(2736), distortion=(-0.0721472, 0.0430563, 0.00046862, 0.00025912, 0.0272348))


def hanging(yaw: float, pitch: float, roll: float = 0.0, up: float = 80.0) -> Viewpoint:
    latitude, longitude, hae = (float(value) for value in FRAME.to_geodetic([0.0, 0.0, up]))
    return Viewpoint(
        latitude_deg=latitude,
        longitude_deg=longitude,
        hae_m=hae,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
    )


def world_to_camera(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Rodrigues turns about down, right and forward of the camera, in that order, by OpenCV."""
    # Rows right, down, forward of a level camera that looks north, in east, north, up.
    axes = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    for row, angle in ((1, yaw), (0, pitch), (2, roll)):
        turn, _ = cv2.Rodrigues(axes[row] * np.radians(angle))
        axes = axes @ turn.T
    return axes


@given(
    yaw=st.floats(-180, 360),
    pitch=st.floats(-90, 10),
    roll=st.floats(-40, 40),
    east=st.floats(-60, 60),
    north=st.floats(-60, 60),
)
def test_projects_as_opencv_does(
    yaw: float, pitch: float, roll: float, east: float, north: float
) -> None:
    view = View(LENS, hanging(yaw, pitch, roll), FRAME)
    point = np.array([east, north, 1.0])
    pixel, depth = view.project(point)
    rotation = world_to_camera(yaw, pitch, roll)
    local = rotation @ (point - [0, 0, 80.0])
    assert float(depth) == pytest.approx(local[2], abs=1e-6)
    if local[2] < 5 or np.hypot(*local[:2]) > local[2]:
        return
    inner = np.array([[LENS.fx_px, 0, LENS.cx_px], [0, LENS.fy_px, LENS.cy_px], [0, 0, 1.0]])
    k1, k2, p1, p2, k3 = LENS.distortion
    expected, _ = cv2.projectPoints(
        point.reshape(1, 3),
        cv2.Rodrigues(rotation)[0],
        -rotation @ np.array([0, 0, 80.0]),
        inner,
        np.array([k1, k2, p1, p2, k3]),
    )
    assert pixel == pytest.approx(expected.ravel(), abs=1e-4)


def test_a_camera_with_all_angles_zero_looks_north_with_east_on_its_right() -> None:
    view = View(phantom(), hanging(0.0, 0.0), FRAME)
    ahead, _ = view.project([0.0, 50.0, 80.0])
    right, _ = view.project([5.0, 50.0, 80.0])
    below, _ = view.project([0.0, 50.0, 75.0])
    assert ahead == pytest.approx([1024.0, 682.5], abs=0.1)
    assert right[0] > ahead[0]
    assert below[1] > ahead[1]


def test_straight_down_the_yaw_is_where_the_top_of_the_picture_points() -> None:
    view = View(phantom(), hanging(90.0, -90.0), FRAME)
    east, _ = view.project([10.0, 0.0, 0.0])
    south, _ = view.project([0.0, -10.0, 0.0])
    ten_metres = 10.0 * phantom().fx_px / 80.0
    assert east == pytest.approx([1024.0, 682.5 - ten_metres], abs=0.01)
    assert south == pytest.approx([1024.0 + ten_metres, 682.5], abs=0.01)


def test_a_positive_roll_takes_the_right_side_down() -> None:
    view = View(phantom(), hanging(0.0, 0.0, 10.0), FRAME)
    level_right, _ = view.project([20.0, 50.0, 80.0])
    assert level_right[1] < 682.5


@given(x=st.floats(0, 2736), y=st.floats(0, 1824), yaw=st.floats(0, 360), pitch=st.floats(-90, 0))
def test_rays_undo_projection(x: float, y: float, yaw: float, pitch: float) -> None:
    view = View(LENS, hanging(yaw, pitch), FRAME)
    point = view.viewpoint.place_in(FRAME) + 75.0 * view.rays([x, y])
    assert view.project(point)[0] == pytest.approx([x, y], abs=1e-3)


def test_a_camera_far_from_the_scenes_middle_keeps_its_own_vertical() -> None:
    # 10 km north, straight down is turned by 10 km over the earth's radius.
    far = Viewpoint(
        latitude_deg=46.93, longitude_deg=-91.99, hae_m=260.0, yaw_deg=0.0, pitch_deg=-90.0
    )
    axis = far.axes_in(FRAME)[:, 2]
    assert axis[1] == pytest.approx(-np.sin(np.radians(0.09)), abs=1e-9)


def test_behind_the_camera_is_told() -> None:
    view = View(phantom(), hanging(0.0, 0.0), FRAME)
    pixel, depth = view.project([0.0, -10.0, 80.0])
    assert float(depth) < 0
    assert np.isnan(pixel).all()


def test_camera_figures_are_those_of_a_phantom_4_rtk() -> None:
    camera: Camera = phantom(5472)
    assert (camera.width_px, camera.height_px) == (5472, 3648)
    # 8.8 mm at the 2.4 micrometres of its one-inch sensor.
    assert camera.fx_px == pytest.approx(8.8 / 0.0024, rel=1e-4)
