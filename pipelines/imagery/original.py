"""The file of an image: bytes in memory, or a file mapped so that it is not held there."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from models.errors import UnreadableImageError


@contextmanager
def mapped(data: bytes, path: Path | None) -> Iterator[bytes]:
    """The bytes of an original, read only where they are asked for.

    Args:
        data: the bytes, where `path` is None.
        path: a local file.

    Raises:
        UnreadableImageError: the file is empty.
    """
    if path is None:
        yield data
        return
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise UnreadableImageError("this is an empty file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as window:
            # A mapped file is measured, sliced and unpacked from as bytes are, and a slice of it
            # is bytes: all that the readers of headers and metadata do.
            yield cast("bytes", window)
