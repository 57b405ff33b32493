# ruff: noqa: INP001 - a script, not a package
"""The service that the demonstration runs, and what it asks of it over gRPC."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from vedette.v1 import (
    imagery_pb2,
    incident_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)

from models.errors import VedetteError
from models.wording import counted
from scenes.comparison import Claim
from service.client import Client
from service.endpoint import FILE_NAME, Endpoint, EndpointError

MISSION = "missions/demo"
PLEDGE = f"{MISSION}/pledges/demo-uas"
SORTIE = "sortie-1"
CATEGORIES = ("person", "car", "van", "truck", "bus")
MIN_CONFIDENCE = 0.25
START_S, STOP_S = 90.0, 40.0


def say(line: str = "") -> None:
    """One line to the person at the terminal, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


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
    identifier = incident.name.rsplit("/", 1)[1][:6]
    return (
        f"  #{event.sequence:<3} {identifier} {kind.lower():<9} "
        f"{level_of(incident).upper():<8} {incident.category:<6} "
        f"{ground.latitude_deg:+.7f} {ground.longitude_deg:+.7f}  {ground.mgrs}  "
        f"CE90 {ground.ce90_m:4.1f} m  range {incident.range_m:5.1f} m "
        f"({incident.range_low_m:.0f}-{incident.range_high_m:.0f})  "
        f"bearing {incident.bearing_deg:05.1f}"
    )


def level_of(incident: incident_pb2.Incident) -> str:
    """The level as a word: possible or alert."""
    return incident_pb2.IncidentLevel.Name(incident.level).removeprefix("INCIDENT_LEVEL_").lower()


def work(client: Client, watcher: Watcher, files: list[Path], out: Path) -> Outcome:
    """Submit files, wait until they are processed, and save what came of them."""
    outcome = Outcome()
    began = time.monotonic()
    names: dict[str, str] = {}
    for path in files:
        submitted = client.submit(path, pledge=PLEDGE, sortie=SORTIE)
        names[path.name] = submitted.imagery.name
    outcome.seconds["submit"] = time.monotonic() - began
    say(f"{counted(len(files), 'file')} acknowledged in {outcome.seconds['submit']:.1f} s")
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
        suffix = Path(product.file_name).suffix
        path = out / f"{stem}{suffix if suffix == f'.{kind}' else f'.{kind}{suffix}'}"
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
