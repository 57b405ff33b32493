from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from pipelines.camera import Distortion, Intrinsics, ned_from_camera, project, unproject
from pipelines.capture import Capture
from pipelines.metadata.alteration import turned_intrinsics, turned_pose
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference, Pose
from tests.pipelines.photographs import DJI, DJI_CAMERA, DJI_MAIN, GPS, dji_packet, photograph

VIEWER = "Microsoft Windows Photo Viewer 10.0.10240.16384"


def codes(capture: Capture) -> set[str]:
    return {finding.code for finding in capture.findings}


def test_a_turned_camera_sees_a_point_in_the_opposite_pixel() -> None:
    lens = Distortion(k1=-0.1, k2=0.02, p1=0.003, p2=-0.002)
    inner = Intrinsics(
        width_px=4000, height_px=3000, fx_px=3000, fy_px=2990, cx_px=2010, cy_px=1490,
        distortion=lens,
    )  # fmt: skip
    pose = Pose(
        latitude_deg=0, longitude_deg=0, height_m=1, height_reference=HeightReference.HAE,
        yaw_deg=40, pitch_deg=-60, roll_deg=3,
    )  # fmt: skip
    turned = turned_pose(pose)
    point = np.array([0.3, 0.4, 0.9])
    pixels = [
        project((ned_from_camera(p.yaw_deg, p.pitch_deg, p.roll_deg).T @ point)[None], camera)[0]
        for p, camera in ((pose, inner), (turned, turned_intrinsics(inner)))
    ]
    assert pixels[1] == pytest.approx(np.array([4000, 3000]) - pixels[0])


# Pixels of one thing in two frames, matched by SIFT; four of the six frames were turned by the
# viewer after the flight, so that without repair these lie 27 to 56 m apart.
MATCHES = [
    ("DJI_0024", (1906, 1627), "DJI_0025", (1926, 683)),
    ("DJI_0025", (2390, 1483), "DJI_0033", (1045, 858)),
    ("DJI_0025", (2071, 1911), "DJI_0033", (646, 1210)),
    ("DJI_0018", (3014, 1634), "DJI_0029", (1341, 1455)),
    ("DJI_0027", (3220, 804), "DJI_0033", (1816, 1984)),
]


@pytest.mark.parametrize(("one", "one_pixel", "other", "other_pixel"), MATCHES)
def test_one_thing_in_two_frames_lies_in_one_place(
    data_dir: Path,
    one: str,
    one_pixel: tuple[int, int],
    other: str,
    other_pixel: tuple[int, int],
) -> None:
    places = []
    for name, pixel in ((one, one_pixel), (other, other_pixel)):
        capture = read_capture((data_dir / f"photos/brighton_beach/{name}.JPG").read_bytes())
        pose, inner = capture.pose, capture.intrinsics
        assert pose is not None
        assert inner is not None
        ray = unproject(np.array([pixel], float), inner)[0]
        north, east, down = (
            ned_from_camera(pose.yaw_deg, pose.pitch_deg, pose.roll_deg) @ ray
        ).tolist()
        distance = pose.height_m * np.hypot(north, east) / down
        azimuth = np.degrees(np.arctan2(east, north))
        longitude, latitude, _ = Geod(ellps="WGS84").fwd(
            pose.longitude_deg, pose.latitude_deg, azimuth, distance
        )
        places.append((longitude, latitude))
    _, _, apart = Geod(ellps="WGS84").inv(*places[0], *places[1])
    # Two positions of 5 m and two headings of 5 degrees at 20 m: 7 m is one sigma of it.
    assert apart < 8.0


def test_the_viewer_is_named_and_only_where_it_wrote(data_dir: Path) -> None:
    folder = data_dir / "photos/brighton_beach"
    told = {
        path.stem
        for path in folder.glob("*.JPG")
        if "IMAGE_TURNED" in codes(read_capture(path.read_bytes()))
    }
    assert told == {"DJI_0024", "DJI_0025", "DJI_0027", "DJI_0029"}


def test_a_quarter_turn_has_no_known_camera() -> None:
    capture = read_capture(
        photograph(
            dji_packet(**DJI),
            size=(300, 400),
            main=DJI_MAIN | {305: VIEWER},
            camera=DJI_CAMERA | {40962: 300, 40963: 400},
            gps=GPS,
        )
    )
    assert capture.outcome is Outcome.NO_INTRINSICS
    assert "IMAGE_TURNED" in codes(capture)


def test_another_program_is_only_told(data_dir: Path) -> None:
    capture = read_capture((data_dir / "photos/skydio/skydio-catilina.jpg").read_bytes())
    assert capture.outcome is Outcome.LOCATED
    assert "SAVED_BY_EDITOR" in codes(capture)
    firmware = photograph(main=DJI_MAIN | {305: "v01.23.4920"}, gps=GPS)
    assert not {"SAVED_BY_EDITOR", "IMAGE_TURNED"} & codes(read_capture(firmware))
