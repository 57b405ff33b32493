"""The spool keeps what it says it keeps."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.errors import InvalidInputError
from service.errors import LimitExceededError, NotFoundError, UnavailableError
from service.spool import Spool

KEY = "a" * 40
OTHER = "b" * 40
_ROOT = Path(__file__).resolve().parents[2]


def test_bytes_go_on_where_they_stopped_with_the_right_hash(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    spool = Spool(tmp_path)
    spool.begin(KEY, b"{}")
    for start, end in ((0, 1), (1, 1), (1, 70_000), (70_000, 300_000)):
        file = spool.open(KEY)
        assert file.size == start
        file.append(data[start:end])
        assert file.sync() == end
        file.close()
    file = spool.open(KEY)
    assert file.sha256() == hashlib.sha256(data).hexdigest()
    assert file.first(16) == data[:16]
    assert spool.path(KEY).read_bytes() == data
    file.close()


def test_synced_bytes_survive_a_kill(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom service.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]))\n"
        f"spool.begin({KEY!r}, b'said')\nfile = spool.open({KEY!r})\n"
        "file.append(b'x' * 1000)\nfile.sync()\nfile.append(b'y' * 10)\nos.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=_ROOT, check=False)
    assert ended.returncode == -9
    spool = Spool(tmp_path)
    assert spool.header(KEY) == b"said"
    assert spool.path(KEY).read_bytes()[:1000] == b"x" * 1000
    spool.open(KEY).close()


def test_everything_is_synced_file_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr("service.spool.os.fsync", record)
    spool = Spool(tmp_path / "spool")
    spool.begin(KEY, b"{}")
    assert synced == [f"{KEY}.new", "spool"]
    file = spool.open(KEY)
    file.append(b"x")
    synced.clear()
    file.sync()
    assert synced == [f"{KEY}.part"]
    file.close()
    synced.clear()
    spool.keep(KEY)
    assert synced == ["spool"]


def test_one_stream_at_a_time_writes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.begin(KEY, b"{}")
    first = spool.open(KEY)
    with pytest.raises(UnavailableError):
        Spool(tmp_path).open(KEY)
    first.close()
    second = spool.open(KEY)
    with pytest.raises(UnavailableError):
        first.append(b"late")
    with pytest.raises(UnavailableError):
        first.sync()
    second.close()
    assert spool.size(KEY) == 0


def test_the_number_of_unfinished_submissions_is_limited(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_open=2)
    spool.begin(KEY, b"{}")
    spool.begin(OTHER, b"{}")
    spool.begin(KEY, b"{}")
    with pytest.raises(LimitExceededError):
        spool.begin("c" * 40, b"{}")
    spool.keep(KEY)
    spool.begin("c" * 40, b"{}")


def test_finished_bytes_stay_until_they_are_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.begin(KEY, b"said")
    file = spool.open(KEY)
    file.append(b"bytes")
    file.close()
    spool.keep(KEY)
    assert spool.unfinished() == []
    assert spool.kept() == {KEY: b"said"}
    assert spool.path(KEY).read_bytes() == b"bytes"
    with pytest.raises(NotFoundError):
        spool.open(KEY)
    with pytest.raises(UnavailableError):
        spool.begin(KEY, b"said")
    spool.reopen(KEY)
    assert spool.unfinished() == [KEY]
    spool.remove(KEY)
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_comes_back_for_is_swept_and_nothing_else(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    names = {name: name * 40 for name in "abcd"}
    for key in names.values():
        spool.begin(key, b"{}")
    spool.keep(names["d"])
    (tmp_path / f"{'e' * 40}.part").write_bytes(b"begun, then killed")
    held = spool.open(names["a"])
    old = datetime.now(UTC) - timedelta(hours=30)
    for name in "abde":
        path = tmp_path / f"{name * 40}.part"
        os.utime(path, (old.timestamp(), old.timestamp()))
    assert spool.sweep(datetime.now(UTC) - timedelta(hours=24)) == 1
    assert sorted(spool.unfinished()) == [names["a"], names["c"]]
    assert list(spool.kept()) == [names["d"]]
    assert not (tmp_path / f"{'e' * 40}.part").exists()
    held.close()


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 40, "a/b"])
def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInputError):
        Spool(tmp_path).begin(key, b"{}")


def test_a_sweep_beside_it_hinders_no_submission(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    ended = threading.Event()

    def sweep() -> None:
        while not ended.is_set():
            spool.sweep(datetime(2000, 1, 1, tzinfo=UTC))

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for number in range(200):
            key = f"{number:040x}"
            spool.begin(key, b"{}")
            # The sweep must not hold it just now.
            spool.open(key).close()
            spool.remove(key)
    finally:
        ended.set()
        sweeper.join()


def test_bytes_that_no_header_speaks_for_go_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    Spool(folder)
    (folder / f"{'0' * 64}.part").write_bytes(b"left by a kill")
    (folder / f"{'1' * 64}.new").write_bytes(b"half a header")
    Spool(folder).sweep_headless()
    assert list(folder.iterdir()) == []
