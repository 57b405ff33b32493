"""`vedette serve` beside a real TAK server: what an operator's device is told."""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
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
from tests.service.tak_server import Taky, make_site, pem

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service

WAIT_S = 30.0


def settings(taky: Taky, mission: str) -> str:
    """What an operator writes into DIR/vedette.toml."""
    server = taky.server()
    return "\n".join(
        (
            f'tak_url = "{server.url}"',
            f'tak_client_cert = "{server.client_cert_file}"',
            f'tak_client_key = "{server.client_key_file}"',
            f'tak_ca = "{server.ca_file}"',
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
        context.load_verify_locations(taky.server().ca_file)
        context.load_cert_chain(pem(taky.site, "device", "crt"), pem(taky.site, "device", "key"))
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
    folder = tmp_path / "taky"
    folder.mkdir()
    server = Taky(make_site(folder, "vedette", "device"))
    server.start()
    yield server
    server.stop()


@pytest.mark.timeout(120)
def test_a_device_is_shown_a_threat_and_its_withdrawal(
    taky: Taky, idle_service: Service, tmp_path: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    world = outpost()
    shot = photograph(world, phantom(), flight(world, datetime.now(UTC))[0])
    path = tmp_path / "aslant.jpg"
    path.write_bytes(shot.jpeg)
    (idle_service.folder / "vedette.toml").write_text(settings(taky, "outpost"))
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
