from __future__ import annotations

from types import ModuleType

import pytest

from pipelines.capture import Capture
from pipelines.metadata.capture_reader import read_capture
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference


def taken(
    shots: ModuleType, platform: tuple[int, int, int], camera: tuple[int, int, int]
) -> Capture:
    body = " ".join(
        f'exif:{word}{angle}="{value * 100}/100"'
        for word, angles in (("Platform", platform), ("Camera", camera))
        for angle, value in zip(("Yaw", "Pitch", "Roll"), angles, strict=True)
    )
    return read_capture(
        shots.photograph(
            shots.packet(f"{body}/>", 'xmlns:exif="http://ns.adobe.com/exif/1.0/"'),
            size=(640, 512),
            main={271: "Teledyne FLIR", 272: "Boson 640"},
            camera={40962: 640, 40963: 512},
            gps=shots.GPS | {5: b"\x00", 6: 512.0},
        )
    )


def codes(capture: Capture) -> set[str]:
    return {finding.code for finding in capture.findings}


def test_a_level_aircraft_adds_its_heading(shots: ModuleType) -> None:
    capture = taken(shots, (350, 0, 0), (20, -40, 0))
    assert capture.pose is not None
    assert capture.pose.yaw_deg % 360 == pytest.approx(10.0)
    assert capture.pose.pitch_deg == pytest.approx(-40.0)
    assert "ATTITUDE_COMPOSED" in codes(capture)
    assert (capture.pose.height_m, capture.pose.height_reference) == (512.0, HeightReference.MSL)
    assert capture.sigmas.vertical_m == 15.0
    assert capture.sigmas.pitch_deg == pytest.approx(DEFAULT_SIGMAS.pitch_deg, abs=0.01)
    assert capture.intrinsics is not None
    # FLIR Boson 640: 13.6 mm, 12 micrometres.
    assert capture.intrinsics.fx_px == pytest.approx(13.6 / 0.012)


def test_what_the_two_ways_to_read_differ_by_is_an_error(shots: ModuleType) -> None:
    capture = taken(shots, (0, 3, 2), (40, -50, 0))
    assert capture.pose is not None
    assert capture.sigmas.pitch_deg > DEFAULT_SIGMAS.pitch_deg + 1.0
    assert capture.sigmas.yaw_deg > DEFAULT_SIGMAS.yaw_deg


def test_a_leaning_aircraft_is_not_read(shots: ModuleType) -> None:
    capture = taken(shots, (0, 10, 15), (40, -50, 0))
    assert capture.outcome is Outcome.NO_ATTITUDE
    assert "ATTITUDE_OF_UNKNOWN_FRAME" in codes(capture)


def test_without_angles_there_is_no_attitude(shots: ModuleType) -> None:
    packet = shots.packet('exif:PlatformYaw="1/1"/>', 'xmlns:exif="http://ns.adobe.com/exif/1.0/"')
    main = {271: "Teledyne FLIR", 272: "Hadron 640R EO"}
    capture = read_capture(shots.photograph(packet, main=main, gps=shots.GPS))
    assert capture.outcome is Outcome.NO_ATTITUDE
