"""The register of pledges, and what became of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from service.access import EVERYTHING, Sight
from service.errors import AlreadyExistsError, NotFoundError, StaleRevisionError
from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.pages import Order, Page, read_page
from service.ledger.pledge_states import Caveat, PledgeState, require_follows
from service.ledger.records import Marking, PledgeMove, PledgeRecord, Refusal
from service.ledger.sight import seen_pledges
from service.ledger.tables import imagery, pledge_moves, pledges, refusals, track_looks

_READ_CAVEATS = select(pledges.c.pledge_id, pledges.c.caveats).where(
    pledges.c.mission_id == bindparam("asked_mission")
)


class Pledges(Database):
    """Pledges of every mission."""

    def create_pledge(self, pledge: PledgeRecord) -> PledgeRecord:
        """Register a pledge; the same promise again gives back the first, as it is by now.

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
            "state": pledge.state.value,
            "revision": pledge.revision,
            "valid_from": pledge.valid_from,
            "valid_until": pledge.valid_until,
            "monthly_hours": pledge.monthly_hours,
            "caveats": sorted(pledge.caveats),
        }
        with self._writing() as connection:
            insert_if_absent(connection, pledges, values)
            existing = read_pledge(connection, pledge.mission_id, pledge.pledge_id)
            # What became of it since is no difference.
            since = {
                "created_at": pledge.created_at,
                "state": pledge.state,
                "revision": pledge.revision,
            }
            if replace(existing, **since) != pledge:  # type: ignore[arg-type]  # fields of its own
                raise AlreadyExistsError(
                    f"pledge {pledge.pledge_id!r} exists and differs", field="pledge_id"
                )
        return existing

    def get_pledge(
        self, mission_id: str, pledge_id: str, *, sight: Sight = EVERYTHING
    ) -> PledgeRecord:
        """One pledge.

        Raises:
            NotFoundError: the mission has none of that name that the reader may see.
        """
        with self._reading() as connection:
            return read_pledge(connection, mission_id, pledge_id, sight=sight)

    def move_pledge(
        self,
        mission_id: str,
        pledge_id: str,
        state: PledgeState,
        reason: str,
        revision: int,
        moved_by: str,
        now: datetime,
    ) -> PledgeRecord:
        """Bring a pledge to another state.

        Raises:
            NotFoundError: the mission has none of that name.
            StaleRevisionError: it has moved since that revision was read.
            NotAllowedNowError: the state does not follow on the one it is in.
        """
        with self._writing() as connection:
            before = read_pledge(connection, mission_id, pledge_id, locked=True)
            if before.revision != revision:
                raise StaleRevisionError(
                    f"pledge {pledge_id!r} is {before.state} at revision {before.revision}, "
                    f"not {revision}",
                    field="revision",
                )
            require_follows(before.state, state)
            after = replace(before, state=state, revision=revision + 1)
            connection.execute(
                update(pledges)
                .where(pledges.c.mission_id == mission_id, pledges.c.pledge_id == pledge_id)
                .values(state=state.value, revision=after.revision)
            )
            connection.execute(
                insert(pledge_moves).values(
                    mission_id=mission_id,
                    pledge_id=pledge_id,
                    revision=after.revision,
                    before=before.state.value,
                    after=state.value,
                    reason=reason,
                    moved_by=moved_by,
                    moved_at=now,
                )
            )
        return after

    def pledge_moves(self, mission_id: str, pledge_id: str) -> tuple[PledgeMove, ...]:
        """What became of a pledge, oldest first.

        Raises:
            NotFoundError: the mission has none of that name.
        """
        with self._reading() as connection:
            read_pledge(connection, mission_id, pledge_id)
            rows = connection.execute(
                select(pledge_moves)
                .where(
                    pledge_moves.c.mission_id == mission_id, pledge_moves.c.pledge_id == pledge_id
                )
                .order_by(pledge_moves.c.revision)
            )
            return tuple(
                PledgeMove(
                    before=PledgeState(row.before),
                    after=PledgeState(row.after),
                    reason=row.reason,
                    moved_by=row.moved_by,
                    moved_at=row.moved_at,
                )
                for row in rows
            )

    def record_refusal(
        self, mission_id: str, pledge_id: str, request_id: str, refusal: Refusal
    ) -> Refusal:
        """Take down a refused sortie; told twice by one request it is one.

        Raises:
            NotFoundError: the mission has no such pledge.
            AlreadyExistsError: that request told of another refusal.
        """
        values = {
            "mission_id": mission_id,
            "request_id": request_id,
            "pledge_id": pledge_id,
            "refused_by": refusal.refused_by,
            "reason": refusal.reason,
            "planned_at": refusal.planned_at,
            "planned_hours": refusal.planned_hours,
            "recorded_by": refusal.recorded_by,
            "recorded_at": refusal.recorded_at,
        }
        with self._writing() as connection:
            read_pledge(connection, mission_id, pledge_id)
            insert_if_absent(connection, refusals, values)
            row = connection.execute(
                select(refusals).where(
                    refusals.c.mission_id == mission_id, refusals.c.request_id == request_id
                )
            ).one()
            kept = Refusal(
                refused_by=row.refused_by,
                reason=row.reason,
                planned_at=row.planned_at,
                planned_hours=row.planned_hours,
                recorded_by=row.recorded_by,
                recorded_at=row.recorded_at,
            )
            same = replace(kept, recorded_by=refusal.recorded_by, recorded_at=refusal.recorded_at)
            if row.pledge_id != pledge_id or same != refusal:
                raise AlreadyExistsError(
                    "this request_id told of another refusal", field="request_id"
                )
        return kept

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
        self,
        mission_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        sight: Sight = EVERYTHING,
    ) -> Page[PledgeRecord]:
        """Pledges of a mission that a reader may see, oldest first.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        with self._reading() as connection:
            return read_page(
                connection,
                select(pledges).where(pledges.c.mission_id == mission_id, *seen_pledges(sight)),
                [Order(column=pledges.c.created_at), Order(column=pledges.c.pledge_id)],
                scope=["pledges", mission_id, sight],
                page_size=page_size,
                page_token=page_token,
                to_item=_pledge,
            )


def read_pledge(
    connection: Connection,
    mission_id: str,
    pledge_id: str,
    *,
    locked: bool = False,
    sight: Sight = EVERYTHING,
) -> PledgeRecord:
    """One pledge within a transaction; locked until its end where it is to be changed.

    Raises:
        NotFoundError: the mission has none of that name that the reader may see.
    """
    wanted = select(pledges).where(
        pledges.c.mission_id == mission_id,
        pledges.c.pledge_id == pledge_id,
        *seen_pledges(sight),
    )
    row = connection.execute(wanted.with_for_update() if locked else wanted).one_or_none()
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
        state=PledgeState(row.state),
        revision=row.revision,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        monthly_hours=row.monthly_hours,
        caveats=frozenset(Caveat(name) for name in row.caveats),
    )


def caveats_of_tracks(
    connection: Connection, mission_id: str, track_ids: Collection[str]
) -> dict[str, frozenset[Caveat]]:
    """What the pledges whose imagery shows some tracks do not want done with it, by track."""
    with_caveats = {
        row.pledge_id: frozenset(Caveat(name) for name in row.caveats)
        for row in connection.execute(_READ_CAVEATS, {"asked_mission": mission_id})
        if row.caveats
    }
    if not with_caveats or not track_ids:
        return {}
    rows = connection.execute(
        select(track_looks.c.track_id, imagery.c.pledge_id)
        .distinct()
        .join(
            imagery,
            (imagery.c.mission_id == track_looks.c.mission_id)
            & (imagery.c.imagery_id == track_looks.c.imagery_id),
        )
        .where(
            track_looks.c.mission_id == mission_id,
            track_looks.c.track_id.in_(sorted(track_ids)),
            imagery.c.pledge_id.in_(sorted(with_caveats)),
        )
    )
    found: dict[str, frozenset[Caveat]] = {}
    for row in rows:
        found[row.track_id] = found.get(row.track_id, frozenset()) | with_caveats[row.pledge_id]
    return found
