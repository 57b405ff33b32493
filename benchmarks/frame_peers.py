"""What a frame costs with nothing around it: bare SQLite, and a tree of places.

The statements that the ledger ran for a frame are run again, with the values that it ran them with,
on a copy of its database as it was before: by `sqlite3` alone, which is what reading and committing
these rows cost without anything that knows what they mean.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Engine, event

from pipelines.ground import GroundPoint
from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.positions.position_index import PositionIndex

# Of a frame's objects, positions within so far are looked up.
_RADIUS_M = 1_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement with its values, and whether it is part of what is measured."""

    text: str
    values: Any
    is_many: bool
    is_timed: bool

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return self.text.lstrip().upper().startswith("SELECT")

    def run(self, cursor: sqlite3.Cursor) -> None:
        """Run it and fetch what it gives."""
        (cursor.executemany if self.is_many else cursor.execute)(self.text, self.values)
        cursor.fetchall()


@dataclass(kw_only=True, slots=True)
class Recorder:
    """The statements of one frame after the other, as any engine of this process runs them."""

    frames: list[list[Statement]] = field(default_factory=list)
    is_timed: bool = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Record for as long as this lasts."""
        event.listen(Engine, "before_cursor_execute", self._note)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", self._note)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """What is run meanwhile is part of what is measured."""
        self.is_timed = True
        try:
            yield
        finally:
            self.is_timed = False

    def _note(
        self, _connection: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool
    ) -> None:
        if self.frames and not text.startswith("BEGIN"):
            self.frames[-1].append(
                Statement(text=text, values=values, is_many=many, is_timed=self.is_timed)
            )


def copy_database(source: Path, target: Path) -> None:
    """A copy of a SQLite database that others have open."""
    with sqlite3.connect(source) as opened, sqlite3.connect(target) as copied:
        opened.backup(copied)
    opened.close()
    copied.close()


def bare_ms(database: Path, frames: list[list[Statement]]) -> tuple[float, float]:
    """Processor time of reading, and of writing and committing, one frame; medians."""
    connection = sqlite3.connect(database, isolation_level=None)
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
    reads, writes = [], []
    for frame in frames:
        cursor = connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        for statement in frame:
            if not statement.is_timed and not statement.is_read:
                statement.run(cursor)
        cursor.execute("COMMIT")
        read, wrote = 0.0, 0.0
        started = time.process_time()
        cursor.execute("BEGIN IMMEDIATE")
        wrote += time.process_time() - started
        for statement in frame:
            if not statement.is_timed:
                continue
            started = time.process_time()
            statement.run(cursor)
            taken = time.process_time() - started
            read, wrote = (read + taken, wrote) if statement.is_read else (read, wrote + taken)
        started = time.process_time()
        cursor.execute("COMMIT")
        writes.append((wrote + time.process_time() - started) * 1e3)
        reads.append(read * 1e3)
    connection.close()
    return statistics.median(reads), statistics.median(writes)


def tree_ms(index: PositionIndex, ground: list[GroundPoint], repeats: int) -> float:
    """Processor time of shapely's STRtree to name the positions near the objects of a frame.

    In a plane, of reference points alone, without an error, a probability, a range or a rule.
    """
    plane = LocalPlane(
        latitude_deg=float(ground[0].latitude_deg or 0.0),
        longitude_deg=float(ground[0].longitude_deg or 0.0),
    )
    tree = shapely.STRtree(shapely.points(plane.enu(index.latitude_deg, index.longitude_deg)))
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        places = plane.enu(
            np.array([it.latitude_deg for it in ground]),
            np.array([it.longitude_deg for it in ground]),
        )
        tree.query(shapely.points(places), predicate="dwithin", distance=_RADIUS_M)
        taken.append((time.process_time() - started) * 1e3)
    return statistics.median(taken)
