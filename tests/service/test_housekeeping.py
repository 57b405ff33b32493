"""What the service does by the clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.threats.positions.patrols import PatrolReport
from pipelines.threats.positions.position import Position, PositionKind
from service import housekeeping
from service.access_control import AccessControl
from service.clock import utc_now
from service.errors import UnavailableError
from service.housekeeping import Housekeeping
from service.identity import ensure_identity
from service.ingest import Ingest, IngestLimits
from service.ledger.audit_entries import AuditNote
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.settings import load_settings
from service.spool import Spool


@pytest.fixture
def access(sqlite_ledger: Ledger, tmp_path: Path) -> AccessControl:
    now = utc_now()
    return AccessControl(
        ensure_identity(tmp_path / "identity", ("127.0.0.1",), now), sqlite_ledger, now
    )


@pytest.fixture
def keeping(
    sqlite_ledger: Ledger, objects: ObjectStore, access: AccessControl, tmp_path: Path
) -> Housekeeping:
    ingest = Ingest(sqlite_ledger, objects, Spool(tmp_path / "spool"), IngestLimits())
    return Housekeeping(
        sqlite_ledger, ingest, access, load_settings(data_dir=tmp_path, patrol_report_days=10)
    )


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_by_the_clock_old_reports_go_and_reads_are_told(
    keeping: Housekeeping,
    access: AccessControl,
    sqlite_ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = utc_now()
    patrol = Position(
        position_id="patrol-1",
        display_name="Patrol",
        kind=PositionKind.PATROL,
        latitude_deg=4.0,
        longitude_deg=31.0,
        sigma_m=10.0,
    )
    sqlite_ledger.create_position("unmiss", patrol, now)
    days = (1, 9, 11, 12)
    reports = [
        PatrolReport(
            reported_at=now - timedelta(days=ago),
            latitude_deg=4.0,
            longitude_deg=31.0,
            sigma_m=10.0,
        )
        for ago in days
    ]
    sqlite_ledger.add_reports("unmiss", "patrol-1", reports, now)
    for ago in (3601, 3600, 3600):
        access.write_down_read(
            AuditNote(
                chain="missions/unmiss",
                at=now - timedelta(seconds=ago),
                actor="x",
                role="analyst",
                action="RuleService.ListRules",
                subject="missions/unmiss",
                detail="{}",
            )
        )
    monkeypatch.setattr(housekeeping, "_EVERY_MINUTE_S", 0.01)
    tasks = keeping.begin()
    then = now - timedelta(days=10)
    await until(lambda: len(sqlite_ledger.audit_entries("missions/unmiss")) == 2)
    await until(
        lambda: (
            sqlite_ledger.reports_around("unmiss", ["patrol-1"], then)
            == {"patrol-1": (reports[1],)}
        )
    )
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(it, asyncio.CancelledError) for it in ended)
    assert '"further_reads":2' in sqlite_ledger.audit_entries("missions/unmiss")[1].detail


async def test_a_ledger_that_does_not_answer_is_asked_again(
    keeping: Housekeeping,
    sqlite_ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(housekeeping, "_EVERY_MINUTE_S", 0.01)
    monkeypatch.setattr(housekeeping, "_EVERY_HOUR_S", 0.01)
    asked = 0

    def away(before: object) -> int:
        nonlocal asked
        asked += 1
        raise UnavailableError(f"away before {before}")

    monkeypatch.setattr(sqlite_ledger, "prune_shadow_looks", away)
    with caplog.at_level(logging.WARNING, "vedette.housekeeping"):
        tasks = keeping.begin()
        await until(lambda: asked >= 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert "pruning: not done this time: away" in caplog.text
