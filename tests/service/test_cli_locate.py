"""`vedette locate` as a person and a program call it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyproj
import pytest
from click.testing import CliRunner, Result

from models.errors import InvalidInputError
from service.cli.locate import locate

POSE: dict[str, Any] = {
    "latitude_deg": 6.0,
    "longitude_deg": 30.0,
    "height_m": 100.0,
    "height_reference": "above_ground",
    "yaw_deg": 90.0,
    "pitch_deg": -45.0,
    "roll_deg": 0.0,
    "camera": {"width_px": 4000, "height_px": 3000, "fx_px": 3000.0, "fy_px": 3000.0},
}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(locate, arguments, input=stdin, catch_exceptions=False)


def batch(*lines: dict[str, Any] | str, code: int = 0) -> list[dict[str, Any]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    result = run("--batch", "-", "--json", stdin=text + "\n")
    assert result.exit_code == code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def asked(identifier: object, pixel: list[float], **changes: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "pose": {**POSE, **changes},
        "pixel": pixel,
        "ground_hae_m": 900.0,
    }


def test_a_batch_is_answered_line_by_line() -> None:
    centre, sky, nadir = batch(
        asked("centre", [2000, 1500]),
        asked(7, [2000, 10], pitch_deg=0.0),
        asked(None, [2000, 1500], pitch_deg=-90.0),
    )
    assert (centre["id"], sky["id"], nadir["id"]) == ("centre", 7, None)
    assert centre["outcome"] == "located"
    # 45 degrees down to the east, by PROJ's geodesic; the drop of the curved Earth is a millimetre.
    azimuth, _, distance = pyproj.Geod(ellps="WGS84").inv(
        30.0, 6.0, centre["longitude_deg"], centre["latitude_deg"]
    )
    assert azimuth == pytest.approx(90.0, abs=1e-4)
    # On the ellipsoid a hundred metres at 900 m of height are that much less.
    assert distance == pytest.approx(100.0 * 6378137 / (6378137 + 900), abs=0.01)
    assert centre["hae_m"] == pytest.approx(900.0, abs=1e-3)
    assert centre["slant_range_m"] == pytest.approx(100 * math.sqrt(2), abs=0.01)
    assert centre["depression_deg"] == pytest.approx(45.0, abs=1e-4)
    assert centre["terrain"] == "flat:stated_height"
    assert [len(row) for row in centre["covariance_enu_m2"]] == [3, 3, 3]
    assert centre["ce90_m"] > 10.0
    assert sky["outcome"] == "above_horizon"
    assert sky["latitude_deg"] is None
    assert nadir["latitude_deg"] == pytest.approx(6.0, abs=1e-9)


def test_stated_sigmas_are_used() -> None:
    (exact,) = batch(
        asked(
            1,
            [2000, 1500],
            sigmas=dict.fromkeys(
                (
                    "horizontal_m",
                    "vertical_m",
                    "yaw_deg",
                    "pitch_deg",
                    "roll_deg",
                    "pixel_px",
                    "terrain_m",
                ),
                0.0,
            ),
        )
    )
    assert exact["ce90_m"] == 0.0
    assert exact["le90_m"] == 0.0


def test_a_bad_line_is_named_and_the_others_go_on() -> None:
    answers = batch(
        asked("good", [2000, 1500]),
        "{ not json",
        asked("north", [2000, 1500], latitude_deg=91.0),
        asked("pixel", [2000.0]),
        {**asked("ground", [1, 1]), "ground_hae_m": True},
        {**asked("key", [1, 1]), "pixels": [1, 1]},
        {"id": "empty"},
        '{"id": "nan", "pixel": [NaN, 1], "pose": {}}',
        "[1]",
        "",
        asked("last", [2000, 1500]),
        code=1,
    )
    assert [answer.get("outcome") for answer in answers] == ["located", *[None] * 8, "located"]
    assert [answer["error"]["field"] for answer in answers[1:-1]] == [
        "",
        "pose.latitude_deg",
        "pixel",
        "ground_hae_m",
        "pixels",
        "pixel",
        "",
        "",
    ]
    assert answers[2]["id"] == "north"
    assert answers[2]["line"] == 3
    assert all(answer["error"]["reason"] for answer in answers[1:-1])


def test_what_cannot_be_located_has_an_outcome() -> None:
    outside, blind, below, high = batch(
        asked("outside", [4001, 1]),
        asked("blind", [1, 1], camera=None),
        asked("below", [1, 1], height_m=850.0, height_reference="hae"),
        {key: value for key, value in asked("high", [1, 1]).items() if key != "ground_hae_m"}
        | {"pose": {**POSE, "height_reference": "msl"}},
    )
    assert outside["outcome"] == "outside_image"
    assert blind["outcome"] == "no_intrinsics"
    assert below["outcome"] == "pose_rejected"
    assert below["findings"][0]["code"] == "CAMERA_BELOW_GROUND"
    assert high["outcome"] == "no_height"


def test_a_key_given_twice_is_refused_wherever_it_stands() -> None:
    line = json.dumps(asked("a", [2000, 1500]))
    pose, whole = batch(
        line.replace('"yaw_deg": 90.0', '"yaw_deg": 90.0, "yaw_deg": 270.0'),
        line.replace('"id": "a"', '"id": "a", "id": "b"'),
        code=1,
    )
    assert (pose["error"]["field"], whole["error"]["field"]) == ("yaw_deg", "id")
    assert "given twice" in pose["error"]["reason"]


def test_a_camera_of_one_fixed_lens_is_looked_up_by_its_name() -> None:
    # 9.1 mm over pixels of 12 um, as the maker of the XL715's thermal camera publishes them.
    named = {"make": "Autel Robotics", "model": "XL715", "width_px": 640, "height_px": 512}
    focal = 9.1 / 0.012
    by_name, by_figures, silent, unknown = batch(
        asked("name", [100, 300], camera=named),
        asked("figures", [100, 300], camera={**named, "fx_px": focal}),
        asked("silent", [1, 1], camera={"make": "DJI", "model": "FC3411"}),
        asked("unknown", [1, 1], camera={**named, "model": "none"}),
    )
    assert by_name["outcome"] == "located"
    for key in ("latitude_deg", "longitude_deg", "slant_range_m"):
        assert by_name[key] == pytest.approx(by_figures[key], abs=1e-7 if "deg" in key else 1e-3)
    # A focal length of the table is less sure than a stated one.
    assert by_name["ce90_m"] > by_figures["ce90_m"]
    assert [one["code"] for one in by_name["findings"]] == ["INTRINSICS_SOURCE"]
    assert silent["outcome"] == unknown["outcome"] == "no_intrinsics"
    for answer in (silent, unknown):
        assert [one["code"] for one in answer["findings"]] == ["NO_INTRINSICS"]
        assert "camera.fx_px" in answer["findings"][0]["message"]


def test_text_of_a_batch_tells_findings() -> None:
    result = run("--batch", "-", stdin=json.dumps(asked("car", [1, 1], camera=None)) + "\n")
    first, second = result.stdout.splitlines()
    assert first.startswith("car: ")
    assert second.split()[0] == "error"
    assert "camera.fx_px" in second


def test_without_ground_only_a_height_above_it_is_known() -> None:
    line = asked("a", [2000, 1500])
    del line["ground_hae_m"]
    (answer,) = batch(line)
    assert answer["outcome"] == "located"
    assert answer["hae_m"] is None
    assert answer["le90_m"] is None
    assert answer["terrain"] == "flat:relative_height"


def test_a_batch_for_people_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pixels.jsonl"
    file.write_text(json.dumps(asked("car", [2000, 1500])) + "\nnothing\n")
    result = run("--batch", str(file))
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first.startswith("car: 6.0000")
    assert "CE90" in first
    assert second.startswith("-: line 2: the line is not JSON")


def test_the_skydio_photograph(data_dir: Path) -> None:
    folder = data_dir / "photos" / "skydio"
    image = str(folder / "skydio-catilina.jpg")
    result = run(image, "--pixel", "750,600", "--dem", str(folder), "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["outcome"] == "located"
    assert answer["mgrs"].startswith("12S WA 07")
    assert answer["latitude_deg"] == pytest.approx(32.51811, abs=2e-4)
    assert answer["longitude_deg"] == pytest.approx(-110.92328, abs=2e-4)
    sky = json.loads(run(image, "--pixel", "750,10", "--dem", str(folder), "--json").stdout)
    assert sky["outcome"] == "above_horizon"
    assert sky["hae_m"] is None
    spoken = run(image, "--pixel", "750,10", "--dem", str(folder))
    assert spoken.exit_code == 0
    assert "above the horizon" in spoken.stdout


def test_a_pose_file_stands_in_for_metadata(data_dir: Path, tmp_path: Path) -> None:
    image = str(data_dir / "photos" / "sensefly" / "IMG_0505.jpg")
    blind = json.loads(run(image, "--pixel", "100,100", "--json").stdout)
    assert blind["outcome"] == "no_attitude"
    pose = tmp_path / "pose.json"
    pose.write_text(
        json.dumps({**POSE, "camera": {"width_px": 4000, "height_px": 3000, "fx_px": 3000.0}})
    )
    seen = json.loads(run(image, "--pixel", "100,100", "--pose", str(pose), "--json").stdout)
    assert seen["outcome"] == "located"
    assert seen["terrain"] == "flat:relative_height"


def test_wrong_usage_is_told() -> None:
    assert run().exit_code == 2
    assert run("--batch", "-", "--pixel", "1,2", stdin="").exit_code == 2
    result = run(__file__, "--pixel", "1;2")
    assert result.exit_code == 2
    assert "comma" in result.output


def test_a_file_that_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        run(__file__, "--pixel", "1,2")
