"""What was left out of the search of a frame tells a contributor nothing, on any way to read it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from vedette.v1 import imagery_pb2, imagery_pb2_grpc

from pipelines.assessment import Assessment
from pipelines.outcome import Finding, Severity
from service.ledger.records import ImageryRecord
from service.remote_error import RemoteError

HOME = "missions/unmiss"
LEFT_OUT = (
    Finding(code="PARTLY_UNSEARCHED", severity=Severity.NOTE, message="37 % out of reach"),
    Finding(code="EMPTY_TILES", severity=Severity.NOTE, message="2 of 9 tiles"),
    Finding(code="PATROLS_UNKNOWN", severity=Severity.WARNING, message="nobody knew where 3"),
)
TELLING = {finding.code for finding in LEFT_OUT}


def content(number: int) -> bytes:
    """What looks like a JPEG to who takes it in."""
    return b"\xff\xd8\xff\xe0 frame %d" % number


@pytest.fixture
def two_frames(
    station: Any,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> tuple[str, str]:
    """Two frames of the Norwegian pledge: one within the reach of a position, one partly out."""

    def frame(number: int, findings: Sequence[Finding]) -> str:
        sha256 = hashlib.sha256(content(number)).hexdigest()
        image = replace(make_imagery(number), sha256=sha256)
        station.ledger.accept_imagery(image, str(uuid.UUID(int=number)), image.received_at)
        lease = station.ledger.lease_job("w", now + timedelta(minutes=1), 30)
        found = make_assessment((4.0 + number, 30.0), sighted=False)
        capture = replace(found.capture, findings=(*found.capture.findings, *findings))
        station.ledger.finish_job(lease, replace(found, capture=capture), [], now=now)
        return f"{HOME}/imagery/{image.imagery_id}"

    return frame(10, ()), frame(11, LEFT_OUT)


async def every_read(station: Any, token: str, name: str) -> dict[str, imagery_pb2.Imagery]:
    """The imagery as each RPC that gives one out has it."""
    listed = await station.call(token, "ImageryService.ListImagery", parent=HOME)
    watched = await station.call(token, "ImageryService.WatchImagery", name=name)
    record = station.ledger.get_imagery("unmiss", name.rpartition("/")[2])
    data = content(int(record.imagery_id.removeprefix("image-")))
    header = imagery_pb2.SubmissionHeader(
        pledge=f"{HOME}/pledges/{record.pledge_id}",
        sortie=record.sortie_id,
        file_name=record.file_name,
        size_bytes=len(data),
        sha256=record.sha256,
        request_id=str(uuid.uuid4()),
    )
    # The same bytes once more: the answer is the imagery as it is.
    submitted = await imagery_pb2_grpc.ImageryServiceStub(station.channel).SubmitImagery(
        iter(
            [
                imagery_pb2.SubmitImageryRequest(header=header),
                imagery_pb2.SubmitImageryRequest(chunk=data),
            ]
        ),
        metadata=(("authorization", f"Bearer {token}"),),
        timeout=20,
    )
    assert submitted.duplicate
    return {
        "get": await station.call(token, "ImageryService.GetImagery", name=name),
        "list": next(it for it in listed.imagery if it.name == name),
        "watch": watched[-1],
        "submit": submitted.imagery,
    }


async def test_only_the_mission_reads_what_was_left_out(
    station: Any, two_frames: tuple[str, str]
) -> None:
    contributor = await station.credential(
        "nor-cell", "contributor", "CONFIDENTIAL", contributor="NOR"
    )
    operator = await station.credential("lt-berg", "operator", "CONFIDENTIAL")
    within, partly = two_frames
    for way, read in (await every_read(station, operator, partly)).items():
        assert {it.code for it in read.findings} >= TELLING, way
        assert "SEARCHED_BY_RULES" not in {it.code for it in read.findings}, way
    near = await every_read(station, contributor, within)
    far = await every_read(station, contributor, partly)
    for way, read in far.items():
        # Word for word what it reads of a frame of which nothing was left out.
        assert list(read.findings) == list(near[way].findings), way
        assert [it.code for it in read.findings] == ["GIMBAL_FLIPPED", "SEARCHED_BY_RULES"], way
        text = str(read)
        assert not any(it.message in text or it.code in text for it in LEFT_OUT), way


@pytest.mark.parametrize(
    "product", ["annotated-image", "geojson", "kmz", "overlay-annotated", "evidence"]
)
async def test_no_product_that_tells_it_is_given_to_a_contributor(
    station: Any, product: str
) -> None:
    token = await station.credential("nor-cell", "contributor", "CONFIDENTIAL", contributor="NOR")
    name = f"{HOME}/imagery/image-0000/products/{product}"
    for rpc in ("ProductService.GetProduct", "ProductService.DownloadProduct"):
        with pytest.raises(RemoteError) as refused:
            await station.call(token, rpc, name=name)
        assert refused.value.reason == "NOT_FOUND"
