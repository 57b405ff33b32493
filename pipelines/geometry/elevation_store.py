"""Where elevation models lie: a folder with its subfolders, or anything that can list and read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from pipelines.imagery.raster import Driver, RangedRaster

DRIVERS: dict[str, Driver] = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".hgt": "SRTMHGT",
    ".dt0": "DTED",
    ".dt1": "DTED",
    ".dt2": "DTED",
}
"""What may be an elevation model, by the end of its name, with what reads it."""

MOST_HASHED_BYTES = 1 << 29
"""A larger object of a store is read in ranges only, never whole for its hash."""

_PIECE_BYTES = 1 << 23


class ObjectReader(Protocol):
    """Objects under a prefix of a bucket, or whatever else is like one."""

    def list(self) -> Iterator[tuple[str, int]]:
        """Names and sizes in bytes of all objects."""
        ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of an object from an offset on; fewer only at its end."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ElevationRaster:
    """One raster that may be an elevation model.

    Attributes:
        name: unique in its store, with folders.
        driver: what reads it.
        source: what is read.
    """

    name: str
    driver: Driver
    source: Path | RangedRaster

    @property
    def size_bytes(self) -> int:
        """Length of what is read."""
        if isinstance(self.source, RangedRaster):
            return self.source.size
        return self.source.stat().st_size

    def sha256(self) -> str | None:
        """Of its bytes, read whole; None for an object of more than `MOST_HASHED_BYTES`."""
        if isinstance(self.source, Path):
            with self.source.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        if self.source.size > MOST_HASHED_BYTES:
            return None
        digest = hashlib.sha256()
        for offset in range(0, self.source.size, _PIECE_BYTES):
            digest.update(self.source.read(offset, min(_PIECE_BYTES, self.source.size - offset)))
        return digest.hexdigest()


def rasters_in_folder(folder: Path) -> Iterator[ElevationRaster]:
    """What may be an elevation model in a folder and all below it, by name."""
    for path in sorted(folder.rglob("*")):
        driver = DRIVERS.get(path.suffix.lower())
        if driver is not None and path.is_file():
            name = path.relative_to(folder).as_posix()
            yield ElevationRaster(name=name, driver=driver, source=path)


def rasters_of_objects(reader: ObjectReader) -> Iterator[ElevationRaster]:
    """What may be an elevation model among objects, by name."""
    for name, size in sorted(reader.list()):
        path = PurePosixPath(name)
        driver = DRIVERS.get(path.suffix.lower())
        if driver is not None:

            def read(offset: int, length: int, name: str = name) -> bytes:
                return reader.read(name, offset, length)

            source = RangedRaster(name=path.name, size=size, read=read)
            yield ElevationRaster(name=name, driver=driver, source=source)
