from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.doctor import doctor
from tests.pipelines.photographs import photograph

ROOT = Path(__file__).resolve().parents[2]


def test_a_frame_that_can_be_located(data_dir: Path) -> None:
    path = data_dir / "photos/skydio/skydio-catilina.jpg"
    run = CliRunner().invoke(doctor, [str(path)])
    assert run.exit_code == 0
    assert "can be located" in run.output
    assert "32.518935, -110.924547" in run.output
    assert "IMAGE_RESIZED" in run.output
    assert "\x1b" not in run.output


def test_one_that_cannot_says_why_and_what_to_do(data_dir: Path) -> None:
    run = CliRunner().invoke(doctor, [str(data_dir / "photos/sensefly/IMG_0505.jpg")])
    assert run.exit_code == 1
    assert "cannot be located: no attitude in the metadata" in run.output
    assert "state yaw_deg, pitch_deg and roll_deg in a pose file" in run.output


def test_a_folder_as_json(data_dir: Path, tmp_path: Path) -> None:
    for name in ("skydio/skydio-catilina.jpg", "sensefly/IMG_0505.jpg"):
        (tmp_path / Path(name).name).write_bytes((data_dir / "photos" / name).read_bytes())
    (tmp_path / "broken.png").write_bytes(b"GIF89a")
    (tmp_path / "notes.txt").write_text("not an image")
    run = CliRunner().invoke(doctor, [str(tmp_path), "--json"])
    assert run.exit_code == 1
    document = json.loads(run.stdout)
    assert (document["located"], document["not_located"]) == (1, 2)
    outcomes = {Path(one["file_name"]).name: one["outcome"] for one in document["images"]}
    assert outcomes == {
        "broken.png": "unreadable",
        "IMG_0505.jpg": "no_attitude",
        "skydio-catilina.jpg": "located",
    }
    skydio = next(one for one in document["images"] if one["located"])
    assert skydio["camera"]["width_px"] == 1500
    assert skydio["pose"]["height_reference"] == "above_ground"
    assert skydio["captured_at"] == "2021-01-27T23:09:51+00:00"


def test_a_raster_needs_no_pose(data_dir: Path) -> None:
    run = CliRunner().invoke(doctor, [str(data_dir / "photos/skydio/skydio-catilina-dem.tiff")])
    assert run.exit_code == 0
    assert "georeferenced" in run.output
    assert "NO_ATTITUDE" not in run.output


def test_with_a_pose_file(tmp_path: Path) -> None:
    image, pose = tmp_path / "a.jpg", tmp_path / "pose.json"
    image.write_bytes(photograph())
    pose.write_text(
        '{"latitude_deg": 1, "longitude_deg": 2, "height_m": 90, "height_reference": "hae",'
        '"yaw_deg": 0, "pitch_deg": -90, "camera": {"width_px": 400, "height_px": 300, '
        '"fx_px": 350}}'
    )
    run = CliRunner().invoke(doctor, [str(image), "--pose", str(pose)])
    assert run.exit_code == 0
    assert "POSE_STATED" in run.output


@pytest.mark.parametrize("arguments", [["absent.jpg"], ["--pose", "absent.json"], ["--what"]])
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(doctor, arguments).exit_code == 2


def test_an_empty_folder_is_a_usage_error(tmp_path: Path) -> None:
    assert CliRunner().invoke(doctor, [str(tmp_path)]).exit_code == 2


def test_the_machine() -> None:
    run = CliRunner().invoke(doctor, ["--json"])
    assert run.exit_code == 0
    parts = {part["name"]: part for part in json.loads(run.stdout)["parts"]}
    assert parts["rasterio"]["present"]
    assert parts["EGM96 geoid grid"]["present"]
    assert parts["model vedette-n"]["present"]
    assert all(part["action"] for part in parts.values() if not part["present"])
    assert "present" in CliRunner().invoke(doctor, []).output


def test_the_field_client_needs_no_part_of_the_service(data_dir: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('rasterio', 'cv2', 'openvino', 'scipy', 'sqlalchemy', 'torch', 'minio',\n"
        "             'pydantic', 'pydantic_settings', 'shapely'):\n"
        "    sys.modules[name] = None\n"
        "from service.cli.doctor import doctor\n"
        "doctor()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, data_dir / "photos/skydio/skydio-catilina.jpg"],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "can be located" in run.stdout
