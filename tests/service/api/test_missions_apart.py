"""What one mission has, no name of another reaches; and no field of any request breaks anything."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from PIL import Image
from vedette.v1 import (
    access_pb2,
    audit_pb2,
    detection_pb2,
    imagery_pb2,
    incident_pb2,
    model_pb2,
    negative_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)

from models.detections import Detections
from models.errors import InvalidInputError, VedetteError
from pipelines.assessment import Assessment, ProductKind, ShadowLook
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.rule import DEFAULT_RULE
from service.api.access import AccessService
from service.api.audit import AuditService
from service.api.detection import DetectionService
from service.api.hard_negative import HardNegativeService
from service.api.imagery import ImageryService
from service.api.incident import IncidentService
from service.api.model import ModelService
from service.api.pledge import PledgeService
from service.api.position import PositionService
from service.api.product import ProductService
from service.api.rule import RuleService
from service.audit_heads import AuditHeads
from service.errors import AlreadyExistsError, NotFoundError, StaleRevisionError
from service.events import ChangeHub
from service.ingest import Ingest, IngestLimits
from service.ledger.hard_negatives import keep_negative
from service.ledger.records import (
    CutChip,
    Decision,
    ImageryRecord,
    IncidentRecord,
    PledgeRecord,
    ProductRecord,
)
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.spool import Spool

POST = position_pb2.GetPositionRequest(name="missions/unmiss/positions/post-1")
REQUEST_ID = str(uuid.UUID(int=0))
MODULES = (
    access_pb2,
    audit_pb2,
    detection_pb2,
    imagery_pb2,
    incident_pb2,
    model_pb2,
    negative_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)
METHODS = {
    f"{service.name}.{method.name}": (module, method)
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@dataclass(frozen=True, kw_only=True)
class House:
    """Every servicer over one ledger, where mission "unmiss" has one of everything."""

    services: dict[str, Any]
    imagery_id: str
    incident_id: str

    async def answers(self, method: str, request: Message) -> list[Any]:
        """All messages that a method answers; a stream of requests is one of them."""
        service, _, name = method.partition(".")
        behaviour = getattr(self.services[service], name)

        async def stream() -> AsyncIterator[Message]:
            yield request

        _, descriptor = METHODS[method]
        answer = behaviour(stream() if descriptor.client_streaming else request, None)
        if descriptor.server_streaming:
            return [each async for each in answer]
        return [await answer]

    def requests(self, mission: str) -> dict[str, Message]:
        """A request of every method by the names that its things would have in a mission."""
        parent = f"missions/{mission}"
        imagery = f"{parent}/imagery/{self.imagery_id}"
        incident = f"{parent}/incidents/{self.incident_id}"
        return {
            "AccessService.CreateCredential": access_pb2.CreateCredentialRequest(
                credential_id="lt-berg",
                credential=access_pb2.Credential(
                    role=access_pb2.ROLE_ANALYST,
                    missions=[parent],
                    clearance=pledge_pb2.MARKING_UNCLASSIFIED,
                ),
            ),
            "AccessService.ListCredentials": access_pb2.ListCredentialsRequest(),
            "AccessService.RevokeCredential": access_pb2.RevokeCredentialRequest(
                name="credentials/lt-berg"
            ),
            "AccessService.GetCaller": access_pb2.GetCallerRequest(),
            "AuditService.ListAuditChains": audit_pb2.ListAuditChainsRequest(),
            "AuditService.ListAuditEntries": audit_pb2.ListAuditEntriesRequest(parent=parent),
            "HardNegativeService.ListHardNegatives": negative_pb2.ListHardNegativesRequest(
                parent=parent
            ),
            "HardNegativeService.GetHardNegative": negative_pb2.GetHardNegativeRequest(
                name=f"{parent}/negatives/{self.incident_id}"
            ),
            "DetectionService.ListDetections": detection_pb2.ListDetectionsRequest(parent=parent),
            "ImageryService.SubmitImagery": imagery_pb2.SubmitImageryRequest(
                header=imagery_pb2.SubmissionHeader(
                    pledge=f"{parent}/pledges/nor-uas-1",
                    sortie="s",
                    file_name="a.jpg",
                    size_bytes=1001,
                    sha256="0" * 64,
                    request_id=str(uuid.UUID(int=9)),
                )
            ),
            "ImageryService.GetSubmission": imagery_pb2.GetSubmissionRequest(
                parent=parent, request_id=REQUEST_ID
            ),
            "ImageryService.GetImagery": imagery_pb2.GetImageryRequest(name=imagery),
            "ImageryService.ListImagery": imagery_pb2.ListImageryRequest(parent=parent),
            "ImageryService.WatchImagery": imagery_pb2.WatchImageryRequest(name=imagery),
            "IncidentService.GetIncident": incident_pb2.GetIncidentRequest(name=incident),
            "IncidentService.ListIncidents": incident_pb2.ListIncidentsRequest(parent=parent),
            "IncidentService.SubscribeIncidents": incident_pb2.SubscribeIncidentsRequest(
                parent=parent, replay_only=True
            ),
            "IncidentService.DecideIncident": incident_pb2.DecideIncidentRequest(
                name=incident, verdict=incident_pb2.VERDICT_CONFIRMED, revision=1
            ),
            "IncidentService.ReleaseIncident": incident_pb2.ReleaseIncidentRequest(
                name=incident, recipient="host state", reason="near", revision=1
            ),
            "IncidentService.GetIncidentChip": incident_pb2.GetIncidentChipRequest(name=incident),
            "IncidentService.ListSuppressions": incident_pb2.ListSuppressionsRequest(parent=parent),
            "ModelService.ListModels": model_pb2.ListModelsRequest(),
            "ModelService.GetModel": model_pb2.GetModelRequest(name="models/vedette-n"),
            "ModelService.ActivateModel": model_pb2.ActivateModelRequest(name="models/vedette-n"),
            "ModelService.RollbackModel": model_pb2.RollbackModelRequest(),
            "ModelService.GetModelsInForce": model_pb2.GetModelsInForceRequest(),
            "ModelService.ListModelChanges": model_pb2.ListModelChangesRequest(),
            "ModelService.CompareModels": model_pb2.CompareModelsRequest(parent=parent),
            "PledgeService.CreatePledge": pledge_pb2.CreatePledgeRequest(
                parent=parent,
                pledge_id="other",
                pledge=pledge_pb2.Pledge(
                    contributor="SWE", marking=pledge_pb2.MARKING_UNCLASSIFIED
                ),
            ),
            "PledgeService.MovePledge": pledge_pb2.MovePledgeRequest(
                name=f"{parent}/pledges/nor-uas-1",
                state=pledge_pb2.PLEDGE_STATE_REGISTERED,
                reason="papers are in",
                revision=1,
            ),
            "PledgeService.ListPledgeMoves": pledge_pb2.ListPledgeMovesRequest(
                parent=f"{parent}/pledges/nor-uas-1"
            ),
            "PledgeService.RecordRefusal": pledge_pb2.RecordRefusalRequest(
                parent=f"{parent}/pledges/nor-uas-1",
                refusal=pledge_pb2.Refusal(
                    refused_by="host state",
                    reason="no overflight",
                    planned_time=Timestamp(seconds=1_700_000_000),
                ),
                request_id=str(uuid.UUID(int=8)),
            ),
            "PledgeService.AccountForPledges": pledge_pb2.AccountForPledgesRequest(
                parent=parent,
                start_time=Timestamp(seconds=1_767_225_600),
                end_time=Timestamp(seconds=4_102_444_800),
            ),
            "PledgeService.GetPledge": pledge_pb2.GetPledgeRequest(
                name=f"{parent}/pledges/nor-uas-1"
            ),
            "PledgeService.ListPledges": pledge_pb2.ListPledgesRequest(parent=parent),
            "PositionService.CreatePosition": position_pb2.CreatePositionRequest(
                parent=parent,
                position_id="other",
                position=position_pb2.Position(
                    kind=position_pb2.POSITION_KIND_POST, latitude_deg=4.0, longitude_deg=30.0
                ),
            ),
            "PositionService.GetPosition": position_pb2.GetPositionRequest(
                name=f"{parent}/positions/post-1"
            ),
            "PositionService.ListPositions": position_pb2.ListPositionsRequest(parent=parent),
            "PositionService.DeletePosition": position_pb2.DeletePositionRequest(
                name=f"{parent}/positions/post-1"
            ),
            "PositionService.UpdatePosition": position_pb2.UpdatePositionRequest(
                position=position_pb2.Position(
                    name=f"{parent}/positions/post-1",
                    kind=position_pb2.POSITION_KIND_POST,
                    latitude_deg=4.0,
                    longitude_deg=30.0,
                )
            ),
            "PositionService.StreamPatrol": position_pb2.StreamPatrolRequest(
                patrol=f"{parent}/positions/patrol-1", sequence=1
            ),
            "PositionService.ImportPositions": position_pb2.ImportPositionsRequest(
                header=position_pb2.ImportHeader(parent=parent)
            ),
            "ProductService.ListProducts": product_pb2.ListProductsRequest(parent=imagery),
            "ProductService.GetProduct": product_pb2.GetProductRequest(
                name=f"{imagery}/products/geojson"
            ),
            "ProductService.DownloadProduct": product_pb2.DownloadProductRequest(
                name=f"{imagery}/products/geojson"
            ),
            "RuleService.ListRules": rule_pb2.ListRulesRequest(parent=parent),
            "RuleService.SetRule": rule_pb2.SetRuleRequest(
                rule=rule_pb2.Rule(
                    name=f"{parent}/rules/near",
                    categories=["car"],
                    position_kinds=[position_pb2.POSITION_KIND_POST],
                    radius_m=100,
                    min_confidence=0.3,
                    possible_probability=0.2,
                    alert_probability=0.8,
                )
            ),
            "RuleService.GetRule": rule_pb2.GetRuleRequest(name=f"{parent}/rules/mine"),
            "RuleService.DeleteRule": rule_pb2.DeleteRuleRequest(name=f"{parent}/rules/mine"),
            "RuleService.ListRuleRevisions": rule_pb2.ListRuleRevisionsRequest(
                name=f"{parent}/rules/mine"
            ),
            "RuleService.PreviewRule": rule_pb2.PreviewRuleRequest(
                parent=parent,
                rule=rule_pb2.Rule(
                    name=f"{parent}/rules/near",
                    categories=["car"],
                    radius_m=100,
                    possible_probability=0.2,
                    alert_probability=0.8,
                    hours=rule_pb2.RuleHours(start="18:00", end="06:00"),
                ),
                since=Timestamp(seconds=1_700_000_000),
                until=Timestamp(seconds=1_700_086_400),
            ),
        }


# Methods that list, and so answer with nothing; those that make something in the mission named.
LISTS = {
    "DetectionService.ListDetections",
    "HardNegativeService.ListHardNegatives",
    "IncidentService.ListSuppressions",
    "PledgeService.AccountForPledges",
    "ImageryService.ListImagery",
    "IncidentService.ListIncidents",
    "IncidentService.SubscribeIncidents",
    "PledgeService.ListPledges",
    "PositionService.ListPositions",
    "RuleService.ListRules",
}
MAKES = {
    "PledgeService.CreatePledge",
    "PositionService.CreatePosition",
    "PositionService.ImportPositions",
    "RuleService.SetRule",
}


# What mission "unmiss" has none of, and what belongs to no mission.
EMPTY = {
    "IncidentService.ListSuppressions",
    "PledgeService.ListPledgeMoves",
    "PositionService.DeletePosition",
    "RuleService.DeleteRule",
}
OF_NO_MISSION = ("AccessService.", "AuditService.", "ModelService.")


@pytest.fixture
def house(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
    tmp_path: Path,
) -> Iterator[House]:
    ledger = sqlite_ledger
    ledger.create_pledge(pledge)
    post = Position(
        position_id="post-1",
        display_name="Post 1",
        kind=PositionKind.POST,
        latitude_deg=4.0,
        longitude_deg=30.0,
    )
    ledger.create_position("unmiss", post, now)
    patrol = replace(post, position_id="patrol-1", kind=PositionKind.PATROL, sigma_m=50.0)
    ledger.create_position("unmiss", patrol, now)
    ledger.set_rule("unmiss", replace(DEFAULT_RULE, rule_id="mine"), now)
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    data, sha256 = out.getvalue(), hashlib.sha256(out.getvalue()).hexdigest()
    objects.put_verified(
        original_key("unmiss", sha256), data, sha256=sha256, content_type="image/png"
    )
    image = replace(make_imagery(0), sha256=sha256, size_bytes=len(data))
    record, _ = ledger.accept_imagery(image, REQUEST_ID, now)
    lease = ledger.lease_job("w", now, 60)
    assert lease is not None
    stored = ProductRecord(
        mission_id="unmiss",
        imagery_id=record.imagery_id,
        kind=ProductKind.GEOJSON,
        media_type="application/geo+json",
        file_name="a.geojson",
        object_key="missions/unmiss/imagery/a",
        size_bytes=2,
        sha256="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        created_at=now,
        marking=record.marking,
    )
    objects.put_verified(
        stored.object_key, b"{}", sha256=stored.sha256, content_type=stored.media_type
    )
    assessment = make_assessment((4.001, 30.001))
    shadow = ShadowLook(
        detector=assessment.detector, detections=Detections.empty(), categories=(), agreement={}
    )
    (event,) = ledger.finish_job(lease, replace(assessment, shadow=shadow), [stored], now=now)
    put_negative(ledger, event.record, stored, now)
    ingest = Ingest(ledger, objects, Spool(tmp_path / "spool"), IngestLimits())
    hub = ChangeHub(ledger.change_token)
    yield House(
        services={
            "AccessService": AccessService(ledger),
            "AuditService": AuditService(ledger, AuditHeads(tmp_path / "audit-heads.json")),
            "DetectionService": DetectionService(ledger),
            "HardNegativeService": HardNegativeService(ledger, objects),
            "ImageryService": ImageryService(ledger, ingest, hub),
            "IncidentService": IncidentService(ledger, objects, hub),
            "ModelService": ModelService(ledger, tmp_path / "models", "vedette-n", lambda: ""),
            "PledgeService": PledgeService(ledger),
            "PositionService": PositionService(ledger),
            "ProductService": ProductService(ledger, objects),
            "RuleService": RuleService(ledger),
        },
        imagery_id=record.imagery_id,
        incident_id=event.record.incident.incident_id,
    )
    ingest.close()


def put_negative(
    ledger: Ledger, record: IncidentRecord, stored: ProductRecord, now: datetime
) -> None:
    """A hard negative with its chip, as a dismissal and a worker would leave it."""
    dismissed = Decision(
        verdict=Verdict.DISMISSED,
        reason="",
        decided_by="tester",
        decided_at=now,
        reason_code=ReasonCode.VEGETATION,
    )
    with ledger._writing() as connection:
        keep_negative(connection, replace(record, decision=dismissed))
    uncut = ledger.next_uncut()
    assert uncut is not None
    chip = CutChip(
        left_px=0,
        top_px=0,
        width_px=64,
        height_px=64,
        object_key=stored.object_key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
    )
    ledger.note_chip(uncut, chip)


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


def strings_of(message: Message, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of every string field that a client may fill, those of messages within included."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield (*path, field.name)
        elif (
            field.type == FieldDescriptor.TYPE_MESSAGE
            and not field.is_repeated
            and message.HasField(field.name)
        ):
            yield from strings_of(getattr(message, field.name), (*path, field.name))


NASTY = ("x" * 100_000, "a\x00b", "missions\n/unmiss", "\u202ea", "../..", "\ud7ff" * 300, "'; --")
# A reason that is accepted moves the incident on, beyond the revision that the next one names.
EXPECTED = (InvalidInputError, NotFoundError, AlreadyExistsError, StaleRevisionError)
# What the service itself fills in, and ignores from a client.
FILLED_IN = {
    "credential.created_by",
    "credential.name",
    "credential.revoked_by",
    "pledge.name",
    "position.name",
    "rule.set_by",
}


@pytest.mark.parametrize("method", METHODS)
async def test_no_string_of_any_request_breaks_anything(house: House, method: str) -> None:
    for path in strings_of(house.requests("unmiss")[method]):
        for text in NASTY:
            request = house.requests("unmiss")[method]
            holder: Any = request
            for name in path[:-1]:
                holder = getattr(holder, name)
            field = holder.DESCRIPTOR.fields_by_name[path[-1]]
            if field.is_repeated:
                getattr(holder, path[-1]).append(text)
            else:
                setattr(holder, path[-1], text)
            told = await refusal_of(house, method, request)
            if told is None:
                refused = len(text) > 1000 or "\x00" in text or "\n" in text
                assert not refused or ".".join(path) in FILLED_IN, (path, text[:20])
            else:
                assert isinstance(told, EXPECTED), (path, text[:9], told)
                # It goes into a header of limited size, and must not carry the field whole.
                assert len(str(told)) < 1000, path


async def refusal_of(house: House, method: str, request: Message) -> VedetteError | None:
    """The error that a request is answered with; any other than Vedette's own fails the test."""
    try:
        await house.answers(method, request)
    except VedetteError as error:
        return error
    return None


@pytest.mark.parametrize("left_out", ["latitude_deg", "longitude_deg"])
async def test_a_position_without_a_place_is_refused(house: House, left_out: str) -> None:
    request = house.requests("unmiss")["PositionService.CreatePosition"]
    request.position.ClearField(left_out)  # type: ignore[attr-defined]
    with pytest.raises(InvalidInputError, match="required") as caught:
        await house.answers("PositionService.CreatePosition", request)
    assert caught.value.field == f"position.{left_out}"


async def test_events_that_were_never_there_are_refused(house: House) -> None:
    method = "IncidentService.SubscribeIncidents"
    request = incident_pb2.SubscribeIncidentsRequest(
        parent="missions/unmiss", since=1, replay_only=True
    )
    assert await house.answers(method, request) == []
    request.since = 2
    with pytest.raises(InvalidInputError, match="last event of this mission is number 1") as caught:
        await house.answers(method, request)
    assert caught.value.field == "since"
