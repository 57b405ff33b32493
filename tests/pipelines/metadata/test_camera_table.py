from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.metadata.camera_table import find_camera, is_fisheye

ROOT = Path(__file__).resolve().parents[3]


def test_the_figures_of_a_camera() -> None:
    found = find_camera("DJI", "FC300S", 3.61, (4000, 2250))
    assert found is not None
    # 6.3175 mm over 4000 pixels, by the source's own entry.
    assert found.intrinsics.fx_px == pytest.approx(3.61 / (6.3175 / 4000), rel=1e-6)
    assert (found.intrinsics.width_px, found.intrinsics.height_px) == (4000, 3000)
    assert found.focal_sigma == 0.01


def test_thermal_and_visible_of_one_name_are_told_by_size() -> None:
    visible = find_camera("dji", "ZH20T", 4.5, (4056, 3040))
    thermal = find_camera("DJI", " ZenmuseH20T", 13.5, (640, 512))
    assert visible is not None
    assert thermal is not None
    assert visible.intrinsics.width_px == 4056
    assert (thermal.intrinsics.width_px, thermal.intrinsics.height_px) == (640, 512)
    assert thermal.intrinsics.fx_px == pytest.approx(13.5 / 0.012)


@pytest.mark.parametrize(
    ("make", "model", "focal"),
    [(None, "x", 3.0), ("DJI", "unheard of", 3.0), ("DJI", "FC220", None)],
)
def test_what_is_not_known_is_none(make: str | None, model: str, focal: float | None) -> None:
    assert find_camera(make, model, focal, (4000, 3000)) is None


def test_a_fisheye_is_no_pinhole() -> None:
    assert is_fisheye("Parrot", "BEBOP 2")
    assert find_camera("Parrot", "BEBOP 2", 1.8, (4096, 3320)) is None
    assert not is_fisheye("DJI", "FC300S")


def test_a_table_that_contradicts_itself_is_trusted_less() -> None:
    found = find_camera("DJI", "FC2103", 4.5, (4056, 3040))
    assert found is not None
    assert found.focal_sigma == pytest.approx(
        abs((4.337884 / 3040) / (6.097268 / 4056) - 1), abs=1e-4
    )


def test_the_table_is_what_its_tool_makes_of_its_source(data_dir: Path) -> None:
    source = data_dir / "photos/openathena/droneModels.json"
    assert len(json.loads(source.read_text())["droneCCDParams"]) == 106
    made = subprocess.run(
        [sys.executable, ROOT / "deploy/make_camera_table.py", source],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert made == (ROOT / "pipelines/data/cameras.toml").read_text()
