"""The real command in a subprocess."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from vedette.v1 import pledge_pb2

from service.client import Client
from service.endpoint import Endpoint
from service.patience import Backoff

START_TIMEOUT_S = 60.0


class Service:
    """`vedette serve` over one data folder; may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str) -> None:
        command = [sys.executable, "-m", "service.cli", "serve", "--data-dir", str(self.folder)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--listen", "127.0.0.1:0", "--workers", "1", *flags],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        told = self.log.count("ready in")
        while self.log.count("ready in") == told and time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        assert self.process.poll() is None, self.log
        assert self.log.count("ready in") > told, self.log

    def kill(self) -> None:
        """As a power cut of the process: nothing can be tidied."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_store(self) -> None:
        pid = int((self.folder / "seaweedfs" / "weed.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def stop(self) -> int:
        if self.process is None or self.process.poll() is not None:
            return -1
        self.process.terminate()
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint.read(self.folder / "endpoint.json")

    def client(self) -> Client:
        return Client(self.endpoint, backoff=Backoff(give_up_s=30.0))


@pytest.fixture
def idle_service(tmp_path: Path) -> Iterator[Service]:
    """Not started yet: its folder may be given a vedette.toml first."""
    service = Service(tmp_path / "data")
    service.folder.mkdir()
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture
def fresh_service(idle_service: Service) -> Service:
    idle_service.start()
    return idle_service


@pytest.fixture
def service_at(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts a service over an empty folder, on a chosen address and with more flags."""
    running: list[Service] = []

    def start(listen: str, *flags: str) -> Service:
        running.append(Service(tmp_path / f"data-{len(running)}"))
        running[-1].start("--listen", listen, *flags)
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("vedette") / "data")
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def add_pledge() -> Callable[[Client, str], str]:
    def add(client: Client, mission: str) -> str:
        made = client.call(
            client.pledges.CreatePledge,
            pledge_pb2.CreatePledgeRequest(
                parent=f"missions/{mission}",
                pledge_id="swe-1",
                pledge=pledge_pb2.Pledge(
                    contributor="SWE", marking=pledge_pb2.MARKING_UNCLASSIFIED
                ),
            ),
        )
        return str(made.name)

    return add


@pytest.fixture
def frame() -> Callable[[int], bytes]:
    """A small distinct JPEG for each number."""

    def make(number: int, side: int = 320) -> bytes:
        picture = Image.new("RGB", (side, side), (90, 110, 80))
        ImageDraw.Draw(picture).text((20, 20), f"frame {number}", fill=(255, 255, 255))
        stream = io.BytesIO()
        picture.save(stream, "JPEG")
        return stream.getvalue()

    return make
