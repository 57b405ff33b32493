"""Whether the service can do its work: SERVING only when every part can."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from grpc_health.v1 import health, health_pb2

_log = logging.getLogger("vedette.health")
_INTERVAL_S = 1.0
_PATIENCE_S = 3.0


class HealthWatch:
    """Asks every part once a second and tells grpc.health.v1.

    Args:
        checks: by name of the part, a blocking function that raises when the part does not work.
        live_workers: how many workers are ready.
        services: full names of the services it speaks for, besides "".
    """

    def __init__(
        self,
        checks: Mapping[str, Callable[[], object]],
        live_workers: Callable[[], int],
        services: tuple[str, ...],
    ) -> None:
        self.servicer = health.aio.HealthServicer()
        self._checks = checks
        self._live_workers = live_workers
        self._services = ("", *services)
        self._last: tuple[str, ...] | None = None
        # One thread a part: a part that hangs is asked once, not once a second.
        self._executors = {name: ThreadPoolExecutor(1, f"health-{name}") for name in checks}

    async def ailing(self) -> tuple[str, ...]:
        """Names of the parts that do not work now."""
        answers = await asyncio.gather(*(self._works(name) for name in self._checks))
        found = [name for name, works in zip(self._checks, answers, strict=True) if not works]
        if self._live_workers() < 1:
            found.append("workers")
        return tuple(found)

    async def refresh(self) -> None:
        """Ask now and tell."""
        ailing = await self.ailing()
        if ailing != self._last:
            status = (
                health_pb2.HealthCheckResponse.NOT_SERVING
                if ailing
                else health_pb2.HealthCheckResponse.SERVING
            )
            for service in self._services:
                await self.servicer.set(service, status)
            if ailing and self._last is not None:
                _log.warning("not serving: %s do not answer", ", ".join(ailing))
            elif not ailing:
                _log.info("serving")
            self._last = ailing

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(_INTERVAL_S)

    async def drain(self) -> None:
        """Tell everybody to go elsewhere, for good."""
        await self.servicer.enter_graceful_shutdown()
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)

    async def _works(self, name: str) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await loop.run_in_executor(self._executors[name], self._checks[name])
        except TimeoutError:
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the part does not work
            _log.debug("%s: %s", name, error)
            return False
        return True
