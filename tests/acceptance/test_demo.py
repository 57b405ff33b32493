"""The demonstration, run as a person runs it: the real service, model, object store and client."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

DEMO = Path(__file__).resolve().parents[2] / "deploy" / "demo.py"


def run(*arguments: str, timeout_s: float = 200.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DEMO), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def test_the_rendered_sortie_meets_its_goals(tmp_path: Path) -> None:
    out, figures_file = tmp_path / "out", tmp_path / "figures.json"
    began = time.monotonic()
    ended = run("--keep", str(out), "--json", str(figures_file))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert time.monotonic() - began < 120
    assert "RENDERED" in ended.stdout
    assert ended.stdout.count(" raised ") == 7
    figures = json.loads(figures_file.read_text("utf-8"))
    # Counted here from the cases themselves, not taken from the summary.
    near = [
        case
        for case in figures["cases"]
        if case["thing"].startswith("near") and not case["thing"].endswith("person")
    ]
    placed = [case for case in near if case["error_m"] is not None]
    assert len(placed) >= 0.8 * len(near) >= 12
    assert sum(case["error_m"] <= case["ce90_m"] for case in placed) >= 0.85 * len(placed)
    assert sorted(case["error_m"] for case in placed)[len(placed) // 2] < 1.0
    # An ellipse as wide as the scene would hold everything and say nothing.
    assert sorted(case["ce90_m"] for case in placed)[len(placed) // 2] < 25.0
    assert figures["incidents"] == figures["planted_threats"] == 7
    pictures = sorted(out.glob("DJI_*.annotated-image.jpg"))
    assert len(pictures) == 8
    with Image.open(pictures[0]) as picture:
        assert picture.size[0] == 2048
    overlays = sorted(out.glob("DJI_*.kmz"))
    assert overlays
    with zipfile.ZipFile(overlays[0]) as archive:
        assert "doc.kml" in archive.namelist()
    log = (out / "service.log").read_text("utf-8")
    assert log.rstrip().endswith("stopped"), log[-2000:]
    assert "did not end" not in ended.stdout


def test_a_photograph_without_attitude_is_told_so(data_dir: Path, tmp_path: Path) -> None:
    photo = data_dir / "photos" / "sensefly" / "IMG_0505.jpg"
    ended = run("--photos", str(photo), "--keep", str(tmp_path / "out"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 of them located" in ended.stdout
    assert "no attitude" in ended.stdout
    assert "0 incidents" in ended.stdout


def test_a_terminated_demonstration_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, str(DEMO), "--keep", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("service at "):
                child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 130
    assert not list(tmp_path.glob("vedette-demo-data-*"))
    assert "stopped" in (out / "service.log").read_text("utf-8")


@pytest.mark.parametrize("arguments", [("--photos", "no-such-folder"), ("--position", "95,0")])
def test_a_wrong_argument_is_one_clear_line(arguments: tuple[str, str], tmp_path: Path) -> None:
    ended = run(*arguments, "--keep", str(tmp_path / "out"))
    assert ended.returncode in (1, 2)
    assert "Traceback" not in ended.stderr
    assert arguments[1] in ended.stdout + ended.stderr or "range" in ended.stderr
