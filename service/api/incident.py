"""Incidents, served: lists, decisions and the stream that neither loses nor repeats."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from vedette.v1 import incident_pb2, incident_pb2_grpc

from models.errors import InvalidInputError, VedetteError
from pipelines.products.thin_chip import LEAST_BYTES, MOST_BYTES
from service.access import EVERYTHING, Sight, may_see
from service.api import names
from service.api.convert.incident import (
    INCIDENT_STATES,
    REASON_CODES,
    SEVERITIES,
    VERDICTS,
    incident_message,
)
from service.api.convert.suppression import suppression_message
from service.api.convert.values import chosen
from service.api.event_stream import EventStream, wants_chip
from service.api.interceptor import (
    caller,
    caller_credential,
    caller_sight,
    require_still_valid,
)
from service.chip_room import ChipRoom
from service.clock import utc_now
from service.errors import LimitExceededError, PermissionDeniedError
from service.events import ChangeHub
from service.ledger.pledge_states import Caveat
from service.ledger.records import IncidentRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.released import event_as_seen

_log = logging.getLogger("vedette.api")
_EVENTS_A_READ = 100
_MOST_EVENTS_PER_HOUR = 100_000
_LONGEST_WAIT_S = 30.0
_LARGEST_ORIGINAL = 64 << 20
_LONGEST_REASON = 2000
_LONGEST_RECIPIENT = 100


class IncidentService(incident_pb2_grpc.IncidentServiceServicer):
    """`vedette.v1.IncidentService`."""

    def __init__(
        self, ledger: Ledger, objects: ObjectStore, hub: ChangeHub, chips: ChipRoom | None = None
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._chips = ChipRoom() if chips is None else chips
        self._hub = hub

    async def GetIncident(  # noqa: N802 - the contract's name
        self, request: incident_pb2.GetIncidentRequest, context: Any
    ) -> incident_pb2.Incident:
        """One incident."""
        del context
        mission_id, incident_id = names.parse(request.name, "missions/*/incidents/*", "name")
        sight = caller_sight()
        found = await asyncio.to_thread(
            self._ledger.get_incident, mission_id, incident_id, sight=sight
        )
        return incident_message(found, sight)

    async def ListIncidents(  # noqa: N802 - the contract's name
        self, request: incident_pb2.ListIncidentsRequest, context: Any
    ) -> incident_pb2.ListIncidentsResponse:
        """The incidents of a mission, newest first."""
        del context
        mission_id, sight = names.mission(request.parent), caller_sight()
        position_id = _position_of(request.position, mission_id)
        if position_id and sight.recipient is not None:
            # Else it would tell which released incidents come near it.
            raise PermissionDeniedError("incidents are listed by position for the mission alone")
        page = await asyncio.to_thread(
            self._ledger.list_incidents,
            mission_id,
            sight=sight,
            position_id=position_id,
            page_size=request.page_size,
            page_token=request.page_token,
            states=tuple(chosen(INCIDENT_STATES, state, "states") for state in request.states),
        )
        if not page.items:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return incident_pb2.ListIncidentsResponse(
            incidents=[incident_message(record, sight) for record in page.items],
            next_page_token=page.next_page_token,
        )

    async def SubscribeIncidents(  # noqa: N802 - the contract's name
        self, request: incident_pb2.SubscribeIncidentsRequest, context: Any
    ) -> AsyncIterator[incident_pb2.IncidentEvent]:
        """Every event after a sequence number, then as they come."""
        del context
        mission_id, since = names.mission(request.parent), request.since
        if since < 0:
            raise InvalidInputError("must not be negative", field="since")
        if not 0 <= request.events_per_hour <= _MOST_EVENTS_PER_HOUR:
            raise InvalidInputError(
                f"must be 0 to {_MOST_EVENTS_PER_HOUR}", field="events_per_hour"
            )
        chips_from = None
        if request.chips_from:
            chips_from = chosen(SEVERITIES, request.chips_from, "chips_from")
        credential, sight = caller_credential(), caller_sight()
        await asyncio.to_thread(self._require_events_until, mission_id, since)
        stream = EventStream(
            request.events_per_hour,
            brief=request.detail == incident_pb2.INCIDENT_DETAIL_BRIEF,
            sight=sight,
            clock=time.monotonic,
        )
        while not self._hub.closed:
            # Read before the ledger: a change between the two only wakes once too often.
            generation = self._hub.generation
            events = await asyncio.to_thread(
                self._ledger.events_since, mission_id, since, _EVENTS_A_READ
            )
            seen = [
                event_as_seen(event, sight)
                for event in events
                if may_see(credential, event.record.marking, recipients=event.record.recipients)
            ]
            is_end = request.replay_only and len(events) < _EVENTS_A_READ
            through = events[-1].sequence if events else since
            for event, message in stream.tell(seen, since, through, is_end=is_end):
                yield message
                if event is not None and wants_chip(event, chips_from):
                    chip = await asyncio.to_thread(self._chip_or_none, event.record, sight)
                    if chip is not None:
                        yield incident_pb2.IncidentEvent(
                            sequence=event.sequence,
                            resume_after=message.resume_after,
                            chip=chip,
                        )
            since = through
            if len(events) == _EVENTS_A_READ:
                continue
            if request.replay_only:
                return
            await self._hub.wait_beyond(generation, stream.wait_s(_LONGEST_WAIT_S))
            # Whoever lost the right to see hears no more, however long the stream has been open.
            await require_still_valid()

    async def GetIncidentChip(  # noqa: N802 - the contract's name
        self, request: incident_pb2.GetIncidentChipRequest, context: Any
    ) -> incident_pb2.IncidentChip:
        """A picture of the object of an incident, as it was last seen."""
        del context
        mission_id, incident_id = names.parse(request.name, "missions/*/incidents/*", "name")
        max_bytes = request.max_bytes or MOST_BYTES
        if not LEAST_BYTES <= max_bytes <= MOST_BYTES:
            raise InvalidInputError(f"must be {LEAST_BYTES} to {MOST_BYTES}", field="max_bytes")
        sight = caller_sight()
        record = await asyncio.to_thread(
            self._ledger.get_incident, mission_id, incident_id, sight=sight
        )
        return await asyncio.to_thread(self._chip, record, sight, max_bytes)

    def _chip(
        self, record: IncidentRecord, sight: Sight, max_bytes: int = MOST_BYTES
    ) -> incident_pb2.IncidentChip:
        """Cut the chip of an incident out of the original.

        Raises:
            NotFoundError: the reader may not see the imagery, or it is gone.
            PermissionDeniedError: a pledge keeps its pictures from whom it was released to.
            LimitExceededError: the original is too large to be read for a chip.
        """
        mission_id, incident = record.mission_id, record.incident
        if sight.recipient is not None:
            # What was released to them they see, as in its KMZ, unless a pledge keeps that back.
            if Caveat.NO_IMAGERY in record.caveats:
                raise PermissionDeniedError("its pictures stay with the mission (no-imagery)")
            sight = EVERYTHING
        image = self._ledger.get_imagery(mission_id, incident.imagery_id, sight=sight)
        if image.size_bytes > _LARGEST_ORIGINAL:
            raise LimitExceededError(
                f"the original has {image.size_bytes >> 20} MiB, chips are cut from up to "
                f"{_LARGEST_ORIGINAL >> 20}; ask for the annotated picture"
            )
        found = self._ledger.get_detection(
            mission_id, incident.imagery_id, incident.best.detection_index
        )
        data = self._objects.get(original_key(mission_id, image.sha256))
        chip = self._chips.cut(data, found.xyxy, max_bytes)
        left, top, right, bottom = chip.box_px
        return incident_pb2.IncidentChip(
            incident=names.incident_name(mission_id, incident.incident_id),
            imagery=names.imagery_name(mission_id, incident.imagery_id),
            jpeg=chip.jpeg,
            width_px=chip.width_px,
            height_px=chip.height_px,
            left_px=left,
            top_px=top,
            right_px=right,
            bottom_px=bottom,
        )

    def _chip_or_none(
        self, record: IncidentRecord, sight: Sight
    ) -> incident_pb2.IncidentChip | None:
        """The chip, where there is one: a brief is worth sending without."""
        try:
            return self._chip(record, sight)
        except VedetteError as error:
            _log.warning("no chip of incident %s: %s", record.incident.incident_id, error)
            return None

    def _require_events_until(self, mission_id: str, since: int) -> None:
        self._ledger.require_mission(mission_id)
        last = self._ledger.last_sequence(mission_id)
        if since > last:
            # Else whoever knows another ledger's events would wait in silence while new ones pass.
            raise InvalidInputError(
                f"the last event of this mission is number {last}, {since} is not among them; the "
                "ledger may have been replaced: begin again from 0",
                field="since",
            )

    async def ReleaseIncident(  # noqa: N802 - the contract's name
        self, request: incident_pb2.ReleaseIncidentRequest, context: Any
    ) -> incident_pb2.Incident:
        """Propose a release outside the mission, or approve what another person proposed."""
        del context
        mission_id, incident_id = names.parse(request.name, "missions/*/incidents/*", "name")
        recipient = request.recipient.strip()
        if not recipient or len(recipient) > _LONGEST_RECIPIENT or not recipient.isprintable():
            raise InvalidInputError(
                f"must be 1 to {_LONGEST_RECIPIENT} printable characters", field="recipient"
            )
        released = await asyncio.to_thread(
            self._ledger.release_incident,
            mission_id,
            incident_id,
            recipient=recipient,
            reason=_reason(request.reason),
            revision=_revision(request.revision),
            released_by=caller(),
            now=utc_now(),
            sight=caller_sight(),
        )
        return incident_message(released)

    async def ListSuppressions(  # noqa: N802 - the contract's name
        self, request: incident_pb2.ListSuppressionsRequest, context: Any
    ) -> incident_pb2.ListSuppressionsResponse:
        """What was not shown, and why, the latest first."""
        del context
        mission_id = names.mission(request.parent)
        position_id = _position_of(request.position, mission_id)
        page = await asyncio.to_thread(
            self._ledger.list_suppressions,
            mission_id,
            page_size=request.page_size,
            page_token=request.page_token,
            position_id=position_id,
            sight=caller_sight(),
        )
        if not page.items:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return incident_pb2.ListSuppressionsResponse(
            suppressions=[suppression_message(record) for record in page.items],
            next_page_token=page.next_page_token,
        )

    async def DecideIncident(  # noqa: N802 - the contract's name
        self, request: incident_pb2.DecideIncidentRequest, context: Any
    ) -> incident_pb2.Incident:
        """Record what a person decided."""
        del context
        mission_id, incident_id = names.parse(request.name, "missions/*/incidents/*", "name")
        verdict = chosen(VERDICTS, request.verdict, "verdict")
        reason_code = None
        if request.reason_code:
            reason_code = chosen(REASON_CODES, request.reason_code, "reason_code")
        reason, revision = _reason(request.reason), _revision(request.revision)
        return incident_message(
            await asyncio.to_thread(
                self._ledger.decide_incident,
                mission_id,
                incident_id,
                verdict=verdict,
                reason=reason,
                revision=revision,
                decided_by=caller(),
                now=utc_now(),
                reason_code=reason_code,
                sight=caller_sight(),
            )
        )


def _position_of(name: str, mission_id: str) -> str | None:
    """The identifier of the position that a list is asked for; None where it is of all."""
    if not name:
        return None
    of, position_id = names.parse(name, "missions/*/positions/*", "position")
    if of != mission_id:
        raise InvalidInputError("is of another mission than the parent", field="position")
    return position_id


def _reason(text: str) -> str:
    reason = text.strip()
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise InvalidInputError(
            f"must be at most {_LONGEST_REASON} printable characters", field="reason"
        )
    return reason


def _revision(number: int) -> int:
    if number < 1:
        raise InvalidInputError("give the revision that was looked at", field="revision")
    return number
