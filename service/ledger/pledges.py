"""The register of pledges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from service.errors import AlreadyExistsError, NotFoundError
from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import Marking, PledgeRecord
from service.ledger.tables import pledges


class Pledges(Database):
    """Pledges of every mission."""

    def create_pledge(self, pledge: PledgeRecord) -> PledgeRecord:
        """Register a pledge; the same content again gives back the first.

        Raises:
            AlreadyExistsError: the mission has a pledge of that name that differs.
        """
        values = {
            "mission_id": pledge.mission_id,
            "pledge_id": pledge.pledge_id,
            "contributor": pledge.contributor,
            "capability": pledge.capability,
            "platform": pledge.platform,
            "marking": pledge.marking.value,
            "created_at": pledge.created_at,
        }
        with self._writing() as connection:
            insert_if_absent(connection, pledges, values)
            existing = read_pledge(connection, pledge.mission_id, pledge.pledge_id)
        if replace(existing, created_at=pledge.created_at) != pledge:
            raise AlreadyExistsError(
                f"pledge {pledge.pledge_id!r} exists and differs", field="pledge_id"
            )
        return existing

    def get_pledge(self, mission_id: str, pledge_id: str) -> PledgeRecord:
        """One pledge.

        Raises:
            NotFoundError: the mission has none of that name.
        """
        with self._reading() as connection:
            return read_pledge(connection, mission_id, pledge_id)

    def require_mission(self, mission_id: str) -> None:
        """Refuse a mission that has no pledge: more likely a name misspelt than one without news.

        Raises:
            NotFoundError: it has none.
        """
        with self._reading() as connection:
            found = connection.execute(
                select(pledges.c.pledge_id).where(pledges.c.mission_id == mission_id).limit(1)
            ).first()
        if found is None:
            raise NotFoundError(
                f"there is no mission {mission_id!r}: it has no pledge; register the first with "
                "'vedette pledge add', or look at the spelling",
                field="parent",
            )

    def list_pledges(
        self, mission_id: str, *, page_size: int = 0, page_token: str = ""
    ) -> Page[PledgeRecord]:
        """Pledges of a mission, oldest first.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        with self._reading() as connection:
            return read_page(
                connection,
                select(pledges).where(pledges.c.mission_id == mission_id),
                [Order(column=pledges.c.created_at), Order(column=pledges.c.pledge_id)],
                scope=["pledges", mission_id],
                page_size=page_size,
                page_token=page_token,
                to_item=_pledge,
            )


def read_pledge(connection: Connection, mission_id: str, pledge_id: str) -> PledgeRecord:
    """One pledge within a transaction.

    Raises:
        NotFoundError: the mission has none of that name.
    """
    row = connection.execute(
        select(pledges).where(pledges.c.mission_id == mission_id, pledges.c.pledge_id == pledge_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"this mission has no pledge {pledge_id!r}", field="pledge")
    return _pledge(row)


def _pledge(row: Row[Any]) -> PledgeRecord:
    return PledgeRecord(
        mission_id=row.mission_id,
        pledge_id=row.pledge_id,
        contributor=row.contributor,
        capability=row.capability,
        platform=row.platform,
        marking=Marking(row.marking),
        created_at=row.created_at,
    )
