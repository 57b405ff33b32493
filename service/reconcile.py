"""Closing the gaps that a kill or a power cut left between spool, object store and ledger."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.spool import Spool
from service.submission import SubmissionHeader

_LOG = logging.getLogger("vedette.reconcile")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconcileReport:
    """What was found at the start.

    Attributes:
        resumable: unfinished submissions that their clients can go on with.
        recorded: submissions recorded just before the end, whose bytes were still listed.
        restored: originals that the object store had lost and now has again.
        reopened: submissions that the ledger does not know as finished; nobody was told they were.
        swept: unfinished submissions that nobody came back for.
    """

    resumable: int
    recorded: int
    restored: int
    reopened: int
    swept: int


def reconcile(
    ledger: Ledger,
    objects: ObjectStore,
    spool: Spool,
    now: datetime,
    *,
    stale_after: timedelta = timedelta(hours=24),
) -> ReconcileReport:
    """Close the gaps of an earlier run, before anything is taken in; nothing acknowledged is lost.

    Raises:
        UnavailableError: the object store or the ledger does not answer.
    """
    recorded = reopened = restored = 0
    for key in spool.unfinished():
        if _is_finished(ledger, spool.header(key)):
            spool.keep(key)
            recorded += 1
    kept = spool.kept()
    durable = []
    for key, said in kept.items():
        if not _is_finished(ledger, said):
            spool.reopen(key)
            reopened += 1
            continue
        header = SubmissionHeader.from_json(said)
        name = original_key(header.mission_id, header.sha256)
        # Sizes may agree where bytes do not: a power cut leaves holes.
        if objects.size(name) != header.size_bytes or objects.sha256(name) != header.sha256:
            objects.put_verified(
                name,
                spool.path(key),
                sha256=header.sha256,
                content_type="application/octet-stream",
            )
            restored += 1
        durable.append(key)
    if durable:
        objects.settle()
    for key in durable:
        spool.remove(key)
    swept = spool.sweep(now - stale_after)
    spool.sweep_headless()
    report = ReconcileReport(
        resumable=len(spool.unfinished()),
        recorded=recorded,
        restored=restored,
        reopened=reopened,
        swept=swept,
    )
    if recorded or restored or reopened:
        _LOG.warning("an earlier run ended early: %s", report)
    return report


def _is_finished(ledger: Ledger, said: bytes | None) -> bool:
    if said is None:
        return False
    header = SubmissionHeader.from_json(said)
    return ledger.imagery_of_request(header.mission_id, header.request_id) is not None
