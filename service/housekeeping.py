"""What the service does by the clock, whether or not somebody asks for anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from models.errors import VedetteError
from service.access_control import AccessControl
from service.clock import utc_now
from service.ingest import Ingest
from service.ledger.store import Ledger
from service.settings import Settings

_log = logging.getLogger("vedette.housekeeping")

_EVERY_MINUTE_S = 60.0
_EVERY_HOUR_S = 3600.0


class Housekeeping:
    """Tidies the spool, ends what is not seen any more, tells reads, prunes what is old.

    The audit, incidents with their events, imagery and its products are never pruned.

    Args:
        ledger: of this installation.
        ingest: has the spool.
        access: counts reads.
        settings: say how long things are kept.
    """

    def __init__(
        self, ledger: Ledger, ingest: Ingest, access: AccessControl, settings: Settings
    ) -> None:
        self._ledger = ledger
        self._ingest = ingest
        self._access = access
        self._settings = settings

    def begin(self) -> list[asyncio.Task[None]]:
        """Tasks that go on until they are cancelled; a defect ends them."""
        chores = (
            ("tidy", self._tidy, _EVERY_MINUTE_S),
            ("expiry", self.expire, _EVERY_MINUTE_S),
            ("reads", self.tell_reads, _EVERY_MINUTE_S),
            ("pruning", self.prune, _EVERY_HOUR_S),
        )
        return [
            asyncio.create_task(_again_and_again(name, chore, seconds), name=name)
            for name, chore, seconds in chores
        ]

    def expire(self) -> None:
        """End what was not seen for longer than it is held, whether or not imagery comes."""
        ended = self._ledger.expire_incidents(utc_now())
        if ended:
            _log.info("%d incidents have expired", len(ended))

    def tell_reads(self, *, everything: bool = False) -> None:
        """Tell the audit how often was read in the hours that have passed, or until now."""
        self._access.tell_reads(utc_now(), everything=everything)

    def prune(self) -> None:
        """Let go of what is older than it is kept."""
        now, settings = utc_now(), self._settings
        reports = self._ledger.prune_patrol_reports(
            now - timedelta(days=settings.patrol_report_days)
        )
        looks = self._ledger.prune_shadow_looks(now - timedelta(days=settings.shadow_look_days))
        if reports or looks:
            _log.info("pruned %d reports of patrols and %d shadow looks", reports, looks)

    def _tidy(self) -> None:
        self._ingest.tidy(utc_now())


async def _again_and_again(name: str, chore: Callable[[], None], seconds: float) -> None:
    # The start has enough to do.
    await asyncio.sleep(_EVERY_MINUTE_S)
    while True:
        try:
            await asyncio.to_thread(chore)
        except VedetteError as error:
            _log.warning("%s: not done this time: %s", name, error)
        await asyncio.sleep(seconds)
