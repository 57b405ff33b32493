"""Thin chips, cut in a process of their own: what decodes a stranger's bytes holds no port."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from models.errors import UnreadableImageError
from pipelines.products.thin_chip import ThinChip, thin_chip

_PR_SET_PDEATHSIG = 1


class ChipRoom:
    """Cuts one chip after the other; its process starts with the first.

    Methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def cut(self, data: bytes, xyxy: tuple[float, float, float, float], max_bytes: int) -> ThinChip:
        """The chip of an object; see `pipelines.products.thin_chip.thin_chip`.

        Raises:
            UnreadableImageError: the original cannot be read, or ended the process that tried.
        """
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    1, mp_context=get_context("spawn"), initializer=_end_with_parent
                )
            pool = self._pool
        try:
            return pool.submit(_cut, data, xyxy, max_bytes).result()
        except BrokenProcessPool as error:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            raise UnreadableImageError("the original ended the process that read it") from error

    def close(self) -> None:
        """End the process."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _cut(data: bytes, xyxy: tuple[float, float, float, float], max_bytes: int) -> ThinChip:
    return thin_chip(data, None, xyxy, max_bytes=max_bytes)


def _end_with_parent() -> None:
    """Ask Linux to end this process with the service; Ctrl-C is the service's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
