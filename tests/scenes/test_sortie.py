from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from defusedxml import ElementTree
from PIL import Image
from pyproj import Geod

from scenes.outpost import RADIUS_M, flight, outpost, phantom
from scenes.sortie import Frame, PoseNoise, Sortie, photograph
from scenes.truth import boxes_of, things_of

AT = datetime(2026, 11, 24, 10, 11, 12, 500_000, tzinfo=UTC)
WORLD = outpost()
CAMERA = phantom(512)
DJI = "{http://www.dji.com/drone-dji/1.0/}"


@pytest.fixture(scope="module")
def frame() -> Frame:
    return photograph(WORLD, CAMERA, flight(WORLD, AT)[4])


def xmp_of(jpeg: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(jpeg)) as image:
        root = ElementTree.fromstring(image.info["xmp"])
    (description,) = root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    return {
        name.removeprefix(DJI): value
        for name, value in description.attrib.items()
        if name.startswith(DJI)
    }


def degrees(parts: tuple[float, float, float], reference: str) -> float:
    size = float(parts[0]) + float(parts[1]) / 60 + float(parts[2]) / 3600
    return -size if reference in "SW" else size


def test_exif_tells_the_true_place_and_time(frame: Frame) -> None:
    with Image.open(io.BytesIO(frame.jpeg)) as image:
        exif = image.getexif()
        gps, detail = exif.get_ifd(0x8825), exif.get_ifd(0x8769)
        assert image.size == (512, 341)
    view = frame.shot.viewpoint
    assert degrees(gps[2], gps[1]) == pytest.approx(view.latitude_deg, abs=1e-9)
    assert degrees(gps[4], gps[3]) == pytest.approx(view.longitude_deg, abs=1e-9)
    assert (gps[1], gps[3]) == ("S", "W")
    assert float(gps[6]) == pytest.approx(view.hae_m, abs=1e-3)
    assert gps[0x1D] == "2026:11:24"
    hour, minute, second = (float(part) for part in gps[7])
    assert (hour, minute, second) == (10.0, 11.0, 52.5)
    assert (exif[0x010F], exif[0x0110]) == ("DJI", "FC6310R")
    assert (detail[0xA002], detail[0xA003]) == (512, 341)
    assert float(detail[0x920A]) == 8.8


def test_xmp_tells_the_true_pose(frame: Frame) -> None:
    told = xmp_of(frame.jpeg)
    view = frame.shot.viewpoint
    assert float(told["GpsLatitude"]) == pytest.approx(view.latitude_deg, abs=1e-9)
    assert float(told["GpsLongitude"]) == pytest.approx(view.longitude_deg, abs=1e-9)
    assert float(told["AbsoluteAltitude"]) == pytest.approx(view.hae_m, abs=1e-6)
    assert float(told["RelativeAltitude"]) == pytest.approx(62.0, abs=1e-6)
    assert float(told["GimbalYawDegree"]) % 360 == pytest.approx(view.yaw_deg, abs=1e-9)
    assert float(told["GimbalPitchDegree"]) == -84.0
    assert float(told["GimbalRollDegree"]) == 0.0
    assert told["RtkFlag"] == "50"
    assert float(told["CalibratedFocalLength"]) == pytest.approx(CAMERA.fx_px, abs=1e-6)


def test_the_metadata_of_a_noisy_flight_are_off_by_the_stated_sigmas() -> None:
    noise = PoseNoise(horizontal_m=3.0, vertical_m=2.0, yaw_deg=4.0, pitch_deg=1.5, roll_deg=1.0)
    small = phantom(64)
    errors = []
    for seed in range(60):
        taken = photograph(WORLD, small, flight(WORLD, AT)[1], noise=noise, noise_seed=seed)
        told, true = taken.written, taken.shot.viewpoint
        shift = told.place_in(WORLD.frame) - true.place_in(WORLD.frame)
        errors.append(
            (
                shift[0] / 3.0,
                shift[1] / 3.0,
                (told.hae_m - true.hae_m) / 2.0,
                (told.yaw_deg - true.yaw_deg) / 4.0,
                (told.pitch_deg - true.pitch_deg) / 1.5,
                (told.roll_deg - true.roll_deg) / 1.0,
            )
        )
    table = np.array(errors)
    # 60 draws: the standard deviation is known to 9 %, the mean to 0.13.
    assert table.std(axis=0) == pytest.approx(np.ones(6), abs=0.3)
    assert np.abs(table.mean(axis=0)).max() < 0.45
    fields = xmp_of(taken.jpeg)
    assert "RtkFlag" not in fields
    assert float(fields["GimbalPitchDegree"]) == pytest.approx(told.pitch_deg, abs=1e-8)
    # Both heights carry the same error, as they come from one instrument.
    assert float(fields["RelativeAltitude"]) - 62.0 == pytest.approx(
        float(fields["AbsoluteAltitude"]) - true.hae_m, abs=2e-3
    )


def test_without_rtk_the_absolute_height_is_above_the_geoid() -> None:
    noise = PoseNoise(horizontal_m=3.0)
    taken = photograph(WORLD, phantom(64), flight(WORLD, AT)[1], noise=noise, undulation_m=18.0)
    told = float(xmp_of(taken.jpeg)["AbsoluteAltitude"])
    assert told == pytest.approx(taken.shot.viewpoint.hae_m - 18.0, abs=1e-3)


def test_the_same_shot_is_the_same_file(frame: Frame) -> None:
    assert photograph(WORLD, CAMERA, flight(WORLD, AT)[4]).jpeg == frame.jpeg


def test_truth_is_json_and_names_what_stands_where(frame: Frame) -> None:
    document = json.loads(
        json.dumps(Sortie(world=WORLD, camera=CAMERA, frames=(frame,)).truth_json())
    )
    assert document["rendered"] is True
    assert {thing["thing_id"] for thing in document["things"]} == {
        thing.thing_id for thing in WORLD.things
    }
    shown = {box["thing_id"] for box in document["frames"][0]["boxes"]}
    assert {"near-4-van", "near-5-car"} <= shown


def test_threats_and_bystanders_of_the_post_are_far_from_its_radius() -> None:
    middle = WORLD.frame
    geod = Geod(ellps="WGS84")
    for thing in things_of(WORLD):
        _, _, distance = geod.inv(
            middle.longitude_deg, middle.latitude_deg, thing.longitude_deg, thing.latitude_deg
        )
        if thing.thing_id.startswith("near"):
            assert distance < RADIUS_M - 10, thing
        else:
            assert distance > RADIUS_M + 35, thing


def test_every_thing_is_seen_whole_and_every_threat_more_than_once() -> None:
    camera = phantom()
    counts = dict.fromkeys((thing.thing_id for thing in WORLD.things), 0)
    for shot in flight(WORLD, AT):
        for box in boxes_of(WORLD, camera, shot.viewpoint):
            counts[box.thing_id] += box.shown > 0.99
    assert min(counts.values()) >= 1
    assert min(count for name, count in counts.items() if name.startswith("near")) >= 3
