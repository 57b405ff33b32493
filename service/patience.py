"""How long a client tries again: pauses that grow until there was no progress for too long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_BACKOFF_S = 15.0


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
    """Exponential pauses until the time without progress is over."""

    def __init__(self, backoff: Backoff, look_again: Callable[[], None]) -> None:
        self._look_again = look_again
        self._next_s = backoff.first_s
        self._ends = time.monotonic() + backoff.give_up_s

    def pause(self) -> bool:
        """Wait; False when it is time to give up."""
        left = self._ends - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(self._next_s, left))
        self._look_again()
        self._next_s = min(self._next_s * 2, MAX_BACKOFF_S)
        return True
