from __future__ import annotations

from types import ModuleType

import pytest

from pipelines.capture import Capture
from pipelines.metadata.autel import is_autel
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference

# What newer firmware writes: DJI's schema under a shorter prefix, misspelt.
NEW = (
    'xmlns:drone="http://www.dji.com/drone-dji/1.0/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:Camera="http://pix4d.com/camera/1.0"'
)


def taken(shots: ModuleType, body: str, *, make: str = "Autel Robotics", model: str) -> Capture:
    return read_capture(
        shots.photograph(
            shots.packet(f"{body}/>", NEW),
            main={271: make, 272: model},
            camera={37386: 4.5, 41989: 24, 40962: 400, 40963: 300},
            gps=shots.GPS | {5: b"\x00", 6: 512.0},
        )
    )


def schema(pitch: float, roll: float = 0.0) -> str:
    return (
        f'Camera:Yaw="30" Camera:Pitch="{pitch}" Camera:Roll="{roll}" Camera:VertCS="ellipsoidal" '
    )


def gimbal(pitch: float) -> str:
    return (
        f'drone:GimbalYawDegree="30" drone:GimbalPitchDegree="{pitch}" drone:GimbalRollDegree="0" '
        'drone:GpsLatitude="-12.5" drone:GpsLongtitude="30.25" drone:AbsoluteAltitude="+513.00" '
        'drone:RelativeAltitude="+80.00" '
    )


def codes(capture: Capture) -> set[str]:
    return {finding.code for finding in capture.findings}


@pytest.mark.parametrize(("told", "ours"), [(0.0, -90.0), (45.0, -45.0), (100.0, 10.0)])
def test_old_firmware_counts_the_pitch_from_the_nadir(
    shots: ModuleType, told: float, ours: float
) -> None:
    body = schema(told) + 'drone:RelativeAltitude="+80.00"'
    pose = taken(shots, body, model="XT701").pose
    assert pose is not None
    assert (pose.yaw_deg, pose.pitch_deg) == pytest.approx((30.0, ours))


def test_new_firmware_counts_it_from_the_horizon(shots: ModuleType) -> None:
    capture = taken(shots, gimbal(-60.0), model="XT705")
    assert capture.pose is not None
    assert (capture.pose.yaw_deg, capture.pose.pitch_deg) == (30.0, -60.0)
    assert (capture.pose.height_m, capture.pose.height_reference) == (
        80.0,
        HeightReference.ABOVE_GROUND,
    )


def test_the_lite_counts_it_from_the_horizon_in_pix4ds_schema(shots: ModuleType) -> None:
    body = schema(-40.0) + 'drone:RelativeAltitude="+80.00"'
    # It calls its maker "Camera".
    capture = taken(shots, body, make="Camera", model="XL715")
    assert capture.pose is not None
    assert capture.pose.pitch_deg == -40.0


def test_no_altitude_of_its_is_used(shots: ModuleType) -> None:
    capture = taken(shots, schema(45.0), model="XT701")
    assert capture.outcome is Outcome.NO_HEIGHT
    assert capture.absolute_height_m is None
    assert "HEIGHT_DATUM_UNKNOWN" in codes(capture)


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (gimbal(20.0), "XT705"),  # from the nadir, or looking up
        (gimbal(-60.0), "XL715"),  # known to be wrong, and nothing to hold it against
        (gimbal(-60.0) + schema(50.0), "XT705"),  # 10 degrees apart
        (schema(-40.0), "XT701"),  # behind straight down
        (schema(135.0), "XT701"),  # no gimbal reaches so far up
        (gimbal(-110.0), "XT705"),
    ],
)
def test_a_pitch_that_fits_no_way_of_counting_is_not_used(
    shots: ModuleType, body: str, model: str
) -> None:
    capture = taken(shots, body, model=model)
    assert capture.outcome is Outcome.NO_ATTITUDE
    assert capture.pose is None
    assert "ATTITUDE_OF_UNKNOWN_FRAME" in codes(capture)


@pytest.mark.parametrize(
    ("body", "model", "pitch"),
    [
        (gimbal(-60.0) + schema(30.0), "XT705", -60.0),
        (gimbal(-60.0) + schema(-60.0), "XL715", -60.0),
        (gimbal(10.0) + schema(100.0), "XT705", 10.0),
    ],
)
def test_two_that_agree_are_believed(
    shots: ModuleType, body: str, model: str, pitch: float
) -> None:
    pose = taken(shots, body, model=model).pose
    assert pose is not None
    assert pose.pitch_deg == pitch


def test_zoom_of_its_thermal_camera_only_adds_pixels(shots: ModuleType) -> None:
    capture = read_capture(
        shots.photograph(
            shots.packet(f"{gimbal(-60.0)}/>", NEW),
            size=(1280, 1024),
            main={271: "Autel Robotics", 272: "XT709"},
            camera={37386: 13.0, 40962: 1280, 40963: 1024, 41988: 2},
            gps=shots.GPS,
        )
    )
    assert capture.intrinsics is not None
    # 13 mm over 12 micrometres on 640 columns, shown on 1280.
    assert capture.intrinsics.fx_px == pytest.approx(2 * 13 / 0.012, rel=1e-6)


@pytest.mark.parametrize(
    ("make", "model", "is_it"),
    [
        ("Autel Robotics", "XT705", True),
        ("Camera", "XL715", True),
        ("Camera", "Pro", False),
        ("DJI", "FC220", False),
        (None, None, False),
    ],
)
def test_whose_it_is(make: str | None, model: str | None, is_it: bool) -> None:
    assert is_autel(make, model) is is_it
