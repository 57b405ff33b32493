"""Files that have one fault each, against the same file without it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines.capture import Capture
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Outcome, Severity

TIME = {36867: "2024:05:06 07:08:09", 36881: "+02:00"}
GPS_TIME = {29: "2024:05:06", 7: (5.0, 8.0, 7.0)}
NO_GPS: dict[int, Any] = {}


def taken(shots: ModuleType, **fault: Any) -> Capture:
    """A frame of a Phantom 4 Pro, with what a fault changes of it."""
    packet = shots.DJI | {"FlightYawDegree": "+28.00", "AltitudeType": "GpsFusionAlt"}
    packet |= fault.get("xmp", {})
    packet = {name: value for name, value in packet.items() if value is not None}
    camera = shots.DJI_CAMERA | TIME | fault.get("camera", {})
    return read_capture(
        shots.photograph(
            shots.dji_packet(**packet),
            size=fault.get("size", (400, 300)),
            main=shots.DJI_MAIN | fault.get("main", {}),
            camera={tag: value for tag, value in camera.items() if value is not None},
            gps=fault.get("gps", shots.GPS | GPS_TIME),
        )
    )


def codes(capture: Capture) -> set[str]:
    return {finding.code for finding in capture.findings}


def test_the_control_has_no_fault(shots: ModuleType) -> None:
    capture = taken(shots)
    assert capture.outcome is Outcome.LOCATED
    assert codes(capture) == {"INTRINSICS_SOURCE"}
    assert capture.captured_at is not None


FAULTS: dict[str, tuple[dict[str, Any], Outcome, str]] = {
    "gimbal flipped over its nadir": (
        {"xmp": {"GimbalPitchDegree": "-90.00", "GimbalRollDegree": "180.00"}},
        Outcome.LOCATED,
        "GIMBAL_FLIPPED",
    ),
    "upside down off the nadir": (
        {"xmp": {"GimbalRollDegree": "+180.00"}},
        Outcome.POSE_REJECTED,
        "CAMERA_UPSIDE_DOWN",
    ),
    "gimbal says nothing but zeros": (
        {
            "xmp": {
                "GimbalYawDegree": "0",
                "GimbalPitchDegree": "0",
                "GimbalRollDegree": "0",
                "FlightYawDegree": "0",
            }
        },
        Outcome.NO_ATTITUDE,
        "ATTITUDE_NOT_REPORTED",
    ),
    "gimbal yaw says nothing": (
        {"xmp": {"GimbalYawDegree": "+0.00", "FlightYawDegree": "+120.00"}},
        Outcome.LOCATED,
        "GIMBAL_YAW_DOUBTFUL",
    ),
    "gimbal looks aside": (
        {"xmp": {"FlightYawDegree": "+120.00"}},
        Outcome.LOCATED,
        "GIMBAL_AND_FLIGHT_YAW_DIFFER",
    ),
    "no gimbal angles": (
        {"xmp": {"GimbalYawDegree": None}},
        Outcome.NO_ATTITUDE,
        "NO_ATTITUDE",
    ),
    "angles that are none": (
        {"xmp": {"GimbalPitchDegree": "-245.0"}},
        Outcome.POSE_REJECTED,
        "ATTITUDE_OUT_OF_RANGE",
    ),
    "camera reversed": (
        {"xmp": {"CamReverse": "1"}},
        Outcome.NO_ATTITUDE,
        "CAMERA_REVERSED",
    ),
    "no fix": (
        {"gps": {1: "N", 2: (0, 0, 0), 3: "E", 4: (0, 0, 0)}},
        Outcome.NO_POSITION,
        "POSITION_ZERO",
    ),
    "no position": ({"gps": NO_GPS}, Outcome.NO_POSITION, "NO_POSITION"),
    "no hemisphere": (
        {"gps": {2: (12, 30, 0), 4: (30, 15, 0)}},
        Outcome.NO_POSITION,
        "NO_POSITION",
    ),
    "place outside the world": (
        {"xmp": {"GpsLatitude": "95", "GpsLongitude": "30"}},
        Outcome.POSE_REJECTED,
        "POSITION_OUT_OF_RANGE",
    ),
    "two places": (
        {"xmp": {"GpsLatitude": "-12.7", "GpsLongitude": "30.25"}},
        Outcome.POSE_REJECTED,
        "POSITIONS_DISAGREE",
    ),
    "a receiver's last place": (
        {"camera": {36867: "2024:05:06 07:18:09"}},
        Outcome.NO_POSITION,
        "POSITION_STALE",
    ),
    "before take-off": (
        {"xmp": {"RelativeAltitude": "+0.10"}},
        Outcome.POSE_REJECTED,
        "ON_THE_GROUND",
    ),
    "below take-off": (
        {"xmp": {"RelativeAltitude": "-20.0"}},
        Outcome.LOCATED,
        "HEIGHT_UNBELIEVABLE",
    ),
    "no height": (
        {"xmp": {"RelativeAltitude": None, "AbsoluteAltitude": None}},
        Outcome.NO_HEIGHT,
        "NO_HEIGHT",
    ),
    "RTK by name alone": (
        {"xmp": {"AltitudeType": "RtkAlt", "RtkFlag": "16"}},
        Outcome.LOCATED,
        "RTK_NOT_FIXED",
    ),
    "RTK without a position": ({"xmp": {"RtkFlag": "0"}}, Outcome.LOCATED, "RTK_FAILED"),
    "a clock without a zone": (
        {"camera": {36881: None}, "gps": None},
        Outcome.LOCATED,
        "TIME_ZONE_UNKNOWN",
    ),
    "digital zoom": ({"camera": {41988: 2, 41989: None}}, Outcome.LOCATED, "DIGITAL_ZOOM"),
    "cropped later": ({"size": (300, 300)}, Outcome.NO_INTRINSICS, "IMAGE_CROPPED"),
    "resized later": ({"size": (200, 150)}, Outcome.LOCATED, "IMAGE_RESIZED"),
    "only tagged to be turned": ({"main": {274: 6}}, Outcome.LOCATED, "ORIENTATION_TAG"),
    "turned in its pixels": ({"size": (300, 400)}, Outcome.NO_INTRINSICS, "IMAGE_TURNED"),
}
# What a fault brings with it because of what it takes away.
WITH: dict[str, set[str]] = {
    "camera reversed": {"NO_ATTITUDE"},
    # A 4:3 picture of a 3:2 sensor, by the table alone.
    "digital zoom": {"SENSOR_CROPPED"},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_with_one_fault_is_told_of_that_fault(shots: ModuleType, name: str) -> None:
    fault, outcome, code = FAULTS[name]
    if fault.get("gps", ...) is None:
        # The control's place without the time of its receiver.
        fault = fault | {"gps": shots.GPS}
    capture = taken(shots, **fault)
    assert capture.outcome is outcome
    assert (capture.pose is None) == (outcome is not Outcome.LOCATED)
    assert codes(capture) - {"INTRINSICS_SOURCE"} == {code} | WITH.get(name, set())
    errors = [one for one in capture.findings if one.severity is Severity.ERROR]
    assert bool(errors) == (outcome is not Outcome.LOCATED)
    # Whoever cannot be located is told what to do.
    assert all(
        "pose" in one.message or "submit" in one.message or "state" in one.message for one in errors
    )


PHOTOGRAPHS = {
    "brighton_beach/DJI_0018.JPG": Outcome.LOCATED,
    "brighton_beach/DJI_0024.JPG": Outcome.LOCATED,
    "brighton_beach/DJI_0025.JPG": Outcome.LOCATED,
    "brighton_beach/DJI_0027.JPG": Outcome.LOCATED,
    "brighton_beach/DJI_0029.JPG": Outcome.LOCATED,
    "brighton_beach/DJI_0033.JPG": Outcome.LOCATED,
    "orthority/odm/images/100_0005_0018.tif": Outcome.LOCATED,
    "orthority/odm/images/100_0005_0136.tif": Outcome.LOCATED,
    "orthority/odm/images/100_0005_0140.tif": Outcome.LOCATED,
    "orthority/odm/images/100_0005_0142.tif": Outcome.LOCATED,
    "orthority/ngi/3324c_2015_1004_05_0182_RGB.tif": Outcome.NO_POSITION,
    "orthority/ngi/3324c_2015_1004_05_0184_RGB.tif": Outcome.NO_POSITION,
    "orthority/ngi/3324c_2015_1004_06_0251_RGB.tif": Outcome.NO_POSITION,
    "orthority/ngi/3324c_2015_1004_06_0253_RGB.tif": Outcome.NO_POSITION,
    "parrot/parrot-1.jpg": Outcome.NO_ATTITUDE,
    "sensefly/IMG_0505.jpg": Outcome.NO_ATTITUDE,
    "skydio/skydio-catilina.jpg": Outcome.LOCATED,
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_real_photograph(data_dir: Path, name: str) -> None:
    capture = read_capture((data_dir / "photos" / name).read_bytes())
    assert capture.outcome is PHOTOGRAPHS[name]
    errors = [one for one in capture.findings if one.severity is Severity.ERROR]
    assert bool(errors) == (capture.outcome is not Outcome.LOCATED)


def test_no_photograph_is_forgotten(data_dir: Path) -> None:
    folder = data_dir / "photos"
    there = {
        path.relative_to(folder).as_posix()
        for kind in ("*.JPG", "*.jpg")
        for path in folder.rglob(kind)
    }
    assert there <= set(PHOTOGRAPHS)
