"""Where boxes of upright cylinders touch the ground, by projecting the cylinders."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.camera import Intrinsics, ned_from_camera, project
from pipelines.geometry.camera_height import Unlocatable, decide_height
from pipelines.geometry.contact import contact_pixels
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import georeference
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference, Pose

CAMERA = Intrinsics(width_px=4000, height_px=3000, fx_px=3000, fy_px=3000, cx_px=2000, cy_px=1500)


def viewpoint_of(pitch: float, roll: float = 0.0) -> Viewpoint:
    pose = Pose(
        latitude_deg=0.0,
        longitude_deg=0.0,
        height_m=100.0,
        height_reference=HeightReference.ABOVE_GROUND,
        yaw_deg=0.0,
        pitch_deg=pitch,
        roll_deg=roll,
    )
    height = decide_height(stated_heights(pose, DEFAULT_SIGMAS), TerrainSource(None))
    viewpoint = set_up(pose, CAMERA, DEFAULT_SIGMAS, height)
    assert not isinstance(viewpoint, Unlocatable)
    return viewpoint


@pytest.mark.parametrize("pitch", [-90.0, -75.0, -60.0, -45.0, -30.0, -20.0])
@pytest.mark.parametrize("aside", [-20.0, 0.0, 25.0])
def test_the_contact_is_the_middle_of_the_foot(pitch: float, aside: float) -> None:
    radius, height = 2.0, 2.0
    north = 100.0 / np.tan(np.radians(-pitch)) if pitch > -89 else 10.0
    turn = np.linspace(0, 2 * np.pi, 90)
    ring = np.stack([north + radius * np.cos(turn), aside + radius * np.sin(turn)], axis=1)
    ned = np.concatenate(
        [
            np.column_stack([ring, np.full(90, 100.0)]),
            np.column_stack([ring, np.full(90, 100.0 - height)]),
        ]
    )
    rotation = ned_from_camera(0.0, pitch, 0.0)
    outline = project(ned @ rotation, CAMERA)
    foot = project(np.array([[north, aside, 100.0]]) @ rotation, CAMERA)[0]
    box = np.concatenate([outline.min(axis=0), outline.max(axis=0)])
    (contact,), _ = contact_pixels(box[None], viewpoint_of(pitch))
    size = box[2:] - box[:2]
    # A twelfth of the box: beside the middle line the box of a leaning cylinder is wider than it.
    assert np.abs(contact - foot).max() <= size.max() / 12


def test_level_it_is_the_bottom_and_down_it_is_the_middle() -> None:
    box = np.array([[1990.0, 1480.0, 2010.0, 1520.0]])
    (level,), _ = contact_pixels(box, viewpoint_of(-0.01))
    np.testing.assert_allclose(level, [2000.0, 1520.0], atol=0.1)
    (nadir,), _ = contact_pixels(box, viewpoint_of(-90.0))
    np.testing.assert_allclose(nadir, [2000.0, 1500.0], atol=1e-6)
    # Rolled by a quarter turn, right side down: down is to the right.
    (rolled,), _ = contact_pixels(box, viewpoint_of(-0.01, roll=90.0))
    np.testing.assert_allclose(rolled, [2010.0, 1500.0], atol=0.1)


def test_larger_boxes_are_less_certain() -> None:
    viewpoint = viewpoint_of(-45.0)
    boxes = np.array([[100, 100, 110, 110], [100, 100, 400, 200]], np.float32)
    pixels, sigma = contact_pixels(boxes, viewpoint)
    assert (sigma[1] > sigma[0]).all()
    assert (sigma >= DEFAULT_SIGMAS.pixel_px).all()
    small, large = georeference(viewpoint, pixels, sigma)
    assert small.outcome is large.outcome is Outcome.LOCATED
    assert large.ce90_m is not None
    assert small.ce90_m is not None


def test_a_box_over_the_edge_keeps_its_contact_in_the_image() -> None:
    (pixel,), _ = contact_pixels(np.array([[3900.0, 2950.0, 4010.0, 3020.0]]), viewpoint_of(-20.0))
    assert (pixel <= (4000, 3000)).all()
