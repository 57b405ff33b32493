"""The register of pledged capabilities, served."""

from __future__ import annotations

import asyncio
from typing import Any

from vedette.v1 import pledge_pb2, pledge_pb2_grpc

from models.errors import InvalidInputError
from service.api import names
from service.api.convert.pledge import MARKINGS, pledge_message
from service.api.convert.values import chosen
from service.api.country_codes import is_country_code
from service.clock import utc_now
from service.ledger.records import PledgeRecord
from service.ledger.store import Ledger

_LONGEST_TEXT = 200


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
        )
        return pledge_message(await asyncio.to_thread(self._ledger.create_pledge, record))

    async def GetPledge(  # noqa: N802 - the contract's name
        self, request: pledge_pb2.GetPledgeRequest, context: Any
    ) -> pledge_pb2.Pledge:
        """One pledge."""
        del context
        mission_id, pledge_id = names.parse(request.name, "missions/*/pledges/*", "name")
        return pledge_message(
            await asyncio.to_thread(self._ledger.get_pledge, mission_id, pledge_id)
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
        )
        if not page.items:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return pledge_pb2.ListPledgesResponse(
            pledges=[pledge_message(record) for record in page.items],
            next_page_token=page.next_page_token,
        )


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
