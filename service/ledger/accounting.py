"""What became of pledges in a period: promised, flown, delivered, of use, refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from pipelines.outcome import Outcome, Severity
from service.access import EVERYTHING, Sight
from service.ledger.database import Database
from service.ledger.pledge_states import PledgeState
from service.ledger.records import ImageryState, Marking, stricter
from service.ledger.sight import seen_pledges
from service.ledger.tables import imagery, pledge_moves, pledges, refusals

_DAY = timedelta(days=1)
_MONTH = timedelta(days=365.2425 / 12)
_UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What came of one contributor's pledges in a period; see `vedette.v1.Account`."""

    contributor: str
    pledge_count: int
    pledged_hours: float | None
    operational_days: float
    sortie_count: int
    flown_hours: float
    sorties_without_time: int
    delivered_count: int
    delivered_bytes: int
    usable_count: int
    waiting_count: int
    unusable: Mapping[str, int]
    refusals: Mapping[str, int]
    refused_hours: float
    marking: Marking


@dataclass(kw_only=True, slots=True)
class _Tally:
    """What is counted of one contributor."""

    pledge_count: int = 0
    pledged_hours: float | None = None
    operational: timedelta = timedelta(0)
    # First and last capture by pledge and sortie; None where no picture of it tells a time.
    sorties: dict[tuple[str, str], tuple[datetime, datetime] | None] = field(default_factory=dict)
    delivered_count: int = 0
    delivered_bytes: int = 0
    usable_count: int = 0
    waiting_count: int = 0
    unusable: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    refused_hours: float = 0.0
    marking: Marking = Marking.UNCLASSIFIED

    @property
    def says_anything(self) -> bool:
        """Whether a pledge was in force in the period, or something came of one."""
        return bool(self.pledge_count or self.delivered_count or self.refusals)


class Accounting(Database):
    """Accounts of every mission."""

    def account_for_pledges(
        self,
        mission_id: str,
        start: datetime,
        end: datetime,
        *,
        sight: Sight = EVERYTHING,
    ) -> tuple[Account, ...]:
        """What came of a mission's pledges from `start` to before `end`, a contributor each.

        Imagery counts when it was taken, or when it was received where nobody says when it was
        taken. A pledge counts from its registration, or what it says it is valid from.
        Pledges that the reader may not see count for nothing.
        """
        tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
        with self._reading() as connection:
            rows = connection.execute(
                # Also those registered later: pictures of the period may have come in afterwards.
                select(pledges).where(pledges.c.mission_id == mission_id, *seen_pledges(sight))
            ).all()
            contributors = {row.pledge_id: row.contributor for row in rows}
            moves = _moves(connection, mission_id)
            for row in rows:
                _count_pledge(tallies[row.contributor], row, moves[row.pledge_id], start, end)
            when = func.coalesce(imagery.c.captured_at, imagery.c.received_at)
            pictures = connection.execute(
                select(
                    imagery.c.pledge_id,
                    imagery.c.sortie_id,
                    imagery.c.size_bytes,
                    imagery.c.state,
                    imagery.c.captured_at,
                    imagery.c.outcome,
                    imagery.c.findings,
                ).where(imagery.c.mission_id == mission_id, when >= start, when < end)
            ).yield_per(1000)
            for picture in pictures:
                if picture.pledge_id not in contributors:
                    continue
                _count_picture(tallies[contributors[picture.pledge_id]], picture)
            refused = connection.execute(
                select(refusals).where(
                    refusals.c.mission_id == mission_id,
                    refusals.c.planned_at >= start,
                    refusals.c.planned_at < end,
                )
            )
            for row in refused:
                if row.pledge_id not in contributors:
                    continue
                tally = tallies[contributors[row.pledge_id]]
                tally.refusals[row.refused_by] += 1
                tally.refused_hours += row.planned_hours or 0.0
        return tuple(
            _account(name, tally) for name, tally in sorted(tallies.items()) if tally.says_anything
        )


def _moves(connection: Connection, mission_id: str) -> Mapping[str, Sequence[Row[Any]]]:
    """The moves of each pledge, oldest first."""
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(
        select(pledge_moves)
        .where(pledge_moves.c.mission_id == mission_id)
        .order_by(pledge_moves.c.pledge_id, pledge_moves.c.revision)
    ):
        found[row.pledge_id].append(row)
    return found


def _count_pledge(
    tally: _Tally, pledge: Row[Any], moves: Iterable[Row[Any]], start: datetime, end: datetime
) -> None:
    tally.marking = stricter(tally.marking, Marking(pledge.marking))
    began = max(start, pledge.valid_from or pledge.created_at)
    ended = end if pledge.valid_until is None else min(end, pledge.valid_until)
    state, since = PledgeState.PLEDGED, pledge.created_at
    operational = timedelta(0)
    for move in moves:
        operational += _within(state, since, move.moved_at, start, end)
        state, since = PledgeState(move.after), move.moved_at
        if state is PledgeState.WITHDRAWN:
            ended = min(ended, since)
    tally.operational += operational + _within(state, since, end, start, end)
    if ended <= began:
        return
    tally.pledge_count += 1
    if pledge.monthly_hours is not None:
        tally.pledged_hours = (tally.pledged_hours or 0.0) + pledge.monthly_hours * (
            (ended - began) / _MONTH
        )


def _within(
    state: PledgeState, since: datetime, until: datetime, start: datetime, end: datetime
) -> timedelta:
    """How long of a period a pledge was operational, from one move to the next."""
    if state is not PledgeState.OPERATIONAL:
        return timedelta(0)
    return max(timedelta(0), min(until, end) - max(since, start))


def _count_picture(tally: _Tally, picture: Any) -> None:
    tally.delivered_count += 1
    tally.delivered_bytes += picture.size_bytes
    key = picture.pledge_id, picture.sortie_id
    known, taken = tally.sorties.get(key), picture.captured_at
    if taken is not None:
        first, last = known or (taken, taken)
        known = min(first, taken), max(last, taken)
    tally.sorties[key] = known
    state = ImageryState(picture.state)
    if state in (ImageryState.QUEUED, ImageryState.PROCESSING):
        tally.waiting_count += 1
    elif state is ImageryState.FAILED:
        tally.unusable[_UNREADABLE] += 1
    elif picture.outcome == Outcome.LOCATED.value:
        tally.usable_count += 1
    else:
        tally.unusable[_why_unusable(picture)] += 1


def _why_unusable(picture: Any) -> str:
    """The first fault of a picture that cannot be placed, else how placing it ended."""
    for finding in picture.findings:
        if finding["severity"] == Severity.ERROR.value:
            return str(finding["code"])
    return str(picture.outcome or _UNREADABLE).upper().replace(" ", "_")


def _account(contributor: str, tally: _Tally) -> Account:
    spans = [span for span in tally.sorties.values() if span is not None]
    flown = sum((last - first for first, last in spans), timedelta(0))
    return Account(
        contributor=contributor,
        pledge_count=tally.pledge_count,
        pledged_hours=tally.pledged_hours,
        operational_days=tally.operational / _DAY,
        sortie_count=len(tally.sorties),
        flown_hours=flown / timedelta(hours=1),
        sorties_without_time=len(tally.sorties) - len(spans),
        delivered_count=tally.delivered_count,
        delivered_bytes=tally.delivered_bytes,
        usable_count=tally.usable_count,
        waiting_count=tally.waiting_count,
        unusable=dict(sorted(tally.unusable.items())),
        refusals=dict(sorted(tally.refusals.items())),
        refused_hours=tally.refused_hours,
        marking=tally.marking,
    )
