"""The register of pledged capabilities, served."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from vedette.v1 import pledge_pb2, pledge_pb2_grpc

from models.errors import InvalidInputError
from service.api import names
from service.api.convert.pledge import (
    CAVEATS,
    MARKINGS,
    PLEDGE_STATES,
    account_message,
    move_message,
    pledge_message,
    refusal_message,
)
from service.api.convert.values import chosen, time_of
from service.api.country_codes import is_country_code
from service.api.interceptor import caller, caller_sight
from service.clock import utc_now
from service.ledger.records import PledgeRecord, Refusal
from service.ledger.store import Ledger
from service.submission import check_request_id

_LONGEST_TEXT = 200
_MOST_MONTHLY_HOURS = 24.0 * 31 * 100
_MOST_SORTIE_HOURS = 24.0 * 7


class PledgeService(pledge_pb2_grpc.PledgeServiceServicer):
    """`vedette.v1.PledgeService`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def CreatePledge(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.CreatePledgeRequest, context: Any
    ) -> pledge_pb2.Pledge:
        """Register a pledge."""
        del context
        mission_id = names.mission(request.parent)
        asked = request.pledge
        if not is_country_code(asked.contributor):
            raise InvalidInputError(
                "must be an ISO 3166-1 alpha-3 code in capitals, such as SWE",
                field="pledge.contributor",
            )
        record = PledgeRecord(
            mission_id=mission_id,
            pledge_id=names.identifier(request.pledge_id, "pledge_id"),
            contributor=asked.contributor,
            capability=text(asked.capability, "pledge.capability"),
            platform=text(asked.platform, "pledge.platform"),
            marking=chosen(MARKINGS, asked.marking, "pledge.marking"),
            created_at=utc_now(),
            valid_from=_time(asked, "valid_from"),
            valid_until=_time(asked, "valid_until"),
            monthly_hours=_hours(
                asked, "monthly_hours", "pledge.monthly_hours", _MOST_MONTHLY_HOURS
            ),
            caveats=frozenset(chosen(CAVEATS, one, "pledge.caveats") for one in asked.caveats),
        )
        if record.valid_from and record.valid_until and record.valid_until <= record.valid_from:
            raise InvalidInputError("must be after valid_from", field="pledge.valid_until")
        return pledge_message(await asyncio.to_thread(self._ledger.create_pledge, record))

    async def GetPledge(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.GetPledgeRequest, context: Any
    ) -> pledge_pb2.Pledge:
        """One pledge."""
        del context
        mission_id, pledge_id = names.parse(request.name, "missions/*/pledges/*", "name")
        return pledge_message(
            await asyncio.to_thread(
                self._ledger.get_pledge, mission_id, pledge_id, sight=caller_sight()
            )
        )

    async def ListPledges(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.ListPledgesRequest, context: Any
    ) -> pledge_pb2.ListPledgesResponse:
        """The pledges of a mission, oldest first."""
        del context
        mission_id = names.mission(request.parent)
        page = await asyncio.to_thread(
            self._ledger.list_pledges,
            mission_id,
            page_size=request.page_size,
            page_token=request.page_token,
            sight=caller_sight(),
        )
        if not page.items:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return pledge_pb2.ListPledgesResponse(
            pledges=[pledge_message(record) for record in page.items],
            next_page_token=page.next_page_token,
        )

    async def MovePledge(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.MovePledgeRequest, context: Any
    ) -> pledge_pb2.Pledge:
        """Bring a pledge to another state."""
        del context
        mission_id, pledge_id = names.parse(request.name, "missions/*/pledges/*", "name")
        state = chosen(PLEDGE_STATES, request.state, "state")
        if request.revision < 1:
            raise InvalidInputError("give the revision that was looked at", field="revision")
        await asyncio.to_thread(
            self._ledger.get_pledge, mission_id, pledge_id, sight=caller_sight()
        )
        return pledge_message(
            await asyncio.to_thread(
                self._ledger.move_pledge,
                mission_id,
                pledge_id,
                state=state,
                reason=_said(request.reason, "reason"),
                revision=request.revision,
                moved_by=caller(),
                now=utc_now(),
            )
        )

    async def ListPledgeMoves(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.ListPledgeMovesRequest, context: Any
    ) -> pledge_pb2.ListPledgeMovesResponse:
        """What became of a pledge, oldest first."""
        del context
        mission_id, pledge_id = names.parse(request.parent, "missions/*/pledges/*", "parent")
        await asyncio.to_thread(
            self._ledger.get_pledge, mission_id, pledge_id, sight=caller_sight()
        )
        moves = await asyncio.to_thread(self._ledger.pledge_moves, mission_id, pledge_id)
        return pledge_pb2.ListPledgeMovesResponse(moves=[move_message(move) for move in moves])

    async def RecordRefusal(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.RecordRefusalRequest, context: Any
    ) -> pledge_pb2.Refusal:
        """Take down a sortie that somebody else did not let happen."""
        del context
        mission_id, pledge_id = names.parse(request.parent, "missions/*/pledges/*", "parent")
        check_request_id(request.request_id, "request_id")
        asked = request.refusal
        planned_at = _time(asked, "planned_time")
        if planned_at is None:
            raise InvalidInputError(
                "say when the sortie was to be flown", field="refusal.planned_time"
            )
        refusal = Refusal(
            refused_by=_said(asked.refused_by, "refusal.refused_by"),
            reason=_said(asked.reason, "refusal.reason"),
            planned_at=planned_at,
            planned_hours=_hours(
                asked, "planned_hours", "refusal.planned_hours", _MOST_SORTIE_HOURS
            ),
            recorded_by=caller(),
            recorded_at=utc_now(),
        )
        await asyncio.to_thread(
            self._ledger.get_pledge, mission_id, pledge_id, sight=caller_sight()
        )
        return refusal_message(
            await asyncio.to_thread(
                self._ledger.record_refusal, mission_id, pledge_id, request.request_id, refusal
            )
        )

    async def AccountForPledges(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.AccountForPledgesRequest, context: Any
    ) -> pledge_pb2.AccountForPledgesResponse:
        """What each contributor pledged, flew and delivered in a period."""
        del context
        mission_id = names.mission(request.parent)
        start, end = _time(request, "start_time"), _time(request, "end_time")
        if start is None or end is None:
            field = "start_time" if start is None else "end_time"
            raise InvalidInputError("give both ends of the period", field=field)
        if end <= start:
            raise InvalidInputError("must be after start_time", field="end_time")
        await asyncio.to_thread(self._ledger.require_mission, mission_id)
        accounts = await asyncio.to_thread(
            self._ledger.account_for_pledges, mission_id, start, end, sight=caller_sight()
        )
        return pledge_pb2.AccountForPledgesResponse(
            accounts=[account_message(account) for account in accounts]
        )


def _time(message: Any, field: str) -> datetime | None:
    """A time of a message; None where it is unset."""
    return time_of(getattr(message, field), field) if message.HasField(field) else None


def _hours(message: Any, field: str, told: str, most: float) -> float | None:
    """Hours of a message, above 0; None where they are unset."""
    if not message.HasField(field):
        return None
    value = float(getattr(message, field))
    if not 0.0 < value <= most:
        raise InvalidInputError(f"{value} is not above 0 and at most {most:g}", field=told)
    return value


def _said(value: str, field: str) -> str:
    """What a person has to say."""
    said = text(value, field).strip()
    if not said:
        raise InvalidInputError("say why or who, in a few words", field=field)
    return said


def text(value: str, field: str) -> str:
    """Free text of a person, without control characters.

    Raises:
        InvalidInputError: it is longer than 200 characters or holds control characters.
    """
    if len(value) > _LONGEST_TEXT or not value.isprintable():
        raise InvalidInputError(
            f"must be at most {_LONGEST_TEXT} printable characters", field=field
        )
    return value
