from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.camera import ned_from_camera
from pipelines.metadata.pose_check import DEFAULT_SIGMAS, check_pose
from pipelines.metadata.telemetry import AbsoluteHeight, Attitude, Telemetry
from pipelines.outcome import Outcome, Severity
from pipelines.pose import HeightReference

GOOD = Telemetry(
    latitude_deg=10.0,
    longitude_deg=20.0,
    attitude=Attitude(yaw_deg=30.0, pitch_deg=-45.0, roll_deg=0.5),
    relative_height_m=80.0,
)


def codes(telemetry: Telemetry) -> list[str]:
    return [finding.code for finding in check_pose(telemetry).findings]


def test_a_good_pose_passes_unchanged() -> None:
    checked = check_pose(GOOD)
    assert checked.outcome is Outcome.LOCATED
    assert checked.findings == ()
    assert checked.pose is not None
    assert checked.pose.height_reference is HeightReference.ABOVE_GROUND
    assert checked.sigmas == DEFAULT_SIGMAS


def attitude(yaw: float, pitch: float, roll: float) -> Telemetry:
    return replace(GOOD, attitude=Attitude(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll))


@pytest.mark.parametrize(("yaw", "roll"), [(30.0, 180.0), (-170.0, -180.0), (170.0, 179.5)])
def test_a_flipped_gimbal_is_the_same_camera_at_nadir(yaw: float, roll: float) -> None:
    checked = check_pose(attitude(yaw, -90.0, roll))
    assert [finding.code for finding in checked.findings] == ["GIMBAL_FLIPPED"]
    pose = checked.pose
    assert pose is not None
    assert pose.roll_deg == 0.0
    assert -180.0 <= pose.yaw_deg <= 180.0
    # Straight down, the repaired rotation is the reported one, to the half degree of roll.
    reported = ned_from_camera(yaw, -90.0, math.copysign(180.0, roll))
    repaired = ned_from_camera(pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    assert np.allclose(reported, repaired, atol=1e-9)


def test_a_flip_off_nadir_widens_the_pitch() -> None:
    checked = check_pose(attitude(30.0, -86.0, 180.0))
    assert checked.sigmas.pitch_deg == pytest.approx(math.hypot(DEFAULT_SIGMAS.pitch_deg, 4.0))


@pytest.mark.parametrize(
    ("telemetry", "outcome", "code"),
    [
        (replace(GOOD, latitude_deg=None), Outcome.NO_POSITION, "NO_POSITION"),
        (
            replace(GOOD, latitude_deg=0.0, longitude_deg=0.0),
            Outcome.NO_POSITION,
            "POSITION_ZERO",
        ),
        (replace(GOOD, latitude_deg=91.0), Outcome.POSE_REJECTED, "POSITION_OUT_OF_RANGE"),
        (replace(GOOD, attitude=None), Outcome.NO_ATTITUDE, "NO_ATTITUDE"),
        (attitude(0.0, 0.0, 0.0), Outcome.NO_ATTITUDE, "ATTITUDE_NOT_REPORTED"),
        (attitude(400.0, -45.0, 0.0), Outcome.POSE_REJECTED, "ATTITUDE_OUT_OF_RANGE"),
        (attitude(30.0, -45.0, 180.0), Outcome.POSE_REJECTED, "CAMERA_UPSIDE_DOWN"),
        (replace(GOOD, relative_height_m=None), Outcome.NO_HEIGHT, "NO_HEIGHT"),
        (replace(GOOD, relative_height_m=-20.0), Outcome.NO_HEIGHT, "HEIGHT_UNBELIEVABLE"),
        (replace(GOOD, relative_height_m=1e6), Outcome.NO_HEIGHT, "HEIGHT_UNBELIEVABLE"),
    ],
)
def test_what_cannot_be_believed_is_named_and_not_located(
    telemetry: Telemetry, outcome: Outcome, code: str
) -> None:
    checked = check_pose(telemetry)
    assert checked.outcome is outcome
    assert checked.pose is None
    assert code in codes(telemetry)
    assert any(finding.severity is Severity.ERROR for finding in checked.findings)


def test_an_absolute_height_stands_in_with_its_own_error() -> None:
    absolute = AbsoluteHeight(height_m=500.0, reference=HeightReference.MSL, sigma_m=15.0)
    checked = check_pose(replace(GOOD, relative_height_m=-3.0, absolute_height=absolute))
    assert checked.pose is not None
    assert (checked.pose.height_m, checked.sigmas.vertical_m) == (500.0, 15.0)
    assert checked.pose.height_reference is HeightReference.MSL
    zero = replace(absolute, height_m=0.0)
    assert "ALTITUDE_UNBELIEVABLE" in codes(replace(GOOD, absolute_height=zero))


def test_a_level_camera_that_looks_north_is_not_taken_for_silence() -> None:
    assert check_pose(attitude(0.0, 0.0, 0.1)).outcome is Outcome.LOCATED


# --- faults that a file can have besides the above: each with the control without it --------------


def outcome(telemetry: Telemetry, **more: Any) -> tuple[Outcome, list[str]]:
    checked = check_pose(telemetry, **more)
    return checked.outcome, [finding.code for finding in checked.findings]


@pytest.mark.parametrize("height_m", [0.0, 1.2, -1.4])
def test_a_picture_at_the_height_of_take_off_was_taken_on_the_ground(height_m: float) -> None:
    absolute = AbsoluteHeight(height_m=500.0, reference=HeightReference.MSL, sigma_m=15.0)
    grounded = replace(GOOD, relative_height_m=height_m, absolute_height=absolute)
    assert outcome(grounded) == (Outcome.POSE_REJECTED, ["ON_THE_GROUND"])
    assert check_pose(grounded).pose is None
    flying = replace(grounded, relative_height_m=1.6)
    assert outcome(flying) == (Outcome.LOCATED, [])


def test_rtk_tells_the_height_of_an_aircraft_level_with_its_take_off() -> None:
    absolute = AbsoluteHeight(height_m=500.0, reference=HeightReference.HAE, sigma_m=0.03)
    checked = check_pose(replace(GOOD, relative_height_m=0.5, absolute_height=absolute))
    assert checked.outcome is Outcome.LOCATED
    assert checked.pose is not None
    assert (checked.pose.height_m, checked.sigmas.vertical_m) == (500.0, 0.03)
    assert [finding.code for finding in checked.findings] == ["ON_THE_GROUND"]


@pytest.mark.parametrize(
    ("latitude", "longitude", "code"),
    [
        (0.0, 20.0, "POSITION_ZERO"),
        (10.0, 0.0, "POSITION_ZERO"),
        (5e-5, -5e-5, "POSITION_ZERO"),
        (1e-6, 20.0, None),
        (10.0, -1e-6, None),
    ],
)
def test_half_a_position_is_none(latitude: float, longitude: float, code: str | None) -> None:
    told = replace(GOOD, latitude_deg=latitude, longitude_deg=longitude)
    expected = (Outcome.LOCATED, []) if code is None else (Outcome.NO_POSITION, [code])
    assert outcome(told) == expected


def test_two_positions_in_one_file_must_agree() -> None:
    near, far = (10.0002, 20.0003), (10.001, 20.0)
    assert outcome(GOOD, elsewhere=near) == (Outcome.LOCATED, [])
    assert outcome(GOOD, elsewhere=(None, 20.0)) == (Outcome.LOCATED, [])
    assert outcome(GOOD, elsewhere=far) == (Outcome.POSE_REJECTED, ["POSITIONS_DISAGREE"])
    # Across the antimeridian a hair apart.
    there = replace(GOOD, longitude_deg=179.9999)
    assert outcome(there, elsewhere=(10.0, -179.9999)) == (Outcome.LOCATED, [])


@pytest.mark.parametrize(
    ("age_s", "stale"), [(None, False), (-300.0, False), (59.0, False), (61.0, True)]
)
def test_a_receivers_last_place_is_not_this_pictures(age_s: float | None, *, stale: bool) -> None:
    expected = (Outcome.NO_POSITION, ["POSITION_STALE"]) if stale else (Outcome.LOCATED, [])
    assert outcome(replace(GOOD, position_age_s=age_s)) == expected


@pytest.mark.parametrize(
    ("pitch", "expected"),
    [
        (-120.0, (Outcome.LOCATED, [])),
        (-135.0, (Outcome.POSE_REJECTED, ["ATTITUDE_OUT_OF_RANGE"])),
        (25.0, (Outcome.LOCATED, ["CAMERA_LOOKS_UP"])),
        (15.0, (Outcome.LOCATED, [])),
    ],
)
def test_how_far_a_gimbal_reaches(pitch: float, expected: tuple[Outcome, list[str]]) -> None:
    assert outcome(attitude(30.0, pitch, 0.5)) == expected


def test_doubts_widen_what_they_are_about() -> None:
    sigmas = check_pose(replace(GOOD, yaw_doubt_deg=40.0)).sigmas
    assert sigmas.yaw_deg == pytest.approx(math.hypot(DEFAULT_SIGMAS.yaw_deg, 40.0))
    assert sigmas.pitch_deg == DEFAULT_SIGMAS.pitch_deg
    sigmas = check_pose(replace(GOOD, attitude_doubt_deg=3.0)).sigmas
    assert sigmas.pitch_deg == pytest.approx(math.hypot(DEFAULT_SIGMAS.pitch_deg, 3.0))
    assert sigmas.roll_deg == pytest.approx(math.hypot(DEFAULT_SIGMAS.roll_deg, 3.0))
