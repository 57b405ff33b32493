"""Imagery, served: taken in chunk by chunk, resumed, listed and watched."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from vedette.v1 import imagery_pb2, imagery_pb2_grpc

from models.errors import InvalidInputError, VedetteError
from service.access import Sight
from service.api import names
from service.api.convert.imagery import imagery_message
from service.api.convert.values import time_of
from service.api.interceptor import caller_sight, require_still_valid
from service.clock import utc_now
from service.errors import AlreadyExistsError, NotFoundError, UnavailableError
from service.events import ChangeHub
from service.ingest import Ingest, OpenSubmission, SubmissionStatus, unknown_submission
from service.ledger.records import Acceptance, ImageryRecord, ImageryState
from service.ledger.store import Ledger
from service.submission import SubmissionHeader

# Bytes between two syncs: what a cut stream may have to send again at most.
COMMIT_BYTES = 1024 * 1024
LONGEST_CHUNK = 1024 * 1024
# A client without a byte for so long is gone; 600 ms links pause, but not for minutes.
SILENCE_S = 120.0
# A stream that drips holds a thread and a file: after this time, and what its bytes would take on a
# link of 8 kbit/s, it has to come back.
LONGEST_STREAM_S = 600.0
SLOWEST_BYTES_S = 1000.0
_LONGEST_WAIT_S = 30.0
_ENDED = frozenset({ImageryState.PROCESSED, ImageryState.FAILED})


class ImageryService(imagery_pb2_grpc.ImageryServiceServicer):
    """`vedette.v1.ImageryService`."""

    def __init__(self, ledger: Ledger, ingest: Ingest, hub: ChangeHub) -> None:
        self._ledger = ledger
        self._ingest = ingest
        self._hub = hub

    async def SubmitImagery(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[imagery_pb2.SubmitImageryRequest], context: Any
    ) -> imagery_pb2.SubmitImageryResponse:
        """Take one file in."""
        del context
        parts = aiter(request_iterator)
        first = await _next(parts)
        if first is None or first.WhichOneof("part") != "header":
            raise InvalidInputError("the first message must be the header", field="header")
        header, sight = _header(first.header), caller_sight()
        await asyncio.to_thread(self._require_own_pledge, header, sight)
        try:
            record, acceptance = await self._take_in(header, parts)
        except AlreadyExistsError as error:
            if sight.contributor is None:
                raise
            # Which one is another state's business.
            raise AlreadyExistsError(
                "the mission has these bytes under another pledge and keeps them there",
                field=error.field,
            ) from error
        return imagery_pb2.SubmitImageryResponse(
            imagery=imagery_message(record, sight),
            duplicate=acceptance is not Acceptance.NEW,
            looked_at_again=acceptance is Acceptance.LOOKED_AT_AGAIN,
        )

    async def _take_in(
        self, header: SubmissionHeader, parts: AsyncIterator[imagery_pb2.SubmitImageryRequest]
    ) -> tuple[ImageryRecord, Acceptance]:
        submission = await asyncio.to_thread(self._ingest.open, header, utc_now())
        pending = bytearray()
        try:
            left = header.size_bytes - header.offset
            async with _limited(LONGEST_STREAM_S + left / SLOWEST_BYTES_S):
                await self._receive(parts, submission, pending)
            return await asyncio.to_thread(self._ingest.finish, submission, utc_now())
        except (asyncio.CancelledError, UnavailableError):
            # Cut, or given up for now: what came is kept to its last byte.
            await asyncio.shield(asyncio.to_thread(self._keep, submission, bytes(pending)))
            raise
        except BaseException:
            # Refused: what came is kept, unless ingest has forgotten it itself.
            await asyncio.shield(asyncio.to_thread(self._ingest.suspend, submission))
            raise

    def _require_own_pledge(self, header: SubmissionHeader, sight: Sight) -> None:
        """Refuse a pledge that the caller does not see, as one that does not exist."""
        try:
            self._ledger.get_pledge(header.mission_id, header.pledge_id, sight=sight)
        except NotFoundError as error:
            raise NotFoundError(str(error), field="header.pledge") from error

    def _status(self, mission_id: str, request_id: str, sight: Sight) -> SubmissionStatus:
        status = self._ingest.status(mission_id, request_id)
        try:
            self._ledger.get_pledge(mission_id, status.pledge_id, sight=sight)
        except NotFoundError as error:
            raise unknown_submission(request_id) from error
        return status

    def _keep(self, submission: OpenSubmission, pending: bytes) -> None:
        # Another stream may have it by now, or the disk be full; the cut is what is told then.
        with contextlib.suppress(VedetteError):
            self._ingest.append(submission, pending)
        self._ingest.suspend(submission)

    async def _receive(
        self,
        parts: AsyncIterator[imagery_pb2.SubmitImageryRequest],
        submission: OpenSubmission,
        pending: bytearray,
    ) -> None:
        waiting = 0
        while (part := await _next(parts)) is not None:
            if part.WhichOneof("part") != "chunk":
                raise InvalidInputError("only chunks may follow the header", field="chunk")
            if len(part.chunk) > LONGEST_CHUNK:
                raise InvalidInputError(f"longer than {LONGEST_CHUNK} bytes", field="chunk")
            pending += part.chunk
            waiting += len(part.chunk)
            # Small chunks are gathered: one change of thread for 64 KiB, not for each.
            if len(pending) >= 64 * 1024:
                await asyncio.to_thread(self._ingest.append, submission, _taken(pending))
            if waiting >= COMMIT_BYTES:
                await asyncio.to_thread(self._ingest.commit, submission)
                waiting = 0
        if pending:
            await asyncio.to_thread(self._ingest.append, submission, _taken(pending))

    async def GetSubmission(  # noqa: N802 - the contract's name
        self, request: imagery_pb2.GetSubmissionRequest, context: Any
    ) -> imagery_pb2.Submission:
        """How much of a submission is safe."""
        del context
        mission_id = names.mission(request.parent)
        status = await asyncio.to_thread(
            self._status, mission_id, request.request_id, caller_sight()
        )
        return imagery_pb2.Submission(
            request_id=status.request_id,
            committed_bytes=status.committed_bytes,
            size_bytes=status.size_bytes,
            imagery=names.imagery_name(mission_id, status.imagery_id) if status.imagery_id else "",
        )

    async def GetImagery(  # noqa: N802 - the contract's name
        self, request: imagery_pb2.GetImageryRequest, context: Any
    ) -> imagery_pb2.Imagery:
        """One imagery."""
        del context
        mission_id, imagery_id = names.parse(request.name, "missions/*/imagery/*", "name")
        sight = caller_sight()
        found = await asyncio.to_thread(
            self._ledger.get_imagery, mission_id, imagery_id, sight=sight
        )
        return imagery_message(found, sight)

    async def ListImagery(  # noqa: N802 - the contract's name
        self, request: imagery_pb2.ListImageryRequest, context: Any
    ) -> imagery_pb2.ListImageryResponse:
        """The imagery of a mission, newest first."""
        del context
        mission_id, sight = names.mission(request.parent), caller_sight()
        page = await asyncio.to_thread(
            self._ledger.list_imagery,
            mission_id,
            page_size=request.page_size,
            page_token=request.page_token,
            sortie_id=names.sortie(request.sortie, "sortie") if request.sortie else None,
            sight=sight,
        )
        if not page.items:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        return imagery_pb2.ListImageryResponse(
            imagery=[imagery_message(record, sight) for record in page.items],
            next_page_token=page.next_page_token,
        )

    async def WatchImagery(  # noqa: N802 - the contract's name
        self, request: imagery_pb2.WatchImageryRequest, context: Any
    ) -> AsyncIterator[imagery_pb2.Imagery]:
        """The imagery now and at each change until it has ended."""
        del context
        mission_id, imagery_id = names.parse(request.name, "missions/*/imagery/*", "name")
        last, sight = None, caller_sight()
        while not self._hub.closed:
            generation = self._hub.generation
            record = await asyncio.to_thread(
                self._ledger.get_imagery, mission_id, imagery_id, sight=sight
            )
            if record != last:
                yield imagery_message(record, sight)
                last = record
            if record.state in _ENDED:
                return
            await self._hub.wait_beyond(generation, _LONGEST_WAIT_S)
            await require_still_valid()
        # Not an end in good order: the client must ask again elsewhere or later.
        raise UnavailableError("the service is being stopped; ask again soon")


def _taken(pending: bytearray) -> bytes:
    """What is there, which is then no longer: it must not be kept a second time."""
    data = bytes(pending)
    pending.clear()
    return data


@asynccontextmanager
async def _limited(seconds: float) -> AsyncIterator[None]:
    """Refuse what lasts longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UnavailableError(
            f"this stream has been open for {seconds:.0f} s; resume when you can"
        ) from error


async def _next(
    parts: AsyncIterator[imagery_pb2.SubmitImageryRequest],
) -> imagery_pb2.SubmitImageryRequest | None:
    try:
        async with asyncio.timeout(SILENCE_S):
            return await anext(parts, None)
    except TimeoutError as error:
        raise UnavailableError(
            f"no byte came for {SILENCE_S:.0f} s; resume when you can"
        ) from error


def _header(header: imagery_pb2.SubmissionHeader) -> SubmissionHeader:
    mission_id, pledge_id = names.parse(header.pledge, "missions/*/pledges/*", "header.pledge")
    captured_at = None
    if header.HasField("capture_time"):
        captured_at = time_of(header.capture_time, "header.capture_time")
    return SubmissionHeader(
        mission_id=mission_id,
        pledge_id=pledge_id,
        sortie_id=header.sortie,
        file_name=header.file_name,
        size_bytes=header.size_bytes,
        sha256=header.sha256,
        request_id=header.request_id,
        offset=header.offset,
        stated_pose=header.pose_json or None,
        stated_captured_at=captured_at,
    )
