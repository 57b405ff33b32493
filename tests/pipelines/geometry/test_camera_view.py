"""Places to pixels and back, through the real camera and terrain."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.camera import Distortion, Intrinsics
from pipelines.capture import Capture
from pipelines.geometry.camera_view import CameraView
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.viewpoint import Viewpoint, find_viewpoint
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference, Pose, Sigmas
from tests.pipelines.analytic_frame import PlaneView

SIGMAS = Sigmas(
    horizontal_m=1.0,
    vertical_m=1.0,
    yaw_deg=0.5,
    pitch_deg=0.5,
    roll_deg=0.5,
    pixel_px=1.0,
    terrain_m=1.0,
)


def _view(pitch_deg: float, yaw_deg: float = 0.0, *, k1: float = 0.0) -> CameraView:
    pose = Pose(
        latitude_deg=33.2,
        longitude_deg=35.5,
        height_m=100.0,
        height_reference=HeightReference.ABOVE_GROUND,
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=0.0,
    )
    intrinsics = Intrinsics(
        width_px=800,
        height_px=600,
        fx_px=1000.0,
        fy_px=1000.0,
        cx_px=400.0,
        cy_px=300.0,
        distortion=Distortion(k1=k1),
    )
    capture = Capture(
        width_px=800,
        height_px=600,
        make=None,
        model=None,
        captured_at=None,
        pose=pose,
        relative_height_m=None,
        intrinsics=intrinsics,
        sigmas=SIGMAS,
        outcome=Outcome.LOCATED,
        findings=(),
    )
    viewpoint = find_viewpoint(capture, TerrainSource(None))
    assert isinstance(viewpoint, Viewpoint)
    return CameraView(viewpoint=viewpoint)


@pytest.mark.parametrize(("pitch_deg", "yaw_deg"), [(-90.0, 20.0), (-40.0, 250.0), (-25.0, 0.0)])
def test_it_projects_as_a_pinhole_over_a_plane_does(pitch_deg: float, yaw_deg: float) -> None:
    plane = PlaneView(pitch_deg=pitch_deg, yaw_deg=yaw_deg)
    view = _view(pitch_deg, yaw_deg)
    pixels = np.array([[30.0, 590.0], [400.0, 300.0], [700.0, 350.0]])
    points = plane.locate(pixels)
    found = view.project(
        np.array([point.longitude_deg for point in points]),
        np.array([point.latitude_deg for point in points]),
    )
    # The Earth curves away from the plane by 4 mm in 230 m, and a geodesic is no straight line.
    assert found == pytest.approx(pixels, abs=0.05)


def test_locate_undoes_project_with_distortion() -> None:
    view = _view(-50.0, 110.0, k1=-0.12)
    pixels = np.array([[10.0, 10.0], [790.0, 20.0], [400.0, 580.0]])
    points = view.locate(pixels)
    back = view.project(
        np.array([point.longitude_deg for point in points]),
        np.array([point.latitude_deg for point in points]),
    )
    assert back == pytest.approx(pixels, abs=1e-3)


def test_what_is_behind_the_camera_shows_nowhere() -> None:
    view = _view(-20.0, 0.0)
    assert np.isnan(view.project(np.array([35.5]), np.array([33.19]))).all()


def test_people_stand_lower_in_their_boxes_than_vehicles() -> None:
    view = _view(-45.0, 0.0)
    boxes = np.array([[380, 260, 420, 340]] * 2, np.float32)
    person, vehicle = view.place_boxes(boxes, ("person", "car"))
    top, bottom = view.locate(np.array([[400.0, 300.0], [400.0, 340.0]]))
    # North is up the image: the lower in the box, the nearer, so the further south.
    places = [p.latitude_deg or math.nan for p in (bottom, person, vehicle, top)]
    assert places == sorted(places)
    assert len(set(places)) == 4


def test_no_boxes() -> None:
    assert _view(-45.0).place_boxes(np.zeros((0, 4), np.float32), ()) == ()
