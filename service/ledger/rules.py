"""The rules of each mission, every revision of them."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
)

from pipelines.threats.rules.rule import Rule
from pipelines.threats.rules.rule_document import rule_document, stored_rule
from service.errors import NotFoundError
from service.ledger.database import Database, lock_mission
from service.ledger.pages import Order, Page, read_page
from service.ledger.tables import rules


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleRecord:
    """One revision of a rule.

    Attributes:
        rule: as it was set.
        deleted: this revision took it away; the rule is what it was before.
        set_by: the name on the credential that did so; empty where that was not kept.
        set_at: when.
    """

    rule: Rule
    deleted: bool
    set_by: str
    set_at: datetime


class Rules(Database):
    """Rules of every mission; old revisions stay, because incidents name them."""

    def set_rule(self, mission_id: str, rule: Rule, now: datetime, *, set_by: str = "") -> Rule:
        """Put a new revision of a rule in force; the revision given is ignored.

        Returns:
            The rule in force. Where it is as it was, that is the revision there was: a revision
            that changes nothing would only hide the one that did.
        """
        with self._writing() as connection:
            lock_mission(connection, mission_id)
            latest = _latest_row(connection, mission_id, rule.rule_id)
            if latest is not None and not latest.deleted:
                present = _record(latest).rule
                if rule_document(present) == rule_document(rule):
                    return present
            in_force = replace(rule, revision=(0 if latest is None else latest.revision) + 1)
            _write(connection, mission_id, in_force, deleted=False, set_by=set_by, now=now)
        return in_force

    def delete_rule(
        self, mission_id: str, rule_id: str, now: datetime, *, set_by: str = ""
    ) -> None:
        """Take a rule away; it is a revision too, and the others stay.

        Raises:
            NotFoundError: the mission has no such rule, or no longer.
        """
        with self._writing() as connection:
            lock_mission(connection, mission_id)
            latest = _latest_row(connection, mission_id, rule_id)
            if latest is None or latest.deleted:
                raise _no_rule(rule_id)
            gone = replace(_record(latest).rule, revision=latest.revision + 1)
            _write(connection, mission_id, gone, deleted=True, set_by=set_by, now=now)

    def get_rule(self, mission_id: str, rule_id: str, revision: int = 0) -> RuleRecord:
        """A rule as it is, or as one revision of it was.

        Raises:
            NotFoundError: the mission has no such rule or revision, or no longer.
        """
        with self._reading() as connection:
            if revision == 0:
                row = _latest_row(connection, mission_id, rule_id)
                if row is None or row.deleted:
                    raise _no_rule(rule_id)
                return _record(row)
            row = connection.execute(
                select(rules).where(
                    rules.c.mission_id == mission_id,
                    rules.c.rule_id == rule_id,
                    rules.c.revision == revision,
                )
            ).one_or_none()
            if row is None:
                raise NotFoundError(
                    f"this mission has no revision {revision} of rule {rule_id!r}", field="revision"
                )
            return _record(row)

    def list_rules(self, mission_id: str) -> tuple[RuleRecord, ...]:
        """The latest revision of each rule by name, those that are not in force among them."""
        with self._reading() as connection:
            rows = connection.execute(_READ_RECORDS, {"asked_mission": mission_id})
            return tuple(_record(row) for row in rows)

    def rules_in_force(self, mission_id: str) -> tuple[Rule, ...]:
        """The latest revision of each rule in force by name; empty where there is none.

        Where it is empty, the built-in rules are in force.
        """
        with self._reading() as connection:
            rows = connection.execute(_READ_RULES, {"asked_mission": mission_id}).all()
        found = (_rule(document, revision) for document, revision in rows)
        return tuple(rule for rule in found if rule.enabled)

    def list_rule_revisions(
        self, mission_id: str, rule_id: str, *, page_size: int = 0, page_token: str = ""
    ) -> Page[RuleRecord]:
        """The revisions of a rule, newest first, whether it is still there or not.

        Raises:
            InvalidInputError: the page size or token is wrong.
            NotFoundError: the mission never had such a rule.
        """
        with self._reading() as connection:
            page = read_page(
                connection,
                select(rules).where(rules.c.mission_id == mission_id, rules.c.rule_id == rule_id),
                [Order(column=rules.c.revision, descending=True)],
                scope=["rule-revisions", mission_id, rule_id],
                page_size=page_size,
                page_token=page_token,
                to_item=_record,
            )
        if not page.items and not page_token:
            raise _no_rule(rule_id)
        return page


def _latest(*columns: Any) -> Select[Any]:
    """The latest revision of each rule of a mission by name, without those that were taken away."""
    mission_id: BindParameter[str] = bindparam("asked_mission")
    latest = (
        select(rules.c.rule_id, func.max(rules.c.revision).label("revision"))
        .where(rules.c.mission_id == mission_id)
        .group_by(rules.c.rule_id)
        .subquery()
    )
    return (
        select(*columns)
        .join(
            latest,
            (rules.c.rule_id == latest.c.rule_id) & (rules.c.revision == latest.c.revision),
        )
        .where(rules.c.mission_id == mission_id, rules.c.deleted == 0)
        .order_by(rules.c.rule_id)
    )


_READ_RECORDS = _latest(rules)
# Asked with every frame. The document as it was written: the text tells whether it was read before.
_READ_RULES = _latest(cast(rules.c.document, Text), rules.c.revision)


@functools.lru_cache(maxsize=512)
def _rule(document: str, revision: int) -> Rule:
    return replace(stored_rule(json.loads(document)), revision=revision)


def _latest_row(connection: Connection, mission_id: str, rule_id: str) -> Row[Any] | None:
    return connection.execute(
        select(rules)
        .where(rules.c.mission_id == mission_id, rules.c.rule_id == rule_id)
        .order_by(rules.c.revision.desc())
        .limit(1)
    ).one_or_none()


def _write(
    connection: Connection,
    mission_id: str,
    rule: Rule,
    *,
    deleted: bool,
    set_by: str,
    now: datetime,
) -> None:
    connection.execute(
        insert(rules).values(
            mission_id=mission_id,
            rule_id=rule.rule_id,
            revision=rule.revision,
            deleted=int(deleted),
            document=rule_document(rule),
            set_by=set_by,
            updated_at=now,
        )
    )


def _record(row: Row[Any]) -> RuleRecord:
    return RuleRecord(
        rule=replace(stored_rule(row.document), revision=row.revision),
        deleted=bool(row.deleted),
        set_by=row.set_by,
        set_at=row.updated_at,
    )


def _no_rule(rule_id: str) -> NotFoundError:
    return NotFoundError(f"this mission has no rule {rule_id!r}", field="name")
