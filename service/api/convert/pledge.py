"""Pledges as messages."""

from __future__ import annotations

from collections.abc import Mapping

from vedette.v1 import pledge_pb2

from service.api import names
from service.api.convert.values import numbers, timestamp
from service.ledger.accounting import Account
from service.ledger.pledge_states import Caveat, PledgeState
from service.ledger.records import Marking, PledgeMove, PledgeRecord, Refusal

MARKINGS = numbers(pledge_pb2.Marking, "MARKING", Marking)
PLEDGE_STATES = numbers(pledge_pb2.PledgeState, "PLEDGE_STATE", PledgeState)
CAVEATS = numbers(pledge_pb2.Caveat, "CAVEAT", Caveat)


def pledge_message(record: PledgeRecord) -> pledge_pb2.Pledge:
    """A pledge."""
    return pledge_pb2.Pledge(
        name=names.pledge_name(record.mission_id, record.pledge_id),
        contributor=record.contributor,
        capability=record.capability,
        platform=record.platform,
        marking=MARKINGS[record.marking],
        create_time=timestamp(record.created_at),
        state=PLEDGE_STATES[record.state],
        revision=record.revision,
        valid_from=timestamp(record.valid_from),
        valid_until=timestamp(record.valid_until),
        monthly_hours=record.monthly_hours,
        caveats=[CAVEATS[caveat] for caveat in sorted(record.caveats)],
    )


def move_message(move: PledgeMove) -> pledge_pb2.PledgeMove:
    """One change of a pledge's state."""
    return pledge_pb2.PledgeMove(
        before=PLEDGE_STATES[move.before],
        after=PLEDGE_STATES[move.after],
        reason=move.reason,
        moved_by=move.moved_by,
        move_time=timestamp(move.moved_at),
    )


def refusal_message(refusal: Refusal) -> pledge_pb2.Refusal:
    """A sortie that somebody else did not let happen."""
    return pledge_pb2.Refusal(
        refused_by=refusal.refused_by,
        reason=refusal.reason,
        planned_time=timestamp(refusal.planned_at),
        planned_hours=refusal.planned_hours,
        recorded_by=refusal.recorded_by,
        record_time=timestamp(refusal.recorded_at),
    )


def account_message(account: Account) -> pledge_pb2.Account:
    """What came of one contributor's pledges."""
    return pledge_pb2.Account(
        contributor=account.contributor,
        pledge_count=account.pledge_count,
        pledged_hours=account.pledged_hours,
        operational_days=account.operational_days,
        sortie_count=account.sortie_count,
        flown_hours=account.flown_hours,
        sorties_without_time=account.sorties_without_time,
        delivered_count=account.delivered_count,
        delivered_bytes=account.delivered_bytes,
        usable_count=account.usable_count,
        waiting_count=account.waiting_count,
        unusable=_counted(account.unusable),
        refusals=_counted(account.refusals),
        refused_hours=account.refused_hours,
        marking=MARKINGS[account.marking],
    )


def _counted(reasons: Mapping[str, int]) -> list[pledge_pb2.CountedReason]:
    """The most frequent first."""
    return [
        pledge_pb2.CountedReason(reason=reason, count=count)
        for reason, count in sorted(reasons.items(), key=lambda it: (-it[1], it[0]))
    ]
