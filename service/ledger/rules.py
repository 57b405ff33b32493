"""The rules of each mission, every revision of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from pipelines.threats.positions import PositionKind
from pipelines.threats.rules import Rule
from service.ledger.database import Database, lock_mission
from service.ledger.tables import rules


class Rules(Database):
    """Rules of every mission; old revisions stay, because incidents name them."""

    def set_rule(self, mission_id: str, rule: Rule, now: datetime) -> Rule:
        """Put a new revision of a rule in force; the revision given is ignored."""
        with self._writing() as connection:
            lock_mission(connection, mission_id)
            latest = connection.execute(
                select(func.max(rules.c.revision)).where(
                    rules.c.mission_id == mission_id, rules.c.rule_id == rule.rule_id
                )
            ).scalar()
            in_force = replace(rule, revision=(latest or 0) + 1)
            connection.execute(
                insert(rules).values(
                    mission_id=mission_id,
                    rule_id=in_force.rule_id,
                    revision=in_force.revision,
                    categories=sorted(in_force.categories),
                    position_kinds=sorted(kind.value for kind in in_force.position_kinds),
                    radius_m=float(in_force.radius_m),
                    min_confidence=float(in_force.min_confidence),
                    possible_probability=float(in_force.possible_probability),
                    alert_probability=float(in_force.alert_probability),
                    updated_at=now,
                )
            )
        return in_force

    def rules_in_force(self, mission_id: str) -> tuple[Rule, ...]:
        """The latest revision of each rule by name; empty where the mission has set none."""
        latest = (
            select(rules.c.rule_id, func.max(rules.c.revision).label("revision"))
            .where(rules.c.mission_id == mission_id)
            .group_by(rules.c.rule_id)
            .subquery()
        )
        with self._reading() as connection:
            rows = connection.execute(
                select(rules)
                .join(
                    latest,
                    (rules.c.rule_id == latest.c.rule_id) & (rules.c.revision == latest.c.revision),
                )
                .where(rules.c.mission_id == mission_id)
                .order_by(rules.c.rule_id)
            )
            return tuple(_rule(row) for row in rows)


def _rule(row: Row[Any]) -> Rule:
    return Rule(
        rule_id=row.rule_id,
        revision=row.revision,
        categories=frozenset(row.categories),
        position_kinds=frozenset(PositionKind(kind) for kind in row.position_kinds),
        radius_m=row.radius_m,
        min_confidence=row.min_confidence,
        possible_probability=row.possible_probability,
        alert_probability=row.alert_probability,
    )
