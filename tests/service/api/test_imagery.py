from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from vedette.v1 import imagery_pb2

from models.errors import InvalidInputError
from service.api import imagery
from service.api.imagery import ImageryService
from service.errors import UnavailableError
from service.events import ChangeHub
from service.ingest import Ingest, IngestLimits
from service.ledger.records import PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.spool import Spool

DATA = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40


@pytest.fixture
def ingest(
    sqlite_ledger: Ledger, objects: ObjectStore, pledge: PledgeRecord, tmp_path: Path
) -> Iterator[Ingest]:
    sqlite_ledger.create_pledge(pledge)
    made = Ingest(sqlite_ledger, objects, Spool(tmp_path / "spool"), IngestLimits())
    yield made
    made.close()


@pytest.fixture
def served(ingest: Ingest, sqlite_ledger: Ledger) -> ImageryService:
    return ImageryService(sqlite_ledger, ingest, ChangeHub(sqlite_ledger.change_token))


def header(offset: int = 0) -> imagery_pb2.SubmitImageryRequest:
    return imagery_pb2.SubmitImageryRequest(
        header=imagery_pb2.SubmissionHeader(
            pledge="missions/unmiss/pledges/nor-uas-1",
            sortie="s",
            file_name="a.jpg",
            size_bytes=len(DATA),
            sha256=hashlib.sha256(DATA).hexdigest(),
            request_id=str(uuid.UUID(int=1)),
            offset=offset,
        )
    )


def chunk(data: bytes) -> imagery_pb2.SubmitImageryRequest:
    return imagery_pb2.SubmitImageryRequest(chunk=data)


async def committed(served: ImageryService) -> int:
    request = imagery_pb2.GetSubmissionRequest(
        parent="missions/unmiss", request_id=str(uuid.UUID(int=1))
    )
    return int((await served.GetSubmission(request, None)).committed_bytes)


async def submit(
    served: ImageryService, *parts: imagery_pb2.SubmitImageryRequest, pause_s: float
) -> imagery_pb2.SubmitImageryResponse:
    async def stream() -> AsyncIterator[imagery_pb2.SubmitImageryRequest]:
        for part in parts:
            yield part
            if part.WhichOneof("part") == "chunk":
                await asyncio.sleep(pause_s)

    return await served.SubmitImagery(stream(), None)


async def test_a_silent_stream_is_ended_and_can_be_resumed(
    served: ImageryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagery, "SILENCE_S", 0.2)
    with pytest.raises(UnavailableError, match="no byte came"):
        await submit(served, header(), chunk(DATA[:777]), pause_s=5.0)
    assert await committed(served) == 777
    answer = await submit(served, header(777), chunk(DATA[777:]), pause_s=0.0)
    assert answer.imagery.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_a_stream_that_drips_is_ended_and_can_be_resumed(
    served: ImageryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagery, "LONGEST_STREAM_S", 0.3)
    monkeypatch.setattr(imagery, "SLOWEST_BYTES_S", 1e9)
    parts = [chunk(DATA[number : number + 1]) for number in range(100)]
    with pytest.raises(UnavailableError, match="this stream has been open"):
        await submit(served, header(), *parts, pause_s=0.05)
    kept = await committed(served)
    assert 1 <= kept <= 10
    assert await submit(served, header(kept), chunk(DATA[kept:]), pause_s=0.0)


async def test_a_cut_stream_keeps_its_last_byte(served: ImageryService) -> None:
    task = asyncio.create_task(submit(served, header(), chunk(DATA[:5001]), pause_s=5.0))
    await asyncio.sleep(0.3)
    # What the server does with the call of a client that is gone.
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await committed(served) == 5001


async def test_a_chunk_beyond_the_limit_is_refused(served: ImageryService) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await submit(served, header(), chunk(bytes((1 << 20) + 1)), pause_s=0.0)
    assert refused.value.field == "chunk"
    with pytest.raises(InvalidInputError) as refused:
        await submit(served, chunk(b"x"), pause_s=0.0)
    assert refused.value.field == "header"
