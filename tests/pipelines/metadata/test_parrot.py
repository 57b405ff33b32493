from __future__ import annotations

from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from pipelines.capture import Capture
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference

# The examples of Parrot's "Embedded Photo Metadata".
NED = (
    'drone-parrot:CameraRollDegree="-0.052789" drone-parrot:CameraPitchDegree="-51.988888" '
    'drone-parrot:CameraYawDegree="146.848038" '
)
PIX4D = (
    'Camera:Roll="-0.041258" Camera:Pitch="38.011101" Camera:Yaw="146.781036" '
    'Camera:AboveGroundAltitude="11485529/262144" Camera:GPSXYAccuracy="2936013/1048576" '
    'Camera:GPSZAccuracy="6815744/1048576" '
)
LENS = (
    'Camera:ModelType="perspective" Camera:PrincipalPoint="3.34,2.50" '
    'Camera:PerspectiveFocalLength="527/100" Camera:PerspectiveFocalLengthUnits="mm" '
    'Camera:PerspectiveDistortion="0.01,-0.02,0.03,0.001,0.002" '
)
SPACES = (
    'xmlns:drone-parrot="http://www.parrot.com/drone-parrot/1.0/" '
    'xmlns:Camera="http://pix4d.com/camera/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
)


def taken(shots: ModuleType, body: str, model: str, **camera: Any) -> Capture:
    return read_capture(
        shots.photograph(
            shots.packet(f"{body}/>", SPACES),
            main={271: "Parrot", 272: model},
            camera={37386: 5.27, 41989: 28, 40962: 400, 40963: 300}
            | {int(tag[1:]): value for tag, value in camera.items()},
            gps=shots.GPS | {5: b"\x00", 6: 412.5},
        )
    )


def codes(capture: Capture) -> set[str]:
    return {finding.code for finding in capture.findings}


@pytest.mark.parametrize("body", [NED, PIX4D, NED + PIX4D])
def test_one_attitude_from_either_schema(shots: ModuleType, body: str) -> None:
    pose = taken(shots, body, "ANAFI").pose
    assert pose is not None
    assert pose.yaw_deg == pytest.approx(146.848038, abs=1e-4)
    assert pose.pitch_deg == pytest.approx(-51.988888, abs=1e-4)
    assert pose.roll_deg == pytest.approx(-0.052789, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "reference"),
    [
        ("ANAFI", HeightReference.MSL),
        ("ANAFIThermal", HeightReference.MSL),
        ("ANAFIUSA", HeightReference.MSL),
        ("ANAFI Ai", HeightReference.HAE),
        ("ANAFIAI", HeightReference.HAE),
    ],
)
def test_the_datum_of_the_altitude_by_model(
    shots: ModuleType, model: str, reference: HeightReference
) -> None:
    capture = taken(shots, NED, model)
    assert (capture.absolute_height_m, capture.absolute_height_reference) == (412.5, reference)
    assert capture.pose is not None
    assert capture.pose.height_reference is reference


def test_height_above_ground_and_the_receivers_errors(shots: ModuleType) -> None:
    capture = taken(shots, PIX4D, "ANAFI")
    assert capture.pose is not None
    assert capture.pose.height_m == pytest.approx(11485529 / 262144)
    assert capture.pose.height_reference is HeightReference.ABOVE_GROUND
    assert capture.sigmas.horizontal_m == pytest.approx(2.8, abs=0.01)
    assert capture.absolute_height_sigma_m == pytest.approx(6.5)


def test_its_own_lens_is_read_through_the_focal_plane(shots: ModuleType) -> None:
    # 600 pixels a centimetre: the picture of 400 columns is 6.67 mm wide.
    plane = {"t41486": 600.0, "t41487": 600.0, "t41488": 3}
    inner = taken(shots, NED + LENS, "ANAFI Ai", **plane).intrinsics
    assert inner is not None
    assert (inner.fx_px, inner.fy_px) == pytest.approx((5.27 * 60, 5.27 * 60))
    assert (inner.cx_px, inner.cy_px) == pytest.approx((3.34 * 60, 2.5 * 60))
    lens = inner.distortion
    assert (lens.k1, lens.k2, lens.k3, lens.p1, lens.p2) == (0.01, -0.02, 0.03, 0.001, 0.002)


def test_a_fisheye_picture_is_named_and_not_located(shots: ModuleType) -> None:
    capture = taken(shots, NED + 'Camera:ModelType="fisheye"', "ANAFI Ai")
    assert capture.outcome is Outcome.NO_INTRINSICS
    assert "FISHEYE_LENS" in codes(capture)


def test_the_thermal_lens_is_told_by_its_pictures(shots: ModuleType) -> None:
    capture = read_capture(
        shots.photograph(
            shots.packet(f"{NED}/>", SPACES),
            size=(320, 256),
            main={271: "Parrot", 272: "ANAFIUSA"},
            gps=shots.GPS | {5: b"\x00", 6: 412.5},
        )
    )
    assert capture.intrinsics is not None
    # FLIR Boson 320: 4.3 mm, 12 micrometres.
    assert capture.intrinsics.fx_px == pytest.approx(4.3 / 0.012)


def test_its_time_bears_a_zone(shots: ModuleType) -> None:
    body = NED + 'exif:DateTimeOriginal="2021-10-22T11:30:09.205000+02:00"'
    assert taken(shots, body, "ANAFI Ai").captured_at == datetime(
        2021, 10, 22, 9, 30, 9, tzinfo=UTC
    )
    body = NED + 'exif:DateTimeOriginal="2021-10-22T11:30:09"'
    assert taken(shots, body, "ANAFI Ai").captured_at is None


@pytest.mark.parametrize("model", ["DISCO", "BEBOP 2"])
def test_the_schema_of_a_disco_or_bebop_is_the_aircrafts(shots: ModuleType, model: str) -> None:
    capture = taken(shots, PIX4D, model)
    assert capture.outcome is Outcome.NO_ATTITUDE
    assert "ATTITUDE_OF_UNKNOWN_FRAME" in codes(capture)
    assert capture.relative_height_m is None
    assert capture.absolute_height_m is None
