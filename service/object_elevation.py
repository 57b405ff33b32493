"""Elevation models in an object store: listed once, read in ranges of bytes.

GDAL, which asks for the ranges, turns any failure of a read into a damaged file. So a failure is
kept here and told when the work that needed the bytes is over (`ElevationObjects.unbroken`): a
store that is away for a while is no fault of the elevation model, nor of the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import NotFoundError, UnavailableError
from service.objects import ObjectStore


class ElevationObjects:
    """Elevation models under a prefix of a bucket; an `elevation_store.ObjectReader`.

    Args:
        store: the bucket.
        prefix: names begin with it and a slash; empty for the whole bucket.
    """

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._failure: UnavailableError | None = None

    def list(self) -> Iterator[tuple[str, int]]:
        """Names below the prefix, and sizes in bytes.

        Raises:
            NotFoundError: there is no such bucket.
            UnavailableError: the store does not answer, or refuses.
        """
        for key, size in self._store.list(self._prefix):
            yield key.removeprefix(self._prefix), size

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of an object from an offset on; fewer only at its end.

        Raises:
            UnavailableError: the store does not answer, refuses, or has lost the object.
        """
        try:
            return self._store.read(f"{self._prefix}{name}", offset, length)
        except (NotFoundError, UnavailableError) as error:
            gone = "is gone" if isinstance(error, NotFoundError) else f"cannot be read: {error}"
            self._failure = UnavailableError(f"the elevation model {name} {gone}")
            raise self._failure from error

    @contextmanager
    def unbroken(self) -> Iterator[None]:
        """Tell at the end whether anything inside went without bytes that it asked for.

        Raises:
            UnavailableError: it did, whatever it made of that.
        """
        self._failure = None
        try:
            yield
        except Exception as error:
            if self._failure is not None:
                raise self._failure from error
            raise
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Close every connection."""
        self._store.close()
