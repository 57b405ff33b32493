"""How long a client tries again: pauses that grow until there was no progress for too long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_BACKOFF_S = 15.0
REACHED_PAUSE_S = 1.0
# gRPC gives up connecting after 20 s: a stream that lasted longer had a connection.
CONNECTING_S = 25.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """How patient the client is.

    Attributes:
        first_s: pause before the second try; doubles with each.
        give_up_s: time without any progress after which an error is final.
    """

    first_s: float = 0.25
    give_up_s: float = 60.0


class Waits:
    """Exponential pauses until the time without progress is over.

    A stream that was open counts as progress, however long it had nothing to tell: call `streaming`
    as each begins.
    """

    def __init__(self, backoff: Backoff, look_again: Callable[[], None]) -> None:
        self._look_again = look_again
        self._backoff = backoff
        self._streaming: float | None = None
        self._next_s, self._ends = backoff.first_s, time.monotonic() + backoff.give_up_s

    def streaming(self) -> None:
        """Note that a stream begins."""
        self._streaming = time.monotonic()

    def reached(self) -> None:
        """Note that the service answers: a line that breaks again and again is tried again soon."""
        self._next_s = min(self._next_s, REACHED_PAUSE_S)

    def pause(self) -> bool:
        """Wait; False when it is time to give up."""
        began, self._streaming = self._streaming, None
        if began is not None and time.monotonic() - began > CONNECTING_S:
            self._next_s = self._backoff.first_s
            self._ends = time.monotonic() + self._backoff.give_up_s
        left = self._ends - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(self._next_s, left))
        self._look_again()
        self._next_s = min(self._next_s * 2, MAX_BACKOFF_S)
        return True
