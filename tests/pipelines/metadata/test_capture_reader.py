from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Geod

from models.errors import InvalidInputError, UnreadableImageError
from pipelines.camera import ned_from_camera, project
from pipelines.capture import Capture
from pipelines.metadata.capture_reader import read_capture
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome, Severity
from pipelines.pose import HeightReference
from tests.pipelines.photographs import (
    DJI,
    DJI_CAMERA,
    DJI_MAIN,
    GPS,
    dji_packet,
    packet,
    photograph,
)


def codes(capture: Capture) -> set[str]:
    return {finding.code for finding in capture.findings}


def dji(**changes: object) -> Capture:
    return read_capture(
        photograph(dji_packet(**(DJI | changes)), main=DJI_MAIN, camera=DJI_CAMERA, gps=GPS)
    )


# --- the Skydio photograph: 4056 x 3040 sensor, 4056 x 2282 kept, 1500 x 844 on disk ----------


@pytest.fixture(scope="module")
def skydio(data_dir: Path) -> Capture:
    return read_capture((data_dir / "photos/skydio/skydio-catilina.jpg").read_bytes())


def test_skydio_attitude_is_that_of_its_own_quaternion(skydio: Capture) -> None:
    # CameraOrientationQuatNED of the same packet, forward-left-up body to north-east-down.
    stated = np.array([-0.441968, -0.894977, -0.027378, 0.059098])
    x, y, z, w = (stated / np.linalg.norm(stated)).tolist()
    forward = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
    left = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)]
    up = [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)]
    assert skydio.pose is not None
    pose = skydio.pose
    # Columns: image right, image down, optical axis.
    theirs = np.column_stack([np.negative(left), np.negative(up), forward])
    ours = ned_from_camera(pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    assert np.allclose(ours, theirs, atol=5e-4)  # the file's quaternion is rounded


def test_skydio_camera_is_scaled_and_its_centre_moved_with_the_crop(skydio: Capture) -> None:
    inner = skydio.intrinsics
    assert inner is not None
    assert inner.fx_px == pytest.approx(2378.525221 * 1500 / 4056)
    assert inner.fy_px == pytest.approx(2376.907858 * 844 / 2282)
    assert inner.cx_px == pytest.approx((2029.169394 + 0.5) * 1500 / 4056)
    assert inner.cy_px == pytest.approx((1520.272790 + 0.5 - (3040 - 2282) / 2) * 844 / 2282)
    assert (inner.distortion.k1, inner.distortion.k2) == (0.124826, -0.233427)
    assert inner.distortion.k3 == 0.098182


def test_skydio_horizon_row(skydio: Capture) -> None:
    # By hand: 422.29 - 879.10 * 0.12998 / 0.99264, the axis's and the up vector's down parts.
    pose, inner = skydio.pose, skydio.intrinsics
    assert pose is not None
    assert inner is not None
    azimuth = math.radians(pose.yaw_deg)
    level = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    camera = ned_from_camera(pose.yaw_deg, pose.pitch_deg, pose.roll_deg).T @ level
    assert project(camera[None], inner)[0] == pytest.approx([750.2, 307.2], abs=0.6)


def test_skydio_sees_mount_lemmon_where_it_stands(skydio: Capture) -> None:
    # The summit (32d26'35" N, 110d47'19" W, 2,792 m) is the rounded hump of the skyline; read off
    # the photograph, its western end is at column 685, row 198. One degree is 15 pixels.
    pose, inner = skydio.pose, skydio.intrinsics
    assert pose is not None
    assert inner is not None
    azimuth, _, distance = Geod(ellps="WGS84").inv(
        pose.longitude_deg,
        pose.latitude_deg,
        -(110 + 47 / 60 + 19 / 3600),
        32 + 26 / 60 + 35 / 3600,
    )
    assert skydio.absolute_height_m is not None
    drop = 0.87 * distance**2 / (2 * 6_371_000)
    up = math.atan2(2792 - skydio.absolute_height_m - drop, distance)
    north, east = math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    ray = np.array([math.cos(up) * north, math.cos(up) * east, -math.sin(up)])
    camera = ned_from_camera(pose.yaw_deg, pose.pitch_deg, pose.roll_deg).T @ ray
    assert project(camera[None], inner)[0] == pytest.approx([685, 198], abs=8)


def test_skydio_heights_position_and_time(skydio: Capture) -> None:
    assert skydio.outcome is Outcome.LOCATED
    assert skydio.pose is not None
    assert skydio.pose.height_reference is HeightReference.ABOVE_GROUND
    assert skydio.relative_height_m == pytest.approx(52.56648)
    assert skydio.absolute_height_m == pytest.approx(1034.44191)
    # Ground at take-off, some 2 m away, is 975 m above sea level by the terrain beside it; with
    # the geoid at -29 m an ellipsoidal reading would put it 36 m higher.
    assert skydio.absolute_height_reference is HeightReference.MSL
    assert skydio.captured_at == datetime(2021, 1, 27, 23, 9, 51, tzinfo=UTC)
    # 0.384 m is the receiver's opinion of itself.
    assert skydio.sigmas.horizontal_m == 2.0


# --- DJI ---------------------------------------------------------------------------------------


def test_brighton_beach_by_hand(data_dir: Path) -> None:
    capture = read_capture((data_dir / "photos/brighton_beach/DJI_0018.JPG").read_bytes())
    pose, inner = capture.pose, capture.intrinsics
    assert pose is not None
    assert inner is not None
    assert pose.latitude_deg == pytest.approx(46 + 50 / 60 + 33.3855 / 3600)
    assert pose.longitude_deg == pytest.approx(-(91 + 59 / 60 + 40.4156 / 3600))
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (45.0, -89.9, 0.0)
    assert (pose.height_m, pose.height_reference) == (39.8, HeightReference.ABOVE_GROUND)
    assert (capture.absolute_height_m, capture.absolute_height_sigma_m) == (198.31, 15.0)
    # 3.61 mm over 1.579 micrometres; 2250 of 3000 rows kept.
    assert inner.fx_px == pytest.approx(2285.7, abs=0.1)
    assert (inner.cx_px, inner.cy_px) == (2000.0, 1125.0)
    assert capture.captured_at is None
    assert "TIME_ZONE_UNKNOWN" in codes(capture)


def test_dewarp_data_agree_with_a_bundle_adjustment(data_dir: Path) -> None:
    # OpenSfM adjusted this camera from the photographs alone.
    folder = data_dir / "photos/orthority/odm"
    (theirs,) = json.loads((folder / "opensfm/reconstruction.json").read_text())[0][
        "cameras"
    ].values()
    capture = read_capture((folder / "images/100_0005_0018.tif").read_bytes())
    inner = capture.intrinsics
    assert inner is not None
    assert inner.fx_px == pytest.approx(theirs["focal_x"] * 1368, rel=0.005)
    assert inner.cx_px - 684 == pytest.approx(theirs["c_x"] * 1368, abs=2)
    assert inner.cy_px - 456 == pytest.approx(theirs["c_y"] * 1368, abs=2)
    assert inner.distortion.k1 == pytest.approx(theirs["k1"], abs=0.01)
    assert inner.distortion.k3 == pytest.approx(theirs["k3"], abs=0.01)
    assert inner.distortion.p1 == pytest.approx(theirs["p1"], abs=0.001)
    # RTK fixed: the absolute altitude is ellipsoidal and good to centimetres.
    assert capture.absolute_height_reference is HeightReference.HAE
    assert capture.absolute_height_sigma_m == pytest.approx(0.03, abs=0.01)
    assert capture.sigmas.horizontal_m < 0.1


def test_dji_gimbal_not_flight_yaw_and_both_spellings() -> None:
    capture = dji(
        FlightYawDegree="-60.0",
        GpsLatitude="-12.5001",
        GpsLongtitude="30.2501",
        AltitudeType="GpsFusionAlt",
    )
    assert capture.pose is not None
    assert capture.pose.yaw_deg == 30.0
    assert (capture.pose.latitude_deg, capture.pose.longitude_deg) == (-12.5001, 30.2501)
    assert "GIMBAL_AND_FLIGHT_YAW_DIFFER" in codes(capture)


def test_dji_flag_and_not_altitude_type_proves_rtk() -> None:
    claimed = dji(AltitudeType="RtkAlt", RtkFlag="16", RtkStdLon="1.2", RtkStdHgt="3.0")
    assert claimed.absolute_height_m is None
    assert "RTK_NOT_FIXED" in codes(claimed)
    assert claimed.sigmas.horizontal_m == DEFAULT_SIGMAS.horizontal_m
    fixed = dji(RtkFlag="50", RtkStdLon="0.02", RtkStdLat="0.05", RtkStdHgt="0.04")
    assert fixed.absolute_height_reference is HeightReference.HAE
    assert (fixed.sigmas.horizontal_m, fixed.absolute_height_sigma_m) == (0.05, 0.04)
    floating = dji(RtkFlag="34", RtkStdLon="0.02", RtkStdLat="0.02", RtkStdHgt="0.02")
    assert (floating.sigmas.horizontal_m, floating.absolute_height_sigma_m) == (0.3, 0.3)


def test_dji_dewarp_data_are_counted_from_the_middle_and_their_flag_believed() -> None:
    figures = "2024-01-01;300,301,-5,7,0.1,-0.2,0.001,0.002,0.3"
    raw = dji(DewarpData=figures, DewarpFlag="0").intrinsics
    done = dji(DewarpData=figures, DewarpFlag="1").intrinsics
    assert raw is not None
    assert done is not None
    assert (raw.fx_px, raw.fy_px, raw.cx_px, raw.cy_px) == (300, 301, 195, 157)
    assert (raw.distortion.k1, raw.distortion.k3, raw.distortion.p2) == (0.1, 0.3, 0.002)
    assert (done.cx_px, done.cy_px, done.distortion.k1) == (200, 150, 0.0)


def test_dji_gimbal_without_report_and_flipped() -> None:
    silent = dji(GimbalYawDegree="0", GimbalPitchDegree="0", GimbalRollDegree="0")
    assert silent.outcome is Outcome.NO_ATTITUDE
    assert silent.pose is None
    flipped = dji(GimbalYawDegree="10", GimbalPitchDegree="-90", GimbalRollDegree="180")
    assert flipped.pose is not None
    assert (flipped.pose.yaw_deg, flipped.pose.roll_deg) == (-170.0, 0.0)


# --- the rest ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sensefly/IMG_0505.jpg", "parrot/parrot-1.jpg"])
def test_an_aircrafts_attitude_is_not_the_cameras(data_dir: Path, name: str) -> None:
    capture = read_capture((data_dir / "photos" / name).read_bytes())
    assert capture.outcome is Outcome.NO_ATTITUDE
    assert capture.pose is None


def test_the_discos_height_and_lens_are_not_believed(data_dir: Path) -> None:
    capture = read_capture((data_dir / "photos/parrot/parrot-1.jpg").read_bytes())
    assert capture.relative_height_m is None
    assert capture.intrinsics is None
    assert {"HEIGHT_UNBELIEVABLE", "PICTURE_CUT_OUT", "ATTITUDE_OF_UNKNOWN_FRAME"} <= codes(capture)


def test_exif_alone_has_no_attitude_and_nothing_has_no_position() -> None:
    alone = read_capture(photograph(main=DJI_MAIN, camera=DJI_CAMERA, gps=GPS))
    assert alone.outcome is Outcome.NO_ATTITUDE
    assert alone.intrinsics is not None
    assert read_capture(photograph()).outcome is Outcome.NO_POSITION


def test_the_film_equivalent_serves_where_no_table_does_with_a_wider_error() -> None:
    capture = read_capture(
        photograph(dji_packet(**DJI), main={271: "Acme", 272: "Eye"}, camera=DJI_CAMERA, gps=GPS)
    )
    assert capture.intrinsics is not None
    assert capture.intrinsics.fx_px == pytest.approx(24 * 500 / 43.2666, rel=1e-4)
    assert capture.sigmas.pixel_px == pytest.approx(math.hypot(2.0, 0.03 * 0.29 * 500))


def test_broken_xmp_is_told_and_the_rest_is_read() -> None:
    capture = read_capture(photograph(b"<x:xmpmeta <broken", gps=GPS, main=DJI_MAIN))
    assert capture.outcome is Outcome.NO_ATTITUDE
    assert "XMP_DAMAGED" in codes(capture)


def test_errors_come_first() -> None:
    capture = read_capture(photograph(gps=GPS))
    severities = [finding.severity for finding in capture.findings]
    order = [Severity.ERROR, Severity.WARNING, Severity.NOTE]
    assert severities == sorted(severities, key=order.index)


def test_parrot_anafi_tells_the_cameras_attitude_and_ai_an_ellipsoidal_height() -> None:
    body = (
        'drone-parrot:CameraYawDegree="12.5" drone-parrot:CameraPitchDegree="-40.25" '
        'drone-parrot:CameraRollDegree="-0.5"/>'
    )
    anafi = packet(body, 'xmlns:drone-parrot="http://www.parrot.com/drone-parrot/1.0/"')
    gps = GPS | {5: b"\x00", 6: 412.5}
    ai = read_capture(
        photograph(anafi, main={271: "Parrot", 272: "ANAFI Ai"}, camera=DJI_CAMERA, gps=gps)
    )
    assert ai.pose is not None
    assert (ai.pose.yaw_deg, ai.pose.pitch_deg, ai.pose.roll_deg) == (12.5, -40.25, -0.5)
    assert (ai.pose.height_m, ai.pose.height_reference) == (412.5, HeightReference.HAE)
    assert ai.sigmas.vertical_m == ai.absolute_height_sigma_m
    usa = read_capture(
        photograph(anafi, main={271: "Parrot", 272: "ANAFIUSA"}, camera=DJI_CAMERA, gps=gps)
    )
    assert usa.pose is not None
    assert usa.pose.height_reference is HeightReference.MSL


def test_a_receivers_own_opinion_has_a_floor() -> None:
    capture = read_capture(photograph(dji_packet(**DJI), gps=GPS | {31: 0.4}, camera=DJI_CAMERA))
    assert capture.sigmas.horizontal_m == 2.0
    worse = read_capture(photograph(dji_packet(**DJI), gps=GPS | {31: 9.5}, camera=DJI_CAMERA))
    assert worse.sigmas.horizontal_m == 9.5


def test_angles_of_an_unknown_maker_are_told_and_not_used() -> None:
    angles = packet('C:Yaw="1" C:Pitch="2" C:Roll="3"/>', 'xmlns:C="http://pix4d.com/camera/1.0"')
    capture = read_capture(photograph(angles, gps=GPS, main={271: "Acme", 272: "Eye"}))
    assert capture.outcome is Outcome.NO_ATTITUDE
    assert "ATTITUDE_OF_UNKNOWN_FRAME" in codes(capture)


# --- a stated pose -----------------------------------------------------------------------------

STATED: dict[str, Any] = {
    "latitude_deg": 1.0,
    "longitude_deg": 2.0,
    "height_m": 300.0,
    "height_reference": "hae",
    "yaw_deg": 5.0,
    "pitch_deg": -30.0,
}


def test_a_stated_pose_stands_above_the_metadata() -> None:
    data = photograph(dji_packet(**DJI), main=DJI_MAIN, camera=DJI_CAMERA, gps=GPS)
    capture = read_capture(
        data, stated_pose=json.dumps(STATED | {"captured_at": "2024-01-01T00:00:00Z"})
    )
    assert capture.pose is not None
    assert (capture.pose.latitude_deg, capture.pose.height_m) == (1.0, 300.0)
    assert capture.relative_height_m is None
    assert capture.absolute_height_m is None
    assert capture.captured_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert "POSE_STATED" in codes(capture)
    # No camera block: that of the metadata.
    assert capture.intrinsics == dji().intrinsics
    later = datetime(2025, 1, 1, tzinfo=UTC)
    both = read_capture(
        data,
        stated_pose=json.dumps(STATED | {"captured_at": "2024-01-01T00:00:00Z"}),
        stated_captured_at=later,
    )
    assert both.captured_at == later


def test_a_stated_camera_is_scaled_to_a_file_of_its_shape_and_no_other() -> None:
    camera = {"width_px": 800, "height_px": 600, "fx_px": 1000, "cx_px": 410}
    capture = read_capture(photograph(), stated_pose=json.dumps(STATED | {"camera": camera}))
    assert capture.outcome is Outcome.LOCATED
    assert capture.intrinsics is not None
    assert (capture.intrinsics.fx_px, capture.intrinsics.cx_px) == (500.0, 205.0)
    assert capture.sigmas.pixel_px == 2.0
    with pytest.raises(InvalidInputError, match="shape") as refused:
        read_capture(
            photograph(), stated_pose=json.dumps(STATED | {"camera": camera | {"height_px": 800}})
        )
    assert refused.value.field == "camera.width_px"


def test_a_stated_pose_without_any_camera_is_not_located() -> None:
    capture = read_capture(photograph(), stated_pose=json.dumps(STATED))
    assert capture.outcome is Outcome.NO_INTRINSICS
    assert capture.pose is None


def test_a_wrong_pose_and_no_image_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        read_capture(photograph(), stated_pose="{}")
    with pytest.raises(UnreadableImageError):
        read_capture(b"GIF89a")


def test_an_operators_terrain_sigma_holds_where_no_pose_states_one(data_dir: Path) -> None:
    data = (data_dir / "photos/skydio/skydio-catilina.jpg").read_bytes()
    pose = {
        "latitude_deg": 4.0,
        "longitude_deg": 30.0,
        "height_m": 100.0,
        "height_reference": "above_ground",
        "yaw_deg": 0.0,
        "pitch_deg": -90.0,
    }
    for stated, expected in (
        (None, 6.5),
        (pose, 6.5),
        (pose | {"sigmas": {"yaw_deg": 1.0}}, 6.5),
        (pose | {"sigmas": {"terrain_m": 1.5}}, 1.5),
    ):
        text = None if stated is None else json.dumps(stated)
        told = read_capture(data, stated_pose=text, terrain_sigma_m=6.5)
        assert told.sigmas.terrain_m == expected
        untold = read_capture(data, stated_pose=text)
        assert untold.sigmas.terrain_m == (1.5 if expected == 1.5 else DEFAULT_SIGMAS.terrain_m)
