from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vedette.v1 import position_pb2

from service.cli.position import reported_words

REPORTED = datetime(2026, 11, 24, 9, 15, 0, 250_000, tzinfo=UTC)


def patrol(max_age_s: float | None = None) -> position_pb2.Position:
    item = position_pb2.Position(kind=position_pb2.POSITION_KIND_PATROL, sigma_m=10.0)
    item.report_time.FromDatetime(REPORTED)
    if max_age_s is not None:
        item.aging.max_age_s = max_age_s
    return item


def test_a_list_says_since_when_nobody_knows_where_a_patrol_is() -> None:
    soon, late = REPORTED + timedelta(minutes=29), REPORTED + timedelta(minutes=61)
    assert reported_words(patrol(), soon) == "2026-11-24 09:15:00Z"
    told = "2026-11-24 09:15:00Z; place unknown since 2026-11-24 10:15:00Z"
    assert reported_words(patrol(), late) == told
    sooner = "2026-11-24 09:15:00Z; place unknown since 2026-11-24 09:25:00Z"
    assert reported_words(patrol(600.0), soon) == sooner


def test_what_does_not_report_has_no_report() -> None:
    post = position_pb2.Position(kind=position_pb2.POSITION_KIND_POST)
    assert reported_words(post, REPORTED) == ""
