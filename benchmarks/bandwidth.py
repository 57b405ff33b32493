"""Bytes and seconds over a satellite link to the first alert, the chip and the picture.

    python -m benchmarks.bandwidth [--json FILE] [--rounds N] [--seed N]

`vedette serve` runs in one network namespace and a client in another; between them lies a link of
256 kbit/s, 600 ms there and back, 2 % loss. The service works on a rendered photograph. Bytes are
those of IP packets, both ways, with everything that TCP, TLS and gRPC add; seconds are medians,
with the slowest in brackets. It needs root.
"""

from __future__ import annotations

import argparse
import json
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from vedette.v1 import incident_pb2, pledge_pb2, position_pb2, product_pb2

from benchmarks.shaped_link import NEAR, Link, LinkError, Shape, shaped_link
from scenes import outpost
from scenes.sortie import photograph
from service.client import Client
from service.clock import utc_now
from service.endpoint import FILE_NAME, Endpoint, EndpointError

MODULE = "benchmarks.bandwidth"
MISSION = "missions/bench"
PLEDGE = f"{MISSION}/pledges/bench"
START_S = 120.0
ANSWER_S = 300.0
LABELS = {
    "first_alert": "first alert: connect, TLS, subscribe, brief",
    "live_alert": "alert on an open stream, as a brief",
    "live_full": "alert on an open stream, in full",
    "chip": "chip, on request",
    "picture": "annotated picture, on request",
}


@dataclass(kw_only=True, slots=True)
class Tally:
    """What one thing cost, round by round.

    Attributes:
        seconds: until the far end had it.
        link_bytes: IP packets both ways; empty where others were under way.
        message_bytes: of the message or file alone.
    """

    seconds: list[float] = field(default_factory=list)
    link_bytes: list[int] = field(default_factory=list)
    message_bytes: list[int] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        """Medians, and the slowest."""
        return {
            "seconds": statistics.median(self.seconds),
            "slowest_seconds": max(self.seconds),
            "link_bytes": statistics.median(self.link_bytes) if self.link_bytes else float("nan"),
            "message_bytes": max(self.message_bytes),
            "rounds": len(self.seconds),
        }


class Side:
    """A process in a namespace that answers a line of JSON by a line of JSON."""

    def __init__(self, namespace: str, role: str, folder: Path, log: Path) -> None:
        self._log = log.open("ab")
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, sys.executable, "-m", MODULE, role, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        if process.stdin is None or process.stdout is None:
            raise LinkError("a process without pipes")
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout

    def ask(self, **question: object) -> Any:
        """The answer to one question.

        Raises:
            LinkError: there is none within `ANSWER_S`, or the process has ended.
        """
        self._stdin.write(json.dumps(question).encode() + b"\n")
        self._stdin.flush()
        ready, _, _ = select.select([self._stdout], [], [], ANSWER_S)
        answer = self._stdout.readline() if ready else b""
        if not answer:
            raise LinkError(f"no answer to {question}")
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        self._stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def measure(rounds: int, seed: int, shape: Shape) -> dict[str, Tally]:
    """Every tier, `rounds` times."""
    tallies = {name: Tally() for name in LABELS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vedette-bench-")))
        render(folder / "frame.jpg")
        link = stack.enter_context(shaped_link(shape, seed))
        stack.enter_context(_service(link, folder))
        near = Side(link.near, "near", folder, folder / "near.log")
        stack.callback(near.close)
        incidents = near.ask(what="submit")["incidents"]
        if len(incidents) < 2:
            told = (folder / "service.log").read_text("utf-8", "replace")
            raise SystemExit(f"the photograph raised {len(incidents)} incidents:\n{told[-2000:]}")
        far = Side(link.far, "far", folder, folder / "far.log")
        stack.callback(far.close)
        for _ in range(rounds):
            _take(tallies["first_alert"], link, lambda: far.ask(what="connect"))
        for name in ("live_alert", "live_full"):
            far.ask(what="follow", full=name == "live_full")
            time.sleep(3.0)
            half = incidents[: len(incidents) // 2]
            for incident in half if name == "live_alert" else incidents[len(half) :]:
                before = sum(link.bytes_now())
                sent = near.ask(what="touch", incident=incident)["at"]
                got = far.ask(what="next")
                time.sleep(1.5)
                tallies[name].seconds.append(got["at"] - sent)
                tallies[name].message_bytes.append(got["bytes"])
                tallies[name].link_bytes.append(sum(link.bytes_now()) - before)
            far.ask(what="leave")
        for number in range(rounds):
            incident = incidents[number % len(incidents)]
            _take(tallies["chip"], link, partial(far.ask, what="chip", incident=incident))
        for _ in range(min(rounds, 3)):
            _take(
                tallies["picture"],
                link,
                lambda: far.ask(what="picture", incident=incidents[0]),
            )
    return tallies


def _take(tally: Tally, link: Link, ask: Callable[[], Any]) -> None:
    before = sum(link.bytes_now())
    answer = ask()
    # What acknowledges the last packets is still on its way.
    time.sleep(1.5)
    tally.seconds.append(answer["seconds"])
    tally.message_bytes.append(answer["bytes"])
    tally.link_bytes.append(sum(link.bytes_now()) - before)


def render(path: Path) -> None:
    """One photograph of the made-up post."""
    world, camera = outpost.outpost(), outpost.phantom()
    shot = outpost.flight(world, utc_now().replace(microsecond=0) - timedelta(minutes=5))[0]
    frame = photograph(world, camera, shot, undulation_m=outpost.UNDULATION_M)
    path.write_bytes(frame.jpeg)


@contextmanager
def _service(link: Link, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-c", "from service.cli.main import main; main()", "serve"]
    command += ["--data-dir", str(folder / "data"), "--listen", f"{NEAR}:7443"]
    with (folder / "service.log").open("wb") as log:
        child = subprocess.Popen(
            ["ip", "netns", "exec", link.near, *command], stdout=log, stderr=log
        )
    try:
        ends = time.monotonic() + START_S
        while not (folder / "data" / FILE_NAME).exists():
            if child.poll() is not None or time.monotonic() > ends:
                raise SystemExit((folder / "service.log").read_text("utf-8", "replace")[-2000:])
            time.sleep(0.2)
        yield
    finally:
        child.terminate()
        child.wait(60)


def _endpoint(folder: Path) -> Endpoint:
    ends = time.monotonic() + START_S
    while True:
        try:
            return Endpoint.read(folder / "data" / FILE_NAME)
        except EndpointError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


def be_near(folder: Path) -> None:
    """Beside the service: registers, submits, and touches incidents."""
    with Client(_endpoint(folder)) as client:
        for line in sys.stdin:
            question = json.loads(line)
            if question["what"] == "submit":
                answer: dict[str, Any] = {"incidents": _submit(client, folder / "frame.jpg")}
            else:
                found = client.call(
                    client.incidents.GetIncident,
                    incident_pb2.GetIncidentRequest(name=question["incident"]),
                )
                client.call(
                    client.incidents.DecideIncident,
                    incident_pb2.DecideIncidentRequest(
                        name=found.name,
                        verdict=incident_pb2.VERDICT_ACKNOWLEDGED,
                        revision=found.revision,
                    ),
                )
                answer = {"at": time.time()}
            print(json.dumps(answer), flush=True)


def _submit(client: Client, path: Path) -> list[str]:
    client.call(
        client.pledges.CreatePledge,
        pledge_pb2.CreatePledgeRequest(
            parent=MISSION,
            pledge_id="bench",
            pledge=pledge_pb2.Pledge(contributor="XXA", marking=pledge_pb2.MARKING_UNCLASSIFIED),
        ),
    )
    client.call(
        client.positions.CreatePosition,
        position_pb2.CreatePositionRequest(
            parent=MISSION,
            position_id="post",
            position=position_pb2.Position(
                display_name="Made-up post",
                kind=position_pb2.POSITION_KIND_POST,
                latitude_deg=outpost.LATITUDE_DEG,
                longitude_deg=outpost.LONGITUDE_DEG,
            ),
        ),
    )
    submitted = client.submit(path, pledge=PLEDGE, sortie="sortie")
    for _ in client.watch_imagery(submitted.imagery.name):
        pass
    listed = client.call(
        client.incidents.ListIncidents, incident_pb2.ListIncidentsRequest(parent=MISSION)
    )
    return [incident.name for incident in listed.incidents]


def be_far(folder: Path) -> None:
    """At the other end of the link: subscribes and asks."""
    endpoint = _endpoint(folder)
    client = Client(endpoint)
    events: Generator[incident_pb2.IncidentEvent, None, None] | None = None
    for line in sys.stdin:
        question = json.loads(line)
        began = time.time()
        what = question["what"]
        if what == "connect":
            with Client(endpoint) as fresh:
                event = next(fresh.subscribe(MISSION, detail=incident_pb2.INCIDENT_DETAIL_BRIEF))
            answer: dict[str, Any] = {"seconds": time.time() - began, "bytes": event.ByteSize()}
        elif what == "follow":
            full = question["full"]
            events = client.subscribe(
                MISSION,
                since=_last(client),
                detail=incident_pb2.INCIDENT_DETAIL_FULL
                if full
                else incident_pb2.INCIDENT_DETAIL_BRIEF,
            )
            answer = {}
        elif what == "next":
            if events is None:
                raise SystemExit("nothing is followed")
            event = next(events)
            answer = {"at": time.time(), "bytes": event.ByteSize()}
        elif what == "leave":
            if events is not None:
                events.close()
            answer = {}
        elif what == "chip":
            chip = client.call(
                client.incidents.GetIncidentChip,
                incident_pb2.GetIncidentChipRequest(name=question["incident"]),
            )
            answer = {"seconds": time.time() - began, "bytes": chip.ByteSize()}
        else:
            answer = _picture(client, question["incident"]) | {"seconds": time.time() - began}
        print(json.dumps(answer), flush=True)
    client.__exit__(None, None, None)


def _last(client: Client) -> int:
    """The sequence of the last event there is."""
    last = 0
    for event in client.subscribe(MISSION, replay_only=True):
        last = event.sequence
    return last


def _picture(client: Client, incident: str) -> dict[str, Any]:
    found = client.call(
        client.incidents.GetIncident, incident_pb2.GetIncidentRequest(name=incident)
    )
    listed = client.call(
        client.products.ListProducts, product_pb2.ListProductsRequest(parent=found.imagery)
    )
    picture = next(
        product
        for product in listed.products
        if product.kind == product_pb2.PRODUCT_KIND_ANNOTATED_IMAGE
    )
    return {"bytes": sum(len(piece) for piece in client.download(picture.name))}


def main() -> None:
    """Measure, print the table, and write the figures where asked."""
    if sys.argv[1:2] in (["near"], ["far"]):
        {"near": be_near, "far": be_far}[sys.argv[1]](Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=7, help="times each thing is fetched")
    parser.add_argument("--seed", type=int, default=1, help="of the losses")
    arguments = parser.parse_args()
    shape = Shape()
    try:
        tallies = measure(arguments.rounds, arguments.seed, shape)
    except LinkError as error:
        sys.exit(f"the link cannot be made here: {error}")
    rows = {name: tally.row() for name, tally in tallies.items()}
    print(
        f"Over {shape.rate_bit_s / 1000:.0f} kbit/s, {2000 * shape.delay_s:.0f} ms there and back, "
        f"{shape.loss:.0%} loss each way"
    )
    print(f"{'':<46}{'seconds':>16}{'bytes on the link':>19}{'of the message':>16}")
    for name, row in rows.items():
        took = f"{row['seconds']:.2f} ({row['slowest_seconds']:.2f})"
        print(
            f"{LABELS[name]:<46}{took:>16}{row['link_bytes']:>19.0f}{row['message_bytes']:>16.0f}"
        )
    if arguments.json:
        document = {
            "shape": {"rate_bit_s": shape.rate_bit_s, "delay_s": shape.delay_s, "loss": shape.loss},
            "rows": rows,
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
