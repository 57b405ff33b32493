"""What every test may ask for."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_POSTGRES_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On CI a skipped test is a failure: something that it needs was not installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real imagery and truth: VEDETTE_DATA, else beside the clone."""
    named = os.environ.get("VEDETTE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real imagery at {folder}; set VEDETTE_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real PostgreSQL without its database name; skips where none is installed."""
    if not _POSTGRES_BINARIES:
        pytest.skip("no PostgreSQL is installed (apt install postgresql)")
    pytest.importorskip("psycopg")
    # Not in pytest's folder, which is closed to the user that PostgreSQL insists on.
    folder = Path(tempfile.mkdtemp(prefix="vedette-postgres-"))
    cluster, binaries = folder / "cluster", _POSTGRES_BINARIES[-1].parent
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    uid, gid = (None, None) if user is None else (user.pw_uid, user.pw_gid)
    if uid is not None:
        os.chown(folder, uid, -1)
    subprocess.run(
        [str(binaries / "initdb"), "-A", "trust", "-U", "vedette", "-E", "UTF8", str(cluster)],
        check=True,
        capture_output=True,
        cwd="/",
        user=uid,
        group=gid,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            str(binaries / "postgres"),
            "-D",
            str(cluster),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            "",
            # Nothing here pulls the plug, and a database for each test is much to sync.
            "-F",
            # Its own transactions would pass for somebody's.
            "-c",
            "autovacuum=off",
        ],
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=uid,
        group=gid,
    )
    ready = [str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    deadline = time.monotonic() + 20
    while subprocess.run(ready, check=False).returncode != 0:
        assert time.monotonic() < deadline, "PostgreSQL does not start"
        time.sleep(0.05)
    yield f"postgresql+psycopg://vedette@127.0.0.1:{port}"
    # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
    server.send_signal(signal.SIGINT)
    server.wait(20)
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL of an empty database in it."""
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    plain = postgres_server.replace("+psycopg", "")
    with psycopg.connect(f"{plain}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload, unused-ignore]
    return f"{postgres_server}/{name}"
