"""A folder that is there whole or not at all, also after a power cut."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_STAGED = ".adding-"
_LOCK = ".lock"


@contextlib.contextmanager
def held(parent: Path) -> Iterator[None]:
    """Hold a folder, made where it is missing, against other processes that change it.

    What an earlier process left half-done there is removed.

    Raises:
        OSError: it cannot be written.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(parent / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in parent.glob(f"{_STAGED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


def write_folder(parent: Path, name: str, files: Iterable[tuple[str, bytes]]) -> Path:
    """Write a folder of files beside the others of a folder that is `held`.

    Until the last byte is on disk it bears another name, which begins with a dot.

    Args:
        parent: where.
        name: of the new folder; nothing is there yet.
        files: names and bytes, drawn one by one.

    Raises:
        OSError: the disk is full, or the name is taken by a folder that is not empty.
    """
    staged = Path(tempfile.mkdtemp(prefix=_STAGED, dir=parent))
    try:
        for file_name, data in files:
            with (staged / file_name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        _sync(staged)
        target = parent / name
        staged.rename(target)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _sync(parent)
    return target


def replace_file(path: Path, data: bytes) -> None:
    """Write a file anew: a reader, or a power cut, meets the old bytes or the new ones.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    descriptor, staged = tempfile.mkstemp(prefix=_STAGED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).replace(path)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
