"""`vedette serve` beside a real TAK server: what an operator's device is told."""

from __future__ import annotations

import configparser
import contextlib
import math
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from defusedxml import ElementTree
from vedette.v1 import imagery_pb2, incident_pb2, position_pb2

from scenes.outpost import LATITUDE_DEG, LONGITUDE_DEG, flight, outpost, phantom
from scenes.sortie import photograph
from service.client import Client
from service.feeds.cot import cot_ping

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service

# taky 0.10 asks pkg_resources for its own version alone; setuptools 82 dropped that module.
_PKG_RESOURCES = """
from importlib.metadata import PackageNotFoundError as DistributionNotFound
from importlib.metadata import distribution as get_distribution
"""
_SCRIPTS = Path(sys.executable).parent
WAIT_S = 30.0


class Taky:
    """A taky server of its own CA, with certificates for the service and for one device."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.site = folder / "srv"
        (folder / "pkg_resources.py").write_text(_PKG_RESOURCES)
        self._environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
        address = ["--host", "localhost", "--bind-ip", "127.0.0.1", "--public-ip", "127.0.0.1"]
        self._control(folder, "setup", *address, str(self.site))
        for name in ("vedette", "device"):
            self._control(self.site, "-c", "taky.conf", "build_client", "--dump_pem", name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        config = configparser.ConfigParser(allow_no_value=True)
        config.read(self.site / "taky.conf")
        config.set("cot_server", "port", str(self.port))
        with (self.site / "taky.conf").open("w") as file:
            config.write(file)
        self.process = subprocess.Popen(
            [sys.executable, str(_SCRIPTS / "taky"), "-c", "taky.conf"],
            cwd=self.site,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _control(self, folder: Path, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, str(_SCRIPTS / "takyctl"), *arguments],
            check=True,
            capture_output=True,
            cwd=folder,
            env=self._environment,
        )

    def pem(self, name: str, suffix: str) -> Path:
        (found,) = self.site.glob(f"**/{name}*.{suffix}")
        return found

    @property
    def ca(self) -> Path:
        return self.site / "ssl" / "ca.crt"

    def settings(self, mission: str) -> str:
        """What an operator writes into DIR/vedette.toml."""
        return "\n".join(
            (
                f'tak_url = "tls://localhost:{self.port}"',
                f'tak_client_cert = "{self.pem("vedette", "crt")}"',
                f'tak_client_key = "{self.pem("vedette", "key")}"',
                f'tak_ca = "{self.ca}"',
                # taky's certificate has a common name and no alternative name.
                "tak_check_hostname = false",
                f'tak_mission = "{mission}"',
            )
        )


class Device:
    """A second client of the TAK server."""

    def __init__(self, taky: Taky) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(taky.ca)
        context.load_cert_chain(taky.pem("device", "crt"), taky.pem("device", "key"))
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                plain = socket.create_connection(("127.0.0.1", taky.port), timeout=WAIT_S)
                break
            except OSError:
                assert time.monotonic() < deadline, "taky does not start"
                time.sleep(0.1)
        self._socket = context.wrap_socket(plain)
        self._text = b""
        # The server passes on to whom it knows; it knows who has said something.
        self._socket.sendall(cot_ping(datetime.now(UTC)))
        self.next(lambda event: event.get("uid") == "takPong")

    def next(self, wanted: Callable[[Any], bool]) -> Any:
        """The next event that is wanted; the others are passed over."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            head, end, rest = self._text.partition(b"</event>")
            if not end:
                data = self._socket.recv(65536)
                assert data, "the server closed the connection"
                self._text += data
                continue
            self._text = rest
            event = ElementTree.fromstring(head[head.index(b"<event") :] + end)
            if wanted(event):
                return event
        pytest.fail("nothing of that kind came")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def taky(tmp_path: Path) -> Iterator[Taky]:
    server = Taky(tmp_path / "taky")
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(10)


@pytest.mark.timeout(120)
def test_a_device_is_shown_a_threat_and_its_withdrawal(
    taky: Taky, idle_service: Service, tmp_path: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    world = outpost()
    shot = photograph(world, phantom(), flight(world, datetime.now(UTC))[0])
    path = tmp_path / "aslant.jpg"
    path.write_bytes(shot.jpeg)
    (idle_service.folder / "vedette.toml").write_text(taky.settings("outpost"))
    idle_service.start()
    with contextlib.closing(Device(taky)) as device, idle_service.client() as client:
        pledge = add_pledge(client, "outpost")
        client.call(
            client.positions.CreatePosition,
            position_pb2.CreatePositionRequest(
                parent="missions/outpost",
                position_id="post",
                position=position_pb2.Position(
                    display_name="Outpost",
                    kind=position_pb2.POSITION_KIND_POST,
                    latitude_deg=LATITUDE_DEG,
                    longitude_deg=LONGITUDE_DEG,
                ),
            ),
        )
        name = client.submit(path, pledge=pledge, sortie="s").imagery.name
        *_, last = client.watch_imagery(name)
        assert last.state == imagery_pb2.IMAGERY_STATE_PROCESSED, last.failure
        (incident, *_) = (
            it.incident for it in client.subscribe("missions/outpost", replay_only=True)
        )
        uid = "vedette.outpost." + incident.name.rpartition("/")[2]
        marker = device.next(lambda event: event.get("uid") == uid)
        assert marker.get("type").startswith("a-u-G")
        assert marker.get("how") == "m-p"
        assert "Outpost" in marker.find("detail/contact").get("callsign")
        # The marker lies where something of the scene truly stands.
        point, own = marker.find("point"), marker.find("detail/__vedette")
        ce90_m = float(own.get("ce90_m"))
        place = [float(own.get("latitude_deg")), float(own.get("longitude_deg"))]
        told = world.frame.from_geodetic([*place, world.frame.hae_m])
        away_m = min(math.hypot(it.east_m - told[0], it.north_m - told[1]) for it in world.things)
        assert away_m < min(ce90_m, 5.0)
        assert float(point.get("ce")) == pytest.approx(ce90_m / 2.146, abs=0.06)

        decided = client.call(
            client.incidents.DecideIncident,
            incident_pb2.DecideIncidentRequest(
                name=incident.name,
                verdict=incident_pb2.VERDICT_DISMISSED,
                reason_code=incident_pb2.REASON_CODE_OWN_FORCES,
                reason="our own supply run",
                revision=incident.revision,
            ),
        )
        assert decided.state == incident_pb2.INCIDENT_STATE_DISMISSED
        withdrawn = device.next(lambda event: event.get("uid") == uid)
        assert withdrawn.find("detail/contact").get("callsign").startswith("DISMISSED")
        removal = device.next(lambda event: event.get("type") == "t-x-d-d")
        assert removal.find("detail/link").get("uid") == uid
    assert idle_service.stop() == 0
