"""SeaweedFS is hardened, watched, and never outlives its service."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import urllib3

from service.errors import StartupError
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess

_ROOT = Path(__file__).resolve().parents[2]
_SERVE = (
    "import sys, time\nfrom pathlib import Path\nfrom service.seaweedfs import SeaweedProcess\n"
    "process = SeaweedProcess(Path(sys.argv[1]))\nprocess.start()\n"
    "print(process.pid, flush=True)\ntime.sleep(600)\n"
)


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def weed(tmp_path: Path) -> Iterator[SeaweedProcess]:
    process = SeaweedProcess(tmp_path / "weed")
    process.start()
    yield process
    process.stop()


def test_it_is_hardened(s3: SeaweedProcess, objects: ObjectStore) -> None:
    data = b"an original"
    objects.put_verified(
        "key", data, sha256=hashlib.sha256(data).hexdigest(), content_type="text/plain"
    )
    assert s3.pid is not None
    process = psutil.Process(s3.pid)
    listening = [each.laddr for each in process.net_connections() if each.status == "LISTEN"]
    assert len(listening) >= 4
    assert {address.ip for address in listening} == {"127.0.0.1"}
    command = process.cmdline()
    assert "-master.telemetry=false" in command
    # The secrets are neither in the arguments nor in the environment, both of which others see.
    shown = " ".join(command) + " ".join(process.environ().values())
    assert s3.credentials.secret_key not in shown
    folder = Path(process.cwd())
    for name in ("s3.json", "security.toml"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    ports = json.loads((folder / "ports.json").read_text())
    for name, path in (
        ("s3.port", f"/{objects.bucket}/key"),
        ("filer.port", f"/buckets/{objects.bucket}/key"),
        ("volume.port", "/1,01637037d6"),
    ):
        with urllib3.PoolManager(retries=False, timeout=5) as pool:
            answer = pool.request("GET", f"http://127.0.0.1:{ports[name]}{path}")
            assert answer.status in {401, 403}, name
            assert data not in answer.data


def test_it_comes_back_with_everything_after_a_kill(weed: SeaweedProcess) -> None:
    store = ObjectStore(weed.endpoint, weed.credentials, "bucket")
    store.ensure_bucket()
    data = os.urandom(100_000)
    digest = hashlib.sha256(data).hexdigest()
    store.put_verified("before", data, sha256=digest, content_type="image/jpeg")
    endpoint, first = weed.endpoint, weed.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    store.put_verified("after", data, sha256=digest, content_type="image/jpeg")
    assert store.get("before") == data
    assert weed.starts == 2
    assert weed.endpoint == endpoint
    assert weed.pid not in {None, first}
    store.close()


def test_a_kill_in_the_middle_of_puts_loses_nothing_that_was_verified(
    weed: SeaweedProcess,
) -> None:
    store = ObjectStore(weed.endpoint, weed.credentials, "bucket")
    store.ensure_bucket()
    verified: dict[str, str] = {}

    def put() -> None:
        for number in range(12):
            data = os.urandom(400_000)
            digest = hashlib.sha256(data).hexdigest()
            store.put_verified(f"n/{number}", data, sha256=digest, content_type="image/jpeg")
            verified[f"n/{number}"] = digest

    thread = threading.Thread(target=put)
    thread.start()
    wait_until(lambda: len(verified) >= 3)
    assert weed.pid is not None
    os.kill(weed.pid, signal.SIGKILL)
    thread.join(60)
    assert len(verified) == 12
    assert {key: store.sha256(key) for key in verified} == verified
    store.close()


def test_a_killed_service_leaves_no_orphan_and_its_folder_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, tmp_path / "weed"], cwd=_ROOT, stdout=subprocess.PIPE
    ) as service:
        assert service.stdout is not None
        orphan = psutil.Process(int(service.stdout.readline()))
        with pytest.raises(StartupError, match="another service"):
            SeaweedProcess(tmp_path / "weed").start()
        service.kill()
    wait_until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, 5)
    heir = SeaweedProcess(tmp_path / "weed")
    heir.start()
    heir.stop()
    assert heir.pid is None


def test_one_that_outlived_its_service_is_ended(tmp_path: Path) -> None:
    folder = tmp_path / "weed"
    folder.mkdir()
    with subprocess.Popen(["sleep", "600"]) as stale:
        birth = Path(f"/proc/{stale.pid}/stat").read_text().rpartition(")")[2].split()[19]
        (folder / "weed.pid").write_text(f"{stale.pid} {birth}\n")
        process = SeaweedProcess(folder)
        process._prepare_folder()
        process._end_stale()
        assert stale.wait(5) == -signal.SIGKILL


def test_another_process_of_the_same_number_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "weed"
    folder.mkdir()
    with subprocess.Popen(["sleep", "600"]) as innocent:
        (folder / "weed.pid").write_text(f"{innocent.pid} 1\n")
        process = SeaweedProcess(folder)
        process._end_stale()
        assert innocent.poll() is None
        innocent.kill()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="folder cannot be made"):
        SeaweedProcess(tmp_path / "file" / "weed").start()
