from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from PIL import Image

from service.cli import doctor as doctor_module
from service.cli import machine_check
from service.cli.doctor import doctor
from service.cli.machine_check import Clock, Machine, Part, tell_machine

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
    Image.new("RGB", (400, 300)).save(image)
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


def test_a_folder_says_first_how_many_and_why_not(data_dir: Path, tmp_path: Path) -> None:
    for name in ("skydio/skydio-catilina.jpg", "sensefly/IMG_0505.jpg", "parrot/parrot-1.jpg"):
        (tmp_path / Path(name).name).write_bytes((data_dir / "photos" / name).read_bytes())
    (tmp_path / "broken.png").write_bytes(b"GIF89a")
    run = CliRunner().invoke(doctor, [str(tmp_path)])
    assert run.exit_code == 1
    lines = run.output.splitlines()
    assert lines[0] == "4 images: 1 can be located, 3 cannot."
    assert lines[1].split(maxsplit=1) == ["2", "no attitude in the metadata"]
    assert "state yaw_deg, pitch_deg and roll_deg in a pose file" in lines[2]
    assert "   1  not an image that can be read" in run.output
    # Each file after that, what needs a person before what does not.
    names = [line for line in lines if line.startswith(str(tmp_path))]
    assert len(names) == 4
    assert "skydio-catilina.jpg  can be located" in names[-1]
    everything = CliRunner().invoke(doctor, [str(tmp_path), "--verbose"]).output
    assert "SENSOR_CROPPED" in everything
    assert "SENSOR_CROPPED" not in run.output


def test_a_folder_of_good_frames_exits_with_0(data_dir: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        source = data_dir / "photos/skydio/skydio-catilina.jpg"
        (tmp_path / name).write_bytes(source.read_bytes())
    run = CliRunner().invoke(doctor, [str(tmp_path)])
    assert run.exit_code == 0
    assert run.output.startswith("2 images: all can be located.")


def test_reasons_for_programs(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"GIF89a")
    frame = str(data_dir / "photos/sensefly/IMG_0505.jpg")
    run = CliRunner().invoke(doctor, [str(tmp_path), frame, frame, "--json"])
    document = json.loads(run.stdout)
    assert document["reasons"] == [
        {"outcome": "no_attitude", "count": 2},
        {"outcome": "unreadable", "count": 1},
    ]
    assert document["terrain"] is None


# --- elevation models -----------------------------------------------------------------------------


def test_the_ground_below_a_frame_by_its_own_elevation_model(
    data_dir: Path, tmp_path: Path
) -> None:
    folder = data_dir / "photos/skydio"
    (tmp_path / "dem.tif").write_bytes((folder / "skydio-catilina-dem.tiff").read_bytes())
    arguments = [str(folder / "skydio-catilina.jpg"), "--dem", str(tmp_path)]
    run = CliRunner().invoke(doctor, [*arguments, "--json"])
    assert run.exit_code == 0
    terrain = json.loads(run.stdout)["terrain"]
    (frame,) = terrain["frames"]
    with rasterio.open(tmp_path / "dem.tif") as dem:
        (sample,) = next(dem.sample([(-110.924547, 32.518935)]))
    # The geoid lies 29 m below the ellipsoid there.
    assert frame["ground_hae_m"] == pytest.approx(float(sample) - 29, abs=3)
    assert frame["post_m"] == pytest.approx(26, abs=2)
    assert (frame["covered"], frame["gap_share"], terrain["missing"]) == (True, 0.0, 0)
    assert [told["code"] for told in terrain["findings"]] == ["DEM_DATUM_ASSUMED"]
    assert "ground is known below 1 of 1 camera" in CliRunner().invoke(doctor, arguments).output


def test_a_frame_outside_every_model_needs_a_tile(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "photos"
    (tmp_path / "dem.tif").write_bytes((folder / "skydio/skydio-catilina-dem.tiff").read_bytes())
    run = CliRunner().invoke(
        doctor, [str(folder / "brighton_beach/DJI_0018.JPG"), "--dem", str(tmp_path)]
    )
    assert run.exit_code == 1
    assert "can be located" in run.output
    assert "outside every model" in run.output
    # 46.8 north, 92.0 west.
    assert "Copernicus_DSM_COG_10_N46_00_W092_00_DEM.tif" in run.output


@pytest.mark.parametrize("hole", [True, False])
def test_a_gap_below_the_camera(data_dir: Path, tmp_path: Path, *, hole: bool) -> None:
    heights = np.full((200, 200), 975.0, np.float32)
    if hole:
        heights[90:110, 90:110] = -9999
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", width=200, height=200, count=1, dtype="float32",
        crs="EPSG:4326", nodata=-9999,
        transform=Affine(1e-4, 0, -110.934547, 0, -1e-4, 32.528935),
    ) as dem:  # fmt: skip
        dem.write(heights, 1)
    run = CliRunner().invoke(
        doctor, [str(data_dir / "photos/skydio/skydio-catilina.jpg"), "--dem", str(tmp_path)]
    )
    assert ("a gap below the camera" in run.output) == hole
    assert run.exit_code == int(hole)


def test_a_folder_without_models_says_so(data_dir: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(
        doctor, [str(data_dir / "photos/skydio/skydio-catilina.jpg"), "--dem", str(tmp_path)]
    )
    assert run.exit_code == 1
    assert "DEM_UNUSABLE" in run.output


def test_terrain_needs_the_services_extra(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module, "can_read_terrain", lambda: False)
    run = CliRunner().invoke(
        doctor, [str(data_dir / "photos/skydio/skydio-catilina.jpg"), "--dem", str(tmp_path)]
    )
    assert run.exit_code == 2
    assert "vedette[service]" in run.output


# --- the machine ----------------------------------------------------------------------------------


def test_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_part.py").write_text("raise OSError('no libGL')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    parts = {"rasterio": "rasters", "broken_part": "nothing", "never_installed": "nothing"}
    monkeypatch.setattr(machine_check, "_SERVICE_PARTS", parts)
    # torch takes seconds to load.
    monkeypatch.setattr(machine_check, "_ULTRALYTICS_PARTS", {})
    run = CliRunner().invoke(doctor, ["--json"])
    assert run.exit_code == 0
    document = json.loads(run.stdout)
    found: dict[str, Any] = {part["name"]: part for part in document["parts"]}
    assert found["rasterio"]["present"]
    assert found["rasterio"]["version"] == rasterio.__version__
    assert not found["broken_part"]["present"]
    assert "no libGL" in found["broken_part"]["action"]
    assert "install vedette[service]" in found["never_installed"]["action"]
    assert found["EGM96 geoid grid"]["present"]
    assert found["model vedette-n"]["present"]
    assert all(part["action"] for part in found.values() if not part["present"])
    assert document["disk"]["free_bytes"] > 0
    assert datetime.fromisoformat(document["clock"]["utc"]).tzinfo is not None


@pytest.mark.parametrize(
    ("synchronised", "free_gib", "told"),
    [
        (None, 10, "compare it with a watch"),
        (True, 10, "kept by a time source"),
        (False, 10, "set up NTP"),
        (True, 1, "1.0 GiB free in here: a service wants 2 GiB"),
    ],
)
def test_the_machine_in_words(
    capsys: pytest.CaptureFixture[str], *, synchronised: bool | None, free_gib: int, told: str
) -> None:
    part = Part(name="cv2", present=False, purpose="JPEG", action="install it")
    tell_machine(
        Machine(
            parts=(part,),
            folder=Path("here"),
            free_bytes=free_gib << 30,
            clock=Clock(now=datetime(2026, 3, 1, tzinfo=UTC), synchronised=synchronised),
        )
    )
    words = capsys.readouterr().out
    assert told in words
    assert "JPEG: install it" in words
    assert "--dem FOLDER" in words


@pytest.mark.parametrize("frame", ["photos/skydio/skydio-catilina.jpg", None])
def test_the_field_client_needs_no_part_of_the_service(data_dir: Path, frame: str | None) -> None:
    code = (
        "import sys\n"
        "for name in ('rasterio', 'cv2', 'openvino', 'scipy', 'sqlalchemy', 'torch', 'minio',\n"
        "             'pydantic', 'pydantic_settings', 'shapely'):\n"
        "    sys.modules[name] = None\n"
        "from service.cli import machine_check\n"
        "machine_check._SERVICE_PARTS = machine_check._ULTRALYTICS_PARTS = {}\n"
        "from service.cli.doctor import doctor\n"
        "doctor()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *([data_dir / frame] if frame else [])],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert ("can be located" if frame else "EGM96 geoid grid") in run.stdout
