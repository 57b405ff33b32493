"""Every revision of a rule is kept, and a ledger from before conditions keeps its rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import service.ledger
from pipelines.threats.positions.position import PositionKind
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.requirements import Arrival, Cluster, Day, Hours, WhenUnknown
from pipelines.threats.rules.rule import DEFAULT_RULE, Rule
from service.errors import NotFoundError
from service.ledger.store import Ledger

GUARD = replace(
    DEFAULT_RULE,
    rule_id="guard",
    description="Everything at once: é, \u5317",
    position_ids=frozenset({"alpha", "bravo"}),
    cluster=Cluster(min_count=3),
    arrival=Arrival(within_s=90.5, when_unknown=WhenUnknown.WITHHOLD),
    hours=Hours(
        start=time(18, 0, 30), end=time(6), zone="Africa/Juba", days=frozenset({Day.FRIDAY})
    ),
)


def test_a_rule_is_given_back_with_all_of_its_conditions(ledger: Ledger, now: datetime) -> None:
    for number, rule in enumerate([GUARD, *DEFAULT_RULES]):
        moment = now + timedelta(seconds=number)
        ledger.set_rule("unmiss", rule, moment, set_by="ana-1")
        found = ledger.get_rule("unmiss", rule.rule_id)
        assert found.rule == replace(rule, revision=1)
        assert (found.set_by, found.set_at, found.deleted) == ("ana-1", moment, False)
    assert len(ledger.rules_in_force("unmiss")) == len(DEFAULT_RULES) + 1


def test_a_disabled_rule_is_listed_and_not_in_force(ledger: Ledger, now: datetime) -> None:
    ledger.set_rule("unmiss", GUARD, now)
    ledger.set_rule("unmiss", replace(GUARD, enabled=False), now)
    assert ledger.rules_in_force("unmiss") == ()
    (listed,) = ledger.list_rules("unmiss")
    assert (listed.rule.enabled, listed.rule.revision) == (False, 2)


def test_a_deleted_rule_is_gone_and_its_revisions_are_not(ledger: Ledger, now: datetime) -> None:
    ledger.set_rule("unmiss", GUARD, now)
    ledger.delete_rule("unmiss", "guard", now, set_by="ops-2")
    assert ledger.list_rules("unmiss") == ()
    for call in (
        lambda: ledger.get_rule("unmiss", "guard"),
        lambda: ledger.delete_rule("unmiss", "guard", now),
        lambda: ledger.delete_rule("minusca", "guard", now),
        lambda: ledger.list_rule_revisions("minusca", "guard"),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert ledger.get_rule("unmiss", "guard", 1).rule == replace(GUARD, revision=1)
    gone, first = ledger.list_rule_revisions("unmiss", "guard").items
    assert (gone.deleted, gone.set_by, gone.rule.revision) == (True, "ops-2", 2)
    assert (first.deleted, first.rule.revision) == (False, 1)
    assert ledger.set_rule("unmiss", GUARD, now).revision == 3
    assert ledger.rules_in_force("unmiss") == (replace(GUARD, revision=3),)


OLD = [
    ("guard", 1, ["car", "truck"], ["base", "patrol"], 300.5, 0.4, 0.1, 0.5),
    ("guard", 2, ["vehicle"], [], 800.0, 0.0, 0.05, 1.0),
    ("all", 1, ["person"], ["post"], 100_000.0, 1.0, 0.5, 0.5),
]
COLUMNS = (
    "rule_id",
    "revision",
    "categories",
    "position_kinds",
    "radius_m",
    "min_confidence",
    "possible_probability",
    "alert_probability",
)


@pytest.fixture
def revisions(ledger_url: str) -> Iterator[tuple[Ledger, Any]]:
    """A ledger without tables, and what moves it to a revision."""
    opened = Ledger.open(ledger_url)
    configuration = Config()
    folder = Path(service.ledger.__file__).with_name("migrations")
    configuration.set_main_option("script_location", str(folder).replace("%", "%%"))

    def move(direction: Any, target: str) -> None:
        with opened._writing() as connection:
            configuration.attributes["connection"] = connection
            direction(configuration, target)

    yield opened, move
    opened.close()


def test_rules_from_before_conditions_are_kept_and_can_go_back(
    revisions: tuple[Ledger, Any],
) -> None:
    ledger, move = revisions
    move(command.upgrade, "0002")
    table = sa.table(
        "rules",
        sa.column("mission_id"),
        *(
            sa.column(name, sa.JSON() if name in ("categories", "position_kinds") else None)
            for name in COLUMNS
        ),
        sa.column("updated_at"),
    )
    with ledger._writing() as connection:
        connection.execute(
            sa.insert(table),
            [
                {"mission_id": "unmiss", "updated_at": 1_700_000_000_000_000 + number}
                | dict(zip(COLUMNS, row, strict=True))
                for number, row in enumerate(OLD)
            ],
        )
    ledger.migrate()
    anyone, guard = ledger.rules_in_force("unmiss")
    assert guard == Rule(
        rule_id="guard",
        revision=2,
        categories=frozenset({"vehicle"}),
        position_kinds=frozenset(),
        radius_m=800.0,
        min_confidence=0.0,
        possible_probability=0.05,
        alert_probability=1.0,
    )
    assert anyone.position_kinds == {PositionKind.POST}
    first = ledger.get_rule("unmiss", "guard", 1)
    assert (first.rule.radius_m, first.set_by) == (300.5, "")
    assert first.set_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    # And back: what a rule could say before is still said.
    ledger.set_rule("unmiss", replace(GUARD, rule_id="new"), first.set_at)
    ledger.delete_rule("unmiss", "new", first.set_at)
    move(command.downgrade, "0002")
    with ledger._reading() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.rule_id, table.c.revision))
        told = [tuple(getattr(row, name) for name in COLUMNS) for row in rows]
    assert [row for row in told if row[0] != "new"] == sorted(OLD)
    assert [(row[0], row[1], row[4]) for row in told if row[0] == "new"] == [("new", 1, 500.0)]
    ledger.migrate()
    assert ledger.get_rule("unmiss", "guard").rule == guard
