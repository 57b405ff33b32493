"""What one mission has, no name of another reaches; and no field of any request breaks anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.message import Message
from vedette.v1 import (
    detection_pb2,
    product_pb2,
)

from models.errors import InvalidInputError
from service.errors import NotFoundError
from tests.service.api.two_missions import EMPTY, LISTS, MAKES, METHODS, OF_NO_MISSION, POST, House


def test_the_matrix_names_every_method(house: House) -> None:
    assert set(house.requests("unmiss")) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
async def test_a_mission_reaches_its_own_and_no_other(house: House, method: str) -> None:
    own, other = house.requests("unmiss")[method], house.requests("other")[method]
    if method.startswith(OF_NO_MISSION) and method != "ModelService.CompareModels":
        return
    if method == "ImageryService.SubmitImagery":
        # Its own pledge is known, and only the bytes are missing; the other mission has none.
        with pytest.raises(InvalidInputError, match="0 of 1001 bytes"):
            await house.answers(method, own)
    elif method not in MAKES | EMPTY:
        assert (await house.answers(method, own))[0].ByteSize() > 0
    if method in LISTS:
        # A mission without any pledge is a name misspelt, not one without news.
        with pytest.raises(NotFoundError, match="vedette pledge add") as caught:
            await house.answers(method, other)
        assert caught.value.field == "parent"
        await house.answers(
            "PledgeService.CreatePledge", house.requests("other")["PledgeService.CreatePledge"]
        )
        answers = await house.answers(method, other)
        if method == "RuleService.ListRules":
            told = [(rule.name, rule.revision) for rule in answers[0].rules]
            assert told[0] == ("missions/other/rules/default", 0)
            assert {revision for _, revision in told} == {0}
        elif method == "PledgeService.ListPledges":
            (pledge,) = answers[0].pledges
            assert pledge.name == "missions/other/pledges/other"
        elif method == "PledgeService.AccountForPledges":
            assert [account.contributor for account in answers[0].accounts] == ["SWE"]
        else:
            assert all(answer.ByteSize() == 0 for answer in answers)
    elif method in MAKES:
        before = await everything(house)
        await house.answers(method, other)
        assert await everything(house) == before
    else:
        with pytest.raises(NotFoundError):
            await house.answers(method, other)
        # Nor was it touched.
        assert (await house.answers("PositionService.GetPosition", POST))[0].ByteSize() > 0


async def everything(house: House) -> list[bytes]:
    """What mission "unmiss" has of what can be made through the API."""
    asked = house.requests("unmiss")
    listed = ("PledgeService.ListPledges", "PositionService.ListPositions", "RuleService.ListRules")
    answers = [await house.answers(method, asked[method]) for method in listed]
    return [answer.SerializeToString(deterministic=True) for each in answers for answer in each]


@pytest.mark.parametrize(
    ("method", "request_of"),
    [
        (
            "DetectionService.ListDetections",
            lambda house: detection_pb2.ListDetectionsRequest(
                parent="missions/other", imagery=f"missions/unmiss/imagery/{house.imagery_id}"
            ),
        ),
        (
            "ProductService.DownloadProduct",
            lambda house: product_pb2.DownloadProductRequest(
                name=f"missions/other/../unmiss/imagery/{house.imagery_id}/products/geojson"
            ),
        ),
        (
            "ProductService.GetProduct",
            lambda house: product_pb2.GetProductRequest(
                name=f"missions/other/incidents/{house.incident_id}/products/geojson"
            ),
        ),
    ],
)
async def test_names_of_two_missions_do_not_mix(
    house: House, method: str, request_of: Callable[[House], Message]
) -> None:
    with pytest.raises((InvalidInputError, NotFoundError)):
        await house.answers(method, request_of(house))
