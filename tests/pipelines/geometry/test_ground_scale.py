"""Scales and skipped places against the trigonometry of a camera over flat ground."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pyproj import Geod

from models.detector import DetectionParameters, DetectorIdentity
from pipelines.camera import Intrinsics
from pipelines.geometry.camera_height import decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.ground_scale import (
    CAR_M,
    OUT_OF_REACH,
    SKY,
    TOO_FAR,
    plan_frame,
    scale_field,
)
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.reach import reach
from pipelines.threats.rules.rule import DEFAULT_RULE

GEOD = Geod(ellps="WGS84")
FOCAL_PX, WIDTH_PX, HEIGHT_PX = 2000.0, 3000, 2000
BEST = (28, 220)
MODEL = DetectorIdentity(
    name="m", engine="test", sha256={}, categories=("car",), input_px=640, car_px=BEST
)


def camera(height_m: float, pitch_deg: float) -> Viewpoint:
    pose = Pose(
        latitude_deg=10.0,
        longitude_deg=20.0,
        height_m=height_m,
        height_reference=HeightReference.ABOVE_GROUND,
        yaw_deg=0.0,
        pitch_deg=pitch_deg,
        roll_deg=0.0,
    )
    viewpoint = set_up(
        pose,
        Intrinsics(
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            fx_px=FOCAL_PX,
            fy_px=FOCAL_PX,
            cx_px=WIDTH_PX / 2,
            cy_px=HEIGHT_PX / 2,
        ),
        DEFAULT_SIGMAS,
        decide_height(stated_heights(pose, DEFAULT_SIGMAS), TerrainSource(None)),
    )
    assert isinstance(viewpoint, Viewpoint)
    return viewpoint


def post(metres_north: float, **changed: Any) -> Position:
    longitude, latitude, _ = GEOD.fwd(20.0, 10.0, 0.0, metres_north)
    return Position(
        position_id="post",
        display_name="Post",
        kind=PositionKind.POST,
        latitude_deg=latitude,
        longitude_deg=longitude,
        **changed,
    )


@pytest.mark.parametrize(
    ("height_m", "scale"),
    [
        # A car of 4.5 m is 4.5 * 2000 / height pixels long straight down.
        (600.0, 2.0),  # 15: two times 15 is the nearest to 28 that is offered
        (200.0, 1.0),  # 45
        (45.0, 1.0),  # 200
        (25.0, 0.5),  # 360 becomes 180
        (12.0, 0.25),  # 750 becomes 188
    ],
)
def test_straight_down_one_scale_brings_a_car_to_what_the_model_likes(
    height_m: float, scale: float
) -> None:
    field = scale_field(camera(height_m, -90.0), car_px=BEST)
    assert np.unique(field.scale).tolist() == [scale]
    assert field.unsearched == {}
    assert np.allclose(field.object_px, 12.0 * FOCAL_PX / height_m, rtol=2e-3)


def test_aslant_the_scale_grows_to_the_horizon_and_the_sky_is_left_out() -> None:
    height_m, pitch_deg = 60.0, -15.0
    field = scale_field(camera(height_m, pitch_deg), car_px=BEST)
    middle = (np.arange(field.scale.shape[0]) + 0.5) * field.cell_px - HEIGHT_PX / 2
    depression = np.degrees(np.arctan(middle / FOCAL_PX)) - pitch_deg
    for row in range(field.scale.shape[0]):
        if depression[row] > 3.0:
            # Along the optical axis: height / sin(depression) * cos(angle off the axis).
            off = math.radians(depression[row] + pitch_deg)
            depth = height_m / math.sin(math.radians(depression[row])) * math.cos(off)
            car = CAR_M * FOCAL_PX / depth
            if abs(car / BEST[0] - 1) < 0.1:  # cells straddle where the scale changes
                continue
            assert set(field.scale[row]) == {2.0 if car < BEST[0] else 1.0}, row
    # The picture reaches 12 degrees above the horizon; well above three sigmas of pitch is sky.
    sigma = DEFAULT_SIGMAS.pitch_deg
    assert (field.scale[depression < -3 * sigma - 3.0] == 0).all()
    above = math.tan(math.radians(-pitch_deg)) * FOCAL_PX
    assert field.unsearched[SKY] <= (HEIGHT_PX / 2 - above) / HEIGHT_PX
    assert field.unsearched[SKY] > 0.1
    assert TOO_FAR in field.unsearched
    # Everything is looked at where that is asked.
    assert (scale_field(camera(height_m, pitch_deg), car_px=BEST, everywhere=True).scale > 0).all()


def test_nothing_a_rule_could_weigh_is_left_out() -> None:
    """Every place of the frame is held against the plain distance on the ground."""
    viewpoint = camera(100.0, -90.0)  # 150 x 100 m of ground
    # Its radius ends 20 m short of the southern edge of the frame.
    near = post(-50.0 - 300.0 + 20.0, radius_m=300.0)
    field = scale_field(viewpoint, car_px=BEST, discs=reach([near], [DEFAULT_RULE]))
    rows = (np.arange(field.scale.shape[0]) + 0.5) * field.cell_px
    metres_north = (HEIGHT_PX / 2 - rows) * 100.0 / FOCAL_PX
    assert (field.scale[metres_north < -30.0] > 0).all()
    far = post(5000.0, radius_m=300.0)
    nothing = scale_field(viewpoint, car_px=BEST, discs=reach([far], [DEFAULT_RULE]))
    assert (nothing.scale == 0).all()
    assert nothing.unsearched == {OUT_OF_REACH: 1.0}
    unsure = post(5000.0, radius_m=300.0, sigma_m=600.0)
    assert (
        scale_field(viewpoint, car_px=BEST, discs=reach([unsure], [DEFAULT_RULE])).scale > 0
    ).all()
    assert reach([], [DEFAULT_RULE]) is None


def test_a_frame_that_nothing_is_looked_for_in_has_no_tiles() -> None:
    parameters = DetectionParameters()
    size = (WIDTH_PX, HEIGHT_PX)
    discs = reach([post(5000.0)], [DEFAULT_RULE])
    plan = plan_frame(camera(100.0, -90.0), size, MODEL, parameters, discs)
    assert len(plan.views) == 0
    assert plan.skipped == plan.full_scale == 6 * 4
    everywhere = plan_frame(
        camera(100.0, -90.0), size, MODEL, DetectionParameters(everywhere=True), discs
    )
    # A truck of 12 m is 240 pixels long: tiles share it, so that they are 400 apart.
    assert (everywhere.scale == 1.0).sum() == 7 * 5


def test_without_a_pose_all_of_a_large_frame_is_looked_at_at_two_scales() -> None:
    width, height = 8000, 6000
    plan = plan_frame(None, (width, height), MODEL, DetectionParameters())
    assert sorted(set(plan.scale.tolist())) == [0.5, 1.0]
    for scale in (0.5, 1.0):
        seen = np.zeros((height, width), np.bool_)
        for left, top, right, bottom in plan.views[plan.scale == scale]:
            seen[top:bottom, left:right] = True
        assert seen.all()


def test_a_pose_of_another_image_is_no_scale() -> None:
    # Metadata of the sensor's size in a file that was resized later.
    plan = plan_frame(camera(12.0, -90.0), (1500, 1000), MODEL, DetectionParameters())
    assert plan.demand is None
    assert set(plan.scale.tolist()) == {0.5, 1.0}


def test_the_far_field_of_an_oblique_frame_is_magnified_and_the_near_field_reduced() -> None:
    height_m, pitch_deg = 20.0, -20.0
    plan = plan_frame(
        camera(height_m, pitch_deg), (WIDTH_PX, HEIGHT_PX), MODEL, DetectionParameters()
    )
    found = set()
    for row in range(100, HEIGHT_PX, 25):
        # Along the optical axis a car on flat ground is 4.5 m * f / depth long.
        off = math.atan((row - HEIGHT_PX / 2) / FOCAL_PX)
        depth = height_m / math.sin(off - math.radians(pitch_deg)) * math.cos(off)
        car = CAR_M * FOCAL_PX / depth
        if min(abs(car / limit - 1) for limit in BEST) < 0.15:
            continue
        wanted = 2.0 if car < BEST[0] else 0.5 if car > BEST[1] else 1.0
        shown = (
            (plan.views[:, :2] <= (WIDTH_PX / 2, row)) & (plan.views[:, 2:] > (WIDTH_PX / 2, row))
        ).all(axis=1)
        assert wanted in plan.scale[shown & (plan.least_px == 0)].tolist(), row
        found.add(wanted)
        # Nothing near is magnified.
        assert not ((plan.scale > 1.0) & shown).any() or car < 3 * BEST[0]
    assert found == {0.5, 1.0, 2.0}
