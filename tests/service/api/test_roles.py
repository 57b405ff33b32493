"""What each role may call and sees, over the real door."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import imagery_pb2, incident_pb2, pledge_pb2

from service.audit_chain import INSTALLATION
from service.ledger.pledge_states import Caveat
from service.objects import ObjectStore, original_key
from service.remote_error import RemoteError

HOME = "missions/unmiss"


NO_OVERFLIGHT = pledge_pb2.Refusal(
    refused_by="host state",
    reason="no overflight",
    planned_time=Timestamp(seconds=1_770_000_000),
)
A_REFUSAL = {
    "refusal": NO_OVERFLIGHT,
    "request_id": str(uuid.UUID(int=77)),
}
A_YEAR = {
    "start_time": Timestamp(seconds=1_767_225_600),
    "end_time": Timestamp(seconds=1_798_761_600),
}


def names_of(items: Any) -> set[str]:
    return {item.name.rpartition("/")[2] for item in items}


async def test_a_contributor_sees_what_is_its_own_and_nothing_of_positions(
    station: Any,
) -> None:
    token = await station.credential("nor-cell", "contributor", "CONFIDENTIAL", contributor="NOR")
    pledges = await station.call(token, "PledgeService.ListPledges", parent=HOME)
    assert names_of(pledges.pledges) == {"nor-uas-1"}
    imagery = await station.call(token, "ImageryService.ListImagery", parent=HOME)
    assert names_of(imagery.imagery) == {"image-0000"}
    (own,) = imagery.imagery
    # How much was not searched for want of positions near by would tell where they are.
    assert [finding.code for finding in own.findings] == ["GIMBAL_FLIPPED", "SEARCHED_BY_RULES"]
    found = await station.call(token, "DetectionService.ListDetections", parent=HOME)
    assert [item.category for item in found.detections] == ["car"]
    assert all("image-0000" in item.name for item in found.detections)
    products = await station.call(
        token, "ProductService.ListProducts", parent=f"{HOME}/imagery/image-0000"
    )
    assert names_of(products.products) == {"overlay"}
    overlay = f"{HOME}/imagery/image-0000/products/overlay"
    (chunk,) = await station.call(token, "ProductService.DownloadProduct", name=overlay)
    assert chunk.chunk == b"image-0000 overlay"
    for rpc, fields in (
        ("PledgeService.GetPledge", {"name": f"{HOME}/pledges/swe-uas-1"}),
        ("PledgeService.ListPledgeMoves", {"parent": f"{HOME}/pledges/swe-uas-1"}),
        ("PledgeService.RecordRefusal", A_REFUSAL | {"parent": f"{HOME}/pledges/swe-uas-1"}),
        ("ImageryService.GetImagery", {"name": f"{HOME}/imagery/image-0001"}),
        ("ImageryService.WatchImagery", {"name": f"{HOME}/imagery/image-0001"}),
        ("ImageryService.GetSubmission", {"parent": HOME, "request_id": str(uuid.UUID(int=1))}),
        ("ProductService.ListProducts", {"parent": f"{HOME}/imagery/image-0001"}),
        ("ProductService.GetProduct", {"name": f"{HOME}/imagery/image-0001/products/overlay"}),
        (
            "ProductService.DownloadProduct",
            {"name": f"{HOME}/imagery/image-0000/products/annotated-image"},
        ),
        ("ProductService.GetProduct", {"name": f"{HOME}/imagery/image-0000/products/evidence"}),
        ("ProductService.ListProducts", {"parent": station.incidents["NOR"]}),
        ("ProductService.DownloadProduct", {"name": f"{station.incidents['NOR']}/products/kmz"}),
    ):
        with pytest.raises(RemoteError) as refused:
            await station.call(token, rpc, **fields)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND, rpc
    one = await station.call(
        token,
        "DetectionService.ListDetections",
        parent=HOME,
        imagery=f"{HOME}/imagery/image-0001",
    )
    assert list(one.detections) == []
    for rpc, fields in (
        ("PositionService.ListPositions", {"parent": HOME}),
        ("PositionService.GetPosition", {"name": f"{HOME}/positions/post-1"}),
        ("RuleService.ListRules", {"parent": HOME}),
        ("IncidentService.ListIncidents", {"parent": HOME}),
        ("IncidentService.GetIncident", {"name": station.incidents["NOR"]}),
        ("IncidentService.SubscribeIncidents", {"parent": HOME, "replay_only": True}),
    ):
        with pytest.raises(RemoteError, match="has the role contributor") as refused:
            await station.call(token, rpc, **fields)
        assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED, rpc
        assert refused.value.reason == "PERMISSION_DENIED"


async def test_a_contributor_submits_under_its_own_pledges_only(station: Any) -> None:
    token = await station.credential("nor-cell", "contributor", "CONFIDENTIAL", contributor="NOR")

    async def submit(pledge_id: str, sha256: str = "1" * 64) -> RemoteError:
        header = imagery_pb2.SubmissionHeader(
            pledge=f"{HOME}/pledges/{pledge_id}",
            sortie="s",
            file_name="a.jpg",
            size_bytes=1001,
            sha256=sha256,
            request_id=str(uuid.UUID(int=99)),
        )
        with pytest.raises(RemoteError) as refused:
            await station.call(token, "ImageryService.SubmitImagery", header=header)
        return refused.value

    own = await submit("nor-uas-1")
    # It is let in: only the bytes are missing.
    assert own.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "0 of 1001 bytes" in str(own)
    swedish = station.ledger.get_imagery("unmiss", "image-0001").sha256
    known = await submit("nor-uas-1", sha256=swedish)
    assert known.code is grpc.StatusCode.ALREADY_EXISTS
    assert "swe" not in str(known)
    others, none = await submit("swe-uas-1"), await submit("swe-uas-9")
    assert others.code is none.code is grpc.StatusCode.NOT_FOUND
    assert str(others).replace("swe-uas-1", "swe-uas-9") == str(none)


@pytest.mark.parametrize(
    ("clearance", "seen"),
    [("UNCLASSIFIED", {"NOR"}), ("CONFIDENTIAL", {"NOR", "SWE"})],
)
async def test_a_clearance_holds_on_every_read(
    station: Any, clearance: str, seen: set[str]
) -> None:
    token = await station.credential("analyst-1", "analyst", clearance)
    images = {"NOR": "image-0000", "SWE": "image-0001"}

    pledges = await station.call(token, "PledgeService.ListPledges", parent=HOME)
    assert {item.contributor for item in pledges.pledges} == seen
    imagery = await station.call(token, "ImageryService.ListImagery", parent=HOME)
    assert names_of(imagery.imagery) == {images[state] for state in seen}
    assert all(
        "PARTLY_UNSEARCHED" in {finding.code for finding in item.findings}
        for item in imagery.imagery
    )
    account = await station.call(token, "PledgeService.AccountForPledges", parent=HOME, **A_YEAR)
    assert {item.contributor for item in account.accounts} == seen
    incidents = await station.call(token, "IncidentService.ListIncidents", parent=HOME)
    assert {item.name for item in incidents.incidents} == {
        station.incidents[state] for state in seen
    }
    events = await station.call(
        token, "IncidentService.SubscribeIncidents", parent=HOME, replay_only=True
    )
    assert {event.incident.name for event in events} == {station.incidents[state] for state in seen}
    detections = await station.call(token, "DetectionService.ListDetections", parent=HOME)
    assert len(detections.detections) == len(seen)
    for state, image in images.items():
        for rpc, fields in (
            ("ImageryService.GetImagery", {"name": f"{HOME}/imagery/{image}"}),
            ("IncidentService.GetIncident", {"name": station.incidents[state]}),
            ("PledgeService.GetPledge", {"name": f"{HOME}/pledges/{state.lower()}-uas-1"}),
            ("ProductService.ListProducts", {"parent": f"{HOME}/imagery/{image}"}),
            (
                "ProductService.DownloadProduct",
                {"name": f"{HOME}/imagery/{image}/products/overlay"},
            ),
            ("ProductService.GetProduct", {"name": f"{station.incidents[state]}/products/geojson"}),
        ):
            if state in seen:
                assert await station.call(token, rpc, **fields), rpc
            else:
                with pytest.raises(RemoteError) as refused:
                    await station.call(token, rpc, **fields)
                assert refused.value.code is grpc.StatusCode.NOT_FOUND, rpc
    if len(seen) == 1:
        with pytest.raises(RemoteError) as hidden:
            await station.call(token, "IncidentService.GetIncident", name=station.incidents["SWE"])
        with pytest.raises(RemoteError) as missing:
            await station.call(
                token, "IncidentService.GetIncident", name=f"{HOME}/incidents/{uuid.UUID(int=5)}"
            )
        # Hidden and not there are told in the same words.
        wanted = station.incidents["SWE"].rpartition("/")[2]
        assert str(hidden.value).replace(wanted, str(uuid.UUID(int=5))) == str(missing.value)


async def test_a_page_is_cut_after_what_is_hidden_was_left_out(station: Any) -> None:
    token = await station.credential("analyst-1", "analyst", "UNCLASSIFIED")
    # The Swedish imagery is newer and would fill the first page.
    page = await station.call(token, "ImageryService.ListImagery", parent=HOME, page_size=1)
    assert (names_of(page.imagery), page.next_page_token) == ({"image-0000"}, "")


async def test_a_mission_that_is_not_ones_own_is_as_one_that_is_not(station: Any) -> None:
    token = await station.credential(
        "analyst-2", "analyst", "STRICTLY_CONFIDENTIAL", missions=["missions/minusca"]
    )
    told = []
    for mission in ("unmiss", "nowhere"):
        parent = f"missions/{mission}"
        for rpc, fields in (
            ("IncidentService.ListIncidents", {"parent": parent}),
            ("IncidentService.SubscribeIncidents", {"parent": parent, "replay_only": True}),
            ("PositionService.GetPosition", {"name": f"{parent}/positions/post-1"}),
            ("ProductService.ListProducts", {"parent": f"{parent}/imagery/image-0000"}),
            ("RuleService.ListRules", {"parent": parent}),
        ):
            with pytest.raises(RemoteError) as refused:
                await station.call(token, rpc, **fields)
            assert refused.value.code is grpc.StatusCode.NOT_FOUND
            told.append(str(refused.value).replace(mission, "X"))
    assert told[:5] == told[5:]
    # Nothing of it is in the chain of the mission; that of the installation tells who tried.
    assert all(actor != "analyst-2" for actor, *_ in station.chain())
    tries = [entry for entry in station.chain(INSTALLATION) if entry[0] == "analyst-2"]
    assert [outcome for *_, outcome in tries] == ["refused"] * 10


async def test_a_release_takes_two_persons_and_opens_one_incident_to_its_recipient(
    station: Any, objects: ObjectStore
) -> None:
    first = await station.credential("lt-berg", "operator", "STRICTLY_CONFIDENTIAL")
    second = await station.credential("maj-lund", "operator", "STRICTLY_CONFIDENTIAL")
    outside = await station.credential("host-lo", "liaison", "CONFIDENTIAL", recipient="host state")
    low = await station.credential("host-2", "liaison", "UNCLASSIFIED", recipient="host state")
    name = station.incidents["SWE"]

    async def seen(token: str) -> list[str]:
        listed = await station.call(token, "IncidentService.ListIncidents", parent=HOME)
        events = await station.call(
            token, "IncidentService.SubscribeIncidents", parent=HOME, replay_only=True
        )
        assert {item.name for item in listed.incidents} == {event.incident.name for event in events}
        return [item.name for item in listed.incidents]

    async def release(token: str, revision: int, recipient: str = "host state") -> Any:
        return await station.call(
            token,
            "IncidentService.ReleaseIncident",
            name=name,
            recipient=recipient,
            reason="their patrol is near",
            revision=revision,
        )

    proposed = await release(first, 1)
    assert [item.approved_by for item in proposed.releases] == [""]
    assert proposed.revision == 2
    assert await seen(outside) == []
    with pytest.raises(RemoteError, match="another person has to approve") as refused:
        await release(first, 2)
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.reason == "SECOND_PERSON_NEEDED"
    with pytest.raises(RemoteError) as refused:
        await release(second, 1)
    assert refused.value.code is grpc.StatusCode.ABORTED
    # To somebody else it is another proposal.
    await release(second, 2, "an NGO")
    released = await release(second, 3)
    assert [(item.recipient, item.proposed_by, item.approved_by) for item in released.releases] == [
        ("host state", "lt-berg", "maj-lund"),
        ("an NGO", "maj-lund", ""),
    ]
    assert await seen(outside) == [name]
    # Its clearance holds all the same.
    assert await seen(low) == []
    own = await station.call(outside, "IncidentService.GetIncident", name=name)
    # Of what others were told it learns nothing.
    assert [item.recipient for item in own.releases] == ["host state"]
    assert await station.call(outside, "ProductService.ListProducts", parent=name)
    # Its chip is cut from the original, which is theirs to see in no other way.
    data = b"bytes 1"
    sha256 = hashlib.sha256(data).hexdigest()
    objects.put_verified(
        original_key("unmiss", sha256), data, sha256=sha256, content_type="image/jpeg"
    )
    for token in (first, outside):
        with pytest.raises(RemoteError) as refused:
            await station.call(token, "IncidentService.GetIncidentChip", name=name)
        assert refused.value.reason == "UNREADABLE_IMAGE"
    for rpc, fields in (
        ("IncidentService.GetIncident", {"name": station.incidents["NOR"]}),
        ("IncidentService.GetIncidentChip", {"name": station.incidents["NOR"]}),
        ("ProductService.ListProducts", {"parent": f"{HOME}/imagery/image-0001"}),
        ("ProductService.DownloadProduct", {"name": f"{HOME}/imagery/image-0001/products/overlay"}),
    ):
        with pytest.raises(RemoteError) as refused:
            await station.call(outside, rpc, **fields)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND, rpc
    with pytest.raises(RemoteError, match="host state") as refused:
        await release(first, 4)
    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS
    with pytest.raises(RemoteError) as refused:
        await station.call(outside, "PositionService.ListPositions", parent=HOME)
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    told = [entry for entry in station.chain() if entry[1] == "IncidentService.ReleaseIncident"]
    # What was stale leaves nothing; who tried to be two persons, or to do it once more, does.
    assert [(actor, outcome) for actor, _, _, outcome in told] == [
        ("lt-berg", "done"),
        ("lt-berg", "refused"),
        ("maj-lund", "done"),
        ("maj-lund", "done"),
        ("lt-berg", "refused"),
    ]


async def test_a_pledge_keeps_the_chip_from_whom_its_incident_was_released_to(
    station: Any, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await station.credential("lt-berg", "operator", "STRICTLY_CONFIDENTIAL")
    second = await station.credential("maj-lund", "operator", "STRICTLY_CONFIDENTIAL")
    outside = await station.credential("host-lo", "liaison", "CONFIDENTIAL", recipient="host state")
    name = station.incidents["SWE"]
    for token, revision in ((first, 1), (second, 2)):
        await station.call(
            token,
            "IncidentService.ReleaseIncident",
            name=name,
            recipient="host state",
            reason="their patrol is near",
            revision=revision,
        )
    data = b"bytes 1"
    sha256 = hashlib.sha256(data).hexdigest()
    objects.put_verified(
        original_key("unmiss", sha256), data, sha256=sha256, content_type="image/jpeg"
    )

    async def chip(token: str) -> str:
        with pytest.raises(RemoteError) as refused:
            await station.call(token, "IncidentService.GetIncidentChip", name=name)
        return refused.value.reason

    # Whoever may see it gets as far as the bytes, which are no picture.
    assert await chip(outside) == await chip(first) == "UNREADABLE_IMAGE"
    plain = station.ledger.get_incident

    def kept(*asked: Any, **more: Any) -> Any:
        """As of a frame that came under a pledge with this caveat."""
        return replace(plain(*asked, **more), caveats=frozenset({Caveat.NO_IMAGERY}))

    monkeypatch.setattr(station.ledger, "get_incident", kept)
    assert await chip(outside) == "PERMISSION_DENIED"
    assert await chip(first) == "UNREADABLE_IMAGE"
    # The incident itself is theirs still, in words.
    shown = await station.call(outside, "IncidentService.GetIncident", name=name)
    assert list(shown.caveats) == [pledge_pb2.CAVEAT_NO_IMAGERY]


async def test_a_decision_beyond_ones_clearance_is_on_nothing(station: Any) -> None:
    token = await station.credential("lt-berg", "operator", "UNCLASSIFIED")
    for rpc, fields in (
        ("IncidentService.DecideIncident", {"verdict": incident_pb2.VERDICT_CONFIRMED}),
        ("IncidentService.ReleaseIncident", {"recipient": "x", "reason": "y"}),
    ):
        with pytest.raises(RemoteError) as refused:
            await station.call(token, rpc, name=station.incidents["SWE"], revision=1, **fields)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_a_dismissal_needs_a_code_and_the_decision_tells_it(station: Any) -> None:
    token = await station.credential("lt-berg", "operator", "CONFIDENTIAL")

    async def dismiss(**fields: Any) -> Any:
        return await station.call(
            token,
            "IncidentService.DecideIncident",
            name=station.incidents["NOR"],
            verdict=incident_pb2.VERDICT_DISMISSED,
            revision=1,
            **fields,
        )

    with pytest.raises(RemoteError, match="vegetation, animal, own_forces"):
        await dismiss(reason="a shrub")
    with pytest.raises(RemoteError, match="what else it was"):
        await dismiss(reason_code=incident_pb2.REASON_CODE_OTHER)
    decided = await dismiss(reason_code=incident_pb2.REASON_CODE_VEGETATION)
    assert decided.decision.reason_code == incident_pb2.REASON_CODE_VEGETATION
    assert decided.decision.decided_by == "lt-berg"
    (entry,) = [entry for entry in station.ledger.audit_entries(HOME) if "Decide" in entry.action]
    assert '"reason_code":"REASON_CODE_VEGETATION"' in entry.detail


async def test_a_pledge_that_is_there_otherwise_is_told_as_refused_and_once(station: Any) -> None:
    token = await station.credential("lt-berg", "operator", "CONFIDENTIAL")

    async def pledge(capability: str) -> Any:
        return await station.call(
            token,
            "PledgeService.CreatePledge",
            parent=HOME,
            pledge_id="den-uas-1",
            pledge=pledge_pb2.Pledge(
                contributor="DNK",
                capability=capability,
                platform="a drone",
                marking=pledge_pb2.MARKING_UNCLASSIFIED,
            ),
        )

    await pledge("small UAS")
    with pytest.raises(RemoteError, match="exists and differs"):
        await pledge("large UAS")
    # The same promise again is the first.
    await pledge("small UAS")
    refusal = A_REFUSAL | {"parent": f"{HOME}/pledges/den-uas-1"}
    await station.call(token, "PledgeService.RecordRefusal", **refusal)
    other = pledge_pb2.Refusal()
    other.CopyFrom(NO_OVERFLIGHT)
    other.reason = "weather"
    with pytest.raises(RemoteError, match="another refusal"):
        await station.call(token, "PledgeService.RecordRefusal", **refusal | {"refusal": other})
    told = [entry for entry in station.chain() if entry[0] == "lt-berg"]
    assert [(action.rpartition(".")[2], outcome) for _, action, _, outcome in told] == [
        ("CreatePledge", "done"),
        ("CreatePledge", "refused"),
        ("CreatePledge", "done"),
        ("RecordRefusal", "done"),
        ("RecordRefusal", "refused"),
    ]


async def test_polling_is_counted_and_who_saw_an_incident_is_told_each_time(station: Any) -> None:
    token = await station.credential("lt-berg", "operator", "CONFIDENTIAL")
    incident = station.incidents["NOR"]
    for _ in range(20):
        await station.call(token, "ImageryService.ListImagery", parent=HOME)
        await station.call(token, "PledgeService.GetPledge", name=f"{HOME}/pledges/nor-uas-1")
        await station.call(token, "IncidentService.GetIncident", name=incident)
        await station.call(token, "ProductService.ListProducts", parent=incident)
        await station.call(token, "IncidentService.ListIncidents", parent=HOME, page_size=1)
    told = Counter(action for actor, action, *_ in station.chain() if actor == "lt-berg")
    assert told == {
        "ImageryService.ListImagery": 1,
        "PledgeService.GetPledge": 1,
        "IncidentService.GetIncident": 20,
        "ProductService.ListProducts": 20,
        "IncidentService.ListIncidents": 20,
    }
    # An export of the audit is told once, its further pages with it.
    for _ in range(2):
        for after in (0, 10, 20, 30):
            await station.call(
                station.first_token,
                "AuditService.ListAuditEntries",
                parent=HOME,
                after=after,
                page_size=10,
            )
    exports = [entry for entry in station.chain(INSTALLATION) if "ListAudit" in entry[1]]
    assert len(exports) == 2 + 1
