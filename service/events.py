"""Wakes those who wait for the ledger to change; what changed they read from the ledger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from models.errors import VedetteError

_log = logging.getLogger("vedette.events")


class ChangeHub:
    """One poll of the ledger's change token for any number of waiting calls.

    Workers are other processes: SQLite has no notification across them, and one cheap read every
    100 ms serves all subscribers.
    """

    def __init__(self, change_token: Callable[[], object], *, interval_s: float = 0.1) -> None:
        self._change_token = change_token
        self._interval_s = interval_s
        self._generation = 0
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def generation(self) -> int:
        """Counts up with each change seen; read it before reading the ledger."""
        return self._generation

    @property
    def closed(self) -> bool:
        """The service drains: streams end."""
        return self._closed

    async def wait_beyond(self, generation: int, timeout_s: float) -> None:
        """Return when the ledger changed after that generation, or the time is over."""
        if self._generation != generation or self._closed:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def run(self) -> None:
        """Poll until cancelled."""
        last: object = None
        while True:
            try:
                token = await asyncio.to_thread(self._change_token)
            except VedetteError as error:
                _log.warning("the ledger does not answer: %s", error)
                await asyncio.sleep(1.0)
                continue
            if token != last:
                last = token
                self._wake()
            await asyncio.sleep(self._interval_s)

    def close(self) -> None:
        """Wake everybody a last time."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._generation += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
