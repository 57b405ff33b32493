"""What the field does to the service: kill -9, links that break at any byte, restarts."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from vedette.v1 import detection_pb2, imagery_pb2, incident_pb2, position_pb2

from scenes import outpost
from scenes.sortie import Shot, photograph, viewpoint_over
from service.client import Client, fingerprint
from service.patience import Backoff
from service.remote_error import RemoteError

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service

FRAMES = 20
KILLS = 4
_BLOCK = 4096


class CutLine:
    """A TCP proxy on loopback, in front of one port.

    Args:
        port: of the service.
        cuts: for each connection in turn, after how many bytes of the client's it ends;
            connections after the last pass freely.
        bytes_per_second: how fast the client may send; 0 for no limit.
        mute_after: once the client has sent so many bytes in one connection, no answer comes back.
    """

    def __init__(
        self,
        port: int,
        *,
        cuts: Sequence[int] = (),
        bytes_per_second: int = 0,
        mute_after: int = 0,
    ) -> None:
        self._port = port
        self._cuts = iter(cuts)
        self._rate = bytes_per_second
        self._mute_after = mute_after
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.cuts_made = 0
        self._muted = threading.Event()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def heal(self) -> None:
        """Cut what is open; from now on everything passes."""
        self._mute_after = 0
        self._muted.clear()
        with self._lock:
            for each in self._open:
                _end(each)

    def close(self) -> None:
        # Closing alone does not wake the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        self.heal()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                service = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, service}
            cut = next(self._cuts, 0)
            threading.Thread(target=self._forth, args=(client, service, cut), daemon=True).start()
            threading.Thread(target=self._back, args=(service, client), daemon=True).start()

    def _forth(self, client: socket.socket, service: socket.socket, cut: int) -> None:
        sent = 0
        with self._both_end(client, service):
            while block := client.recv(min(_BLOCK, cut - sent) if cut else _BLOCK):
                # Some 800 kB a second: still far faster than a satellite, but no bolt of lightning.
                time.sleep(0.005)
                service.sendall(block)
                sent += len(block)
                if self._mute_after and sent > self._mute_after:
                    self._muted.set()
                if self._rate:
                    time.sleep(len(block) / self._rate)
                if cut and sent >= cut:
                    self.cuts_made += 1
                    return

    def _back(self, service: socket.socket, client: socket.socket) -> None:
        with self._both_end(service, client):
            while block := service.recv(_BLOCK):
                if not self._muted.is_set():
                    client.sendall(block)

    @contextlib.contextmanager
    def _both_end(self, *ends: socket.socket) -> Iterator[None]:
        try:
            with contextlib.suppress(OSError):
                yield
        finally:
            with self._lock:
                for each in ends:
                    _end(each)
                    self._open.discard(each)


def _end(each: socket.socket) -> None:
    # In good order, so that what the line has carried arrives; the answer to it does not.
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_of(service: Service) -> int:
    return int(service.endpoint.address.rpartition(":")[2])


def through(service: Service, line: CutLine) -> Client:
    endpoint = replace(service.endpoint, address=line.address)
    return Client(endpoint, backoff=Backoff(first_s=0.02, give_up_s=30.0))


def noise(path: Path, side: int) -> Path:
    """A photograph that does not compress."""
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG", quality=95)
    return path


def test_a_line_that_breaks_at_twenty_random_bytes_delivers_one_imagery(
    service: Service, tmp_path: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    path = noise(tmp_path / "broken.jpg", 1100)
    size, sha256 = fingerprint(path)
    dice = random.Random(20)  # noqa: S311 - no secret
    # Some cuts fall into the handshake, most into the bytes; together they are less than the file.
    cuts = [dice.randrange(1, size // 12) for _ in range(20)]
    line = CutLine(port_of(service), cuts=cuts)
    try:
        with service.client() as direct, through(service, line) as client:
            pledge = add_pledge(direct, "broken")
            sent = client.submit(path, pledge=pledge, sortie="s")
            listed = direct.call(
                direct.imagery.ListImagery, imagery_pb2.ListImageryRequest(parent="missions/broken")
            ).imagery
        assert line.cuts_made == 20
        assert sent.resumed_from > 0
        assert not sent.duplicate
        assert [(item.name, item.sha256) for item in listed] == [(sent.imagery.name, sha256)]
    finally:
        line.close()


def test_a_line_that_breaks_before_the_answer_delivers_one_imagery(
    service: Service, tmp_path: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    path = noise(tmp_path / "mute.jpg", 400)
    size, sha256 = fingerprint(path)
    line = CutLine(port_of(service), mute_after=size)
    try:
        with service.client() as direct, through(service, line) as client:
            pledge = add_pledge(direct, "mute")
            got = []
            sender = threading.Thread(
                target=lambda: got.append(client.submit(path, pledge=pledge, sortie="s"))
            )
            sender.start()
            request = imagery_pb2.ListImageryRequest(parent="missions/mute")
            deadline = time.monotonic() + 20
            while not (listed := direct.call(direct.imagery.ListImagery, request).imagery):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            # It is in, and its client has not been told.
            time.sleep(0.3)
            assert not got
            line.heal()
            sender.join(30)
            assert [item.imagery.name for item in got] == [listed[0].name]
            assert not got[0].duplicate
            assert listed[0].sha256 == sha256
            assert len(direct.call(direct.imagery.ListImagery, request).imagery) == 1
    finally:
        line.close()


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty small frames straight down along the post's road, each with its pose."""
    folder = tmp_path_factory.mktemp("flight")
    world, camera = outpost.outpost(), outpost.phantom(640)
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    paths = []
    for number in range(FRAMES + 1):
        east = -50.0 + 5.0 * number
        shot = Shot(
            file_name=f"DJI_{number:04d}.JPG",
            viewpoint=viewpoint_over(
                world,
                east_m=east,
                north_m=-9.0 + 0.404 * east,
                height_m=24.0,
                yaw_deg=68.0,
                pitch_deg=-90.0,
            ),
            captured_at=began + timedelta(seconds=10 * number),
        )
        paths.append(folder / shot.file_name)
        frame = photograph(world, camera, shot, undulation_m=outpost.UNDULATION_M)
        paths[-1].write_bytes(frame.jpeg)
    return paths


def add_post(client: Client, mission: str) -> None:
    client.call(
        client.positions.CreatePosition,
        position_pb2.CreatePositionRequest(
            parent=f"missions/{mission}",
            position_id="post",
            position=position_pb2.Position(
                kind=position_pb2.POSITION_KIND_POST,
                latitude_deg=outpost.LATITUDE_DEG,
                longitude_deg=outpost.LONGITUDE_DEG,
                radius_m=outpost.RADIUS_M,
            ),
        ),
    )


def listed_imagery(client: Client, mission: str) -> list[imagery_pb2.Imagery]:
    request = imagery_pb2.ListImageryRequest(parent=f"missions/{mission}", page_size=100)
    return list(client.call(client.imagery.ListImagery, request).imagery)


def follow(client: Client, mission: str, heard: list[int]) -> None:
    """Collect the sequence numbers of a live stream until its client is closed."""
    with contextlib.suppress(RemoteError):
        for event in client.subscribe(f"missions/{mission}"):
            heard.append(event.sequence)  # noqa: PERF401 - read while it grows


@pytest.mark.timeout(220)
def test_killed_while_a_sortie_comes_in_nothing_is_lost_or_done_twice(
    service_at: Callable[[str], Service],
    flight: list[Path],
    tmp_path: Path,
    add_pledge: Callable[[Client, str], str],
) -> None:
    """Service and object store are killed with -9 while a client submits by itself."""
    port = free_port()
    service = service_at(f"127.0.0.1:{port}")
    with ExitStack() as stack:
        line = CutLine(port, bytes_per_second=150_000)
        stack.callback(line.close)
        endpoint_file = tmp_path / "line.json"
        document = json.loads((service.folder / "endpoint.json").read_text())
        endpoint_file.write_text(json.dumps({**document, "address": line.address}))
        client = stack.enter_context(Client(service.endpoint, backoff=Backoff(give_up_s=60.0)))
        pledge = add_pledge(client, "kill")
        add_post(client, "kill")
        told = submitted_under_kills(service, endpoint_file, pledge, flight[:FRAMES])
        assert [item["imagery"]["state"] for item in told] == ["processed"] * FRAMES, told
        # One more is acknowledged, and the power is gone.
        last = client.submit(flight[FRAMES], pledge=pledge, sortie="kill").imagery.name
        store = int((service.folder / "seaweedfs" / "weed.pid").read_text().split()[0])
        service.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(store, signal.SIGKILL)
        service.start("--listen", f"127.0.0.1:{port}")
        processed(client, last)
        known = listed_imagery(client, "kill")
        names = {last, *(item["imagery"]["name"] for item in told)}
        assert sorted(item.name for item in known) == sorted(names)
        assert {item.sha256 for item in known} == {fingerprint(path)[1] for path in flight}
        nothing_twice(client, "kill")
        # The same sortie in peace is the oracle: as many detections a frame, as many sightings.
        pledge = add_pledge(client, "peace")
        add_post(client, "peace")
        for path in flight:
            processed(client, client.submit(path, pledge=pledge, sortie="peace").imagery.name)
        assert detection_counts(client, "kill") == detection_counts(client, "peace")
        assert sightings(client, "kill") == sightings(client, "peace")
    assert service.stop() == 0
    with closing(sqlite3.connect(service.folder / "ledger.sqlite3")) as ledger:
        states = ledger.execute("select state, count(*) from jobs group by state").fetchall()
    assert [count for _, count in states] == [2 * len(flight)], states
    assert list((service.folder / "spool").iterdir()) == []


def submitted_under_kills(
    service: Service, endpoint_file: Path, pledge: str, paths: list[Path]
) -> list[dict[str, Any]]:
    """What one `vedette submit` tells at its end, while all that it talks to is killed."""
    dice = random.Random(6)  # noqa: S311 - no secret
    address = service.endpoint.address
    options = ["-p", pledge, "-s", "kill", "--wait", "--json", "--patience", "60"]
    options += ["--endpoint", str(endpoint_file)]
    under_way = 0
    with subprocess.Popen(
        [sys.executable, "-m", "service.cli", "submit", *map(str, paths), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as submitting:
        try:
            for kill in range(KILLS):
                time.sleep(dice.uniform(0.3, 2.5))
                under_way += submitting.poll() is None
                # Sometimes the store goes first, and ingest and workers meet its absence.
                if kill % 2:
                    service.kill_store()
                    time.sleep(dice.uniform(0.0, 0.4))
                service.kill()
                service.start("--listen", address)
            out, err = submitting.communicate(timeout=100)
        finally:
            submitting.kill()
    assert under_way >= 2
    assert out, err
    told: list[dict[str, Any]] = json.loads(out)["submissions"]
    return told


def processed(client: Client, name: str) -> None:
    *_, ended = client.watch_imagery(name)
    assert ended.state == imagery_pb2.IMAGERY_STATE_PROCESSED, ended.failure


def detection_counts(client: Client, mission: str) -> dict[str, int]:
    return {item.sha256: item.detection_count for item in listed_imagery(client, mission)}


def nothing_twice(client: Client, mission: str) -> None:
    detections = [
        item
        for page in client.pages(
            client.detections.ListDetections,
            detection_pb2.ListDetectionsRequest(parent=f"missions/{mission}", page_size=1000),
        )
        for item in page.detections
    ]
    assert len({item.name for item in detections}) == len(detections)
    assert (
        len(detections)
        == sum(item.detection_count for item in listed_imagery(client, mission))
        >= 10
    )
    events = list(client.subscribe(f"missions/{mission}", replay_only=True))
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    raised = [
        event.incident.name
        for event in events
        if event.kind == incident_pb2.INCIDENT_EVENT_KIND_RAISED
    ]
    assert len(raised) == len(set(raised)) >= 3


def sightings(client: Client, mission: str) -> int:
    request = incident_pb2.ListIncidentsRequest(parent=f"missions/{mission}", page_size=100)
    incidents = client.call(client.incidents.ListIncidents, request).incidents
    return sum(item.sighting_count for item in incidents)


@pytest.mark.timeout(120)
def test_a_subscription_goes_on_over_restarts_without_loss_or_repeat(
    service_at: Callable[[str], Service],
    flight: list[Path],
    add_pledge: Callable[[Client, str], str],
) -> None:
    port = free_port()
    service = service_at(f"127.0.0.1:{port}")
    heard: list[int] = []
    patient = Backoff(give_up_s=60.0)
    with (
        Client(service.endpoint, backoff=patient) as client,
        Client(service.endpoint, backoff=patient) as listening,
    ):
        pledge = add_pledge(client, "listen")
        add_post(client, "listen")
        listener = threading.Thread(target=follow, args=(listening, "listen", heard))
        listener.start()
        for number, path in enumerate(flight[4:16:4]):
            processed(client, client.submit(path, pledge=pledge, sortie="s").imagery.name)
            # Once killed while it waits, once ended in good order.
            if number == 0:
                service.kill()
            elif number == 1:
                assert service.stop() == 0
            else:
                break
            service.start("--listen", f"127.0.0.1:{port}")
        events = list(client.subscribe("missions/listen", replay_only=True))
        incident = events[0].incident
        current = client.call(
            client.incidents.GetIncident, incident_pb2.GetIncidentRequest(name=incident.name)
        )
        client.call(
            client.incidents.DecideIncident,
            incident_pb2.DecideIncidentRequest(
                name=incident.name,
                verdict=incident_pb2.VERDICT_CONFIRMED,
                revision=current.revision,
            ),
        )
        decided = len(events) + 1
        deadline = time.monotonic() + 20
        while len(heard) < decided and time.monotonic() < deadline:
            time.sleep(0.05)
    listener.join()
    assert heard == list(range(1, decided + 1))
    assert decided >= 4


@pytest.mark.timeout(120)
def test_an_object_store_killed_alone_comes_back_and_the_work_goes_on(
    service: Service, tmp_path: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    with service.client() as client:
        pledge = add_pledge(client, "store")
        before = client.submit(noise(tmp_path / "a.jpg", 300), pledge=pledge, sortie="s")
        service.kill_store()
        after = client.submit(noise(tmp_path / "b.jpg", 301), pledge=pledge, sortie="s")
        for sent in (before, after):
            processed(client, sent.imagery.name)
    assert "the object store ended with -9; starting it again" in service.log


def test_a_client_gives_up_when_nobody_answers(service: Service, tmp_path: Path) -> None:
    endpoint = replace(service.endpoint, address=f"127.0.0.1:{free_port()}")
    began = time.monotonic()
    path = noise(tmp_path / "c.jpg", 64)
    with (
        Client(endpoint, backoff=Backoff(give_up_s=1.0)) as client,
        pytest.raises(RemoteError) as refused,
    ):
        client.submit(path, pledge="missions/m/pledges/p", sortie="s")
    assert refused.value.unreachable
    assert time.monotonic() - began < 20
