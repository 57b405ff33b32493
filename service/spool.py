"""Bytes of unfinished submissions on disk, safe from power cuts and resumable at any byte.

A submission is two files under one key: `KEY.json`, what its client said of it, and `KEY.part`, the
bytes that have come. The first appears whole and after the second, so a key that is listed can be
resumed. When it is finished, `KEY.json` becomes `KEY.done`, and the bytes stay until the object
store is known to be durable.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from models.errors import InvalidInputError
from service.errors import LimitExceededError, NotFoundError, UnavailableError

_KEY = re.compile(r"[0-9a-f]{16,64}")
_BLOCK = 1 << 20


class SpoolFile:
    """The bytes of one submission, open for appending by one stream.

    Not thread-safe by itself: one stream appends, and another that takes the submission over
    closes this one first; `append` then raises UnavailableError.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self._stream: BinaryIO | None = stream
        self._hash = hashlib.sha256()
        self._size = 0
        self._synced = 0
        self._lock = threading.Lock()
        self._rebuild(stream)

    def _rebuild(self, stream: BinaryIO) -> None:
        stream.seek(0)
        while block := stream.read(_BLOCK):
            self._hash.update(block)
            self._size += len(block)

    @property
    def size(self) -> int:
        """Bytes so far, on disk or on their way there."""
        return self._size

    def sha256(self) -> str:
        """Lower-case hexadecimal SHA-256 of the bytes so far."""
        return self._hash.hexdigest()

    def first(self, count: int) -> bytes:
        """The first bytes that are on disk."""
        with self.path.open("rb") as stream:
            return stream.read(count)

    def append(self, data: bytes) -> None:
        """Write bytes behind those that are there.

        Raises:
            UnavailableError: another stream has taken the submission over, or the disk is full.
        """
        with self._lock:
            if self._stream is None:
                raise UnavailableError("another stream has taken this submission over")
            try:
                self._stream.write(data)
            except OSError as error:
                # What part of it was written is unknown: the size on disk tells the next stream.
                self._shut()
                raise UnavailableError(f"the spool cannot be written: {error}") from error
            self._hash.update(data)
            self._size += len(data)

    def sync(self) -> int:
        """Bring everything appended to the disk; returns the bytes that are safe.

        Raises:
            UnavailableError: another stream has taken the submission over, or the disk is full.
        """
        with self._lock:
            if self._stream is None:
                raise UnavailableError("another stream has taken this submission over")
            try:
                self._flush(self._stream)
            except OSError as error:
                self._shut()
                raise UnavailableError(f"the spool cannot be written: {error}") from error
            return self._size

    def close(self) -> None:
        """Sync and close; again is nothing."""
        with self._lock:
            if self._stream is None:
                return
            try:
                self._flush(self._stream)
            finally:
                self._shut()

    def _flush(self, stream: BinaryIO) -> None:
        if self._synced < self._size:
            stream.flush()
            os.fsync(stream.fileno())
            self._synced = self._size

    def _shut(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            # The lock goes with the descriptor, whatever closing says.
            stream.close()


class Spool:
    """A folder of unfinished submissions."""

    def __init__(self, folder: Path, *, max_open: int = 256) -> None:
        self._folder = folder
        self._max_open = max_open
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    def begin(self, key: str, header: bytes) -> None:
        """Make an empty submission; nothing where there is one of that key.

        Raises:
            LimitExceededError: as many submissions are open as this installation allows.
            UnavailableError: the disk is full, or it is finished already.
        """
        with self._lock:
            if self._path(key, "json").exists():
                return
            if self._path(key, "done").exists():
                raise UnavailableError("this submission is finished; ask for its imagery")
            if len(self.unfinished()) >= self._max_open:
                raise LimitExceededError(
                    f"{self._max_open} submissions are unfinished; finish one, or try again later"
                )
            try:
                # Both entries of the folder are synced with the header's.
                self._path(key, "part").touch(mode=0o600)
                self._write_whole(key, header)
            except OSError as error:
                raise UnavailableError(f"the spool cannot be written: {error}") from error

    def open(self, key: str) -> SpoolFile:
        """A submission for appending.

        Raises:
            NotFoundError: none of that key.
            UnavailableError: another process is writing it.
        """
        path = self._path(key, "part")
        # A sweep on another thread holds each file for a moment to see whether it is in use.
        with self._lock:
            if not self._path(key, "json").exists():
                raise NotFoundError("no such unfinished submission", field="request_id")
            stream = path.open("a+b")
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                stream.close()
                raise UnavailableError("another process is writing this submission") from error
        return SpoolFile(path, stream)

    def header(self, key: str) -> bytes | None:
        """What was said at the beginning of a submission; None where there is none."""
        try:
            return self._path(key, "json").read_bytes()
        except FileNotFoundError:
            return None

    def size(self, key: str) -> int:
        """Bytes of a submission on disk; 0 where there is none."""
        try:
            return self._path(key, "part").stat().st_size
        except FileNotFoundError:
            return 0

    def unfinished(self) -> list[str]:
        """Keys of unfinished submissions, in no order."""
        return [path.stem for path in self._folder.glob("*.json")]

    def keep(self, key: str) -> None:
        """Take a finished submission out of the list; its bytes stay until it is removed."""
        header = self._path(key, "json")
        if header.exists():
            header.replace(self._path(key, "done"))
            self._sync_folder()

    def kept(self) -> dict[str, bytes]:
        """What was said at the beginning of finished submissions whose bytes stay, by key."""
        return {path.stem: path.read_bytes() for path in self._folder.glob("*.done")}

    def reopen(self, key: str) -> None:
        """Put a finished submission back into the list."""
        done = self._path(key, "done")
        if done.exists():
            done.replace(self._path(key, "json"))
            self._sync_folder()

    def path(self, key: str) -> Path:
        """Where the bytes of a submission lie; for reading."""
        return self._path(key, "part")

    def remove(self, key: str) -> None:
        """Forget a submission."""
        # The header first: what is no longer listed is no longer resumed.
        for suffix in ("json", "done", "part"):
            self._path(key, suffix).unlink(missing_ok=True)
        self._sync_folder()

    def sweep(self, before: datetime) -> int:
        """Forget submissions that nobody has added to since a time; returns how many."""
        swept = 0
        for key in self.unfinished():
            path = self._path(key, "part")
            with self._unused(path) as unused:
                if unused and _touched(path) < before:
                    self.remove(key)
                    swept += 1
        self.sweep_headless(before)
        return swept

    def sweep_headless(self, before: datetime | None = None) -> None:
        """Remove bytes that no header speaks for: begun or forgotten by a process that was killed.

        Args:
            before: only what was last touched before it; without it everything, which is safe
                only while nothing is taken in.
        """
        for path in self._folder.glob("*.part"):
            with self._unused(path) as unused:
                orphan = not any(path.with_suffix(end).exists() for end in (".json", ".done"))
                if unused and orphan and (before is None or _touched(path) < before):
                    path.unlink(missing_ok=True)
        for path in self._folder.glob("*.new"):
            if before is None or _touched(path) < before:
                path.unlink(missing_ok=True)

    def _path(self, key: str, suffix: str) -> Path:
        if not _KEY.fullmatch(key):
            raise InvalidInputError("not a key of the spool")
        return self._folder / f"{key}.{suffix}"

    def _write_whole(self, key: str, header: bytes) -> None:
        new = self._path(key, "new")
        with new.open("wb") as stream:
            stream.write(header)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self._path(key, "json"))
        self._sync_folder()

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _unused(self, path: Path) -> Iterator[bool]:
        """Whether no stream of any process has a file open; it stays so inside."""
        with self._lock:
            try:
                stream = path.open("rb")
            except FileNotFoundError:
                yield True
                return
            with stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    yield False
                    return
                yield True


def _touched(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.fromtimestamp(0, UTC)
