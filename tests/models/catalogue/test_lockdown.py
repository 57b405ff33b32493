"""Each attempt is made by a real process that has locked itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Says for each attempt which error it met, or "done".
ATTEMPTS = """
import ctypes, json, os, signal, socket, subprocess, sys, threading
from models.catalogue.lockdown import Freedom, leave_network, limit, lock

target = sys.argv[2]
kept = open(os.devnull, "rb")
def write_file(): open(target, "w").close()
def read_file(): open("/etc/passwd").close()
def remove_file(): os.unlink(target + ".kept")
def rename_file(): os.rename(target + ".kept", target)
def make_folder(): os.mkdir(target)
def list_folder(): os.listdir("/")
def tcp(): socket.socket()
def local(): socket.socket(socket.AF_UNIX)
def pair(): socket.socketpair()
def fork():
    if os.fork() == 0: os._exit(0)
def run(): subprocess.run(["true"], check=True)
def execute(): os.execv("/bin/true", ["true"])
def signal_other(): os.kill(os.getppid(), 0)
def io_uring():
    if ctypes.CDLL(None, use_errno=True).syscall(425, 1, 0) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
def limits(): __import__("resource").prlimit(os.getppid(), 7, (64, 64))
def thread():
    said = []
    one = threading.Thread(target=said.append, args=(1,)); one.start(); one.join()
    assert said == [1]
def compute(): assert sum(len(bytes(1 << 20)) for _ in range(64)) == 64 << 20
def read_open(): kept.read()

limit(memory_bytes=1 << 30, cpu_s=20, file_bytes=1 << 20)
socket.getaddrinfo, subprocess._USE_POSIX_SPAWN
held = lock(Freedom(sys.argv[1]))
said = {"held": held}
for name in sys.argv[3:]:
    try:
        globals()[name]()
        said[name] = "done"
    except Exception as error:
        said[name] = type(error).__name__
print(json.dumps(said), flush=True)
"""

FILES = ["write_file", "read_file", "remove_file", "rename_file", "list_folder"]
OUTSIDE = ["tcp", "local", "pair", "fork", "run", "execute", "signal_other", "io_uring"]
INSIDE = ["thread", "compute", "read_open"]


def attempt(freedom: str, folder: Path, names: list[str]) -> dict[str, object]:
    (folder / "target.kept").write_text("kept")
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, freedom, str(folder / "target"), *names],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_who_may_only_compute_opens_nothing_starts_nothing_and_reaches_nothing(
    tmp_path: Path,
) -> None:
    names = [*FILES, "make_folder", "limits", *OUTSIDE, *INSIDE]
    said = attempt("compute", tmp_path, names)
    assert said.pop("held") is True
    assert {name: said[name] for name in INSIDE} == dict.fromkeys(INSIDE, "done")
    refused = {name: answer for name, answer in said.items() if name not in INSIDE}
    assert refused == dict.fromkeys(refused, "PermissionError")
    assert [path.name for path in tmp_path.iterdir()] == ["target.kept"]


def test_who_may_use_files_reaches_nothing_else(tmp_path: Path) -> None:
    said = attempt("files", tmp_path, ["write_file", "read_file", *OUTSIDE, *INSIDE])
    assert said.pop("held") is True
    assert {name: said[name] for name in OUTSIDE} == dict.fromkeys(OUTSIDE, "PermissionError")
    done = ["write_file", "read_file", *INSIDE]
    assert {name: said[name] for name in done} == dict.fromkeys(done, "done")


@pytest.mark.parametrize(
    ("work", "ends"),
    [
        ("bytes(2 << 30)", "MemoryError"),
        ("open(sys.argv[1], 'wb').write(bytes(2 << 20))", "File too large"),
    ],
)
def test_limits_hold(tmp_path: Path, work: str, ends: str) -> None:
    code = (
        "import signal, sys\n"
        "from models.catalogue.lockdown import limit\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "limit(memory_bytes=1 << 30, cpu_s=20, file_bytes=1 << 20)\n"
        f"{work}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1
    assert ends in done.stderr
