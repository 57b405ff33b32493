"""A clean restart on another port: what runs goes on, and what lies on disk is nobody else's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.v1 import position_pb2

from service.client import Client

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service


def test_commands_go_on_over_a_restart_and_nobody_else_reads_what_is_kept(
    idle_service: Service,
    data_dir: Path,
    add_pledge: Callable[[Client, str], str],
) -> None:
    service = idle_service
    # As an earlier version or a person made it.
    service.folder.chmod(0o755)
    service.start()
    photograph = data_dir / "photos" / "skydio" / "skydio-catilina.jpg"
    at = ("--data-dir", str(service.folder))

    def begin(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli", *arguments, "--json", *at],
            stdout=subprocess.PIPE,
            text=True,
        )

    with service.client() as client:
        pledge = add_pledge(client, "again")
        client.call(
            client.positions.CreatePosition,
            position_pb2.CreatePositionRequest(
                parent="missions/again",
                position_id="post",
                position=position_pb2.Position(
                    kind=position_pb2.POSITION_KIND_POST,
                    latitude_deg=32.518936,
                    longitude_deg=-110.924547,
                ),
            ),
        )
    first = service.endpoint.address
    watching = begin("watch", "-m", "again", "--patience", "120")
    submitting = None
    try:
        time.sleep(2.0)
        assert service.stop() == 0
        health = begin("health")
        assert json.loads(health.communicate(timeout=30)[0])["health"] == "unreachable"
        assert health.returncode == 3
        submitting = begin(
            "submit", str(photograph), "-p", pledge, "-s", "s", "--wait", "--patience", "120"
        )
        time.sleep(1.0)
        assert submitting.poll() is None
        service.start()
        assert service.endpoint.address != first
        told = json.loads(submitting.communicate(timeout=120)[0])
        assert submitting.returncode == 0
        assert told["submissions"][0]["imagery"]["state"] == "processed"
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["sequence"] == 1
        assert watching.poll() is None
    finally:
        for process in (watching, submitting):
            if process is not None:
                process.kill()
                process.communicate()
    opened = [
        str(path.relative_to(service.folder))
        for path in (service.folder, *service.folder.rglob("*"))
        # SeaweedFS sets the mode of its notes on a volume itself; they name no content.
        if not path.is_symlink() and path.suffix != ".vif" and path.stat().st_mode & 0o077
    ]
    assert opened == []
