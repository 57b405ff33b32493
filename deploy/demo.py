# ruff: noqa: INP001 - a script, not a package
"""Watch the whole path for real: from photographs to incidents, on a service of its own.

    python deploy/demo.py                      a rendered sortie, compared with its truth
    python deploy/demo.py --photos PATH        your own photographs (a file or a folder)

Everything the service keeps lies in a temporary folder that is gone at the end; what there is to
look at is saved in a folder whose name is printed. Exit status: 0 when all goals are met (with
--photos: when every photograph was processed), 1 when not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType

from demo_service import (
    CATEGORIES,
    Outcome,
    Watcher,
    level_of,
    register,
    running_service,
    say,
    work,
)
from pyproj import Geod
from vedette.v1 import ground_pb2, imagery_pb2

from models.errors import InvalidInputError, VedetteError
from models.wording import counted
from pipelines.imagery.media import read_header
from pipelines.metadata.exif import read_exif
from scenes import outpost
from scenes.comparison import compare, things_within
from scenes.scorecard import Alarm, Goal, Scorecard
from scenes.sortie import Sortie, photograph
from service.client import Client
from service.clock import utc_now

PHOTO_RADIUS_M = 500.0
PHOTO_POSITION_M = 300.0
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the command line asks for."""

    photos: Path | None
    position: tuple[float, float] | None
    dem: Path | None
    keep: Path | None
    json_file: Path | None


def render_sortie(folder: Path) -> Sortie:
    """Photograph the made-up post, two frames at a time."""
    world, camera = outpost.outpost(), outpost.phantom()
    shots = outpost.flight(world, utc_now().replace(microsecond=0) - timedelta(minutes=5))
    frames = []
    with ThreadPoolExecutor(2) as pool:
        for frame in pool.map(
            lambda shot: photograph(world, camera, shot, undulation_m=outpost.UNDULATION_M), shots
        ):
            (folder / frame.shot.file_name).write_bytes(frame.jpeg)
            frames.append(frame)
            say(f"  rendered {frame.shot.file_name}  {len(frames)}/{len(shots)}")
    return Sortie(world=world, camera=camera, frames=tuple(frames))


def rendered(options: Options, out: Path, scratch: Path) -> bool:
    """The rendered sortie; whether the goals are met."""
    say("This is a RENDERED scene: a made-up post on open sea, drawn by scenes/, with known truth.")
    photos = scratch / "photos"
    photos.mkdir()
    began = time.monotonic()
    sortie = render_sortie(photos)
    rendering = time.monotonic() - began
    place = (outpost.LATITUDE_DEG, outpost.LONGITUDE_DEG)
    threats = things_within(sortie, *place, outpost.RADIUS_M)
    say(
        f"{len(sortie.things)} vehicles and people planted, {len(threats)} of them within "
        f"{outpost.RADIUS_M:.0f} m of the post ({rendering:.0f} s)"
    )
    files = [photos / frame.shot.file_name for frame in sortie.frames]
    outcome = run(options, out, scratch, files, place, "Made-up post", outpost.RADIUS_M)
    outcome.seconds["render"] = rendering
    (out / "truth.json").write_text(json.dumps(sortie.truth_json(), indent=1), "utf-8")
    return judge(options, out, sortie, outcome)


def run(
    options: Options,
    out: Path,
    scratch: Path,
    files: list[Path],
    place: tuple[float, float],
    name: str,
    radius_m: float,
) -> Outcome:
    """One service from start to end around one sortie."""
    began = time.monotonic()
    with running_service(scratch / "data", out / "service.log", options.dem) as endpoint:
        with Client(endpoint) as client:
            register(client, place, name, radius_m)
            say(f"service at {endpoint.address}, ready after {time.monotonic() - began:.1f} s")
            say(
                f"position {name!r} at {place[0]:.6f}, {place[1]:.6f}; rule: any of "
                f"{', '.join(CATEGORIES)} within {radius_m:.0f} m"
            )
            with Watcher(endpoint) as watcher:
                outcome = work(client, watcher, files, out)
        say("stopping the service")
    outcome.seconds["total"] = time.monotonic() - began
    return outcome


def judge(options: Options, out: Path, sortie: Sortie, outcome: Outcome) -> bool:
    """Compare with the truth, print and save the tables; whether the goals are met."""
    card = Scorecard(
        sortie=sortie,
        post=(outpost.LATITUDE_DEG, outpost.LONGITUDE_DEG),
        radius_m=outpost.RADIUS_M,
        comparison=compare(sortie, outcome.claims),
        alarms=tuple(
            Alarm(
                latitude_deg=one.ground.latitude_deg,
                longitude_deg=one.ground.longitude_deg,
                ce90_m=one.ground.ce90_m,
                level=level_of(one),
            )
            for one in outcome.incidents
        ),
    )
    failed = [name for name, imagery in outcome.imagery.items() if imagery.failure]
    goals = [*card.goals, Goal(text=f"frames that failed: {len(failed)}", met=not failed)]
    met = all(goal.met for goal in goals)
    say()
    for line in card.text_lines():
        say("  " + line)
    say()
    for goal in goals:
        say(f"  {'met   ' if goal.met else 'MISSED'}  {goal.text}")
    say(f"          {card.summary}")
    say("          " + ", ".join(f"{step} {took:.0f} s" for step, took in outcome.seconds.items()))
    lines = ["The scene is rendered; its truth is known exactly.", "", *card.markdown_lines(), ""]
    lines += [f"- {'met' if goal.met else '**missed**'}: {goal.text}" for goal in goals]
    (out / "table.md").write_text("\n".join(lines) + "\n", "utf-8")
    if options.json_file is not None:
        figures = {**card.figures(), "goals_met": met, "seconds": outcome.seconds}
        options.json_file.write_text(json.dumps(figures, indent=1), "utf-8")
    return met


def photographs(options: Options, out: Path, scratch: Path) -> bool:
    """Real photographs; whether all were processed."""
    given = options.photos
    if given is None or not given.exists():
        raise InvalidInputError(f"no such file or folder: {given}", field="photos")
    files = (
        sorted(path for path in given.rglob("*") if path.suffix.lower() in SUFFIXES)
        if given.is_dir()
        else [given]
    )
    if not files:
        raise InvalidInputError(f"no JPEG, PNG or TIFF file in {given}", field="photos")
    copies = scratch / "photos"
    copies.mkdir()
    numbered = []
    for index, path in enumerate(files):
        # Files of one name from several folders must not be taken for one another.
        copy = copies / (path.name if path.name not in numbered else f"{index}-{path.name}")
        numbered.append(copy.name)
        shutil.copyfile(path, copy)
    place = options.position
    if place is None:
        place = _beside_camera([copies / name for name in numbered])
        say(f"no --position given: placed {PHOTO_POSITION_M:.0f} m north of the first camera")
    outcome = run(
        options, out, scratch, [copies / name for name in numbered], place, "Post", PHOTO_RADIUS_M
    )
    say()
    for name, imagery in outcome.imagery.items():
        mine = [claim for claim in outcome.claims if claim.file_name == name]
        placed = sum(claim.latitude_deg is not None for claim in mine)
        told = imagery_pb2.ImageryState.Name(imagery.state).removeprefix("IMAGERY_STATE_").lower()
        place_told = ground_pb2.Outcome.Name(imagery.outcome).removeprefix("OUTCOME_")
        say(
            f"  {name}: {told}, {place_told.lower().replace('_', ' ')}; "
            f"{counted(len(mine), 'detection')}, {placed} of them located"
        )
        for finding in imagery.findings:
            say(f"    {finding.code}: {finding.message}")
        if imagery.failure:
            say(f"    {imagery.failure}")
    say(
        f"  {counted(len(outcome.incidents), 'incident')} within {PHOTO_RADIUS_M:.0f} m of the "
        "position"
    )
    if options.json_file is not None:
        document = {
            "rendered": False,
            "incidents": len(outcome.incidents),
            "claims": [asdict(claim) for claim in outcome.claims],
            "seconds": outcome.seconds,
        }
        options.json_file.write_text(json.dumps(document, indent=1), "utf-8")
    return not any(imagery.failure for imagery in outcome.imagery.values())


def _beside_camera(files: list[Path]) -> tuple[float, float]:
    """A position 300 m north of the first camera that says where it was."""
    for path in files:
        exif = read_exif(read_header(path.read_bytes()).exif)
        if exif.latitude_deg is not None and exif.longitude_deg is not None:
            longitude, latitude, _ = Geod(ellps="WGS84").fwd(
                exif.longitude_deg, exif.latitude_deg, 0.0, PHOTO_POSITION_M
            )
            return float(latitude), float(longitude)
    raise InvalidInputError(
        "no photograph says where its camera was; give --position LAT,LON", field="position"
    )


def _pair(text: str) -> tuple[float, float]:
    latitude, longitude = (float(part) for part in text.split(","))
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise argparse.ArgumentTypeError("latitude or longitude out of range")
    return latitude, longitude


def parse(arguments: list[str] | None) -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="From photographs to incidents, on a service of its own."
    )
    parser.add_argument(
        "--photos", type=Path, metavar="PATH", help="your photographs instead of a rendered sortie"
    )
    parser.add_argument(
        "--position",
        type=_pair,
        metavar="LAT,LON",
        help="with --photos: where the peacekeepers are; 300 m north of the first camera if left "
        "out (write --position=-2.7,-8.1 for negative figures)",
    )
    parser.add_argument(
        "--dem", type=Path, metavar="DIR", help="with --photos: a folder of elevation models"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="save pictures and tables there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    given = parser.parse_args(arguments)
    return Options(
        photos=given.photos,
        position=given.position,
        dem=given.dem,
        keep=given.keep,
        json_file=given.json,
    )


def _terminated(number: int, frame: FrameType | None) -> None:
    """End by SIGTERM as by Ctrl-C: through the clean-up."""
    del number, frame
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration; its exit status."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    out = options.keep or Path(tempfile.mkdtemp(prefix="vedette-demo-"))
    out.mkdir(parents=True, exist_ok=True)
    path: Callable[[Options, Path, Path], bool] = photographs if options.photos else rendered
    try:
        with tempfile.TemporaryDirectory(prefix="vedette-demo-data-") as scratch:
            met = path(options, out, Path(scratch))
    except VedetteError as error:
        say(f"demo: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped before the end")
        return 130
    pictures = sorted(out.glob("*.annotated-image.jpg"))
    say()
    say(f"saved in {out}: annotated pictures, KMZ, GeoJSON, evidence, service.log")
    if pictures:
        say(f"open {pictures[min(2, len(pictures) - 1)]}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
