"""A rule tried on detections that were stored, against what is known of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from pyproj import Geod

from models.detections import Detections
from pipelines.assessment import Assessment
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.shapes import Line
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.requirements import Cluster, Dwell
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from pipelines.threats.rules.severity import Severity
from service.ledger.records import ImageryRecord, PledgeRecord
from service.ledger.store import Ledger
from service.rule_preview import RulePreview, preview_rule

GEOD = Geod(ellps="WGS84")
POST = Position(
    position_id="post-1",
    display_name="Post 1",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=30.0,
)
Seen = Callable[..., None]


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(
        30.0, 4.0, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return lon, lat


@pytest.fixture
def seen(
    sqlite_ledger: Ledger,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> Seen:
    """Stores a frame of 800 m around the post: (category, east, north) each, seconds after now."""
    sqlite_ledger.create_pledge(pledge)
    sqlite_ledger.create_position("unmiss", POST, now)
    corners = [(-400, -400), (400, -400), (400, 400), (-400, 400), (-400, -400)]
    ring = np.array([lonlat(*corner) for corner in corners])
    count = 0

    def store(
        things: Sequence[tuple[str, float, float]],
        seconds: float,
        rules: Sequence[Rule] = (),
        position: Position = POST,
    ) -> None:
        nonlocal count
        record, _ = sqlite_ledger.accept_imagery(make_imagery(count), f"request-{count}", now)
        count += 1
        lease = sqlite_ledger.lease_job("w", now, 60)
        assert lease is not None
        assert lease.imagery_id == record.imagery_id
        blank = make_assessment()
        size = len(things)
        ground = tuple(point(east, north) for _, east, north in things)
        categories = tuple(category for category, _, _ in things)
        sqlite_ledger.finish_job(
            lease,
            replace(
                blank,
                capture=replace(blank.capture, captured_at=now + timedelta(seconds=seconds)),
                detections=Detections(
                    # Apart: two boxes at one place are one object.
                    xyxy=np.array([10, 10, 30, 30], np.float32)
                    + 100 * np.arange(size, dtype=np.float32)[:, None],
                    confidence=np.full(size, 0.8, np.float32),
                    class_id=np.zeros(size, np.int32),
                ),
                categories=categories,
                ground=ground,
                footprint_lonlat=ring,
                sightings=weigh(ground, categories, [0.8] * size, [position], rules),
            ),
            [],
            now=now,
            positions=[position],
            rules=rules,
        )

    return store


def point(east: float, north: float) -> GroundPoint:
    lon, lat = lonlat(east, north)
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=lat,
        longitude_deg=lon,
        hae_m=400.0,
        covariance_enu_m2=np.diag([9.0, 9.0, 9.0]),
        ce90_m=6.4,
        le90_m=4.9,
        slant_range_m=120.0,
        depression_deg=50.0,
        terrain="flat:test",
    )


def rule(**changes: object) -> Rule:
    return replace(DEFAULT_RULE, rule_id="mine", **changes)  # type: ignore[arg-type]


def tried(ledger: Ledger, asked: Rule, now: datetime, **options: int) -> RulePreview:
    return preview_rule(
        ledger,
        "unmiss",
        asked,
        since=now - timedelta(days=1),
        until=now + timedelta(days=1),
        **options,
    )


CARS = [("car", 100.0, 20.0), ("car", -150.0, 60.0), ("truck", 40.0, -250.0)]


def test_things_that_stand_are_one_incident_each_however_often_they_were_seen(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    for look in range(6):
        seen(CARS, 60.0 * look)
    found = tried(sqlite_ledger, rule(), now)
    assert (found.image_count, found.detection_count) == (6, 18)
    assert found.preview.incident_count == 3
    assert found.preview.by_position == {"post-1": 3}
    assert found.preview.by_severity == {
        Severity.LOW: 0,
        Severity.MEDIUM: 3,
        Severity.HIGH: 0,
    }
    assert found.present is None
    # The built-in rules were in force, and see the same three.
    assert found.all_present.incident_count == 3
    assert found.all_with_preview.incident_count == 3
    assert len(found.preview.examples) == 3
    assert found.preview.examples[0].captured_at == now
    assert found.preview.examples[0].reason.endswith("being this near is likely.")


def test_a_rule_is_held_against_its_revision_in_force(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    for look in range(3):
        seen(CARS, 60.0 * look)
    sqlite_ledger.set_rule("unmiss", rule(), now)
    sqlite_ledger.set_rule("unmiss", replace(rule(radius_m=50.0), rule_id="inner"), now)
    found = tried(sqlite_ledger, rule(categories=frozenset({"truck"})), now)
    assert found.preview.incident_count == 1
    assert found.present is not None
    assert found.present.incident_count == 3
    assert (found.all_present.incident_count, found.all_with_preview.incident_count) == (3, 1)
    # Nothing was changed by it.
    assert [it.revision for it in sqlite_ledger.rules_in_force("unmiss")] == [1, 1]
    assert sqlite_ledger.rules_in_force("unmiss")[1].categories == DEFAULT_RULE.categories


def test_a_rule_that_would_be_disabled_leaves_the_others_alone(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    seen(CARS, 0.0)
    off = rule(enabled=False, categories=frozenset({"truck"}))
    alone = tried(sqlite_ledger, off, now)
    assert (alone.preview.incident_count, alone.all_with_preview.incident_count) == (1, 3)
    sqlite_ledger.set_rule("unmiss", rule(), now)
    sqlite_ledger.set_rule("unmiss", replace(rule(radius_m=120.0), rule_id="inner"), now)
    beside = tried(sqlite_ledger, off, now)
    assert (beside.all_present.incident_count, beside.all_with_preview.incident_count) == (3, 1)


def test_conditions_are_replayed_over_time(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    # One stays for ten minutes; one is there for the first two only; people come together once.
    for look in range(6):
        short = [("person", 200.0, 200.0)] if look < 2 else []
        seen([("person", 60.0, 10.0), *short], 120.0 * look)
    stays = tried(sqlite_ledger, rule(dwell=Dwell(min_s=500.0)), now)
    assert stays.preview.incident_count == 1
    assert stays.preview.by_severity[Severity.HIGH] == 1
    assert "there for 10:00 or more" in stays.preview.examples[0].reason
    assert stays.preview.withheld["DWELL_TOO_SHORT"] >= 5
    crowd = tried(sqlite_ledger, rule(cluster=Cluster(min_count=2)), now)
    assert crowd.preview.incident_count == 0
    assert crowd.preview.withheld == {"TOO_FEW": 8}


def test_only_the_time_that_is_asked_for_is_looked_at(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    for look in range(4):
        seen(CARS[:1], 3600.0 * look)
    part = preview_rule(
        sqlite_ledger,
        "unmiss",
        rule(),
        since=now + timedelta(hours=1),
        until=now + timedelta(hours=3),
    )
    assert (part.image_count, part.preview.incident_count) == (2, 1)
    assert part.preview.examples[0].captured_at == now + timedelta(hours=1)
    assert (
        preview_rule(
            sqlite_ledger, "other", rule(), since=now, until=now + timedelta(hours=9)
        ).image_count
        == 0
    )


def test_too_much_is_looked_at_in_part_and_said(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    for look in range(4):
        seen(CARS[:1], 60.0 * look)
    found = tried(sqlite_ledger, rule(), now, max_images=3)
    assert (found.truncated, found.image_count) == (True, 3)
    whole = tried(sqlite_ledger, rule(), now, max_images=4)
    assert (whole.truncated, whole.image_count) == (False, 4)


def test_pages_are_read_in_order_of_capture_and_none_twice(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    # Two pages; frames of the same time among them, and arrived in another order.
    times = [float(60 * ((7 * number) % 40)) for number in range(60)]
    for seconds in times:
        seen([("car", 100.0, 20.0)], seconds)
    frames = list(
        sqlite_ledger.frames_between("unmiss", now - timedelta(days=1), now + timedelta(days=1))
    )
    assert [it.captured_at for it in frames] == [
        now + timedelta(seconds=seconds) for seconds in sorted(times)
    ]
    assert len({it.imagery_id for it in frames}) == 60


def test_a_preview_counts_what_the_service_raised_from_the_same_frames(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    asked = replace(rule(radius_m=250.0), revision=1)
    sqlite_ledger.set_rule("unmiss", asked, now)
    rng = np.random.default_rng(5)
    for look in range(15):
        jitter = rng.normal(0.0, 1.0, 4)
        things = [
            ("car", 100.0 + jitter[0], 20.0 + jitter[1]),
            # At 2.5 m/s toward the post, from beyond the radius.
            ("truck", 300.0 - 5.0 * look + jitter[2], jitter[3]),
        ]
        seen(things, 2.0 * look, [asked])
    really = sqlite_ledger.list_incidents("unmiss").items
    found = tried(sqlite_ledger, asked, now)
    assert found.preview.incident_count == len(really) == 2
    assert found.preview == found.present
    truck = found.preview.examples[0]
    (known,) = [it.incident for it in really if it.incident.best.category == "truck"]
    assert (truck.severity, known.severity) == (Severity.HIGH, Severity.HIGH)
    assert "a truck closes" in truck.reason
    assert truck.reason.startswith("A truck, ")


def test_the_service_itself_knows_what_earlier_looks_saw(
    sqlite_ledger: Ledger, seen: Seen, now: datetime
) -> None:
    line = Line(vertices_lonlat=(lonlat(-900, 0), lonlat(900, 0)), buffer_m=4.0)
    route = placed(
        Position(
            position_id="blue",
            display_name="Route Blue",
            kind=PositionKind.ROUTE,
            latitude_deg=0.0,
            longitude_deg=0.0,
            shape=line,
        )
    )
    old, new = ("car", 300.0, 5.0), ("truck", -100.0, 3.0)
    for seconds, things in ((0, [old]), (30, [old]), (7200, [old, new]), (7230, [old, new])):
        seen(things, float(seconds), DEFAULT_RULES, route)
    (raised,) = sqlite_ledger.list_incidents("unmiss").items
    assert raised.incident.best.category == "truck"
    assert raised.incident.severity is Severity.HIGH
    assert f"not there on {now + timedelta(seconds=30):%Y-%m-%d %H:%M} UTC" in (
        raised.incident.reason
    )
    sqlite_ledger.create_position("unmiss", route, now)
    sqlite_ledger.delete_position("unmiss", "post-1")
    same = tried(sqlite_ledger, DEFAULT_RULES[-1], now)
    assert same.preview.incident_count == 1
    assert same.preview.examples[0].reason == raised.incident.reason
