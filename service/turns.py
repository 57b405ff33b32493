"""Jobs begun side by side that end in the order they were begun, where that order matters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Self, TypeVar

Begun = TypeVar("Begun")


class Turns:
    """Shared by the workers of one process; frames of a sortie meet its incidents in their order.

    Only those of one sortie wait for each other: a raster of an hour holds back no other's alert.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._last = 0
        # What each job is of, by its place; None until it says so.
        self._open: dict[int, Hashable | None] = {}

    def begin(self, begin: Callable[[], Begun]) -> tuple[Begun, Turn]:
        """Begin something, and give it its place; nothing else is begun meanwhile.

        Returns:
            What `begin` gave, and its turn, which has to be ended whatever becomes of it.
        """
        with self._changed:
            begun = begin()
            self._last += 1
            self._open[self._last] = None
            return begun, Turn(self, self._last)

    def name(self, place: int, sortie: Hashable) -> None:
        """Say what a job is of; until then all that were begun after it wait for it."""
        with self._changed:
            self._open[place] = sortie
            self._changed.notify_all()

    def wait(self, place: int) -> None:
        """Wait until everything of the same sortie that was begun before has ended."""
        with self._changed:
            self._changed.wait_for(lambda: not self._holds_back(place))

    def end(self, place: int) -> None:
        """Let those pass that wait for it."""
        with self._changed:
            del self._open[place]
            self._changed.notify_all()

    def _holds_back(self, place: int) -> bool:
        mine = self._open[place]
        return any(
            before < place and sortie in (None, mine) for before, sortie in self._open.items()
        )


class Turn:
    """The place of one job among those begun."""

    def __init__(self, turns: Turns, place: int) -> None:
        self._turns = turns
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._turns.end(self._place)

    def name(self, sortie: Hashable) -> None:
        """Say what it is of; until then all that were begun after it wait for it."""
        self._turns.name(self._place, sortie)

    def wait(self) -> None:
        """Wait until everything of the same sortie that was begun before has ended."""
        self._turns.wait(self._place)
