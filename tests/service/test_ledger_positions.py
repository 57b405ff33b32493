"""Shapes, reports and registers of positions, over each dialect."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from models.errors import InvalidInputError
from pipelines.threats.positions.patrols import PatrolReport
from pipelines.threats.positions.position import Aging, Position, PositionKind
from pipelines.threats.positions.shapes import Line, Polygon
from pipelines.threats.positions.use_times import parse_use_time
from service.errors import NotFoundError, StaleRevisionError
from service.ledger import store
from service.ledger.positions import PositionChange
from service.ledger.store import Ledger
from service.position_register import PositionRegister

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
POST = Position(
    position_id="post-1",
    display_name="Post 1",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=31.0,
)
CAMP = replace(
    POST,
    position_id="camp-1",
    kind=PositionKind.CAMP,
    sigma_m=2.5,
    shape=Polygon(
        rings_lonlat=(
            ((31.0, 4.0), (31.01, 4.0), (31.0, 4.01)),
            ((31.001, 4.001), (31.002, 4.001), (31.001, 4.002)),
        )
    ),
)
ROUTE = replace(
    POST,
    position_id="msr-1",
    kind=PositionKind.ROUTE,
    shape=Line(vertices_lonlat=((31.0, 4.0), (31.123456789, 4.1)), buffer_m=12.5),
    valid_from=NOON,
    valid_until=NOON + timedelta(days=30),
    use_times=(parse_use_time("mon-fri 06:00-18:00 +03:00"), parse_use_time("sat UTC")),
)
PATROL = replace(
    POST,
    position_id="patrol-1",
    kind=PositionKind.PATROL,
    sigma_m=30.0,
    aging=Aging(speed_m_s=2.0, max_sigma_m=400.0, max_age_s=600.0),
)


def report(minutes: float, east_deg: float = 0.0) -> PatrolReport:
    return PatrolReport(
        reported_at=NOON + timedelta(minutes=minutes),
        latitude_deg=4.0,
        longitude_deg=31.0 + east_deg,
        sigma_m=10.0,
    )


def test_what_is_registered_is_what_is_given_back(ledger: Ledger) -> None:
    for position in (CAMP, ROUTE, POST):
        assert ledger.create_position("unmiss", position, NOON) == position
        assert ledger.get_position("unmiss", position.position_id) == position
    assert ledger.all_positions("unmiss") == (CAMP, ROUTE, POST)
    assert ledger.list_positions("unmiss").items == (CAMP, ROUTE, POST)


def test_a_change_counts_its_revision_and_that_of_the_register(ledger: Ledger) -> None:
    assert ledger.positions_since("unmiss", None) == (0, ())
    ledger.create_position("unmiss", POST, NOON)
    ledger.create_position("unmiss", POST, NOON)
    revision, found = ledger.positions_since("unmiss", 0)
    assert (revision, found) == (1, (POST,))
    assert ledger.positions_since("unmiss", 1) == (1, None)
    changed = ledger.update_position("unmiss", replace(POST, sigma_m=4.0), 1)
    assert changed == replace(POST, sigma_m=4.0, revision=2)
    assert ledger.update_position("unmiss", changed, 2) == changed
    with pytest.raises(StaleRevisionError):
        ledger.update_position("unmiss", POST, 1)
    with pytest.raises(NotFoundError):
        ledger.update_position("minusca", POST, None)
    assert ledger.positions_since("unmiss", 1) == (2, (changed,))
    ledger.delete_position("unmiss", "post-1")
    assert ledger.positions_since("unmiss", 2) == (3, ())
    assert ledger.positions_since("minusca", None) == (0, ())


def test_an_import_is_whole_or_not_at_all(ledger: Ledger) -> None:
    def imported(*positions: Position, replaced: bool = False) -> list[PositionChange]:
        return ledger.import_positions(
            "unmiss", positions, replace_existing=replaced, validate_only=False, now=NOON
        )

    many = [replace(POST, position_id=f"p{index:04}") for index in range(1200)]
    assert imported(*many) == [PositionChange.CREATED] * 1200
    assert len(ledger.all_positions("unmiss")) == 1200
    assert ledger.positions_since("unmiss", None)[0] == 1
    other = replace(many[1100], sigma_m=9.0)
    wanted = [PositionChange.UNCHANGED, PositionChange.CONFLICTS, PositionChange.CREATED]
    assert imported(many[0], other, CAMP) == wanted
    assert ledger.get_position("unmiss", "p1100") == many[1100]
    with pytest.raises(NotFoundError):
        ledger.get_position("unmiss", "camp-1")
    assert imported(many[0], other, CAMP, replaced=True)[1] is PositionChange.REPLACED
    assert ledger.get_position("unmiss", "p1100") == replace(other, revision=2)
    assert ledger.get_position("unmiss", "camp-1") == CAMP


def test_reports_are_history_and_the_latest_is_where_it_is(ledger: Ledger) -> None:
    made = ledger.create_position("unmiss", PATROL, NOON)
    assert made == replace(PATROL, reported_at=NOON)
    reports = [report(minutes, minutes / 1000) for minutes in (1, 3, 2)]
    assert ledger.add_reports("unmiss", "patrol-1", reports, NOON) == 3
    # Again, and another of a time that is there: the first stands.
    assert ledger.add_reports("unmiss", "patrol-1", [*reports, report(2, 0.5)], NOON) == 0
    now = ledger.get_position("unmiss", "patrol-1")
    assert (now.longitude_deg, now.reported_at) == (31.003, NOON + timedelta(minutes=3))
    assert ledger.list_positions("unmiss").items == (now,)
    # Giving it again changes nothing, wherever it is by now.
    assert ledger.create_position("unmiss", PATROL, NOON + timedelta(hours=1)) == now
    around = ledger.reports_around("unmiss", ["patrol-1", "nobody"], NOON + timedelta(seconds=90))
    assert around == {"patrol-1": (reports[0], reports[2])}
    # A report of the very moment is the one before.
    exact = ledger.reports_around("unmiss", ["patrol-1"], NOON + timedelta(minutes=2))
    assert exact["patrol-1"] == (reports[2], reports[1])
    assert ledger.reports_around("unmiss", ["patrol-1"], None) == {"patrol-1": (reports[1],)}
    assert ledger.reports_around("minusca", ["patrol-1"], None) == {}
    ledger.delete_position("unmiss", "patrol-1")
    ledger.create_position("unmiss", replace(PATROL, aging=None), NOON)
    assert ledger.reports_around("unmiss", ["patrol-1"], None) == {}


def test_only_patrols_report(ledger: Ledger) -> None:
    ledger.create_position("unmiss", POST, NOON)
    with pytest.raises(InvalidInputError, match="only a patrol"):
        ledger.add_reports("unmiss", "post-1", [report(0)], NOON)
    with pytest.raises(NotFoundError):
        ledger.add_reports("unmiss", "patrol-1", [report(0)], NOON)


def test_more_patrols_than_one_statement_takes_are_found(sqlite_ledger: Ledger) -> None:
    patrols = [replace(PATROL, position_id=f"p{index:04}") for index in range(1100)]
    sqlite_ledger.import_positions(
        "unmiss", patrols, replace_existing=False, validate_only=False, now=NOON
    )
    names = [it.position_id for it in patrols]
    assert sorted(sqlite_ledger.reports_around("unmiss", names, NOON)) == names


def test_the_register_is_read_anew_only_after_a_change(ledger: Ledger, ledger_url: str) -> None:
    for position in (POST, CAMP, ROUTE, PATROL):
        ledger.create_position("unmiss", position, NOON)
    mission = PositionRegister(ledger).of("unmiss")
    # A Tuesday; the route is used until 18:00 at +03:00.
    moment = NOON + timedelta(minutes=2)
    first, second = mission.at(moment), mission.at(moment)
    assert [it.position_id for it in first.positions] == ["camp-1", "msr-1", "post-1", "patrol-1"]
    assert all(
        before is after
        for before, after in zip(first.positions[:3], second.positions[:3], strict=True)
    )
    assert first.positions[3].sigma_m == pytest.approx((30.0**2 + (2.0 * 120.0) ** 2 / 2) ** 0.5)
    evening = mission.at(NOON + timedelta(hours=6))
    assert [it.position_id for it in evening.positions] == ["camp-1", "post-1"]
    assert evening.unknown == ("patrol-1",)
    # Somebody else moves the patrol, then the post.
    other = Ledger.open(ledger_url)
    other.add_reports("unmiss", "patrol-1", [report(1, 0.002)], NOON)
    assert mission.at(moment).positions[3].longitude_deg == 31.002
    assert mission.at(moment).positions[0] is first.positions[0]
    other.update_position("unmiss", replace(POST, latitude_deg=4.5), None)
    other.close()
    assert mission.at(moment).positions[2].latitude_deg == 4.5
    assert PositionRegister(ledger).of("minusca").at(moment).positions == ()


def test_where_a_patrol_was_is_asked_by_time(ledger: Ledger) -> None:
    ledger.create_position("unmiss", PATROL, NOON)
    ledger.add_reports("unmiss", "patrol-1", [report(10, 0.01)], NOON)
    then = ledger.position_at("unmiss", "patrol-1", NOON + timedelta(minutes=5))
    assert then.longitude_deg == pytest.approx(31.005, abs=1e-9)
    # Nobody knew it any more: where it was last seen.
    late = ledger.position_at("unmiss", "patrol-1", NOON + timedelta(days=1))
    assert (late.longitude_deg, late.reported_at) == (31.01, NOON + timedelta(minutes=10))
    assert ledger.position_at("unmiss", "patrol-1", None).sigma_m == 400.0


def test_positions_of_the_first_release_are_kept(ledger_url: str) -> None:
    ledger = Ledger.open(ledger_url)
    configuration = Config()
    folder = str(Path(store.__file__).with_name("migrations"))
    configuration.set_main_option("script_location", folder)
    with ledger._writing() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
        connection.execute(
            text(
                "INSERT INTO positions (mission_id, position_id, display_name, kind, "
                "latitude_deg, longitude_deg, sigma_m, radius_m, created_at) VALUES "
                "('unmiss', 'patrol-1', 'Old', 'patrol', 4.0, 31.0, 75.0, NULL, 0)"
            )
        )
    ledger.migrate()
    old = replace(PATROL, display_name="Old", sigma_m=75.0, aging=None)
    assert ledger.get_position("unmiss", "patrol-1") == old
    # As certain as ever until it reports.
    found = PositionRegister(ledger).of("unmiss").at(NOON + timedelta(days=9))
    assert found.positions == (old,)
    ledger.add_reports("unmiss", "patrol-1", [report(0)], NOON)
    assert PositionRegister(ledger).of("unmiss").at(NOON + timedelta(days=9)).unknown == (
        "patrol-1",
    )
    ledger.close()
