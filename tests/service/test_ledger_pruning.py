"""What is old goes, what is needed stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.detections import Detections
from models.detector import DetectorIdentity
from pipelines.assessment import Assessment, ShadowLook
from pipelines.threats.positions.patrols import PatrolReport
from pipelines.threats.positions.position import Position, PositionKind
from service.ledger.audit_entries import AuditNote
from service.ledger.records import ImageryRecord
from service.ledger.store import Ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_where_patrols_were_is_forgotten_but_for_the_latest(ledger: Ledger) -> None:
    for name in ("near", "far"):
        patrol = Position(
            position_id=name,
            display_name=name,
            kind=PositionKind.PATROL,
            latitude_deg=4.0,
            longitude_deg=31.0,
            sigma_m=10.0,
        )
        ledger.create_position("unmiss", patrol, NOON)

    def report(days: float) -> PatrolReport:
        return PatrolReport(
            reported_at=NOON + days * DAY,
            latitude_deg=4.0,
            longitude_deg=31.0 + days / 10_000,
            sigma_m=10.0,
        )

    # More than go at once.
    ledger.add_reports("unmiss", "near", [report(number / 100) for number in range(1, 1301)], NOON)
    ledger.add_reports("unmiss", "far", [report(1), report(2)], NOON)
    assert ledger.prune_patrol_reports(NOON + 10 * DAY) == 999 + 1
    assert ledger.prune_patrol_reports(NOON + 10 * DAY) == 0

    def longitude(name: str) -> float:
        return ledger.get_position("unmiss", name).longitude_deg

    assert longitude("near") == pytest.approx(31.0013)
    # Nothing newer is known of it, and so it stands where it was last seen.
    assert longitude("far") == pytest.approx(31.0002)
    around = ledger.reports_around("unmiss", ["near"], NOON + 10 * DAY)
    assert [it.reported_at for it in around["near"]] == [
        NOON + 10 * DAY,
        NOON + 10.01 * DAY,
    ]


def test_old_looks_of_shadows_go_and_what_was_found_and_told_stays(
    ledger: Ledger,
    accept: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> None:
    nothing = ShadowLook(
        detector=DetectorIdentity(
            name="trial", engine="e", sha256={}, categories=("car",), input_px=640, version="2"
        ),
        detections=Detections(
            xyxy=np.zeros((0, 4), np.float32),
            confidence=np.zeros(0, np.float32),
            class_id=np.zeros(0, np.int32),
        ),
        categories=(),
        agreement={},
        failure="",
    )
    for number in range(3):
        accept(number)
        lease = ledger.lease_job("w", now + number * DAY, 30)
        assert lease is not None
        found = replace(make_assessment((4.0 + number, 30.0)), shadow=nothing)
        ledger.finish_job(lease, found, [], now=now + number * DAY)
    ledger.append_audit(
        AuditNote(
            chain="missions/unmiss", at=now, actor="x", role="x", action="x", subject="", detail=""
        )
    )
    assert ledger.prune_shadow_looks(now + 2 * DAY) == 2
    assert ledger.prune_shadow_looks(now + 2 * DAY) == 0
    left = ledger.compare_shadow()
    assert (left.frames, left.first_at) == (1, now + 2 * DAY)
    assert len(ledger.list_detections("unmiss").items) == 3
    assert len(ledger.list_incidents("unmiss").items) == 3
    assert len(ledger.audit_entries("missions/unmiss")) == 1
