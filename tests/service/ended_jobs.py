"""Jobs that a test ends itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pipelines.assessment import Assessment
from service.ledger.records import ImageryRecord, IncidentEventRecord
from service.ledger.store import Ledger

MakeImagery = Callable[..., ImageryRecord]
MakeAssessment = Callable[..., Assessment]
LATER = timedelta(hours=1)


def process(ledger: Ledger, assessment: Assessment, now: datetime) -> list[IncidentEventRecord]:
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    return ledger.finish_job(lease, assessment, [], now=now)
