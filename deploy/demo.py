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
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Self

from pyproj import Geod
from vedette.v1 import (
    imagery_pb2,
    incident_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)

from models.errors import InvalidInputError, VedetteError
from pipelines.capture_reader import read_capture
from scenes import outpost
from scenes.comparison import (
    VEHICLES,
    Claim,
    Comparison,
    compare,
    distance_m,
    pair,
    things_within,
)
from scenes.sortie import Sortie, photograph
from scenes.truth import ThingTruth
from service.client import Client
from service.clock import utc_now
from service.endpoint import FILE_NAME, Endpoint, EndpointError

MISSION = "missions/demo"
PLEDGE = f"{MISSION}/pledges/demo-uas"
SORTIE = "sortie-1"
CATEGORIES = ("person", "car", "van", "truck", "bus")
MIN_CONFIDENCE = 0.4
PHOTO_RADIUS_M = 500.0
PHOTO_POSITION_M = 300.0
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
START_S, STOP_S, WORK_S = 90.0, 40.0, 600.0

GOAL_INSIDE, GOAL_MEDIAN_M = 0.85, 1.0


def say(line: str = "") -> None:
    """One line to the person at the terminal, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the command line asks for."""

    photos: Path | None
    position: tuple[float, float] | None
    dem: Path | None
    keep: Path | None
    json_file: Path | None


@dataclass(kw_only=True, slots=True)
class Outcome:
    """What came of one run.

    Attributes:
        imagery: file name to processed imagery.
        incidents: as they stand at the end.
        claims: every detection, from the GeoJSON product of its frame.
        seconds: how long each step took.
    """

    imagery: dict[str, imagery_pb2.Imagery] = field(default_factory=dict)
    incidents: list[incident_pb2.Incident] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def running_service(data_dir: Path, log: Path, dem: Path | None) -> Iterator[Endpoint]:
    """`vedette serve` as a child, from its first answer to its end by SIGTERM."""
    beside = Path(sys.executable).with_name("vedette")
    command = (
        [str(beside)]
        if beside.exists()
        else [sys.executable, "-c", "from service.cli.main import main; main()"]
    )
    command += ["serve", "--data-dir", str(data_dir), "--listen", "127.0.0.1:0"]
    if dem is not None:
        command += ["--dem-dir", str(dem)]
    with log.open("wb") as stream:
        # A session of its own: Ctrl-C at the terminal reaches this script, which then drains it.
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield _endpoint(child, data_dir / FILE_NAME, log)
    finally:
        _stop(child)


def _endpoint(child: subprocess.Popen[bytes], file: Path, log: Path) -> Endpoint:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        if child.poll() is not None:
            tail = log.read_text("utf-8", "replace").strip().splitlines()[-5:]
            raise VedetteError("the service did not start:\n  " + "\n  ".join(tail))
        with contextlib.suppress(EndpointError):
            return Endpoint.read(file)
        time.sleep(0.1)
    raise VedetteError(f"the service was not ready within {START_S:.0f} s; see {log}")


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        say(f"the service did not end within {STOP_S:.0f} s of SIGTERM; ending it")
        child.kill()
        child.wait()


def register(client: Client, place: tuple[float, float], name: str, radius_m: float) -> None:
    """A pledge, a position and a rule, as a mission would have them."""
    client.call(
        client.pledges.CreatePledge,
        pledge_pb2.CreatePledgeRequest(
            parent=MISSION,
            pledge_id=PLEDGE.rsplit("/", 1)[1],
            pledge=pledge_pb2.Pledge(
                contributor="XXA",  # user-assigned in ISO 3166-1: nobody's
                capability="small UAS, visible light",
                platform="demonstration",
                marking=pledge_pb2.MARKING_UNCLASSIFIED,
            ),
        ),
    )
    client.call(
        client.positions.CreatePosition,
        position_pb2.CreatePositionRequest(
            parent=MISSION,
            position_id="post",
            position=position_pb2.Position(
                display_name=name,
                kind=position_pb2.POSITION_KIND_POST,
                latitude_deg=place[0],
                longitude_deg=place[1],
            ),
        ),
    )
    client.call(
        client.rules.SetRule,
        rule_pb2.SetRuleRequest(
            rule=rule_pb2.Rule(
                name=f"{MISSION}/rules/near",
                categories=CATEGORIES,
                radius_m=radius_m,
                min_confidence=MIN_CONFIDENCE,
                possible_probability=0.1,
                alert_probability=0.5,
            )
        ),
    )


class Watcher:
    """Prints incidents as they come, on a thread of its own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._client = Client(endpoint)
        self._seen = 0
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="incidents", daemon=True)
        self._closed = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._client.__exit__(None, None, None)
        self._thread.join(5)

    def wait_for(self, sequence: int, timeout_s: float = 15.0) -> None:
        """Wait until everything up to a sequence number has been printed."""
        with self._moved:
            self._moved.wait_for(lambda: self._seen >= sequence, timeout_s)

    def _run(self) -> None:
        try:
            for event in self._client.subscribe(MISSION):
                say(described(event))
                with self._moved:
                    self._seen = event.sequence
                    self._moved.notify_all()
        except (VedetteError, ValueError):
            # A closed channel ends the stream with one of these; before the end it is a fault.
            if not self._closed:
                raise


def described(event: incident_pb2.IncidentEvent) -> str:
    """One event as one line: what, where, how sure, how far from whom."""
    incident, ground = event.incident, event.incident.ground
    kind = incident_pb2.IncidentEventKind.Name(event.kind).removeprefix("INCIDENT_EVENT_KIND_")
    level = incident_pb2.IncidentLevel.Name(incident.level).removeprefix("INCIDENT_LEVEL_")
    identifier = incident.name.rsplit("/", 1)[1][:6]
    return (
        f"  #{event.sequence:<3} {identifier} {kind.lower():<9} {level:<8} {incident.category:<6} "
        f"{ground.latitude_deg:+.7f} {ground.longitude_deg:+.7f}  {ground.mgrs}  "
        f"CE90 {ground.ce90_m:4.1f} m  range {incident.range_m:5.1f} m "
        f"({incident.range_low_m:.0f}-{incident.range_high_m:.0f})  "
        f"bearing {incident.bearing_deg:05.1f}"
    )


def work(client: Client, watcher: Watcher, files: list[Path], out: Path) -> Outcome:
    """Submit files, wait until they are processed, and save what came of them."""
    outcome = Outcome()
    began = time.monotonic()
    names: dict[str, str] = {}
    for path in files:
        submitted = client.submit(path, pledge=PLEDGE, sortie=SORTIE)
        names[path.name] = submitted.imagery.name
    outcome.seconds["submit"] = time.monotonic() - began
    say(f"{len(files)} files acknowledged in {outcome.seconds['submit']:.1f} s")
    for file_name, name in names.items():
        for imagery in client.watch_imagery(name):
            outcome.imagery[file_name] = imagery
    outcome.seconds["process"] = time.monotonic() - began
    last = 0
    for event in client.subscribe(MISSION, replay_only=True):
        last = event.sequence
    watcher.wait_for(last)
    for page in client.pages(
        client.incidents.ListIncidents, incident_pb2.ListIncidentsRequest(parent=MISSION)
    ):
        outcome.incidents.extend(page.incidents)
    for file_name, imagery in outcome.imagery.items():
        for path in save_products(client, imagery.name, out, Path(file_name).stem):
            if path.suffix == ".geojson":
                outcome.claims.extend(claims_of(file_name, json.loads(path.read_text("utf-8"))))
    for incident in outcome.incidents:
        save_products(client, incident.name, out, f"incident-{incident.name.rsplit('/', 1)[1][:8]}")
    return outcome


def save_products(client: Client, parent: str, out: Path, stem: str) -> list[Path]:
    """Save every product of an imagery or an incident; their paths."""
    listed = client.call(
        client.products.ListProducts, product_pb2.ListProductsRequest(parent=parent)
    )
    paths = []
    for product in listed.products:
        kind = product.name.rsplit("/", 1)[1]
        path = out / f"{stem}.{kind}{Path(product.file_name).suffix}"
        if kind == "geojson":
            path = out / f"{stem}.geojson"
        path.write_bytes(b"".join(client.download(product.name)))
        paths.append(path)
    return paths


def claims_of(file_name: str, document: dict[str, Any]) -> list[Claim]:
    """The detections of a frame, from its GeoJSON."""
    claims = []
    for feature in document["features"]:
        facts = feature["properties"]
        if facts.get("kind") != "detection":
            continue
        left, top, width, height = facts["bbox_px"]
        point = feature["geometry"]["coordinates"] if feature["geometry"] else (None, None)
        claims.append(
            Claim(
                file_name=file_name,
                category=facts["category"],
                confidence=facts["confidence"],
                xyxy_px=(left, top, left + width, top + height),
                latitude_deg=point[1],
                longitude_deg=point[0],
                ce90_m=facts.get("ce90_m"),
            )
        )
    return claims


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
    return judge(options, out, sortie, threats, outcome)


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


def judge(
    options: Options,
    out: Path,
    sortie: Sortie,
    threats: tuple[ThingTruth, ...],
    outcome: Outcome,
) -> bool:
    """Compare with the truth, print and save the tables; whether the goals are met."""
    comparison = compare(sortie, outcome.claims)
    places = [
        (one.ground.latitude_deg, one.ground.longitude_deg, one.ground.ce90_m)
        for one in outcome.incidents
    ]
    raised = pair(threats, places)
    near = frozenset(thing.thing_id for thing in threats if thing.category in VEHICLES)
    vehicles = comparison.of(near)
    rows = [_row(comparison, thing, raised, outcome) for thing in sortie.things]
    head = (
        "object",
        "range m",
        "whole in",
        "found in",
        "median m",
        "worst m",
        "CE90 m",
        "in CE90",
        "incident",
    )
    say()
    for line in table(head, rows):
        say("  " + line)
    failed = [name for name, one in outcome.imagery.items() if one.failure]
    goals = (
        (
            (
                f"vehicles in range lie within their CE90: {vehicles.inside_share:.0%} of "
                f"{len(vehicles.located)} cases (goal {GOAL_INSIDE:.0%})"
            ),
            vehicles.inside_share >= GOAL_INSIDE,
        ),
        (
            f"their median error: {vehicles.median_error_m:.2f} m (goal below {GOAL_MEDIAN_M:g} m)",
            vehicles.median_error_m < GOAL_MEDIAN_M,
        ),
        (
            (
                f"incidents: {len(outcome.incidents)}, planted threats: {len(threats)}, "
                f"one to one: {len(raised)}"
            ),
            len(outcome.incidents) == len(threats) == len(raised),
        ),
        (f"frames that failed: {len(failed)}", not failed),
    )
    say()
    for text, met in goals:
        say(f"  {'met   ' if met else 'MISSED'}  {text}")
    found = sum(case.claim is not None for case in comparison.cases)
    say(
        f"          all objects: {found} of {len(comparison.cases)} looks found, "
        f"{comparison.inside_share:.0%} within CE90, median {comparison.median_error_m:.2f} m; "
        f"{len(comparison.false_claims)} false detections"
    )
    seconds = ", ".join(f"{step} {value:.0f} s" for step, value in outcome.seconds.items())
    say(f"          {seconds}")
    lines = [
        "The scene is rendered; its truth is known exactly.",
        "",
        *markdown(head, rows),
        "",
        *(f"- {'met' if met else '**missed**'}: {text}" for text, met in goals),
    ]
    (out / "table.md").write_text("\n".join(lines) + "\n", "utf-8")
    met = all(fulfilled for _, fulfilled in goals)
    if options.json_file is not None:
        options.json_file.write_text(
            json.dumps(_figures(comparison, vehicles, threats, outcome, met), indent=1), "utf-8"
        )
    return met


def _row(
    comparison: Comparison, thing: ThingTruth, raised: dict[int, str], outcome: Outcome
) -> tuple[str, ...]:
    mine = comparison.of(frozenset({thing.thing_id}))
    errors = sorted(case.error_m for case in mine.located if case.error_m is not None)
    stated = [case.claim.ce90_m for case in mine.located if case.claim and case.claim.ce90_m]
    incident = next((number for number, name in raised.items() if name == thing.thing_id), None)
    level = "-"
    if incident is not None:
        number = outcome.incidents[incident].level
        level = incident_pb2.IncidentLevel.Name(number).removeprefix("INCIDENT_LEVEL_").lower()
    away = distance_m(
        outpost.LATITUDE_DEG, outpost.LONGITUDE_DEG, thing.latitude_deg, thing.longitude_deg
    )
    return (
        thing.thing_id,
        f"{away:.1f}",
        str(len(mine.cases)),
        str(sum(case.claim is not None for case in mine.cases)),
        f"{mine.median_error_m:.2f}" if errors else "-",
        f"{errors[-1]:.2f}" if errors else "-",
        f"{min(stated):.1f}-{max(stated):.1f}" if stated else "-",
        f"{sum(bool(case.inside) for case in mine.located)}/{len(errors)}" if errors else "-",
        level,
    )


def _figures(
    comparison: Comparison,
    vehicles: Comparison,
    threats: tuple[ThingTruth, ...],
    outcome: Outcome,
    met: bool,
) -> dict[str, Any]:
    return {
        "rendered": True,
        "goals_met": met,
        "vehicles_in_range": {
            "cases": len(vehicles.cases),
            "located": len(vehicles.located),
            "inside_ce90_share": vehicles.inside_share,
            "median_error_m": vehicles.median_error_m,
        },
        "incidents": len(outcome.incidents),
        "planted_threats": len(threats),
        "false_detections": [asdict(claim) for claim in comparison.false_claims],
        "seconds": outcome.seconds,
        "cases": [
            {
                "file_name": case.file_name,
                "thing": case.thing.thing_id,
                "category": case.claim.category if case.claim else None,
                "confidence": case.claim.confidence if case.claim else None,
                "error_m": case.error_m,
                "ce90_m": case.claim.ce90_m if case.claim else None,
                "inside": case.inside,
            }
            for case in comparison.cases
        ],
    }


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Plain text in columns; the first is set left, the others right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in [head, *rows]
    ]


def markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """The same as a markdown table."""
    rule = ("---", *("---:" for _ in head[1:]))
    return ["| " + " | ".join(row) + " |" for row in [head, rule, *rows]]


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
    place = options.position or _beside_camera([copies / name for name in numbered])
    outcome = run(
        options, out, scratch, [copies / name for name in numbered], place, "Post", PHOTO_RADIUS_M
    )
    say()
    for name, imagery in outcome.imagery.items():
        mine = [claim for claim in outcome.claims if claim.file_name == name]
        placed = sum(claim.latitude_deg is not None for claim in mine)
        told = imagery_pb2.ImageryState.Name(imagery.state).removeprefix("IMAGERY_STATE_").lower()
        say(f"  {name}: {told}, {len(mine)} detections, {placed} of them located")
        for finding in imagery.findings:
            say(f"    {finding.code}: {finding.message}")
        if imagery.failure:
            say(f"    {imagery.failure}")
    say(f"  {len(outcome.incidents)} incidents within {PHOTO_RADIUS_M:.0f} m of the position")
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
        pose = read_capture(path.read_bytes()).pose
        if pose is not None:
            longitude, latitude, _ = Geod(ellps="WGS84").fwd(
                pose.longitude_deg, pose.latitude_deg, 0.0, PHOTO_POSITION_M
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
