from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from pipelines.capture import Capture
from pipelines.metadata.capture_reader import read_capture
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference


def taken(
    shots: ModuleType, gps: dict[int, Any] | None = None, **changes: object
) -> tuple[Capture, set[str]]:
    capture = read_capture(
        shots.photograph(
            shots.dji_packet(**(shots.DJI | changes)),
            main=shots.DJI_MAIN,
            camera=shots.DJI_CAMERA,
            gps=shots.GPS if gps is None else gps,
        )
    )
    return capture, {finding.code for finding in capture.findings}


@pytest.mark.parametrize(
    ("flag", "reference", "sigma_m", "code"),
    [
        ("50", HeightReference.HAE, 0.04, None),
        ("34", HeightReference.HAE, 0.3, None),
        ("49", HeightReference.HAE, 0.3, None),
        ("32", HeightReference.HAE, 0.3, None),
        ("16", None, None, "RTK_NOT_FIXED"),
        ("18", None, None, "RTK_NOT_FIXED"),
        ("0", None, None, "RTK_FAILED"),
    ],
)
def test_what_each_rtk_flag_means_for_the_altitude(
    shots: ModuleType,
    flag: str,
    reference: HeightReference | None,
    sigma_m: float | None,
    code: str | None,
) -> None:
    # DJI, "XMP data list": 0 failed, 16 single point, 32 to 49 floating, 50 fixed.
    capture, codes = taken(
        shots,
        AltitudeType="RtkAlt",
        RtkFlag=flag,
        RtkStdLon="0.02",
        RtkStdLat="0.02",
        RtkStdHgt="0.04",
    )
    assert capture.absolute_height_reference == reference
    assert capture.absolute_height_sigma_m == sigma_m
    assert code is None or code in codes
    # Without a solution the position is plain satellite navigation's.
    assert (capture.sigmas.horizontal_m < 1.0) == (sigma_m is not None)


def test_without_rtk_the_altitude_is_barometric(shots: ModuleType) -> None:
    capture, codes = taken(shots, AltitudeType="GpsFusionAlt")
    assert (capture.absolute_height_reference, capture.absolute_height_sigma_m) == (
        HeightReference.MSL,
        15.0,
    )
    assert not {"RTK_NOT_FIXED", "RTK_FAILED"} & codes


def test_a_fixed_solution_on_old_corrections_is_not_one(shots: ModuleType) -> None:
    fixed: dict[str, Any] = {
        "RtkFlag": "50",
        "RtkStdLon": "0.01",
        "RtkStdLat": "0.01",
        "RtkStdHgt": "0.02",
    }
    fresh, codes = taken(shots, None, **fixed, RtkDiffAge="1.6")
    assert fresh.sigmas.horizontal_m == pytest.approx(0.03)
    assert "RTK_CORRECTION_OLD" not in codes
    old, codes = taken(shots, None, **fixed, RtkDiffAge="75")
    assert old.sigmas.horizontal_m == pytest.approx(0.3)
    assert "RTK_CORRECTION_OLD" in codes


@pytest.mark.parametrize("tag", ["CamReverse", "GimbalReverse"])
def test_a_camera_upside_down_is_not_believed(shots: ModuleType, tag: str) -> None:
    reversed_, codes = taken(shots, None, **{tag: "1"})
    assert reversed_.outcome is Outcome.NO_ATTITUDE
    assert "CAMERA_REVERSED" in codes
    upright, codes = taken(shots, None, **{tag: "0"})
    assert upright.outcome is Outcome.LOCATED
    assert "CAMERA_REVERSED" not in codes


def test_a_gimbal_yaw_that_was_not_reported_is_doubted(shots: ModuleType) -> None:
    doubtful, codes = taken(shots, GimbalYawDegree="+0.00", FlightYawDegree="-140.0")
    assert "GIMBAL_YAW_DOUBTFUL" in codes
    assert doubtful.sigmas.yaw_deg >= 140.0
    north, codes = taken(shots, GimbalYawDegree="+0.00", FlightYawDegree="+3.0")
    assert "GIMBAL_YAW_DOUBTFUL" not in codes
    assert north.sigmas.yaw_deg == DEFAULT_SIGMAS.yaw_deg
    beside, codes = taken(shots, GimbalYawDegree="+0.10", FlightYawDegree="-140.0")
    assert "GIMBAL_AND_FLIGHT_YAW_DIFFER" in codes
    assert beside.sigmas.yaw_deg == DEFAULT_SIGMAS.yaw_deg


def test_a_flipped_gimbal_tells_its_yaw_from_the_other_side(shots: ModuleType) -> None:
    flipped, codes = taken(
        shots,
        GimbalYawDegree="-170.0",
        GimbalPitchDegree="-90.00",
        GimbalRollDegree="+180.00",
        FlightYawDegree="+10.0",
    )
    assert flipped.pose is not None
    assert flipped.pose.yaw_deg == pytest.approx(10.0)
    assert "GIMBAL_FLIPPED" in codes
    assert "GIMBAL_AND_FLIGHT_YAW_DIFFER" not in codes


def test_the_position_under_its_older_names(shots: ModuleType) -> None:
    capture, _ = taken(shots, gps={}, Latitude="-12.5", Longitude="30.25")
    assert capture.pose is not None
    assert (capture.pose.latitude_deg, capture.pose.longitude_deg) == (-12.5, 30.25)


def test_a_position_that_was_changed_in_exif_alone_is_found(shots: ModuleType) -> None:
    moved, codes = taken(shots, GpsLatitude="-12.6", GpsLongitude="30.25")
    assert moved.outcome is Outcome.POSE_REJECTED
    assert "POSITIONS_DISAGREE" in codes


@pytest.mark.parametrize(
    ("source", "focal_px"), [("InfraredCamera", 9.12 / 0.012), ("WideCamera", None)]
)
def test_image_source_tells_the_lens(
    shots: ModuleType, source: str, focal_px: float | None
) -> None:
    # 640 x 480: a size that either of the two could have made.
    capture = read_capture(
        shots.photograph(
            shots.dji_packet(**shots.DJI, ImageSource=source),
            size=(640, 480),
            main={271: "DJI", 272: "M2EA"},
            camera={37386: 4.5, 40962: 640, 40963: 480},
            gps=shots.GPS,
        )
    )
    assert capture.intrinsics is not None
    visible_px = 4.5 / (6.407596 / 8000) * 640 / 8000
    assert capture.intrinsics.fx_px == pytest.approx(focal_px or visible_px, rel=1e-3)
